import { describe, expect, it } from "vitest";
import { emitTypeScript } from "../../codegen/typescript/index.ts";
import { emitWasm } from "../../codegen/wasm/emit.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule, defaultRequests, request, toKernel } from "../../src/pipeline.ts";
import { grown, measured, slope } from "../growth.ts";

/** What compiling a program makes. */
interface Output {
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
  {
    name: "straight-line code of n weights, all of which its outputs share",
    sizes: [25, 100, 400],
    source: (n) => {
      const w = Math.sqrt(n);
      return `fn f(x: [${w}], w: [${w}, ${w}]) {\n  h[i] = tanh(sum[j](w[i, j] * x[j]))\n  return sum(h^2)\n}`;
    },
  },
];

const compile = async (source: string): Promise<Output> => {
  const module = compileModule({ name: "growth.grad", text: source });
  const fn = module.ok ? module.value.functions.get("f") : undefined;
  const ir = createArena();
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error("the program does not check");
  const gradient = defaultRequests(program.value).at(-1) ?? { kind: "value", wrt: [] };
  const kernel = toKernel(ir, request(ir, program.value, gradient), { dtype: "f32", budget: 100_000 });
  const typescript = emitTypeScript([kernel], "gradsmith/runtime").length;
  const wasm = (await emitWasm([kernel])).length;
  return { nodes: ir.size(), typescript, wasm };
};

const STEEPEST = 1.1;

describe("compiling", () => {
  it.each(FAMILIES)(
    "$name grows no faster than the program",
    async ({ sizes, source }) => {
      await compile(source(sizes[1] ?? 1)); // the compiler itself is compiled on first use
      const costs = await grown(sizes, STEEPEST, (n) => measured(() => compile(source(n))));
      for (const measure of ["nodes", "typescript", "wasm"] as const) {
        const outputs = costs.map(({ result }) => result[measure]);
        expect.soft(slope(sizes, outputs), measure).toBeLessThanOrEqual(STEEPEST);
      }
      const times = costs.map(({ time }) => time);
      expect.soft(slope(sizes, times), "time").toBeLessThanOrEqual(STEEPEST);
    },
    240_000,
  );
});
