/** Reductions as accumulators of values and of bounds of their errors. */
import type { ReduceOp } from "../ir/index.ts";
import { isSmallWhole, productError, rounding, type Arithmetic } from "./arithmetic.ts";

export interface Accumulator {
  readonly start: () => void;
  readonly add: (value: number, error: number) => void;
  readonly value: () => number;
  readonly error: () => number;
}

/** Kernels sum in blocks and in several accumulators: no term takes part in more additions than this. */
const ADDITIONS = 64;

/** The sum with what rounding loses carried along (Neumaier), and the sum of magnitudes for the error. */
const sum = (arithmetic: Arithmetic | undefined): Accumulator => {
  let [total, lost, error, magnitude, count] = [0, 0, 0, 0, 0];
  let isExact = true;
  return {
    start: () => {
      [total, lost, error, magnitude, count] = [0, 0, 0, 0, 0];
      isExact = true;
    },
    add: (value, e) => {
      const next = total + value;
      lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
      total = next;
      error += e;
      magnitude += Math.abs(value);
      count++;
      if (arithmetic !== undefined)
        isExact &&= isSmallWhole(value, arithmetic) && isSmallWhole(magnitude, arithmetic);
    },
    value: () => (Number.isFinite(total) ? total + lost : total),
    error: () => {
      if (arithmetic === undefined || isExact) return error;
      return error + rounding(magnitude, Math.min(count, ADDITIONS), arithmetic);
    },
  };
};

const product = (arithmetic: Arithmetic | undefined): Accumulator => {
  let [total, error] = [1, 0];
  return {
    start: () => {
      [total, error] = [1, 0];
    },
    add: (value, e) => {
      if (arithmetic !== undefined) error = productError(total, error, value, e, arithmetic)[1];
      total *= value;
    },
    value: () => total,
    error: () => error,
  };
};

/** The largest value of `direction`·x; NaN if any value is. */
const extreme = (direction: 1 | -1): Accumulator => {
  let [best, error] = [-Infinity, 0];
  return {
    start: () => {
      [best, error] = [-Infinity, 0];
    },
    add: (value, e) => {
      best = Math.max(best, direction * value);
      error = Math.max(error, e);
    },
    value: () => direction * best,
    error: () => error,
  };
};

/** The place of the first largest value of `direction`·x; of the first NaN if there is one. */
const place = (direction: 1 | -1): Accumulator => {
  let [best, found, position] = [-Infinity, 0, 0];
  return {
    start: () => {
      [best, found, position] = [-Infinity, 0, 0];
    },
    add: (value) => {
      const candidate = direction * value;
      if (candidate > best || (Number.isNaN(candidate) && !Number.isNaN(best)))
        [best, found] = [candidate, position];
      position++;
    },
    value: () => found,
    error: () => 0,
  };
};

export const ACCUMULATORS: { readonly [K in ReduceOp]: (arithmetic: Arithmetic | undefined) => Accumulator } =
  {
    sum,
    prod: product,
    max: () => extreme(1),
    min: () => extreme(-1),
    maxfirst: () => extreme(1),
    minfirst: () => extreme(-1),
    argmax: () => place(1),
    argmin: () => place(-1),
  };

/** For a reduction that selects an element: the accumulator of its place. */
export const placeOf = (op: ReduceOp): Accumulator | undefined => PLACES[op]?.();

const PLACES: { readonly [K in ReduceOp]: (() => Accumulator) | undefined } = {
  sum: undefined,
  prod: undefined,
  max: () => place(1),
  min: () => place(-1),
  maxfirst: () => place(1),
  minfirst: () => place(-1),
  argmax: () => place(1),
  argmin: () => place(-1),
};
