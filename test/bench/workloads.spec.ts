import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { markdown, type Row } from "../../bench/report.ts";
import { timeInTurn, type Timing } from "../../bench/measure.ts";
import { drawInputs, errorsOf } from "../../bench/values.ts";
import { sizeOf, type Workload } from "../../bench/workload.ts";
import { IMPORTS } from "../../src/cli/files.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule } from "../../src/pipeline.ts";

const modules = await Promise.all(
  readdirSync("bench/workloads").map(
    async (file): Promise<object> =>
      (await import(`../../bench/workloads/${file.replace(/\.ts$/, "")}.ts`)) as object,
  ),
);
const workloads = modules.flatMap((module) => Object.values(module).flat() as Workload[]);

describe("the workloads", () => {
  it("are named apart", () => {
    expect(workloads.length).toBeGreaterThan(15);
    expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length);
  });

  it.each(workloads)("$name: its definition has these inputs", ({ name, definition, inputs, kernels }) => {
    const source = { name: resolve("bench", "workloads", `${name}.grad`), text: definition };
    const result = compileModule(source, IMPORTS);
    expect(result.ok).toBe(true);
    if (!result.ok) return;
    const [fn] = [...result.value.functions.values()].filter((each) =>
      kernels.some((kernel) => kernel === each.name || kernel.startsWith(`${each.name}_`)),
    );
    const program = fn?.program(createArena());
    if (program?.ok !== true) throw new Error("no program");
    const names = program.value.inputs.map((tensor) => tensor.name);
    expect(Object.keys(inputs).filter((input) => !input.startsWith("d_") && !names.includes(input))).toEqual(
      [],
    );
    expect(names.filter((input) => !(input in inputs))).toEqual([]);
  });

  it("draws the same inputs every time, and loops give the same in floats and doubles", () => {
    const [small] = workloads.filter(({ name }) => name === "logistic_hessian");
    if (small === undefined) throw new Error("no workload");
    const drawn = drawInputs(small);
    expect(drawInputs(small)).toEqual(drawn);
    const [single, double] = [Float32Array, Float64Array].map((array) => {
      const into = Object.fromEntries(
        Object.entries(small.outputs).map(([name, shape]) => [name, new array(sizeOf(shape))]),
      );
      small.loops(drawn, into);
      return into;
    });
    const errors = errorsOf(small.outputs, single ?? {}, double ?? {});
    expect(Math.max(...Object.values(errors))).toBeLessThan(1e-6);
    expect(Math.max(...Object.values(errors))).toBeGreaterThan(0);
  });
});

describe("errors", () => {
  const outputs = { y: [3] };

  it.each([
    ["relative to the largest element", [1, 2, 4.4], [1, 2, 4], 0.1],
    ["none", [1, 2, 4], [1, 2, 4], 0],
    ["not a number", [1, NaN, 4], [1, 2, 4], NaN],
    ["another length", [1, 2], [1, 2, 4], Infinity],
  ])("%s", (_what, got, want, error) => {
    const found = errorsOf(outputs, { y: got }, { y: want })["y"] ?? -1;
    expect(Number(found.toPrecision(6))).toBe(error);
  });
});

describe("timing in turn", () => {
  it("runs each in every round", async () => {
    let runs = 0;
    const run = (): undefined => {
      runs++;
      const until = performance.now() + 1;
      while (performance.now() < until);
      return undefined;
    };
    const effort = { budget: 0, minRounds: 3, maxRounds: 5, warm: 1 };
    const timings = await timeInTurn(new Map([["a", run]]), effort);
    const timing = timings.get("a");
    expect(timing?.rounds).toBe(3);
    expect(timing?.median).toBeGreaterThanOrEqual(1);
    expect(runs).toBeGreaterThanOrEqual(4);
  });
});

describe("the report", () => {
  const timing = (median: number): Timing => ({
    median,
    low: median,
    high: median,
    best: median,
    rounds: 3,
    batch: 1,
  });
  const row: Row = {
    name: "sum",
    title: "a sum",
    note: undefined,
    target: { jax: 2, hand: 1.5, ceiling: 0.5 },
    bytes: 12,
    operations: undefined,
    ceilings: { copy: timing(0.1), add: timing(0.5), operate: undefined },
    cells: {
      wasm: { kind: "right", errors: {}, timing: timing(2) },
      jax: { kind: "wrong", errors: { out: 0.5 }, timing: timing(5) },
      tfjs: { kind: "failed", reason: "no sum" },
      hand: { kind: "right", errors: {}, timing: timing(1) },
    },
  };
  const text = markdown({
    machine: "a machine",
    processors: 2,
    load: [0, 0],
    peers: [],
    columns: ["wasm", "tfjs", "jax", "hand"],
    rows: [row],
  });

  it.each([
    ["times", "| a sum | 2.00 ms ±0% | failed | 5.00 ms ±0% ! | 1.00 ms ±0% | 500 µs |"],
    ["ratios", "| a sum | failed | 2.50× ! | 0.50× | 25% |"],
    ["a target that is met", "| a sum | at least 2× jax-js | 2.50× | met |"],
    ["one that is not", "| a sum | at most 1.5 times the time of C, hand SIMD | 2.00 | not met |"],
    ["a part of the ceiling", "| a sum | at least 50% of the ceiling | 25% | not met |"],
    ["a wrong value", "- a sum, jax-js: off by 5.0e-1 in out."],
    ["a failure", "- a sum, TensorFlow.js: no sum"],
  ])("shows %s", (_what, line) => {
    expect(text.split("\n")).toContain(line);
  });
});
