/** Second and third order of random programs, each by several ways. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { evaluate, evaluateWithError, type Inputs } from "../../src/eval/index.ts";
import { compare } from "../../src/gradcheck/compare.ts";
import { allowedError, TOLERANCES } from "../../src/gradcheck/tolerance.ts";
import { createArena, type Program } from "../../src/ir/index.ts";
import { compileModule, gradient, jvp, toKernel, vjp } from "../../src/pipeline.ts";
import { randomProgram, type RandomProgram } from "./programs.ts";

const RUNS = 4;

/** A direction that is named like the input that it belongs to. */
const withDirection = (inputs: Inputs, name: string, phase: number): Inputs => {
  const like = inputs.tensors.get("x");
  if (like === undefined) throw new Error("there is no x");
  const data = Float64Array.from(like.data, (_, k) => Math.sin(phase + 1.3 * k));
  return { ...inputs, tensors: new Map([...inputs.tensors, [name, { ...like, data }]]) };
};

const first = (program: Program, inputs: Inputs): readonly number[] => {
  const [output] = program.outputs;
  return [...(evaluate(program, inputs).get(output?.name ?? "")?.data ?? [])];
};

const dot = (a: readonly number[], inputs: Inputs, name: string): number =>
  a.reduce((sum, value, k) => sum + value * (inputs.tensors.get(name)?.data[k] ?? NaN), 0);

const isClose = (a: number, b: number): boolean =>
  Object.is(a, b) || Math.abs(a - b) <= 1e-8 * Math.max(1, Math.abs(a), Math.abs(b));

const check = async ({ source, inputs: given }: RandomProgram): Promise<void> => {
  const module = compileModule({ name: "orders.grad", text: source });
  const ir = createArena();
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error(`a valid program is rejected:\n${source}`);
  const slope = gradient(ir, program.value, ["x"]);
  const product = jvp(ir, slope, ["x"]);
  const backward = vjp(ir, slope, ["x"]);
  const third = jvp(ir, product, ["x"]);
  const names = third.inputs.map(({ name }) => name).filter((name) => name.startsWith("t_"));
  const [u, v] = names;
  if (u === undefined || v === undefined) throw new Error(`directions are missing:\n${source}`);
  const base: Inputs = {
    tensors: new Map([...given].map(([name, array]) => [name, { ...array, data: [...array.data] }])),
  };
  const both = withDirection(withDirection(base, u, 0), v, 2);
  const forwards = first(product, withDirection(base, u, 0));
  const backwards = first(backward, withDirection(base, backward.inputs.at(-1)?.name ?? "", 0));
  forwards.forEach((value, k) => {
    expect(isClose(value, backwards[k] ?? NaN), source).toBe(true);
  });
  // T(u, v)·u by the directions in both orders
  const swapped = withDirection(withDirection(base, u, 2), v, 0);
  expect(isClose(dot(first(third, both), both, u), dot(first(third, swapped), both, u)), source).toBe(true);
  const reference = evaluateWithError(third, both, TOLERANCES.f64.arithmetic);
  for (const backend of BACKENDS.filter(({ dtype }) => dtype === "f64")) {
    const kernel = toKernel(ir, third, { dtype: "f64" });
    const made = (await instantiateAll(backend, [kernel])).get(kernel.name);
    const got = made?.ok === true ? made.run(both) : new Map<string, ArrayLike<number>>();
    for (const [output, { shape, data, error }] of reference) {
      const allowed = (k: number): number => allowedError("f64", data[k] ?? NaN, error[k] ?? NaN);
      expect(compare(output, { shape, data, allowed }, got.get(output)).mismatch, source).toBeUndefined();
    }
  }
};

describe("derivatives of random programs' derivatives", () => {
  it("are the same forwards and backwards, symmetric in their directions, and the same on every back end", async () => {
    await fc.assert(fc.asyncProperty(randomProgram, check), { numRuns: RUNS, seed: 11 });
  });
});
