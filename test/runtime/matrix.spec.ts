import { describe, expect, it } from "vitest";
import { dense, times, type StructuredMatrix } from "../../src/runtime/index.ts";

const BLOCKS = { rows: [2, 2], columns: [2, 3], shared: [{ row: 0, column: 0 }] } as const;

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
    { kind: "banded", rows: [3], columns: [3], bands: [[{ row: 0, offset: 0 }], [{ row: 0, offset: 1 }]], values: [[1, 2, 3], [4, 5, 6]] },
    [[1, 4, 0], [0, 2, 5], [0, 0, 3]],
  ],
  [
    // columns [n + 1, m - 1] of [2, 2]
    { kind: "banded", rows: [2, 2], columns: [2, 2], bands: [[{ row: 0, offset: 1 }, { row: 1, offset: -1 }]], values: [[1, 2, 3, 4]] },
    [[0, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
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
]; // prettier-ignore

describe("structured matrices", () => {
  it.each(CASES)("expand and multiply: %j", (matrix, rows) => {
    expect([...dense(matrix)]).toEqual(rows.flat());
    const vector = Float64Array.from(rows[0] ?? [], (_, k) => k + 1);
    const product = rows.map((row) => row.reduce((sum, x, k) => sum + x * (vector[k] ?? NaN), 0));
    expect([...times(matrix, vector)]).toEqual(product);
  });

  it("take nothing from a vector that is too short", () => {
    expect([...times({ kind: "diagonal", rows: [2], columns: [2], values: [1, 2] }, [1])]).toEqual([1, NaN]);
  });
});
