import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/eval/index.ts";
import { programOf } from "./compile.ts";

const valueOf = (call: string, x: readonly number[]): readonly number[] => {
  const program = programOf(`fn f(x: [N]) { return ${call} }`);
  const inputs = { tensors: new Map([["x", { shape: [x.length], data: x }]]) };
  return [...(evaluate(program, inputs).get("out")?.data ?? [])];
};

const close = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  for (const [k, value] of expected.entries()) {
    const got = actual[k] ?? NaN;
    if (Number.isFinite(value)) expect(Math.abs(got - value)).toBeLessThanOrEqual(4e-15 * Math.abs(value));
    else expect(got).toBe(value);
  }
};

/** Values that JavaScript's own functions give by another formula, or that are known. */
const SCALARS: readonly (readonly [string, readonly number[], (x: number) => number])[] = [
  ["square(x)", [-3, 0, 1.5], (x) => x * x],
  ["reciprocal(x)", [-4, 0.125, 3], (x) => 1 / x],
  ["rsqrt(x)", [4, 0.25, 2], (x) => 1 / Math.sqrt(x)],
  ["log2(x)", [0.5, 3, 1e300], Math.log2],
  ["log10(x)", [0.01, 3, 1e300], Math.log10],
  ["exp2(x)", [-3, 0.5, 10], (x) => 2 ** x],
  ["logit(x)", [0.25, 0.5, 0.75], (x) => Math.log(x / (1 - x))],
  ["log_sigmoid(x)", [-800, -1, 2], (x) => (x < -700 ? x : -Math.log1p(Math.exp(-x)))],
  ["clip(x, -1, 2)", [-5, -1, 0.5, 2, 7], (x) => Math.min(Math.max(x, -1), 2)],
  ["sec(x)", [0.5, 2], (x) => 1 / Math.cos(x)],
  ["csc(x)", [0.5, 2], (x) => 1 / Math.sin(x)],
  ["cot(x)", [0.5, 2], (x) => Math.cos(x) / Math.sin(x)],
  ["asec(x)", [-3, 1.5], (x) => Math.acos(1 / x)],
  ["acsc(x)", [-3, 1.5], (x) => Math.asin(1 / x)],
  ["acot(x)", [-3, 1.5], (x) => Math.atan(1 / x)],
  ["sech(x)", [0.5, 800], (x) => 1 / Math.cosh(x)],
  ["csch(x)", [0.5, -2], (x) => 1 / Math.sinh(x)],
  ["coth(x)", [0.5, -2], (x) => Math.cosh(x) / Math.sinh(x)],
  ["asech(x)", [0.25, 0.75], (x) => Math.log(1 / x + Math.sqrt(1 / (x * x) - 1))],
  ["acsch(x)", [0.25, 3], (x) => Math.log(1 / x + Math.sqrt(1 / (x * x) + 1))],
  ["acoth(x)", [1.5, -3], (x) => Math.log((x + 1) / (x - 1)) / 2],
];

describe("scalar functions of the prelude", () => {
  it.each(SCALARS)("%s", (call, points, expected) => {
    close(valueOf(call, points), points.map(expected));
  });
});

describe("functions of arrays in the prelude", () => {
  it("variance and std are of the whole population, far from zero too", () => {
    close(valueOf("variance(x)", [1, 2, 3, 6]), [3.5]);
    close(valueOf("std(x)", [1e9 + 1, 1e9 + 3]), [1]);
  });

  it("norm is Euclidean, and zero at zero", () => {
    close(valueOf("norm(x)", [3, -4]), [5]);
    close(valueOf("norm(x)", [0, 0]), [0]);
  });

  it("logsumexp, softmax and log_softmax do not overflow", () => {
    close(valueOf("logsumexp(x)", [1000, 1000]), [1000 + Math.log(2)]);
    close(valueOf("logsumexp(x)", [-1000, -Infinity]), [-1000]);
    close(valueOf("softmax(x)", [1e4, 1e4, -1e4]), [0.5, 0.5, 0]);
    close(valueOf("log_softmax(x)", [1e4, -1e4]), [0, -2e4]);
  });

  it("work over indices", () => {
    const program = programOf("fn f(x: [N, C]) { y[c] = norm[n](x[n, c])  return y }");
    const x = { shape: [2, 2], data: [3, 0, 4, 7] };
    expect([...(evaluate(program, { tensors: new Map([["x", x]]) }).get("y")?.data ?? [])]).toEqual([5, 7]);
  });
});

describe("a function that is named as one of the language's", () => {
  const at = (text: string, x: readonly number[]): readonly number[] => {
    const results = evaluate(programOf(text), { tensors: new Map([["x", { shape: [x.length], data: x }]]) });
    return [...(results.get("out")?.data ?? [])];
  };

  it("means that one by its own name", () => {
    close(at("fn norm(x: [N]) { return 2 * norm(x) }", [3, 4]), [10]);
    close(at("fn exp(x) { return 1 + exp(x) }", [0, 1]), [2, 1 + Math.E]);
    close(at("fn max(x: [N]) { return -max[i](x[i]) }", [3, 4]), [-4]);
  });

  it("comes first for the others", () => {
    close(at("fn exp(x) { return 1 + exp(x) }\nfn twice(x: [N]) { return exp(x) + exp(x) }", [0]), [4]);
  });
});
