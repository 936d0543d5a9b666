/**
 * Jacobians and Hessians by their structure. Rows and columns are elements of tensors, so that a matrix has the shape
 * [rows…, columns…]; what is stored of it are the outputs named here. Programs and kernels share these types.
 */

/** Entries are zero but where, for every pair, row index `row` equals column index `column` (dimensions of either). */
export interface Shared {
  readonly row: number;
  readonly column: number;
}

/** A column's index in one dimension: that of the row in dimension `row`, and so many further. */
export interface Offset {
  readonly row: number;
  readonly offset: number;
}

/** Each row has one entry on a band, in the column whose indices are these; none where there is no such column. */
export type Band = readonly Offset[];

export type Structure =
  /** Nothing is stored. */
  | { readonly kind: "zero" }
  /** Rows and columns have one shape, and entries off the diagonal are zero: `values` of the shape of the rows. */
  | { readonly kind: "diagonal"; readonly values: string }
  /** Chains and stencils: for each band `values` of the shape of the rows. */
  | { readonly kind: "banded"; readonly bands: readonly Band[]; readonly values: readonly string[] }
  /** `values` over the rows and those dimensions of the columns that are not shared. */
  | { readonly kind: "blockDiagonal"; readonly shared: readonly Shared[]; readonly values: string }
  /** In each block (the whole, where nothing is shared) Σ left·rightᵀ: left of the shape of the rows, right of the columns. */
  | {
      readonly kind: "lowRank";
      readonly shared: readonly Shared[];
      readonly left: readonly string[];
      readonly right: readonly string[];
    }
  /** The same and a diagonal, of the shape of the rows. */
  | {
      readonly kind: "diagonalPlusLowRank";
      readonly shared: readonly Shared[];
      readonly diagonal: string;
      readonly left: readonly string[];
      readonly right: readonly string[];
    }
  /** `values` over the rows and the columns. */
  | { readonly kind: "dense"; readonly values: string };

export type StructureKind = Structure["kind"];

export interface Matrix<Extent> {
  readonly name: string;
  readonly rows: readonly Extent[];
  readonly columns: readonly Extent[];
  /** Whether it stays the same while the inputs that are differentiated by change. */
  readonly isConstant: boolean;
  readonly structure: Structure;
}

/** The outputs that a structure consists of. */
export const storedIn = (structure: Structure): readonly string[] => {
  switch (structure.kind) {
    case "zero":
      return [];
    case "diagonal":
    case "blockDiagonal":
    case "dense":
      return [structure.values];
    case "banded":
      return structure.values;
    case "lowRank":
      return [...structure.left, ...structure.right];
    case "diagonalPlusLowRank":
      return [structure.diagonal, ...structure.left, ...structure.right];
  }
};
