/** Scheduled kernels compute what the interpreter says, at extents that are empty, one, and not round. */
import { describe, it } from "vitest";
import { specialise } from "../../src/ir/index.ts";
import { verifyKernel } from "../../src/loop/verify.ts";
import * as programs from "./programs.ts";
import { compiled, expectSame, kernelOf, type Sizes } from "./run.ts";

const EXTENTS = [0, 1, 2, 3, 5, 17];

const square = (...names: readonly string[]): readonly Sizes[] =>
  EXTENTS.map((n, k) =>
    Object.fromEntries(
      names.map((name, at) => [name, at === 0 ? n : (EXTENTS[(k * (at + 2) + 3) % 6] ?? 1)]),
    ),
  );

const CASES: Readonly<Record<string, readonly Sizes[]>> = {
  elementwise: EXTENTS.map((N) => ({ N })),
  crossEntropy: EXTENTS.flatMap((N) => [1, 2, 5, 17].map((C) => ({ N, C }))),
  matmul: square("I", "J", "K"),
  convolution: [
    { N: 2, C: 2, H: 5, W: 6, K: 3, KH: 3, KW: 3, stride: 1, pad: 1 },
    { N: 1, C: 2, H: 7, W: 6, K: 2, KH: 3, KW: 2, stride: 2, pad: 0 },
    { N: 2, C: 1, H: 8, W: 9, K: 2, KH: 3, KW: 4, stride: 3, pad: 2 },
    { N: 1, C: 1, H: 3, W: 3, K: 1, KH: 1, KW: 1, stride: 2, pad: 0 },
    { N: 0, C: 1, H: 3, W: 3, K: 1, KH: 2, KW: 2, stride: 1, pad: 0 },
    { N: 1, C: 0, H: 3, W: 3, K: 1, KH: 2, KW: 2, stride: 1, pad: 0 },
  ],
  pooling: EXTENTS.flatMap((H) => [1, 4, 17].map((W) => ({ N: 2, H, W }))),
  embedding: [
    { V: 7, D: 5, T: 17 },
    { V: 1, D: 1, T: 3 },
    { V: 3, D: 4, T: 0 },
    { V: 3, D: 0, T: 2 },
  ],
  attention: square("T", "S").flatMap((sizes) => [1, 3, 17].map((D) => ({ ...sizes, D }))),
  layerNorm: EXTENTS.flatMap((N) => [1, 5, 17].map((C) => ({ N, C }))),
  neighbours: EXTENTS.map((N) => ({ N })),
  reductions: square("N", "C"),
  recurrence: EXTENTS.map((T) => ({ T })),
};

/** Fixed at build time: unrolled or scalarised where it is small. */
const FIXED: Readonly<Record<string, readonly Sizes[]>> = {
  elementwise: [{ N: 3 }, { N: 0 }, { N: 65 }],
  crossEntropy: [
    { N: 4, C: 3 },
    { N: 40, C: 8 },
    { N: 7, C: 10 },
  ],
  matmul: [
    { I: 2, J: 3, K: 4 },
    { I: 17, J: 3, K: 8 },
    { I: 0, J: 3, K: 2 },
    { I: 2, J: 3, K: 0 },
  ],
  convolution: [
    { N: 1, C: 2, H: 5, W: 4, K: 2, KH: 3, KW: 3, stride: 1, pad: 1 },
    { N: 1, C: 1, H: 4, W: 4, K: 1, KH: 2, KW: 2, stride: 2, pad: 0 },
  ],
  pooling: [
    { N: 1, H: 4, W: 6 },
    { N: 2, H: 9, W: 17 },
  ],
  embedding: [{ V: 3, D: 2, T: 4 }],
  attention: [{ T: 3, S: 4, D: 2 }],
  layerNorm: [
    { N: 2, C: 4 },
    { N: 9, C: 64 },
  ],
  neighbours: [{ N: 1 }, { N: 5 }],
  reductions: [
    { N: 3, C: 2 },
    { N: 20, C: 9 },
  ],
  recurrence: [{ T: 5 }],
};

const makeOf = (name: string): Parameters<typeof programs.example>[0] => {
  const make = Object.entries(programs).find(([key]) => key === name)?.[1];
  if (typeof make !== "function") throw new Error(`no program ${name}`);
  return make as Parameters<typeof programs.example>[0];
};

describe("of constant size", () => {
  it.each(Object.keys(FIXED))("%s", async (name) => {
    for (const sizes of FIXED[name] ?? []) {
      const { ir, program } = programs.example(makeOf(name), name);
      const fixed = specialise(ir, program, new Map(Object.entries(sizes)));
      const kernel = kernelOf(ir, fixed);
      verifyKernel(kernel);
      expectSame(fixed, kernel, await compiled(kernel), {});
    }
  });
});

describe.each(["f64", "f32"] as const)("%s", (dtype) => {
  it.each(Object.keys(CASES))("%s", async (name) => {
    const { ir, program } = programs.example(makeOf(name), name);
    const kernel = kernelOf(ir, program, dtype);
    verifyKernel(kernel);
    const run = await compiled(kernel);
    for (const sizes of CASES[name] ?? []) expectSame(program, kernel, run, sizes);
  });
});
