import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll, type Backend } from "../../src/cli/backends.ts";
import { compileFunctions, readLibrary } from "../../src/cli/library.ts";
import { failed, formatTallies, verify, type Check } from "../../src/cli/verify.ts";
import { forward, toKernel } from "../../src/pipeline.ts";

const library = readLibrary();

const compiled = (text: string) => {
  const one = compileFunctions([{ name: "f", text, uses: [] }], library).get("f");
  if (one?.ok !== true) throw new Error(one?.reason);
  return { ir: one.ir, program: forward(one.ir, one.program) };
};

/** A large argument loses digits, so that f32 and f64 differ by much more than a unit in the last place. */
const SUBJECT = compiled("fn f(x: [N]) { return sin(x + 1000) * 1000 }\n");
const X = [0.5, 1.25, -3];

const checkOf = (label: string, values: readonly number[]): Check => ({
  label,
  parts: [
    {
      ...SUBJECT,
      inputs: { tensors: new Map([["x", { shape: [3], data: X }]]) },
      expected: new Map([["out", { shape: [3], data: values }]]),
      allowed: (expected, bound) => 1e-12 * Math.abs(expected) + bound,
    },
  ],
});

const right = X.map((x) => Math.sin(x + 1000) * 1000);

describe("verify", () => {
  it("passes what is right on every back end, f32 within the bound of its rounding", async () => {
    const tallies = await verify([checkOf("right", right)], BACKENDS);
    expect(tallies.map(({ backend, failures }) => [backend, failures])).toEqual(
      ["interpreter", "TypeScript", "WASM f64", "WASM f32"].map((name) => [name, []]),
    );
    expect(failed(tallies)).toBe(false);
  });

  it("fails what is off, on every back end, and names the element", async () => {
    const wrong = right.map((value, k) => (k === 1 ? value + 1 : value));
    const tallies = await verify([checkOf("right", right), checkOf("off by one", wrong)], BACKENDS);
    expect(failed(tallies)).toBe(true);
    expect(tallies.map(({ failures }) => failures.map(({ label }) => label))).toEqual(
      tallies.map(() => ["off by one"]),
    );
    const lines = formatTallies(tallies);
    expect(lines[0]).toContain("interpreter: 1 passed, 1 failed");
    expect(lines.some((line) => /TypeScript, off by one: out\[1\]: expected .*, got /.test(line))).toBe(true);
  });

  it("finds a back end that computes something else, f32 too", async () => {
    const other = compiled("fn f(x: [N]) { return sin(x + 1000) * 1001 }\n");
    const impostors = BACKENDS.map((backend): Backend => ({
      ...backend,
      instantiate: (kernels) =>
        backend.instantiate(
          kernels.map(({ name, dtype }) => toKernel(other.ir, other.program, { name, dtype })),
        ),
    }));
    const tallies = await verify([checkOf("right", right)], impostors);
    expect(tallies.map(({ failures }) => failures.length)).toEqual([0, 1, 1, 1]);
  });
});

describe("instantiateAll", () => {
  it("leaves the others alone where one kernel is rejected", async () => {
    const [typescript] = BACKENDS;
    if (typescript === undefined) throw new Error("no back end");
    const picky: Backend = {
      ...typescript,
      instantiate: (kernels) => {
        if (kernels.some(({ name }) => name === "k3")) throw new Error("no k3 here");
        return typescript.instantiate(kernels);
      },
    };
    const kernels = Array.from({ length: 5 }, (_, k) =>
      toKernel(SUBJECT.ir, SUBJECT.program, { dtype: "f64", name: `k${k}` }),
    );
    const made = await instantiateAll(picky, kernels);
    expect([...made].map(([name, { ok }]) => [name, ok]).sort()).toEqual(
      kernels.map(({ name }) => [name, name !== "k3"]),
    );
    expect(made.get("k3")).toEqual({ ok: false, reason: "no k3 here" });
  });
});
