/**
 * The operations of the loop IR, in doubles, that JavaScript's `Math` does not have with the conventions of C99: for generated
 * modules and for the reference interpreter.
 */
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
