/**
 * Scalar mathematics in doubles: one function per operation of the loop IR. Where JavaScript's `Math` has the operation with the
 * conventions of C99, it is that function.
 */
import type { BinaryOp, UnaryOp } from "../loop/types.ts";
import { erf, erfc, floordiv, mod, pow, round, sigmoid, softplus } from "../runtime/scalar.ts";

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
