/** The handwritten digits: 8 × 8 pixels scaled to [0, 1]; every fifth row is held out. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export interface Rows {
  readonly count: number;
  /** [count, 64] */
  readonly pixels: Float32Array;
  /** [count] */
  readonly labels: Int32Array;
}

export interface Digits {
  readonly train: Rows;
  readonly test: Rows;
}

export const PIXELS = 64;
export const CLASSES = 10;
const HELD_OUT = 5;

/** Marsaglia's xorshift32: uniform in [0, 1), the same numbers for the same seed everywhere. */
export const createRandom = (seed: number): (() => number) => {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
};

/** 0 … count - 1 in random order (Fisher and Yates). */
export const shuffled = (count: number, random: () => number): Int32Array => {
  const order = Int32Array.from({ length: count }, (_, k) => k);
  for (let k = count - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [order[k], order[other]] = [order[other] ?? 0, order[k] ?? 0];
  }
  return order;
};

const rowsOf = (lines: readonly string[]): Rows => {
  const pixels = new Float32Array(lines.length * PIXELS);
  const labels = new Int32Array(lines.length);
  lines.forEach((line, row) => {
    const numbers = line.split(",").map(Number);
    labels[row] = numbers.pop() ?? 0;
    pixels.set(numbers.map((pixel) => pixel / 16), row * PIXELS); // prettier-ignore
  });
  return { count: lines.length, pixels, labels };
};

export const loadDigits = (path: string | URL): Digits => {
  const lines = gunzipSync(readFileSync(path)).toString("utf8").trim().split("\n");
  const every = (kept: boolean): readonly string[] =>
    lines.filter((_, row) => (row % HELD_OUT !== 0) === kept);
  return { train: rowsOf(every(true)), test: rowsOf(every(false)) };
};
