/**
 * In: a program with symmetric matrices among its outputs, and definitions that compute them. Out: of which definitions only
 * one half is needed, as all that reads them is a half too, or reads them where a test of indices leaves one half only. Each
 * definition is looked at once, readers first: it ends.
 */
import type { Matrix } from "../loop/matrix.ts";
import { asConstant, plainIndex } from "./affine.ts";
import { componentsOf, readsWithin } from "./recurrence.ts";
import type { Affine, Definition, Index, Node, Program, Read, Tensor } from "./types.ts";

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
 * elements of both, step by step. So is all of what data scatters: its indices are not its axes.
 */
export const halvesOf = (
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  symmetric: ReadonlyMap<Tensor, Symmetric>,
): ReadonlyMap<Tensor, Half> => {
  const wanted = new Map<Tensor, Half | "all">();
  for (const { tensor, target } of definitions) {
    const [half] = symmetric.get(tensor) ?? [];
    if (outputs.has(tensor)) wanted.set(tensor, half ?? "all");
    if (target !== undefined) wanted.set(tensor, "all");
  }
  for (const { members, isCircle } of componentsOf(definitions))
    if (isCircle) for (const { tensor } of members) wanted.set(tensor, "all");
  const reads = readsWithin(definitions);
  for (const definition of definitions.toReversed()) {
    const half = wanted.get(definition.tensor) ?? "all";
    const pairs = definition.target === undefined ? pairsIn(definition) : [];
    for (const read of reads(definition)) {
      const { tensor, at } = read;
      const isWhole = half === "all" || definition.target !== undefined;
      const own = isWhole ? "all" : halfAt(definition, half, at);
      const need =
        own === "all"
          ? (pairs.map((pair) => halfOf(pair, read)).find((each) => each !== "all") ?? "all")
          : own;
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

/** The first index is at most the second one. */
type Pair = readonly [Index, Index];

/** What is known of the indices wherever the body is not a constant. */
const pairsIn = ({ body }: Definition): readonly Pair[] => {
  const isChoice = body.kind === "guard" || (body.kind === "select" && body.else.indices.length === 0);
  if (!isChoice) return [];
  return (body.test.kind === "and" ? body.test.args : [body.test]).flatMap(pairOf);
};

/** p ≤ q - c for a number c ≥ 0 */
const pairOf = (test: Node): readonly Pair[] => {
  if (test.kind !== "compare" || (test.op !== "<=" && test.op !== "<")) return [];
  const [row, column] = [test.a, test.b].map((side) =>
    side.kind === "index" ? withoutNumber(side.value) : undefined,
  );
  if (row === undefined || column === undefined || row.constant < column.constant) return [];
  return [[row.index, column.index]];
};

/** Outside of this half of the definition's elements the test fails. */
export const halfIn = (test: Node, { indices }: Definition): Half | undefined => {
  const [row, column] = pairOf(test)[0]?.map((index) => indices.indexOf(index)) ?? [];
  if (row === undefined || column === undefined || row < 0 || column < 0) return undefined;
  return indices[row]?.extent === indices[column]?.extent ? { row, column } : undefined;
};

/** Whether the test holds wherever the index along `row` is at most that along `column`. */
export const holdsInHalf = (test: Node, { indices }: Definition, { row, column }: Half): boolean =>
  test.kind === "compare" &&
  test.op === "<=" &&
  test.a.kind === "index" &&
  test.b.kind === "index" &&
  isAtMost(withoutNumber(test.a.value), withoutNumber(test.b.value), indices[row], indices[column]);

const isAtMost = (
  a: Plain | undefined,
  b: Plain | undefined,
  row: Index | undefined,
  column: Index | undefined,
): boolean =>
  a !== undefined && b !== undefined && a.index === row && b.index === column && a.constant <= b.constant;

interface Plain {
  readonly index: Index;
  readonly constant: number;
}

const withoutNumber = (a: Affine): Plain | undefined => {
  const [term, ...others] = a.terms;
  const [atom, ...factors] = term?.atoms ?? [];
  const isPlain = others.length === 0 && factors.length === 0 && term?.coefficient === 1;
  return isPlain && atom?.kind === "index" ? { index: atom.index, constant: a.constant } : undefined;
};

/** Of what is read there: the half for which the indices are such. */
const halfOf = ([first, second]: Pair, { tensor: { shape }, at }: Read): Half | "all" => {
  const read = at.map(plainIndex);
  const [row, column] = [read.indexOf(first), read.indexOf(second)];
  return row < 0 || column < 0 || shape[row] !== shape[column] ? "all" : { row, column };
};

const isSame = (a: Half | "all", b: Half | "all"): boolean =>
  a === "all" || b === "all" ? a === b : a.row === b.row && a.column === b.column;
