import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { climb, logGamma, placesOf } from "../../examples/mixture.ts";
import { loadTable } from "../../examples/newton.ts";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { gradcheck } from "../../src/cli/gradcheck.ts";
import { passes } from "../../src/gradcheck/index.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule, request, toKernel } from "../../src/pipeline.ts";

const WRT = ["alpha", "mu", "q", "l"];

const text = readFileSync("examples/mixture.grad", "utf8");
const module = compileModule({ name: "mixture.grad", text });
const ir = createArena();
const made = module.ok ? module.value.functions.get("mixture")?.program(ir) : undefined;
if (made?.ok !== true) throw new Error("rejected");
const program = made.value;
const gradient = request(ir, program, { kind: "grad", wrt: WRT });

interface Case {
  readonly name: string;
  readonly input: {
    readonly d: number;
    readonly k: number;
    readonly n: number;
    readonly m: number;
    readonly gamma: number;
    readonly alpha: readonly number[];
    readonly mu: readonly (readonly number[])[];
    readonly q: readonly (readonly number[])[];
    readonly l: readonly (readonly number[])[];
    readonly x: readonly (readonly number[])[];
  };
  readonly outputs: {
    readonly objective: number;
    readonly jacobian: { readonly [name: string]: readonly (number | readonly number[])[] };
  };
}

const { cases } = JSON.parse(readFileSync("test/examples/mixture.json", "utf8")) as {
  readonly cases: readonly Case[];
};

describe("the log-posterior of a Gaussian mixture", () => {
  it("and its gradient agree with the references on every back end", async () => {
    expect(cases.length).toBe(3);
    for (const backend of BACKENDS) {
      const kernel = toKernel(ir, gradient, { dtype: backend.dtype });
      const run = (await instantiateAll(backend, [kernel])).get(kernel.name);
      if (run?.ok !== true) throw new Error(run?.reason);
      const allowed = backend.dtype === "f64" ? 1e-13 : 2e-5;
      for (const { input, outputs } of cases) {
        const array = (shape: readonly number[], values: readonly (number | readonly number[])[]) => ({
          shape,
          data: Float64Array.from(values.flat()),
        });
        const { d, k, n, m, gamma, alpha, mu, q, l, x } = input;
        const P = (d * (d - 1)) / 2;
        const results = run.run({
          tensors: new Map([
            ["alpha", array([k], alpha)],
            ["mu", array([k, d], mu)],
            ["q", array([k, d], q)],
            ["l", array([k, P], l)],
            ["place", array([d, d], [...placesOf(d)])],
            ["x", array([n, d], x)],
            ["log_gamma", array([], [logGamma(d, m)])],
          ]),
          dims: new Map(Object.entries({ K: k, D: d, N: n, P })),
          options: new Map(Object.entries({ m, gamma })),
        });
        const off = (name: string, expected: readonly (number | readonly number[])[]): number => {
          const values = expected.flat();
          const found = results.get(name) ?? [];
          expect(found.length).toBe(values.length);
          return Math.max(...values.map((value, j) => Math.abs(value - (found[j] ?? NaN)))) / Math.max(...values.map(Math.abs)); // prettier-ignore
        };
        expect(off("out", [outputs.objective])).toBeLessThan(allowed);
        for (const name of WRT) expect(off(`d_${name}`, outputs.jacobian[name] ?? [])).toBeLessThan(allowed);
      }
    }
  });

  it("has the gradient that differences say, on every back end", async () => {
    const dims = new Map(Object.entries({ K: 2, D: 3, N: 5, P: 3 }));
    const [report] = await gradcheck([{ ir, program, wrt: WRT, settings: { dims } }]);
    expect(report && passes(report)).toBe(true);
    expect(report?.rows.filter(({ checked }) => checked > 0).length).toBeGreaterThan(BACKENDS.length);
  });
});

it("finds benign and malignant tumours as two components, without their classes", async () => {
  const { count, width, features, classes } = loadTable("examples/data/breast_cancer.csv");
  const [K, D] = [2, 4];
  const x = Float64Array.from({ length: count * D }, (_, k) => features[Math.floor(k / D) * width + (k % D)] ?? NaN); // prettier-ignore
  const kernel = toKernel(ir, gradient, { dtype: "f64" });
  const callable = (await instantiateTypeScript([kernel])).get(kernel.name);
  if (callable === undefined) throw new Error("no kernel");
  const P = (D * (D - 1)) / 2;
  const start = {
    alpha: new Float64Array(K),
    mu: Float64Array.from({ length: K * D }, (_, k) => (k < D ? -0.5 : 0.5)),
    q: new Float64Array(K * D),
    l: new Float64Array(K * P),
  };
  const data = { x, place: placesOf(D), log_gamma: logGamma(D, 0), K, D, N: count, P };
  const { mixture, objectives } = climb(callable, start, data, 120);
  expect((objectives.at(-1) ?? NaN) - (objectives[0] ?? NaN)).toBeGreaterThan(1000);
  // the component whose mean radius is larger is the malignant one; the nearer mean decides
  const means = [mixture.mu.slice(0, D), mixture.mu.slice(D)];
  const large = (means[0]?.[0] ?? 0) > (means[1]?.[0] ?? 0) ? 0 : 1;
  let right = 0;
  for (let n = 0; n < count; n++) {
    const squares = means.map((mean) => mean.reduce((sum, each, d) => sum + (each - (x[n * D + d] ?? NaN)) ** 2, 0)); // prettier-ignore
    const component = (squares[0] ?? 0) < (squares[1] ?? 0) ? 0 : 1;
    if ((component === large) === (classes[n] === 0)) right += 1;
  }
  expect(right / count).toBeGreaterThan(0.8);
});
