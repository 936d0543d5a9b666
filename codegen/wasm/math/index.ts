/** The vector mathematics of the WASM back end: functions from v128 to v128, added to a module when first asked for. */
import { cosh, exp, expm1, sigmoid, sinh, tanh } from "./exponential.ts";
import { defineVectorFunction, type Formula } from "./graph.ts";
import { LANE_FORMAT, type LaneType, type WasmTarget } from "./lanes.ts";
import { acosh, asinh, atanh, log, log1p, softplus } from "./logarithm.ts";
import type { PerLaneType } from "./coefficients.ts";

export interface MathDefinition {
  readonly arity: 1 | 2;
  readonly formula: PerLaneType<Formula>;
}

const same = (arity: 1 | 2, formula: Formula): MathDefinition => ({
  arity,
  formula: { f32: formula, f64: formula },
});

export const MATH = {
  exp: same(1, exp),
  expm1: same(1, expm1),
  log: same(1, log),
  log1p: same(1, log1p),
  sigmoid: same(1, sigmoid),
  softplus: same(1, softplus),
  sinh: same(1, sinh),
  cosh: same(1, cosh),
  tanh: same(1, tanh),
  asinh: same(1, asinh),
  acosh: same(1, acosh),
  atanh: same(1, atanh),
} as const satisfies Record<string, MathDefinition>;

export type MathFunction = keyof typeof MATH;

export const mathFunctionName = (name: MathFunction, dtype: LaneType): string =>
  `${name}_${LANE_FORMAT[dtype].vectorName}`;

/** Adds the function to the module unless it is there, and gives its name. */
export function ensureMath(target: WasmTarget, name: MathFunction, dtype: LaneType): string {
  const wasmName = mathFunctionName(name, dtype);
  if (target.module.getFunction(wasmName) === 0) {
    const { arity, formula } = MATH[name];
    defineVectorFunction(target, wasmName, arity, dtype, formula[dtype]);
  }
  return wasmName;
}
