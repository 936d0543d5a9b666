import { describe, expect, it } from "vitest";
import { evaluate, type Inputs } from "../../src/eval/index.ts";
import { formulas } from "../../src/explain/index.ts";
import { createArena, type Program } from "../../src/ir/index.ts";
import { compileModule, forward } from "../../src/pipeline.ts";

const programOf = (text: string): Program => {
  const module = compileModule({ name: "support.grad", text });
  const ir = createArena();
  const made = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (made?.ok !== true) throw new Error(`rejected:\n${text}`);
  return forward(ir, made.value);
};

/** The definition of a name. */
const lineOf = (text: string, name: string): string =>
  formulas(programOf(text), "text").find((line) => line.startsWith(name)) ?? "";

const masked = (test: string): string => `fn f(x: [N, N], v: [N]) {
    s[i, j] = ${test} ? x[i, j] : -inf
    m[i] = max[k](s[i, k])
    e[i, j] = exp(s[i, j] - m[i])
    y[i] = sum[t](e[i, t] * v[t])
    return y
  }`;

const TRIANGLE = `
  a[i, j] = j <= i ? x[i, j] : 0
`;

const withTriangle = (sum: string): string =>
  `fn f(x: [N, N], v: [N]) {${TRIANGLE} y[i] = ${sum}  return y }`;

interface Row {
  readonly about: string;
  readonly text: string;
  readonly name: string;
  readonly contains: string;
}

const ROWS: readonly Row[] = [
  {
    about: "a factor that is 0",
    text: withTriangle("sum[t](a[i, t] * v[t])"),
    name: "y",
    contains: "[t ≤ i]",
  },
  {
    about: "a power and a function that is 0 there",
    text: withTriangle("sum[t](tanh(a[i, t])^2 * v[t])"),
    name: "y",
    contains: "[t ≤ i]",
  },
  {
    about: "terms that are all 0 there",
    text: withTriangle("sum[t](a[i, t] * v[t] + a[i, t])"),
    name: "y",
    contains: "[t ≤ i]",
  },
  {
    about: "the exponential of -∞",
    text: masked("j <= i"),
    name: "y",
    contains: "[t ≤ i]",
  },
  { about: "a maximum", text: masked("j <= i"), name: "m", contains: "(k ≤ i ? s[i, k] : -Infinity)" },
];

const WHOLE: readonly Row[] = [
  {
    about: "another term is not 0",
    text: withTriangle("sum[t](a[i, t] + v[t])"),
    name: "y",
    contains: "Σ[t] (a[i, t] + v[t])",
  },
  {
    about: "the function is not 0 at 0",
    text: withTriangle("sum[t](cos(a[i, t]))"),
    name: "y",
    contains: "Σ[t] cos(a[i, t])",
  },
  {
    about: "a test of data says nothing about loops",
    text: masked("v[j] > 0"),
    name: "y",
    contains: "Σ[t] ",
  },
  {
    about: "a row may be empty, so that its exponentials are no numbers",
    text: masked("j < i"),
    name: "y",
    contains: "Σ[t] ",
  },
];

describe("a sum is over where its terms are not 0", () => {
  it.each(ROWS)("$about", ({ text, name, contains }) => {
    expect(lineOf(text, name)).toContain(contains);
  });

  it.each(WHOLE)("not where $about", ({ text, name, contains }) => {
    expect(lineOf(text, name)).toContain(contains);
  });

  const inputs = (x: readonly number[], v: readonly number[]): Inputs => ({
    dims: new Map([["N", 2]]),
    tensors: new Map([
      ["x", { shape: [2, 2], data: x }],
      ["v", { shape: [2], data: v }],
    ]),
  });

  it("which may be infinite or no number elsewhere", () => {
    const y = evaluate(programOf(masked("j <= i")), inputs([1, Infinity, 2, 3], [5, NaN])).get("y");
    expect([...(y?.data ?? [])]).toEqual([5, NaN]);
  });

  it("and an empty row stays no number", () => {
    const y = evaluate(programOf(masked("j < i")), inputs([1, 1, 2, 3], [5, 6])).get("y");
    expect([...(y?.data ?? [])]).toEqual([NaN, 5]);
  });
});
