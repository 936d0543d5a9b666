/**
 * Hessians against differences of the gradient, their own symmetry and products with vectors; every back end against the
 * interpreter. In: the programs of a function's second derivatives, and back ends that run them; out: a row per comparison.
 */
import {
  evaluateWithError, evaluateWithSelections, type Bounded, type GivenArray, type Inputs,
} from "../eval/index.ts"; // prettier-ignore
import type { Program } from "../ir/index.ts";
import { dense, times } from "../runtime/index.ts";
import {
  caseOf, inputsAlong, arrayOf, randomDirection, rowOf, withCotangents, type Case, type CheckSettings, type Direction, type Failure,
  type Report, type Row, type Run, type Subject,
} from "./check.ts"; // prettier-ignore
import { unravel } from "./compare.ts";
import { slope, type Sample, type Slope } from "./differences.ts";
import { heldAt, type Held } from "./held.ts";
import { matricesOf } from "./matrix.ts";
import { allowedError, TOLERANCES, type Format } from "./tolerance.ts";

/** The programs of a subject's second derivatives by `subject.wrt`. */
export interface SecondOrder {
  readonly subject: Subject;
  /** `d_x` for each x, as the Hessian differentiates it, with what is stopped held. */
  readonly gradient: Held;
  /** `h_x_y` for each pair, those on and above the diagonal, by their structure. */
  readonly hessian: Program;
  /** The same with all entries. */
  readonly dense: Program;
  /** `hv_x` from the directions `t_x`. */
  readonly product: Program;
}

export interface SecondOrderRunner {
  readonly name: string;
  readonly format: Format;
  readonly hessian: Run;
  readonly product: Run;
}

/** Inputs with more elements are checked at so many of them. */
const ELEMENTS = 12;

interface Sampled extends Case {
  readonly second: SecondOrder;
  readonly given: Inputs;
  /** Random vectors: over the rows, and over the columns. */
  readonly weights: ReadonlyMap<string, ArrayLike<number>>;
  readonly directions: ReadonlyMap<string, ArrayLike<number>>;
}

export const checkHessians = (
  second: SecondOrder,
  runners: readonly SecondOrderRunner[],
  settings: CheckSettings = {},
): Report => {
  const each = caseOf(second.subject, settings);
  const vectors = (): ReadonlyMap<string, ArrayLike<number>> =>
    new Map(second.subject.wrt.map((name) => [name, randomDirection(each, name).weights]));
  const sampled: Sampled = {
    ...each,
    second,
    given: withCotangents(each),
    weights: vectors(),
    directions: vectors(),
  };
  const bounds = (format: Format): ReadonlyMap<string, Bounded> =>
    evaluateWithError(second.dense, sampled.given, TOLERANCES[format].arithmetic);
  const interpreted = bounds("f64");
  const pairs = pairsOf(second.hessian);
  return {
    name: second.subject.name,
    rows: [
      ...pairs.map((pair) => againstDifferences(sampled, pair, interpreted)),
      ...pairs.filter(({ x, y }) => x === y).map((pair) => symmetry(sampled, pair, interpreted)),
      ...runners.flatMap((runner) => checkRunner(sampled, pairs, runner, bounds(runner.format))),
    ],
  };
};

interface Pair {
  readonly name: string;
  readonly x: string;
  readonly y: string;
}

/** The inputs that a matrix is by, from its name: names of inputs may have underscores too. */
const pairsOf = ({ matrices = [], inputs }: Program): readonly Pair[] =>
  matrices.flatMap(({ name }): Pair[] => {
    for (const x of inputs)
      for (const y of inputs) if (name === `h_${x.name}_${y.name}`) return [{ name, x: x.name, y: y.name }];
    return [];
  });

const sizeOf = (each: Case, name: string): number => arrayOf(each, name).data.length;

/** uᵀ H v, and what its rounding is relative to. */
const form = (
  values: ArrayLike<number> | undefined,
  u: ArrayLike<number>,
  v: (column: number) => number,
  width: number,
): { readonly value: number; readonly scale: number } => {
  let [value, scale] = [0, 0];
  for (let row = 0; row < u.length; row++) {
    for (let column = 0; column < width; column++) {
      const factor = v(column);
      if (factor === 0) continue;
      const term = (u[row] ?? NaN) * (values?.[row * width + column] ?? NaN) * factor;
      value += term;
      scale += Math.abs(term);
    }
  }
  return { value, scale };
};

