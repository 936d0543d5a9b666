import { describe, expect, it } from "vitest";
import {
  csr,
  dense,
  times,
  type EntryList,
  type Place,
  type StructuredMatrix,
} from "../../src/runtime/index.ts";

const FREE: Place = { kind: "free" };

const BLOCKS = { rows: [2, 2], columns: [2, 3], shared: [{ row: 0, column: 0 }] } as const;

const AT = (offset: number, ...steps: readonly number[]): Place => ({ kind: "affine", offset, steps });

const DATA = (...indices: readonly number[]): Place => ({
  kind: "data",
  indices,
  shape: [indices.length],
  at: [{ offset: 0, steps: [1] }],
});

const list = (over: readonly number[], rows: readonly Place[], columns: readonly Place[]): EntryList => ({
  over,
  rows,
  columns,
  isMirrored: false,
});

/** One place in each row. */
const BY_ROW = (over: readonly number[], ...columns: readonly Place[]): EntryList =>
  list(
    over,
    over.map((_, d) => AT(0, ...over.map((__, k) => (k === d ? 1 : 0)))),
    columns,
  );

const MIRRORED = (each: EntryList): EntryList => ({ ...each, isMirrored: true });

/** Matrices with all their entries. */
const CASES: readonly (readonly [StructuredMatrix, readonly (readonly number[])[]])[] = [
  [{ kind: "zero", rows: [2], columns: [3] }, [[0, 0, 0], [0, 0, 0]]],
  [{ kind: "diagonal", rows: [3], columns: [3], values: [1, 2, 3] }, [[1, 0, 0], [0, 2, 0], [0, 0, 3]]],
  [{ kind: "dense", rows: [2], columns: [2], values: [1, 2, 3, 4] }, [[1, 2], [3, 4]]],
  [{ kind: "dense", rows: [], columns: [], values: 7 }, [[7]]],
  [
    { kind: "blockDiagonal", ...BLOCKS, values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
    [[1, 2, 3, 0, 0, 0], [4, 5, 6, 0, 0, 0], [0, 0, 0, 7, 8, 9], [0, 0, 0, 10, 11, 12]],
  ],
  [
    // the second dimension of the columns is that of the rows: [2] by [2, 2]
    { kind: "blockDiagonal", rows: [2], columns: [2, 2], shared: [{ row: 0, column: 1 }], values: [1, 2, 3, 4] },
    [[1, 0, 2, 0], [0, 3, 0, 4]],
  ],
  [
    { kind: "lowRank", ...BLOCKS, left: [[1, 2, 3, 4]], right: [[1, 0, 2, 3, 0, 1]] },
    [[1, 0, 2, 0, 0, 0], [2, 0, 4, 0, 0, 0], [0, 0, 0, 9, 0, 3], [0, 0, 0, 12, 0, 4]],
  ],
  [
    { kind: "diagonalPlusLowRank", rows: [2], columns: [2], shared: [], diagonal: [5, 6], left: [[1, 2], [1, 0]], right: [[3, 4], [0, 1]] },
    [[8, 5], [6, 14]],
  ],
  [
    { kind: "diagonalPlusLowRank", rows: [2, 1], columns: [2, 1], shared: [{ row: 0, column: 0 }], diagonal: [5, 6], left: [[1, 2]], right: [[3, 4]] },
    [[8, 0], [0, 14]],
  ],
  [
    { kind: "sparse", rows: [3], columns: [3], isSymmetric: true, at: [BY_ROW([3], AT(0, 1)), MIRRORED(BY_ROW([3], AT(1, 1)))], values: [[1, 2, 3], [4, 5, 9]] },
    [[1, 4, 0], [4, 2, 5], [0, 5, 3]],
  ],
  [
    // two parts at one place: their sum; a column out of range is none
    { kind: "sparse", rows: [2], columns: [4], isSymmetric: false, at: [BY_ROW([2], AT(1, 2)), BY_ROW([2], AT(1, 0)), BY_ROW([2], AT(-1, 1))], values: [[1, 2], [3, 4], [9, 5]] },
    [[0, 4, 0, 0], [5, 4, 0, 2]],
  ],
  [
    { kind: "sparse", rows: [2], columns: [3, 2], isSymmetric: false, at: [BY_ROW([2], DATA(2, 0), FREE)], values: [[1, 2, 3, 4]] },
    [[0, 0, 0, 0, 1, 2], [3, 4, 0, 0, 0, 0]],
  ],
  [
    // blocks next to the diagonal ones
    { kind: "sparse", rows: [2, 2], columns: [2, 2], isSymmetric: true, at: [MIRRORED(BY_ROW([2, 2], AT(1, 1, 0), FREE)), BY_ROW([2, 2], AT(0, 1, 0), AT(0, 0, 1))], values: [[1, 2, 3, 4, 9, 9, 9, 9], [5, 6, 7, 8]] },
    [[5, 0, 1, 2], [0, 6, 3, 4], [1, 3, 7, 0], [2, 4, 0, 8]],
  ],
  [
    // edges, one of them twice: what is at one place adds up
    { kind: "sparse", rows: [3], columns: [3], isSymmetric: true, at: [MIRRORED(list([3], [DATA(0, 2, 0)], [DATA(1, 1, 1)]))], values: [[1, 2, 4]] },
    [[0, 5, 0], [5, 0, 2], [0, 2, 0]],
  ],
  [
    // a block of one point and all of a camera; an index out of range is none
    { kind: "sparse", rows: [2, 2], columns: [2], isSymmetric: false, at: [list([2], [DATA(1, 5), FREE], [AT(0, 1)])], values: [[1, 2, 3, 4]] },
    [[0, 0], [0, 0], [1, 0], [2, 0]],
  ],
  [
    // one row that is full
    { kind: "sparse", rows: [2], columns: [2], isSymmetric: false, at: [list([], [AT(1)], [FREE])], values: [[3, 4]] },
    [[0, 0], [3, 4]],
  ],
]; // prettier-ignore

describe("structured matrices", () => {
  it.each(CASES)("expand and multiply: %j", (matrix, rows) => {
    expect([...dense(matrix)]).toEqual(rows.flat());
    const vector = Float64Array.from(rows[0] ?? [], (_, k) => k + 1);
    const product = rows.map((row) => row.reduce((sum, x, k) => sum + x * (vector[k] ?? NaN), 0));
    expect([...times(matrix, vector)]).toEqual(product);
  });

  it.each(CASES)("have compressed rows: %j", (matrix, rows) => {
    const { indptr, indices, values } = csr(matrix);
    const found = rows.map((row) => row.map(() => 0));
    expect(indptr.length).toBe(rows.length + 1);
    rows.forEach((_, row) => {
      const own = [...indices.slice(indptr[row], indptr[row + 1])];
      expect(own, "sorted, each column once").toEqual([...new Set(own)].sort((a, b) => a - b));
      own.forEach((column, k) => {
        const at = (indptr[row] ?? 0) + k;
        const into = found[row];
        if (into !== undefined) into[column] = values[at] ?? NaN;
      });
    });
    expect(found).toEqual(rows);
  });

  it("have no more compressed entries than are stored", () => {
    const n = 1000;
    const values = Array.from({ length: n }, (_, k) => k + 1);
    const at = [BY_ROW([n], AT(0, 1)), MIRRORED(BY_ROW([n], AT(1, 1)))];
    const { indptr, indices } = csr({
      kind: "sparse",
      rows: [n],
      columns: [n],
      isSymmetric: true,
      at,
      values: [values, values],
    });
    expect(indices.length).toBe(3 * n - 2);
    expect([...indptr.slice(0, 4)]).toEqual([0, 2, 5, 8]);
  });

  it("take nothing from a vector that is too short", () => {
    expect([...times({ kind: "diagonal", rows: [2], columns: [2], values: [1, 2] }, [1])]).toEqual([1, NaN]);
  });
});
