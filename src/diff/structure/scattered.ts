/**
 * A definition that scatters → its tangent: lists of places, or an array over all of them.
 * Terminates: reads and their parts are finite, and every merge of sends leaves fewer.
 */
import {
  affine,
  build,
  define,
  elementLabels,
  substitute,
  type Affine,
  type Arena,
  type Definition,
  type Index,
  type Node,
  type Tensor,
} from "../../ir/index.ts";
import { eliminate, equalityOf, letterAt, substituteIn, type Equation } from "../gather.ts";
import { filled, type Dimension } from "./blocks.ts";
import {
  grouped,
  ownIndices,
  listIndex,
  freeOf,
  at,
  partAt,
  fixedAt,
  guarded,
  conditionsOf,
  keyOf,
  putIn,
  withoutKey,
  isElement,
  type Part,
  type Fixed,
  type Whole,
  type Around,
  type Term,
  type Tangent,
  type Moving,
} from "./parts.ts";
import { tangentOfTerms, tensorOf, defined, type Defined } from "./tangent.ts";
import { meetingOf } from "./terms.ts";

/** A value and where it goes: an element of the source that is known there is a delta or a place to scatter to. */
export const scattered = (
  around: Around,
  definition: Definition,
  target: readonly Affine[],
  reads: readonly Moving[],
): Tangent => {
  const { ir } = around;
  const own = ownIndices(ir, definition.tensor);
  const sends = reads.flatMap((read) =>
    (around.of.get(read.tensor) ?? []).map((part) => sendOf(around, definition, target, read, part)),
  );
  const lists = tangentOfTerms(
    around,
    definition,
    sends.filter((send) => isListed(around, send)).map((send) => listOf(around, definition, send)),
  );
  const whole = together(
    around,
    sends.filter((send) => !isListed(around, send)),
  );
  const scatters = whole.map((send) => scatter(around, definition, send));
  const labelsOfSum = elementLabels(definition).map((label, d) => label ?? letterAt(d));
  const totals = grouped(scatters, ({ part }) => keyOf(part)).map((group): Defined => {
    const [only, ...more] = group;
    if (only !== undefined && more.length === 0) return only;
    const fixed = only?.part.fixed ?? new Map<number, Affine>();
    const values = group.map(({ part }) => partAt(ir, around.element, part, at(ir, own)));
    const total = defined(
      around,
      { ...definition, labels: labelsOfSum },
      { list: undefined, fixed, loops: [], body: build.sum(ir, values) },
    );
    return {
      part: total.part,
      definitions: [...group.flatMap((each) => each.definitions), ...total.definitions],
    };
  });
  return {
    parts: [...totals.map(({ part }) => part), ...lists.parts],
    definitions: [...totals.flatMap((each) => each.definitions), ...lists.definitions],
  };
};

/** T[target] += δ(known)·body, for all of the loops. */
interface Send {
  readonly loops: readonly Index[];
  readonly labels: ReadonlyMap<Index, string | undefined>;
  readonly target: readonly Affine[];
  /** Columns that are known: those that equal a place of the target are deltas. */
  readonly known: Fixed;
  readonly fixed: Fixed;
  readonly body: Node;
}

/** A column by the indices of the row: the same as one of these, or an expression in loops that are. */
const ofRows = (
  ir: Arena,
  rows: readonly (readonly [Affine, Index])[],
  value: Affine,
): Affine | undefined => {
  const same = rows.find(([place]) => place === value);
  if (same !== undefined) return affine.ofIndex(ir, same[1]);
  const loops = new Map(
    rows.flatMap(([place, index]): [Index, Affine][] => {
      const [loop] = place.indices;
      const split = loop && affine.linearIn(ir, place, loop);
      const sign = split && affine.asConstant(split.coefficient);
      if (loop === undefined || split === undefined || split.rest.indices.length > 0) return [];
      if (sign !== 1 && sign !== -1) return [];
      return [[loop, affine.scale(ir, affine.minus(ir, affine.ofIndex(ir, index), split.rest), sign)]];
    }),
  );
  const isByRow = value.indices.length > 0 && value.indices.every((index) => loops.has(index));
  return isByRow ? substituteIn(ir, value, loops) : undefined;
};

