/** Comparison of the f32 functions of one argument with the f64 ones, over as many of the 2³² inputs as wanted. */
import { ulp } from "./accuracy.ts";
import { EVALUATE_CAPACITY, instantiateMath } from "./evaluate.ts";
import type { MathFunction } from "./index.ts";
import type { WasmTarget } from "./lanes.ts";

export interface SweepRange {
  /** The first bit pattern, the distance to the next, and how many. `{ first: 0, step: 1, count: 2 ** 32 }` is all. */
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

export interface SweepReport {
  readonly name: MathFunction;
  readonly count: number;
  /** The largest error in ulp of the f64 result, and where. */
  readonly worst: number;
  readonly at: number;
  /** Inputs where one result is a NaN, an infinity or a zero of some sign and the other, rounded, is not the same. */
  readonly different: readonly number[];
}

export const EVERY_SINGLE: SweepRange = { first: 0, step: 1, count: 2 ** 32 };

const KEPT_DIFFERENCES = 10;

/** An infinity one rounding away from the largest number is an error of an ulp, not a difference in kind. */
const sameKind = (actual: number, expected: number): boolean => {
  const rounded = Math.fround(expected);
  if (Number.isNaN(actual) || Number.isNaN(rounded)) return Number.isNaN(actual) && Number.isNaN(rounded);
  if (actual === 0 && rounded === 0) return Object.is(actual, rounded);
  if (Math.sign(actual) * Math.sign(rounded) < 0) return false;
  return Number.isFinite(expected) || actual === expected;
};

const LEAST_QUICK = 2 ** -120;

const finite = (x: number): number => Math.max(-(2 ** 128), Math.min(2 ** 128, x));

/** The target's module must be empty. */
export function sweepSingle(target: WasmTarget, name: MathFunction, range: SweepRange): SweepReport {
  const instance = instantiateMath(target, [
    { name, dtype: "f32" },
    { name, dtype: "f64" },
  ]);
  const [single, double] = [instance.get(name, "f32"), instance.get(name, "f64")];
  const block = new Float32Array(EVALUATE_CAPACITY);
  const patterns = new Uint32Array(block.buffer);
  const wide = new Float64Array(EVALUATE_CAPACITY);
  const report = { worst: 0, at: NaN, different: new Array<number>() };
  for (let done = 0; done < range.count; done += block.length) {
    const length = Math.min(block.length, range.count - done);
    for (let i = 0; i < length; i++) patterns[i] = range.first + (done + i) * range.step;
    wide.set(block);
    compare(block.subarray(0, length), single(block), double(wide), report);
  }
  return { name, count: range.count, ...report };
}

function compare(
  inputs: Float32Array,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  report: { worst: number; at: number; different: number[] },
): void {
  inputs.forEach((x, i) => {
    const a = actual[i] ?? NaN;
    const e = expected[i] ?? NaN;
    // Nearest, or no worse than known already: an ulp is more than 2⁻²⁴ of the number.
    if (Math.abs(a - e) <= report.worst * 2 ** -24 * Math.abs(e) && Math.abs(e) > LEAST_QUICK) return;
    if (!sameKind(a, e)) {
      if (report.different.length < KEPT_DIFFERENCES) report.different.push(x);
      return;
    }
    const error = Math.abs(finite(a) - finite(e)) / ulp(e, "f32");
    if (error > report.worst) {
      report.worst = error;
      report.at = x;
    }
  });
}
