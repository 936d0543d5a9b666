import { describe, expect, it } from "vitest";
import type { Expression } from "../../src/syntax/ast.ts";
import { parts } from "../../src/syntax/walk.ts";
import { parsedExpression } from "./helpers.ts";

/** The shape of a tree: kind and parts of every node. */
function shape(expression: Expression): string {
  if (expression.kind === "name" || expression.kind === "number") return expression.text;
  return `${expression.kind}(${parts(expression).map(shape).join(" ")})`;
}

describe("precedence", () => {
  it.each([
    ["a ? b : c ?? d", "conditional(a b default(c d))"],
    ["a ?? b || c", "default(a or(b c))"],
    ["a ?? b ?? c", "default(a default(b c))"],
    ["a || b && c || d", "or(a and(b c) d)"],
    ["a && b < c", "and(a compare(b c))"],
    ["0 <= i < N", "compare(0 i N)"],
    ["a < b + c", "compare(a sum(b c))"],
    ["a - b + c", "sum(a b c)"],
    ["(a - b) + c", "sum(sum(a b) c)"],
    ["a + b * c / d - e", "sum(a product(b c d) e)"],
    ["-a * b", "product(negate(a) b)"],
    ["a * -b", "product(a negate(b))"],
    ["!a == b", "compare(not(a) b)"],
    ["!-a", "not(negate(a))"],
    ["+a - +b", "sum(a b)"],
    ["-x^2", "negate(power(x 2))"],
    ["2^-1", "power(2 negate(1))"],
    ["a^b^c", "power(a power(b c))"],
    ["-a^-b^c", "negate(power(a negate(power(b c))))"],
    ["a^-b * c", "product(power(a negate(b)) c)"],
    ["a ? b : c ? d : e", "conditional(a b conditional(c d e))"],
    ["a ? b ? c : d : e", "conditional(a conditional(b c d) e)"],
    ["x[i]^2", "power(read(i) 2)"],
    ["(a // b % c)", "product(a b c)"],
  ])("%s", (text, tree) => {
    expect(shape(parsedExpression(text))).toBe(tree);
  });

  it("keeps signs, operators and literals as written", () => {
    expect(parsedExpression("a - b + .5e-3")).toMatchObject({
      kind: "sum",
      terms: [
        { sign: "+", value: { text: "a" } },
        { sign: "-", value: { text: "b" } },
        { sign: "+", value: { kind: "number", text: ".5e-3" } },
      ],
    });
    expect(parsedExpression("(a / b // c % d)")).toMatchObject({
      factors: [{ op: "*" }, { op: "/" }, { op: "//" }, { op: "%" }],
    });
    expect(parsedExpression("a <= b != c")).toMatchObject({ ops: ["<=", "!="] });
  });

  it("gives each node the span of its text, with the parentheses inside of it", () => {
    const text = "-(a + b)^2 * f( x ) ?? c";
    const spans: string[] = [];
    const visit = (expression: Expression): void => {
      const { source, start, end } = expression.span;
      spans.push(source.text.slice(start, end));
      parts(expression).forEach(visit);
    };
    visit(parsedExpression(text));
    expect(spans).toEqual([
      "-(a + b)^2 * f( x ) ?? c",
      "-(a + b)^2 * f( x )",
      "-(a + b)^2",
      "(a + b)^2",
      "a + b",
      "a",
      "b",
      "2",
      "f( x )",
      "x",
      "c",
    ]);
  });
});
