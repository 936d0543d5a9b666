import { describe, expect, it } from "vitest";
import { evaluate, type Inputs } from "../../src/eval/index.ts";
import { readable, structureText } from "../../src/explain/index.ts";
import { matricesOf } from "../../src/gradcheck/matrix.ts";
import { randomFrom, sampleInputs } from "../../src/gradcheck/sample.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, dense as densely, gradient, request, vjp, type Request } from "../../src/pipeline.ts";
import { dense } from "../../src/runtime/index.ts";

const compiled = (text: string): { ir: Arena; program: Program; asked: Request } => {
  const module = compileModule({ name: "structure.grad", text });
  if (!module.ok) throw new Error(module.diagnostics.map(({ message }) => message).join("\n"));
  const ir = createArena();
  const [derive] = module.value.derives;
  const program = module.value.functions.get(derive?.name ?? "")?.program(ir);
  const asked = derive?.requests[0];
  if (program?.ok !== true || asked === undefined) throw new Error("nothing is asked for");
  return { ir, program: program.value, asked };
};

const data = (program: Program, inputs: Inputs, output: string): Float64Array => {
  const array = evaluate(program, inputs).get(output);
  if (array === undefined) throw new Error(`no output ${output}`);
  return array.data;
};

const moved = (inputs: Inputs, name: string, element: number, by: number): Inputs => {
  const array = inputs.tensors.get(name);
  const values = Float64Array.from(array?.data ?? []);
  values[element] = (values[element] ?? 0) + by;
  return {
    ...inputs,
    tensors: new Map([...inputs.tensors, [name, { shape: array?.shape ?? [], data: values }]]),
  };
};

/** ∂ output / ∂ input by central differences, of shape [output…, input…]. */
const numerical = (program: Program, inputs: Inputs, output: string, input: string): Float64Array => {
  const width = inputs.tensors.get(input)?.data.length ?? 0;
  const height = data(program, inputs, output).length;
  const result = new Float64Array(height * width);
  const step = 2 ** -13;
  for (let column = 0; column < width; column++) {
    const up = data(program, moved(inputs, input, column, step), output);
    const down = data(program, moved(inputs, input, column, -step), output);
    up.forEach((value, row) => (result[row * width + column] = (value - (down[row] ?? NaN)) / (2 * step)));
  }
  return result;
};

interface Row {
  readonly text: string;
  readonly structure: readonly string[];
}

const H = (body: string, asked: string, ...structure: readonly string[]): Row => ({
  text: `fn f${body} derive f { ${asked} }`,
  structure,
});

