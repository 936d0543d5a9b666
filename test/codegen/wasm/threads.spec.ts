/** Kernels on two threads give what they give on one, bit for bit. */
import { afterAll, describe, expect, it, vi } from "vitest";
import { runThreads, runWasm, type ThreadRun } from "../../../codegen/wasm/run.ts";
import { createArena } from "../../../src/ir/index.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { compileModule, defaultRequests, request, toKernel } from "../../../src/pipeline.ts";
import { createHeap } from "../../../src/runtime/heap.ts";
import type { TensorData } from "../../../src/runtime/boundary.ts";
import { parallel } from "../../../src/schedule/parallel.ts";

const SOURCE = `
fn gelu(x: [N]) { return 0.5 * x * (1 + erf(x / sqrt(2))) }
fn focal(logits: [N], target: [N]) {
  p = sigmoid(logits)
  return mean((target * (1 - p)^2 + (1 - target) * p^2) * (softplus(logits) - target * logits))
}
fn cross_entropy(logits: [N, C], target: [N, C]) {
  return mean[n](logsumexp[c](logits[n, c]) * sum[c](target[n, c]) - sum[c](target[n, c] * logits[n, c]))
}
fn softmax(x: [N, C]) { e[n, c] = exp(x[n, c] - max[k](x[n, k]))  y[n, c] = e[n, c] / sum[k](e[n, k])  return y }
fn norm(x: [N, C], gamma: [C], beta: [C]) {
  mu[n] = sum[c](x[n, c]) / C
  var[n] = sum[c]((x[n, c] - mu[n])^2) / C
  y[n, c] = gamma[c] * (x[n, c] - mu[n]) / sqrt(var[n] + 1e-5) + beta[c]
  return y
}
fn product(a: [M, K], b: [K, N]) { y[i, j] = sum[k](a[i, k] * b[k, j])  return y }
fn causal(q: [B, H, C], k: [B, H, C], v: [B, H, C]) {
  score[b, i, j] = j <= i ? sum[c](q[b, i, c] * k[b, j, c]) : -inf
  p[b, i, j] = exp(score[b, i, j]) / sum[l](exp(score[b, i, l]))
  y[b, i, c] = sum[j](p[b, i, j] * v[b, j, c])
  return y
}
fn conv(x: [B, C, H, W], w: [F, C, 3, 3]) {
  y[n, k, i < H, j < W] = sum[c, u, v]((x[n, c, i + u - 1, j + v - 1] ?? 0) * w[k, c, u, v])
  return y
}
`;

const DIMS: Readonly<Record<string, number>> = { N: 70, C: 19, M: 37, K: 21, B: 3, H: 9, W: 11, F: 6 };

const module = compileModule({ name: "threads.grad", text: SOURCE });
if (!module.ok) throw new Error(JSON.stringify(module.diagnostics));

const kernelsOf = (name: string): readonly Kernel[] => {
  const fn = module.value.functions.get(name);
  if (fn === undefined) throw new Error(name);
  const ir = createArena();
  const program = fn.program(ir);
  if (!program.ok) throw new Error(name);
  return defaultRequests(program.value).map((asked) =>
    toKernel(ir, request(ir, program.value, asked), { dtype: "f32" }),
  );
};

const NAMES = [...module.value.functions.keys()];
const kernels = NAMES.flatMap(kernelsOf);

/** Numbers without a pattern that a mistake could hide behind. */
const drawn = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, k) => Math.sin(1 + seed + 12.9898 * (k + 1)) * 2);

const argumentsOf = (kernel: Kernel): Record<string, Float32Array | number> => {
  const sizes = new Map(kernel.dims.map(({ name }) => [name, DIMS[name] ?? 5]));
  const inputs = kernel.buffers.filter(({ role }) => role === "input");
  const extents = inputs.map(({ shape }) =>
    shape.reduce((size, extent) => {
      if (extent.kind === "const") return size * extent.value;
      return size * (extent.kind === "dim" ? (sizes.get(extent.name) ?? NaN) : NaN);
    }, 1),
  );
  return {
    ...Object.fromEntries(sizes),
    ...Object.fromEntries(
      inputs.map(({ name, shape }, k) => [name, shape.length === 0 ? 0.7 : drawn(extents[k] ?? 0, k)]),
    ),
  };
};

const bitsOf = (results: Readonly<Record<string, unknown>>): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(
    Object.entries(results).map(([name, value]) => {
      const data = typeof value === "number" ? Float32Array.of(value) : (value as TensorData);
      return [name, [...new Int32Array(Float32Array.from(data).buffer)]];
    }),
  );

/** Says that it is ready, and does nothing. */
class Asleep {
  #ready: () => void = () => undefined;
  on(event: string, listener: () => void): void {
    if (event === "message") this.#ready = listener;
  }
  postMessage({ module: sent }: { readonly module?: WebAssembly.Module }): void {
    if (sent !== undefined) queueMicrotask(this.#ready);
  }
  terminate(): void {
    this.#ready = () => undefined;
  }
}

describe("kernels on several threads", async () => {
  const runs: ThreadRun[] = [];
  const serial = await runWasm(kernels, createHeap());
  const threads = await runThreads(kernels, { threads: 3, leastWork: 0 });
  runs.push(threads);
  afterAll(() => {
    for (const { close } of runs) close();
  });

  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s", (name, kernel) => {
    expect(parallel(kernel)).toBeDefined();
    const args = argumentsOf(kernel);
    const want = bitsOf(serial.kernels.get(name)?.(args) ?? {});
    expect(Object.values(want).flat().length).toBeGreaterThan(0);
    for (let k = 0; k < 5; k++) expect(bitsOf(threads.kernels.get(name)?.(args) ?? {})).toEqual(want);
  });

  it("need none of the others: a worker that gets no processor holds nobody up", async () => {
    const asked = vi.spyOn(process, "getBuiltinModule");
    asked.mockImplementation(() => ({ Worker: Asleep }));
    const alone = await runThreads(kernels, { threads: 3, leastWork: 0 }, { optimize: "none" });
    asked.mockRestore();
    for (const kernel of kernels) {
      const args = argumentsOf(kernel);
      const want = bitsOf(serial.kernels.get(kernel.name)?.(args) ?? {});
      expect(bitsOf(alone.kernels.get(kernel.name)?.(args) ?? {})).toEqual(want);
    }
  });
});
