import { describe, expect, it } from "vitest";
import { emitTypeScript } from "../../codegen/typescript/index.ts";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { emitLoader } from "../../codegen/wasm/loader.ts";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import { evaluate } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, request, toKernel } from "../../src/pipeline.ts";
import { formatShape } from "../../src/loop/format.ts";
import { matricesOf } from "../../src/gradcheck/matrix.ts";
import { csr, times } from "../../src/runtime/index.ts";
import { operationCount } from "../../src/simplify/index.ts";
import { diagnosticsOf } from "./typescript/compile.ts";

const SOURCE = `
fn diagonal(x: [N]) { return sum(exp(x)) }
fn blocks(x: [N, C]) { return sum[n](logsumexp[c](x[n, c])) }
fn scalar(s: []) { return exp(s) }
fn nothing(x: [N]) { return sum(x) }
fn bilinear(a: [N, K], b: [K, M]) { return sum[n, m]((sum[k](a[n, k] * b[k, m]))^2) }
fn chain(x: [N]) {
  y[i < N - 1] = 100 * (x[i + 1] - x[i]^2)^2
  return sum(y)
}
fn gathered(x: [N, C], k: int[M]) {
  y[m < M] = sum[c](x[k[m], c]^2)
  return y
}
fn edges(x: [N, C], a: int[M], b: int[M]; s = 1) {
  return sum[m, c](exp(x[a[m], c] * x[b[m], c])) + sum[n, c](x[n, c] * (x[n + s, c] ?? 0) * x[N - 1 - n, c])
}
derive edges { hessian(x) }
fn logistic(x: [N], t: [N]) { return mean(softplus(x) - t * x) }
derive logistic { hessian(x), grad(x) }
derive chain { hessian(x), hvp(x) }
derive gathered { jacobian(x) }
derive diagonal { hessian(x) }
derive blocks { hessian(x) }
derive scalar { hessian(s) }
derive nothing { hessian(x) }
derive bilinear { hessian() }
`;

const derived = (name: string, kind?: string): { ir: Arena; program: Program } => {
  const module = compileModule({ name: "matrix.grad", text: SOURCE });
  const ir = createArena();
  const program = module.ok ? module.value.functions.get(name)?.program(ir) : undefined;
  const derive = module.ok ? module.value.derives.find((each) => each.name === name) : undefined;
  const asked = derive?.requests.find((each) => kind === undefined || each.kind === kind);
  if (program?.ok !== true || asked === undefined) throw new Error(`no ${name}`);
  return { ir, program: request(ir, program.value, asked) };
};

const data = (size: number): Float64Array => Float64Array.from({ length: size }, (_, k) => Math.sin(k + 1));

const CASES: readonly (readonly [name: string, inputs: Record<string, readonly number[]>])[] = [
  ["diagonal", { x: [5] }],
  ["blocks", { x: [2, 3] }],
  ["scalar", { s: [] }],
  ["nothing", { x: [5] }],
  ["bilinear", { a: [2, 3], b: [3, 2] }],
  ["chain", { x: [5] }],
  ["gathered", { x: [2, 3], k: [5] }],
  ["edges", { x: [2, 3], a: [4], b: [4] }],
];

