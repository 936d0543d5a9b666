import { expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { evaluate } from "../../src/eval/index.ts";
import { createArena, specialise, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, forward, toKernel, vjp } from "../../src/pipeline.ts";
import { inParallel } from "../../src/schedule/parallel.ts";

const TEXT = `
fn f(x: [N, C, W], w: [K, C, S], b: [K]; stride = 1, pad = 0) {
  y[n, k, i < (W + 2*pad - S) // stride + 1] =
    b[k] + sum[c, u]((x[n, c, i*stride + u - pad] ?? 0) * w[k, c, u])
  return y
}
`;

const programOf = (ir: Arena): Program => {
  const module = compileModule({ name: "f.grad", text: TEXT });
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error("the source is rejected");
  return program.value;
};

/** Rows and columns of blocks that are whole, that are not, and fewer than a block has; places left out by strides. */
const SIZES: readonly Readonly<Record<string, number>>[] = [
  { N: 1, C: 9, W: 9, K: 5, S: 2, stride: 1, pad: 1 },
  { N: 1, C: 3, W: 8, K: 4, S: 2, stride: 3, pad: 1 },
  { N: 2, C: 1, W: 3, K: 2, S: 3, stride: 1, pad: 1 },
];

const data = (length: number, seed: number): Float64Array =>
  Float64Array.from({ length }, (_, k) => ((k * 7 + seed + Math.floor(k / 13)) % 9) - 4);

/** Without the sign of zeros. */
const numbersOf = (values: ArrayLike<number> = []): readonly number[] =>
  Array.from(values, (value) => value + 0);

/** As they are; in one part, of few terms. */
const FIXED: readonly (readonly [string, ReadonlyMap<string, number>])[] = [
  ["with an infinite weight", new Map()],
  ["with an infinite weight, of few terms", new Map([["C", 3]])],
];

it.each(FIXED)("windows of any extents, %s, on all back ends", async (_, fixed) => {
  const ir = createArena();
  const program = specialise(ir, programOf(ir), fixed);
  const both = [forward(ir, program), vjp(ir, program, ["x", "w", "b"])];
  for (const backend of BACKENDS) {
    const kernels = both.map((each) => toKernel(ir, each, { dtype: backend.dtype, name: each.name }));
    const made = await instantiateAll(backend, kernels);
    for (const { N = 0, C = 0, W = 0, K = 0, S = 0, stride = 1, pad = 0 } of SIZES) {
      if (C !== (fixed.get("C") ?? C)) continue;
      const places = Math.floor((W + 2 * pad - S) / stride) + 1;
      const w = data(K * C * S, 5);
      // beside the border it meets places outside, which have no part in the result
      w[1] = Infinity;
      const tensors = new Map([
        ["x", { shape: [N, C, W], data: data(N * C * W, 1) }],
        ["w", { shape: [K, C, S], data: w }],
        ["b", { shape: [K], data: data(K, 2) }],
        ["d_y", { shape: [N, K, places], data: data(N * K * places, 3) }],
      ]);
      const dims = new Map(Object.entries({ N, C, W, K, S, stride, pad }));
      for (const each of both) {
        const run = made.get(each.name);
        if (run?.ok !== true) throw new Error(run?.reason);
        const wanted = evaluate(each, { tensors, dims });
        const got = run.run({ tensors, dims });
        for (const { name } of each.outputs)
          expect(numbersOf(got.get(name)), name).toEqual(numbersOf(wanted.get(name)?.data));
      }
    }
  }
});

it("are divided between threads where extents are known", () => {
  const ir = createArena();
  const sizes = { N: 8, C: 16, W: 256, K: 32, S: 3, stride: 1, pad: 1 };
  const fixed = specialise(ir, forward(ir, programOf(ir)), new Map(Object.entries(sizes)));
  const kernel = toKernel(ir, fixed, { dtype: "f32", name: "f" });
  const phases = [...inParallel([kernel]).parallel.values()].flatMap((each) => each.phases);
  expect(phases.map((phase) => (phase.kind === "split" ? phase.loop.local.name : phase.kind))).toContain("n");
});
