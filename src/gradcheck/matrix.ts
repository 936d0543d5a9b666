/** From the outputs of a program or kernel to the matrices that they are parts of. */
import { bindDims, extentOf, type Inputs } from "../eval/index.ts";
import type { Affine, Program } from "../ir/index.ts";
import { mapList, mapMatrix, type Matrix } from "../loop/matrix.ts";
import type { StructuredMatrix } from "../runtime/index.ts";

export type Outputs = ReadonlyMap<string, ArrayLike<number>>;

const assembled = (
  { rows, columns, structure }: Matrix<number>,
  outputs: Outputs,
  inputs: Inputs,
): StructuredMatrix => {
  const shape = { rows, columns };
  const part = (name: string): ArrayLike<number> => outputs.get(name) ?? [];
  switch (structure.kind) {
    case "zero":
      return { kind: structure.kind, ...shape };
    case "diagonal":
    case "dense":
      return { kind: structure.kind, ...shape, values: part(structure.values) };
    case "blockDiagonal":
      return { ...structure, ...shape, values: part(structure.values) };
    case "sparse": {
      const indices = (name: string): ArrayLike<number> => inputs.tensors.get(name)?.data ?? [];
      const at = structure.at.map((list) => mapList(list, (extent) => extent, indices));
      return { ...structure, ...shape, at, values: structure.values.map(part) };
    }
    case "lowRank":
      return { ...structure, ...shape, left: structure.left.map(part), right: structure.right.map(part) };
    case "diagonalPlusLowRank":
      return {
        ...structure,
        ...shape,
        diagonal: part(structure.diagonal),
        left: structure.left.map(part),
        right: structure.right.map(part),
      };
  }
};

/** The matrices of a program by name, from what it or its kernel gives for these inputs. */
export const matricesOf = (
  program: Program,
  inputs: Inputs,
  outputs: Outputs,
): ReadonlyMap<string, StructuredMatrix> => {
  const dims = bindDims(program, inputs);
  const size = (extent: Affine): number => extentOf(extent, dims) ?? NaN;
  return new Map(
    (program.matrices ?? []).map((matrix) => [
      matrix.name,
      assembled(mapMatrix(matrix, size), outputs, inputs),
    ]),
  );
};
