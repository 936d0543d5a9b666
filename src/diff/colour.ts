/**
 * In: where the entries of a sparse matrix stand. Out: how many products with a vector give all of them (Curtis, Powell and Reid,
 * 1974): columns that no row has both of have one colour, and are one product. A colouring Σ m[j]·e[j] mod p of the columns e is
 * looked for with the least p; at p = the product of the spans the mixed-radix numbers are one, so that it ends.
 */
import { affine, type Affine, type Arena } from "../ir/index.ts";
import { isByRow, type EntryList, type Matrix, type Place } from "../loop/matrix.ts";

/** Undefined where places depend on data, or are not at fixed distances from the row. */
export const productsFor = (ir: Arena, { structure, columns }: Matrix<Affine>): Affine | undefined => {
  if (structure.kind !== "sparse") return undefined;
  if (!structure.at.every((list) => isByRow(list, affine.asConstant))) return undefined;
  const [first] = structure.at.map((list) => list.columns);
  const isFree = columns.map((_, j) => first?.[j]?.kind === "free");
  const offsets = structure.at.map((list) => offsetsOf(list, isFree, first));
  const known = offsets.filter((each) => each !== undefined);
  if (known.length < offsets.length) return undefined;
  const mirrored = structure.isSymmetric ? known.map((each) => each.map((offset) => -offset)) : [];
  const colours = affine.fixed(ir, leastColours(distinct([...known, ...mirrored])));
  // a block has a column for each index in its free dimensions
  return columns
    .filter((_, j) => isFree[j])
    .reduce((size, extent) => affine.times(ir, size, extent), colours);
};

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
