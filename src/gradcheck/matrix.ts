/** From the outputs of a program or kernel to the matrices that they are parts of. */
import { bindDims, extentOf, type Inputs } from "../eval/index.ts";
import type { Affine, Program } from "../ir/index.ts";
import type { Matrix, Structure } from "../loop/matrix.ts";
import type { StructuredMatrix } from "../runtime/index.ts";

export type Outputs = ReadonlyMap<string, ArrayLike<number>>;

type Shape = Pick<StructuredMatrix, "rows" | "columns">;

const assembled = (
  structure: Structure,
  shape: Shape,
  outputs: Outputs,
  inputs: Inputs,
): StructuredMatrix => {
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
      const at = structure.at.map((places) =>
        places.map((place) =>
          place.kind === "data"
            ? { ...place, indices: inputs.tensors.get(place.indices)?.data ?? [] }
            : place,
        ),
      );
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
  const extents = (shape: readonly Affine[]): readonly number[] =>
    shape.map((extent) => extentOf(extent, dims) ?? NaN);
  return new Map(
    (program.matrices ?? []).map(({ name, rows, columns, structure }: Matrix<Affine>) => [
      name,
      assembled(structure, { rows: extents(rows), columns: extents(columns) }, outputs, inputs),
    ]),
  );
};
