import { describe, expect, it } from "vitest";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import { createArena } from "../../src/ir/index.ts";
import type { FloatType, Kernel } from "../../src/loop/types.ts";
import { compileModule, forward, toKernel } from "../../src/pipeline.ts";
import { outline } from "../../src/schedule/outline.ts";
import { allOf } from "../../src/schedule/walks.ts";

const kernelsOf = (text: string, dtype: FloatType = "f32"): readonly Kernel[] => {
  const module = compileModule({ name: "f.grad", text: `${text}\n` });
  if (!module.ok) throw new Error("the source is rejected");
  return [...module.value.functions.entries()].map(([name, fn]) => {
    const ir = createArena();
    const program = fn.program(ir);
    if (!program.ok) throw new Error("the source is rejected");
    return toKernel(ir, forward(ir, program.value), { dtype, name });
  });
};

const PRODUCT = "fn f(a: [M, K], b: [K, N]) { y[i, j] = sum[k](a[i, k] * b[k, j])  return y }";
const FIRST = "fn g(a: [K, M], b: [K, N]) { y[i, j] = sum[k](a[k, i] * b[k, j])  return y }";
const SECOND = "fn g(a: [M, K], b: [N, K]) { y[i, j] = sum[k](a[i, k] * b[j, k])  return y }";
const SCALED = "fn g(a: [M, K], b: [K, N], s: []) { y[i, j] = s * sum[k](a[i, k] * b[k, j])  return y }";
const BATCHED = "fn g(a: [B, M, K], b: [B, K, N]) { y[l, i, j] = sum[k](a[l, i, k] * b[l, k, j])  return y }";
const SOFTMAX = (name: string): string =>
  `fn ${name}(a: [M, N]) { y[i, j] = exp(a[i, j]) / sum[k](exp(a[i, k]))  return y }`;
const SPREAD =
  "fn f(a: [M, K]) { m = sum(sqrt(exp(a) + a * a + 1))  y[i, j] = a[i, j] - m  return y }" +
  "\nfn g(a: [M, K]) { m = sum(sqrt(exp(a) + a * a + 1))  return m * m }";

/** By what kernels are called with: sizes for all paths, and none at all. */
const SIZES = [
  [0, 0, 0],
  [3, 5, 2],
  [17, 6, 11],
  [33, 40, 19],
] as const;

type Data = Float32Array | Float64Array;

const data = (length: number, seed: number): Float64Array =>
  Float64Array.from({ length }, (_, k) => Math.sin(k * 1.7 + seed));

const argumentsOf = (
  { dims, buffers, dtype }: Kernel,
  sizes: readonly [number, number, number],
): Record<string, Data | number> => {
  const [M, K, N] = sizes;
  const extents: Record<string, number> = { M, K, N, B: 3 };
  const given = dims.map(({ name }): [string, number] => [name, extents[name] ?? NaN]);
  const arrays = buffers.flatMap(({ name, role, shape }, k): [string, Data | number][] => {
    if (role !== "input") return [];
    const size = shape.reduce((n, e) => n * (e.kind === "dim" ? (extents[e.name] ?? NaN) : NaN), 1);
    return [
      [name, shape.length === 0 ? 1.5 : dtype === "f32" ? Float32Array.from(data(size, k)) : data(size, k)],
    ];
  });
  return Object.fromEntries([...given, ...arrays]);
};

describe("loops that occur several times", () => {
  it.each([
    ["a transposed factor of the rows", `${PRODUCT}\n${FIRST}`],
    ["a transposed factor of the columns", `${PRODUCT}\n${SECOND}`],
    ["a factor of the result", `${PRODUCT}\n${SCALED}`],
    ["a loop around one of them", `${PRODUCT}\n${BATCHED}`],
    ["rows", `${SOFTMAX("f")}\n${SOFTMAX("g")}`],
    ["a sum that is used apart from it", SPREAD],
  ])("are procedures with the same results: %s", async (_, text) => {
    for (const dtype of ["f32", "f64"] as const) {
      const kernels = kernelsOf(text, dtype);
      expect(outline(kernels).procedures.length).toBeGreaterThan(0);
      const [apart, together] = [
        await instantiateWasm(kernels, { optimize: "none" }),
        await instantiateWasm(kernels, { optimize: "size" }),
      ];
      for (const kernel of kernels)
        for (const sizes of SIZES) {
          const args = argumentsOf(kernel, sizes);
          const [want, got] = [apart.get(kernel.name)?.(args), together.get(kernel.name)?.(args)];
          expect(want).toBeDefined();
          expect(got).toEqual(want);
        }
    }
  });

  it("have the same arithmetic, and the same pattern of buffers", () => {
    const other = "fn g(a: [M, K], b: [K, N]) { y[i, j] = sum[k](a[i, k] - b[k, j])  return y }";
    const inSquare = "fn g(a: [K, K]) { y[i, j] = sum[k](a[i, k] * a[k, j])  return y }";
    // the copies into panels are the same
    const { procedures } = outline(kernelsOf(`${PRODUCT}\n${other}`));
    expect(procedures.flatMap(({ body }) => allOf(body)).some(({ kind }) => kind === "accumulate")).toBe(
      false,
    );
    const shared = outline(kernelsOf(`${PRODUCT}\n${inSquare}`)).procedures;
    for (const { buffers } of shared) expect(new Set(buffers).size).toBe(buffers.length);
    expect(outline(kernelsOf(`${PRODUCT}\n${inSquare}`)).calls.size).toBe(2 * shared.length);
  });

  it("are not called where they have few iterations", () => {
    const small = (name: string): string =>
      `fn ${name}(a: [8, 8], b: [8, 8]) { y[i, j] = sum[k](a[i, k] * b[k, j])  return y }`;
    const kernels = kernelsOf(`${small("f")}\n${small("g")}`);
    expect(kernels.flatMap(({ body }) => allOf(body)).length).toBeGreaterThan(4);
    expect(outline(kernels).procedures).toEqual([]);
  });

  it("are the same in every run", () => {
    const text = `${PRODUCT}\n${SECOND}`;
    expect(JSON.stringify(outline(kernelsOf(text)).procedures)).toBe(
      JSON.stringify(outline(kernelsOf(text)).procedures),
    );
  });
});
