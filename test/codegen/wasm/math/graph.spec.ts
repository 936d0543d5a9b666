import binaryen from "binaryen";
import { describe, expect, it } from "vitest";
import { defineVectorFunction, type Formula } from "../../../../codegen/wasm/math/graph.ts";
import { LANE_TYPES, laneBits } from "../../../../codegen/wasm/math/lanes.ts";

function text(formula: Formula): string {
  const module = new binaryen.Module();
  module.setFeatures(binaryen.Features.MVP | binaryen.Features.SIMD128);
  defineVectorFunction({ binaryen, module }, "f", 2, "f64", formula);
  expect(module.validate()).toBe(1);
  return module.emitText();
}

const count = (haystack: string, needle: string) => haystack.split(needle).length - 1;

describe("formulas as functions", () => {
  it("compute an equal sub-expression once", () => {
    const code = text((v, x, y) => v.mul(v.add(x, y), v.sub(v.add(x, y), v.constant(1))));
    expect(count(code, "f64x2.add")).toBe(1);
    expect(count(code, "local.set")).toBe(1);
  });

  it("leave out what the result does not need", () => {
    const code = text((v, x, y) => {
      v.div(x, y);
      return v.neg(x);
    });
    expect(code).not.toContain("f64x2.div");
  });

  it("put a rare value into its branch, and a value of both branches before it", () => {
    const code = text((v, x, y) => {
      const shared = v.sqrt(x);
      return v.whenAny(v.lt(x, y), v.div(shared, y), v.mul(shared, y));
    });
    expect(code.indexOf("f64x2.sqrt")).toBeLessThan(code.indexOf("(if"));
    expect(code.indexOf("f64x2.div")).toBeGreaterThan(code.indexOf("(if"));
  });

  it("evaluate polynomials by Horner's rule, and tell −0 from 0", () => {
    expect(
      count(
        text((v, x) => v.polynomial(x, [1, 2, 3])),
        "f64x2.mul",
      ),
    ).toBe(2);
    const zeros = text((v) => v.add(v.constant(0), v.constant(-0)));
    expect(zeros).toContain("0x80000000");
  });

  it("share what is the same for a vector and its negative", () => {
    const even = text((v, x) => v.add(v.abs(v.neg(x)), v.mul(v.abs(x), v.mul(v.neg(x), v.neg(x)))));
    expect(count(even, "v128.and")).toBe(1);
    expect(even).not.toContain("v128.xor");
    const twice = text((v, x) => v.neg(v.neg(x)));
    expect(twice).not.toContain("v128.xor");
  });

  it("evaluate polynomials in pairs to the same value", () => {
    const code = text((v, x) => v.polynomialInPairs(x, [1, 2, 3, 4, 5, 6]));
    // x², x⁴; c₁ + c₂ x, c₃ + c₄ x; the two together, c₅ x⁴, and the last step
    expect(count(code, "f64x2.mul")).toBe(7);
    expect(count(code, "f64x2.add")).toBe(5);
  });

  it("evaluate polynomials in halves: of even and of odd terms", () => {
    const code = text((v, x) => v.polynomialInHalves(x, [1, 2, 3, 4, 5]));
    // x²; c₄ x² + c₂, and so on; c₃ x² + c₁; the odd times x
    expect(count(code, "f64x2.mul")).toBe(5);
    expect(count(code, "f64x2.add")).toBe(4);
  });

  it("are the same text each time", () => {
    const formula: Formula = (v, x, y) => v.polynomial(v.mul(x, y), [1, 2, 3]);
    expect(text(formula)).toBe(text(formula));
  });
});

describe("bit patterns of lanes", () => {
  it.each(LANE_TYPES)("of %s are IEEE 754's", (dtype) => {
    expect(laneBits(1, dtype)).toBe(dtype === "f32" ? 0x3f800000n : 0x3ff0000000000000n);
    expect(laneBits(-0, dtype)).toBe(dtype === "f32" ? 0x80000000n : 0x8000000000000000n);
  });
});
