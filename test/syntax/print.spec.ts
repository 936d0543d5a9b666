import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "../../src/syntax/parse.ts";
import { printModule } from "../../src/syntax/print.ts";
import { arbitraryModule, withoutSpans } from "./arbitrary.ts";
import { parsed } from "./helpers.ts";

describe("the canonical printer", () => {
  it("prints what parses to the same tree", () => {
    fc.assert(
      fc.property(arbitraryModule, (module) => {
        const text = printModule(module);
        const result = parsed(text);
        expect(withoutSpans(result)).toEqual(withoutSpans(module));
        expect(printModule(result)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it("makes one layout of every layout", () => {
    const text = `
      import{a,b,}from"./x.grad"   // comment
      ///  Two
      ///lines.
      fn f ( x : [ N,... , ] , k:int [ ] ; alpha=.5 , beta , ) {
        y [ i<N-1, ... , 0 ] = ( ( x[i] ) ) + -x [i+ 1]^2^k /* inner */ * alpha
        return y,
          (x // 2)
      }
      derive f{grad( x , )}
    `;
    expect(printModule(parsed(text))).toBe(
      [
        'import { a, b } from "./x.grad"',
        "",
        "///  Two",
        "/// lines.",
        "fn f(x: [N, ...], k: int[]; alpha = .5, beta) {",
        "  y[i < N - 1, ..., 0] = x[i] + -x[i + 1]^2^k * alpha",
        "  return y, (x // 2)",
        "}",
        "",
        "derive f { grad(x) }",
        "",
      ].join("\n"),
    );
  });

  it.each([
    ["(a + b) + c"],
    ["a - (b - c)"],
    ["(-a)^2"],
    ["-a^2"],
    ["a^-b^c"],
    ["(a ? b : c) ? d : e"],
    ["a ? b : c ? d : e"],
    ["(a ?? b) ?? c"],
    ["!(a < b) && (c || d)"],
    ["(a < b) == c"],
    ["-(-a * b)"],
    ["--a"],
  ])("keeps the parentheses that %s needs, and no others", (text) => {
    expect(printModule(parsed(`fn f(a) { return ${text} }`))).toBe(`fn f(a) {\n  return ${text}\n}\n`);
    expect(printModule(parsed(`fn f(a) { return ((${text})) }`))).toBe(`fn f(a) {\n  return ${text}\n}\n`);
  });

  it("prints an empty module as nothing", () => {
    expect(printModule(parsed(""))).toBe("");
  });

  it("gives the printed text of any program that parses the same meaning", () => {
    const result = parse({ name: "a.grad", text: "fn f(a, b) { c = (a // b) ? (a // b) : a return c }" });
    expect(result.ok && printModule(result.value)).toBe(
      "fn f(a, b) {\n  c = (a // b ? a // b : a)\n  return c\n}\n",
    );
  });
});
