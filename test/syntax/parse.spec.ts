import { describe, expect, it } from "vitest";
import type { Expression } from "../../src/syntax/ast.ts";
import { depthLimit, functionsOf, parse } from "../../src/syntax/parse.ts";
import { printModule } from "../../src/syntax/print.ts";
import { nestingLimit } from "../../src/syntax/scan.ts";
import { marked, parsed, parsedExpression, problems } from "./helpers.ts";

describe("a file", () => {
  it("may be empty, blank or only comments", () => {
    for (const text of ["", " \n\t\r\n", "\ufeff", "// a", "/* a */", "/// a"]) {
      expect(parsed(text)).toMatchObject({ imports: [], functions: [], derives: [] });
    }
  });

  it("reports one error for each broken declaration, in order", () => {
    const text = [
      "fn a(x) { return x + }",
      "fn b(x { return x }",
      "fn c(x) { return x }",
      "stray words",
      "fn d(x) {",
      "  y = (x[1 + 2)",
      "  return y",
      "fn e(x) { return x $ 1 + ( }",
      "derive a { grad[x] }",
      'import { z } from "z"',
    ].join("\n");
    expect(marked(text)).toEqual([
      "GS0101@}",
      "GS0102@(",
      "GS0101@stray",
      "GS0102@[",
      "GS0107@$",
      "GS0101@[",
      'GS0110@import { z } from "z"',
    ]);
  });

  it("reports at most a hundred errors", () => {
    expect(problems("fn f(x) { return }\n".repeat(10_000))).toHaveLength(100);
  });
});

it("reads functions one by one as all together, each when it is asked for", () => {
  const text =
    "/// One.\nfn a(x) { return (x + 1) }\n// b follows\nfn broken(x) {\nfn b(y) { return y[((0))] }";
  const source = { name: "library.grad", text };
  const functions = functionsOf(source);
  const { functions: whole } = parsed(text.replace("fn broken(x) {", " ".repeat("fn broken(x) {".length)));
  expect([...functions.keys()]).toEqual(["a", "broken", "b"]);
  for (const declaration of whole) {
    const alone = functions.get(declaration.name.text)?.();
    expect(alone).toMatchObject({ doc: declaration.doc, body: [{ kind: "return" }] });
    expect(alone?.span).toMatchObject({ source, start: declaration.span.start, end: declaration.span.end });
  }
  expect(functions.get("broken")).toThrow("library.grad has an error at");
});

describe("nesting", () => {
  const wrap: readonly (readonly [string, string])[] = [
    ["(", ")"],
    ["f(1, ", ")"],
    ["f(", ", 1)"],
    ["x[", ", ...]"],
    ["f(; a = ", ")"],
    ["sum[i](", ")"],
    ["a ? ", " : b"],
    ["-(", ")"],
    ["!(", ")"],
    ["2^(", ")"],
    ["(", " +)"],
    ["(", ",)"],
    ["a ? (", ")"],
  ];

  it.each(wrap)("of %sx%s is parsed, or an error, at every depth", (open, close) => {
    for (const depth of [200, nestingLimit - 2, 10_000]) {
      const result = parse({
        name: "a.grad",
        text: `fn f(x) { return ${open.repeat(depth)}x${close.repeat(depth)} }`,
      });
      if (result.ok) expect(printModule(parsed(printModule(result.value)))).toBe(printModule(result.value));
      else expect(result.diagnostics.map((each) => each.code)).toEqual([expect.stringMatching(/GS010[14]/)]);
      if (depth === 10_000) expect(result).toMatchObject({ diagnostics: [{ code: "GS0104" }] });
    }
  });

  it.each([
    ["x", "^x"],
    ["-".repeat(2000), "x"],
    ["!".repeat(2000), "x"],
    ["x", " ?? x"],
    ["x", " ? 1 : x"],
    ["x", " ? 1"],
  ])("without brackets is bounded too: %#", (first, more) => {
    const found = problems(`fn f(x) { return ${first}${more.repeat(2000)} }`);
    expect(found.map((each) => each.code)).toEqual([expect.stringMatching(/GS010[14]/)]);
  });

  it("up to the limit gives a tree that a recursive walk can take", () => {
    const value = parsedExpression(`${"f(".repeat(depthLimit - 2)}x${")".repeat(depthLimit - 2)}`);
    const depth = (of: Expression): number => (of.kind === "call" ? 1 + Math.max(...of.args.map(depth)) : 1);
    expect(depth(value)).toBe(depthLimit - 1);
  });
});

describe("large input", () => {
  it("of 100,000 terms on one line of a megabyte is one flat sum", () => {
    const terms = Array.from({ length: 100_000 }, (_, i) => `x${1_000_000 + i}`);
    const value = parsedExpression(terms.join(" + "));
    expect(value.span.end - value.span.start).toBeGreaterThan(1_000_000);
    const names = value.kind === "sum" ? value.terms.map((term) => term.value) : [];
    expect(names.map((name) => (name.kind === "name" ? name.text : ""))).toEqual(terms);
    const { source } = value.span;
    expect(names.map(({ span }) => source.text.slice(span.start, span.end))).toEqual(terms);
  });

  it("is cut into segments with the errors where they are", () => {
    const long = " + x".repeat(250_000);
    expect(marked(`fn f(x) { return x * )${long} }`)).toEqual(["GS0103@)"]);
    expect(marked(`fn f(x) { return x $${long} }`)).toEqual(["GS0107@$"]);
    expect(marked(`fn f(x) { return x * ]${long} }`)).toEqual(["GS0103@]"]);
    expect(marked(`fn f(x) { return x * : ${long} }`)).toEqual(["GS0101@:"]);
    const short = " + x".repeat(2_000);
    expect(marked(`fn f(x) { return x${short} + }`)).toEqual(["GS0101@}"]);
    expect(marked(`fn f(x) { y = x${short} z return z }`)).toEqual(["GS0101@return"]);
    expect(marked(`fn f(x) { return f(x${short} x${short}) }`)).toEqual(["GS0101@x"]);
  });

  const units = [
    "\0",
    "(",
    ")",
    "]",
    "[(",
    '"',
    "/*",
    "//",
    "fn ",
    "?",
    ":",
    "x ",
    "{",
    "import ",
    "=",
    "\ud800",
    ";",
  ];

  it.each(units)("of a megabyte of %j ends quickly with an error", (unit) => {
    const count = Math.ceil(1_000_000 / unit.length);
    expect(problems(`${unit.repeat(count)}\nfn`)).not.toEqual([]);
    expect(problems(`fn f(x) { return ${unit.repeat(20_000)} }`)).not.toEqual([]);
  });

  it("of blanks and comments costs next to nothing", () => {
    const text = `fn f(x) { return ${" ".repeat(1_000_000)} x /* ${"a".repeat(1_000_000)} */ }`;
    expect(parsed(text).functions).toHaveLength(1);
  });
});
