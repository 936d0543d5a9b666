/**
 * In: a program that stores Jacobians and Hessians by their structure. Out: the same whose outputs are all their entries, of
 * shape [rows…, columns…]. One definition for each matrix: it ends.
 */
import {
  affine, build, define, type Affine, type Arena, type Definition, type Index, type Node, type Output, type Program,
} from "../ir/index.ts"; // prettier-ignore
import { storedIn, type AffinePlace, type EntryList, type Matrix, type Place } from "../loop/matrix.ts";
import { eliminate, equalityOf, type Equation } from "./gather.ts";
import { createNamer, type Namer } from "./names.ts";

export const densely = (ir: Arena, { matrices = [], ...program }: Program): Program => {
  const namer = createNamer(program);
  const parts = new Set(matrices.flatMap(({ structure }) => storedIn(structure)));
  const sums: Definition[] = [];
  const around: Around = { ir, program, namer, sums };
  const made = matrices.map((matrix) => ({ matrix, definition: definitionOf(around, matrix) }));
  return {
    ...program,
    definitions: [...program.definitions, ...sums, ...made.map(({ definition }) => definition)],
    outputs: [
      ...program.outputs.filter(({ name }) => !parts.has(name)),
      ...made.map(({ matrix, definition }): Output => ({ name: matrix.name, tensor: definition.tensor })),
    ],
  };
};

interface Around {
  readonly ir: Arena;
  readonly program: Program;
  readonly namer: Namer;
  /** Of entries of lists, each for all places. */
  readonly sums: Definition[];
}

const definitionOf = (around: Around, matrix: Matrix<Affine>): Definition => {
  const { ir, namer } = around;
  const rows = matrix.rows.map((extent, k) => ir.index(`i${k}`, extent));
  const columns = matrix.columns.map((extent, k) => ir.index(`i${k + rows.length}`, extent));
  const indices = [...rows, ...columns];
  const shape = indices.map(({ extent }) => extent);
  return define(ir, {
    tensor: ir.tensor({ name: namer(matrix.name), shape, dtype: "float", role: "defined" }),
    indices,
    body: entryOf(around, matrix, rows, columns),
  });
};

/** Where that is for an index of a list; undefined where it is anywhere. */
const placed = (
  { ir, program }: Around,
  place: Place<string, Affine>,
  over: readonly Index[],
): Affine | undefined => {
  const at = ({ offset, steps }: AffinePlace<Affine>): Affine =>
    affine.plus(
      ir,
      offset,
      ...over.map((index, d) => affine.times(ir, affine.ofIndex(ir, index), steps[d] ?? affine.fixed(ir, 0))),
    );
  switch (place.kind) {
    case "free":
      return undefined;
    case "affine":
      return at(place);
    case "data": {
      const tensor = program.inputs.find(({ name }) => name === place.indices);
      if (tensor === undefined) throw new Error(`${program.name} has no input ${place.indices}`);
      return affine.ofData(ir, build.read(ir, tensor, place.at.map(at)));
    }
  }
};

/** Σ over a list of the values at the row and the column: solved for the index of the list where that can be. */
const listedAt = (
  around: Around,
  list: EntryList<string, Affine>,
  value: (at: readonly Index[]) => Node,
  { rows, columns }: { readonly rows: readonly Index[]; readonly columns: readonly Index[] },
): Node => {
  const { ir, namer, sums } = around;
  const over = list.over.map((extent, k) => ir.index(`k${k}`, extent));
  const sides = [
    ...rows.map((target, d) => ({ target, place: list.rows[d] })),
    ...columns.map((target, j) => ({ target, place: list.columns[j] })),
  ];
  const known = sides.map(({ target, place }) => ({ target, value: place && placed(around, place, over) }));
  const free = known.filter((each) => each.value === undefined).map(({ target }) => target);
  const equations = known.filter((each): each is Equation => each.value !== undefined);
  const end = eliminate(ir, { equations, loops: over, value: value([...over, ...free]) });
  const tests = [...end.guards, ...end.equations.map((each) => equalityOf(ir, each))];
  const body = build.guard(ir, build.and(ir, tests), end.value);
  if (end.loops.length === 0) return body;
  const indices = [...rows, ...columns];
  const shape = indices.map(({ extent }) => extent);
  const tensor = ir.tensor({ name: namer("listed"), shape, dtype: "float", role: "defined" });
  sums.push(define(ir, { tensor, indices, reduction: { op: "sum", indices: end.loops }, body }));
  return build.read(
    ir,
    tensor,
    indices.map((index) => affine.ofIndex(ir, index)),
  );
};

const entryOf = (
  around: Around,
  { structure }: Matrix<Affine>,
  rows: readonly Index[],
  columns: readonly Index[],
): Node => {
  const { ir, program } = around;
  const stored = (name: string, at: readonly Index[]): Node => {
    const tensor = program.outputs.find((each) => each.name === name)?.tensor;
    if (tensor === undefined) throw new Error(`${program.name} has no output ${name}`);
    return build.read(
      ir,
      tensor,
      at.map((index) => affine.ofIndex(ir, index)),
    );
  };
  const where = (pairs: readonly (readonly [Index | undefined, Index | undefined])[], value: Node): Node => {
    const tests = pairs.map(([a, b]) =>
      a === undefined || b === undefined
        ? build.boolean(ir, false)
        : build.isZero(ir, affine.minus(ir, affine.ofIndex(ir, a), affine.ofIndex(ir, b))),
    );
    return build.guard(ir, build.and(ir, tests), value);
  };
  const diagonal = rows.map((index, k) => [index, columns[k]] as const);
  switch (structure.kind) {
    case "zero":
      return build.zero(ir);
    case "dense":
      return stored(structure.values, [...rows, ...columns]);
    case "sparse":
      return build.sum(
        ir,
        structure.at.flatMap((list, k) => {
          const value = (at: readonly Index[]): Node => stored(structure.values[k] ?? "", at);
          const sides = [{ rows, columns }, ...(list.isMirrored ? [{ rows: columns, columns: rows }] : [])];
          return sides.map((side) => listedAt(around, list, value, side));
        }),
      );
    case "diagonal":
      return where(diagonal, stored(structure.values, rows));
    case "blockDiagonal":
    case "lowRank":
    case "diagonalPlusLowRank": {
      const { shared } = structure;
      const inBlock = shared.map(({ row, column }) => [rows[row], columns[column]] as const);
      if (structure.kind === "blockDiagonal") {
        const free = columns.filter((_, k) => !shared.some(({ column }) => column === k));
        return where(inBlock, stored(structure.values, [...rows, ...free]));
      }
      const products = structure.left.map((left, k) =>
        build.multiply(ir, stored(left, rows), stored(structure.right[k] ?? left, columns)),
      );
      const own = structure.kind === "lowRank" ? [] : [where(diagonal, stored(structure.diagonal, rows))];
      return build.sum(ir, [where(inBlock, build.sum(ir, products)), ...own]);
    }
  }
};
