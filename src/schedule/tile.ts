/**
 * Contractions that are computed in blocks of their result, held in registers. In: a reduction and its reads; out: which
 * of its indices run on vectors, and which are repeated so that what is loaded is used several times. Ends: pairs of
 * indices are candidates once.
 */
import { affine, type Affine, type Arena, type Definition, type Index } from "../ir/index.ts";
import { guardedOf } from "./bounds.ts";
import type { Tile, TensorRead } from "./tree.ts";

/** How an access moves with an index. */
type Walk = "still" | "unit" | "strided";

/** Results with fewer columns than a vector has lanes run on vectors along the reduction. */
const FEWEST = 4;

export const tileOf = (ir: Arena, definition: Definition, reads: readonly TensorRead[]): Tile | undefined => {
  const { indices, reduction } = definition;
  if (reduction === undefined || reads.length < 2) return undefined;
  const guards = new Set(guardedOf(ir, definition).tests.flatMap((test) => test.indices));
  const walks = (index: Index): readonly Walk[] => reads.map(({ at }) => walkOf(ir, at, index));
  const isSmooth = (index: Index): boolean =>
    !walks(index).includes("strided") && walks(index).includes("unit");
  const free = indices.filter((index) => !guards.has(index));
  const along = reduction.indices.findLast(isSmooth);
  for (const lanes of free.toReversed()) {
    if (isShort(lanes)) continue;
    const rows = partner(reads, lanes, free);
    if (rows === undefined) continue;
    // what is not in order is copied to a panel, if it is the same for all rows
    const strided = reads.filter((read) => walkOf(ir, read.at, lanes) === "strided");
    const isPacked = guards.size === 0 && !strided.some((read) => dependsOn(read, rows));
    if (strided.length === 0 || isPacked) return { kind: "lanes", lanes, rows, along };
  }
  for (const lanes of reduction.indices.toReversed()) {
    if (isShort(lanes) || !isSmooth(lanes)) continue;
    for (const columns of free.toReversed()) {
      const rows = partner(reads, columns, free);
      if (rows !== undefined) return { kind: "dots", lanes, rows, columns };
    }
  }
  return undefined;
};

const isShort = (index: Index): boolean => (affine.asConstant(index.extent) ?? Infinity) < FEWEST;

/** The index that a read over `columns` does not have, while another read has it alone. */
const partner = (
  reads: readonly TensorRead[],
  columns: Index,
  indices: readonly Index[],
): Index | undefined =>
  indices.find(
    (rows) =>
      rows !== columns &&
      reads.some((read) => dependsOn(read, columns) && !dependsOn(read, rows)) &&
      reads.some((read) => dependsOn(read, rows) && !dependsOn(read, columns)),
  );

const dependsOn = ({ at }: TensorRead, index: Index): boolean =>
  at.some((position) => position.indices.includes(index));

const walkOf = (ir: Arena, at: readonly Affine[], index: Index): Walk => {
  const last = at.at(-1);
  if (!at.some((position) => position.indices.includes(index))) return "still";
  if (last === undefined || at.slice(0, -1).some((position) => position.indices.includes(index)))
    return "strided";
  const linear = affine.linearIn(ir, last, index);
  return linear !== undefined && affine.asConstant(linear.coefficient) === 1 ? "unit" : "strided";
};
