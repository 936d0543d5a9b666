/** Recurrences on every back end: values by hand, gradients by differences. */
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { gradcheck, hessiancheck, type CheckedProgram } from "../../src/cli/gradcheck.ts";
import { evaluate, type Inputs } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import * as pipeline from "../../src/pipeline.ts";
import { check } from "../check/compile.ts";

interface Case {
  readonly text: string;
  readonly dims: Readonly<Record<string, number>>;
}

const CASES: { readonly [name: string]: Case } = {
  "cumulative sum": {
    text: "fn f(x: [T]) { s[t] = (s[t - 1] ?? 0) + x[t]\n return s }",
    dims: { T: 33 },
  },
  "cumulative product": {
    text: "fn f(x: [T]) { p[0] = x[0]\n p[t] = p[t - 1] * x[t]\n return p }",
    dims: { T: 2 },
  },
  "exponential moving average": {
    text: "fn f(x: [T], a: []) { h[0] = x[0]\n h[t] = a * h[t - 1] + (1 - a) * x[t]\n return h }",
    dims: { T: 33 },
  },
  "two first elements": {
    text: `fn f(a: [], b: [], q: [], x: [T]) {
      f[0] = a
      f[1] = b
      f[t] = q * f[t - 1] + x[t] * f[t - 2]
      return f
    }`,
    dims: { T: 1 },
  },
  "states of few steps back, and a few of the last ones": {
    text: `fn f(x: [T, S]) {
      a[t, s] = x[t, s] + (t == 0 ? 0 : logsumexp[j < 3](s - j >= 0 ? (a[t - 1, s - j] ?? -30) : -30))
      return -logsumexp[j < 2](a[T - 1, S - 1 - j] ?? -30)
    }`,
    dims: { T: 4, S: 5 },
  },
  "from the end, and a filter of run-time length": {
    text: `fn f(x: [T], w: [K]) {
      y[T - 1] = x[T - 1]
      y[t] = x[t] + sin(y[t + 1])
      z[t] = x[t] * y[t] + sum[k](w[k] * (z[t - 1 - k] ?? 0))
      return sum(z * z)
    }`,
    dims: { T: 5, K: 3 },
  },
  LSTM: {
    text: `fn f(x: [T, D], h0: [H], c0: [H], W: [4, H, D], U: [4, H, H], b: [4, H]) {
      a[t, g, j] = b[g, j] + sum[d](W[g, j, d] * x[t, d]) + sum[k](U[g, j, k] * (h[t - 1, k] ?? h0[k]))
      c[t, j] = sigmoid(a[t, 0, j]) * (c[t - 1, j] ?? c0[j]) + sigmoid(a[t, 1, j]) * tanh(a[t, 2, j])
      h[t, j] = sigmoid(a[t, 3, j]) * tanh(c[t, j])
      return h
    }`,
    dims: { T: 3, D: 2, H: 5 },
  },
  "Runge-Kutta steps": {
    text: `fn f(y0: [N], A: [N, N], dt: []; steps = 4) {
      y[0, i] = y0[i]
      y[s < steps + 1, i] = y[s - 1, i] + dt / 6 * (k1[s - 1, i] + 2 * k2[s - 1, i] + 2 * k3[s - 1, i] + k4[s - 1, i])
      k1[s < steps, i] = tanh(sum[j](A[i, j] * y[s, j]))
      k2[s < steps, i] = tanh(sum[j](A[i, j] * (y[s, j] + dt / 2 * k1[s, j])))
      k3[s < steps, i] = tanh(sum[j](A[i, j] * (y[s, j] + dt / 2 * k2[s, j])))
      k4[s < steps, i] = tanh(sum[j](A[i, j] * (y[s, j] + dt * k3[s, j])))
      z[i] = y[steps, i]
      return z
    }`,
    dims: { N: 3, steps: 2 },
  },
  "Lorenz's equations, component by component": {
    text: `fn f(y0: [3], p: [3], dt: []; steps = 2) {
      y[0, i] = y0[i]
      y[s < steps + 1, i] = y[s - 1, i] + dt / 2 * (k1[s - 1, i] + k2[s - 1, i])
      k1[s < steps, i < 3] = i == 0 ? p[0] * (y[s, 1] - y[s, 0])
                           : i == 1 ? y[s, 0] * (p[1] - y[s, 2]) - y[s, 1] : y[s, 0] * y[s, 1] - p[2] * y[s, 2]
      u[s < steps, i < 3] = y[s, i] + dt * k1[s, i]
      k2[s < steps, i < 3] = i == 0 ? p[0] * (u[s, 1] - u[s, 0])
                           : i == 1 ? u[s, 0] * (p[1] - u[s, 2]) - u[s, 1] : u[s, 0] * u[s, 1] - p[2] * u[s, 2]
      z[i] = y[steps, i]
      return z
    }`,
    dims: { steps: 2 },
  },
  "the last states of one that others follow": {
    text: `fn f(x: [T], a: []) {
      l[t] = x[t] + a * (l[t - 1] ?? 0) * (l[t - 3] ?? 1)
      m[t] = l[t] * (m[t - 1] ?? 1) + (l[t - 2] ?? 0)
      r[t] = l[t] + a * (r[t + 1] ?? 0)
      return (m[T - 1] ?? 0) * (l[T - 2] ?? 1) + (r[0] ?? 0)
    }`,
    dims: { T: 5 },
  },
  "soft dynamic time warping, along the diagonals of a grid": {
    text: `fn f(x: [N], y: [M]; gamma = 0.5) {
      r[d < N + M, i] = 0 <= d - i < M ? (x[i] - (y[d - i] ?? 0))^2 + (d == 0 ? 0 : -gamma * log(
        exp(-(r[d - 2, i - 1] ?? 100) / gamma) + exp(-(r[d - 1, i - 1] ?? 100) / gamma) +
        exp(-(r[d - 1, i] ?? 100) / gamma))) : 100
      return r[N + M - 2, N - 1] ?? 0
    }`,
    dims: { N: 3, M: 4 },
  },
  "both ways over a batch": {
    text: `fn f(x: [T, B, D], W: [H, D], U: [H, H], V: [H, H]) {
      l[t, n, j] = tanh(sum[d](W[j, d] * x[t, n, d]) + sum[k](U[j, k] * (l[t - 1, n, k] ?? 0)))
      r[t, n, j] = tanh(sum[d](W[j, d] * x[t, n, d]) + sum[k](V[j, k] * (r[t + 1, n, k] ?? 0)))
      return sum[t, n, j](l[t, n, j] * r[t, n, j])
    }`,
    dims: { T: 3, B: 2, D: 2, H: 4 },
  },
  "best and all paths": {
    text: `fn f(e: [T, S], A: [S, S]) {
      a[0, j] = e[0, j]
      a[t, j] = max[i](a[t - 1, i] + A[i, j]) + e[t, j]
      p[0, j] = e[0, j]
      p[t, j] = logsumexp[i](p[t - 1, i] + A[i, j]) + e[t, j]
      return a, p
    }`,
    dims: { T: 3, S: 3 },
  },
  "leading dimensions": {
    text: `fn f(x: [..., T], w: []) {
      s[..., 0] = x[..., 0]
      s[..., t] = w * s[..., t - 1] + x[..., t]
      return s
    }`,
    dims: { rows: 5, T: 4 },
  },
  "in functions of numbers and of rows": {
    text: `fn root(a) {
      y[0] = a
      y[k < 5] = (y[k - 1] + a / y[k - 1]) / 2
      return y[4]
    }
    fn energy(x: [T]) {
      s[t] = (s[t - 1] ?? 0) / 2 + x[t]
      return sum(s * s)
    }
    fn f(x: [N, T]) {
      r[n] = energy[t](x[n, t])
      return sum(r) + sum(root(2 + x * x))
    }`,
    dims: { N: 5, T: 3 },
  },
};

