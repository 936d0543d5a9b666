/**
 * Terms at constant places next to each other → terms at blocks of places.
 * Terminates: every merge leaves fewer terms.
 */
import { affine, type Affine, type Arena, type Index, type Node, type Tensor } from "../../ir/index.ts";
import { eliminate, equalityOf, type Equation } from "../gather.ts";
import {
  grouped,
  ownIndices,
  putIn,
  guarded,
  keyOf,
  withoutKey,
  type Fixed,
  type Around,
  type Term,
} from "./parts.ts";

/**
 * Lists and columns by data that differ in constant places of one dimension only, of which they fill half at least, are one with
 * that dimension: the parameters of a camera are a block. Only of results: what these are made of stays a number for each.
 */
export const inBlocks = (around: Around, tensor: Tensor, terms: readonly Term[]): readonly Term[] => {
  if (!around.results.has(tensor)) return terms;
  const { ir, element } = around;
  const columns = element.map((index, j): Dimension<Term> => ({
    index,
    place: (term) => (isByData(term) ? term.fixed.get(j) : undefined),
    without: (term) => ({ ...term, fixed: withoutKey(term.fixed, j) }),
    key: keyOf,
  }));
  const rows = ownIndices(ir, tensor).map((index, d): Dimension<Term> => ({
    index,
    place: ({ list }) => list?.rows.get(d),
    without: ({ list, ...term }) => ({ ...term, list: list && { ...list, rows: withoutKey(list.rows, d) } }),
    key: keyOf,
  }));
  const blocks = [...columns, ...rows].reduce((all, dimension) => filled(ir, all, dimension), terms);
  return inOthers(around, tensor, blocks);
};

/** A dimension in which items may stand at constant places. */
export interface Dimension<T> {
  readonly index: Index;
  readonly place: (item: T) => Affine | undefined;
  readonly without: (item: T) => T;
  /** The same for items that stand at the same places. */
  readonly key: (item: T) => string;
}

export const filled = <T extends { readonly body: Node }>(
  ir: Arena,
  items: readonly T[],
  { index, place, without, key }: Dimension<T>,
): readonly T[] => {
  const extent = affine.asConstant(index.extent) ?? Infinity;
  const constantOf = (item: T): number | undefined => {
    const at = place(item);
    return at && affine.asConstant(at);
  };
  const groups = grouped(items, (item) =>
    constantOf(item) === undefined ? `${items.indexOf(item)}` : `at ${key(without(item))}`,
  );
  return groups.flatMap((group) => {
    const places = new Set(group.map(constantOf));
    if (places.has(undefined) || 2 * places.size < extent || places.size < 2) return group;
    return group.map((item) => ({ ...without(item), body: atPlaces(ir, item, [[index, place(item)]]) }));
  });
};

const isByData = ({ list, fixed }: Term): boolean =>
  list !== undefined || [...fixed.values()].some((value) => affine.dataOf(value).length > 0);

/** The body where these indices are there. */
const atPlaces = (
  ir: Arena,
  { body }: { readonly body: Node },
  places: readonly (readonly [Index, Affine | undefined])[],
): Node =>
  guarded(
    ir,
    places.flatMap(([target, value]) => (value === undefined ? [] : [equalityOf(ir, { target, value })])),
    body,
  );

/**
 * A list that stands inside of the blocks of one other is a part of these. Of one other only: so that, where the matrix is its
 * transpose, the list's counterpart is a part of the counterpart of the other.
 */
const inOthers = (around: Around, tensor: Tensor, terms: readonly Term[]): readonly Term[] => {
  const { ir, element } = around;
  const own = ownIndices(ir, tensor);
  return terms.map((term) => {
    const blocks = terms.filter((other) => isBlockAround(other, term));
    const [outer, ...others] = blocks.filter((each) => !blocks.some((other) => isBlockAround(other, each)));
    const isApart = outer === undefined || others.some((other) => keyOf(other) !== keyOf(outer));
    if (isApart || terms.some((other) => isBandAround(ir, own, other, term))) return term;
    const { list: block, fixed } = outer;
    if (block === undefined || term.list === undefined) return term;
    const rows = [...term.list.rows].flatMap(([d, value]) => equationAt(own[d], value, block.rows.has(d)));
    const columns = [...term.fixed].flatMap(([j, value]) => equationAt(element[j], value, fixed.has(j)));
    const loops = [...term.list.over.filter((index) => !block.over.includes(index)), ...term.loops];
    const end = eliminate(ir, { equations: [...rows, ...columns], loops, value: term.body });
    const conditions = end.equations.map((each) => equalityOf(ir, each));
    return {
      list: block,
      fixed,
      loops: end.loops,
      body: guarded(ir, [...end.guards, ...conditions], end.value),
    };
  });
};

const equationAt = (target: Index | undefined, value: Affine, isThere: boolean): readonly Equation[] =>
  target === undefined || isThere ? [] : [{ target, value }];

/** Whether it has an entry or block in each row, which is where a list is in its rows. */
const isBandAround = (ir: Arena, own: readonly Index[], band: Term, { list, fixed }: Term): boolean => {
  if (band.list !== undefined || list === undefined) return false;
  const places = new Map(
    own.flatMap((index, d): [Index, Affine][] => {
      const place = list.rows.get(d);
      return place === undefined ? [] : [[index, place]];
    }),
  );
  return [...putIn(ir, band.fixed, places)].every(([j, place]) => fixed.get(j) === place);
};

/** Whether it has fewer places, and is where a list is in these. */
const isBlockAround = (block: Term, { list, fixed }: Term): boolean => {
  if (block.list === undefined || list === undefined) return false;
  const isWithin = (places: Fixed, within: Fixed): boolean =>
    [...within].every(([d, place]) => places.get(d) === place);
  const isOver = block.list.over.every((index, k) => index === list.over[k]);
  const isLarger = block.list.rows.size + block.fixed.size < list.rows.size + fixed.size;
  return isOver && isLarger && isWithin(list.rows, block.list.rows) && isWithin(fixed, block.fixed);
};
