/**
 * Comparison of the f32 functions of one argument with the f64 ones, over as many of the 2³² inputs as wanted. Inputs,
 * both results and their distance are computed in WASM, so that all inputs take about a minute.
 */
import { type Algebra, defineVectorFunction, type Vector } from "./graph.ts";
import { ensureMath, type MathFunction } from "./index.ts";
import type { WasmTarget } from "./lanes.ts";
import { signOf } from "./bits.ts";

/** The first bit pattern, the distance to the next, and how many, a multiple of four: all are 0, 1, 2³². */
export interface SweepRange {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

export interface SweepReport {
  /**
   * The largest error in ulp of the f64 result; infinite where only one result is a NaN, or zeros differ in sign. An
   * infinity counts as 2¹²⁸.
   */
  readonly worst: number;
  /** An input where it occurs. */
  readonly at: number;
}

type WorstOf = (first: number, step: number, count: number) => number;

const isWorstOf = (value: unknown): value is WorstOf => typeof value === "function";

const BLOCK = 2 ** 20;

/** The error of f64 lanes a, which are f32 numbers, against e. */
function distance(v: Algebra, a: Vector, e: Vector): Vector {
  const limit = (x: Vector) => v.pmax(v.pmin(x, v.constant(2 ** 128)), v.constant(-(2 ** 128)));
  const power = v.and(v.abs(limit(e)), v.constant(Infinity));
  const last = v.mul(v.pmax(power, v.constant(2 ** -126)), v.constant(2 ** -23));
  const error = v.div(v.abs(v.sub(limit(a), limit(e))), last);
  const areZero = v.and(v.eq(a, v.constant(0)), v.le(v.abs(e), v.constant(2 ** -150)));
  const signsDiffer = v.ne(v.or(signOf(v, v.xor(a, e)), v.constant(1)), v.constant(1));
  const areNaN = v.and(v.ne(a, a), v.ne(e, e));
  const isBad = v.or(v.ne(error, error), v.and(areZero, signsDiffer));
  return v.select(areNaN, v.constant(0), v.select(isBad, v.constant(Infinity), error));
}

const ERROR = "error";
const WORST = "worst";

/** Adds `error`: from four f32 inputs to the larger errors of the first and of the last two. */
function addError(target: WasmTarget, name: MathFunction): void {
  const single = ensureMath(target, name, "f32");
  const double = ensureMath(target, name, "f64");
  defineVectorFunction(target, ERROR, 1, "f32", (v, x) => {
    const wide = v.of("f64");
    const y = v.call(single, x);
    const low = distance(wide, v.promoteLow(y), wide.call(double, v.promoteLow(x)));
    const high = distance(wide, v.promoteHigh(y), wide.call(double, v.promoteHigh(x)));
    return wide.pmax(low, high);
  });
}

/** Adds and exports `worst(first, step, count)`, the largest error over these bit patterns. */
function addWorst({ binaryen, module }: WasmTarget): void {
  const { i32, i32x4, f64x2, local } = module;
  const [FIRST, STEP, COUNT, INPUT, ADVANCE, MAXIMUM] = [0, 1, 2, 3, 4, 5] as const;
  const int = (i: number) => local.get(i, binaryen.i32);
  const vector = (i: number) => local.get(i, binaryen.v128);
  const lanes = module.v128.const([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
  const offsets = i32x4.mul(lanes, i32x4.splat(int(STEP)));
  const loopBody = module.block(null, [
    local.set(MAXIMUM, f64x2.pmax(vector(MAXIMUM), module.call(ERROR, [vector(INPUT)], binaryen.v128))),
    local.set(INPUT, i32x4.add(vector(INPUT), vector(ADVANCE))),
    local.set(COUNT, i32.sub(int(COUNT), i32.const(4))),
    module.br_if("again", int(COUNT)),
  ]);
  const body = module.block(
    null,
    [
      local.set(INPUT, i32x4.add(i32x4.splat(int(FIRST)), offsets)),
      local.set(ADVANCE, i32x4.splat(i32.shl(int(STEP), i32.const(2)))),
      module.loop("again", loopBody),
      module.f64.max(f64x2.extract_lane(vector(MAXIMUM), 0), f64x2.extract_lane(vector(MAXIMUM), 1)),
    ],
    binaryen.f64,
  );
  const parameters = binaryen.createType([binaryen.i32, binaryen.i32, binaryen.i32]);
  const { v128 } = binaryen;
  module.addFunction(WORST, parameters, binaryen.f64, [v128, v128, v128], body);
  module.addFunctionExport(WORST, WORST);
}

function instantiate(target: WasmTarget, name: MathFunction): WorstOf {
  const { binaryen, module } = target;
  module.setFeatures(binaryen.Features.MVP | binaryen.Features.SIMD128);
  addError(target, name);
  addWorst(target);
  const binary = new WebAssembly.Module(new Uint8Array(module.emitBinary()));
  const worst = new WebAssembly.Instance(binary).exports[WORST];
  if (!isWorstOf(worst)) throw new TypeError("the module exports no function");
  return worst;
}

const singleOf = (pattern: number): number => new Float32Array(new Uint32Array([pattern]).buffer)[0] ?? NaN;

/** A pattern in the range with the largest error there, by halving. */
function locate(worst: WorstOf, { first, step, count }: SweepRange): number {
  if (count === 4) {
    const patterns = [0, 1, 2, 3].map((i) => first + i * step);
    const [pattern = first] = patterns.sort((a, b) => worst(b, 0, 4) - worst(a, 0, 4));
    return pattern;
  }
  const half = 4 * Math.ceil(count / 8);
  const later = { first: first + half * step, step, count: count - half };
  const isEarly = worst(first, step, half) >= worst(later.first, step, later.count);
  return locate(worst, isEarly ? { first, step, count: half } : later);
}

/** The target's module must be empty. */
export function sweepSingle(target: WasmTarget, name: MathFunction, range: SweepRange): SweepReport {
  const worst = instantiate(target, name);
  let report: SweepReport = { worst: -1, at: NaN };
  for (let done = 0; done < range.count; done += BLOCK) {
    const block = {
      first: range.first + done * range.step,
      step: range.step,
      count: Math.min(BLOCK, range.count - done),
    };
    const found = worst(block.first, block.step, block.count);
    if (found > report.worst) report = { worst: found, at: singleOf(locate(worst, block)) };
  }
  return report;
}
