/**
 * A default of 0 is nothing: no factor is multiplied by it, neither infinite nor no number, on any back end, whether the
 * sum is a few terms or a contraction in blocks of its result.
 */
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { floatInputs } from "../../src/cli/gradcheck.ts";
import { evaluate, extentOf, type Inputs } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, forward, toKernel, vjp } from "../../src/pipeline.ts";

interface Padded {
  readonly name: string;
  readonly source: string;
  readonly dims: Readonly<Record<string, number>>;
}

/** Enough rows and columns for blocks, and too few. */
const FORMULAS: readonly Padded[] = [
  {
    name: "one row",
    source: "fn f(x: [N], w: [K]) { y[i < N] = sum[k]((x[i + k - 1] ?? 0) * w[k])\n return y }",
    dims: { N: 3, K: 3 },
  },
  ...[5, 2].map((K) => ({
    name: `${K} rows of windows`,
    source: `fn f(x: [B, N], w: [K, V], s: [K]) {
      y[b, k, i < N] = sum[v]((x[b, i + v - 1] ?? 0) * w[k, v] * s[k])
      return y
    }`,
    dims: { B: 2, N: 11, K, V: 3 },
  })),
  {
    name: "images, with a bias and a square",
    source: `fn f(x: [C, H, W], w: [K, C, U, V], b: [K]) {
      z[k, i < H, j < W] = b[k] + sum[c, u, v]((x[c, i + u - 1, j + v - 1] ?? 0) * w[k, c, u, v])
      y[k, i, j] = z[k, i, j]^2
      return y
    }`,
    dims: { C: 2, H: 4, W: 9, K: 6, U: 3, V: 3 },
  },
  {
    name: "a name, which is a result too",
    source: "fn f(x: [N], w: [N]) { p[i < N] = x[i - 1] ?? 0\n y[i] = p[i] * w[i]\n return y, p }",
    dims: { N: 5 },
  },
  {
    name: "places that data say",
    source: "fn f(x: [N], w: [M], at: int[M]) { p[m] = x[at[m] - 1] ?? 0\n y[m] = p[m] * w[m]\n return y }",
    dims: { N: 2, M: 11 },
  },
];

const NUMBERS = [1, -2, 3, 0, 2, -1];

/** One value of one input is infinite or no number, the others are small whole numbers. */
const inputsOf = (program: Program, dims: Padded["dims"], at: string, odd: number): Inputs => {
  const sizes = new Map(Object.entries(dims));
  const tensors = program.inputs.map((tensor, k) => {
    const shape = tensor.shape.map((extent) => extentOf(extent, sizes) ?? 0);
    const length = shape.reduce((product, n) => product * n, 1);
    const data = Array.from({ length }, (_, i) => NUMBERS[(i * 7 + k + Math.floor(i / 5)) % 6] ?? 0);
    return [tensor.name, { shape, data: tensor.name === at ? data.with(length >> 1, odd) : data }] as const;
  });
  return { tensors: new Map(tensors), dims: sizes };
};

const programsOf = (ir: Arena, source: string): readonly Program[] => {
  const module = compileModule({ name: "f.grad", text: `${source}\n` });
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error("the source is rejected");
  return [forward(ir, program.value), vjp(ir, program.value, floatInputs(program.value))];
};

describe.each(FORMULAS)("padding of $name times infinity or NaN", ({ source, dims }) => {
  const ir = createArena();
  const programs = programsOf(ir, source).map((program, k) => ({ ...program, name: `f${k}` }));
  it.each(BACKENDS)("contributes nothing on $name", async (backend) => {
    const kernels = programs.map((program) =>
      toKernel(ir, program, { dtype: backend.dtype, name: program.name }),
    );
    const made = await instantiateAll(backend, kernels);
    for (const program of programs) {
      const kernel = made.get(program.name);
      if (kernel?.ok !== true) throw new Error(kernel?.reason);
      const cases = program.inputs.flatMap(({ name }) => [Infinity, NaN].map((odd) => [name, odd] as const));
      for (const [name, odd] of cases) {
        const inputs = inputsOf(program, dims, name, odd);
        const wanted = evaluate(program, inputs);
        const results = kernel.run(inputs);
        for (const output of program.outputs) {
          const [got, want] = [results.get(output.name) ?? [], wanted.get(output.name)?.data ?? []];
          // a sum of nothing is 0, whatever its sign
          const plain = (values: ArrayLike<number>): number[] => Array.from(values, (value) => value + 0);
          expect(plain(got), `${output.name} where ${name} has ${odd}`).toEqual(plain(want));
        }
      }
    }
  });
});
