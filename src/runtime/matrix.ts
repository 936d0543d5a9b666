/** Jacobians and Hessians as kernels return them: by their structure. Elements are numbered in row-major order. */

/** Entries are zero but where the index in this dimension of the rows is that in this dimension of the columns. */
export interface SharedDimensions {
  readonly row: number;
  readonly column: number;
}

/** One number where rows or columns have no dimensions. */
export type Stored = number | ArrayLike<number>;

/** At offset + Σ steps[d] · index d of a list. */
export interface AffinePlace {
  readonly offset: number;
  readonly steps: readonly number[];
}

/** Where in one dimension of the rows or columns the entries of a list stand; what is out of range does not count. */
export type Place =
  /** Anywhere: values have that dimension too. */
  | { readonly kind: "free" }
  | (AffinePlace & { readonly kind: "affine" })
  /** As `indices` of that shape say, read at these places. */
  | {
      readonly kind: "data";
      readonly indices: Stored;
      readonly shape: readonly number[];
      readonly at: readonly AffinePlace[];
    };

/** Entries or blocks, one for each index of a space of the extents `over`; those that stand at one place add up. */
export interface EntryList {
  readonly over: readonly number[];
  /** A place for each dimension of the rows, and of the columns. */
  readonly rows: readonly Place[];
  readonly columns: readonly Place[];
  /** Whether they stand, transposed, on the other side of the diagonal too. */
  readonly isMirrored: boolean;
}

