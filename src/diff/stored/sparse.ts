/**
 * A matrix whose entries stand at few places of each row → these, as lists. In: its parts; out: where they stand and their
 * values, or nothing where that is not worth it. Each part is looked at a fixed number of times: it ends.
 */
import { affine, type Affine, type Arena, type Index } from "../../ir/index.ts";
import type { AffinePlace, EntryList, Place } from "../../loop/matrix.ts";
import type { Part } from "../structure/parts.ts";
import { output, total, type Drawn, type Stored } from "./drawn.ts";
import { halfOf, type Band } from "./symmetry.ts";

/** Parts that stand elsewhere in each row or are lists, and fill none of the blocks that all of them share. */
export const sparse = (drawn: Drawn): Stored | undefined => {
  const { ir, draft, parts, common } = drawn;
  const isFull = ({ list, fixed }: Part): boolean => list === undefined && fixed.size === common.size;
  if (parts.some(isFull)) return undefined;
  const bands = blocksOf(parts).map((block) => bandOf(drawn, block));
  const half = draft.isSymmetric ? halfOf(ir, draft, bands) : undefined;
  const kept = half?.map(({ band }) => band) ?? bands;
  const at = kept.map((band, k) => listOf(drawn, band, half?.[k]?.isMirrored === true));
  const known = at.filter((list) => list !== undefined);
  if (known.length < at.length || !isWorthIt(drawn, kept)) return undefined;
  const values = kept.map((_, k) => `${draft.name}_values${kept.length === 1 ? "" : k + 1}`);
  const totals = kept.map(({ parts: [first, ...others] }, k) =>
    first.list === undefined || first.tensor === undefined
      ? total(drawn, [first, ...others], first.fixed, values[k] ?? draft.name)
      : { tensor: first.tensor, definitions: [] },
  );
  return {
    structure: { kind: "sparse", isSymmetric: half !== undefined, at: known, values },
    definitions: totals.flatMap(({ definitions }) => definitions),
    outputs: totals.map(({ tensor }, k) => output(tensor, values[k] ?? draft.name)),
  };
};

/** Parts that have all the deltas of another one stand inside of that. */
const blocksOf = (parts: readonly Part[]): readonly (readonly [Part, ...Part[]])[] => {
  const isInside = (part: Part, other: Part): boolean =>
    part.list === undefined &&
    other.list === undefined &&
    part.fixed.size > other.fixed.size &&
    [...other.fixed].every(([j, value]) => part.fixed.get(j) === value);
  const outer = (part: Part): Part => {
    const around = parts.find((other) => isInside(part, other));
    return around === undefined ? part : outer(around);
  };
  return parts
    .filter((part) => outer(part) === part)
    .map((block) => [block, ...parts.filter((part) => part !== block && outer(part) === block)]);
};

const bandOf = ({ ir, own }: Drawn, parts: readonly [Part, ...Part[]]): Band => {
  const [{ list, fixed: columns }] = parts;
  if (list !== undefined) return { over: list.over, rows: list.rows, columns, parts };
  const rows = own.map((index, d): [number, Affine] => [d, affine.ofIndex(ir, index)]);
  return { over: own, rows: new Map(rows), columns, parts };
};

const listOf = (drawn: Drawn, band: Band, isMirrored: boolean): EntryList<string, Affine> | undefined => {
  const { own, element } = drawn;
  const { over } = band;
  const places = (side: readonly Index[], at: Band["rows"]): readonly Place<string, Affine>[] | undefined => {
    const found = side.map((_, d) => {
      const value = at.get(d);
      return value === undefined ? ({ kind: "free" } as const) : placeOf(drawn, over, value);
    });
    const known = found.filter((place) => place !== undefined);
    return known.length === found.length ? known : undefined;
  };
  const [rows, columns] = [places(own, band.rows), places(element, band.columns)];
  if (rows === undefined || columns === undefined) return undefined;
  return { over: over.map(({ extent }) => extent), rows, columns, isMirrored };
};

/** Where the index of a list says: an affine form in it, or an int input that is read at such forms. */
const placeOf = (
  { ir, program }: Drawn,
  over: readonly Index[],
  value: Affine,
): Place<string, Affine> | undefined => {
  const plain = affinePlace(ir, over, value);
  if (plain !== undefined) return { kind: "affine", ...plain };
  const [node, ...others] = affine.dataOf(value);
  if (node?.kind !== "read" || others.length > 0 || value !== affine.ofData(ir, node)) return undefined;
  if (!program.inputs.includes(node.tensor)) return undefined;
  const found = node.at.map((each) => affinePlace(ir, over, each));
  const at = found.filter((each) => each !== undefined);
  const { name: indices, shape } = node.tensor;
  return at.length < found.length ? undefined : { kind: "data", indices, shape, at };
};

/** offset + Σ steps · index, where these are known before the data are. */
const affinePlace = (ir: Arena, over: readonly Index[], value: Affine): AffinePlace<Affine> | undefined => {
  let offset = value;
  const steps: Affine[] = [];
  for (const index of over) {
    const split = affine.linearIn(ir, offset, index);
    if (split === undefined) return undefined;
    steps.push(split.coefficient);
    offset = split.rest;
  }
  const isKnown = [offset, ...steps].every(
    (each) => each.indices.length === 0 && affine.dataOf(each).length === 0,
  );
  return isKnown ? { offset, steps } : undefined;
};

/** Of constant size: less than half of the entries are stored. */
const isWorthIt = ({ draft }: Drawn, bands: readonly Band[]): boolean => {
  const [rows, columns] = [draft.of.shape, draft.source.shape];
  const stored = bands.map((band) =>
    constantSize([
      ...band.over.map(({ extent }) => extent),
      ...rows.filter((_, d) => !band.rows.has(d)),
      ...columns.filter((_, j) => !band.columns.has(j)),
    ]),
  );
  const all = constantSize([...rows, ...columns]);
  if (all === undefined) return true;
  return 2 * stored.reduce((sum: number, size) => sum + (size ?? Infinity), 0) < all;
};

const constantSize = (shape: readonly Affine[]): number | undefined => {
  const extents = shape.map(affine.asConstant).filter((extent) => extent !== undefined);
  return extents.length < shape.length ? undefined : extents.reduce((size, extent) => size * extent, 1);
};
