import { describe, expect, it } from "vitest";
import { productsFor } from "../../src/diff/index.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule, request, waysTo, type Ways } from "../../src/pipeline.ts";
import { polynomialText } from "../../src/simplify/index.ts";

const found = (text: string): { products: readonly (string | undefined)[]; ways: readonly Ways[] } => {
  const ir = createArena();
  const module = compileModule({ name: "colour.grad", text });
  const [derive] = module.ok ? module.value.derives : [];
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  const asked = derive?.requests[0];
  if (program?.ok !== true || asked === undefined) throw new Error("nothing is asked for");
  const derived = request(ir, program.value, asked);
  const products = (derived.matrices ?? []).map((matrix) => {
    const number = productsFor(ir, matrix);
    return number && polynomialText(number);
  });
  return { products, ways: waysTo(ir, program.value, asked, derived) };
};

const ROWS: readonly (readonly [text: string, products: string | undefined])[] = [
  // tridiagonal: every third column
  ["fn f(x: [N]) { return sum[i < N - 1]((x[i + 1] - x[i]^2)^2) } derive f { hessian(x) }", "3"],
  ["fn f(x: [N]) { y[i < N - 3] = x[i] * x[i + 3] return y } derive f { jacobian(x) }", "2"],
  // the five points of a stencil tile the plane
  [
    "fn f(u: [H, W]) { return sum[i < H - 1, j < W](exp(u[i + 1, j] - u[i, j])) + sum[i < H, j < W - 1](exp(u[i, j + 1] - u[i, j])) } derive f { hessian(u) }",
    "5",
  ],
  [
    "fn f(x: [T, C]) { y[t < T - 1] = sum[c](x[t, c] * x[t + 1, c]) return sum(y^3) } derive f { hessian(x) }",
    "3·C",
  ],
  ["fn f(x: [V], k: int[N]) { y[n] = exp(x[k[n]]) return y } derive f { jacobian(x) }", undefined],
  ["fn f(x: [N]) { return sum(exp(x)) } derive f { hessian(x) }", undefined],
];

describe("colours of the columns of sparse matrices", () => {
  it.each(ROWS)("%s: %s", (text, products) => {
    expect(found(text).products).toEqual([products]);
  });

  it("give more operations than entry by entry", () => {
    const [way] = found(ROWS[0]?.[0] ?? "").ways;
    const slope = (each = way?.direct): number => each?.terms[0]?.coefficient ?? NaN;
    expect(slope()).toBeGreaterThan(0);
    expect(slope(way?.compressed)).toBeGreaterThan(2 * slope());
  });
});
