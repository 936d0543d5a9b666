/** Jacobians and Hessians as kernels return them: by their structure. Elements are numbered in row-major order. */

/** Entries are zero but where the index in this dimension of the rows is that in this dimension of the columns. */
export interface SharedDimensions {
  readonly row: number;
  readonly column: number;
}

/** One number where rows or columns have no dimensions. */
export type Stored = number | ArrayLike<number>;

/** Where in one dimension of the columns an entry stands, if it is in range there. */
export type Place =
  /** Anywhere: values have that dimension too. */
  | { readonly kind: "free" }
  /** At offset + Σ steps[d] · index of the row in its dimension d. */
  | { readonly kind: "row"; readonly offset: number; readonly steps: readonly number[] }
  /** As `indices` say, whose dimensions are these of the rows. */
  | { readonly kind: "data"; readonly indices: Stored; readonly rows: readonly number[] };

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
      /** Whether what is right of the diagonal stands below it too, and is stored once. */
      readonly isSymmetric: boolean;
      /** For each of `values`, where it stands: a place for each dimension of the columns. */
      readonly at: readonly (readonly Place[])[];
      /** Over the rows and the dimensions of the columns that are free; what is out of range does not count. */
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

/** Where the entries of each row stand, for each part of a matrix. */
const placesOf = (matrix: StructuredMatrix): readonly (readonly Place[])[] => {
  if (matrix.kind === "zero") return [];
  if (matrix.kind === "sparse") return matrix.at;
  const shared = sharedOf(matrix);
  const place = (_: number, column: number): Place => {
    const pair = shared.find((each) => each.column === column);
    if (pair === undefined) return { kind: "free" };
    return { kind: "row", offset: 0, steps: matrix.rows.map((__, row) => (row === pair.row ? 1 : 0)) };
  };
  return [matrix.columns.map(place)];
};

/** The columns in which a row may have entries: `first(row)` (none below 0) and so many further on as `steps` says. */
const patternOf = (
  { rows, columns }: Shape,
  places: readonly Place[],
): { readonly first: (row: number) => number; readonly steps: readonly number[] } => {
  const [rowStrides, columnStrides] = [stridesOf(rows), stridesOf(columns)];
  let steps: number[] = [0];
  columns.forEach((extent, j) => {
    if (places[j]?.kind !== "free") return;
    const stride = columnStrides[j] ?? 1;
    steps = steps.flatMap((step) => Array.from({ length: extent }, (_, k) => step + k * stride));
  });
  const indexAt = (row: number, k: number): number => Math.floor(row / (rowStrides[k] ?? 1)) % (rows[k] ?? 1);
  const position = (place: Place, row: number): number => {
    if (place.kind === "free") return 0;
    if (place.kind === "row")
      return place.steps.reduce(
        (sum, step, k) => (step === 0 ? sum : sum + step * indexAt(row, k)),
        place.offset,
      );
    const at = place.rows.reduce((sum, k) => sum * (rows[k] ?? 1) + indexAt(row, k), 0);
    return valueAt(place.indices, at);
  };
  const first = (row: number): number => {
    let column = 0;
    for (let j = 0; j < columns.length; j++) {
      const place = places[j];
      const index = place === undefined ? 0 : position(place, row);
      if (!(index >= 0 && index < (columns[j] ?? 0))) return place?.kind === "free" ? column : -1;
      column += index * (columnStrides[j] ?? 1);
    }
    return column;
  };
  return { first, steps };
};

type Visit = (row: number, column: number, value: number) => void;

/** Every entry that may not be zero; those of several parts at one place one after the other. */
function eachEntry(matrix: StructuredMatrix, visit: Visit): void {
  const height = sizeOf(matrix.rows);
  placesOf(matrix).forEach((places, part) => {
    const { first, steps } = patternOf(matrix, places);
    const isMirrored =
      matrix.kind === "sparse" &&
      matrix.isSymmetric &&
      places.some((place) => place.kind === "row" && place.offset !== 0);
    for (let row = 0; row < height; row++) {
      const start = first(row);
      if (start < 0) continue;
      for (let k = 0; k < steps.length; k++) {
        const column = start + (steps[k] ?? 0);
        const value = entry(matrix, row, column, part, row * steps.length + k);
        visit(row, column, value);
        if (isMirrored) visit(column, row, value);
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
