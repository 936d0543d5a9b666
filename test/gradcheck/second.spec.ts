import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hessiancheck, secondOrderOf, subjectOf, type CheckedProgram } from "../../src/cli/gradcheck.ts";
import { checkHessians, formatReport, passes, type SecondOrder } from "../../src/gradcheck/index.ts";
import {
  affine,
  build,
  createArena,
  type Affine,
  type Arena,
  type Index,
  type Program,
} from "../../src/ir/index.ts";
import { compileModule } from "../../src/pipeline.ts";
import { BACKENDS } from "../../src/cli/backends.ts";
import { readable, structureText } from "../../src/explain/index.ts";
import { randomProgram } from "../properties/programs.ts";

const checked = (text: string, wrt: readonly string[]): CheckedProgram => {
  const module = compileModule({ name: "second.grad", text });
  const ir = createArena();
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error(`rejected:\n${text}`);
  return { ir, program: program.value, wrt };
};

const SOURCES: readonly (readonly [text: string, wrt: readonly string[]])[] = [
  ["fn f(x: [N, C], y: [N]) { return sum[n](y[n] * logsumexp[c](x[n, c]^2)) }", ["x", "y"]],
  ["fn f(x: [N, C]) { y[n, c] = exp(x[n, c]) / sum[k](exp(x[n, k])) return y }", ["x"]],
  ["fn f(x: [N]) { return sum[n](x[n] * ((x[n + 1] ?? 0) - x[n]^2)^2) }", ["x"]],
  ["fn f(a: [N, K], b: [K, M]) { return sum[n, m](tanh(sum[k](a[n, k] * b[k, m]))) }", ["a", "b"]],
  ["fn f(x: [V, D], k: int[N]) { return sum[n](sqrt(1 + sum[d](x[k[n], d]^2))) }", ["x"]],
  // symmetric, of what data scatters
  ["fn f(x: [V], k: int[N], w: [N]) { return sum[n](x[k[n]] * w[n])^2 }", ["x"]],
  // an input with the name of a result
  ["fn f(x: [N], h_x_x: [N]) { return sum(x^3 * h_x_x) }", ["x"]],
  ["fn f(x: [N], y: [N]) { return sum(stop_gradient(x * exp(y)) * x^3) }", ["x"]],
  ["fn f(x: [N], s: []) { return sum(x > 0 ? exp(s * x) : s * x^2) }", ["x", "s"]],
];

const failures = (reports: readonly Parameters<typeof passes>[0][]): readonly string[] =>
  reports.filter((report) => !passes(report)).flatMap(formatReport);

describe("second derivatives", () => {
  it("agree with differences, with themselves and on every back end", async () => {
    const reports = await hessiancheck(SOURCES.map(([text, wrt]) => checked(text, wrt)));
    expect(failures(reports)).toEqual([]);
    const compared = new Set(reports.flatMap(({ rows }) => rows.map(({ comparison }) => comparison)));
    expect([...compared].sort()).toEqual(["hessian", "product", "second differences", "symmetry"]);
    for (const { rows } of reports) {
      const empty = rows
        .filter(({ checked: count }) => count === 0)
        .map(({ comparison, of }) => [comparison, of]);
      // one number is symmetric
      expect(empty).toEqual(rows.some(({ of }) => of === "h_s_s") ? [["symmetry", "h_s_s"]] : []);
    }
  });

  it("of random programs agree with differences", () => {
    fc.assert(
      fc.property(randomProgram, ({ source }) => {
        const program = checked(source, ["x", "y", "z"]);
        const report = checkHessians(secondOrderOf(program, subjectOf(program)), []);
        if (!passes(report)) throw new Error([...formatReport(report), source].join("\n"));
      }),
      { numRuns: 12, seed: 2 },
    );
  });
});

const difference = (ir: Arena, [row, column]: readonly Index[]): Affine =>
  row === undefined || column === undefined
    ? affine.fixed(ir, 0)
    : affine.minus(ir, affine.ofIndex(ir, row), affine.ofIndex(ir, column));

/** The programs with one of their matrices changed. */
const broken = (change: (ir: Arena, hessian: Program) => Program): SecondOrder => {
  const program = checked("fn f(x: [N]) { return sum(x)^3 + sum(exp(x)) }", ["x"]);
  const second = secondOrderOf(program, subjectOf(program));
  return { ...second, dense: change(program.ir, second.dense) };
};

/** With extents, where two that have to go together are not sampled so. */
const RECURRENCES: readonly (readonly [
  text: string,
  wrt: readonly string[],
  structures: readonly string[],
])[] = [
  ["fn f(x: [T]) { p[0] = x[0]\n p[t] = p[t - 1] * x[t]\n return sum(p) }", ["x"], ["symmetric, dense"]],
  [
    "fn f(x: [N, T], a: []) { h[n, 0] = x[n, 0]\n h[n, t] = tanh(a * h[n, t - 1] + x[n, t])\n return sum(h^2) }",
    ["x", "a"],
    ["symmetric, block-diagonal (one block per n)", "dense", "dense"],
  ],
  [
    `fn f(x: [N, T]) {
      c[n, t] = 0.5 * (c[n, t - 1] ?? 0) + sin(x[n, t] + (h[n, t - 1] ?? 0))
      h[n, t] = tanh(c[n, t]) * x[n, t]
      return sum[n, t](h[n, t])
    }`,
    ["x"],
    ["symmetric, block-diagonal (one block per n)"],
  ],
  [
    `fn f(x: [T], a: []) {
      h[0] = x[0]
      h[t] = h[t - 1] > 0 ? h[t - 1] * a - x[t] : sin(h[t - 1]) + x[t]^2
      return sum(h^2)
    }`,
    ["x"],
    ["symmetric, dense"],
  ],
];

describe("second derivatives of recurrences", () => {
  it("agree with differences and on a back end, and keep the structure of their batch", async () => {
    const programs = RECURRENCES.map(([text, wrt]) => checked(text, wrt));
    const reports = await hessiancheck(programs, BACKENDS.slice(0, 1));
    expect(failures(reports)).toEqual([]);
    const structures = programs.map((each) => {
      const { hessian } = secondOrderOf(each, subjectOf(each));
      return readable(each.ir, hessian).matrices.map(structureText);
    });
    expect(structures).toEqual(RECURRENCES.map(([, , expected]) => expected));
  });
});

describe("a wrong Hessian is found", () => {
  it("where entries are left out", () => {
    const second = broken((ir, dense) => ({
      ...dense,
      definitions: dense.definitions.map((each) =>
        each.tensor === dense.outputs[0]?.tensor
          ? { ...each, body: build.guard(ir, build.isZero(ir, difference(ir, each.indices)), each.body) }
          : each,
      ),
    }));
    const { rows } = checkHessians(second, []);
    expect(rows.filter(({ failure }) => failure !== undefined).map(({ comparison }) => comparison)).toEqual([
      "second differences",
    ]);
  });

  it("where it is not symmetric", () => {
    const second = broken((ir, dense) => ({
      ...dense,
      definitions: dense.definitions.map((each) =>
        each.tensor === dense.outputs[0]?.tensor
          ? { ...each, body: build.add(ir, each.body, build.indexValue(ir, difference(ir, each.indices))) }
          : each,
      ),
    }));
    const { rows } = checkHessians(second, []);
    const wrong = rows.filter(({ failure }) => failure !== undefined).map(({ comparison }) => comparison);
    expect(wrong).toContain("symmetry");
  });
});
