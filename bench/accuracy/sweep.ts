/** A kernel in f32 against the same program in f64, over as many of the 2³² inputs as wanted. */
import { BLOCK, type Pair } from "./kernels.ts";
import { neighbouring, oneByOne } from "./reference.ts";

/** What the comparison of a function found. */
export interface Report {
  /** Inputs compared. */
  readonly count: number;
  /** The largest |f32 − f64| in units of the last place of the f64 value, at least ½; a denormal's unit is the least denormal. */
  readonly worst: number;
  /** An input where it occurs. */
  readonly at: number;
  /** Inputs with more than one ulp. */
  readonly overOne: number;
  /** Inputs where just one of the results is a NaN; is infinite; is zero (or both, and their signs differ). */
  readonly nan: number;
  readonly infinite: number;
  readonly zero: number;
}

/** 1 / ulp in f32 by the exponent bits of an f64 number; beyond the largest number as for it. */
const PER_ULP = Float64Array.from(
  { length: 2048 },
  (_, biased) => 2 ** (23 - Math.min(Math.max(biased - 1023, -126), 127)),
);

/** An infinite result counts as 2¹²⁸. */
const OVERFLOW = 2 ** 128;

const limited = (x: number): number => Math.min(Math.max(x, -OVERFLOW), OVERFLOW);

type Tally = { -readonly [K in keyof Report]: Report[K] };

/** The error of a result that is a NaN, an infinity or a zero, or whose reference is; these count where only one side is. */
const special = (tally: Tally, actual: number, exact: number): number => {
  if (Number.isNaN(actual) || Number.isNaN(exact)) {
    if (!Number.isNaN(actual) || !Number.isNaN(exact)) tally.nan++;
    return 0;
  }
  const rounded = Math.fround(exact);
  if ((Math.abs(actual) === Infinity) !== (Math.abs(rounded) === Infinity)) tally.infinite++;
  if ((actual === 0 || rounded === 0) && !Object.is(actual, rounded)) tally.zero++;
  return Math.abs(limited(actual) - limited(exact));
};

/** Adds the first `count` results of a block, one by one. */
const compare = (tally: Tally, { single, double }: Pair, words: Int32Array, count: number): void => {
  const [input, actual, exact] = [single.input, single.output, double.output];
  for (let k = 0; k < count; k++) {
    const a = actual[k] as number;
    const e = exact[k] as number;
    // almost all results: correctly rounded, which counts as half an ulp, or a NaN where it should be
    if (a === Math.fround(e) ? a !== 0 || Object.is(a, Math.fround(e)) : a !== a && e !== e) continue;
    const isOrdinary = a !== 0 && Math.abs(a - e) < Infinity;
    const error = isOrdinary ? Math.abs(a - e) : special(tally, a, e);
    const scaled = error * (PER_ULP[((words[2 * k + 1] as number) >>> 20) & 0x7ff] as number);
    if (scaled > 1) tally.overOne++;
    if (scaled > tally.worst) {
      tally.worst = scaled;
      tally.at = input[k] as number;
    }
  }
};

const ALL = 2 ** 32;

/** Every `stride`-th bit pattern from `first` on; all of them are 0 and 1. */
export const sweep = (pair: Pair, first: number, stride: number): Report => {
  const { single, double, scan } = pair;
  const words = new Int32Array(double.output.buffer, double.output.byteOffset, 2 * BLOCK);
  const results = { actual: single.output, exact: double.output };
  const tally: Tally = { count: 0, worst: 0.5, at: 0, overOne: 0, nan: 0, infinite: 0, zero: 0 };
  for (let start = first; start < ALL; start += BLOCK * stride) {
    const count = Math.min(BLOCK, Math.ceil((ALL - start) / stride));
    scan.fill(single.input, start, stride);
    single.run();
    if (stride === 1 && start % BLOCK === 0) neighbouring(pair);
    else oneByOne(pair);
    const { worst, overOne, isSpecial } = scan.scan(results);
    // a block at a time, unless there is more to tell of it than a number
    if (count === BLOCK && !isSpecial && worst <= tally.worst) tally.overOne += overOne;
    else compare(tally, pair, words, count);
    tally.count += count;
  }
  return tally;
};
