/** Arguments that between them visit every binade, the special values and their neighbours. */
import type { LaneType } from "../../../../codegen/wasm/math/lanes.ts";

/** A linear congruential generator: the same numbers on every run. */
export function* randomWords(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state;
  }
}

const SPECIAL = [
  0,
  1,
  Infinity,
  NaN,
  0.5,
  2,
  Math.PI,
  Math.PI / 2,
  Math.PI / 4,
  Math.E,
  Math.LN2,
  Math.SQRT2,
];

/** f32 numbers: specials, the bounds of every binade with their neighbours, and random bit patterns; both signs. */
export function singles(count: number, seed: number): Float32Array {
  const words = randomWords(seed);
  const patterns = new Uint32Array(count);
  const bounds = Array.from({ length: 256 }, (_, e) => e << 23).flatMap((b) => [
    b,
    b + 1,
    Math.max(b - 1, 0),
  ]);
  const special = new Uint32Array(new Float32Array(SPECIAL).buffer);
  const fixed = [...bounds, ...special].flatMap((b) => [b >>> 0, (b | 0x80000000) >>> 0]);
  patterns.set(fixed.map((b) => b));
  for (let i = fixed.length; i < count; i++) {
    const word = words.next().value;
    // Every second one between 2⁻³ and 2⁷, where most functions are neither trivial nor saturated.
    patterns[i] = i % 2 === 0 ? word : (word & 0x807fffff) | ((((word >>> 5) % 10) + 124) << 23);
  }
  return new Float32Array(patterns.buffer);
}

/** Special values of either type, with both signs. */
export function specials(dtype: LaneType): readonly number[] {
  const [least, normal, most] =
    dtype === "f32"
      ? [2 ** -149, 2 ** -126, (2 - 2 ** -23) * 2 ** 127]
      : [5e-324, 2 ** -1022, Number.MAX_VALUE];
  const magnitudes = [
    0,
    1,
    Infinity,
    0.5,
    2,
    3,
    4,
    0.25,
    1.5,
    2.5,
    1e9 + 1,
    least,
    normal,
    most,
    2 ** 24 + 2,
  ];
  return [NaN, ...magnitudes.flatMap((m) => [m, -m])];
}
