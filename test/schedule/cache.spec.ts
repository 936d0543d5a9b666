import { expect, it } from "vitest";
import { runThreads } from "../../codegen/wasm/run.ts";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { createArena, specialise } from "../../src/ir/index.ts";
import type { FloatType, Kernel } from "../../src/loop/types.ts";
import { compileModule, forward, toKernel } from "../../src/pipeline.ts";
import { inParallel } from "../../src/schedule/parallel.ts";

/** A product, one of two transposed factors, and one with two factors for each place of the first. */
const FORMULAS: readonly (readonly [string, (a: number, b: number) => number])[] = [
  ["fn f(a: [M, K], b: [K, N]) { y[i, j] = sum[k](a[i, k] * b[k, j])  return y }", (a, b) => a * b],
  ["fn f(a: [K, M], b: [N, K]) { y[i, j] = sum[k](a[k, i] * b[j, k])  return y }", (a, b) => a * b],
  ["fn f(a: [M, K], b: [K, N]) { y[i, j] = sum[k](a[i, k]^2 * b[k, j])  return y }", (a, b) => a * a * b],
];

/** Rows, terms, lanes: in one chunk; with chunks of rows; of lanes. */
const SIZES = [
  [130, 131, 77],
  [150, 512, 70],
  [66, 512, 530],
] as const;

const data = (length: number, seed: number): Float64Array =>
  Float64Array.from({ length }, (_, k) => ((k * 7 + seed + Math.floor(k / 13)) % 9) - 4);

const kernelOf = (text: string, [M, K, N]: (typeof SIZES)[number], dtype: FloatType): Kernel => {
  const ir = createArena();
  const module = compileModule({ name: "f.grad", text: `${text}\n` });
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error("the source is rejected");
  const known = specialise(ir, forward(ir, program.value), new Map(Object.entries({ M, K, N })));
  return toKernel(ir, known, { dtype, name: "f" });
};

/** By loops over small whole numbers, which are exact in any order. */
const productOf = (
  text: string,
  term: (a: number, b: number) => number,
  [M, K, N]: (typeof SIZES)[number],
): { readonly a: Float64Array; readonly b: Float64Array; readonly y: Float64Array } => {
  const isTransposed = text.includes("a[k, i]");
  const [a, b, y] = [data(M * K, 1), data(K * N, 5), new Float64Array(M * N)];
  for (let i = 0; i < M; i++)
    for (let k = 0; k < K; k++) {
      const value = a[isTransposed ? k * M + i : i * K + k] ?? NaN;
      for (let j = 0; j < N; j++)
        y[i * N + j] = (y[i * N + j] ?? NaN) + term(value, b[isTransposed ? j * K + k : k * N + j] ?? NaN);
    }
  return { a, b, y };
};

const firstDifference = (got: ArrayLike<number>, want: Float64Array): number =>
  want.findIndex((value, k) => got[k] !== value);

it.each(FORMULAS)("%s: large factors, on all back ends", async (text, term) => {
  // the chunks are the same whatever is multiplied
  for (const size of text === FORMULAS[0]?.[0] ? SIZES : SIZES.slice(0, 1)) {
    const { a, b, y } = productOf(text, term, size);
    const tensors = new Map([
      ["a", { shape: [a.length], data: a }],
      ["b", { shape: [b.length], data: b }],
    ]);
    for (const backend of BACKENDS) {
      const kernel = kernelOf(text, size, backend.dtype);
      expect(kernel.buffers.filter(({ role }) => role === "temp")).toHaveLength(2);
      const made = (await instantiateAll(backend, [kernel])).get("f");
      if (made?.ok !== true) throw new Error(made?.reason);
      expect(firstDifference(made.run({ tensors, dims: new Map() }).get("y") ?? [], y)).toBe(-1);
    }
  }
});

it("chunks are divided between threads", async () => {
  const [text, term] = FORMULAS[0] ?? never();
  const [, size] = SIZES;
  const kernel = kernelOf(text, size, "f32");
  const phases = [...inParallel([kernel]).parallel.values()].flatMap((each) => each.phases);
  expect(phases.map(({ kind }) => kind)).toEqual(["split", "split"]);
  const { a, b, y } = productOf(text, term, size);
  const { kernels, close } = await runThreads([kernel], { threads: 2 });
  const result = kernels.get("f")?.({ a: Float32Array.from(a), b: Float32Array.from(b) })["y"];
  close();
  expect(firstDifference(result as Float32Array, y)).toBe(-1);
});

const never = (): never => {
  throw new Error("there are formulas");
};
