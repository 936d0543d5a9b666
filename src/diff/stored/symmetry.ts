/**
 * Of bands that are each other's transposes, one. In: the bands of a symmetric matrix; out: those that are kept, or nothing where
 * one has no counterpart. Each pair of bands is compared once: it ends.
 */
import { affine, type Affine, type Arena, type Index, type Tensor } from "../../ir/index.ts";
import { substituteIn } from "../gather.ts";
import type { Part } from "../structure/parts.ts";
import type { Draft } from "./drawn.ts";

/** Parts at one place for each index of a list, or in each row: a block, and what stands on diagonals of it. */
export interface Band {
  readonly over: readonly Index[];
  /** Of rows and columns: places that are known. */
  readonly rows: ReadonlyMap<number, Affine>;
  readonly columns: ReadonlyMap<number, Affine>;
  readonly parts: readonly [Part, ...Part[]];
}

/** A band without what only says that all of a dimension is there; in the form in which it equals its transposed counterpart. */
type Frame = Pick<Band, "over" | "rows" | "columns">;

interface Half {
  readonly band: Band;
  readonly isMirrored: boolean;
}

/**
 * Of each two bands of which one is where the other is transposed, one: of the second derivatives by two reads, in either order,
 * which are equal, one is in each. Undefined where a band has no counterpart.
 */
export const halfOf = (
  ir: Arena,
  { of, source }: Draft,
  bands: readonly Band[],
): readonly Half[] | undefined => {
  if (!of.shape.every((extent, k) => extent === source.shape[k])) return undefined;
  const frames = bands.map((band) => ({ band, frame: framed(ir, of, band) }));
  const keyed = frames.map(({ band, frame }) => ({
    band,
    key: keyOf(ir, frame),
    counterpart: keyOf(ir, framed(ir, of, { over: frame.over, rows: frame.columns, columns: frame.rows })),
    offsets: offsetsOf(ir, frame),
  }));
  const isPaired = keyed.every(
    ({ counterpart }) => keyed.filter(({ key }) => key === counterpart).length === 1,
  );
  if (!isPaired) return undefined;
  const kept = keyed.filter(({ counterpart, offsets }, k) => {
    const other = keyed.findIndex((each) => each.key === counterpart);
    const side = sideOf(offsets);
    return other === k || (side === 0 ? k < other : side > 0);
  });
  return kept
    .sort(({ offsets: a }, { offsets: b }) =>
      sideOf(a?.map((offset, j) => affine.minus(ir, offset, b?.[j] ?? offset))),
    )
    .map(({ band, key, counterpart }) => ({ band, isMirrored: key !== counterpart }));
};

/** Indices that are one dimension and nothing else are free in it; those of the list are where the rows are, if they can be. */
const framed = (ir: Arena, { shape }: Tensor, { over, rows, columns }: Frame): Frame => {
  const all = [...rows.values(), ...columns.values()];
  const alone = over.filter((index) => all.filter(({ indices }) => indices.includes(index)).length === 1);
  const others = (places: Band["rows"]): Band["rows"] =>
    new Map(
      [...places].filter(([d, place]) => {
        const index = affine.plainIndex(place);
        return index === undefined || index.extent !== shape[d] || !alone.includes(index);
      }),
    );
  const [fewer, right] = [others(rows), others(columns)];
  const left = over.filter((index) =>
    [...fewer.values(), ...right.values()].some(({ indices }) => indices.includes(index)),
  );
  const byRow = solved(ir, shape, left, fewer);
  const put = (places: Band["rows"]): Band["rows"] =>
    new Map(
      [...places].map(([d, place]) => [d, byRow === undefined ? place : substituteIn(ir, place, byRow)]),
    );
  return {
    over:
      byRow === undefined
        ? left
        : [...fewer.keys()].map((d) => ir.index(`r${d}`, shape[d] ?? affine.fixed(ir, 1))),
    rows: put(fewer),
    columns: put(right),
  };
};

/** The indices of a list by those of the rows: r = ±k + offset, of the same extent, for each of them once. */
const solved = (
  ir: Arena,
  shape: readonly Affine[],
  over: readonly Index[],
  rows: Band["rows"],
): ReadonlyMap<Index, Affine> | undefined => {
  const found = [...rows].flatMap(([d, place]): [Index, Affine][] => {
    const [index, ...others] = place.indices;
    const split = index === undefined || others.length > 0 ? undefined : affine.linearIn(ir, place, index);
    const sign = split && affine.asConstant(split.coefficient);
    if (
      index === undefined ||
      index.extent !== shape[d] ||
      (sign !== 1 && sign !== -1) ||
      split === undefined
    )
      return [];
    const row = affine.ofIndex(ir, ir.index(`r${d}`, index.extent));
    return [[index, affine.scale(ir, affine.minus(ir, row, split.rest), sign)]];
  });
  const values = new Map(found);
  return values.size === over.length && found.length === rows.size && over.every((index) => values.has(index))
    ? values
    : undefined;
};

/** The same for frames that differ in the names and the order of the indices of the list. */
const keyOf = (ir: Arena, { over, rows, columns }: Frame): string => {
  const keys = permutationsOf(over).map((order) => {
    const names = new Map(
      order.map((index, k): [Index, Affine] => [index, affine.ofIndex(ir, ir.index(`k${k}`, index.extent))]),
    );
    const text = (places: Band["rows"]): string =>
      [...places]
        .sort(([a], [b]) => a - b)
        .map(([d, place]) => `${d}:${substituteIn(ir, place, names).id}`)
        .join();
    return `${order.map(({ extent }) => extent.id).join()};${text(rows)};${text(columns)}`;
  });
  return keys.sort()[0] ?? "";
};

/** All orders of few; of more than that the one that they have. */
const permutationsOf = <T>(items: readonly T[]): readonly (readonly T[])[] =>
  items.length < 2 || items.length > 4
    ? [items]
    : items.flatMap((item) =>
        permutationsOf(items.filter((each) => each !== item)).map((rest) => [item, ...rest]),
      );

/** How far from its row a column is in each dimension; undefined for what is on no diagonal. */
const offsetsOf = (ir: Arena, { over, rows, columns }: Frame): readonly Affine[] | undefined => {
  const offsets = [...rows].map(([d, row]) => {
    const column = columns.get(d);
    const offset = column && affine.minus(ir, column, row);
    return offset?.indices.length === 0 ? offset : undefined;
  });
  const known = offsets.filter((offset) => offset !== undefined);
  const isDiagonal =
    known.length === offsets.length && columns.size === rows.size && over.length === rows.size;
  return isDiagonal ? known : undefined;
};

/** Positive for what is right of the diagonal in row-major order, zero on it and for what is on no diagonal. */
const sideOf = (offsets: readonly Affine[] = []): number => {
  const [offset] = offsets.filter(({ constant, terms }) => constant !== 0 || terms.length > 0);
  return offset?.terms[0]?.coefficient ?? offset?.constant ?? 0;
};
