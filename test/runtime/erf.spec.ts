import { describe, expect, it } from "vitest";
import { erf, erfc } from "../../src/runtime/erf.ts";
import { ERF_TABLE } from "./erf.table.ts";
import { ulp } from "./ulp.ts";

describe("erf and erfc", () => {
  it("stay within 2 ulp of the table", () => {
    const worst = { erf: 0, erfc: 0 };
    for (const [x, value, rest, complement, complementRest] of ERF_TABLE) {
      worst.erf = Math.max(worst.erf, Math.abs(erf(x) - value - rest) / ulp(value));
      worst.erfc = Math.max(worst.erfc, Math.abs(erfc(x) - complement - complementRest) / ulp(complement));
    }
    expect(worst.erf).toBeLessThan(1);
    expect(worst.erfc).toBeLessThan(1.7);
  });

  it("agree with each other where both are accurate", () => {
    for (let x = -3; x < 3; x += 0.001) expect(Math.abs(erf(x) + erfc(x) - 1)).toBeLessThan(5e-16);
  });

  it("are odd, and monotone across the seams of the fits", () => {
    for (const seam of [0.25, 0.5, Math.sqrt(0.75), 2.5]) {
      expect(erf(-seam)).toBe(-erf(seam));
      expect(erfc(seam - 1e-9)).toBeGreaterThan(erfc(seam + 1e-9));
      expect(erf(seam - 1e-9)).toBeLessThan(erf(seam + 1e-9));
    }
  });

  it("keep the values at zero, infinity and NaN", () => {
    expect(erf(-0)).toBe(-0);
    expect([erf(Infinity), erf(-Infinity), erfc(Infinity), erfc(-Infinity), erfc(0)]).toEqual([
      1, -1, 0, 2, 1,
    ]);
    expect([erf(NaN), erfc(NaN)]).toEqual([NaN, NaN]);
  });

  it("underflow gradually", () => {
    expect(erfc(27)).toBeGreaterThan(0);
    expect(Math.abs(erfc(27) / 5.237048923789256e-319 - 1)).toBeLessThan(1e-4);
    expect(erfc(28)).toBe(0);
  });
});