/** Column by column: an entry that the structure leaves out is missed here. */
const againstDifferences = (
  each: Sampled,
  { name, x, y }: Pair,
  bounds: ReadonlyMap<string, Bounded>,
): Row => {
  const [u, width] = [each.weights.get(x) ?? [], sizeOf(each, y)];
  const stride = Math.max(1, Math.ceil(width / ELEMENTS));
  const columns = Array.from({ length: Math.ceil(width / stride) }, (_, k) => k * stride);
  const { data, error } = bounds.get(name) ?? { data: [], error: [] };
  const largest = Math.max(0, ...Array.from(data, Math.abs));
  const comparisons = columns.flatMap((element): Failure[] => {
    const numerical = slopeAlong(each, x, y, { element });
    if (numerical === undefined) return [];
    const unit = (column: number): number => (column === element ? 1 : 0);
    const { value } = form(data, u, unit, width);
    const bound = form(error, Array.from(u, Math.abs), unit, width).value;
    const allowed =
      numerical.error +
      TOLERANCES.f64.numerical * largest * u.length +
      allowedError("f64", numerical.value, bound);
    const place = `${y}[${unravel(element, arrayOf(each, y).shape).join(", ")}]`;
    return [{ place, at: arrayOf(each, y).data[element], expected: numerical.value, got: value, allowed }];
  });
  return rowOf("interpreter", "second differences", name, comparisons, columns.length - comparisons.length);
};

/** The derivative of Σ u·d_x along a direction of y. */
const slopeAlong = (each: Sampled, x: string, y: string, direction: Direction): Slope | undefined => {
  const { step, arithmetic } = TOLERANCES.f64;
  const u = each.weights.get(x) ?? [];
  const along = (t: number): Sample => {
    const moved = inputsAlong(each, y, direction, t);
    const tensors = new Map([...each.given.tensors, ...moved.tensors]);
    const { gradient } = each.second;
    const inputs = heldAt(gradient, each.given, { ...moved, tensors });
    const { outputs, selections } = evaluateWithSelections(gradient.program, inputs);
    const data = outputs.get(`d_${x}`)?.data;
    let [value, scale] = [0, 0];
    for (let k = 0; k < u.length; k++) {
      const term = (u[k] ?? NaN) * (data?.[k] ?? NaN);
      value += term;
      scale += Math.abs(term);
    }
    return { value, scale, selections };
  };
  return slope(along, step, arithmetic.unitRoundoff);
};

const symmetry = (each: Sampled, { name, x }: Pair, bounds: ReadonlyMap<string, Bounded>): Row => {
  const { data, error } = bounds.get(name) ?? { data: [], error: [] };
  const width = sizeOf(each, x);
  const comparisons: Failure[] = [];
  for (let row = 0; row < width; row++) {
    for (let column = 0; column < row; column++) {
      const [here, there] = [row * width + column, column * width + row];
      const expected = data[there] ?? NaN;
      const bound = (error[here] ?? 0) + (error[there] ?? 0);
      const allowed = allowedError("f64", expected, bound);
      const place = `elements ${row} and ${column}`;
      comparisons.push({ place, at: undefined, expected, got: data[here] ?? NaN, allowed });
    }
  }
  return rowOf("interpreter", "symmetry", name, comparisons, 0);
};

const checkRunner = (
  each: Sampled,
  pairs: readonly Pair[],
  runner: SecondOrderRunner,
  bounds: ReadonlyMap<string, Bounded>,
): readonly Row[] => {
  const { second, given } = each;
  const stored = matricesOf(second.hessian, given, runner.hessian(given));
  const entries = pairs.map(({ name }) => {
    const matrix = stored.get(name);
    const values = matrix === undefined ? [] : dense(matrix);
    const { data, error, shape } = bounds.get(name) ?? { data: [], error: [], shape: [] };
    const comparisons = Array.from(data, (expected, k) => ({
      place: `${name}[${unravel(k, shape).join(", ")}]`,
      at: undefined,
      expected,
      got: values[k] ?? NaN,
      allowed: allowedError(runner.format, expected, error[k] ?? 0),
    }));
    return rowOf(runner.name, "hessian", name, comparisons, 0);
  });
  const products = pairs.flatMap((pair) => {
    const matrix = stored.get(pair.name);
    return matrix === undefined
      ? []
      : [structuredProduct(each, pair, runner, times(matrix, each.directions.get(pair.y) ?? []), bounds)];
  });
  return [...entries, ...products, ...wholeProduct(each, pairs, runner, bounds)];
};

