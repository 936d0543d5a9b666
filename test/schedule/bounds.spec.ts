import { describe, expect, it } from "vitest";
import {
  affine as a,
  build as b,
  range,
  type Affine,
  type Definition,
  type Node,
} from "../../src/ir/index.ts";
import { affineText } from "../../src/ir/print.ts";
import { guardedOf, narrow, narrowable, stepOver } from "../../src/schedule/bounds.ts";
import { planOf } from "../../src/schedule/plan.ts";
import { ALONE } from "./passes.ts";
import { builder, type Builder } from "./programs.ts";

/** Σ_u body(i, u), with 0 ≤ i < N and 0 ≤ u < K. */
const reduction = (
  body: (p: Builder, i: Affine, u: Affine, term: Node) => Node,
  op: "sum" | "max" | "prod" = "sum",
): { p: Builder; definition: Definition } => {
  const p = builder("f");
  const [N, K] = [p.dim("N"), p.dim("K")];
  const x = p.input("x", N, K);
  const y = p.reduce("y", [["i", N]], op, [["u", K]], (i = N, u = K) =>
    body(p, i, u, b.read(p.ir, x, [i, u])),
  );
  const [definition] = p.done(y).definitions;
  if (definition === undefined) throw new Error("no definition");
  return { p, definition };
};

const text = (value: Affine): string => affineText(value, (node) => node.kind);

const ranges = ({ p, definition }: { p: Builder; definition: Definition }): readonly string[] => {
  const plan = planOf(p.ir, definition, ALONE);
  const order = [...definition.indices, ...(definition.reduction?.indices ?? [])];
  const { ranges: found } = narrow(p.ir, plan, order, order.length);
  return [...found].flatMap(([index, { lower, upper }]) => [
    ...lower.map((bound) => `${text(bound)} <= ${index.name}`),
    ...upper.map((bound) => `${index.name} < ${text(bound)}`),
  ]);
};

const H = (p: Builder): Affine => p.dim("H");

describe("the guard of a reduction's terms", () => {
  it("is that of its body", () => {
    const { p, definition } = reduction((q, i, u, term) =>
      b.guard(q.ir, b.inRange(q.ir, a.minus(q.ir, i, u), H(q)), term),
    );
    expect(guardedOf(p.ir, definition).tests.map((test) => test.kind)).toEqual(["inrange"]);
  });

  it("is a selection of the neutral element", () => {
    const padded = (value: number, op: "sum" | "max" | "prod"): number => {
      const { p, definition } = reduction((q, i, u, term) =>
        b.select(q.ir, b.inRange(q.ir, a.minus(q.ir, i, u), H(q)), term, b.constant(q.ir, value)), op); // prettier-ignore
      return guardedOf(p.ir, definition).tests.length;
    };
    expect([padded(0, "sum"), padded(-Infinity, "max"), padded(1, "prod")]).toEqual([1, 1, 1]);
    expect([padded(1, "sum"), padded(0, "max"), padded(0, "prod")]).toEqual([0, 0, 0]);
  });

  it("is not what guards one of two terms", () => {
    const { p, definition } = reduction((q, i, u, term) =>
      b.add(q.ir, term, b.guard(q.ir, b.inRange(q.ir, a.minus(q.ir, i, u), H(q)), b.square(q.ir, term)))); // prettier-ignore
    expect(guardedOf(p.ir, definition).tests).toEqual([]);
  });
});

describe("bounds", () => {
  it("solve intervals with either sign", () => {
    const guarded = (value: (p: Builder, i: Affine, u: Affine) => Affine): readonly string[] =>
      ranges(reduction((q, i, u, term) => b.guard(q.ir, b.inRange(q.ir, value(q, i, u), H(q)), term)));
    expect(guarded((q, i, u) => a.minus(q.ir, u, i))).toEqual(["$i0 <= i1", "i1 < H + $i0"]);
    expect(guarded((q, i, u) => a.minus(q.ir, i, u))).toEqual(["-1*H + $i0 + 1 <= i1", "i1 < $i0 + 1"]);
  });

  it("round coefficients up and down", () => {
    const found = ranges(
      reduction((q, i, u, term) =>
        b.guard(q.ir, b.inRange(q.ir, a.minus(q.ir, a.scale(q.ir, u, 3), i), H(q)), term)), // prettier-ignore
    );
    expect(found).toEqual(["floordiv($i0 + 2, 3) <= i1", "i1 < floordiv(H + $i0 + 2, 3)"]);
  });

  it("see through divisions", () => {
    const found = ranges(
      reduction((q, i, u, term) => {
        const half = range.floordiv(q.ir, a.minus(q.ir, i, u), a.fixed(q.ir, 2));
        return b.guard(q.ir, b.inRange(q.ir, half, H(q)), term);
      }),
    );
    expect(found).toEqual(["-2*H + $i0 + 1 <= i1", "i1 < $i0 + 1"]);
  });

  it("make an equation a range of one value", () => {
    const found = ranges(
      reduction((q, i, u, term) => b.guard(q.ir, b.isZero(q.ir, a.minus(q.ir, u, i)), term)),
    );
    expect(found).toEqual(["$i0 <= i1", "i1 < $i0 + 1"]);
  });

  it("are only taken of loops that may end short", () => {
    const { p, definition } = reduction((q, i, u, term) =>
      b.guard(q.ir, b.inRange(q.ir, a.minus(q.ir, i, u), H(q)), term),
    );
    const plan = planOf(p.ir, definition, ALONE);
    expect([...narrowable(p.ir, plan)].map((index) => index.name)).toEqual(["i1"]);
  });
});

describe("steps", () => {
  it("run over the multiples only", () => {
    const { p, definition } = reduction((q, i, u, term) =>
      b.guard(q.ir, b.divides(q.ir, a.fixed(q.ir, 3), a.minus(q.ir, i, u)), term)); // prettier-ignore
    const stepped = stepOver(p.ir, definition);
    expect(stepped.reduction?.indices.map((index) => text(index.extent))).toEqual(["floordiv(K + 2, 3)"]);
    expect(guardedOf(p.ir, stepped).tests.map((test) => test.kind)).toEqual(["inrange"]);
  });

  it("leave what has no unit coefficient", () => {
    const { p, definition } = reduction((q, i, u, term) =>
      b.guard(q.ir, b.divides(q.ir, a.fixed(q.ir, 3), a.minus(q.ir, i, a.scale(q.ir, u, 2))), term)); // prettier-ignore
    expect(stepOver(p.ir, definition)).toBe(definition);
  });
});
