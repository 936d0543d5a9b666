import { describe, expect, it } from "vitest";
import wabt from "wabt";
import { emitWasm } from "../../../codegen/wasm/emit.ts";
import { runWasm } from "../../../codegen/wasm/run.ts";
import { kernelsOf } from "../../../src/cli/build.ts";
import type { FloatType, Kernel } from "../../../src/loop/types.ts";
import { compileModule } from "../../../src/pipeline.ts";
import { createHeap } from "../../../src/runtime/index.ts";

const FORMULA = "softplus(x) * sigmoid(x) + sigmoid(-x) * tanh(x) - erfc(x)";

/** The same formula of a number, in a kernel without a loop, and of an array. */
const compiled = (dtype: FloatType): readonly Kernel[] => {
  const source = {
    name: "scalar.grad",
    text: `fn one(x: []) { return ${FORMULA} }\nfn many(x: [N]) { return ${FORMULA} }`,
  };
  const module = compileModule(source);
  if (!module.ok) throw new Error(JSON.stringify(module.diagnostics));
  const kernels = kernelsOf({ source, module: module.value }, { dims: new Map(), options: new Map() }, dtype);
  return kernels.filter(({ name }) => name === "one" || name === "many");
};

const textOf = async (kernels: readonly Kernel[]): Promise<string> => {
  const tools = await wabt();
  return tools.readWasm(await emitWasm(kernels), { simd: true, bulk_memory: true }).toText({});
};

const INPUTS = [0, -0, 1, -1, 0.3, -0.3, 17.5, -17.5, 88, -88, 103.5, -103.5, 1e-40, Infinity, NaN];

describe.each(["f32", "f64"] as const)("formulas of scalars, %s", (dtype) => {
  it("are in place in a kernel without loops", async () => {
    const one = compiled(dtype).filter(({ name }) => name === "one");
    expect(one).toHaveLength(1);
    expect(await textOf(one)).not.toMatch(/\bcall\b/);
  });

  it("give the bits that they give in a loop", async () => {
    const { kernels } = await runWasm(compiled(dtype), createHeap());
    const x = dtype === "f32" ? Float32Array.from(INPUTS) : Float64Array.from(INPUTS);
    const [many] = Object.values(kernels.get("many")?.({ x }, {}) ?? {});
    const alone = [...x].map((number) => Object.values(kernels.get("one")?.({ x: number }, {}) ?? {})[0]);
    expect(alone).toEqual([...(many as Float32Array | Float64Array)]);
  });
});
