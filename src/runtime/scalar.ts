/**
 * Scalar mathematics in doubles: one function per operation of the loop IR, shared by generated modules and by the
 * reference interpreter. Where JavaScript's `Math` has the operation with the conventions of C99, it is that function.
 */
import type { BinaryOp, UnaryOp } from "../loop/types.ts";
import { erf, erfc } from "./erf.ts";
import { round } from "./round.ts";

export { erf, erfc, round };

/** 1 / (1 + e⁻ˣ), of full relative accuracy also where it underflows. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** log(1 + eˣ) without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** ⌊a / b⌋: for floats of the rounded quotient; exact for integers below 2⁵³. */
export function floordiv(a: number, b: number): number {
  return Math.floor(a / b);
}

/** a − b ⌊a / b⌋: of the sign of b; exact for integers whose products stay below 2⁵³. */
export function mod(a: number, b: number): number {
  return a - b * Math.floor(a / b);
}

/** C99's pow: 1 to any power is 1, also NaN; (−1)^±∞ is 1. Elsewhere JavaScript agrees. */
export function pow(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

/** What each unary operation means in doubles. `sign` gives a zero its own sign, and NaN for NaN. */
export const UNARY: { readonly [Op in UnaryOp]: (x: number) => number } = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  round,
  trunc: Math.trunc,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  erfc,
  sigmoid,
  softplus,
};

/** What each binary operation means in doubles. `max` and `min` are NaN if an argument is. */
export const BINARY: { readonly [Op in BinaryOp]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  floordiv,
  mod,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
  pow,
  atan2: Math.atan2,
  hypot: (a, b) => Math.hypot(a, b),
};
