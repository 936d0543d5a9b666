/**
 * In: a program that stores Jacobians and Hessians by their structure. Out: the same whose outputs are all their entries, of
 * shape [rows…, columns…]. One definition for each matrix: it ends.
 */
import {
  affine, build, define, type Affine, type Arena, type Definition, type Index, type Node, type Output, type Program,
} from "../ir/index.ts"; // prettier-ignore
import { isOffDiagonal, storedIn, type Matrix, type Place } from "../loop/matrix.ts";
import { createNamer, type Namer } from "./names.ts";

export const densely = (ir: Arena, { matrices = [], ...program }: Program): Program => {
  const namer = createNamer(program);
  const parts = new Set(matrices.flatMap(({ structure }) => storedIn(structure)));
  const made = matrices.map((matrix) => ({ matrix, definition: definitionOf(ir, program, matrix, namer) }));
  return {
    ...program,
    definitions: [...program.definitions, ...made.map(({ definition }) => definition)],
    outputs: [
      ...program.outputs.filter(({ name }) => !parts.has(name)),
      ...made.map(({ matrix, definition }): Output => ({ name: matrix.name, tensor: definition.tensor })),
    ],
  };
};

const definitionOf = (ir: Arena, program: Program, matrix: Matrix<Affine>, namer: Namer): Definition => {
  const rows = matrix.rows.map((extent, k) => ir.index(`i${k}`, extent));
  const columns = matrix.columns.map((extent, k) => ir.index(`i${k + rows.length}`, extent));
  const indices = [...rows, ...columns];
  const shape = indices.map(({ extent }) => extent);
  return define(ir, {
    tensor: ir.tensor({ name: namer(matrix.name), shape, dtype: "float", role: "defined" }),
    indices,
    body: entryOf(ir, program, matrix, rows, columns),
  });
};

/** Where that is in a row; undefined where it is anywhere. */
const placed = (
  ir: Arena,
  program: Program,
  place: Place<string>,
  rows: readonly Index[],
): Affine | undefined => {
  const index = (k: number): Affine => {
    const found = rows[k];
    return found === undefined ? affine.fixed(ir, 0) : affine.ofIndex(ir, found);
  };
  switch (place.kind) {
    case "free":
      return undefined;
    case "row":
      return affine.plus(
        ir,
        affine.fixed(ir, place.offset),
        ...place.steps.map((step, k) => affine.scale(ir, index(k), step)),
      );
    case "data": {
      const tensor = program.inputs.find(({ name }) => name === place.indices);
      if (tensor === undefined) throw new Error(`${program.name} has no input ${place.indices}`);
      return affine.ofData(ir, build.read(ir, tensor, place.rows.map(index)));
    }
  }
};

const entryOf = (
  ir: Arena,
  program: Program,
  { structure }: Matrix<Affine>,
  rows: readonly Index[],
  columns: readonly Index[],
): Node => {
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
  const partOf = (
    at: readonly Place<string>[],
    from: readonly Index[],
    to: readonly Index[],
    name: string,
  ): Node => {
    const free = to.filter((_, j) => at[j]?.kind === "free");
    const tests = to.flatMap((index, j): Node[] => {
      const place = placed(ir, program, at[j] ?? { kind: "free" }, from);
      return place === undefined
        ? []
        : [build.isZero(ir, affine.minus(ir, place, affine.ofIndex(ir, index)))];
    });
    return build.guard(ir, build.and(ir, tests), stored(name, [...from, ...free]));
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
        structure.values.map((name, k) => {
          const at = structure.at[k] ?? [];
          const one = partOf(at, rows, columns, name);
          const mirrored = structure.isSymmetric && isOffDiagonal(at);
          return mirrored ? build.add(ir, one, partOf(at, columns, rows, name)) : one;
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
