/** Symmetric Hessians: one half is computed, the other one is a copy. */
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { readLibrary } from "../../src/cli/library.ts";
import { evaluate, extentOf, type Inputs } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { countOperations, countsAt } from "../../src/loop/counts.ts";
import { compileModule, request, toKernel } from "../../src/pipeline.ts";
import { operationCount } from "../../src/simplify/index.ts";

const hessianOf = (text: string, by: string): { ir: Arena; program: Program } => {
  const module = compileModule({ name: "symmetry.grad", text }, readLibrary().context);
  const ir = createArena();
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error(`rejected:\n${text}`);
  const matrices = [{ rows: by, columns: by }];
  return { ir, program: request(ir, program.value, { kind: "hessian", wrt: [], matrices }) };
};

/** The same matrix, without it being known that it is symmetric. */
const unaware = (program: Program): Program => ({
  ...program,
  matrices: (program.matrices ?? []).map((matrix) =>
    "isSymmetric" in matrix.structure
      ? { ...matrix, structure: { ...matrix.structure, isSymmetric: false } }
      : matrix,
  ),
});

type Dims = Readonly<Record<string, number>>;

const inputsOf = (program: Program, dims: Dims): Inputs => {
  const sizes = new Map(Object.entries(dims));
  return {
    dims: sizes,
    tensors: new Map(
      program.inputs.map(({ name, shape }) => {
        const extents = shape.map((extent) => extentOf(extent, sizes) ?? NaN);
        const size = extents.reduce((product, extent) => product * extent, 1);
        const data = Array.from({ length: size }, (_, k) => Math.fround(Math.sin(1.7 * k + name.length)));
        return [name, { shape: extents, data }];
      }),
    ),
  };
};

/** Multiplications and calls of functions: not what is done for places. */
const work = (ir: Arena, program: Program, dims: Dims): number => {
  const counts = countsAt(countOperations(toKernel(ir, program, { dtype: "f64", budget: 0 })), dims);
  return counts.mul + counts.transcendental + counts.div;
};

interface Row {
  readonly text: string;
  readonly by: string;
  readonly dims: Dims;
  /** Of the operations without symmetry, at most. */
  readonly share: number;
}

const LOGISTIC = "fn f(w: [D], X: [N, D]) { z[n] = sum[d](X[n, d] * w[d]) return sum[n](softplus(z[n])) }";
const BY_COLUMNS = "fn f(w: [D], X: [D, N]) { z[n] = sum[d](X[d, n] * w[d]) return sum[n](exp(z[n])) }";
const CLASSES =
  "fn f(w: [D, K], X: [N, D]) { z[n, k] = sum[d](X[n, d] * w[d, k]) return sum[n](logsumexp[k](z[n, k])) }";

const ROWS: readonly Row[] = [
  // of the product XᵀX, blocks below the diagonal are left out; vectors along the result and along the sum
  { text: LOGISTIC, by: "w", dims: { D: 40, N: 100 }, share: 0.62 },
  { text: LOGISTIC, by: "w", dims: { D: 7, N: 11 }, share: 0.75 },
  { text: BY_COLUMNS, by: "w", dims: { D: 41, N: 100 }, share: 0.62 },
  // two pairs of dimensions: one of them is halved
  { text: CLASSES, by: "w", dims: { D: 19, K: 5, N: 8 }, share: 0.7 },
  // a block for each b
  { text: "fn f(x: [B, C]) { return sum[b](prod[c](x[b, c])) }", by: "x", dims: { B: 3, C: 12 }, share: 0.6 },
  { text: "fn f(x: [N]) { return exp(prod[n](1 + x[n])) }", by: "x", dims: { N: 16 }, share: 0.6 },
];

/** An element of a step is made of elements on both sides of the diagonal. */
const STEPS =
  "fn f(x: [T, D]) { z[t, d] = (z[t - 1, d] ?? 0) + x[t, d]\n y[t] = 1 / sum[d](z[t, d])\n return y }";

describe("symmetric matrices", () => {
  it.each(ROWS)("of $text at $dims compute one half", ({ text, by, dims, share }) => {
    const { ir, program } = hessianOf(text, by);
    const [half, whole] = [work(ir, program, dims), work(ir, unaware(program), dims)];
    expect(half).toBeLessThan(share * whole);
    expect(operationCount(ir, program).nominal).toBeLessThan(operationCount(ir, unaware(program)).nominal);
  });

  it.each(BACKENDS)("are whole on $name", async (backend) => {
    const all = [...ROWS, { text: STEPS, by: "x", dims: { T: 5, D: 3 } }];
    const cases = all.map(({ text, by, dims }, k) => ({ ...hessianOf(text, by), dims, name: `f${k}` }));
    const kernels = cases.map(({ ir, program, name }) =>
      toKernel(ir, program, { dtype: backend.dtype, name }),
    );
    const runs = await instantiateAll(backend, kernels);
    for (const { program, dims, name } of cases) {
      const run = runs.get(name);
      const inputs = inputsOf(program, dims);
      const [output] = program.outputs;
      const expected = evaluate(program, inputs).get(output?.name ?? "")?.data ?? [];
      const got = run?.ok === true ? (run.run(inputs).get(output?.name ?? "") ?? []) : [];
      const scale = Math.max(...[...expected].map(Math.abs));
      const worst = [...expected].reduce((most, value, k) => Math.max(most, Math.abs(value - (got[k] ?? NaN))), 0); // prettier-ignore
      expect(worst / scale).toBeLessThan(backend.dtype === "f32" ? 3e-6 : 1e-14);
    }
  });

  it("are unrolled with equal elements as one", () => {
    const { ir, program } = hessianOf("fn f(x: [4]) { return sum[i, j](exp(sin(x[i]) * x[j])) }", "x");
    const count = (each: Program): number =>
      Number(toKernel(ir, each, { dtype: "f64", budget: 4000 }).about.operations);
    expect(count(program)).toBeLessThan(0.85 * count(unaware(program)));
  });
});
