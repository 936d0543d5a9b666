/**
 * How far the scalar functions carry an error of their arguments, and how many roundings (halves of a unit in the last
 * place) they may add: for running error bounds. The derivatives are plain numbers; z is the function's value.
 */
import type { BinaryOp, UnaryOp } from "../ir/index.ts";
import { UNARY } from "./operations.ts";

interface UnarySensitivity {
  /** The error of the result for an error of the argument. */
  readonly derivative: (x: number, z: number) => number;
  readonly roundings: number;
}

interface BinarySensitivity {
  readonly first: (a: number, b: number, z: number) => number;
  readonly second: (a: number, b: number, z: number) => number;
  readonly roundings: number;
}

/** Functions with jumps: an error of an argument counts by what it changes, not by a derivative. */
export type Jumps = "jumps";

/** A function of at most two units in the last place. */
const FUNCTION = 4;
/** Those composed of several. */
const COMPOSED = 8;

const TWO_OVER_ROOT_PI = 1.1283791670955126;
const bell = (x: number): number => TWO_OVER_ROOT_PI * Math.exp(-x * x);
const one = (): number => 1;

export const UNARY_SENSITIVITY: { readonly [K in UnaryOp]: UnarySensitivity | Jumps } = {
  exp: { derivative: (_x, z) => z, roundings: FUNCTION },
  expm1: { derivative: (_x, z) => z + 1, roundings: FUNCTION },
  log: { derivative: (x) => 1 / x, roundings: FUNCTION },
  log1p: { derivative: (x) => 1 / (1 + x), roundings: FUNCTION },
  sin: { derivative: Math.cos, roundings: FUNCTION },
  cos: { derivative: Math.sin, roundings: FUNCTION },
  tan: { derivative: (_x, z) => 1 + z * z, roundings: FUNCTION },
  asin: { derivative: (x) => 1 / Math.sqrt((1 - x) * (1 + x)), roundings: FUNCTION },
  acos: { derivative: (x) => 1 / Math.sqrt((1 - x) * (1 + x)), roundings: FUNCTION },
  atan: { derivative: (x) => 1 / (1 + x * x), roundings: FUNCTION },
  sinh: { derivative: Math.cosh, roundings: FUNCTION },
  cosh: { derivative: Math.sinh, roundings: FUNCTION },
  tanh: { derivative: (_x, z) => (1 - z) * (1 + z), roundings: FUNCTION },
  asinh: { derivative: (x) => 1 / Math.hypot(1, x), roundings: FUNCTION },
  acosh: { derivative: (x) => 1 / Math.sqrt((x - 1) * (x + 1)), roundings: FUNCTION },
  atanh: { derivative: (x) => 1 / ((1 - x) * (1 + x)), roundings: FUNCTION },
  erf: { derivative: bell, roundings: FUNCTION },
  erfc: { derivative: bell, roundings: FUNCTION },
  sigmoid: { derivative: (x, z) => z * UNARY.sigmoid(-x), roundings: COMPOSED },
  softplus: { derivative: (x) => UNARY.sigmoid(x), roundings: COMPOSED },
  abs: { derivative: one, roundings: 0 },
  sign: "jumps",
  floor: "jumps",
  ceil: "jumps",
  round: "jumps",
  trunc: "jumps",
};

export const BINARY_SENSITIVITY: { readonly [K in BinaryOp]: BinarySensitivity | Jumps } = {
  pow: {
    first: (a, b) => b * UNARY.abs(a) ** (b - 1),
    second: (a, _b, z) => (z === 0 ? 0 : z * Math.log(Math.abs(a))),
    roundings: FUNCTION,
  },
  atan2: {
    first: (a, b) => b / (a * a + b * b),
    second: (a, b) => a / (a * a + b * b),
    roundings: FUNCTION,
  },
  hypot: {
    first: (a, _b, z) => (z === 0 ? 1 : a / z),
    second: (_a, b, z) => (z === 0 ? 1 : b / z),
    roundings: FUNCTION,
  },
  max: { first: one, second: one, roundings: 0 },
  min: { first: one, second: one, roundings: 0 },
  floordiv: "jumps",
  mod: "jumps",
};
