import { describe, expect, it } from "vitest";
import { evaluate, extentOf, type Inputs } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, gradient, jvp, request, toKernel, vjp } from "../../src/pipeline.ts";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { matricesOf } from "../../src/gradcheck/matrix.ts";
import { times } from "../../src/runtime/index.ts";
import { operationCount } from "../../src/simplify/index.ts";
import { readLibrary } from "../../src/cli/library.ts";

const programOf = (text: string, name = "f"): { ir: Arena; program: Program } => {
  const module = compileModule({ name: "orders.grad", text }, readLibrary().context);
  const ir = createArena();
  const program = module.ok ? module.value.functions.get(name)?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error(`rejected:\n${text}`);
  return { ir, program: program.value };
};

const vector = (...data: readonly number[]): { shape: readonly number[]; data: readonly number[] } => ({
  shape: [data.length],
  data,
});

const outputOf = (
  program: Program,
  tensors: Readonly<Record<string, ReturnType<typeof vector>>>,
): number[] => {
  const inputs: Inputs = { tensors: new Map(Object.entries(tensors)) };
  const [output] = program.outputs;
  return [...(evaluate(program, inputs).get(output?.name ?? "")?.data ?? [])];
};

const close = (got: readonly number[], expected: readonly number[]): void => {
  expect(got.length).toBe(expected.length);
  got.forEach((value, k) => {
    expect(Math.abs(value - (expected[k] ?? NaN))).toBeLessThan(1e-13 * Math.max(1, Math.abs(value)));
  });
};

describe("derivatives of derivatives", () => {
  const x = vector(0.5, -1, 2);
  const u = vector(1, 2, -1);
  const s = x.data.reduce((a, b) => a + b, 0);

  it("forward over reverse, reverse over reverse and the Hessian's own product are one", () => {
    // f = exp(Σx)·Σx²: H u = e ((Σx² u₊) 1 + 2 x u₊ + 2 (x·u) 1 + 2 u) with u₊ = Σu
    const { ir, program } = programOf("fn f(x: [N]) { return exp(sum(x)) * sum(x^2) }");
    const squares = x.data.reduce((a, b) => a + b * b, 0);
    const total = u.data.reduce((a, b) => a + b, 0);
    const inner = x.data.reduce((a, b, k) => a + b * (u.data[k] ?? 0), 0);
    const expected = x.data.map(
      (xk, k) => Math.exp(s) * (squares * total + 2 * xk * total + 2 * inner + 2 * (u.data[k] ?? 0)),
    );
    const first = gradient(ir, program, ["x"]);
    close(outputOf(request(ir, program, { kind: "hvp", wrt: ["x"] }), { x, t_x: u }), expected);
    close(outputOf(jvp(ir, first, ["x"]), { x, t_x: u }), expected);
    close(outputOf(vjp(ir, first, ["x"]), { x, d_d_x: u }), expected);
  });

  it("go to third order by the same calls", () => {
    // f = Σ sin x: the third derivative along u, u is -cos x · u²
    const { ir, program } = programOf("fn f(x: [N]) { return sum(sin(x)) }");
    const third = jvp(ir, request(ir, program, { kind: "hvp", wrt: ["x"] }), ["x"]);
    const direction = third.inputs.at(-1)?.name ?? "";
    const expected = x.data.map((xk, k) => -Math.cos(xk) * (u.data[k] ?? 0) ** 2);
    close(outputOf(third, { x, t_x: u, [direction]: u }), expected);
    const hessian = request(ir, program, {
      kind: "hessian",
      wrt: [],
      matrices: [{ rows: "x", columns: "x" }],
    });
    close(
      outputOf(jvp(ir, hessian, ["x"]), { x, t_x: u }),
      x.data.map((xk, k) => -Math.cos(xk) * (u.data[k] ?? 0)),
    );
  });
});

const PREDICTED: readonly (readonly [loss: string, by: string])[] = [
  ["mse", "pred"], ["bce", "prob"], ["bce_with_logits", "logits"], ["huber", "pred"], ["log_cosh", "pred"],
  ["poisson_nll", "pred"], ["gaussian_nll", "mu"], ["gaussian_nll", "var"],
]; // prettier-ignore

describe("the Hessian of a mean of elementwise losses", () => {
  const { fileOf } = readLibrary();

  it.each(PREDICTED)("%s by %s costs no more than value and gradient, and is a vector", (loss, by) => {
    const text = `import { ${loss} } from "${fileOf.get(loss) ?? ""}"
      fn f(${by}: [N], a: [N], b: [N]) { return ${callOf(loss, by)} }`;
    const { ir, program } = programOf(text);
    const value = request(ir, program, { kind: "grad", wrt: [by] });
    const hessian = request(ir, program, { kind: "hessian", wrt: [], matrices: [{ rows: by, columns: by }] });
    expect(hessian.matrices?.map(({ structure }) => structure.kind)).toEqual(["diagonal"]);
    const count = (each: Program): number =>
      extentOf(operationCount(ir, each).operations, new Map([["N", 1_000_000]])) ?? NaN;
    expect(count(hessian)).toBeLessThanOrEqual(count(value));
    const kernel = toKernel(ir, hessian, { dtype: "f32" });
    const ranks = kernel.buffers.filter(({ role }) => role !== "input").map(({ shape }) => shape.length);
    expect(Math.max(...ranks)).toBe(1);
  });
});

const callOf = (loss: string, by: string): string => {
  if (loss !== "gaussian_nll") return `${loss}(${by}, a)`;
  return by === "mu" ? "gaussian_nll(mu, a, b)" : "gaussian_nll(a, b, var)";
};

describe("the Hessian of Rosenbrock's function", () => {
  it("takes time and memory in proportion to n, also for n = 100,000", async () => {
    const { ir, program } = programOf(
      "fn f(x: [N]) { return sum[i < N - 1](100 * (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2) }",
    );
    const hessian = request(ir, program, {
      kind: "hessian",
      wrt: [],
      matrices: [{ rows: "x", columns: "x" }],
    });
    const { operations } = operationCount(ir, hessian);
    const at = (n: number): number => extentOf(operations, new Map([["N", n]])) ?? NaN;
    expect(Math.log10(at(100_000) / at(10_000))).toBeCloseTo(1, 3);
    const kernel = toKernel(ir, hessian, { dtype: "f64" });
    const buffers = kernel.buffers.filter(({ role }) => role !== "input");
    // the diagonal and that to its right, of which the left one is the mirror image
    expect(buffers.map(({ shape }) => shape.length)).toEqual([1, 1]);
    const run = (await instantiateTypeScript([kernel])).get(kernel.name);
    const x = Float64Array.from({ length: 100_000 }, (_, k) => Math.sin(k));
    const results = run?.({ x, N: x.length }) ?? {};
    const bands = matricesOf(
      hessian,
      { tensors: new Map([["x", { shape: [x.length], data: x }]]) },
      new Map(
        Object.entries(results).map(([name, value]) => [name, typeof value === "number" ? [value] : value]),
      ),
    );
    // H·1 at an inner element: 1200 x² - 400 x₊ + 202 - 400 x - 400 x₋
    const matrix = bands.get("h_x_x");
    if (matrix === undefined) throw new Error("no matrix");
    const product = times(
      matrix,
      x.map(() => 1),
    );
    const [before = NaN, here = NaN, after = NaN] = x.slice(49_999, 50_002);
    expect(product[50_000]).toBeCloseTo(1200 * here ** 2 - 400 * after + 202 - 400 * here - 400 * before, 9);
  });
});
