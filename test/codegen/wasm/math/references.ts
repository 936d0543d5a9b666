/**
 * Function values to higher precision than f64: `references.json`, made with mpmath at 300 bits (1400 for trigonometric
 * functions of huge arguments) from a seeded random sample over each function's regions of interest and all binades,
 * enlarged by the 60 of 20,000 such points where an implementation was off by most.
 *
 * Per function a flat list: the argument or both arguments, the exact result rounded to f64, and what that leaves in
 * units of its last place.
 */
import { readFileSync } from "node:fs";
import { MATH, type MathFunction } from "../../../../codegen/wasm/math/index.ts";

export interface ReferencePoint {
  readonly x: number;
  readonly y: number;
  readonly value: number;
  /** exact − value, in ulp. */
  readonly rest: number;
}

const table = JSON.parse(readFileSync(new URL("references.json", import.meta.url), "utf8")) as Record<
  MathFunction,
  readonly number[]
>;

export function referencePoints(name: MathFunction): readonly ReferencePoint[] {
  const numbers = table[name];
  const width = 2 + MATH[name].arity;
  return Array.from({ length: numbers.length / width }, (_, i) => {
    const [x = NaN, ...others] = numbers.slice(i * width, (i + 1) * width);
    const [y, value, rest] = MATH[name].arity === 1 ? [0, ...others] : others;
    return { x, y: y ?? NaN, value: value ?? NaN, rest: rest ?? NaN };
  });
}