interface Shape {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

interface Blocks extends Shape {
  readonly shared: readonly SharedDimensions[];
}

export type StructuredMatrix =
  | (Shape & { readonly kind: "zero" })
  | (Shape & { readonly kind: "diagonal" | "dense"; readonly values: Stored })
  | (Shape & {
      readonly kind: "sparse";
      /** Whether it is its transpose: what is mirrored is stored once. */
      readonly isSymmetric: boolean;
      /** For each of `values`, where it stands. */
      readonly at: readonly EntryList[];
      /** Over the indices of the list, then the dimensions of the rows and of the columns that are free. */
      readonly values: readonly Stored[];
    })
  | (Blocks & { readonly kind: "blockDiagonal"; readonly values: Stored })
  | (Blocks & {
      readonly kind: "lowRank";
      readonly left: readonly Stored[];
      readonly right: readonly Stored[];
    })
  | (Blocks & {
      readonly kind: "diagonalPlusLowRank";
      readonly diagonal: Stored;
      readonly left: readonly Stored[];
      readonly right: readonly Stored[];
    });

const sizeOf = (extents: readonly number[]): number => extents.reduce((size, extent) => size * extent, 1);

const valueAt = (values: Stored | undefined, k: number): number =>
  (typeof values === "number" ? values : values?.[k]) ?? NaN;

/** How far apart the elements are that are next to each other in a dimension. */
const stridesOf = (extents: readonly number[]): readonly number[] =>
  extents.map((_, k) => sizeOf(extents.slice(k + 1)));

const sharedOf = (matrix: StructuredMatrix): readonly SharedDimensions[] => {
  if (matrix.kind === "diagonal") return matrix.rows.map((_, k) => ({ row: k, column: k }));
  return "shared" in matrix ? matrix.shared : [];
};

const FREE: Place = { kind: "free" };

/** Where the entries stand, for each part of a matrix. */
const listsOf = (matrix: StructuredMatrix): readonly EntryList[] => {
  if (matrix.kind === "zero") return [];
  if (matrix.kind === "sparse") return matrix.at;
  const { rows: over } = matrix;
  const along = (dimension: number): Place => ({
    kind: "affine",
    offset: 0,
    steps: over.map((_, row) => (row === dimension ? 1 : 0)),
  });
  const columns = matrix.columns.map((_, column) => {
    const pair = sharedOf(matrix).find((each) => each.column === column);
    return pair === undefined ? FREE : along(pair.row);
  });
  return [{ over, rows: over.map((_, row) => along(row)), columns, isMirrored: false }];
};

/** The element at these indices; NaN where one is out of range. */
const elementAt = (extents: readonly number[], indices: readonly number[]): number =>
  extents.reduce((element, extent, d) => {
    const index = indices[d] ?? NaN;
    return index >= 0 && index < extent ? element * extent + index : NaN;
  }, 0);

/** How far the elements are, in the dimensions that are free, from the first of them. */
const stepsOf = (extents: readonly number[], places: readonly Place[]): readonly number[] =>
  stridesOf(extents).reduce<readonly number[]>(
    (steps, stride, d) =>
      places[d]?.kind === "free"
        ? steps.flatMap((step) => Array.from({ length: extents[d] ?? 0 }, (_, k) => step + k * stride))
        : steps,
    [0],
  );

type Visit = (row: number, column: number, value: number) => void;

/** Every entry that may not be zero; those of several parts at one place one after the other. */
function eachEntry(matrix: StructuredMatrix, visit: Visit): void {
  listsOf(matrix).forEach(({ over, rows, columns, isMirrored }, part) => {
    const index = over.map(() => 0);
    const affine = ({ offset, steps }: AffinePlace): number =>
      steps.reduce((sum, step, d) => sum + step * (index[d] ?? 0), offset);
    const position = (place: Place): number => {
      if (place.kind === "free") return 0;
      if (place.kind === "affine") return affine(place);
      return valueAt(place.indices, elementAt(place.shape, place.at.map(affine)));
    };
    const [down, right] = [stepsOf(matrix.rows, rows), stepsOf(matrix.columns, columns)];
    let stored = 0;
    for (let k = 0; k < sizeOf(over); k++) {
      for (let d = over.length - 1, rest = k; d >= 0; d--) {
        const extent = over[d] ?? 1;
        index[d] = rest % extent;
        rest = Math.floor(rest / extent);
      }
      const top = elementAt(matrix.rows, rows.map(position));
      const left = elementAt(matrix.columns, columns.map(position));
      for (const below of down) {
        for (const beside of right) {
          const [row, column] = [top + below, left + beside];
          const value = entry(matrix, row, column, part, stored++);
          // one of them is no number where it is out of range
          if (row + column >= 0) {
            visit(row, column, value);
            if (isMirrored) visit(column, row, value);
          }
        }
      }
    }
  });
}

/** The entry of a row and column, which is number `stored` of the values of a part. */
function entry(matrix: StructuredMatrix, row: number, column: number, part: number, stored: number): number {
  switch (matrix.kind) {
    case "zero":
      return 0;
    case "sparse":
      return valueAt(matrix.values[part], stored);
    case "lowRank":
    case "diagonalPlusLowRank": {
      const own = matrix.kind === "diagonalPlusLowRank" && row === column;
      return matrix.left.reduce(
        (total: number, left, k) => total + valueAt(left, row) * valueAt(matrix.right[k], column),
        own ? valueAt(matrix.diagonal, row) : 0,
      );
    }
    case "diagonal":
    case "blockDiagonal":
    case "dense":
      return valueAt(matrix.values, stored);
  }
}

/** matrix · vector, for a vector over the columns: as many operations as there is stored. */
export function times(matrix: StructuredMatrix, vector: ArrayLike<number>): Float64Array {
  const { rows, columns } = matrix;
  const result = new Float64Array(sizeOf(rows));
  if (matrix.kind !== "lowRank" && matrix.kind !== "diagonalPlusLowRank") {
    eachEntry(matrix, (row, column, value) => {
      result[row] = (result[row] ?? 0) + value * (vector[column] ?? NaN);
    });
    return result;
  }
  const { shared, left, right } = matrix;
  const [rowStrides, columnStrides] = [stridesOf(rows), stridesOf(columns)];
  const block = (strides: readonly number[], side: keyof SharedDimensions, element: number): number =>
    shared.reduce((at, pair) => {
      const extent = columns[pair.column] ?? 1;
      return at * extent + (Math.floor(element / (strides[pair[side]] ?? 1)) % extent);
    }, 0);
  left.forEach((factor, k) => {
    const sums = new Map<number, number>();
    for (let column = 0; column < sizeOf(columns); column++) {
      const at = block(columnStrides, "column", column);
      sums.set(at, (sums.get(at) ?? 0) + valueAt(right[k], column) * (vector[column] ?? NaN));
    }
    for (let row = 0; row < result.length; row++)
      result[row] =
        (result[row] ?? 0) + valueAt(factor, row) * (sums.get(block(rowStrides, "row", row)) ?? 0);
  });
  if (matrix.kind === "lowRank") return result;
  return result.map((sum, row) => sum + valueAt(matrix.diagonal, row) * (vector[row] ?? NaN));
}

/** All entries, of shape [rows…, columns…]. */
export function dense(matrix: StructuredMatrix): Float64Array {
  const width = sizeOf(matrix.columns);
  const result = new Float64Array(sizeOf(matrix.rows) * width);
  eachEntry(matrix, (row, column, value) => {
    const at = row * width + column;
    result[at] = (result[at] ?? 0) + value;
  });
  return result;
}

/** Compressed rows: the entries of row r are numbers indptr[r] to indptr[r + 1] - 1, in the columns `indices`. */
export interface CompressedRows {
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float64Array;
}

/** The entries that are stored as compressed rows, each row sorted by column, in time linear in their number. */
export function csr(matrix: StructuredMatrix): CompressedRows {
  const starts = new Int32Array(sizeOf(matrix.rows) + 1);
  eachEntry(matrix, (row) => (starts[row + 1] = (starts[row + 1] ?? 0) + 1));
  for (let row = 1; row < starts.length; row++) starts[row] = (starts[row] ?? 0) + (starts[row - 1] ?? 0);
  const size = starts[starts.length - 1] ?? 0;
  const found = { columns: new Int32Array(size), values: new Float64Array(size) };
  const next = starts.slice();
  eachEntry(matrix, (row, column, value) => {
    const at = next[row] ?? 0;
    next[row] = at + 1;
    found.columns[at] = column;
    found.values[at] = value;
  });
  const indptr = new Int32Array(starts.length);
  const [indices, values] = [new Int32Array(size), new Float64Array(size)];
  let last = -1;
  for (let row = 0; row + 1 < starts.length; row++) {
    const order = Array.from(
      { length: (starts[row + 1] ?? 0) - (starts[row] ?? 0) },
      (_, k) => k + (starts[row] ?? 0),
    );
    order.sort((a, b) => (found.columns[a] ?? 0) - (found.columns[b] ?? 0));
    for (const at of order) {
      const column = found.columns[at] ?? 0;
      if (last < (indptr[row] ?? 0) || indices[last] !== column) last += 1;
      indices[last] = column;
      values[last] = (values[last] ?? 0) + (found.values[at] ?? 0);
    }
    indptr[row + 1] = last + 1;
  }
  return { indptr, indices: indices.slice(0, last + 1), values: values.slice(0, last + 1) };
}
