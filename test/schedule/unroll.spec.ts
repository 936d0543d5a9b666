import { describe, expect, it } from "vitest";
import { affine as a, build as b, type Affine, type Node } from "../../src/ir/index.ts";
import { unroll } from "../../src/schedule/unroll.ts";
import { builder, type Builder } from "./programs.ts";

const isUnrolled = (length: number, body: (p: Builder, x: Node, i: Affine, u: Affine) => Node): boolean => {
  const p = builder("f");
  const [N, K] = [p.dim("N"), a.fixed(p.ir, length)];
  const x = p.input("x", N, K);
  p.reduce("y", [["i", N]], "sum", [["u", K]], (i = N, u = K) => body(p, b.read(p.ir, x, [i, u]), i, u));
  return unroll(p.ir, p.done().definitions).definitions[0]?.reduction === undefined;
};

describe("reductions of constant length", () => {
  it("are unrolled where they are short and cheap", () => {
    expect(isUnrolled(9, (_, x) => x)).toBe(true);
    expect(isUnrolled(10, (_, x) => x)).toBe(false);
    expect(isUnrolled(9, (p, x) => b.unary(p.ir, "sin", b.unary(p.ir, "exp", x)))).toBe(false);
  });

  it("stay loops where a guard bounds them", () => {
    const guarded = (p: Builder, x: Node, i: Affine, u: Affine): Node =>
      b.guard(p.ir, b.inRange(p.ir, a.minus(p.ir, i, u), p.dim("N")), x);
    expect(isUnrolled(3, guarded)).toBe(false);
  });
});
