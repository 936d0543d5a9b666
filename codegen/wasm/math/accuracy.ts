/** What the vector functions promise, in units in the last place of the exact result. */
import type { PerLaneType } from "./coefficients.ts";
import type { MathFunction } from "./index.ts";

/**
 * |computed − exact| / ulp(exact) at most; a denormal's ulp is the smallest denormal. There is no restriction on the
 * arguments: sin, cos and tan reduce theirs exactly up to the largest number (up to 2²⁰ in vectors, beyond by lane).
 *
 * f32: docs/accuracy.md says how many inputs of the functions of one argument were compared; those of two were compared
 * on samples of all binades. f64: compared with values of higher precision on samples of 20,000
 * (exp, log, sin, cos, acos, atan, erf, pow, hypot) or 150,000 arguments over all binades and the regions where a
 * function is neither trivial nor saturated; a few hundred of them are in the tests.
 */
export const ERROR_BOUND: { readonly [K in MathFunction]: PerLaneType<number> } = {
  exp: { f32: 1, f64: 1 },
  expm1: { f32: 2, f64: 2 },
  log: { f32: 1, f64: 1 },
  log1p: { f32: 2, f64: 2 },
  sigmoid: { f32: 2, f64: 2 },
  softplus: { f32: 3, f64: 2 },
  sinh: { f32: 2, f64: 2 },
  cosh: { f32: 2, f64: 2 },
  tanh: { f32: 2, f64: 2 },
  asinh: { f32: 2, f64: 2 },
  acosh: { f32: 2, f64: 2 },
  atanh: { f32: 1, f64: 2 },
  sin: { f32: 2, f64: 1 },
  cos: { f32: 2, f64: 1 },
  tan: { f32: 2, f64: 2 },
  asin: { f32: 2, f64: 2 },
  acos: { f32: 2, f64: 2 },
  atan: { f32: 2, f64: 2 },
  atan2: { f32: 3, f64: 2 },
  hypot: { f32: 1, f64: 2 },
  erf: { f32: 2, f64: 2 },
  erfc: { f32: 1, f64: 4 },
  pow: { f32: 1, f64: 2 },
};

/** What the `fast` formulas promise, for f32 results up to 2^127.5 (beyond may be ∞) that are no denormals (which may be 0). */
export const FAST_BOUND = {
  /** Of erf and erfc: |computed − exact|. */
  absolute: 2e-7,
  /** Of the others, in units in the last place. */
  ulps: 4,
} as const;

/** The size of the last place of a number of the type; for an overflowing one that of the largest number. */
export function ulp(x: number, dtype: keyof PerLaneType<number>): number {
  const { digits, lowest, highest } = dtype === "f32" ? ULP.f32 : ULP.f64;
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  // log2 may round up to a power of two that x does not reach.
  const exact = 2 ** exponent > Math.abs(x) ? exponent - 1 : exponent;
  return 2 ** (Math.min(Math.max(exact, lowest), highest) - digits);
}

const ULP = {
  f32: { digits: 23, lowest: -126, highest: 127 },
  f64: { digits: 52, lowest: -1022, highest: 1023 },
} as const;
