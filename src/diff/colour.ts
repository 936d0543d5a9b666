/**
 * In: where the entries of a sparse matrix stand. Out: how many products with a vector give all of them (Curtis, Powell and Reid,
 * 1974): columns that no row has both of have one colour, and are one product. A colouring Σ m[j]·e[j] mod p of the columns e is
 * looked for with the least p; at p = the product of the spans the mixed-radix numbers are one, so that it ends. A symmetric
 * matrix of constant size that is no stencil has a star colouring: each vertex once.
 */
import { affine, type Affine, type Arena } from "../ir/index.ts";
import { isByRow, type AffinePlace, type EntryList, type Matrix, type Place } from "../loop/matrix.ts";

/** Undefined where places depend on data, or are not at fixed distances from the row and the size is that of run time. */
export const productsFor = (ir: Arena, matrix: Matrix<Affine>): Affine | undefined => {
  const { structure, columns } = matrix;
  if (structure.kind !== "sparse") return undefined;
  const stars = (): Affine | undefined => {
    const pattern = structure.isSymmetric ? patternOf(matrix) : undefined;
    return (
      pattern && affine.fixed(ir, 1 + starColours(pattern).reduce((most, each) => Math.max(most, each), 0))
    );
  };
  if (!structure.at.every((list) => isByRow(list, affine.asConstant))) return stars();
  const [first] = structure.at.map((list) => list.columns);
  const isFree = columns.map((_, j) => first?.[j]?.kind === "free");
  const offsets = structure.at.map((list) => offsetsOf(list, isFree, first));
  const known = offsets.filter((each) => each !== undefined);
  if (known.length < offsets.length) return stars();
  const mirrored = structure.isSymmetric ? known.map((each) => each.map((offset) => -offset)) : [];
  const colours = affine.fixed(ir, leastColours(distinct([...known, ...mirrored])));
  // a block has a column for each index in its free dimensions
  return columns
    .filter((_, j) => isFree[j])
    .reduce((size, extent) => affine.times(ir, size, extent), colours);
};

// ---- star colourings

/** Symmetric matrices of constant size with more rows are not coloured here. */
const MOST_ROWS = 4096;

/** The columns of each row, of a symmetric matrix of known size. */
const patternOf = ({ rows, structure }: Matrix<Affine>): readonly (readonly number[])[] | undefined => {
  const size = constantOf(rows);
  if (structure.kind !== "sparse" || size === undefined || size > MOST_ROWS) return undefined;
  const found = Array.from({ length: size }, () => new Set<number>());
  for (const list of structure.at) {
    const entries = entriesOf(rows, list);
    if (entries === undefined) return undefined;
    for (const [row, column] of entries) {
      found[row]?.add(column);
      found[column]?.add(row);
    }
  }
  return found.map((columns) => [...columns]);
};

const constantOf = (shape: readonly Affine[]): number | undefined =>
  shape.reduce((size: number | undefined, extent) => {
    const constant = affine.asConstant(extent);
    return size === undefined || constant === undefined ? undefined : size * constant;
  }, 1);

/** Row and column of each entry of a list, of which rows and columns have one shape; undefined where data say. */
const entriesOf = (
  shape: readonly Affine[],
  { over, rows, columns }: EntryList<string, Affine>,
): readonly (readonly [number, number])[] | undefined => {
  const extents = shape.map((extent) => affine.asConstant(extent) ?? 0);
  const elementsAt = (
    places: readonly Place<string, Affine>[],
    index: readonly number[],
  ): readonly number[] =>
    places.reduce<readonly number[]>(
      (elements, place, d) => {
        const extent = extents[d] ?? 0;
        const at = place.kind === "affine" ? [affineAt(place, index)] : [...Array(extent).keys()];
        return elements.flatMap((element) =>
          at.filter((each) => each >= 0 && each < extent).map((each) => element * extent + each),
        );
      },
      [0],
    );
  const size = constantOf(over);
  const places = [...rows, ...columns];
  const isKnown = places.every(
    (place) =>
      place.kind === "free" ||
      (place.kind === "affine" &&
        !Number.isNaN(
          affineAt(
            place,
            over.map(() => 0),
          ),
        )),
  );
  if (size === undefined || !isKnown) return undefined;
  return Array.from({ length: size }, (_, k) => {
    const index = indicesOf(
      over.map((extent) => affine.asConstant(extent) ?? 1),
      k,
    );
    const left = elementsAt(rows, index);
    const top = elementsAt(columns, index);
    return left.flatMap((row) => top.map((column) => [row, column] as const));
  }).flat();
};

