/** The Gauss-Newton method on a curve with two parameters: residuals and their Jacobian come from generated kernels. */
import { readFileSync } from "node:fs";
import type { CallableKernel, PortValue } from "../codegen/interface.ts";
import { solve } from "./newton.ts";

export interface Points {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** A file whose first line is a heading, with x and y in each other line. */
export const loadPoints = (file: string): Points => {
  const [, ...lines] = readFileSync(file, "utf8").trim().split("\n");
  const rows = lines.map((line) => line.split(",").map(Number));
  const column = (k: number): Float64Array => Float64Array.from(rows, (row) => row[k] ?? NaN);
  return { x: column(0), y: column(1) };
};

export interface Curve {
  readonly parameters: Float64Array;
  /** Of squared residuals, at the start and after each step. */
  readonly sums: readonly number[];
  /** How far each step went, in multiples of the parameters. */
  readonly steps: readonly number[];
}

const MOST_STEPS = 20;
const CONVERGED = 1e-12;

const floats = (value: PortValue | undefined): Float64Array => {
  if (value instanceof Float64Array) return value;
  throw new TypeError("the kernel gives no array of float64");
};

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, each, n) => sum + each * (b[n] ?? NaN), 0);

/** b - (Jᵀ J)⁻¹ Jᵀ r until b stays the same. The kernels are `saturation` and `saturation_jacobian` in f64. */
export const fitCurve = (
  residuals: CallableKernel,
  jacobian: CallableKernel,
  points: Points,
  start: readonly number[],
): Curve => {
  let parameters = Float64Array.from(start);
  const [sums, steps]: [number[], number[]] = [[], []];
  while (steps.length < MOST_STEPS && (steps.at(-1) ?? Infinity) > CONVERGED) {
    const r = floats(residuals({ b: parameters, ...points })["r"]);
    // b is read at certain places, so that its Jacobian is stored by columns
    const results = jacobian({ b: parameters, ...points });
    const columns = start.map((_, k) => floats(results[`j_r_b_values${k + 1}`]));
    sums.push(dot(r, r));
    const normal = Float64Array.from(columns.flatMap((one) => columns.map((other) => dot(one, other))));
    const right = Float64Array.from(columns, (column) => dot(column, r));
    const step = solve(normal, right);
    steps.push(Math.max(...step.map((each, k) => Math.abs(each / (parameters[k] ?? 1)))));
    parameters = parameters.map((value, k) => value - (step[k] ?? NaN));
  }
  return { parameters, sums, steps };
};
