import { beforeAll, describe, expect, it } from "vitest";
import type { CallableKernel } from "../../../codegen/interface.ts";
import { createHeap, erf, erfc } from "../../../src/runtime/index.ts";
import { emitWasm } from "../../../codegen/wasm/emit.ts";
import { FAST_BOUND, ulp } from "../../../codegen/wasm/math/accuracy.ts";
import { runWasm } from "../../../codegen/wasm/run.ts";
import { kernelsOf } from "../../../src/cli/build.ts";
import { printKernel } from "../../../src/loop/print.ts";
import type { Kernel, MathMode } from "../../../src/loop/types.ts";
import { compileModule } from "../../../src/pipeline.ts";

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  exp: Math.exp,
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  tanh: Math.tanh,
  log1p: Math.log1p,
  erf,
  erfc,
};

const GELU = "fn gelu(x: [N]) { return x / 2 * erfc(-x / sqrt(2)) }\nderive gelu { vjp(x) }";

const compiled = (text: string, math: MathMode): readonly Kernel[] => {
  const source = { name: "fast.grad", text };
  const module = compileModule(source);
  if (!module.ok) throw new Error(JSON.stringify(module.diagnostics));
  return kernelsOf({ source, module: module.value }, { dims: new Map(), options: new Map() }, "f32", math);
};

const NAMES = Object.keys(FUNCTIONS);

type Apply = (inputs: Readonly<Record<string, Float32Array>>) => Float32Array;

/** The kernels of all functions, and that of gelu's derivative, by name. */
const load = async (): Promise<ReadonlyMap<string, Apply>> => {
  const values = compiled(
    NAMES.map((name) => `fn ${name}_of(x: [N]) { return ${name}(x) }`).join("\n"),
    "fast",
  );
  const wanted = [...values.filter(({ name }) => name.endsWith("_of")), ...compiled(GELU, "fast")];
  const { kernels } = await runWasm(wanted, createHeap());
  const apply =
    (kernel: CallableKernel): Apply =>
    (inputs) => {
      const [result] = Object.values(kernel({ ...inputs }, {}));
      if (!(result instanceof Float32Array)) throw new Error("an array is expected");
      return result;
    };
  return new Map([...kernels].map(([name, kernel]) => [name, apply(kernel)]));
};

let kernels: ReadonlyMap<string, Apply>;

beforeAll(async () => {
  kernels = await load();
});

const applied = (name: string, inputs: Readonly<Record<string, Float32Array>>): Float32Array =>
  kernels.get(name)?.(inputs) ?? new Float32Array();

/** Every 65,537th bit pattern: all binades of both signs, the infinities apart. */
const patterns = (): Float32Array => {
  const bits = Uint32Array.from({ length: 65535 }, (_, k) => k * 65537);
  return new Float32Array(bits.buffer).filter((x) => Number.isFinite(x));
};

const LEAST_NORMAL = 2 ** -126;

describe("--math fast", () => {
  it.each(NAMES)("%s is as accurate as it says", (name) => {
    const exact = FUNCTIONS[name];
    const x = patterns();
    const y = applied(`${name}_of`, { x });
    const isErf = name === "erf" || name === "erfc";
    const far = [...x].filter((value, k) => {
      const want = exact?.(value) ?? NaN;
      const got = y[k] ?? NaN;
      if (Number.isNaN(want)) return !Number.isNaN(got);
      if (want > 2 ** 127.5) return got < 2 ** 127.5;
      const allowed = isErf ? FAST_BOUND.absolute : FAST_BOUND.ulps * ulp(Math.fround(want), "f32");
      return !(Math.abs(got - want) <= Math.max(allowed, LEAST_NORMAL));
    });
    expect(far).toEqual([]);
  });

  it("keeps NaN, and has limits", () => {
    const x = Float32Array.of(NaN, Infinity, -Infinity);
    for (const [name, want] of [
      ["exp", [NaN, Infinity, 0]],
      ["sigmoid", [NaN, 1, 0]],
      ["erf", [NaN, 1, -1]],
      ["erfc", [NaN, 0, 2]],
    ] as const)
      expect([...applied(`${name}_of`, { x })], name).toEqual(want);
  });

  it("computes the derivative of gelu in f32 only, to an absolute error of 1e-6", () => {
    const x = Float32Array.from({ length: 4001 }, (_, k) => (k - 2000) / 200);
    const y = applied("gelu_vjp", { x, d_out: new Float32Array(x.length).fill(1) });
    const errors = [...x].map((v, k) => {
      const want = erfc(-v / Math.SQRT2) / 2 + (v * Math.exp((-v * v) / 2)) / Math.sqrt(2 * Math.PI);
      return Math.abs((y[k] ?? NaN) - want);
    });
    expect(Math.max(...errors)).toBeLessThan(1e-6);
  });

  it("changes f32 kernels only where a formula is asked for, and says so", async () => {
    const [fast, accurate] = [compiled(GELU, "fast"), compiled(GELU, "accurate")];
    expect(fast.map(printKernel).join()).toContain("kernel gelu_vjp f32 fast");
    expect(fast.map(printKernel).join()).not.toContain("wide");
    expect(accurate.map(printKernel).join()).toContain("wide");
    expect(await emitWasm(fast)).not.toEqual(await emitWasm(accurate));
    expect(await emitWasm(fast)).toEqual(await emitWasm(compiled(GELU, "fast")));
  });
});
