import { describe, expect, test } from "vitest";
import { affine, build as b } from "../../src/ir/index.ts";
import type { Node } from "../../src/ir/index.ts";
import { operationCount, polynomialText } from "../../src/simplify/index.ts";
import { write, type Writer } from "./programs.ts";

const pointwise = (body: (w: Writer, x: Node, v: Node) => Node): string => {
  const w = write();
  const [x, v] = [w.input("x", "nc"), w.input("v", "n")];
  const y = w.define("y", "nc", body(w, w.at(x, "nc"), w.at(v, "n")));
  return operationCount(w.ir, w.program("f", y)).text;
};

const half = { num: -1, den: 2 };

describe("the counting rule", () => {
  const rows: readonly (readonly [string, string, (w: Writer, x: Node, v: Node) => Node])[] = [
    ["a read", "0", (_w, x) => x],
    ["a change of sign", "0", ({ ir }, x) => b.negate(ir, x)],
    ["a difference", "N·C", ({ ir }, x, v) => b.subtract(ir, x, v)],
    ["a division", "N·C", ({ ir }, x, v) => b.divide(ir, x, v)],
    ["a reciprocal", "N·C", ({ ir }, x) => b.reciprocal(ir, x)],
    ["a square", "N·C", ({ ir }, x) => b.square(ir, x)],
    ["a cube", "2·N·C", ({ ir }, x) => b.power(ir, x, { num: 3, den: 1 })],
    ["a square root", "N·C", ({ ir }, x) => b.sqrt(ir, x)],
    ["one over a square root", "2·N·C", ({ ir }, x) => b.power(ir, x, half)],
    ["a function", "N·C", ({ ir }, x) => b.unary(ir, "exp", x)],
    [
      "what does not depend on a loop, outside of it",
      "N·C + N",
      ({ ir }, x, v) => b.add(ir, x, b.unary(ir, "exp", v)),
    ],
    [
      "a product: fewest loops first",
      "N·C + N",
      ({ ir }, x, v) => b.product(ir, [x, v, b.unary(ir, "abs", v)].slice(0, 2).concat(b.option(ir, "k"))),
    ],
    [
      "arithmetic of constants",
      "N·C",
      ({ ir }, x) => b.product(ir, [b.constant(ir, 0.3), b.sqrt(ir, b.constant(ir, 2)), x]),
    ],
    ["a shared value, once", "2·N·C", ({ ir }, x) => b.square(ir, b.unary(ir, "exp", x))],
    ["a selection and its test", "2·N·C", ({ ir }, x, v) => b.select(ir, b.compare(ir, "<", x, v), x, v)],
  ];

  test.each(rows)("%s: %s", (_name, text, body) => {
    expect(pointwise(body)).toBe(text);
  });

  test("a test of indices is a loop bound", () => {
    const w = write();
    const x = w.input("x", "n");
    const n = affine.ofIndex(w.ir, w.ir.index("n", w.extent("n")));
    const inside = b.inRange(w.ir, affine.plus(w.ir, n, affine.fixed(w.ir, -1)), w.extent("n"));
    const y = w.define("y", "n", b.guard(w.ir, inside, b.unary(w.ir, "exp", w.at(x, "n"))));
    expect(operationCount(w.ir, w.program("f", y)).text).toBe("N");
  });

  test("each element of a reduction counts once more", () => {
    const w = write();
    const [a, c] = [w.input("a", "ij"), w.input("c", "jk")];
    const y = w.reduce("y", "ik", "sum", "j", b.multiply(w.ir, w.at(a, "ij"), w.at(c, "jk")));
    const count = operationCount(w.ir, w.program("matmul", y));
    expect(count.text).toBe("2·I·J·K");
    expect(count.nominal).toBe(2 * 64 ** 3);
  });

  test("fixed extents are multiplied out", () => {
    const w = write();
    expect(
      polynomialText(affine.scale(w.ir, affine.times(w.ir, w.extent("n"), affine.fixed(w.ir, 10)), 3)),
    ).toBe("30·N");
    expect(polynomialText(affine.fixed(w.ir, 0))).toBe("0");
    expect(polynomialText(affine.minus(w.ir, w.extent("n"), affine.fixed(w.ir, 2)))).toBe("N - 2");
  });
});
