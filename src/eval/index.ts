export { evaluate, evaluateWithError, type Bounded, type Evaluated } from "./evaluate.ts";
export type { GivenArray, Inputs } from "./arrays.ts";
export type { Arithmetic } from "./arithmetic.ts";
