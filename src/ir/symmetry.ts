/**
 * In: a program with symmetric matrices among its outputs, and definitions that compute them. Out: of which definitions only
 * one half is needed, as all that reads them is a half too. Each definition is looked at once, readers first: it ends.
 */
import type { Matrix } from "../loop/matrix.ts";
import { asConstant, plainIndex } from "./affine.ts";
import { componentsOf, readsWithin } from "./recurrence.ts";
import type { Affine, Definition, Program, Tensor } from "./types.ts";

/** Two axes of one extent. */
export interface AxisPair {
  readonly row: number;
  readonly column: number;
}

/** A tensor that is the same with the two axes of every pair swapped. */
export type Symmetric = readonly [AxisPair, ...(readonly AxisPair[])];

/** The axes of the stored values that are swapped by a transposition: those of rows with those columns that are not shared. */
const pairsOf = ({ rows, structure }: Matrix<Affine>): readonly AxisPair[] => {
  if ((structure.kind !== "dense" && structure.kind !== "blockDiagonal") || !structure.isSymmetric) return [];
  const shared = structure.kind === "dense" ? [] : structure.shared.map(({ row }) => row);
  const free = [...rows.keys()].filter((k) => !shared.includes(k));
  return free.map((row, k) => ({ row, column: rows.length + k }));
};

const sizeOf = (extent: Affine | undefined): number => (extent && asConstant(extent)) ?? Infinity;

/** Stored values that equal their transpose; first the pair of the largest axes. */
export const symmetricOutputs = (program: Program): ReadonlyMap<Tensor, Symmetric> => {
  const found = new Map<Tensor, Symmetric>();
  for (const matrix of program.matrices ?? []) {
    const name = "values" in matrix.structure ? matrix.structure.values : undefined;
    const tensor = program.outputs.find((output) => output.name === name)?.tensor;
    if (tensor === undefined) continue;
    const size = ({ row }: AxisPair): number => sizeOf(tensor.shape[row]);
    const [first, ...others] = [...pairsOf(matrix)].sort((a, b) =>
      size(a) === size(b) ? 0 : size(b) - size(a),
    );
    if (first !== undefined) found.set(tensor, [first, ...others]);
  }
  return found;
};

/** Only elements whose index along `row` is at most that along `column` are needed. */
export type Half = AxisPair;

/**
 * The halves that suffice for these symmetric tensors, which are results: of themselves where nothing reads them, and of what
 * only they are made of. In dependency order. Of a recurrence all is needed: an element of one half is made of
 * elements of both, step by step.
 */
export const halvesOf = (
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  symmetric: ReadonlyMap<Tensor, Symmetric>,
): ReadonlyMap<Tensor, Half> => {
  const wanted = new Map<Tensor, Half | "all">();
  for (const { tensor } of definitions) {
    const [half] = symmetric.get(tensor) ?? [];
    if (outputs.has(tensor)) wanted.set(tensor, half ?? "all");
  }
  for (const { members, isCircle } of componentsOf(definitions))
    if (isCircle) for (const { tensor } of members) wanted.set(tensor, "all");
  const reads = readsWithin(definitions);
  for (const definition of definitions.toReversed()) {
    const half = wanted.get(definition.tensor) ?? "all";
    for (const { tensor, at } of reads(definition)) {
      const need = half === "all" || definition.target !== undefined ? "all" : halfAt(definition, half, at);
      const known = wanted.get(tensor) ?? need;
      wanted.set(tensor, isSame(known, need) ? known : "all");
    }
  }
  return new Map([...wanted].flatMap(([tensor, half]) => (half === "all" ? [] : [[tensor, half]])));
};

const halfAt = ({ indices }: Definition, half: Half, at: readonly Affine[]): Half | "all" => {
  const read = at.map(plainIndex);
  const [row, column] = [read.indexOf(indices[half.row]), read.indexOf(indices[half.column])];
  return row < 0 || column < 0 ? "all" : { row, column };
};

const isSame = (a: Half | "all", b: Half | "all"): boolean =>
  a === "all" || b === "all" ? a === b : a.row === b.row && a.column === b.column;
