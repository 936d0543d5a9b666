/**
 * Jacobians and Hessians by their structure. Rows and columns are elements of tensors, so that a matrix has the shape
 * [rows…, columns…]; what is stored of it are the outputs named here. Programs and kernels share these types.
 */

/** Entries are zero but where, for every pair, row index `row` equals column index `column` (dimensions of either). */
export interface Shared {
  readonly row: number;
  readonly column: number;
}

/** Where in one dimension of the columns an entry stands, if it is in range there. */
export type Place<Indices> =
  /** Anywhere: `values` have that dimension too. */
  | { readonly kind: "free" }
  /** At offset + Σ steps[d] · index of the row in its dimension d. */
  | { readonly kind: "row"; readonly offset: number; readonly steps: readonly number[] }
  /** Where an int input says: its dimensions are these of the rows. */
  | { readonly kind: "data"; readonly indices: Indices; readonly rows: readonly number[] };

/** `isSymmetric`: equal to its transpose, so that only one half is computed. */
export type Structure =
  /** Nothing is stored. */
  | { readonly kind: "zero" }
  /** Rows and columns have one shape, and entries off the diagonal are zero: `values` of the shape of the rows. */
  | { readonly kind: "diagonal"; readonly values: string }
  /** `values` over the rows and those dimensions of the columns that are not shared. */
  | {
      readonly kind: "blockDiagonal";
      readonly isSymmetric: boolean;
      readonly shared: readonly Shared[];
      readonly values: string;
    }
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
  /**
   * A sum of matrices with one entry or block in each row: `values[k]`, over the rows and the dimensions of the columns that
   * are free in `at[k]`, stand there. Symmetric: those that are right of the diagonal stand below it too, and are stored once.
   */
  | {
      readonly kind: "sparse";
      readonly isSymmetric: boolean;
      readonly at: readonly (readonly Place<string>[])[];
      readonly values: readonly string[];
    }
  /** `values` over the rows and the columns. */
  | { readonly kind: "dense"; readonly isSymmetric: boolean; readonly values: string };

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
    case "sparse":
      return structure.values;
    case "lowRank":
      return [...structure.left, ...structure.right];
    case "diagonalPlusLowRank":
      return [structure.diagonal, ...structure.left, ...structure.right];
  }
};

/** Of a part of a symmetric matrix: whether its entries have a mirror image. */
export const isOffDiagonal = (at: readonly Place<unknown>[]): boolean =>
  at.some((place) => place.kind === "row" && place.offset !== 0);

/** The inputs that say where entries stand. */
export const placesIn = (structure: Structure): readonly string[] =>
  structure.kind === "sparse"
    ? [...new Set(structure.at.flat().flatMap((place) => (place.kind === "data" ? [place.indices] : [])))]
    : [];
