import { describe, expect, it } from "vitest";
import { emitTypeScript } from "../../codegen/typescript/index.ts";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { emitLoader } from "../../codegen/wasm/loader.ts";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import { evaluate } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, request, toKernel } from "../../src/pipeline.ts";
import { diagnosticsOf } from "./typescript/compile.ts";

const SOURCE = `
fn diagonal(x: [N]) { return sum(exp(x)) }
fn blocks(x: [N, C]) { return sum[n](logsumexp[c](x[n, c])) }
fn scalar(s: []) { return exp(s) }
fn nothing(x: [N]) { return sum(x) }
fn chain(x: [N]) { return sum[i < N - 1]((x[i + 1] - x[i]^2)^2) }
fn bilinear(a: [N, K], b: [K, M]) { return sum[n, m]((sum[k](a[n, k] * b[k, m]))^2) }
derive diagonal { hessian(x) }
derive blocks { hessian(x) }
derive scalar { hessian(s) }
derive nothing { hessian(x) }
derive chain { hessian(x) }
derive bilinear { hessian() }
`;

const derived = (name: string): { ir: Arena; program: Program } => {
  const module = compileModule({ name: "matrix.grad", text: SOURCE });
  const ir = createArena();
  const program = module.ok ? module.value.functions.get(name)?.program(ir) : undefined;
  const asked = module.ok ? module.value.derives.find((each) => each.name === name)?.requests[0] : undefined;
  if (program?.ok !== true || asked === undefined) throw new Error(`no ${name}`);
  return { ir, program: request(ir, program.value, asked) };
};

const data = (size: number): Float64Array => Float64Array.from({ length: size }, (_, k) => Math.sin(k + 1));

const CASES: readonly (readonly [name: string, inputs: Record<string, readonly number[]>])[] = [
  ["diagonal", { x: [5] }],
  ["blocks", { x: [2, 3] }],
  ["chain", { x: [5] }],
  ["scalar", { s: [] }],
  ["nothing", { x: [5] }],
  ["bilinear", { a: [2, 3], b: [3, 2] }],
];

describe("kernels of Hessians", () => {
  it.each(CASES)("%s agrees with the interpreter on both back ends", async (name, shapes) => {
    const { ir, program } = derived(name);
    const kernel = toKernel(ir, program, { dtype: "f64" });
    const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    const tensors = new Map(
      Object.entries(shapes).map(([key, shape]) => [key, { shape, data: data(size(shape)) }]),
    );
    const dims = Object.fromEntries(
      program.dims.map(({ name: dim }) => [dim, { N: 2, C: 3, K: 3, M: 2 }[dim] ?? 1]),
    );
    if (name !== "blocks" && name !== "bilinear") dims["N"] = 5;
    const expected = evaluate(program, { tensors });
    const args = Object.fromEntries(
      [...tensors].map(([key, { shape, data: values }]) => [
        key,
        shape.length === 0 ? (values[0] ?? 0) : values,
      ]),
    );
    for (const instantiate of [instantiateTypeScript, instantiateWasm]) {
      const results = (await instantiate([kernel])).get(kernel.name)?.({ ...args, ...dims });
      expect(Object.keys(results ?? {}).sort()).toEqual([...expected.keys()].sort());
      for (const [output, { data: values }] of expected) {
        const got = results?.[output];
        const list = typeof got === "number" ? [got] : [...(got ?? [])];
        expect(list.length).toBe(values.length);
        list.forEach((value, k) => {
          expect(value).toBeCloseTo(values[k] ?? NaN, 12);
        });
      }
    }
  });

  it("say their structure in the types of both modules, which have no errors", () => {
    const kernels = CASES.map(([name]) => {
      const { ir, program } = derived(name);
      return toKernel(ir, program, { dtype: "f32" });
    });
    const modules = [
      emitTypeScript(kernels, "../src/runtime/index.ts"),
      emitLoader(kernels, { kind: "file", name: "kernels.wasm" }, "../src/runtime/index.ts"),
    ];
    for (const text of modules) {
      expect(text).toContain('readonly kind: "diagonal"; readonly rows: readonly number[];');
      expect(text).toContain('readonly kind: "diagonalPlusLowRank"');
      expect(text).toContain("readonly left: readonly Float32Array[]");
      expect(text).toContain('h_x_x: { kind: "zero", rows: [N], columns: [N] }');
      expect(text).toContain('h_s_s: { kind: "dense", rows: [], columns: []');
      expect(text).toContain('kind: "banded", rows: [N], columns: [N], bands: ');
      expect(diagnosticsOf(text)).toEqual([]);
    }
  });
});
