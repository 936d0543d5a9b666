/** States that are computed again: the same results as with all states kept, on every back end, in less memory. */
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import type { GivenArray, Inputs } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import type { Expr, FloatType, Kernel } from "../../src/loop/types.ts";
import { request, toKernel } from "../../src/pipeline.ts";
import type { States } from "../../src/schedule/index.ts";
import { check } from "../check/compile.ts";

const lstm = `fn f(x: [T, D], W: [4, H, D], U: [4, H, H], b: [4, H]) {
  a[t, g, j] = b[g, j] + sum[d](W[g, j, d] * x[t, d]) + sum[k](U[g, j, k] * (h[t - 1, k] ?? 0))
  c[t, j] = sigmoid(a[t, 0, j]) * (c[t - 1, j] ?? 0) + sigmoid(a[t, 1, j]) * tanh(a[t, 2, j])
  h[t, j] = sigmoid(a[t, 3, j]) * tanh(c[t, j])
  return sum(h^2)
}`;

interface Case {
  readonly text: string;
  readonly dims: Readonly<Record<string, number>>;
}

const CASES: { readonly [name: string]: Case } = {
  "a cell with a gate, and weights": {
    text: `fn f(x: [T, H], U: [H, H], V: [H, H], b: [H]) {
      z[t < T, j] = sigmoid(b[j] + sum[k](U[j, k] * (h[t - 1, k] ?? 0)))
      n[t, j] = tanh(sum[k](V[j, k] * (h[t - 1, k] ?? 1)) + sum[k](U[k, j] * x[t, k]))
      h[t, j] = (1 - z[t, j]) * n[t, j] + z[t, j] * (h[t - 1, j] ?? 0)
      return sum(h^2)
    }`,
    dims: { H: 3 },
  },
  "from the end": {
    text: `fn f(x: [T], a: []) {
      r[t] = sin(x[t] + a * (r[t + 1] ?? 0) * (r[t + 3] ?? 1))
      return sum(r^2)
    }`,
    dims: {},
  },
  "two in a row, the last state, and an output of each step": {
    text: `fn f(x: [T, H], U: [H, H], V: [H, H], w: [H]) {
      h[t, j] = tanh(x[t, j] + sum[k](U[j, k] * (h[t - 1, k] ?? 0)))
      g[t, j] = tanh(h[t, j] + (h[t - 2, j] ?? 0) + sum[k](V[j, k] * (g[t - 1, k] ?? 0)))
      y[t] = logsumexp[j](w[j] * g[t, j])
      return sum(y) + sum[j](h[T - 1, j] ?? 0)
    }`,
    dims: { H: 4 },
  },
  "a batch outside of the steps": {
    text: `fn f(x: [B, T], a: [B]) {
      s[b, t] = sin(a[b] * (s[b, t - 1] ?? 0) + x[b, t])
      y[b, t] = s[b, t] * exp(s[b, t - 1] ?? 0)
      return sum(y)
    }`,
    dims: { B: 3 },
  },
  "states that are results": {
    text: `fn f(x: [T], a: []) {
      p[t] = cos(a * (p[t - 1] ?? 1)) * x[t]
      q[t] = sin(p[t]) + a * (q[t - 1] ?? 0) * (q[t - 2] ?? 1)
      return p, sum(q * q)
    }`,
    dims: {},
  },
  "steps of an equation": {
    text: `fn f(y0: [N], A: [N, N], dt: []; steps = 4) {
      y[0, i] = y0[i]
      y[s < steps + 1, i] = y[s - 1, i] + dt * tanh(sum[j](A[i, j] * m[s - 1, j]))
      m[s < steps, i] = y[s, i] + dt / 2 * tanh(sum[j](A[i, j] * y[s, j]))
      z[i] = y[steps, i]
      return sum(z * z)
    }`,
    dims: { N: 3 },
  },
  "as far back as a dimension says": {
    text: `fn f(x: [T], w: [K]) {
      h[t] = sin(x[t] + sum[k](w[k] * (h[t - 1 - k] ?? 0)))
      return sum(h^2)
    }`,
    dims: { K: 3 },
  },
};

interface Derived {
  readonly ir: Arena;
  readonly program: Program;
}

/** The gradient, or the vector-Jacobian product, by all inputs. */
const derived = (text: string): Derived => {
  const checked = check(text);
  const ir = createArena();
  const made = checked.ok ? checked.value.functions.get("f")?.program(ir) : undefined;
  if (made?.ok !== true) throw new Error(`rejected:\n${text}`);
  const wrt = made.value.inputs.map(({ name }) => name);
  const kind = made.value.outputs.length === 1 ? "grad" : "vjp";
  return { ir, program: request(ir, made.value, { kind, wrt }) };
};

