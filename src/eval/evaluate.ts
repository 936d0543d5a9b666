/**
 * The meaning of a program, in doubles. In: a program and its inputs; out: its outputs, and on demand bounds of what
 * another arithmetic may make of them. Ends because every definition is a finite loop nest over a finite tape.
 */
import {
  componentsOf, readsBack, recurrenceOf, type Affine, type Definition, type Index, type Program, type Recurrence, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Arithmetic } from "./arithmetic.ts";
import {
  bindDims, bindInputs, bindOptions, checkRequirements, elements, misfit, type Inputs, type Stored,
} from "./arrays.ts"; // prettier-ignore
import { EVERYTHING, extentOf, intervalOf } from "./indexing.ts";
import { ACCUMULATORS, placeOf, type Accumulator } from "./reduce.ts";
import { createDigest, type Select } from "./selection.ts";
import { compileTape, dataRoots, type Tape } from "./tape.ts";

export interface Evaluated {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface Bounded extends Evaluated {
  /** What each element may be off in the arithmetic asked for. */
  readonly error: Float64Array;
}

export const evaluate = (program: Program, inputs: Inputs): ReadonlyMap<string, Evaluated> =>
  outputsOf(program, run(program, inputs, undefined));

/** Whether inputs are numbers of the arithmetic, or will be rounded to such. */
export type InputErrors = "exact" | "rounded";

/** Also a running error bound, to first order, of the same computation in the given arithmetic on the same inputs. */
export const evaluateWithError = (
  program: Program,
  inputs: Inputs,
  arithmetic: Arithmetic,
  given: InputErrors = "exact",
): ReadonlyMap<string, Bounded> => {
  const outputs = outputsOf(program, run(program, inputs, arithmetic, given));
  return new Map(
    [...outputs].map(([name, { shape, data, error }]) => [
      name,
      { shape, data, error: error ?? new Float64Array(data.length) },
    ]),
  );
};

/** Also which way all selections went: two evaluations of one text have no kink between them that either would see. */
export const evaluateWithSelections = (
  program: Program,
  inputs: Inputs,
): { readonly outputs: ReadonlyMap<string, Evaluated>; readonly selections: string } => {
  const { select, digest } = createDigest();
  const storage = run(program, inputs, undefined, "exact", select);
  return { outputs: outputsOf(program, storage), selections: digest() };
};

const outputsOf = (program: Program, storage: ReadonlyMap<Tensor, Stored>): ReadonlyMap<string, Stored> =>
  new Map(program.outputs.map(({ name, tensor }) => [name, stored(storage, tensor)]));

const stored = (storage: ReadonlyMap<Tensor, Stored>, tensor: Tensor): Stored => {
  const array = storage.get(tensor);
  if (array === undefined) throw new Error(`${tensor.name} is read before it is defined`);
  return array;
};

interface Evaluation {
  readonly dims: ReadonlyMap<string, number>;
  readonly options: ReadonlyMap<string, number>;
  readonly storage: Map<Tensor, Stored>;
  readonly arithmetic: Arithmetic | undefined;
  readonly select: Select | undefined;
}

const run = (
  program: Program,
  inputs: Inputs,
  arithmetic: Arithmetic | undefined,
  given: InputErrors = "exact",
  select?: Select,
): ReadonlyMap<Tensor, Stored> => {
  const dims = bindDims(program, inputs);
  const storage = bindInputs(program, inputs, given === "rounded" ? arithmetic : undefined);
  checkRequirements(program, dims, storage);
  checkOutputs(program, dims);
  const evaluation = { dims, options: bindOptions(program, inputs), storage, arithmetic, select };
  if (!readsBack(program.definitions))
    for (const definition of program.definitions) runDefinition(evaluation, definition);
  else
    for (const { members, isCircle } of componentsOf(program.definitions)) {
      if (isCircle) runRecurrence(evaluation, members);
      else for (const definition of members) runDefinition(evaluation, definition);
    }
  return storage;
};

/** An array of fewer than no elements has no place; a sum over as many is one over none. */
const checkOutputs = ({ outputs }: Program, dims: ReadonlyMap<string, number>): void => {
  for (const { name, tensor } of outputs) {
    const negative = tensor.shape.map((extent) => extentOf(extent, dims) ?? 0).find((value) => value < 0);
    if (negative !== undefined) throw misfit(`an extent of ${name} is ${negative}`);
  }
};

const size = (evaluation: Evaluation, extent: Affine): number => {
  const value = extentOf(extent, evaluation.dims);
  if (value === undefined) throw misfit("an extent depends on data");
  return Math.max(0, value);
};

const allocate = (evaluation: Evaluation, tensor: Tensor): Stored => {
  const shape = tensor.shape.map((extent) => size(evaluation, extent));
  const count = elements(shape);
  const error = evaluation.arithmetic && new Float64Array(count);
  return { shape, data: new Float64Array(count), error };
};

const runDefinition = (evaluation: Evaluation, definition: Definition): void => {
  const array = allocate(evaluation, definition.tensor);
  evaluation.storage.set(definition.tensor, array);
  const { tape, outer, element, target } = prepare(evaluation, definition);
  if (target === undefined) fill(array, outer, element);
  else scatter(array, outer, element, target.map(tape.index), evaluation.arithmetic);
};

interface Prepared {
  readonly counters: Float64Array;
  readonly sizes: readonly number[];
  readonly tape: Tape;
  readonly outer: Loop;
  readonly element: Element;
  readonly target: readonly Affine[] | undefined;
}

const prepare = (evaluation: Evaluation, definition: Definition): Prepared => {
  const { body, target, indices } = definition;
  const all = [...indices, ...(definition.reduction?.indices ?? [])];
  const counters = new Float64Array(all.length);
  const tape = compileTape([body, ...dataRoots(target ?? [])], {
    ...evaluation,
    counters,
    position: (index) => positionOf(all, index),
    storage: (read) => stored(evaluation.storage, read),
  });
  const sizes = all.map((index) => size(evaluation, index.extent));
  const outer = odometer(counters, 0, sizes.slice(0, indices.length));
  const inner = odometer(counters, indices.length, sizes.slice(indices.length));
  const element = elementOf(definition, tape, inner, evaluation);
  return { counters, sizes, tape, outer, element, target };
};

/** Members place by place along the recurrence index, each at all of its other indices. */
const runRecurrence = (evaluation: Evaluation, circle: readonly Definition[]): void => {
  const recurrence = orderOf(evaluation, circle);
  // all before the bodies are evaluated: they read each other
  for (const { tensor } of circle) evaluation.storage.set(tensor, allocate(evaluation, tensor));
  const rows = recurrence.members.map((definition) => {
    const axis = recurrence.axes.get(definition.tensor) ?? 0;
    return rowOf(evaluation, definition, axis);
  });
  const extent = Math.max(...rows.map((row) => row.extent));
  for (let k = 0; k < extent; k++) {
    const place = recurrence.direction === "ascending" ? k : extent - 1 - k;
    for (const row of rows) if (place < row.extent) row.fill(place);
  }
};

const orderOf = (evaluation: Evaluation, circle: readonly Definition[]): Recurrence => {
  const scope = {
    ...evaluation,
    counters: new Float64Array(0),
    position: () => 0,
    data: () => () => NaN,
    dataRange: () => EVERYTHING,
  };
  const found = recurrenceOf(circle, (a) => intervalOf(a, scope).low >= 0);
  if (found === undefined)
    throw new Error(`${circle.map(({ tensor }) => tensor.name).join(", ")}: a circle that is no recurrence`);
  return found;
};

interface Row {
  readonly extent: number;
  /** Computes the elements at one place of the recurrence index. */
  readonly fill: (place: number) => void;
}

const rowOf = (evaluation: Evaluation, definition: Definition, axis: number): Row => {
  const array = stored(evaluation.storage, definition.tensor);
  const { counters, sizes, element } = prepare(evaluation, definition);
  const rank = definition.indices.length;
  const before = odometer(counters, 0, sizes.slice(0, axis));
  const after = odometer(counters, axis + 1, sizes.slice(axis + 1, rank));
  const extent = sizes[axis] ?? 0;
  const [outer, inner] = [elements(sizes.slice(0, axis)), elements(sizes.slice(axis + 1, rank))];
  return {
    extent: outer * inner === 0 ? 0 : extent,
    fill: (place) => {
      counters[axis] = place;
      let block = place * inner;
      before(() => {
        let k = block;
        after(() => {
          element.compute();
          array.data[k] = element.value();
          if (array.error !== undefined) array.error[k] = element.error();
          k++;
        });
        block += extent * inner;
      });
    },
  };
};

const positionOf = (all: readonly Index[], index: Index): number => {
  const position = all.indexOf(index);
  if (position < 0) throw new Error(`the index ${index.name} has no loop`);
  return position;
};

/** Sets the counters from `from` on to all places of a box, in row-major order, and calls `visit` at each. */
type Loop = (visit: () => void) => void;

const odometer = (counters: Float64Array, from: number, sizes: readonly number[]): Loop => {
  const last = from + sizes.length - 1;
  return (visit) => {
    if (sizes.some((n) => n === 0)) return;
    counters.fill(0, from, last + 1);
    for (;;) {
      visit();
      let k = last;
      while (k >= from && (counters[k] ?? 0) + 1 >= (sizes[k - from] ?? 0)) counters[k--] = 0;
      if (k < from) return;
      counters[k] = (counters[k] ?? 0) + 1;
    }
  };
};

interface Element {
  readonly compute: () => void;
  readonly value: () => number;
  readonly error: () => number;
}

const elementOf = (
  { body, reduction }: Definition,
  tape: Tape,
  inner: Loop,
  { arithmetic, select }: Evaluation,
): Element => {
  const [value, error] = [(): number => tape.value(body), (): number => tape.error(body)];
  if (reduction === undefined) return { compute: tape.run, value, error };
  const total = ACCUMULATORS[reduction.op](arithmetic);
  const winner = select && placeOf(reduction.op);
  return {
    compute: () => {
      total.start();
      winner?.start();
      inner(() => {
        tape.run();
        total.add(value(), error());
        winner?.add(value(), 0);
      });
      if (winner !== undefined) select?.(winner.value());
    },
    value: total.value,
    error: total.error,
  };
};

const fill = (array: Stored, outer: Loop, element: Element): void => {
  let k = 0;
  outer(() => {
    element.compute();
    array.data[k] = element.value();
    if (array.error !== undefined) array.error[k] = element.error();
    k++;
  });
};

const scatter = (
  array: Stored,
  outer: Loop,
  element: Element,
  target: readonly (() => number)[],
  arithmetic: Arithmetic | undefined,
): void => {
  const totals = new Map<number, Accumulator>();
  outer(() => {
    element.compute();
    // what a test keeps out of the array adds nothing, wherever it would
    if (element.value() === 0 && element.error() === 0) return;
    let offset = 0;
    for (const [axis, index] of target.entries()) {
      const [place, extent] = [index(), array.shape[axis] ?? 0];
      if (!(0 <= place && place < extent)) throw misfit(`an index is ${place}, outside of 0 … ${extent - 1}`);
      offset = offset * extent + place;
    }
    const total = totals.get(offset) ?? ACCUMULATORS.sum(arithmetic);
    totals.set(offset, total);
    total.add(element.value(), element.error());
  });
  for (const [offset, total] of totals) {
    array.data[offset] = total.value();
    if (array.error !== undefined) array.error[offset] = total.error();
  }
};
