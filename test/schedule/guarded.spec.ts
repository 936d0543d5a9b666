/** Contractions whose guards relate rows, columns and summed indices: what is guarded out is not computed. */
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { readLibrary } from "../../src/cli/library.ts";
import { evaluate, extentOf, type Inputs } from "../../src/eval/index.ts";
import { createArena, specialise, type Arena, type Program } from "../../src/ir/index.ts";
import { countOperations, countsAt } from "../../src/loop/counts.ts";
import { compileModule, forward, toKernel, vjp } from "../../src/pipeline.ts";

type Dims = Readonly<Record<string, number>>;

interface Case {
  readonly make: (test: string) => string;
  readonly test: string;
  /** Of the work without the guard, at most, for the value and for its gradients. */
  readonly shares: readonly [number, number];
}

const product = (test: string): string =>
  `fn f(a: [I, J], b: [J, K]) { y[i, k] = sum[j](${test} ? a[i, j] * b[j, k] : 0)  return y }`;

const square = (test: string): string => product(test).replace("[I, J], b: [J, K]", "[I, I], b: [I, K]");

/** The guard is in what is read. */
const named = (test: string): string => `fn f(a: [I, I], b: [I, K]) {
    m[i, j] = ${test} ? exp(a[i, j]) : 0
    y[i, k] = sum[j](m[i, j] * b[j, k])
    return y
  }`;

/** Softmax over what a mask leaves of each row, times values. */
const attention = (test: string): string => `fn f(a: [I, K], b: [I, K], c: [I, J]) {
    s[i, j] = ${test} ? sum[k](a[i, k] * b[j, k]) : -inf
    w = softmax(s)
    y[i, j] = sum[t](w[i, t] * c[t, j])
    return y
  }`;

const CASES: readonly Case[] = [
  { make: product, test: "j <= i", shares: [0.6, 0.6] },
  { make: product, test: "j <= k", shares: [0.6, 0.6] },
  { make: square, test: "j > i", shares: [0.6, 0.6] },
  { make: square, test: "j <= i && i <= j + 5", shares: [0.2, 0.4] },
  { make: product, test: "j <= i + 3 && i <= j + 2", shares: [0.2, 0.6] },
  { make: product, test: "2 * j < i", shares: [0.4, 0.7] },
  { make: product, test: "i + j < I", shares: [0.6, 0.8] },
  { make: named, test: "j <= i", shares: [0.6, 0.8] },
  { make: attention, test: "j <= i", shares: [0.6, 0.65] },
  { make: attention, test: "j >= i", shares: [0.6, 0.65] },
  { make: attention, test: "i <= j + 2 && j <= i + 2", shares: [0.7, 0.7] },
  // a row of which nothing is left: its softmax is no number
  { make: attention, test: "j < i", shares: [1, 1] },
];

const programsOf = (text: string): { ir: Arena; value: () => Program; gradients: () => Program } => {
  const module = compileModule({ name: "guarded.grad", text }, readLibrary().context);
  const ir = createArena();
  const made = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (made?.ok !== true) throw new Error(`rejected:\n${text}`);
  const by = made.value.inputs.map(({ name }) => name);
  return { ir, value: () => forward(ir, made.value), gradients: () => vjp(ir, made.value, by) };
};

const inputsOf = (program: Program, dims: Dims): Inputs => {
  const sizes = new Map(Object.entries(dims));
  return {
    dims: sizes,
    tensors: new Map(
      program.inputs.map(({ name, shape }) => {
        const extents = shape.map((extent) => extentOf(extent, sizes) ?? NaN);
        const size = extents.reduce((product, extent) => product * extent, 1);
        const data = Array.from({ length: size }, (_, k) => Math.fround(Math.sin(1.7 * k + name.length)));
        return [name, { shape: extents, data }];
      }),
    ),
  };
};

const SIZES = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33];

/** Each size for each dimension, in changing company. */
const ALL: readonly Dims[] = SIZES.map((I, k) => {
  const [J = 0, K = 0] = [5 * k + 4, 7 * k + 1].map((n) => SIZES[n % SIZES.length]);
  return { I, J, K };
});

/** Multiplications and calls of functions. */
const work = (ir: Arena, program: Program, dims: Dims): number => {
  const fixed = specialise(ir, program, new Map(Object.entries(dims)));
  const counts = countsAt(countOperations(toKernel(ir, fixed, { dtype: "f64", budget: 0 })), {});
  return counts.mul + counts.transcendental;
};

const worstOf = (wanted: ArrayLike<number>, actual: ArrayLike<number>): number => {
  const scale = Math.max(1, ...Array.from(wanted, Math.abs).filter(Number.isFinite));
  const errors = Array.from(wanted, (value, k) =>
    Object.is(value, actual[k]) ? 0 : Math.abs(value - (actual[k] ?? NaN)) / scale,
  );
  return errors.reduce((most, error) => (error <= most ? most : error), 0);
};

describe("guarded contractions", () => {
  it("are right for all sizes on all back ends", async () => {
    const programs = CASES.map(({ make, test }) => programsOf(make(test)));
    // gradients of softmax have its value in them
    const both = programs.map(({ ir, value, gradients }, k) => ({
      ir,
      program: k % 3 === 1 ? value() : gradients(),
      name: `f${k}`,
    }));
    const runs = await Promise.all(
      BACKENDS.map(async (backend) => ({
        backend,
        kernels: await instantiateAll(
          backend,
          both.map(({ ir, program, name }) => toKernel(ir, program, { dtype: backend.dtype, name })),
        ),
      })),
    );
    for (const [n, { program, name }] of both.entries())
      for (const dims of ALL.filter((_, k) => k % 3 === n % 3)) {
        const inputs = inputsOf(program, dims);
        const expected = evaluate(program, inputs);
        for (const { backend, kernels } of runs) {
          const run = kernels.get(name);
          const got = run?.ok === true ? run.run(inputs) : undefined;
          for (const output of program.outputs) {
            const worst = worstOf(expected.get(output.name)?.data ?? [], got?.get(output.name) ?? []);
            const where = `${output.name} of ${name} at ${JSON.stringify(dims)} on ${backend.name}`;
            expect(worst, where).toBeLessThan(backend.dtype === "f32" ? 3e-6 : 1e-13);
          }
        }
      }
  });

  it.each(CASES.filter((_, k) => k % 2 === 0))("do less: $test", ({ make, test, shares }) => {
    const dims = { I: 64, J: 64, K: 64 };
    const [guarded, whole] = [test, "0 <= i"].map((each) => {
      const { ir, value, gradients } = programsOf(make(each));
      return [value, gradients].map((program) => work(ir, program(), dims));
    });
    shares.forEach((share, k) => {
      expect((guarded?.[k] ?? NaN) / (whole?.[k] ?? NaN)).toBeLessThanOrEqual(share);
    });
  });
});
