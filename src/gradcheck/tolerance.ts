/** What is allowed in each number format: the one table of tolerances. */
import type { Arithmetic } from "../eval/index.ts";

export type Format = "f64" | "f32" | "f16" | "bf16";

export interface Tolerance {
  /** f16 and bf16 are formats of storage: their arithmetic is that of f32, their results are rounded once more. */
  readonly arithmetic: Arithmetic;
  /** Half the distance from 1 to the next number of the format in memory. */
  readonly storage: number;
  /** How many times the first-order error bound a result may be off: what the first order leaves out. */
  readonly boundFactor: number;
  /** The longest step of central differences, for arguments of size 1. */
  readonly step: number;
  /** How far a derivative may be off numerical ones in the format, beside their own error estimate, of the largest element. */
  readonly numerical: number;
}

const F64: Arithmetic = { unitRoundoff: 2 ** -53, underflow: 2 ** -1074, largest: Number.MAX_VALUE };

const F32: Arithmetic = { unitRoundoff: 2 ** -24, underflow: 2 ** -149, largest: 3.4028234663852886e38 };

export const TOLERANCES: { readonly [K in Format]: Tolerance } = {
  f64: { arithmetic: F64, storage: 2 ** -53, boundFactor: 2, step: 2 ** -10, numerical: 1e-10 },
  f32: { arithmetic: F32, storage: 2 ** -24, boundFactor: 2, step: 2 ** -5, numerical: 1e-3 },
  f16: { arithmetic: F32, storage: 2 ** -11, boundFactor: 2, step: 2 ** -3, numerical: 2e-2 },
  bf16: { arithmetic: F32, storage: 2 ** -8, boundFactor: 2, step: 2 ** -2, numerical: 1e-1 },
};

/** Where an intermediate overflows and no bound is finite, so much of the value. */
const UNBOUNDED = 2 ** -10;

/** What a value may be off in a format, for the error bound of its computation. */
export const allowedError = (format: Format, value: number, bound: number): number => {
  const { arithmetic, storage, boundFactor } = TOLERANCES[format];
  const size = Math.abs(value);
  if (size > arithmetic.largest) return Infinity;
  return (
    (bound === Infinity ? UNBOUNDED * size : boundFactor * bound) + size * storage + arithmetic.underflow
  );
};