const compiled = (text: string): CheckedProgram => {
  const checked = check(text);
  if (!checked.ok) throw new Error(checked.diagnostics.map((each) => each.message).join("\n"));
  const ir = createArena();
  const made = [...checked.value.functions.values()].at(-1)?.program(ir);
  if (made?.ok !== true) throw new Error("no program");
  return { ir, program: made.value, wrt: made.value.inputs.map(({ name }) => name) };
};

const isRight = async (compiledProgram: CheckedProgram, dims: Case["dims"]): Promise<void> => {
  const settings = { dims: new Map(Object.entries(dims)) };
  const reports = await gradcheck([{ ...compiledProgram, settings }]);
  const rows = reports.flatMap((report) => report.rows);
  expect(rows.filter((row) => row.failure !== undefined)).toEqual([]);
  expect(new Set(rows.map((row) => row.backend)).size).toBeGreaterThan(BACKENDS.length - 1);
  expect(rows.reduce((count, row) => count + row.checked, 0)).toBeGreaterThan(5);
};

describe("gradients on every back end", () => {
  it.each(Object.entries(CASES))("%s", async (_, { text, dims }) => {
    await isRight(compiled(text), dims);
  });

  it("second derivatives: the gradient as a function", async () => {
    const { ir, program, wrt } = compiled(`fn f(x: [T], a: []) {
      h[0] = sin(a)
      h[t] = a * sin(h[t - 1]) + h[t - 1] * x[t]
      return sum(h * h)
    }`);
    await isRight({ ir, program: pipeline.gradient(ir, program, wrt), wrt }, { T: 4 });
  });
});

