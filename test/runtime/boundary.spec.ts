import { describe, expect, it } from "vitest";
import {
  apart,
  array,
  dimension,
  distinct,
  inferred,
  inRange,
  integer,
  number,
  output,
  shape,
} from "../../src/runtime/boundary.ts";

/** What is left of an array whose memory went to another thread. */
const detached = (length: number): Float32Array => {
  const array = new Float32Array(length);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};

/** What a caller without types may pass. */
const untyped = (value: unknown): never => value as never;

describe("boundary checks", () => {
  it("let right arguments through", () => {
    const x = new Float32Array(6);
    expect(array("x", x, "Float32Array")).toBe(x);
    expect(() => {
      shape("x", 6, "[N, 2 * C]", [3, 2]);
    }).not.toThrow();
    expect(output("y", x, "Float32Array", "[N]", [6])).toBe(x);
    expect(output("y", undefined, "Int32Array", "[N, 2]", [3, 2])).toEqual(new Int32Array(6));
    expect(output("y", undefined, "Float64Array", "[]", [])).toEqual(new Float64Array(1));
    expect(dimension("N", 0, 0)).toBe(0);
    expect(inferred("N", "x", 12, 4)).toBe(3);
    expect(Object.is(integer("k", -0), 0)).toBe(true);
    expect(number("alpha", NaN)).toBeNaN();
    expect(() => {
      inRange("label", new Int32Array([0, 9]), "C", 10);
      inRange("k", 9, "C", 10);
    }).not.toThrow();
  });

  const cases: readonly (readonly [string, () => unknown, typeof TypeError | typeof RangeError, string])[] = [
    ["a missing array", () => array("x", untyped(undefined), "Float32Array"), TypeError, "x must be a Float32Array, but is undefined"],
    ["a plain array", () => array("x", untyped([1, 2]), "Float32Array"), TypeError, "x must be a Float32Array, but is Array"],
    ["an array of another type", () => array("x", untyped(new Float64Array(2)), "Float32Array"), TypeError, "x must be a Float32Array, but is Float64Array"],
    ["an array that is detached", () => array("x", detached(3), "Float32Array"), TypeError, "x is detached: its memory has grown, or was transferred"],
    ["results that share memory", () => { const y = new Float32Array(4); distinct("y, w, z", y, undefined, y.subarray(3)); }, RangeError, "two of the results y, w, z share memory"],
    ["a length", () => { shape("x", 5, "[N, 2 * C]", [3, 2]); }, RangeError, "x has shape [N, 2 * C] = [3, 2]: 6 elements, but 5 are given"],
    ["a length of a constant shape", () => { shape("x", 5, "[3, 2]", [3, 2]); }, RangeError, "x has shape [3, 2]: 6 elements, but 5 are given"],
    ["a negative extent", () => output("y", undefined, "Float32Array", "[H - 3]", [-1]), RangeError, "y has shape [H - 3] = [-1]: an extent is negative"],
    ["the length of an output", () => output("y", new Float32Array(1), "Float32Array", "[N]", [2]), RangeError, "y has shape [N] = [2]: 2 elements, but 1 are given"],
    ["no number", () => number("alpha", untyped("1")), TypeError, "alpha must be a number, but is a string"],
    ["a broken integer", () => integer("k", 1.5), RangeError, "k must be a whole number of 32 bits, but is 1.5"],
    ["a large integer", () => integer("k", 2 ** 31), RangeError, "k must be a whole number of 32 bits, but is 2147483648"],
    ["a small dimension", () => dimension("N", 0, 1), RangeError, "N must be at least 1, but is 0"],
    ["a missing dimension", () => dimension("N", untyped(undefined), 1), TypeError, "N must be a number, but is undefined"],
    ["a length that does not divide", () => inferred("N", "x", 11, 4), RangeError, "x has 11 elements: N cannot be inferred, as 4 does not divide that"],
    ["a label", () => { inRange("label", new Int32Array([0, 12]), "C", 10); }, RangeError, "label[1] is 12: it must lie in [0, C = 10)"],
    ["a negative label", () => { inRange("k", -1, "10", 10); }, RangeError, "k is -1: it must lie in [0, 10)"],
  ]; // prettier-ignore

  it.each(cases)("reject %s", (_, check, type, message) => {
    expect(check).toThrow(type);
    expect(check).toThrow(message);
  });

  it("copy an argument that shares memory with a result, and no other", () => {
    const x = Float32Array.of(1, 2, 3);
    const y = new Float32Array(3);
    expect(apart(x)).toBe(x);
    expect(apart(x, undefined, y)).toBe(x);
    expect(apart(x.subarray(0, 1), x.subarray(1)).buffer).toBe(x.buffer);
    expect(apart(x, y, x.subarray(2))).toEqual(x);
    expect(apart(x, y, x.subarray(2))).not.toBe(x);
    expect(() => {
      distinct("a, b, c", x.subarray(0, 1), x.subarray(1), x.subarray(1, 1));
    }).not.toThrow();
  });
});
