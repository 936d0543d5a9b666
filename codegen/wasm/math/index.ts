/** The vector mathematics of the WASM back end: functions from v128 to v128, added to a module when first asked for. */
import { addHugeReduction } from "./argument-reduction.ts";
import { erfcDouble, erfcSingle, erfDouble, erfSingle } from "./error-function.ts";
import { cosh, exp, expm1, sigmoid, sinh, tanh } from "./exponential.ts";
import { defineVectorFunction, emitFormula, type Formula, type FormulaHost } from "./graph.ts";
import { type Expression, LANE_FORMAT, type LaneType, type WasmTarget } from "./lanes.ts";
import { hypotDouble, hypotSingle } from "./hypot.ts";
import { acos, asin, atan, atan2 } from "./inverse-trigonometric.ts";
import { acosh, asinh, atanh, log, log1p, softplus } from "./logarithm.ts";
import type { PerLaneType } from "./coefficients.ts";
import { powDouble, powSingle } from "./power.ts";
import {
  doubleFormula,
  hugeFormula,
  hugeName,
  singleFormula,
  type TrigonometricFunction,
} from "./trigonometric.ts";

export interface MathDefinition {
  readonly arity: 1 | 2;
  readonly formula: PerLaneType<Formula>;
  /** Adds the functions that the formulas call, unless they are there. */
  readonly addHelpers?: (target: WasmTarget) => void;
}

const unary = (formula: Formula): MathDefinition => ({ arity: 1, formula: { f32: formula, f64: formula } });

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
  exp: unary(exp),
  expm1: unary(expm1),
  log: unary(log),
  log1p: unary(log1p),
  sigmoid: unary(sigmoid),
  softplus: unary(softplus),
  sinh: unary(sinh),
  cosh: unary(cosh),
  tanh: unary(tanh),
  asinh: unary(asinh),
  acosh: unary(acosh),
  atanh: unary(atanh),
  erf: { arity: 1, formula: { f32: erfSingle, f64: erfDouble } },
  erfc: { arity: 1, formula: { f32: erfcSingle, f64: erfcDouble } },
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

export const mathFunctionName = (name: MathFunction, dtype: LaneType): string =>
  `${name}_${LANE_FORMAT[dtype].vectorName}`;

/** Adds the function and what it calls to the module unless they are there, and gives its name. */
export function ensureMath(target: WasmTarget, name: MathFunction, dtype: LaneType): string {
  const wasmName = mathFunctionName(name, dtype);
  addOnce(target, wasmName, () => {
    const { arity, formula, addHelpers }: MathDefinition = MATH[name];
    addHelpers?.(target);
    defineVectorFunction(target, wasmName, arity, dtype, formula[dtype]);
  });
  return wasmName;
}

/**
 * The function in place, of the vectors in the locals `operands`: for hot loops, whose constants the host keeps in
 * locals. The results are bit for bit those of the function that `ensureMath` adds.
 */
export function inlineMath(
  target: WasmTarget,
  name: MathFunction,
  dtype: LaneType,
  operands: readonly number[],
  host: FormulaHost,
): Expression {
  const { formula, addHelpers }: MathDefinition = MATH[name];
  addHelpers?.(target);
  return emitFormula(target, dtype, formula[dtype], operands, host);
}
