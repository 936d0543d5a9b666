/**
 * Jacobians and Hessians by their structure. Rows and columns are elements of tensors, so that a matrix has the shape
 * [rows…, columns…]; what is stored of it are the outputs named here. Programs and kernels share these types.
 */

/** Entries are zero but where, for every pair, row index `row` equals column index `column` (dimensions of either). */
export interface Shared {
  readonly row: number;
  readonly column: number;
}

/** At offset + Σ steps[d] · index d of a list. */
export interface AffinePlace<Extent> {
  readonly offset: Extent;
  readonly steps: readonly Extent[];
}

/** Where in one dimension of the rows or columns the entries of a list stand, if that is in range. */
export type Place<Indices, Extent> =
  /** Anywhere: `values` have that dimension too. */
  | { readonly kind: "free" }
  | (AffinePlace<Extent> & { readonly kind: "affine" })
  /** Where an int input of this shape says, read at these places. */
  | {
      readonly kind: "data";
      readonly indices: Indices;
      readonly shape: readonly Extent[];
      readonly at: readonly AffinePlace<Extent>[];
    };

/** Entries or blocks, one for each index of a space of the extents `over`; those that stand at one place add up. */
export interface EntryList<Indices, Extent> {
  readonly over: readonly Extent[];
  /** A place for each dimension of the rows, and of the columns. */
  readonly rows: readonly Place<Indices, Extent>[];
  readonly columns: readonly Place<Indices, Extent>[];
  /** Whether they stand, transposed, on the other side of the diagonal too. */
  readonly isMirrored: boolean;
}

/** `isSymmetric`: equal to its transpose, so that only one half is computed. */
export type Structure<Extent> =
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
   * A sum of lists of entries: `values[k]`, over the indices of the list `at[k]` and the dimensions of rows and columns that
   * are free in it, stand there.
   */
  | {
      readonly kind: "sparse";
      readonly isSymmetric: boolean;
      readonly at: readonly EntryList<string, Extent>[];
      readonly values: readonly string[];
    }
  /** `values` over the rows and the columns. */
  | { readonly kind: "dense"; readonly isSymmetric: boolean; readonly values: string };

export type StructureKind = Structure<unknown>["kind"];

export interface Matrix<Extent> {
  readonly name: string;
  readonly rows: readonly Extent[];
  readonly columns: readonly Extent[];
  /** Whether it stays the same while the inputs that are differentiated by change. */
  readonly isConstant: boolean;
  readonly structure: Structure<Extent>;
}

/** The outputs that a structure consists of. */
export const storedIn = (structure: Structure<unknown>): readonly string[] => {
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

/** Whether the entries of a list are one block in each row, in order: whose row is the index of the list. */
export const isByRow = <Extent>(
  { over, rows }: EntryList<unknown, Extent>,
  constant: (extent: Extent) => number | undefined,
): boolean =>
  over.length === rows.length &&
  rows.every(
    (place, k) =>
      place.kind === "affine" &&
      constant(place.offset) === 0 &&
      place.steps.every((step, d) => constant(step) === (d === k ? 1 : 0)),
  );

const placesOf = <Indices, Extent>({
  rows,
  columns,
}: EntryList<Indices, Extent>): readonly Place<Indices, Extent>[] => [...rows, ...columns];

/** The inputs that say where entries stand. */
export const placesIn = (structure: Structure<unknown>): readonly string[] =>
  structure.kind === "sparse"
    ? [
        ...new Set(
          structure.at.flatMap(placesOf).flatMap((place) => (place.kind === "data" ? [place.indices] : [])),
        ),
      ]
    : [];

const extentsOfPlace = <Extent>(place: Place<unknown, Extent>): readonly Extent[] => {
  switch (place.kind) {
    case "free":
      return [];
    case "affine":
      return [place.offset, ...place.steps];
    case "data":
      return [...place.shape, ...place.at.flatMap(({ offset, steps }) => [offset, ...steps])];
  }
};

/** What a matrix needs to know at run time besides what is stored of it. */
export const extentsOf = <Extent>({ rows, columns, structure }: Matrix<Extent>): readonly Extent[] => [
  ...rows,
  ...columns,
  ...(structure.kind === "sparse"
    ? structure.at.flatMap((list) => [...list.over, ...placesOf(list).flatMap(extentsOfPlace)])
    : []),
];

/** A list with other extents and indices. */
export const mapList = <Indices, Extent, ToIndices, ToExtent>(
  list: EntryList<Indices, Extent>,
  extent: (from: Extent) => ToExtent,
  indices: (from: Indices) => ToIndices,
): EntryList<ToIndices, ToExtent> => {
  const affine = ({ offset, steps }: AffinePlace<Extent>): AffinePlace<ToExtent> => ({
    offset: extent(offset),
    steps: steps.map(extent),
  });
  const place = (from: Place<Indices, Extent>): Place<ToIndices, ToExtent> => {
    switch (from.kind) {
      case "free":
        return from;
      case "affine":
        return { kind: from.kind, ...affine(from) };
      case "data": {
        const { kind, shape, at } = from;
        return { kind, indices: indices(from.indices), shape: shape.map(extent), at: at.map(affine) };
      }
    }
  };
  const { over, rows, columns, isMirrored } = list;
  return { over: over.map(extent), rows: rows.map(place), columns: columns.map(place), isMirrored };
};

/** A matrix whose extents are something else: expressions of a kernel, numbers. */
export const mapMatrix = <From, To>(matrix: Matrix<From>, extent: (from: From) => To): Matrix<To> => {
  const { structure } = matrix;
  return {
    ...matrix,
    rows: matrix.rows.map(extent),
    columns: matrix.columns.map(extent),
    structure:
      structure.kind === "sparse"
        ? { ...structure, at: structure.at.map((list) => mapList(list, extent, (name) => name)) }
        : structure,
  };
};
