export {
  evaluate,
  evaluateWithError,
  evaluateWithSelections,
  type Bounded,
  type Evaluated,
} from "./evaluate.ts";
export { bindDims, type GivenArray, type Inputs } from "./arrays.ts";
export type { Arithmetic } from "./arithmetic.ts";
export { extentOf } from "./indexing.ts";