/** The product that uses the structure, against the one with all entries. */
const structuredProduct = (
  each: Sampled,
  { name, x, y }: Pair,
  runner: SecondOrderRunner,
  product: ArrayLike<number>,
  bounds: ReadonlyMap<string, Bounded>,
): Row => {
  const v = each.directions.get(y) ?? [];
  const { data, error } = bounds.get(name) ?? { data: [], error: [] };
  const comparisons = Array.from({ length: sizeOf(each, x) }, (_, row) =>
    productAt(runner.format, `${x} ${row}`, product[row] ?? NaN, rowForm(data, error, row, v)),
  );
  return rowOf(runner.name, "product", name, comparisons, 0);
};

interface RowForm {
  readonly value: number;
  readonly scale: number;
  readonly error: number;
}

const rowForm = (
  data: ArrayLike<number>,
  error: ArrayLike<number>,
  row: number,
  v: ArrayLike<number>,
): RowForm => {
  const [from, to] = [row * v.length, (row + 1) * v.length];
  const slice = (values: ArrayLike<number>): readonly number[] => Array.from(values).slice(from, to);
  const { value, scale } = form(slice(data), [1], (k) => v[k] ?? NaN, v.length);
  return { value, scale, error: form(slice(error), [1], (k) => Math.abs(v[k] ?? NaN), v.length).value };
};

/** Sums of products round by as much as their terms are large. */
const SUMMED = 64;

const productAt = (
  format: Format,
  place: string,
  got: number,
  { value, scale, error }: RowForm,
): Failure => ({
  place,
  at: undefined,
  expected: value,
  got,
  allowed: allowedError(format, value, error + SUMMED * TOLERANCES[format].storage * scale),
});

/** The kernel of the product by all inputs together, against the entries of all blocks. */
const wholeProduct = (
  each: Sampled,
  pairs: readonly Pair[],
  runner: SecondOrderRunner,
  bounds: ReadonlyMap<string, Bounded>,
): readonly Row[] => {
  const { second, given, directions } = each;
  const { wrt } = second.subject;
  const named = wrt.map((name, k): [string, GivenArray] => {
    const input = second.product.inputs.at(k - wrt.length)?.name ?? "";
    const { shape } = arrayOf(each, name);
    return [input, { shape, data: Float64Array.from(directions.get(name) ?? []) }];
  });
  const inputs = { ...given, tensors: new Map([...given.tensors, ...named]) };
  const reference = evaluateWithError(second.product, inputs, TOLERANCES[runner.format].arithmetic);
  const got = runner.product(inputs);
  return wrt.map((x) => {
    const comparisons = Array.from({ length: sizeOf(each, x) }, (_, row) => {
      const parts = wrt.flatMap((y) => blockRow(each, pairs, bounds, { x, y }, row));
      const total = (part: keyof RowForm): number => parts.reduce((sum, p) => sum + p[part], 0);
      const own = reference.get(`hv_${x}`)?.error[row] ?? 0;
      const whole = { value: total("value"), scale: total("scale"), error: total("error") + own };
      return productAt(runner.format, `hv_${x} ${row}`, got.get(`hv_${x}`)?.[row] ?? NaN, whole);
    });
    return rowOf(runner.name, "product", x, comparisons, 0);
  });
};

/** A row of the block of x by y, times the direction of y; from the block of y by x where that is the one there is. */
const blockRow = (
  each: Sampled,
  pairs: readonly Pair[],
  bounds: ReadonlyMap<string, Bounded>,
  { x, y }: { readonly x: string; readonly y: string },
  row: number,
): readonly RowForm[] => {
  const v = each.directions.get(y) ?? [];
  const own = pairs.find((pair) => pair.x === x && pair.y === y);
  const other = pairs.find((pair) => pair.x === y && pair.y === x);
  const { data, error } = bounds.get((own ?? other)?.name ?? "") ?? { data: [], error: [] };
  if (own !== undefined) return [rowForm(data, error, row, v)];
  const width = sizeOf(each, x);
  const column = (values: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: v.length }, (_, k) => values[k * width + row] ?? NaN);
  return [rowForm(column(data), column(error), 0, v)];
};
