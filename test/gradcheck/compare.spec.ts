import { describe, expect, it } from "vitest";
import { compare, excess, formatMismatch } from "../../src/gradcheck/compare.ts";
import { allowedError, TOLERANCES } from "../../src/gradcheck/tolerance.ts";

describe("excess", () => {
  it.each([
    [1, 1, 0, 0],
    [1, 1.5, 1, 0.5],
    [NaN, NaN, 0, 0],
    [Infinity, Infinity, 0, 0],
    [Infinity, 1e300, 1, Infinity],
    [NaN, 1, 1, Infinity],
    [1, NaN, Infinity, Infinity],
    [-0, 0, 0, 0],
  ])("of %d and %d with %d allowed is %d", (expected, got, allowed, result) => {
    expect(excess(expected, got, allowed)).toBe(result);
  });
});

describe("compare", () => {
  const expected = { shape: [2, 2], data: [1, 2, 3, 4], allowed: () => 0.25 };

  it("names the worst element", () => {
    const { mismatch, worst } = compare("y", expected, [1, 2.5, 3, 5]);
    expect(worst).toBe(4);
    expect(mismatch).toEqual({ output: "y", index: [1, 1], expected: 4, got: 5, allowed: 0.25 });
    expect(mismatch && formatMismatch(mismatch)).toBe(
      "y[1, 1]: expected 4, got 5, off by 1.00e+0, allowed 2.50e-1",
    );
  });

  it("takes what is within the tolerance, and no array of another length", () => {
    expect(compare("y", expected, [1, 2.25, 3, 4]).mismatch).toBeUndefined();
    expect(compare("y", expected, [1, 2, 3]).mismatch?.output).toBe("y (3 elements instead of 4)");
    expect(compare("y", expected, undefined).mismatch?.output).toBe("y (no elements instead of 4)");
  });
});

describe("allowedError", () => {
  it("is some units in the last place without a bound, and grows with it", () => {
    expect(allowedError("f32", 1, 0)).toBeLessThan(2 ** -23);
    expect(allowedError("f32", 1, 1e-3)).toBeGreaterThan(TOLERANCES.f32.boundFactor * 1e-3);
    expect(allowedError("f64", 1, 0)).toBeLessThan(2 ** -52);
  });

  it("lets overflow be overflow, and a value without a bound be off by a thousandth", () => {
    expect(allowedError("f32", 1e39, 0)).toBe(Infinity);
    expect(allowedError("f32", 1, Infinity)).toBeCloseTo(2 ** -10, 5);
  });
});