const indicesOf = (extents: readonly number[], element: number): readonly number[] => {
  let rest = element;
  return extents
    .toReversed()
    .map((extent) => {
      const index = rest % extent;
      rest = Math.floor(rest / extent);
      return index;
    })
    .toReversed();
};

const affineAt = ({ offset, steps }: AffinePlace<Affine>, index: readonly number[]): number =>
  steps.reduce(
    (sum, step, d) => sum + (affine.asConstant(step) ?? NaN) * (index[d] ?? 0),
    affine.asConstant(offset) ?? NaN,
  );

/**
 * A star colouring of the graph whose vertices are the rows and whose edges are the entries, by the greedy algorithm of
 * Gebremedhin, Manne and Pothen (What Color Is Your Jacobian?, 2005): neighbours differ, and no path of four vertices has two
 * colours. Then each entry h[i, j] stands alone in the product with the colour of j, in row i, or in that with the colour of i,
 * in row j.
 */
export const starColours = (pattern: readonly (readonly number[])[]): readonly number[] => {
  const colours: number[] = [];
  const others = pattern.map((columns, row) => columns.filter((column) => column !== row));
  const around = (vertex: number): readonly number[] => others[vertex] ?? [];
  pattern.forEach((_, vertex) => {
    const taken = new Set<number | undefined>();
    for (const near of around(vertex)) {
      const colour = colours[near];
      taken.add(colour);
      for (const far of around(near)) {
        if (far === vertex || colours[far] === undefined) continue;
        const closes = around(far).some((last) => last !== near && colours[last] === colour);
        if (colour === undefined || closes) taken.add(colours[far]);
      }
    }
    let colour = 0;
    while (taken.has(colour)) colour++;
    colours.push(colour);
  });
  return colours;
};

// ---- stencils

const offsetsOf = (
  { columns }: EntryList<string, Affine>,
  isFree: readonly boolean[],
  first: readonly Place<string, Affine>[] = [],
): readonly number[] | undefined => {
  const offsets = columns.map((place, j) => {
    const like = first[j];
    if (place.kind === "free") return isFree[j] ? 0 : undefined;
    if (place.kind !== "affine" || like?.kind !== "affine") return undefined;
    const steps = place.steps.map(affine.asConstant).filter((step) => step !== 0);
    const isAlike = place.steps.every((step, d) => step === like.steps[d]);
    return isAlike && steps.length === 1 && steps[0] === 1 ? affine.asConstant(place.offset) : undefined;
  });
  const known = offsets.filter((offset) => offset !== undefined);
  return known.length < offsets.length ? undefined : known;
};

const distinct = (offsets: readonly (readonly number[])[]): readonly (readonly number[])[] => [
  ...new Map(offsets.map((each) => [each.map((offset) => offset + 0).join(), each])).values(),
];

const leastColours = (offsets: readonly (readonly number[])[]): number => {
  const dimensions = offsets[0]?.length ?? 0;
  let colours = Math.max(1, offsets.length);
  while (!multipliers(dimensions, colours).some((by) => areApart(offsets, by, colours))) colours++;
  return colours;
};

const areApart = (
  offsets: readonly (readonly number[])[],
  by: readonly number[],
  colours: number,
): boolean => {
  const found = offsets.map((each) => {
    const sum = each.reduce((total, offset, j) => total + offset * (by[j] ?? 0), 0);
    return ((sum % colours) + colours) % colours;
  });
  return new Set(found).size === offsets.length;
};

/** All vectors of numbers below `colours`. */
const multipliers = (dimensions: number, colours: number): readonly (readonly number[])[] => {
  let all: readonly (readonly number[])[] = [[]];
  for (let j = 0; j < dimensions; j++)
    all = all.flatMap((each) => Array.from({ length: colours }, (_, k) => [...each, k]));
  return all;
};
