import { describe, expect, it } from "vitest";
import { compileFunctions, readLibrary } from "../../src/cli/library.ts";
import { floatInputs, gradcheck, subjectOf, type CheckedProgram } from "../../src/cli/gradcheck.ts";
import {
  checkGradients,
  formatReport,
  passes,
  type Report,
  type Subject,
} from "../../src/gradcheck/index.ts";
import { evaluate, type Inputs } from "../../src/eval/index.ts";

const library = readLibrary();

const programsOf = (functions: Readonly<Record<string, string>>): readonly CheckedProgram[] => {
  const names = Object.keys(functions);
  const texts = names.map((name) => ({
    name,
    text: `fn ${name}${functions[name] ?? ""}\n`,
    uses: USES[name] ?? [],
  }));
  const compiled = compileFunctions(texts, library);
  return names.map((name) => {
    const one = compiled.get(name);
    if (one?.ok !== true) throw new Error(one?.reason);
    return { ir: one.ir, program: one.program, wrt: floatInputs(one.program) };
  });
};

const USES: Readonly<Record<string, readonly string[]>> = {
  convolve: ["conv2d"],
  pool: ["maxpool2d"],
  attend: ["attention"],
  normalise: ["layer_norm"],
  classify: ["cross_entropy_labels"],
  look_up: ["embedding"],
};

const FUNCTIONS = {
  rectify: "(x: [N]) { return x > 0 ? x : 0.1 * x }",
  convolve: `(x: [N, C, H, W], w: [K, C, KH, KW], b: [K]) { return conv2d(x, w, b; stride = 2, pad = 1) }`,
  pool: "(x: [N, C, H, W]) { return maxpool2d(x) }",
  attend: "(q: [B, L, D], k: [B, S, D], v: [B, S, E]) { return attention(q, k, v) }",
  normalise: "(x: [N, C], gamma: [C], beta: [C]) { return layer_norm(x, gamma, beta) }",
  classify: "(logits: [N, C], label: int[N]) { return cross_entropy_labels(logits, label) }",
  look_up: "(w: [V, D], index: int[N]) { return embedding(w, index) }",
  logarithm: "(x: [N]; scale = 2) { return log(scale * x) / sqrt(x) }",
  weighed: "(x: [N], y: [N]) { return sum(stop_gradient(x * exp(y)) * x^2) }",
  truncated:
    "(x: [T], w: []) {\n  h[0] = x[0]\n  h[t] = tanh(w * stop_gradient(h[t-1]) + x[t])\n  return sum(h^2)\n}",
  several: "(x: [N], y: [N]) {\n  a = x * exp(y)\n  return a, sum(a * maximum(x, y))\n}",
};

const failures = (reports: readonly Report[]): readonly string[] =>
  reports.filter((report) => !passes(report)).flatMap(formatReport);

describe("gradcheck", () => {
  it("accepts derived gradients on every back end", async () => {
    const reports = await gradcheck(programsOf(FUNCTIONS));
    expect(failures(reports)).toEqual([]);
    expect(reports.map(({ rows }) => rows.length > 0)).toEqual(reports.map(() => true));
    const backends = new Set(reports.flatMap(({ rows }) => rows.map(({ backend }) => backend)));
    expect([...backends].sort()).toEqual(["TypeScript", "WASM f32", "WASM f64", "interpreter"]);
  });

  const only = (functions: Readonly<Record<string, string>>): Subject => {
    const [one] = programsOf(functions).map(subjectOf);
    if (one === undefined) throw new Error("no function");
    return one;
  };
  const subject = only({ smooth: "(x: [N], y: [N]) { return sin(x) * y + x^3 }" });

  it("names the element where a gradient is wrong, the input there and both values", () => {
    const spoil = (inputs: Inputs) => {
      const right = new Map([...evaluate(subject.vjp, inputs)].map(([name, { data }]) => [name, data]));
      const spoilt = Float64Array.from(right.get("d_x") ?? []);
      spoilt[1] = (spoilt[1] ?? 0) * (1 + 1e-6);
      return right.set("d_x", spoilt);
    };
    const value = (inputs: Inputs) =>
      new Map([...evaluate(subject.value, inputs)].map(([name, { data }]) => [name, data]));
    const report = checkGradients(subject, [
      { name: "spoilt", format: "f64", value, held: value, vjp: spoil },
    ]);
    expect(passes(report)).toBe(false);
    const wrong = report.rows.filter(({ failure }) => failure !== undefined);
    expect(wrong.map(({ backend }) => backend)).toEqual(["spoilt", "spoilt", "spoilt"]);
    const [, differences] = wrong;
    expect(differences?.failure?.place).toBe("x[1]");
    expect(differences?.failure?.at).toBeTypeOf("number");
    expect(formatReport(report).join("\n")).toMatch(
      /x\[1\] \(there -?[\d.]+\): expected .* got .* on spoilt/,
    );
  });

  it("notices a program whose derivative is not its own", () => {
    const other = only({ smooth: "(x: [N], y: [N]) { return sin(x) * y + x^2 }" });
    const report = checkGradients({ ...subject, vjp: other.vjp }, []);
    const wrong = report.rows.filter(({ failure }) => failure !== undefined);
    expect(wrong.map(({ comparison, of }) => `${comparison} ${of}`)).toEqual([
      "differences x",
      "adjoint identity x, y",
    ]);
  });

  it("leaves out places next to a kink, and counts them", () => {
    const steps = only({ steps: "(x: [N]) { return sin(x) + floor(x * 1048576) / 1e9 }" });
    const [row] = checkGradients(steps, [], { dims: new Map([["N", 5]]) }).rows;
    expect(row).toMatchObject({ comparison: "differences", of: "x", checked: 0, skipped: 5 });
  });
});