const kernelOf = ({ ir, program }: Derived, dtype: FloatType, states: States): Kernel =>
  toKernel(ir, program, { dtype, name: `kernel_${states}`, states });

const valueAt = (expr: Expr, dims: Readonly<Record<string, number>>): number => {
  const VALUES: { readonly [op: string]: (a: number, b: number) => number } = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    floordiv: (a, b) => Math.floor(a / b),
  };
  if (expr.kind === "const") return expr.value;
  if (expr.kind === "dim") return dims[expr.name] ?? NaN;
  const value = expr.kind === "binary" ? VALUES[expr.op] : undefined;
  return expr.kind !== "binary" || value === undefined
    ? NaN
    : value(valueAt(expr.a, dims), valueAt(expr.b, dims));
};

const lengthOf = (shape: readonly Expr[], dims: Readonly<Record<string, number>>): number =>
  shape.reduce((length, extent) => length * valueAt(extent, dims), 1);

/** Numbers of temporaries. */
const memory = ({ buffers }: Kernel, dims: Readonly<Record<string, number>>): number =>
  buffers
    .filter(({ role }) => role === "temp")
    .reduce((total, { shape }) => total + lengthOf(shape, dims), 0);

const inputsOf = ({ buffers }: Kernel, dims: Readonly<Record<string, number>>): Inputs => {
  let state = 5;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  const arrays = buffers
    .filter(({ role }) => role === "input")
    .map(({ name, shape }): [string, GivenArray] => [
      name,
      {
        shape: shape.map((extent) => valueAt(extent, dims)),
        data: Float64Array.from({ length: lengthOf(shape, dims) }, next),
      },
    ]);
  return { tensors: new Map(arrays), dims: new Map(Object.entries(dims)) };
};

/** One segment, two, and more; also longer than a chunk of an f32 sum. */
const LENGTHS = [0, 1, 17, 100, 1100];

const TOLERANCE = { f64: 1e-12, f32: 1e-3 } as const;

describe("the same on every back end, for every length", () => {
  it.each(Object.entries(CASES))("%s", async (_, { text, dims }) => {
    const program = derived(text);
    const expected = new Map<number, Results>();
    for (const backend of BACKENDS) {
      // the first is all states in f64
      const kernels = (["stored", "recomputed"] as const).map((states) =>
        kernelOf(program, backend.dtype, states),
      );
      const functions = await instantiateAll(backend, kernels);
      for (const kernel of kernels) {
        const made = functions.get(kernel.name);
        if (made?.ok !== true) throw new Error(made?.reason);
        for (const length of LENGTHS) {
          const results = made.run(inputsOf(kernel, { ...dims, T: length, steps: length }));
          const known = expected.get(length);
          if (known === undefined) expected.set(length, results);
          else expectNear(results, known, TOLERANCE[backend.dtype], `${backend.name}, ${length} steps`);
        }
      }
    }
  });
});

type Results = ReadonlyMap<string, ArrayLike<number>>;

const expectNear = (results: Results, known: Results, tolerance: number, where: string): void => {
  for (const [name, found] of results) {
    const wanted = Array.from(known.get(name) ?? []);
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const worst = wanted.reduce((most, value, k) => Math.max(most, Math.abs(value - (found[k] ?? NaN))), 0);
    expect(found.length, name).toBe(wanted.length);
    expect(worst / largest, `${name} of ${where}`).toBeLessThan(tolerance);
  }
};

describe("memory", () => {
  it("of stored states grows as the number of steps does, of recomputed ones as its root", () => {
    const program = derived(lstm);
    const growth = (["stored", "recomputed"] as const).map((states) => {
      const kernel = kernelOf(program, "f64", states);
      const at = (T: number): number => memory(kernel, { T, D: 8, H: 16 });
      return { at: at(10_000), ratio: at(40_000) / at(10_000) };
    });
    const [stored, recomputed] = growth;
    expect(stored?.ratio).toBeGreaterThan(3.9);
    expect(recomputed?.ratio).toBeLessThan(2.3);
    expect((stored?.at ?? 0) / (recomputed?.at ?? 1)).toBeGreaterThan(30);
  });

  it("of a state that is read as far back as a dimension says is that of all places", () => {
    const { text } = CASES["as far back as a dimension says"] ?? { text: "" };
    expect(memory(kernelOf(derived(text), "f64", "recomputed"), { T: 10_000, K: 3 })).toBeGreaterThan(10_000);
  });
});
