/** Jacobians and Hessians as kernels return them: by their structure. Elements are numbered in row-major order. */

/** Entries are zero but where the index in this dimension of the rows is that in this dimension of the columns. */
export interface SharedDimensions {
  readonly row: number;
  readonly column: number;
}

/** The index of a column in one dimension: that of the row in dimension `row`, and so many further. */
export interface BandOffset {
  readonly row: number;
  readonly offset: number;
}

/** One number where rows or columns have no dimensions. */
export type Stored = number | ArrayLike<number>;

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
      readonly kind: "banded";
      readonly bands: readonly (readonly BandOffset[])[];
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

/** The index in a dimension of an element. */
const indexAt = (extents: readonly number[], dimension: number, element: number): number =>
  Math.floor(element / sizeOf(extents.slice(dimension + 1))) % (extents[dimension] ?? 1);

type Visit = (row: number, column: number, value: number) => void;

/** Every entry that is stored, or is made of what is; entries on a diagonal may come in two parts. */
function visitAll(matrix: StructuredMatrix, visit: Visit): void {
  const { kind, rows, columns } = matrix;
  const height = kind === "zero" ? 0 : sizeOf(rows);
  const pairs =
    kind === "diagonal"
      ? rows.map((_, k) => ({ row: k, column: k }))
      : "shared" in matrix
        ? matrix.shared
        : [];
  const place = (column: number): number => sizeOf(columns.slice(column + 1));
  let steps = [0];
  columns.forEach((extent, column) => {
    if (pairs.some((pair) => pair.column === column)) return;
    steps = steps.flatMap((step) => Array.from({ length: extent }, (_, k) => step + k * place(column)));
  });
  for (let row = 0; row < height; row++) {
    if (kind === "banded") visitBands(matrix, row, visit);
    else {
      const first = pairs.reduce((sum, pair) => sum + indexAt(rows, pair.row, row) * place(pair.column), 0);
      steps.forEach((step, k) => {
        visit(row, first + step, entry(matrix, row, first + step, row * steps.length + k));
      });
    }
    if (kind === "diagonalPlusLowRank") visit(row, row, valueAt(matrix.diagonal, row));
  }
}

/** The entries of a row that are inside of the matrix. */
function visitBands(
  { rows, columns, bands, values }: Extract<StructuredMatrix, { readonly kind: "banded" }>,
  row: number,
  visit: Visit,
): void {
  bands.forEach((band, k) => {
    const column = band.reduce((at, { row: dimension, offset }, j) => {
      const index = indexAt(rows, dimension, row) + offset;
      const extent = columns[j] ?? 1;
      return index < 0 || index >= extent ? NaN : at * extent + index;
    }, 0);
    if (column >= 0) visit(row, column, valueAt(values[k], row));
  });
}

/** The entry of a block, which is number `stored` of the values. */
const entry = (matrix: StructuredMatrix, row: number, column: number, stored: number): number =>
  "left" in matrix
    ? matrix.left.reduce(
        (sum: number, left, k) => sum + valueAt(left, row) * valueAt(matrix.right[k], column),
        0,
      )
    : valueAt("values" in matrix && matrix.kind !== "banded" ? matrix.values : undefined, stored);

/** matrix · vector, for a vector over the columns: as many operations as there is stored. */
export function times(matrix: StructuredMatrix, vector: ArrayLike<number>): Float64Array {
  const { rows, columns } = matrix;
  const result = new Float64Array(sizeOf(rows));
  const add = (row: number, value: number): void => {
    result[row] = (result[row] ?? 0) + value;
  };
  if (!("left" in matrix)) {
    visitAll(matrix, (row, column, value) => {
      add(row, value * (vector[column] ?? NaN));
    });
    return result;
  }
  const block = (extents: readonly number[], side: keyof SharedDimensions, element: number): number =>
    matrix.shared.reduce(
      (at, pair) => at * (columns[pair.column] ?? 1) + indexAt(extents, pair[side], element),
      0,
    );
  matrix.left.forEach((left, k) => {
    const sums = new Map<number, number>();
    for (let column = 0; column < sizeOf(columns); column++) {
      const at = block(columns, "column", column);
      sums.set(at, (sums.get(at) ?? 0) + valueAt(matrix.right[k], column) * (vector[column] ?? NaN));
    }
    result.forEach((_, row) => {
      add(row, valueAt(left, row) * (sums.get(block(rows, "row", row)) ?? 0));
    });
  });
  if ("diagonal" in matrix)
    result.forEach((_, row) => {
      add(row, valueAt(matrix.diagonal, row) * (vector[row] ?? NaN));
    });
  return result;
}

/** All entries, of shape [rows…, columns…]. */
export function dense(matrix: StructuredMatrix): Float64Array {
  const width = sizeOf(matrix.columns);
  const result = new Float64Array(sizeOf(matrix.rows) * width);
  visitAll(matrix, (row, column, value) => {
    result[row * width + column] = (result[row * width + column] ?? 0) + value;
  });
  return result;
}
