import { expect, it } from "vitest";
import { build as b } from "../../src/ir/index.ts";
import { factor } from "../../src/schedule/factor.ts";
import { names } from "./passes.ts";
import * as programs from "./programs.ts";
import { compiled, expectSame, kernelOf } from "./run.ts";

/** T[i,k] = Σ_j A[i,j]·B[j,k]·c[j]·exp(D[i,j]) */
const weighted: Parameters<typeof programs.example>[0] = (p) => {
  const [I, J, K] = [p.dim("I"), p.dim("J"), p.dim("K")];
  const [A, B, c, D] = [p.input("A", I, J), p.input("B", J, K), p.input("c", J), p.input("D", I, J)];
  const T = p.reduce("T", [["i", I], ["k", K]], "sum", [["j", J]], (i = I, k = K, j = J) =>
    b.product(p.ir, [
      b.read(p.ir, A, [i, j]), b.read(p.ir, B, [j, k]), b.read(p.ir, c, [j]),
      b.unary(p.ir, "exp", b.read(p.ir, D, [i, j])),
    ])); // prettier-ignore
  return p.done(T);
};

it("gives what does not change along the columns of a contraction a definition of its own", () => {
  const { ir, program } = programs.example(weighted, "f");
  expect(names(factor(ir, program.definitions, new Set()).definitions)).toEqual(["TFactor", "T"]);
});

it("leaves a single factor, and sums whose elements share nothing", () => {
  for (const make of [programs.matmul, programs.layerNorm]) {
    const { ir, program } = programs.example(make, "f");
    expect(factor(ir, program.definitions, new Set()).definitions).toEqual(program.definitions);
  }
});

it("keeps values", async () => {
  const { ir, program } = programs.example(weighted, "f");
  const kernel = kernelOf(ir, program);
  const run = await compiled(kernel);
  for (const sizes of [
    { I: 17, J: 5, K: 9 },
    { I: 3, J: 4, K: 2 },
    { I: 0, J: 1, K: 1 },
  ])
    // prettier-ignore
    expectSame(program, kernel, run, sizes);
});
