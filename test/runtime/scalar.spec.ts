import { describe, expect, it } from "vitest";
import { floordiv, mod, pow, round, sigmoid, softplus } from "../../src/runtime/scalar.ts";
import { ulp } from "./ulp.ts";

describe("round", () => {
  it.each([
    [0.5, 0], [1.5, 2], [2.5, 2], [-0.5, -0], [-1.5, -2], [-2.5, -2], [0.49999999999999994, 0], [-0, -0], [0, 0], [-0.2, -0],
    [4503599627370495.5, 4503599627370496], [4503599627370497, 4503599627370497], [9007199254740991, 9007199254740991],
    [1e300, 1e300], [Infinity, Infinity], [-Infinity, -Infinity], [NaN, NaN],
  ])("%d is %d", (x, y) => {
    expect(round(x)).toBe(y);
  }); // prettier-ignore
});

describe("pow has C99's semantics", () => {
  it.each([
    [1, NaN, 1], [1, Infinity, 1], [-1, Infinity, 1], [-1, -Infinity, 1], [NaN, 0, 1], [NaN, 1, NaN], [2, NaN, NaN],
    [0, -1, Infinity], [-0, -1, -Infinity], [-0, -2, Infinity], [-0, 3, -0], [0, 0, 1], [-8, 1 / 3, NaN], [-2, 3, -8],
    [0.5, Infinity, 0], [0.5, -Infinity, Infinity], [-Infinity, 3, -Infinity], [-Infinity, -3, -0],
  ])("pow(%d, %d) = %d", (a, b, y) => {
    expect(pow(a, b)).toBe(y);
  }); // prettier-ignore
});

describe("floordiv and mod round towards −∞", () => {
  it.each([[7, 3, 2, 1], [-7, 3, -3, 2], [7, -3, -3, -2], [-7, -3, 2, -1], [-1, 2147483647, -1, 2147483646]])(
    "%d by %d",
    (a, b, quotient, rest) => {
      expect(floordiv(a, b)).toBe(quotient);
      expect(mod(a, b)).toBe(rest);
    },
  ); // prettier-ignore

  it("of floats too", () => {
    expect(floordiv(-7.5, 2)).toBe(-4);
    expect(mod(-7.5, 2)).toBe(0.5);
  });
});

describe("sigmoid and softplus", () => {
  it("are symmetric and accurate in the tails", () => {
    for (let x = -40; x <= 40; x += 0.37) {
      expect(Math.abs(sigmoid(x) + sigmoid(-x) - 1)).toBeLessThan(3e-16);
      expect(Math.abs(softplus(x) - softplus(-x) - x)).toBeLessThan(2 * ulp(40));
    }
    expect(sigmoid(-740) / Math.exp(-740)).toBe(1);
    expect(softplus(-740) / Math.exp(-740)).toBe(1);
    expect([sigmoid(1000), sigmoid(-1000), softplus(1000), softplus(-1000)]).toEqual([1, 0, 1000, 0]);
    expect([sigmoid(NaN), softplus(NaN)]).toEqual([NaN, NaN]);
  });
});