const ROWS: readonly Row[] = [
  H("(x: [N]) { return mean(exp(x)) }", "hessian(x)", "diagonal"),
  H("(x: [N], y: [N]) { return sum((x - y)^2) }", "hessian()", "constant, diagonal", "constant, diagonal", "constant, diagonal"),
  H("(x: [N], y: [N]) { return sum(x * y) }", "hessian()", "zero", "constant, diagonal", "zero"),
  H("(x: [N]) { return sum(x)^2 }", "hessian(x)", "constant, rank one"),
  H("(x: [N]) { return sum(x)^3 }", "hessian(x)", "rank one"),
  H("(x: [N]) { return sqrt(sum(x^2)) }", "hessian(x)", "diagonal plus rank one"),
  H("(x: [N]) { return variance(x) }\n fn variance(x: [N]) { return mean((x - mean(x))^2) }", "hessian(x)",
    "constant, diagonal plus rank one"),
  H("(x: [N, C]) { return mean[n](logsumexp[c](x[n, c])) }", "hessian(x)",
    "block-diagonal (one block per n), in each diagonal plus rank one"),
  H("(x: [N, C], k: int[N]) { return sum[n](logsumexp[c](x[n, c]) - x[n, k[n]]) }", "hessian(x)",
    "block-diagonal (one block per n), in each diagonal plus rank one"),
  H("(x: [N, C], w: [C, D]) { return sum[n, d]((sum[c](x[n, c] * w[c, d]))^2) }", "hessian(x)",
    "constant, symmetric, block-diagonal (one block per n)"),
  H("(a: [N, K], b: [K, M], g: [N, M]) { return sum[n, m](g[n, m] * sum[k](a[n, k] * b[k, m])) }", "hessian(a, b)",
    "constant, block-diagonal (one block per k)"),
  H("(x: [N], y: [N]) { return sum(x * exp(y)) }", "hessian(y, x)", "diagonal"),
  H("(x: [N]) { return sum[n](x[n] * (x[n + 1] ?? 0)^2) }", "hessian(x)", "symmetric, sparse (in each row [n], [n + 1])"),
  H("(x: [N]) { y[i < N - 1] = 100 * (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2 return sum(y) }", "hessian(x)",
    "symmetric, sparse (in each row [i], [i + 1])"),
  // differences of differences: offsets add
  H("(x: [N]) { d[i < N - 1] = x[i + 1] - x[i] s[i < N - 2] = d[i + 1] - d[i] return sum(s^4) }", "hessian(x)",
    "symmetric, sparse (in each row [i], [i + 1], [i + 2])"),
  H("(u: [H, W]) { e[i < H, j < W] = (u[i, j] - (u[i - 1, j] ?? 0))^4 + (u[i, j] - (u[i, j - 1] ?? 0))^4 return sum(e) }", "hessian(u)",
    "symmetric, sparse (in each row [i, j], [i, j + 1], [i + 1, j])"),
  // nine points and nine points of each: 25 entries in a row, of which 13 are stored
  H("(u: [H, W]) { s[i < H, j < W] = (u[i - 1, j - 1] ?? 0) + (u[i - 1, j] ?? 0) + (u[i - 1, j + 1] ?? 0) + (u[i, j - 1] ?? 0) - 8 * u[i, j] + (u[i, j + 1] ?? 0) + (u[i + 1, j - 1] ?? 0) + (u[i + 1, j] ?? 0) + (u[i + 1, j + 1] ?? 0) return sum(s^3) }",
    "hessian(u)", "symmetric, sparse (in each row [i, j], [i, j + 1], [i, j + 2], [i + 1, j - 2], [i + 1, j - 1], [i + 1, j], [i + 1, j + 1], [i + 1, j + 2], [i + 2, j - 2], [i + 2, j - 1], [i + 2, j], [i + 2, j + 1], [i + 2, j + 2])"),
  // a step along one dimension couples all of the other: blocks
  H("(x: [T, C]) { y[t < T - 1] = sum[c](x[t, c] * x[t + 1, c]) return sum(y^3) }", "hessian(x)",
    "symmetric, sparse (in each row [t, d], [t + 1, d])"),
  H("(x: [N], y: [N]) { return sum[n](x[n] * (y[n + 1] ?? 1)^2 + exp(x[n] * y[n])) }", "hessian(x, y)",
    "sparse (in each row [n + 1], [n])"),
  H("(x: [N]) { y[i < N - 1] = sin(x[i + 1]) * x[i] return y }", "jacobian(x)", "sparse (in each row [i + 1], [i])"),
  H("(x: [N], w: [3]) { y[i < N - 2] = sum[k](w[k] * x[i + k]) return y }", "jacobian(x)", "constant, sparse (for each i, k [i, i + k])"),
  H("(x: [N], w: [K]) { s[i < N] = sum[k](w[k] * sin(x[i + 2 * k - 1] ?? 0)) return tanh(s) }", "jacobian(x)",
    "sparse (for each i, k [i, i + 2·k - 1])"),
  H("(x: [B, C, N], w: [2, C, K]) { y[b, o, i < (N - K) // 2 + 1] = sum[c, k](w[o, c, k] * x[b, c, 2 * i + k]) return y }", "jacobian(x)",
    "constant, sparse (for each b, o, i, k [b, o, i, b, c, 2·i + k])"),
  H("(x: [N], w: [N]) { y[i < N] = sum[k](w[k] * (x[i - k] ?? 0)) return y }", "jacobian(x)", "constant, dense (zero unless 0 ≤ i - j < N)"),
  H("(x: [N]) { y[i < N // 2] = x[2 * i + 1] * x[2 * i]^2 return y }", "jacobian(x)",
    "sparse (in each row [2·i + 1], [2·i])"),
  H("(x: [N]) { y[i < N] = x[N - 1 - i]^2 return y }", "jacobian(x)", "sparse (in each row [N - 1 - i])"),
  H("(x: [20]) { y[i < 20] = x[i] * x[0]^2 return y }", "jacobian(x)", "sparse (in each row [0], [i])"),
  H("(a: [C, 3], b: [P, 3], c: int[K], p: int[K]) { r[k < K] = sum[d](a[c[k], d] * b[p[k], d]^2) return r }", "jacobian()",
    "constant, sparse (in each row [c[k], j])", "sparse (in each row [p[k], j])"),
  H("(x: [N], head: int[E], tail: int[E]) { d[e < E] = (x[head[e]] - x[tail[e]])^3 return d }", "jacobian(x)",
    "sparse (in each row [head[e]], [tail[e]])"),
  H("(x: [V], at: int[N, M]) { y[m, n] = exp(x[at[n, m]]) return y }", "jacobian(x)", "sparse (in each row [at[n, m]])"),
  // four entries of nine are no less than what a row of each costs
  H("(x: [3]) { y[i < 2] = x[i + 1] * x[i]^2 return sum(y) }", "hessian(x)", "symmetric, dense"),
  H("(x: [20]) { y[i < 19] = x[i + 1] * x[i]^2 return sum(y) }", "hessian(x)", "symmetric, sparse (in each row [i], [i + 1])"),
  H("(x: [N]) { y[n < N - 2] = x[n] * x[n + 2] return y }", "jacobian(x)", "sparse (in each row [n], [n + 2])"),
  H("(p: [P, 3], c: [C, 3], i: int[N], j: int[N]) { return sum[n](sqrt(1 + sum[k]((p[i[n], k] - c[j[n], k])^2))) }",
    "hessian(p)", "symmetric, block-diagonal (one block per i)"),
  H("(x: [V], k: int[N]) { return sum[n](exp(x[k[n]])) }", "hessian(x)", "diagonal"),
  // rows and columns both where an edge says
  H("(x: [V], a: int[E], b: int[E]) { return sum[e](exp(x[a[e]] * x[b[e]])) }", "hessian(x)",
    "symmetric, sparse (in each row [i]; for each e [a[e], b[e]])"),
  // the Laplacian of a graph
  H("(x: [V], a: int[E], b: int[E], w: [E]) { return sum[e](w[e] * (x[a[e]] - x[b[e]])^2) }", "hessian(x)",
    "constant, symmetric, sparse (in each row [i]; for each e [a[e], b[e]])"),
  H("(c: [C, 3], p: [P, 3], a: int[K], b: int[K]) { r[k < K] = sum[d](c[a[k], d] * p[b[k], d]^2) return sum(r^2) }", "hessian()",
    "constant, symmetric, block-diagonal (one block per i)",
    "sparse (for each k [a[k], d, b[k], i])",
    "symmetric, block-diagonal (one block per i)"),
  // components by their numbers are a block where they fill it
  H("(c: [C, 3], p: [P, 2], a: int[K], b: int[K]) { r[k < K] = c[a[k], 0] * p[b[k], 0] + c[a[k], 1] * p[b[k], 1]^2 + sin(c[a[k], 2]) return sum(r^2) }", "hessian()",
    "symmetric, block-diagonal (one block per i)", "sparse (for each k [a[k], j, b[k], i])", "symmetric, block-diagonal (one block per i)"),
  H("(c: [C, 3], p: [P, 2], a: int[K], b: int[K]) { r[k < K] = c[a[k], 0] * p[b[k], 0]^2 + sin(c[a[k], 2]) * p[b[k], 1] return r }", "jacobian()",
    "sparse (in each row [a[k], j])", "sparse (in each row [b[k], j])"),
  H("(x: [V, 2], t: int[T, 3]) { return sum[k]((x[t[k, 0], 0] * x[t[k, 1], 1] - x[t[k, 2], 0])^2) }", "hessian(x)",
    "symmetric, sparse (in each row [i, j]; for each k [t[k, 0], 0, t[k, 1], 1], [t[k, 0], 0, t[k, 2], 0], [t[k, 1], 1, t[k, 2], 0])"),
  // along a path, and over neighbours
  H("(x: [V], p: int[L]) { return sum[k < L - 1](exp(x[p[k]] * x[p[k + 1]])) }", "hessian(x)",
    "symmetric, sparse (in each row [i]; for each k [p[k], p[k + 1]])"),
  H("(x: [V], t: int[N, M], w: [N, M]) { y[n] = sum[m](w[n, m] * x[t[n, m]]) return y }", "jacobian(x)",
    "constant, sparse (for each n, m [n, t[n, m]])"),
  H("(x: [V], t: int[V, M]) { return sum[n, m](x[n] * sin(x[t[n, m]])) }", "hessian(x)",
    "symmetric, sparse (for each n, m [n, t[n, m]]; in each row [n])"),
  // what is listed is used further, and added up where that cannot be
  H("(x: [V], a: int[E], b: int[E], s: [V]) { return sum[e](x[a[e]] * x[b[e]])^2 + sum[v](s[v] * x[v]^3) }", "hessian(x)", "symmetric, dense"),
  H("(x: [V], y: [V], a: int[E], b: int[E]) { return sum[e](y[a[e]] * x[a[e]] * x[b[e]]) }", "hessian(x, y)",
    "sparse (in each row [i]; for each e [b[e], a[e]])"),
  H("(x: [N]) { return sum[n](exp(x[n] * x[N - 1 - n])) }", "hessian(x)", "symmetric, sparse (in each row [n], [N - 1 - n])"),
  H("(x: [N]; s = 2) { return sum[n](exp(x[n] * (x[n + s] ?? 0))) }", "hessian(x)", "symmetric, sparse (in each row [n], [n + s])"),
  // an arrow: the full row is the transposed column, but for where they meet
  H("(x: [10]) { return sum[n]((x[n] * x[0])^2) }", "hessian(x)", "symmetric, sparse (in each row [i], [0])"),
  H("(x: [20]) { return sum[n](exp(x[n] * x[0] * x[1]) + x[n] * x[3]) }", "hessian(x)",
    "symmetric, sparse (in each row [0], [1], [3], [i]; at [1, 0])"),
  H("(x: [20]) { return sum[n < 19]((x[n] * x[n + 1])^2) + x[19]^4 + x[0]^3 }", "hessian(x)", "symmetric, sparse (in each row [i], [i + 1])"),
  H("(x: [N]) { return prod[n](x[n]) }", "hessian(x)", "symmetric, dense"),
  H("(x: [N], s: []) { return sum(exp(s * x)) }", "hessian(x, s)", "dense"),
  H("(s: []) { return exp(s^2) }", "hessian(s)", "dense"),
  H("(x: [N, N]) { return sum[n](exp(x[n, n])) }", "hessian(x)", "block-diagonal (one block per n)"),
  H("(x: [N, C]) { y[n, c] = exp(x[n, c]) return y }", "jacobian(x)", "diagonal"),
  H("(x: [N, C]) { y[c, n] = sin(x[n, c]) return y }", "jacobian(x)", "block-diagonal (one block per n, c)"),
  H("(x: [N, C], w: [C, D]) { y[n, d] = sum[c](x[n, c] * w[c, d]) return y }", "jacobian(y, w)",
    "constant, block-diagonal (one block per d)"),
  H("(x: [N]) { return x }", "jacobian()", "constant, diagonal"),
  H("(x: [N]) { y = 2 * x return y }", "jacobian(y, x)", "constant, diagonal"),
  H("(x: [N, C]) { s[n] = sum[c](x[n, c]) y[n, c] = exp(x[n, c]) / s[n] return y }", "hessian(x)",
    "block-diagonal (one block per n), in each diagonal plus rank two"),
]; // prettier-ignore

