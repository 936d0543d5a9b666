import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll, type Run } from "../../src/cli/backends.ts";
import { evaluate, evaluateWithError, type Bounded, type Inputs } from "../../src/eval/index.ts";
import { compare, formatMismatch } from "../../src/gradcheck/compare.ts";
import { allowedError, TOLERANCES } from "../../src/gradcheck/tolerance.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, forward, toKernel, valueAndGradient } from "../../src/pipeline.ts";
import { randomProgram, type RandomProgram } from "./programs.ts";

const RUNS = 60;
const WRT = ["x", "y", "z"];

interface Derived {
  readonly ir: Arena;
  readonly forward: Program;
  readonly gradient: Program;
}

const derive = (source: string): Derived => {
  const module = compileModule({ name: "random.grad", text: source });
  const fn = module.ok ? module.value.functions.get("f") : undefined;
  const ir = createArena();
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error(`a valid program is rejected:\n${source}`);
  return { ir, forward: forward(ir, program.value), gradient: valueAndGradient(ir, program.value, WRT) };
};

const inputsOf = ({ inputs }: RandomProgram): Inputs => ({
  tensors: new Map([...inputs].map(([name, { shape, data }]) => [name, { shape, data: [...data] }])),
});

/** Every output of a back end against the interpreter, within the error bound of the computation in that format. */
const agree = (
  source: string,
  name: string,
  dtype: "f64" | "f32",
  run: Run,
  inputs: Inputs,
  reference: ReadonlyMap<string, Bounded>,
): void => {
  const got = run(inputs);
  for (const [output, { shape, data, error }] of reference) {
    const allowed = (k: number): number => allowedError(dtype, data[k] ?? NaN, error[k] ?? NaN);
    const { mismatch } = compare(output, { shape, data, allowed }, got.get(output));
    if (mismatch !== undefined) throw new Error(`${name}: ${formatMismatch(mismatch)}\n${source}`);
  }
};

const shifted = (inputs: Inputs, tensor: string, element: number, by: number): Inputs => {
  const array = inputs.tensors.get(tensor);
  if (array === undefined) throw new Error(`no input ${tensor}`);
  const data = Float64Array.from(array.data);
  data[element] = (data[element] ?? 0) + by;
  return { ...inputs, tensors: new Map([...inputs.tensors, [tensor, { ...array, data }]]) };
};

/** Richardson's extrapolation of central differences at two steps; NaN where three estimates show a kink in between. */
const numerical = (program: Program, inputs: Inputs, tensor: string, element: number): number => {
  const value = (by: number): number =>
    evaluate(program, shifted(inputs, tensor, element, by)).get("out")?.data[0] ?? NaN;
  const central = (h: number): number => (value(h) - value(-h)) / (2 * h);
  const [a, b, c] = [central(2 ** -9), central(2 ** -10), central(2 ** -11)];
  const [first, second] = [(4 * b - a) / 3, (4 * c - b) / 3];
  return Math.abs(first - second) > 1e-7 ? NaN : second;
};

describe("random programs", () => {
  it("give the same value and gradient on every back end, and the gradient is the slope", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomProgram, async (sample) => {
        const { ir, forward: value, gradient } = derive(sample.source);
        const inputs = inputsOf(sample);
        for (const backend of BACKENDS) {
          const kernel = toKernel(ir, gradient, { dtype: backend.dtype });
          const made = (await instantiateAll(backend, [kernel])).get(kernel.name);
          if (made?.ok !== true)
            throw new Error(`${backend.name}: ${made?.reason ?? "no kernel"}\n${sample.source}`);
          const reference = evaluateWithError(gradient, inputs, TOLERANCES[backend.dtype].arithmetic);
          agree(sample.source, backend.name, backend.dtype, made.run, inputs, reference);
        }
        const outputs = evaluate(gradient, inputs);
        for (const tensor of WRT) {
          const derivative = outputs.get(`d_${tensor}`)?.data ?? new Float64Array();
          derivative.forEach((got, element) => {
            const slope = numerical(value, inputs, tensor, element);
            if (Number.isNaN(slope)) return;
            compared += 1;
            if (Math.abs(got - slope) > 1e-6 * Math.max(1, Math.abs(slope))) {
              throw new Error(`d_${tensor}[${element}] is ${got}, the slope is ${slope}\n${sample.source}`);
            }
          });
        }
      }),
      { numRuns: RUNS },
    );
    // nearly all elements are smooth: kinks are not an excuse
    expect(compared).toBeGreaterThan(RUNS * 15);
  });
});
