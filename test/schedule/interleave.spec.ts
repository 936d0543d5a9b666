import { expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { floatInputs } from "../../src/cli/gradcheck.ts";
import { evaluate, extentOf, type Inputs } from "../../src/eval/index.ts";
import { createArena, specialise, type Arena, type Program } from "../../src/ir/index.ts";
import type { FloatType, Kernel, Stmt } from "../../src/loop/types.ts";
import { compileModule, forward, toKernel, vjp } from "../../src/pipeline.ts";

/** What is read or pooled a few places apart. */
const FORMULAS: Readonly<Record<string, string>> = {
  "max of 2 × 2": `fn f(x: [N, W]) {
    y[i < N // 2, j < W // 2] = maxfirst[u < 2, v < 2](x[2*i + u, 2*j + v])
    return y
  }`,
  "sum of 3": `fn f(x: [N, W]) { y[i < N, j < W // 3] = sum[v < 3](x[i, 3*j + v])
    return y
  }`,
  "max of 3, two apart and padded": `fn f(x: [N, W]) {
    y[i < N, j < (W - 1) // 2 + 1] = maxfirst[v < 3](x[i, 2*j + v - 1] ?? -inf)
    return y
  }`,
  "sum of 3 × 3, two apart and padded": `fn f(x: [N, W]) {
    y[i < (N - 1) // 2 + 1, j < (W - 1) // 2 + 1] = sum[u < 3, v < 3](x[2*i + u - 1, 2*j + v - 1] ?? 0)
    return y
  }`,
  "one of four": `fn f(x: [N, W]) { y[i < N, j < (W + 3) // 4] = x[i, 4*j]^2
    return y
  }`,
  "products of complex numbers, real and imaginary parts in turn": `fn f(x: [N, W], z: [N, W]) {
    re[i < N, j < W // 2] = x[i, 2*j] * z[i, 2*j] - x[i, 2*j + 1] * z[i, 2*j + 1]
    im[i < N, j < W // 2] = x[i, 2*j] * z[i, 2*j + 1] + x[i, 2*j + 1] * z[i, 2*j]
    return re, im
  }`,
};

const SIZES = [
  [24, 32],
  [3, 13],
  [5, 26],
  [2, 3],
  [1, 1],
] as const;

const inputsOf = (program: Program, dims: ReadonlyMap<string, number>): Inputs => {
  const tensors = program.inputs.map((tensor, k) => {
    const shape = tensor.shape.map((extent) => extentOf(extent, dims) ?? 0);
    const length = shape.reduce((product, n) => product * n, 1);
    // small whole numbers: with ties, and exact in f32
    const data = Array.from({ length }, (_, i) => ((i * 7 + 3 * k) % 11) - 5);
    if (k === 0 && length > 9) data[7] = NaN;
    return [tensor.name, { shape, data }] as const;
  });
  return { tensors: new Map(tensors), dims };
};

const programsOf = (text: string) => {
  const ir = createArena();
  const module = compileModule({ name: "f.grad", text: `${text}\n` });
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error("the source is rejected");
  return { ir, programs: [forward(ir, program.value), vjp(ir, program.value, floatInputs(program.value))] };
};

/** Extents that are known, in loops. */
const inLoops = (ir: Arena, program: Program, dtype: FloatType, name: string): Made => {
  const known = specialise(ir, program, new Map([["N", 24], ["W", 32]])); // prettier-ignore
  return { program: known, kernel: toKernel(ir, known, { dtype, name, budget: 0 }) };
};

interface Made {
  readonly program: Program;
  readonly kernel: Kernel;
}

it.each(Object.entries(FORMULAS))("%s: extents of any remainder, on all back ends", async (_, text) => {
  const { ir, programs } = programsOf(text);
  for (const backend of BACKENDS) {
    const { dtype } = backend;
    const made = programs.flatMap((program, k): readonly Made[] => [
      { program, kernel: toKernel(ir, program, { dtype, name: `f${k}` }) },
      inLoops(ir, program, dtype, `g${k}`),
    ]);
    const runs = await instantiateAll(
      backend,
      made.map(({ kernel }) => kernel),
    );
    for (const { program, kernel } of made) {
      const run = runs.get(kernel.name);
      if (run?.ok !== true) throw new Error(run?.reason);
      for (const [N, W] of kernel.dims.length === 0 ? SIZES.slice(0, 1) : SIZES) {
        const inputs = inputsOf(program, new Map(Object.entries({ N, W })));
        const [got, want] = [run.run(inputs), evaluate(program, inputs)];
        for (const { name } of program.outputs) {
          const plain = (values: ArrayLike<number> = []): number[] => Array.from(values, (v) => v + 0);
          const label = `${kernel.name} ${name} ${N} × ${W} ${backend.name}`;
          expect(plain(got.get(name)), label).toEqual(plain(want.get(name)?.data));
        }
      }
    }
  }
});

it("the gradient of pooling has one nest, without a table of places", () => {
  const { ir, programs } = programsOf(FORMULAS["max of 2 × 2"] ?? "");
  const [, gradient] = programs;
  if (gradient === undefined) throw new Error("no gradient");
  const { body, buffers } = inLoops(ir, gradient, "f32", "f").kernel;
  expect(body.filter((stmt) => stmt.kind === "for")).toHaveLength(1);
  expect(buffers.filter(({ role }) => role === "temp")).toEqual([]);
});

it("windows that overlap leave loops over whole groups without sums inside", () => {
  const { ir, programs } = programsOf(FORMULAS["sum of 3 × 3, two apart and padded"] ?? "");
  const [, gradient] = programs;
  if (gradient === undefined) throw new Error("no gradient");
  const { body } = inLoops(ir, gradient, "f32", "f").kernel;
  const depth = (stmts: readonly Stmt[]): number =>
    Math.max(0, ...stmts.map((stmt) => (stmt.kind === "for" ? 1 + depth(stmt.body) : 0)));
  expect(depth(body)).toBe(2);
});
