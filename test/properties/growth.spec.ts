import { describe, expect, it } from "vitest";
import { emitTypeScript } from "../../codegen/typescript/index.ts";
import { emitWasm } from "../../codegen/wasm/emit.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule, defaultRequests, request, toKernel } from "../../src/pipeline.ts";

/** What compiling a program costs, and how large what comes out is. */
interface Cost {
  /** Processor time in milliseconds: what others do on the machine does not count. */
  readonly time: number;
  readonly nodes: number;
  readonly typescript: number;
  readonly wasm: number;
}

const list = (count: number, item: (k: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, k) => item(k));

const steps = (count: number, step: (from: string) => string): string =>
  [
    "fn f(x: [N]) {",
    "  t0 = x",
    ...list(count, (k) => `  t${k + 1} = ${step(`t${k}`)}`),
    `  return sum(t${count})`,
    "}",
  ].join("\n");

const FAMILIES: readonly {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly source: (n: number) => string;
}[] = [
  {
    name: "a chain of n composed functions",
    sizes: [10, 100, 1000],
    source: (n) => steps(n, (t) => `tanh(${t})`),
  },
  {
    name: "nested sin(f)·(f + 1), n deep",
    sizes: [2, 20, 200],
    source: (n) => steps(n, (t) => `sin(${t}) * (${t} + 1)`),
  },
  {
    name: "a sum of n terms",
    sizes: [10, 100, 1000],
    source: (n) => `fn f(x: [N]) {\n  return sum(${list(n, (k) => `sin(${k + 1} * x)`).join(" + ")})\n}`,
  },
  {
    name: "a product of n factors",
    sizes: [10, 100, 1000],
    source: (n) =>
      `fn f(${list(n, (k) => `x${k}: []`).join(", ")}) {\n  return ${list(n, (k) => `x${k}`).join(" * ")}\n}`,
  },
  {
    name: "a network of n layers",
    sizes: [1, 10, 100],
    source: (n) =>
      [
        `fn f(x: [N, D], ${list(n, (k) => `w${k}: [D, D]`).join(", ")}) {`,
        "  t0 = x",
        ...list(n, (k) => `  t${k + 1}[n, o] = tanh(sum[d](t${k}[n, d] * w${k}[o, d]))`),
        `  return mean(t${n})`,
        "}",
      ].join("\n"),
  },
];

const compile = async (source: string): Promise<Cost> => {
  const start = process.cpuUsage();
  const module = compileModule({ name: "growth.grad", text: source });
  const fn = module.ok ? module.value.functions.get("f") : undefined;
  const ir = createArena();
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error("the program does not check");
  const gradient = defaultRequests(program.value).at(-1) ?? { kind: "value", wrt: [] };
  const kernel = toKernel(ir, request(ir, program.value, gradient), { dtype: "f32" });
  const typescript = emitTypeScript([kernel], "gradsmith/runtime").length;
  const wasm = (await emitWasm([kernel])).length;
  const { user, system } = process.cpuUsage(start);
  return { time: (user + system) / 1000, nodes: ir.size(), typescript, wasm };
};

/** Each size again, with the better of both times: a collection of garbage in the wrong moment is not the compiler's. */
const measured = async (sources: readonly string[], before: readonly Cost[]): Promise<readonly Cost[]> => {
  const costs: Cost[] = [];
  for (const [k, source] of sources.entries()) {
    const cost = await compile(source);
    costs.push({ ...cost, time: Math.min(cost.time, before[k]?.time ?? Infinity) });
  }
  return costs;
};

const STEEPEST = 1.1;
const ROUNDS = 5;

/** The slope between the two largest sizes on logarithmic axes: what is fixed weighs least there. */
const slope = (costs: readonly Cost[], sizes: readonly number[], of: (cost: Cost) => number): number => {
  const [last, before] = [costs.length - 1, costs.length - 2];
  const ratio = of(costs[last] as Cost) / of(costs[before] as Cost);
  return Math.log(ratio) / Math.log((sizes[last] ?? 1) / (sizes[before] ?? 1));
};

const timeOf = ({ time }: Cost): number => time;

describe("compiling", () => {
  it.each(FAMILIES)(
    "$name grows no faster than the program",
    async ({ sizes, source }) => {
      await compile(source(sizes[1] ?? 1)); // the compiler itself is compiled on first use
      let costs = await measured(sizes.map(source), []);
      for (let round = 1; round < ROUNDS && (round < 2 || slope(costs, sizes, timeOf) > STEEPEST); round++)
        costs = await measured(sizes.map(source), costs);
      for (const measure of ["nodes", "typescript", "wasm", "time"] as const) {
        expect
          .soft(
            slope(costs, sizes, (cost) => cost[measure]),
            measure,
          )
          .toBeLessThanOrEqual(STEEPEST);
      }
    },
    240_000,
  );
});
