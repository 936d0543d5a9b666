import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "../../src/syntax/parse.ts";
import { printModule } from "../../src/syntax/print.ts";
import { scan, segmentLimits } from "../../src/syntax/scan.ts";
import { arbitraryModule, withoutSpans } from "./arbitrary.ts";
import { marked, parsed } from "./helpers.ts";

describe("comments", () => {
  it("are blanked, and offsets kept", () => {
    const text = "fn f(x) { /* a\n} */ return x // fn g\n}";
    const [piece] = scan({ name: "", text }, segmentLimits).pieces;
    const blanked = text.replace(/\/\*[^]*\*\/|\/\/.*|\n/g, (found) => " ".repeat(found.length));
    expect(piece?.text).toBe(blanked);
  });

  it("begin with // outside of brackets only", () => {
    expect(
      parsed("fn f(x) { y = (x // 2) // half\n z = x[0 // 1] return z }").functions[0]?.body,
    ).toHaveLength(3);
  });

  it("end a line with CRLF and CR as with LF", () => {
    const layouts = ["\n", "\r\n", "\r"].map((end) =>
      withoutSpans(parsed(["/// d", "fn f(x) { // c", "return x", "}"].join(end))),
    );
    expect(layouts[1]).toEqual(layouts[0]);
    expect(layouts[2]).toEqual(layouts[0]);
  });

  it("of three slashes document the next function", () => {
    const [f, g, h] = parsed(
      "/// One.\n///   Two.  \n// no\n//// no\nfn f(x) {\n /// no\n return x }\nfn g(x) { return x }\n/// h\n\nfn h(x) { return x }",
    ).functions;
    expect([f?.doc, g?.doc, h?.doc]).toEqual(["One.\n  Two.", "", "h"]);
  });

  it("may hold any text, but nothing that hides itself", () => {
    expect(marked("// λ → 漢字 😀\nfn f(x) { return x }")).toEqual([]);
    expect(marked("// \u202e abc")).toEqual(["GS0107@\u202e"]);
    expect(marked("/* \ud800 */")).toEqual(["GS0107@\ud800"]);
  });
});

describe("lexical errors", () => {
  it.each([
    ["fn f(x) { y = 1\0 }", "GS0107@\0"],
    ["fn f(x) { y = \ud800 }", "GS0107@\ud800"],
    ["fn f(x) { y = x § 2 }", "GS0107@§"],
    ["/* fn", "GS0105@/*"],
    ['import { a } from "x\n', 'GS0106@"'],
    ["fn f(x) { y = (x + 1 }", "GS0102@("],
    ["fn f(x) { y = (x[1) }", "GS0102@["],
    ["fn f(x) { return x", "GS0102@{"],
    ["fn f(x) { return x) }", "GS0103@)"],
    ["}", "GS0103@}"],
    ["fn f(x) { return 2x }", "GS0111@2x"],
    ["fn f(x) { return 1. }", "GS0111@1."],
    ["fn f(x) { return 1e }", "GS0111@1e"],
    ["fn f(x) { return 0x10 }", "GS0111@0x10"],
    ["fn f(x) { return 1.2.3 }", "GS0111@1.2.3"],
  ])("%j", (text, expected) => {
    expect(marked(text)).toEqual([expected]);
  });
});

/** A tree with the offsets of its spans. */
function withoutSources(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) => (key === "source" ? undefined : value));
}

describe("segments", () => {
  it("leave the tree and its spans as they are", () => {
    const whole = { length: Infinity, height: Infinity };
    fc.assert(
      fc.property(
        arbitraryModule,
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 3 }),
        (module, length, height) => {
          const source = { name: "a.grad", text: printModule(module) };
          expect(withoutSources(parse(source, { length, height }))).toBe(
            withoutSources(parse(source, whole)),
          );
        },
      ),
      { numRuns: 80 },
    );
  });

  it("of nested brackets are as many as the levels ask for, however long what is inside of them", () => {
    const deep = "(".repeat(480) + "x" + ")".repeat(480);
    const [piece] = scan({ name: "", text: `fn f(x) { return ${deep} }` }, segmentLimits).pieces;
    expect(piece?.segments.length).toBeLessThanOrEqual(480 / segmentLimits.height);
    const [long] = scan({ name: "", text: `fn f(x) { return ${deep}${` + ${deep}`.repeat(19)} }` }, segmentLimits).pieces; // prettier-ignore
    expect(long?.segments.length).toBeLessThan(20 * ((piece?.segments.length ?? 0) + 1));
  });

  it("do not turn an error into a program", () => {
    const cases = [
      "a + + ]",
      "f(a b)",
      "a ? b",
      "(a = b)",
      "x[..., ]]",
      "f(a;b)",
      "- ^ a",
      "f(a;b=c=d)",
      "a:b",
      "a ? (b : c)",
    ];
    for (const text of cases) {
      for (const length of [0, 4, Infinity]) {
        const result = parse({ name: "", text: `fn f(a) { y = ${text} return y }` }, { length, height: 1 });
        expect(result.ok, text).toBe(false);
      }
    }
  });
});
