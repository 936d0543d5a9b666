import { describe, expect, it } from "vitest";
import { slope, type Sample } from "../../src/gradcheck/differences.ts";

const STEP = 2 ** -10;
const ROUNDOFF = 2 ** -53;

const smooth =
  (f: (x: number) => number, x: number) =>
  (t: number): Sample => ({
    value: f(x + t),
    scale: Math.abs(f(x + t)),
    selections: "",
  });

describe("slope", () => {
  it.each<[string, (x: number) => number, number, number]>([
    ["sin at 1", Math.sin, 1, Math.cos(1)],
    ["exp at -30", Math.exp, -30, Math.exp(-30)],
    ["log at 0.01", Math.log, 0.01, 100],
    ["x⁷ at 3", (x) => x ** 7, 3, 7 * 3 ** 6],
    ["1e8 + x at 0", (x) => 1e8 + x, 0, 1],
  ])("of %s is within its own estimate of the error", (_name, f, x, expected) => {
    const found = slope(smooth(f, x), STEP, ROUNDOFF);
    expect(Math.abs((found?.value ?? NaN) - expected)).toBeLessThanOrEqual(found?.error ?? NaN);
  });

  it("has a small estimate for a smooth function", () => {
    expect(slope(smooth(Math.sin, 1), STEP, ROUNDOFF)?.error).toBeLessThan(1e-10);
  });

  const magnitude =
    (x: number) =>
    (t: number): Sample => ({
      value: Math.abs(x + t),
      scale: 1,
      selections: String(Math.sign(x + t)),
    });

  it("takes shorter steps next to a kink, and gives none on it", () => {
    expect(slope(magnitude(STEP / 4), STEP, ROUNDOFF)?.value).toBeCloseTo(1, 9);
    expect(slope(magnitude(0), STEP, ROUNDOFF)).toBeUndefined();
  });
});
