/**
 * Contractions that are computed in blocks of their result, held in registers. In: a reduction and its reads; out: which
 * of its indices run on vectors, and which are repeated so that what is loaded is used several times. Ends: pairs of
 * indices are candidates once.
 */
import {
  affine, build as b, range, readsOf, type Affine, type Arena, type Definition, type Index, type Node,
} from "../ir/index.ts"; // prettier-ignore
import { guardedOf, intervalOf, isAboutIndices, type Guarded } from "./bounds.ts";
import type { Tile, TensorRead } from "./tree.ts";

/** How an access moves with an index. */
type Walk = "still" | "unit" | "strided";

/** Results with fewer columns than a vector has lanes run on vectors along the reduction. */
const FEWEST = 4;

export const tileOf = (ir: Arena, definition: Definition, reads: readonly TensorRead[]): Tile | undefined => {
  const { reduction } = definition;
  if (reduction === undefined || reads.length < 2) return undefined;
  const guarded = guardedOf(ir, definition);
  const given: Given = { ir, definition, reads, guarded, windows: windowsOf(definition, reads) };
  if (guarded.tests.length === 0) return lanesOf(given) ?? dotsOf(given);
  return maskedOf(given) ?? boundedOf(given) ?? dotsOf(given);
};

interface Given {
  readonly ir: Arena;
  readonly definition: Definition;
  readonly reads: readonly TensorRead[];
  readonly guarded: Guarded;
  readonly windows: ReadonlySet<string>;
}

/** Vectors along the result. What is not in order there is copied to a panel, if it is the same for all rows. */
const lanesOf = ({ ir, definition: { indices, reduction }, reads }: Given): Tile | undefined => {
  const along = reduction?.indices.findLast((index) => isSmooth(ir, reads, index));
  for (const lanes of indices.toReversed()) {
    if (isShort(lanes)) continue;
    const rows = partner(reads, lanes, indices);
    if (rows === undefined) continue;
    const strided = reads.filter((read) => walkOf(ir, read.at, lanes) === "strided");
    if (!strided.some((read) => dependsOn(read, rows)))
      return { kind: "lanes", lanes, rows, along, masked: undefined };
  }
  return undefined;
};

/**
 * Vectors along the result of a guarded sum: the guard goes to the factors that are the same for all rows, so that it is
 * tested once for each element of their panel, and loops run over all of their extents.
 */
const maskedOf = ({ ir, definition, reads, guarded, windows }: Given): Tile | undefined => {
  const { indices, reduction } = definition;
  const { tests, body } = guarded;
  if (reduction?.op !== "sum" || body.kind !== "product" || !tests.every(isAboutIndices)) return undefined;
  const free = indices.filter((index) => !isShort(index) && !isWindow(index, windows));
  for (const lanes of free.toReversed()) {
    const rows = partner(reads, lanes, free);
    if (rows === undefined || tests.some((test) => test.indices.includes(rows))) continue;
    const shared = body.args.filter((factor) => !factor.indices.includes(rows));
    if (!shared.some((factor) => factor.indices.includes(lanes))) continue;
    const others = body.args.filter((factor) => factor.indices.includes(rows));
    if (others.some((factor) => factor.indices.includes(lanes)) || !isInBounds(ir, others)) continue;
    const mask = b.select(ir, b.and(ir, tests), b.product(ir, shared), b.constant(ir, 0));
    const inPanel = b.product(ir, [...others, mask]);
    const exact = b.guard(ir, b.and(ir, tests), body);
    return { kind: "lanes", lanes, rows, along: undefined, masked: { inPanel, exact } };
  }
  return undefined;
};

/**
 * Vectors along the result of a guarded sum whose terms, for each row, are an interval: of the rows of a block, what all of them
 * have is summed up without tests.
 */
