import { describe, expect, it } from "vitest";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import { CONVERGED, fit, loadTable, solve } from "../../examples/newton.ts";
import { load, programOf, requestsOf } from "../../src/cli/compile.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { request, toKernel } from "../../src/pipeline.ts";

const silent = { out: () => undefined, err: () => undefined };
const same = (text: string): string => text;
const OUTPUT = { ...silent, paint: { error: same, warning: same, location: same, caret: same, hint: same } };

const hessianKernel = (): Kernel => {
  const { module } = load("examples/logistic.grad", OUTPUT);
  const fn = module.functions.get("logistic");
  if (fn === undefined) throw new Error("no function");
  const { ir, program } = programOf(fn, { dims: new Map(), options: new Map() });
  const asked = requestsOf(module, new Map([["logistic", program]]))
    .get("logistic")
    ?.find(({ kind }) => kind === "hessian");
  if (asked === undefined) throw new Error("nothing is asked for");
  return toKernel(ir, request(ir, program, asked), { dtype: "f64" });
};

describe("Newton's method on a logistic regression", () => {
  const table = loadTable("examples/data/breast_cancer.csv");

  it("reads the data", () => {
    expect([table.count, table.width]).toEqual([569, 31]);
    expect(table.classes.reduce((a, b) => a + b, 0)).toBe(357);
  });

  it.each([
    ["TypeScript", instantiateTypeScript],
    ["WebAssembly", instantiateWasm],
  ])("converges in at most ten steps from zero in %s", async (_, instantiate) => {
    const kernel = hessianKernel();
    const callable = (await instantiate([kernel])).get(kernel.name);
    if (callable === undefined) throw new Error("no kernel");
    const { steps, accuracy } = fit(callable, table);
    expect(steps[0]?.loss).toBeCloseTo(Math.log(2), 14);
    expect(steps.at(-1)?.gradient).toBeLessThan(CONVERGED);
    expect(steps.length - 1).toBeLessThanOrEqual(10);
    expect(accuracy).toBeGreaterThan(0.98);
  });

  it("solves by Cholesky's factors", () => {
    expect([...solve(Float64Array.of(4, 2, 2, 5), Float64Array.of(8, 12))]).toEqual([1, 2]);
    expect(() => solve(Float64Array.of(1, 2, 2, 1), Float64Array.of(1, 1))).toThrow("not positive definite");
  });
});