/** Cells whose states and gates are read by the Hessian too, and the forward algorithm of a hidden Markov model. */
const SECOND: { readonly [name: string]: Case & { readonly wrt: readonly string[] } } = {
  LSTM: {
    text: `fn f(x: [T, D], W: [4, H, D], U: [4, H, H]) {
      a[t, g, j] = sum[d](W[g, j, d] * x[t, d]) + sum[k](U[g, j, k] * (h[t - 1, k] ?? 0))
      c[t, j] = sigmoid(a[t, 0, j]) * (c[t - 1, j] ?? 0) + sigmoid(a[t, 1, j]) * tanh(a[t, 2, j])
      h[t, j] = sigmoid(a[t, 3, j]) * tanh(c[t, j])
      return sum(h^2)
    }`,
    wrt: ["U"],
    dims: { T: 2, D: 1, H: 2 },
  },
  GRU: {
    text: `fn f(x: [T, D], W: [3, H, D], U: [3, H, H]) {
      z[t, j] = sigmoid(sum[d](W[0, j, d] * x[t, d]) + sum[k](U[0, j, k] * (h[t - 1, k] ?? 0)))
      r[t, j] = sigmoid(sum[d](W[1, j, d] * x[t, d]) + sum[k](U[1, j, k] * (h[t - 1, k] ?? 0)))
      n[t, j] = tanh(sum[d](W[2, j, d] * x[t, d]) + sum[k](U[2, j, k] * r[t, k] * (h[t - 1, k] ?? 0)))
      h[t, j] = (1 - z[t, j]) * n[t, j] + z[t, j] * (h[t - 1, j] ?? 0)
      return sum(h^2)
    }`,
    wrt: ["U"],
    dims: { T: 2, D: 1, H: 2 },
  },
  "all paths of a hidden Markov model": {
    text: `fn f(e: [T, S], A: [S, S], p: [S]) {
      a[0, j] = p[j] + e[0, j]
      a[t, j] = logsumexp[i](a[t - 1, i] + A[i, j]) + e[t, j]
      last[j] = a[T - 1, j] ?? 0
      return logsumexp[j](last[j])
    }`,
    wrt: ["A"],
    dims: { T: 3, S: 2 },
  },
};

describe("Hessians on every back end", () => {
  it.each(Object.entries(SECOND))(
    "%s",
    async (_, { text, wrt, dims }) => {
      const settings = { dims: new Map(Object.entries(dims)) };
      const [report] = await hessiancheck([{ ...compiled(text), wrt, settings }]);
      const rows = report?.rows ?? [];
      expect(rows.filter((row) => row.failure !== undefined)).toEqual([]);
      expect(new Set(rows.map((row) => row.backend)).size).toBeGreaterThan(BACKENDS.length - 1);
    },
    60_000,
  );
});

const vector = (data: readonly number[]) => ({ shape: [data.length], data: Float64Array.from(data) });

const number = (value: number) => ({ shape: [], data: Float64Array.of(value) });

