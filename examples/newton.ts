/** Newton's method on a logistic regression: value, gradient and Hessian come from one generated kernel. */
import { readFileSync } from "node:fs";
import type { CallableKernel, PortValue } from "../codegen/interface.ts";

/** Rows of standardised features with a last one of ones, and their classes. */
export interface Table {
  readonly count: number;
  readonly width: number;
  /** [count, width] */
  readonly features: Float64Array;
  /** [count] */
  readonly classes: Float64Array;
}

/** A file whose first line is a heading and whose last column is the class, 0 or 1. */
export const loadTable = (file: string): Table => {
  const [, ...lines] = readFileSync(file, "utf8").trim().split("\n");
  const rows = lines.map((line) => line.split(",").map(Number));
  const count = rows.length;
  const width = rows[0]?.length ?? 0;
  const features = new Float64Array(count * width).fill(1);
  for (let column = 0; column < width - 1; column++) {
    const values = rows.map((row) => row[column] ?? NaN);
    const mean = values.reduce((a, b) => a + b, 0) / count;
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count);
    values.forEach((x, row) => (features[row * width + column] = (x - mean) / deviation));
  }
  return { count, width, features, classes: Float64Array.from(rows, (row) => row[width - 1] ?? NaN) };
};

/** Solves A x = b for a symmetric positive definite A, in place: A = L Lᵀ by Cholesky. */
export const solve = (matrix: Float64Array, vector: Float64Array): Float64Array => {
  const n = vector.length;
  const a = Float64Array.from(matrix);
  const at = (i: number, j: number): number => a[i * n + j] ?? NaN;
  const x = Float64Array.from(vector);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      if (i === j && !(sum > 0)) throw new RangeError("the matrix is not positive definite");
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] = (x[i] ?? NaN) - at(i, k) * (x[k] ?? NaN);
    x[i] = (x[i] ?? NaN) / at(i, i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] = (x[i] ?? NaN) - at(k, i) * (x[k] ?? NaN);
    x[i] = (x[i] ?? NaN) / at(i, i);
  }
  return x;
};

export interface Step {
  readonly loss: number;
  /** Euclidean norm. */
  readonly gradient: number;
}

export interface Fit {
  readonly weights: Float64Array;
  /** The start, and where each step led. */
  readonly steps: readonly Step[];
  /** The share of the rows that is classified right. */
  readonly accuracy: number;
}

const STEPS = 10;
export const CONVERGED = 1e-10;

const floats = (value: PortValue | undefined): Float64Array => {
  if (value instanceof Float64Array) return value;
  throw new TypeError("the kernel gives no array of float64");
};

/** From zero, full steps w - H⁻¹ g, until the gradient vanishes. `kernel` is `logistic_hessian` in f64. */
export const fit = (kernel: CallableKernel, { count, width, features, classes }: Table): Fit => {
  let weights = new Float64Array(width);
  const steps: Step[] = [];
  for (;;) {
    const results = kernel({ w: weights, x: features, y: classes, N: count, D: width });
    const [gradient, hessian] = [floats(results["d_w"]), floats(results["h_w_w"])];
    steps.push({ loss: Number(results["out"]), gradient: Math.hypot(...gradient) });
    if (Math.hypot(...gradient) < CONVERGED || steps.length > STEPS) break;
    const step = solve(hessian, gradient);
    weights = weights.map((w, k) => w - (step[k] ?? NaN));
  }
  let right = 0;
  for (let row = 0; row < count; row++) {
    let margin = 0;
    for (let k = 0; k < width; k++) margin += (features[row * width + k] ?? NaN) * (weights[k] ?? NaN);
    if (margin > 0 === (classes[row] === 1)) right += 1;
  }
  return { weights, steps, accuracy: right / count };
};
