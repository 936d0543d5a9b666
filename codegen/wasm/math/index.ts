/** The vector mathematics of the WASM back end: functions from v128 to v128, added to a module when first asked for. */
import { addHugeReduction } from "./argument-reduction.ts";
import {
  erfcDouble,
  erfcFast,
  erfcSingle,
  erfcWide,
  erfDouble,
  erfFast,
  erfSingle,
} from "./error-function.ts";
import {
  cosh,
  coshWide,
  exp,
  expFast,
  expm1,
  expNarrow,
  expWide,
  sigmoid,
  sigmoidFast,
  sigmoidWide,
  sinh,
  sinhWide,
  tanhDouble,
  tanhFast,
  tanhSingle,
} from "./exponential.ts";
import {
  defineVectorFunction,
  emitFormula,
  type Formula,
  type FormulaHost,
  type FormulaOperand,
  widened,
} from "./graph.ts";
import { type Expression, LANE_FORMAT, type LaneType, type WasmTarget } from "./lanes.ts";
import { hypotDouble, hypotSingle } from "./hypot.ts";
import { acos, asin, atan, atan2 } from "./inverse-trigonometric.ts";
import { acosh, asinh, atanh, log, log1p, softplus, softplusFast } from "./logarithm.ts";
import type { PerLaneType } from "./coefficients.ts";
import { powDouble, powSingle } from "./power.ts";
import {
  doubleFormula,
  hugeFormula,
  hugeName,
  singleFormula,
  type TrigonometricFunction,
} from "./trigonometric.ts";

/**
 * `wide`: in f64 lanes for what is rounded to f32 in the end, with the accuracy that this needs and the range of f64.
 * `fast`: in f32 lanes, with the accuracy of `FAST_BOUND`. `narrow`: the f32 result of an argument in f64 lanes, which is two vectors.
 */
export type MathPrecision = LaneType | "wide" | "fast" | "narrow";

/** The lanes of a function's arguments and of its result. */
export const LANES: {
  readonly [P in MathPrecision]: { readonly argument: LaneType; readonly result: LaneType };
} = {
  f32: { argument: "f32", result: "f32" },
  fast: { argument: "f32", result: "f32" },
  f64: { argument: "f64", result: "f64" },
  wide: { argument: "f64", result: "f64" },
  narrow: { argument: "f64", result: "f32" },
};

export interface MathDefinition {
  readonly arity: 1 | 2;
  /** Where `wide` is missing it is f64, and where `fast` is missing f32. */
  readonly formula: PerLaneType<Formula> & {
    readonly wide?: Formula;
    readonly fast?: Formula;
    readonly narrow?: Formula;
  };
  /** Adds the functions that the formulas call, unless they are there. */
  readonly addHelpers?: (target: WasmTarget) => void;
}

const unary = (formula: Formula): MathDefinition => ({ arity: 1, formula: { f32: formula, f64: formula } });

type Variants = Omit<MathDefinition["formula"], keyof PerLaneType<Formula>>;

const withVariants = (formula: Formula, variants: Variants): MathDefinition => ({
  arity: 1,
  formula: { f32: formula, f64: formula, ...variants },
});

const trigonometric = (name: TrigonometricFunction): MathDefinition => ({
  arity: 1,
  formula: { f32: singleFormula(name), f64: doubleFormula(name) },
  addHelpers: (target) => {
    addHugeReduction(target);
    addOnce(target, hugeName(name), () => {
      defineVectorFunction(target, hugeName(name), 1, "f64", hugeFormula(name));
    });
  },
});

export const MATH = {
  exp: withVariants(exp, { wide: expWide, fast: expFast, narrow: expNarrow }),
  expm1: unary(expm1),
  log: unary(log),
  log1p: unary(log1p),
  sigmoid: withVariants(sigmoid, { wide: sigmoidWide, fast: sigmoidFast }),
  softplus: withVariants(softplus, { fast: softplusFast }),
  sinh: withVariants(sinh, { wide: sinhWide }),
  cosh: withVariants(cosh, { wide: coshWide }),
  tanh: { arity: 1, formula: { f32: tanhSingle, f64: tanhDouble, fast: tanhFast } },
  asinh: unary(asinh),
  acosh: unary(acosh),
  // in f64: a quotient and a logarithm, each rounded, would come close to 2 ulp
  atanh: { arity: 1, formula: { f32: (v, x) => widened(v, atanh, x), f64: atanh } },
  erf: { arity: 1, formula: { f32: erfSingle, f64: erfDouble, fast: erfFast } },
  erfc: { arity: 1, formula: { f32: erfcSingle, f64: erfcDouble, wide: erfcWide, fast: erfcFast } },
  pow: { arity: 2, formula: { f32: powSingle, f64: powDouble } },
  sin: trigonometric("sin"),
  cos: trigonometric("cos"),
  tan: trigonometric("tan"),
  asin: unary(asin),
  acos: unary(acos),
  atan: unary(atan),
  atan2: { arity: 2, formula: { f32: atan2, f64: atan2 } },
  hypot: { arity: 2, formula: { f32: hypotSingle, f64: hypotDouble } },
} satisfies Record<string, MathDefinition>;

export type MathFunction = keyof typeof MATH;

function addOnce(target: WasmTarget, name: string, add: () => void): void {
  if (target.module.getFunction(name) === 0) add();
}

/** The lanes and the formula of a function. */
function variant(
  name: MathFunction,
  precision: MathPrecision,
): { dtype: LaneType; formula: Formula; suffix: string } {
  const { formula }: MathDefinition = MATH[name];
  if (precision === "f32" || precision === "f64")
    return { dtype: precision, formula: formula[precision], suffix: "" };
  const dtype = LANES[precision].argument;
  const own = formula[precision];
  return { dtype, formula: own ?? formula[dtype], suffix: own === undefined ? "" : `_${precision}` };
}

export const mathFunctionName = (name: MathFunction, precision: MathPrecision): string => {
  const { dtype, suffix } = variant(name, precision);
  return `${name}_${LANE_FORMAT[dtype].vectorName}${suffix}`;
};

/** Adds the function and what it calls to the module unless they are there, and gives its name. */
export function ensureMath(target: WasmTarget, name: MathFunction, precision: MathPrecision): string {
  const wasmName = mathFunctionName(name, precision);
  addOnce(target, wasmName, () => {
    const { arity, addHelpers }: MathDefinition = MATH[name];
    const { dtype, formula } = variant(name, precision);
    addHelpers?.(target);
    defineVectorFunction(target, wasmName, precision === "narrow" ? 2 : arity, dtype, formula);
  });
  return wasmName;
}

/**
 * The function in place, of the vectors `operands`: for hot loops, whose constants the host keeps in
 * locals. The results are bit for bit those of the function that `ensureMath` adds.
 */
export function inlineMath(
  target: WasmTarget,
  name: MathFunction,
  precision: MathPrecision,
  operands: readonly FormulaOperand[],
  host: FormulaHost,
): Expression {
  const { addHelpers }: MathDefinition = MATH[name];
  const { dtype, formula } = variant(name, precision);
  addHelpers?.(target);
  return emitFormula(target, dtype, formula, operands, host);
}