describe("kernels of Hessians", () => {
  it.each(CASES)("%s agrees with the interpreter on both back ends", async (name, shapes) => {
    const { ir, program } = derived(name);
    const kernel = toKernel(ir, program, { dtype: "f64" });
    const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    const isInt = (key: string): boolean =>
      program.inputs.some(({ name: input, dtype }) => input === key && dtype === "int");
    const tensors = new Map(
      Object.entries(shapes).map(([key, shape]) => {
        const values = data(size(shape));
        return [key, { shape, data: isInt(key) ? values.map((value) => (value > 0 ? 1 : 0)) : values }];
      }),
    );
    const dims = Object.fromEntries(
      program.dims.map(({ name: dim }) => [
        dim,
        { N: 2, C: 3, K: 3, M: { gathered: 5, edges: 4 }[name] ?? 2 }[dim] ?? 1,
      ]),
    );
    if (!["blocks", "bilinear", "gathered", "edges"].includes(name)) dims["N"] = 5;
    const expected = evaluate(program, { tensors });
    const args = Object.fromEntries(
      [...tensors].map(([key, { shape, data: values }]) => [
        key,
        shape.length === 0 ? (values[0] ?? 0) : isInt(key) ? Int32Array.from(values) : values,
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

  it("of a chain cost as much as it is long: operations, memory and results", async () => {
    const { ir, program } = derived("chain");
    const product = derived("chain", "hvp");
    expect(operationCount(ir, program).text).toMatch(/^\d+·N(?: [+-] \d+)?$/u);
    const kernel = toKernel(ir, program, { dtype: "f64" });
    expect(kernel.buffers.map(({ shape }) => formatShape(shape))).toEqual(kernel.buffers.map(() => "[N]"));
    const n = 100_000;
    const [x, direction] = [data(n), data(n).map((value, k) => value * (1 + (k % 3)))];
    for (const instantiate of [instantiateTypeScript, instantiateWasm]) {
      const results = (await instantiate([kernel])).get(kernel.name)?.({ x, N: n }) ?? {};
      const outputs = new Map(Object.entries(results).map(([name, value]) => [name, value as Float64Array]));
      const hessian = matricesOf(
        program,
        { tensors: new Map([["x", { shape: [n], data: x }]]) },
        outputs,
      ).get("h_x_x");
      if (hessian === undefined) throw new Error("there is no h_x_x");
      expect(csr(hessian).indices.length).toBe(3 * n - 2);
      const second = toKernel(product.ir, product.program, { dtype: "f64" });
      const expected = (await instantiate([second])).get(second.name)?.({ x, t_x: direction, N: n })["hv_x"];
      const errors = times(hessian, direction).map((value, k) =>
        Math.abs(value - ((expected as Float64Array)[k] ?? NaN)),
      );
      expect(errors.reduce((most, error) => Math.max(most, error), 0)).toBeLessThan(1e-9);
    }
  });

  it("of a mean over a million elements are a diagonal at the cost of about one gradient", async () => {
    const { ir, program } = derived("logistic");
    const gradient = derived("logistic", "grad");
    const slope = (each: typeof gradient): number =>
      operationCount(each.ir, each.program).operations.terms[0]?.coefficient ?? NaN;
    expect(slope({ ir, program })).toBeLessThanOrEqual(slope(gradient));
    const kernel = toKernel(ir, program, { dtype: "f64" });
    expect(kernel.buffers.map(({ shape }) => formatShape(shape))).toEqual(["[N]", "[N]", "[N]"]);
    const n = 1_000_000;
    const x = data(n);
    const results = (await instantiateTypeScript([kernel])).get(kernel.name)?.({ x, t: x, N: n }) ?? {};
    const [values = []] = Object.values(results);
    expect(Array.from(values as Float64Array).length).toBe(n);
    for (const k of [0, 1, 500_000, n - 1]) {
      const p = 1 / (1 + Math.exp(-(x[k] ?? NaN)));
      expect(((values as Float64Array)[k] ?? NaN) * n).toBeCloseTo(p * (1 - p), 12);
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
      expect(text).toContain('readonly kind: "sparse"');
      expect(text).toContain(
        'isSymmetric: true, at: [{ over: [N], rows: [{ kind: "affine", offset: 0, steps: [1] }], columns: [{ kind: "affine"',
      );
      expect(text).toContain(
        'columns: [{ kind: "data", indices: k, shape: [M], at: [{ offset: 0, steps: [1] }] }, { kind: "free" }], isMirrored: false }]',
      );
      expect(text).toContain('h_x_x: { kind: "zero", rows: [N], columns: [N] }');
      expect(text).toContain('h_s_s: { kind: "dense", rows: [], columns: []');
      expect(diagnosticsOf(text)).toEqual([]);
    }
  });
});
