import { describe, expect, it } from "vitest";
import { marked } from "./helpers.ts";

const inFunction = (line: string): string =>
  `fn f(a: [N], b; alpha = 1) {\n  c[i] = a[i]\n  y = ${line}\n  return y\n}`;

describe("a comment behind an operand", () => {
  it.each([
    ["a // b", "// b"],
    ["a // 2", "// 2"],
    ["a // (b + 1) * alpha", "// (b + 1) * alpha"],
    ["a // N", "// N"],
    ["a // c[i]", "// c[i]"],
    ["f(a) // -b^2 // half", "// -b^2 // half"],
    ["(a) // 1e3", "// 1e3"],
  ])("is an error when it could be a divisor: %s", (line, comment) => {
    expect(marked(inFunction(line))).toEqual([`GS0108@${comment}`]);
  });

  it.each([
    ["a // the mean"],
    ["a // mean"],
    ["a // see b"],
    ["a // b)"],
    ["a // sqrt(b)"],
    ["a // ----"],
    ["a //"],
    ["a /// b"],
    ["a /* b */"],
    ["(a // b)"],
    ["a[i // 2]"],
    ["a + // b\n b"],
    ["a\n  // b"],
  ])("is a comment otherwise: %s", (line) => {
    expect(marked(inFunction(line))).toEqual([]);
  });

  it("is a comment outside of functions", () => {
    expect(marked("fn f(a) { return a } // a\nderive f { grad(a) } // a")).toEqual([]);
  });
});