describe("structured derivatives", () => {
  it.each(ROWS)("$text", ({ text, structure }) => {
    const { ir, program, asked } = compiled(text);
    const derived = request(ir, program, asked);
    const { matrices } = readable(ir, derived);
    expect(matrices.map(structureText)).toEqual(structure);
    const first =
      asked.kind === "jacobian"
        ? program
        : program.outputs[0]?.tensor.shape.length === 0
          ? gradient(ir, program, [...new Set(matrices.map(({ matrix }) => matrix.name.split("_")[1] ?? ""))])
          : vjp(ir, program, ["x"]);
    const inputs = sampleInputs(first, {}, randomFrom(3), () => true) ?? { tensors: new Map() };
    const outputs = new Map([...evaluate(derived, inputs)].map(([name, array]) => [name, array.data]));
    const stored = matricesOf(derived, inputs, outputs);
    for (const { rows, columns } of asked.matrices ?? []) {
      const [prefix, output] = asked.kind === "jacobian" ? ["j", rows] : ["h", `d_${rows}`];
      const matrix = stored.get(`${prefix}_${rows}_${columns}`);
      if (matrix === undefined) throw new Error(`no matrix for ${rows}, ${columns}`);
      const expected = numerical(first, inputs, output, columns);
      const scale = Math.max(1, ...expected.map(Math.abs));
      const expanded = data(densely(ir, derived), inputs, `${prefix}_${rows}_${columns}`);
      expanded.forEach((value, k) => {
        expect(value).toBeCloseTo(dense(matrix)[k] ?? NaN, 12);
      });
      expect(dense(matrix).length).toBe(expected.length);
      dense(matrix).forEach((value, k) => {
        expect(Math.abs(value - (expected[k] ?? NaN)), `entry ${k}`).toBeLessThan(1e-5 * scale);
      });
    }
  });
});
