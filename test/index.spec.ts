import { expect, it } from "vitest";
import * as gradsmith from "../src/index.ts";

it("compiles, differentiates, explains and runs a definition through the public API", async () => {
  const text = "fn energy(x: [N]; k = 2) { return k * sum(x^2) / 2 }";
  const module = gradsmith.compileModule({ name: "energy.grad", text });
  if (!module.ok) throw new Error(gradsmith.formatDiagnostics(module.diagnostics));
  const ir = gradsmith.createArena();
  const program = module.value.functions.get("energy")?.program(ir);
  if (program?.ok !== true) throw new Error("energy does not check");
  const derived = gradsmith.valueAndGradient(ir, program.value, ["x"]);
  expect(gradsmith.formulas(derived, "text").at(-1)).toBe("d_x[n] = k · x[n]");
  const kernel = gradsmith.toKernel(ir, derived, { dtype: "f64" });
  for (const instantiate of [gradsmith.instantiateTypeScript, gradsmith.instantiateWasm]) {
    const run = (await instantiate([kernel])).get(kernel.name);
    const results = run?.({ x: Float64Array.of(1, 2, 3), k: 4 });
    expect({ ...results }).toEqual({ out: 28, d_x: Float64Array.of(4, 8, 12) });
  }
});