const sendOf = (
  around: Around,
  definition: Definition,
  places: readonly Affine[],
  read: Moving,
  given: Part,
): Send => {
  const { ir, element } = around;
  const kept = places.flatMap((place) => place.indices);
  const { part, values, guards } = meetingOf(around, read, given, kept);
  const target = places.map((place) => substituteIn(ir, place, values));
  const known = putIn(ir, new Map(fixedAt(ir, part, read)), values);
  const own = ownIndices(ir, definition.tensor);
  const rows = target.flatMap((place, d): [Affine, Index][] =>
    own[d] === undefined ? [] : [[place, own[d]]],
  );
  const fixed = new Map(
    [...known].flatMap(([j, value]): [number, Affine][] => {
      const at = ofRows(ir, rows, value);
      return at === undefined ? [] : [[j, at]];
    }),
  );
  const value = build.multiply(ir, read.partial, partAt(ir, element, part, read.at));
  const loops = [...(part.list?.over ?? []), ...definition.indices.filter((index) => !values.has(index))];
  const labels = new Map([
    ...definition.indices.map((index, k) => [index, definition.labels[k]] as const),
    ...(part.list?.over ?? []).map((index, k) => [index, part.list?.labels[k]] as const),
  ]);
  return { loops, labels, target, known, fixed, body: guarded(ir, guards, substitute(ir, value, values)) };
};

/** What goes to the same places is sent at once, to constant ones of a dimension too where these fill half of it. */
const together = ({ ir, element }: Around, sends: readonly Send[]): readonly Send[] => {
  const key = ({ loops, target, known }: Send): string =>
    [loops.map(({ id }) => id), target.map(({ id }) => id), keyOf({ fixed: known })].join(";");
  const dimensions = element.map((index, j): Dimension<Send> => ({
    index,
    place: ({ known }) => known.get(j),
    without: (send) => ({ ...send, known: withoutKey(send.known, j), fixed: withoutKey(send.fixed, j) }),
    key,
  }));
  const blocks = dimensions.reduce((all, dimension) => filled(ir, all, dimension), sends);
  return grouped(blocks, key).flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [
          {
            ...first,
            body: build.sum(
              ir,
              [first, ...others].map(({ body }) => body),
            ),
          },
        ],
  );
};

/** Where a loop says nothing but where in a dimension, and runs through half of it at least. */
const alongOne = (
  ir: Arena,
  { target, known }: Send,
  place: Affine,
  { extent }: Index,
): Equation | undefined => {
  const [loop, ...others] = place.indices;
  const split = loop && affine.linearIn(ir, place, loop);
  const sign = split && affine.asConstant(split.coefficient);
  const all = [...target, ...known.values()];
  const isOnly = all.filter(({ indices }) => loop !== undefined && indices.includes(loop)).length === 1;
  if (loop === undefined || others.length > 0 || !isOnly || (sign !== 1 && sign !== -1)) return undefined;
  const sizes = [affine.asConstant(loop.extent) ?? 0, affine.asConstant(extent) ?? Infinity] as const;
  const isWhole = affine.plainIndex(place) !== undefined && loop.extent === extent;
  return isWhole || 2 * sizes[0] >= sizes[1] ? { target: loop, value: place } : undefined;
};

/** Whether a column depends on what is scattered, and is not its row, nor all there is in a row that is that. */
const isListed = ({ ir, element }: Around, send: Send): boolean => {
  const { known, fixed } = send;
  return [...known].some(([j, place]) => {
    const [index] = element.slice(j, j + 1);
    if (fixed.has(j) || place.indices.length === 0 || index === undefined) return false;
    const isSmall = fixed.size > 0 && affine.asConstant(index.extent) !== undefined;
    return !isSmall || alongOne(ir, send, place, index) === undefined;
  });
};

