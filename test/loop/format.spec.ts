import { expect, it } from "vitest";
import { formatExpr, formatShape } from "../../src/loop/format.ts";
import { add, and, binary, buffer, compare, convert, dim, div, float, int, load, local, mul, not, or, select, sub, unary, use } from "./build.ts"; // prettier-ignore

const [a, b, c] = [dim("a"), dim("b"), dim("c")];

it.each([
  [sub(a, sub(b, c)), "a - (b - c)"],
  [sub(sub(a, b), c), "a - b - c"],
  [mul(add(a, b), c), "(a + b) * c"],
  [add(binary("floordiv", sub(a, int(3)), int(2)), int(1)), "(a - 3) // 2 + 1"],
  [binary("mod", a, int(-2)), "a % -2"],
  [unary("neg", add(a, b)), "-(a + b)"],
  [binary("max", a, int(0)), "max(a, 0)"],
  [div(float(1), unary("exp", use(local("x", "float")))), "1 / exp(x)"],
  [
    or(and(compare("<", a, b), not(compare("==", b, c))), compare("!=", a, c)),
    "a < b and not (b == c) or a != c",
  ],
  [select(compare("<=", a, b), a, select(compare("<", b, c), b, c)), "a <= b ? a : b < c ? b : c"],
  [convert("float", load(buffer("l", "input", [a], "int"), add(a, int(1)))), "l[a + 1]"],
])("formats %#", (expr, text) => {
  expect(formatExpr(expr)).toBe(text);
});

it("formats shapes", () => {
  expect(formatShape([a, mul(int(2), b)])).toBe("[a, 2 * b]");
  expect(formatShape([])).toBe("[]");
});