/** Of the interpreter and of all back ends. */
const everywhere = async (
  ir: Arena,
  program: Program,
  inputs: Inputs,
): Promise<readonly ReadonlyMap<string, readonly number[]>[]> => {
  const expected = evaluate(program, inputs);
  const all = [new Map([...expected].map(([name, { data }]) => [name, [...data]]))];
  for (const backend of BACKENDS) {
    const kernel = pipeline.toKernel(ir, program, { dtype: backend.dtype, name: "kernel" });
    const made = (await instantiateAll(backend, [kernel])).get("kernel");
    if (made?.ok !== true) throw new Error(made?.reason);
    all.push(new Map([...made.run(inputs)].map(([name, data]) => [name, Array.from(data)])));
  }
  return all;
};

it("computes what the loop by hand does, for every length", async () => {
  const { ir, program } = compiled(CASES["exponential moving average"]?.text ?? "");
  for (const T of [0, 1, 2, 33]) {
    const x = Array.from({ length: T }, (_, t) => (t * t) % 7);
    const h: number[] = [];
    x.forEach((value, t) => h.push(t === 0 ? value : 0.25 * (h[t - 1] ?? 0) + 0.75 * value));
    const inputs: Inputs = {
      tensors: new Map([["x", vector(x)], ["a", number(0.25)]]), // prettier-ignore
      dims: new Map([["T", T]]),
    };
    for (const outputs of await everywhere(ir, pipeline.forward(ir, program), inputs)) {
      const found = outputs.get("h") ?? [];
      expect(found.length).toBe(T);
      found.forEach((value, t) => {
        expect(value).toBeCloseTo(h[t] ?? NaN, 5);
      });
    }
  }
});

it("keeps the last states only, for every length", async () => {
  const { ir, program } = compiled(`fn f(x: [T], a: []) {
    h[t] = x[t] + a * (h[t - 1] ?? 1) - (h[t - 3] ?? 2)
    return h[T - 1] ?? 5, h[T - 2] ?? 6
  }`);
  for (const T of [0, 1, 2, 3, 4, 18]) {
    const x = Array.from({ length: T }, (_, t) => (t * t) % 5);
    const h: number[] = [];
    x.forEach((value, t) => h.push(value + 0.25 * (h[t - 1] ?? 1) - (h[t - 3] ?? 2)));
    const inputs: Inputs = {
      tensors: new Map([["x", vector(x)], ["a", number(0.25)]]), // prettier-ignore
      dims: new Map([["T", T]]),
    };
    for (const outputs of await everywhere(ir, pipeline.forward(ir, program), inputs)) {
      expect(outputs.get("out")?.[0]).toBeCloseTo(h[T - 1] ?? 5, 4);
      expect(outputs.get("out1")?.[0]).toBeCloseTo(h[T - 2] ?? 6, 4);
    }
  }
});

it("passes the adjoint of nothing back through no steps at all", async () => {
  const { ir, program, wrt } = compiled(CASES["exponential moving average"]?.text ?? "");
  const inputs: Inputs = {
    tensors: new Map([["x", vector([])], ["a", number(0.25)], ["d_h", vector([])]]), // prettier-ignore
    dims: new Map([["T", 0]]),
  };
  for (const outputs of await everywhere(ir, pipeline.vjp(ir, program, wrt), inputs))
    expect([outputs.get("d_x"), outputs.get("d_a")]).toEqual([[], [0]]);
});

it("differentiates a cumulative product whose factors are zero exactly", async () => {
  const { ir, program, wrt } = compiled(CASES["cumulative product"]?.text ?? "");
  for (const x of [
    [2, 0, 3, 5],
    [2, 0, 3, 0, 5],
    [0, 0, 4],
  ]) {
    // ∂/∂x[k] Σ_t p[t] is the sum of the products of all other factors up to t ≥ k
    const product = (t: number, k: number): number =>
      x.slice(0, t + 1).reduce((p, factor, j) => (j === k ? p : p * factor), 1);
    const expected = x.map((_, k) => x.reduce((sum, _x, t) => (t < k ? sum : sum + product(t, k)), 0));
    const ones = x.map(() => 1);
    const inputs: Inputs = {
      tensors: new Map([["x", vector(x)], ["d_p", vector(ones)]]), // prettier-ignore
      dims: new Map([["T", x.length]]),
    };
    for (const outputs of await everywhere(ir, pipeline.vjp(ir, program, wrt), inputs))
      expect(outputs.get("d_x")).toEqual(expected);
  }
});
