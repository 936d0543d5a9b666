import { describe, expect, it } from "vitest";
import {
  bounds, constant, dividedBy, expanded, isNonNegative, isSame, linearIn, minus, ofAtom, ofVariable, plus, product, scaled,
  times, type Polynomial, type Variable,
} from "../../src/loop/polynomial.ts"; // prettier-ignore

const symbol = (key: string): Polynomial => ofAtom({ key });
const [N, W] = [symbol("N"), symbol("W")];
const least = (key: string): number | undefined => (key === "?" ? undefined : 0);

describe("polynomials", () => {
  it("are canonical", () => {
    expect(minus(plus(N, W, constant(2)), plus(constant(2), W))).toEqual(N);
    expect(isSame(times(plus(N, constant(1)), plus(N, constant(-1))), minus(times(N, N), constant(1)))).toBe(
      true,
    );
  });

  it("keep a sum as one factor, which divides and multiplies out", () => {
    const width = plus(W, constant(-2));
    const row = product(symbol("i"), width);
    const [factor] = product(constant(1), product(width, symbol("i")));
    expect(row).toHaveLength(1);
    expect(factor && dividedBy(plus(row, N), factor)).toEqual({ whole: row, remainder: N });
    expect(expanded(row)).toHaveLength(2);
  });

  it("are proved not to be negative from the least values of symbols", () => {
    expect(isNonNegative(minus(N, constant(1)), least)).toBe(false);
    expect(isNonNegative(minus(N, constant(1)), () => 1)).toBe(true);
    expect(isNonNegative(symbol("?"), least)).toBe(false);
  });

  it("are bounded by eliminating variables, the innermost first", () => {
    const block: Variable = {
      key: "$0",
      order: 0,
      scale: 8,
      least: [constant(0)],
      most: [minus(N, constant(1))],
    };
    const lane: Variable = { key: "$1", order: 1, scale: 1, least: [constant(0)], most: [constant(7)] };
    const at = plus(scaled(ofVariable(block), 8), ofVariable(lane));
    expect(bounds(at, 1, least)).toEqual([plus(N, constant(6))]);
    expect(bounds(at, -1, least)).toEqual([constant(0)]);
    expect(bounds(scaled(at, -1), 1, least)).toEqual([constant(0)]);
    expect(linearIn(at, lane)).toEqual({ coefficient: constant(1), rest: scaled(ofVariable(block), 8) });
  });
});
