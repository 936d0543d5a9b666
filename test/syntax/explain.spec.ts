import { describe, expect, it } from "vitest";
import { problems } from "./helpers.ts";

function report(text: string): string[] {
  return problems(text).map(
    ({ code, message, span, hint }) => `${code} ${span.start}: ${message} | ${hint ?? ""}`,
  );
}

describe("syntax errors", () => {
  it.each([
    ["fn f(x) { y = x + }", 'GS0101 18: expected an expression, but found "}"', "write a number"],
    ["fn f(x) { y = x y z }", 'GS0101 18: expected "=" or "[", but found "z"', "a definition is written"],
    [
      "fn f(x) { return x[1, 2 z] }",
      'GS0101 24: expected ",", "]" or an operator, but found "z"',
      "operator",
    ],
    [
      "fn f(x) { return f(1 2) }",
      'GS0101 21: expected ")", ",", ";" or an operator, but found "2"',
      "operator",
    ],
    ["fn f(x)", 'GS0101 7: expected "{", but found the end of the fn declaration', "braces"],
    ["fn (x) { return x }", 'GS0101 3: expected a name, but found "("', "letters"],
    ["fn f(x: N) { return x }", 'GS0101 8: expected "[" or int, but found "N"', "[N, C]"],
    ["fn f(x) { let y = 1 return y }", 'GS0101 14: expected "=" or "[", but found "y"', "no keyword"],
    ["fn f(x) { return x; }", "GS0101 18: ", "no separator"],
    ["fn f(x) { return x ** 2 }", "GS0101 20: ", "a ^ b"],
    ["fn f(x) { return x & 1 }", "GS0101 19: ", "&& for and"],
    ["fn f(x) { y += 1 return y }", "GS0101 12: ", "a name of its own"],
    ["fn f(x) { y = x = 1 return y }", "GS0101 16: ", '"==" compares'],
    ["fn f(x) { return f(x == 1 = 2) }", "GS0101 26: ", '"==" compares'],
    ["fn f(x) { return x.T }", "GS0101 18: ", "no members"],
    ["fn f(x, // first\n y) { return x }", "GS0101 8: ", "inside brackets // is floor division"],
    ["fn f(x) { return = 1 }", 'GS0101 17: expected an expression, but found "="', ""],
    ["fn int(x) { return x }", 'GS0109 3: "int" is a word of the language', "int_"],
    ["fn f(x) { fn = x return x }", 'GS0109 10: "fn" is a word of the language', "fn_"],
    ['import a from "x"', 'GS0101 7: expected "{", but found "a"', "import { name }"],
    [
      "function f(x) { return x }",
      'GS0101 0: expected "import", "fn" or "derive", but found "function"',
      "fn name(x)",
    ],
    ["derive f { grad }", 'GS0101 16: expected "("', ""],
  ])("%j", (text, message, hint) => {
    const [first = ""] = report(text);
    const [said = "", advice = ""] = first.split(" | ");
    expect(said).toContain(message);
    expect(advice).toContain(hint);
  });
});
