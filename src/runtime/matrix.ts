/** Jacobians and Hessians as kernels return them: by their structure. Elements are numbered in row-major order. */

/** Entries are zero but where the index in this dimension of the rows is that in this dimension of the columns. */
export interface SharedDimensions {
  readonly row: number;
  readonly column: number;
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

const sharedOf = (matrix: StructuredMatrix): readonly SharedDimensions[] => {
  if (matrix.kind === "diagonal") return matrix.rows.map((_, k) => ({ row: k, column: k }));
  return "shared" in matrix ? matrix.shared : [];
};

/** The columns in which the row of an element may have entries: `first(row)` and so many further on as `steps` says. */
const patternOf = (
  matrix: StructuredMatrix,
): { readonly first: (row: number) => number; readonly steps: readonly number[] } => {
  const { rows, columns } = matrix;
  const shared = sharedOf(matrix);
  const place = (dimension: number): number => sizeOf(columns.slice(dimension + 1));
  let steps: number[] = [0];
  columns.forEach((extent, column) => {
    if (shared.some((pair) => pair.column === column)) return;
    steps = steps.flatMap((step) => Array.from({ length: extent }, (_, k) => step + k * place(column)));
  });
  const first = (element: number): number =>
    shared.reduce((sum, { row, column }) => sum + indexAt(rows, row, element) * place(column), 0);
  return { first, steps };
};

/** matrix · vector, for a vector over the columns: as many operations as there is stored. */
export function times(matrix: StructuredMatrix, vector: ArrayLike<number>): Float64Array {
  const { rows, columns } = matrix;
  const result = new Float64Array(sizeOf(rows));
  if (matrix.kind === "zero") return result;
  if (matrix.kind !== "lowRank" && matrix.kind !== "diagonalPlusLowRank") {
    const { first, steps } = patternOf(matrix);
    return result.map((_, row) => {
      const start = first(row);
      let sum = 0;
      steps.forEach((step, k) => {
        sum += valueAt(matrix.values, row * steps.length + k) * (vector[start + step] ?? NaN);
      });
      return sum;
    });
  }
  const { shared, left, right } = matrix;
  const block = (extents: readonly number[], side: keyof SharedDimensions, element: number): number =>
    shared.reduce((at, pair) => at * (columns[pair.column] ?? 1) + indexAt(extents, pair[side], element), 0);
  left.forEach((factor, k) => {
    const sums = new Map<number, number>();
    for (let column = 0; column < sizeOf(columns); column++) {
      const at = block(columns, "column", column);
      sums.set(at, (sums.get(at) ?? 0) + valueAt(right[k], column) * (vector[column] ?? NaN));
    }
    for (let row = 0; row < result.length; row++)
      result[row] = (result[row] ?? 0) + valueAt(factor, row) * (sums.get(block(rows, "row", row)) ?? 0);
  });
  if (matrix.kind === "lowRank") return result;
  return result.map((sum, row) => sum + valueAt(matrix.diagonal, row) * (vector[row] ?? NaN));
}

/** All entries, of shape [rows…, columns…]. */
export function dense(matrix: StructuredMatrix): Float64Array {
  const width = sizeOf(matrix.columns);
  const result = new Float64Array(sizeOf(matrix.rows) * width);
  if (matrix.kind === "zero") return result;
  const { first, steps } = patternOf(matrix);
  for (let row = 0; row * width < result.length; row++) {
    const start = first(row);
    steps.forEach((step, k) => {
      const column = start + step;
      result[row * width + column] = entry(matrix, row, column, row * steps.length + k);
    });
  }
  return result;
}

/** The entry of a row and column that may not be zero, which is number `stored` of the values. */
function entry(
  matrix: Exclude<StructuredMatrix, { readonly kind: "zero" }>,
  row: number,
  column: number,
  stored: number,
): number {
  if (matrix.kind !== "lowRank" && matrix.kind !== "diagonalPlusLowRank")
    return valueAt(matrix.values, stored);
  const { left, right } = matrix;
  const sum = left.reduce(
    (total: number, each, k) => total + valueAt(each, row) * valueAt(right[k], column),
    0,
  );
  return matrix.kind === "diagonalPlusLowRank" && row === column ? sum + valueAt(matrix.diagonal, row) : sum;
}