const boundedOf = ({
  ir,
  definition: { indices, reduction },
  reads,
  guarded,
  windows,
}: Given): Tile | undefined => {
  const reduced = reduction?.indices ?? [];
  const along = reduced.findLast((index) => isSmooth(ir, reads, index));
  const free = indices.filter((index) => !isShort(index) && !isWindow(index, windows));
  const isInterval = (test: Node): boolean => {
    const [index, ...others] = reduced.filter((each) => test.indices.includes(each));
    return index !== undefined && others.length === 0 && intervalOf(ir, test, index) !== undefined;
  };
  if (!guarded.tests.every(isInterval)) return undefined;
  for (const lanes of free.toReversed()) {
    const rows = partner(reads, lanes, free);
    if (rows === undefined || guarded.tests.some((test) => test.indices.includes(lanes))) continue;
    const shared = reads.filter((read) => !dependsOn(read, rows));
    const strided = reads.filter((read) => walkOf(ir, read.at, lanes) === "strided");
    if (strided.some((read) => dependsOn(read, rows)) || !areInBounds(ir, shared)) continue;
    return { kind: "lanes", lanes, rows, along, masked: undefined };
  }
  return undefined;
};

/** Without the guard as well. */
export const isInBounds = (ir: Arena, factors: readonly Node[]): boolean => areInBounds(ir, readsOf(factors));

const areInBounds = (ir: Arena, reads: readonly TensorRead[]): boolean =>
  reads.every(({ at, tensor }) =>
    at.every((position, axis) => {
      const extent = tensor.shape[axis];
      return extent !== undefined && range.provablyInRange(ir, position, extent);
    }),
  );

/** Vectors along the sum. */
const dotsOf = ({ ir, definition: { indices, reduction }, reads, guarded }: Given): Tile | undefined => {
  const guards = new Set(guarded.tests.flatMap((test) => test.indices));
  const free = indices.filter((index) => !guards.has(index));
  for (const lanes of reduction?.indices.toReversed() ?? []) {
    if (isShort(lanes) || !isSmooth(ir, reads, lanes)) continue;
    for (const columns of free.toReversed()) {
      const rows = partner(reads, columns, free);
      if (rows !== undefined) return { kind: "dots", lanes, rows, columns };
    }
  }
  return undefined;
};

const isShort = (index: Index): boolean => (affine.asConstant(index.extent) ?? Infinity) < FEWEST;

const isSmooth = (ir: Arena, reads: readonly TensorRead[], index: Index): boolean => {
  const walks = reads.map(({ at }) => walkOf(ir, at, index));
  return !walks.includes("strided") && walks.includes("unit");
};

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

// ---- windows

/** Dims that some extent falls with: of the windows that slide along the others, and mostly small. */
const windowsOf = (definition: Definition, reads: readonly TensorRead[]): ReadonlySet<string> => {
  const loops = [...definition.indices, ...(definition.reduction?.indices ?? [])];
  const extents = [...loops.map(({ extent }) => extent), ...reads.flatMap(({ tensor }) => tensor.shape)];
  return new Set(extents.flatMap((extent) => dimsOf(extent, -1)));
};

/** The dims in the terms whose sign is this. */
const dimsOf = (extent: Affine, sign: 1 | -1): readonly string[] =>
  extent.terms.flatMap(({ coefficient, atoms }) => {
    const own = Math.sign(coefficient) * sign;
    return atoms.flatMap((atom) => {
      if (atom.kind === "dim") return own > 0 ? [atom.name] : [];
      if (atom.kind !== "floordiv") return [];
      return dimsOf(atom.value, own > 0 ? 1 : -1);
    });
  });

const isWindow = ({ extent }: Index, windows: ReadonlySet<string>): boolean => {
  const dims = dimsOf(extent, 1);
  return dims.length > 0 && dims.every((name) => windows.has(name));
};

/** Whether all loops but the first are over windows: few iterations. */
export const hasShortInside = (definition: Definition, reads: readonly TensorRead[]): boolean => {
  const windows = windowsOf(definition, reads);
  const [, ...inner] = definition.reduction?.indices ?? [];
  return inner.every((index) => isShort(index) || isWindow(index, windows));
};
