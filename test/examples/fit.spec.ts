import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import { fitCurve, loadPoints } from "../../examples/fit.ts";
import { createArena } from "../../src/ir/index.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { compileModule, request, toKernel } from "../../src/pipeline.ts";

const kernels = (): readonly Kernel[] => {
  const module = compileModule({ name: "fit.grad", text: readFileSync("examples/fit.grad", "utf8") });
  const ir = createArena();
  const made = module.ok ? module.value.functions.get("saturation")?.program(ir) : undefined;
  if (made?.ok !== true) throw new Error("rejected");
  const matrices = [{ rows: "r", columns: "b" }];
  return [
    toKernel(ir, request(ir, made.value, { kind: "value", wrt: [] }), { dtype: "f64" }),
    toKernel(ir, request(ir, made.value, { kind: "jacobian", wrt: [], matrices }), { dtype: "f64" }),
  ];
};

// the certified values of the data set Misra1a and the two starts that come with it
const CERTIFIED = { parameters: [2.3894212918e2, 5.5015643181e-4], sum: 1.2455138894e-1 };

it.each([
  ["TypeScript", instantiateTypeScript],
  ["WebAssembly", instantiateWasm],
])("converges to the certified parameters in %s", async (_, instantiate) => {
  const points = loadPoints("examples/data/misra1a.csv");
  const callables = await instantiate(kernels());
  const [residuals, jacobian] = [callables.get("saturation"), callables.get("saturation_jacobian")];
  if (residuals === undefined || jacobian === undefined) throw new Error("no kernel");
  for (const start of [
    [500, 0.0001],
    [250, 0.0005],
  ]) {
    const { parameters, sums, steps } = fitCurve(residuals, jacobian, points, start);
    CERTIFIED.parameters.forEach((value, k) => {
      expect(Math.abs((parameters[k] ?? NaN) / value - 1)).toBeLessThan(1e-9);
    });
    expect(Math.abs((sums.at(-1) ?? NaN) / CERTIFIED.sum - 1)).toBeLessThan(1e-9);
    // near the solution a step squares the one before, until residuals that do not vanish, or rounding, are in the way
    const near = steps.findIndex((step) => step < 1e-2);
    expect(steps[near + 1]).toBeLessThan(5 * (steps[near] ?? NaN) ** 2);
    expect(steps.length).toBeLessThanOrEqual(12);
  }
});