/** As a list: loops that say nothing but where in one dimension are solved for that, and those that say nothing are summed over. */
const listOf = (around: Around, definition: Definition, send: Send): Term => {
  const { ir, element } = around;
  const { loops, labels, target, known } = send;
  const own = ownIndices(ir, definition.tensor);
  const open: Equation[] = [];
  const isPlace = ([d, place]: readonly [number, Affine], side: readonly Index[]): boolean => {
    const index = side[d];
    const alone = index && alongOne(ir, send, place, index);
    if (index !== undefined && alone !== undefined) open.push({ target: index, value: place });
    return alone === undefined;
  };
  const rows = target.map((place, d): [number, Affine] => [d, place]).filter((each) => isPlace(each, own));
  const columns = [...known].filter((each) => isPlace(each, element));
  const places = [...rows, ...columns];
  const over = loops.filter((index) => places.some(([, { indices }]) => indices.includes(index)));
  const end = eliminate(ir, {
    equations: open,
    loops: loops.filter((index) => !over.includes(index)),
    value: send.body,
  });
  const conditions = end.equations.map((each) => equalityOf(ir, each));
  const values = new Map(
    over.map((index, k): [Index, Affine] => [index, affine.ofIndex(ir, listIndex(ir, k, index))]),
  );
  return {
    list: {
      over: over.map((index, k) => listIndex(ir, k, index)),
      labels: over.map((index) => labels.get(index) ?? index.name),
      rows: putIn(ir, new Map(rows), values),
    },
    fixed: putIn(ir, new Map(columns), values),
    loops: end.loops,
    body: substitute(ir, guarded(ir, [...end.guards, ...conditions], end.value), values),
  };
};

const scatter = (
  around: Around,
  definition: Definition,
  { loops, labels, target, known, fixed, body }: Send,
): Defined => {
  const { ir, element } = around;
  const placed = new Map([...known].filter(([j, place]) => fixed.has(j) || isElement(ir, place, element[j])));
  const free = freeOf(element, placed);
  const tensor = tensorOf(around, definition.tensor, fixed);
  const places = element.map((index, j) => placed.get(j) ?? affine.ofIndex(ir, index));
  const made = define(ir, {
    tensor,
    indices: [...loops, ...free],
    target: [...target, ...places.filter((_, j) => !fixed.has(j))],
    body: guarded(ir, conditionsOf(ir, element, known, placed), body),
    labels: [...loops.map((index) => labels.get(index) ?? index.name), ...free.map(({ name }) => name)],
  });
  return { part: { fixed, tensor }, definitions: [made] };
};

/** A list as an array over all rows and columns: its entries are added up there. */
export const spread = (
  around: Whole,
  of: Tensor,
  part: Part,
): { readonly part: Part; readonly definition: Definition } => {
  const { ir, element } = around;
  const own = ownIndices(ir, of);
  const { list = { over: [], labels: [], rows: new Map<number, Affine>() } } = part;
  const to = (index: Index, place: Affine | undefined): Affine =>
    place !== undefined && isElement(ir, place, index) ? place : affine.ofIndex(ir, index);
  const rows = own.map((index, d) => to(index, list.rows.get(d)));
  const columns = element.map((index, j) => to(index, part.fixed.get(j)));
  const all = [
    ...own.map((index, d) => [index, rows[d], list.rows.get(d)] as const),
    ...element.map((index, j) => [index, columns[j], part.fixed.get(j)] as const),
  ];
  const open = all.flatMap(([index, place]) => (affine.plainIndex(place) === index ? [index] : []));
  const conditions = all.flatMap(([index, place, known]) =>
    known === undefined || place === known ? [] : [equalityOf(ir, { target: index, value: known })],
  );
  const none: Fixed = new Map();
  const tensor = tensorOf(around, of, none);
  const definition = define(ir, {
    tensor,
    indices: [...list.over, ...open],
    target: [...rows, ...columns],
    body: guarded(ir, conditions, partAt(ir, element, part, at(ir, own))),
    labels: [...list.labels, ...open.map(({ name }) => name)],
  });
  return { part: { fixed: none, tensor }, definition };
};
