/**
 * A read of a tensor that moves, by a part of that tensor → a term of the definition that reads it, with its deltas solved.
 * Terminates: each equation removes an index or becomes a condition.
 */
import {
  affine,
  build,
  loopIndices,
  range,
  substitute,
  type Affine,
  type Definition,
  type Index,
  type Node,
} from "../../ir/index.ts";
import { eliminate, equalityOf, type Equation } from "../gather.ts";
import {
  ownIndices,
  listIndex,
  partAt,
  fixedAt,
  guarded,
  equation,
  putIn,
  type Part,
  type List,
  type Around,
  type Term,
  type Moving,
} from "./parts.ts";

/** How a part of a tensor is met where that is read: indices of the reader that a list gives. */
interface Meeting {
  readonly part: Part;
  readonly values: ReadonlyMap<Index, Affine>;
  readonly guards: readonly Node[];
}

/** A list is kept where the dimensions that it gives are read at indices, of which one is kept by the reader. */
export const meetingOf = (around: Around, read: Moving, part: Part, kept: readonly Index[]): Meeting => {
  const { ir } = around;
  const whole: Meeting = { part, values: new Map(), guards: [] };
  if (part.list === undefined) return whole;
  const values = new Map<Index, Affine>();
  const guards: Node[] = [];
  for (const [d, value] of part.list.rows) {
    const index = affine.plainIndex(read.at[d]);
    if (index === undefined || values.has(index)) return { ...whole, part: around.spread(read.tensor, part) };
    values.set(index, value);
    if (index.extent !== read.tensor.shape[d]) guards.push(build.inRange(ir, value, index.extent));
  }
  return kept.some((index) => values.has(index))
    ? { part, values, guards }
    : { ...whole, part: around.spread(read.tensor, part) };
};

/** Deltas that a summed index can meet are eliminated; those between source and element are structure. */
export const termOf = (around: Around, definition: Definition, read: Moving, given: Part): Term => {
  const { ir, element } = around;
  const own = ownIndices(ir, definition.tensor);
  const { part, values, guards } = meetingOf(around, read, given, own);
  const loops = (definition.reduction?.indices ?? []).filter((index) => !values.has(index));
  const fixed = putIn(ir, new Map(fixedAt(ir, part, read)), values);
  const value = build.multiply(ir, read.partial, partAt(ir, element, part, read.at));
  const equations = [...fixed].map((each) => equation(element, each));
  const windows = part.list === undefined ? windowsIn(around, definition, equations, loops) : [];
  const offsets = loops.filter((index) => windows.some((each) => each.value.indices.includes(index)));
  const end = eliminate(ir, {
    equations: equations.filter((each) => !windows.includes(each)),
    loops: loops.filter((index) => !offsets.includes(index)),
    value: guarded(ir, guards, substitute(ir, value, values)),
  });
  const hidden = new Set([...end.loops, ...element]);
  const isStructure = (each: Equation): boolean => !each.value.indices.some((index) => hidden.has(index));
  const structure = end.equations
    .filter(isStructure)
    .map(({ target, value: at }): [number, Affine] => [element.indexOf(target), at]);
  const rows = own.flatMap((index, d): [number, Affine][] => {
    const place = values.get(index);
    return place === undefined ? [] : [[d, place]];
  });
  const term: Term = {
    list: part.list && { ...part.list, rows: new Map(rows) },
    fixed: new Map(structure),
    loops: [...end.loops, ...offsets],
    body: guarded(ir, end.guards, end.value),
  };
  const others = end.equations.filter((each) => !isStructure(each));
  return ordered(met(around, definition, term, others, windows));
};

/**
 * Columns i + k of a result, with an index of the row and a summed one that no other column has: a band as wide as the sum, if
 * that is not known to be half of the columns.
 */
const windowsIn = (
  { ir, banded }: Around,
  { tensor }: Definition,
  equations: readonly Equation[],
  loops: readonly Index[],
): readonly Equation[] => {
  if (!banded.has(tensor)) return [];
  const own = ownIndices(ir, tensor);
  const summed = ({ value }: Equation): readonly Index[] =>
    loops.filter((index) => value.indices.includes(index));
  return equations.filter((each) => {
    const { target, value } = each;
    const [offset, ...others] = summed(each);
    if (offset === undefined || others.length > 0 || affine.dataOf(value).length > 0) return false;
    const step = affine.linearIn(ir, value, offset)?.coefficient;
    const isAlone = equations.every((other) => other === each || !other.value.indices.includes(offset));
    const rest = affine.minus(ir, target.extent, affine.scale(ir, offset.extent, 2));
    const isNarrow =
      affine.asConstant(rest) === undefined
        ? !range.provablyNonNegative(ir, affine.minus(ir, offset.extent, target.extent))
        : range.provablyPositive(ir, rest);
    return (
      own.some((index) => value.indices.includes(index)) &&
      step !== undefined &&
      affine.asConstant(step) !== undefined &&
      isAlone &&
      isNarrow
    );
  });
};

const ordered = (term: Term): Term => ({
  ...term,
  fixed: new Map([...term.fixed].sort(([a], [b]) => a - b)),
});

/** As a list: by its own indices, but for those that are `given`, and by `further` ones. */
export const listed = (
  { ir }: Around,
  definition: Definition,
  further: readonly Index[],
  given: ReadonlyMap<Index, Affine> = new Map(),
): { readonly list: List; readonly values: ReadonlyMap<Index, Affine> } => {
  const own = ownIndices(ir, definition.tensor);
  const names = new Map(loopIndices(definition).map((index, k) => [index, definition.labels[k]]));
  const all = [...own.filter((index) => !given.has(index)), ...further];
  const over = all.map((index, k) => listIndex(ir, k, index));
  const renamed = all.map((index, k): [Index, Affine] => [index, affine.ofIndex(ir, over[k] ?? index)]);
  const values = new Map([...renamed, ...given]);
  const rows = own.map((index, d): [number, Affine] => [d, values.get(index) ?? index.extent]);
  const labels = all.map((index) => names.get(index) ?? index.name);
  return { list: { over, labels, rows: new Map(rows) }, values };
};

/**
 * Columns that data say, which are read at summed indices too, and bands: a list has these, and nothing is summed over them.
 * Other equations with summed indices are conditions.
 */
const met = (
  around: Around,
  definition: Definition,
  term: Term,
  equations: readonly Equation[],
  windows: readonly Equation[],
): Term => {
  const { ir, element } = around;
  const own = ownIndices(ir, definition.tensor);
  const isAt = ({ value }: Equation): boolean =>
    term.list === undefined &&
    affine.dataOf(value).length > 0 &&
    own.some((index) => value.indices.includes(index)) &&
    !element.some((index) => value.indices.includes(index));
  const places = [...equations.filter(isAt), ...windows];
  const conditions = equations.filter((each) => !isAt(each)).map((each) => equalityOf(ir, each));
  const rest: Term = { ...term, body: guarded(ir, conditions, term.body) };
  if (places.length === 0) return rest;
  const further = rest.loops.filter((index) => places.some(({ value }) => value.indices.includes(index)));
  const { list, values } = listed(around, definition, further);
  const fixed = places.map(({ target, value }): [number, Affine] => [element.indexOf(target), value]);
  return {
    list,
    fixed: putIn(ir, new Map([...rest.fixed, ...fixed]), values),
    loops: rest.loops.filter((index) => !further.includes(index)),
    body: substitute(ir, rest.body, values),
  };
};
