import { describe, expect, it } from "vitest";
import { build as b, type Affine, type Node } from "../../src/ir/index.ts";
import { foldExpr, operands } from "../../src/loop/fold.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import { nodes, values } from "./expressions.ts";
import * as programs from "./programs.ts";
import { compiled, expectSame, kernelOf } from "./run.ts";
import { builder, type Builder } from "./programs.ts";

const operations = (kernel: Kernel): readonly string[] =>
  values(kernel.body)
    .flatMap(nodes)
    .flatMap((expr) =>
      (expr.kind === "binary" || expr.kind === "unary") && expr.type === "float" ? [expr.op] : [],
    );

const pointwise = (
  body: (p: Builder, ...x: readonly Node[]) => Node,
): { kernel: Kernel; check: () => Promise<void> } => {
  const p = builder("f");
  const N = p.dim("N");
  const inputs = ["x", "y", "z"].map((name) => p.input(name, N));
  const y = p.map("r", [["i", N]], (i: Affine = N) => body(p, ...inputs.map((x) => b.read(p.ir, x, [i]))));
  const program = p.done(y);
  const kernel = kernelOf(p.ir, program);
  return {
    kernel,
    check: async () => {
      expectSame(program, kernel, await compiled(kernel), { N: 9 });
    },
  };
};

describe("products and sums", () => {
  it("divide once by all that is divided by", async () => {
    const { kernel, check } = pointwise((p, x = b.zero(p.ir), y = x, z = x) =>
      b.product(p.ir, [x, b.reciprocal(p.ir, y), b.power(p.ir, z, { num: -2, den: 1 })]),
    );
    expect(operations(kernel).filter((op) => op === "div")).toHaveLength(1);
    await check();
  });

  it("subtract", async () => {
    const { kernel, check } = pointwise((p, x = b.zero(p.ir), y = x, z = x) =>
      b.sum(p.ir, [b.negate(p.ir, x), b.negate(p.ir, y), z]),
    );
    expect([...operations(kernel)].sort()).toEqual(["add", "sub"]);
    await check();
  });
});

describe("powers", () => {
  it.each([2, 3, 5, -1, -4])("by multiplication: %i", async (num) => {
    const { kernel, check } = pointwise((p, x = b.zero(p.ir)) => b.power(p.ir, x, { num, den: 1 }));
    expect(operations(kernel)).not.toContain("pow");
    await check();
  });

  it.each([1, -1, 3, -5])("by a root: %i/2", async (num) => {
    const { kernel, check } = pointwise((p, x = b.zero(p.ir)) =>
      b.power(p.ir, b.unary(p.ir, "exp", x), { num, den: 2 }),
    );
    expect(operations(kernel).filter((op) => op === "sqrt")).toHaveLength(1);
    expect(operations(kernel)).not.toContain("pow");
    await check();
  });

  it("by pow otherwise", async () => {
    const { kernel, check } = pointwise((p, x = b.zero(p.ir)) =>
      b.power(p.ir, b.unary(p.ir, "exp", x), { num: 1, den: 3 }),
    );
    expect(operations(kernel)).toContain("pow");
    await check();
  });
});

const depth = (root: Expr): number =>
  foldExpr<number>(root, (expr, of) => 1 + Math.max(0, ...operands(expr).map(of)));

it("names values before expressions nest too deeply", () => {
  const { kernel } = pointwise((p, x = b.zero(p.ir)) => {
    let y = x;
    for (let k = 0; k < 1000; k++) y = b.unary(p.ir, k % 2 === 0 ? "sin" : "atan", y);
    return y;
  });
  expect(Math.max(...values(kernel.body).map(depth))).toBeLessThan(60);
});

it("computes what loops share outside of them, once", () => {
  const { kernel } = pointwise((p, x = b.zero(p.ir)) =>
    b.multiply(p.ir, x, b.unary(p.ir, "exp", b.indexValue(p.ir, p.dim("N")))),
  );
  const [first] = kernel.body;
  expect(
    first?.kind === "let" && nodes(first.value).some((expr) => expr.kind === "unary" && expr.op === "exp"),
  ).toBe(true);
});

it("loads what may be out of bounds in a selection only", () => {
  const { ir, program } = programs.example(programs.neighbours, "neighbours");
  const outside = (root: Expr): readonly Expr[] =>
    root.kind === "select" ? outside(root.test) : [root, ...operands(root).flatMap(outside)];
  const loads = values(kernelOf(ir, program).body)
    .flatMap(outside)
    .filter((expr) => expr.kind === "load");
  expect(loads.length).toBeGreaterThan(0);
  expect(loads.every((expr) => expr.offset.kind === "local")).toBe(true);
});
