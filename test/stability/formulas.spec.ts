/** Formulas as a user writes them keep their digits, in value and gradient, on every back end. */
import { beforeAll, describe, expect, test } from "vitest";
import type { GivenArray } from "../../src/eval/index.ts";
import { sweepAll, type Miss, type Sweep } from "./sweep.ts";

const vector = (data: readonly number[]): GivenArray => ({ shape: [data.length], data });
const matrix = (rows: readonly (readonly number[])[]): GivenArray => ({
  shape: [rows.length, rows[0]?.length ?? 0],
  data: rows.flat(),
});

const SIZES = [1e-310, 1e-300, 1e-12, 1e-3, 0.5, 2, 12, 37, 88, 700];
const LINE = [0, ...SIZES, ...SIZES.map((x) => -x)];
/** Also where the exponential overflows: where 1,400 bits tell 1 + exp(x) from exp(x) no more, both are right. */
const LONG_LINE = [...LINE, 1e4, -1e4];

const elementwise = (body: string, xs: readonly number[] = LINE): Sweep => ({
  name: body,
  source: `fn f(x: [N]) {\n  ${body.includes("return") ? body : `return ${body}`}\n}\n`,
  inputs: { x: vector(xs) },
  wrt: ["x"],
});

/** In f32 the argument of the exponential in a tail has the error of its rounding: x² half ulps. */
const TAILS_OF_F32 = -4;

const ELEMENTWISE: readonly Sweep[] = [
  elementwise("log(1 + exp(x))", LONG_LINE),
  elementwise("-log(1 / (1 + exp(-x)))", LONG_LINE),
  elementwise("-log(sigmoid(x))", LONG_LINE),
  elementwise("p = sigmoid(x)\n return -log(1 - p)"),
  elementwise("p = 1 / (1 + exp(-x))\n return -log(1 - p)"),
  elementwise("exp(x) - 1"),
  elementwise("e = exp(x)\n return 1 - e"),
  elementwise(
    "log(1 + x)",
    LINE.filter((x) => x > -1),
  ),
  elementwise("1 / (1 + exp(-x))", LONG_LINE),
  elementwise("exp(x) / (1 + exp(x))", LONG_LINE),
  elementwise("1 - sigmoid(x)"),
  elementwise("s = sigmoid(x)\n return s * (1 - s)"),
  elementwise("1 - tanh(x)^2"),
  elementwise("t = tanh(x)\n return 1 - t * t"),
  elementwise("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", LONG_LINE),
  elementwise("log(cosh(x))", LONG_LINE),
  elementwise("log((exp(x) + exp(-x)) / 2)", LONG_LINE),
  elementwise("1 - cos(x)"),
  elementwise("x * tanh(log(1 + exp(x)))"),
  elementwise("x / (1 + exp(-x))"),
  elementwise("x > 0 ? x : exp(x) - 1"),
  { ...elementwise("x * (1 + erf(x / sqrt(2))) / 2"), dtypes: ["f64"] },
  elementwise(
    "x / 2 * (1 + erf(x / sqrt(2)))",
    LINE.filter((x) => x > TAILS_OF_F32),
  ),
  {
    ...elementwise(
      "0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))",
      LINE.filter((x) => Math.abs(x) < 100),
    ),
    dtypes: ["f64"],
  },
];

const two = (name: string, source: string, a: readonly number[], t: readonly number[]): Sweep => ({
  name,
  source: `fn f(x: [N], t: [N]) {\n  ${source}\n}\n`,
  inputs: { x: vector(a), t: vector(t) },
  wrt: ["x", "t"],
});

const LOGITS = [0, 1, -1, 30, -30, 100, -100, 700, -700];
const TARGETS = [0, 1, 0, 1, 0, 1, 0, 0.25, 0.5];

/** Probabilities as targets, where neither of the logarithms has the factor 0. */
const soft = (name: string, source: string): Sweep => {
  const [logits, targets] = [LOGITS.flatMap((x) => [x, x]), LOGITS.flatMap(() => [0.25, 0.9])];
  return { ...two(name, source, logits, targets), wrt: ["x"] };
};

const PAIRS: readonly Sweep[] = [
  two("log(exp(x) + exp(t))", "return log(exp(x) + exp(t))", [0, 1, -1e4, 1e4, 1e3, -800, 1e-10], [0, -1, -1e4, 1e4, -1e3, -801, -1e-10]), // prettier-ignore
  two("binary cross-entropy by sigmoid", "p = sigmoid(x)\n  return -(t * log(p) + (1 - t) * log(1 - p))", LOGITS, TARGETS), // prettier-ignore
  two("binary cross-entropy by exp", "p = 1 / (1 + exp(-x))\n  return -(t * log(p) + (1 - t) * log(1 - p))", LOGITS, TARGETS), // prettier-ignore
  ...["sigmoid(x)", "1 / (1 + exp(-x))"].flatMap((p) => [
    soft(
      `binary cross-entropy of a soft target by ${p}`,
      `p = ${p}\n  return -(t * log(p) + (1 - t) * log(1 - p))`,
    ),
    soft(
      `focal loss of a soft target by ${p}`,
      `p = ${p}\n  return -(t * (1 - p)^2 * log(p) + (1 - t) * p^2 * log(1 - p))`,
    ),
    soft(
      `focal loss of a soft target by pt and ${p}`,
      `p = ${p}\n  ce = -(t * log(p) + (1 - t) * log(1 - p))\n  pt = t * p + (1 - t) * (1 - p)\n  return (1 - pt)^2 * ce`,
    ),
  ]),
  two("binary cross-entropy of probabilities", "return -(t * log(x) + (1 - t) * log(1 - x))", [1e-300, 1e-10, 0.5, 1 - 2 ** -20, 1e-30], [0, 1, 0.3, 0, 1]), // prettier-ignore
];

/** Naive focal loss of a hard target; as it is written, 1 - p is 0 where p rounds to one in 1,400 bits. */
const FOCAL = two(
  "focal loss by a probability",
  "p = sigmoid(x)\n  pt = t == 1 ? p : 1 - p\n  return -(1 - pt)^2 * log(pt)",
  [0, 1, -1, 30, -30, 30, -30, 100, -100, 700, -700],
  [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1],
);

const rows = (name: string, body: string, x: readonly (readonly number[])[], rest: Partial<Sweep> = {}): Sweep => ({ name, source: `fn f(x: [N, C]) {\n  ${body}\n  return y\n}\n`, inputs: { x: matrix(x) }, wrt: ["x"], ...rest }); // prettier-ignore

const ROWS = [
  [0, 0, 0],
  [1, 2, 3],
  [1e4, 0, -1e4],
  [-1e4, -1e4, -1e4],
  [1e4, 1e4, 1e4],
  [-745, -740, -735],
  [88, 89, -104],
];
/** The gradient of one element in each row. */
const ONE_OF_EACH = ROWS.flatMap((_, k) => [0, 1, 2].map((c) => (c === k % 3 ? 1 : 0)));
const VECTORS = [
  [3, 4, 1],
  [1e200, 1e200, 1e200],
  [1e-200, 2e-200, 1e-201],
  [1e30, 1e30, 3e30],
  [1e-30, 1e-30, 1e-31],
];
/** Those that are not the zero vector in f32, where the derivative is 0 by convention and not as the formula has it. */
const NONZERO = VECTORS.filter(([x = 0]) => Math.fround(x) !== 0);
const NEAR = [
  [10000, 10001],
  [-10000, -10000.5],
  [0, 1],
];
const OFFSETS = [
  [10001, 10002, 10004, 10005],
  [1, 2, 4, 9],
  [1 / 1024, 2 / 1024, -3 / 1024, 0],
];

const REDUCTIONS: readonly Sweep[] = [
  rows("log of a sum of exponentials", "y[n] = log(sum[c](exp(x[n, c])))", ROWS),
  rows("the same in steps", "e[n, c] = exp(x[n, c])\n  s[n] = sum[c](e[n, c])\n  y[n] = log(s[n])", ROWS),
  rows("softmax", "y[n, c] = exp(x[n, c]) / sum[k](exp(x[n, k]))", ROWS, {
    upstream: ONE_OF_EACH,
    relativeTo: "largest",
  }),
  rows("log softmax", "y[n, c] = log(exp(x[n, c]) / sum[k](exp(x[n, k])))", ROWS, {
    upstream: ONE_OF_EACH,
    relativeTo: "largest",
  }),
  rows(
    "log softmax in steps, shifted",
    "e[n, c] = exp(x[n, c] - max[k](x[n, k]))\n  p[n, c] = e[n, c] / sum[k](e[n, k])\n  y[n, c] = log(p[n, c])",
    ROWS,
    { upstream: ONE_OF_EACH, relativeTo: "largest" },
  ),
  rows("norm", "y[n] = sqrt(sum[c](x[n, c]^2))", NONZERO),
  rows("norm in f64", "y[n] = sqrt(sum[c](x[n, c]^2))", VECTORS, { dtypes: ["f64"] }),
  rows("norm in steps", "s[n] = sum[c](x[n, c] * x[n, c])\n  y[n] = sqrt(s[n])", NONZERO),
  rows(
    "norm of named squares",
    "s[n, c] = x[n, c]^2\n  t[n] = sum[c](s[n, c])\n  y[n] = sqrt(t[n])",
    NONZERO,
  ),
  rows(
    "unit vectors by a named mean of squares",
    "d[n, c] = 2 * x[n, c]\n  v[n] = mean[c](d[n, c]^2)\n  r[n] = sqrt(v[n])\n  y[n, c] = d[n, c] / r[n]",
    NONZERO,
    {
      upstream: NONZERO.flatMap((_, k) => [0, 1, 2].map((c) => (c === k % 3 ? 1 : 0))),
      relativeTo: "largest",
    },
  ),
  rows("root mean square", "y[n] = sqrt(mean[c](x[n, c]^2))", NONZERO),
  rows("unit vectors", "y[n, c] = x[n, c] / sqrt(sum[k](x[n, k]^2))", VECTORS, {
    upstream: [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0],
  }),
  rows("logsumexp less the largest", "y[n, c] = x[n, c] - logsumexp[k](x[n, k])", ROWS, {
    upstream: ONE_OF_EACH,
    relativeTo: "largest",
  }),
  {
    ...rows("cross-entropy at large logits", "y[n] = logsumexp[c](x[n, c]) - x[n, k[n]]", NEAR),
    source: "fn f(x: [N, C], k: int[N]) {\n  y[n] = logsumexp[c](x[n, c]) - x[n, k[n]]\n  return y\n}\n",
    inputs: { x: matrix(NEAR), k: vector([0, 1, 0]) },
    relativeTo: "largest",
  },
  rows("variance by moments", "y[n] = mean[c](x[n, c]^2) - mean[c](x[n, c])^2", OFFSETS),
  rows(
    "variance by moments, in steps",
    "m[n] = mean[c](x[n, c])\n  s[n] = mean[c](x[n, c] * x[n, c])\n  y[n] = s[n] - m[n] * m[n]",
    OFFSETS,
  ),
  ...[
    "y[n] = (sum[c](x[n, c]^2) - sum[c](x[n, c])^2 / C) / (C - 1)",
    "y[n] = (sum[c](x[n, c]^2) - C * mean[c](x[n, c])^2) / (C - 1)",
    "y[n] = (mean[c](x[n, c]^2) - mean[c](x[n, c])^2) * C / (C - 1)",
    "s[n] = sum[c](x[n, c])\n  q[n] = sum[c](x[n, c] * x[n, c])\n  y[n] = (q[n] - s[n] * s[n] / C) / (C - 1)",
    "y[n] = sum[c](x[n, c]^2) / C - sum[c](x[n, c])^2 / C^2",
  ].map((body, k) => rows(`variance by moments, ${k + 1}`, body, OFFSETS)),
  {
    ...rows("variance by moments of a known number", "", [[...OFFSETS.flat(), 3]]),
    source: "fn f(x: [N, 13]) {\n  y[n] = (sum[c](x[n, c]^2) - sum[c](x[n, c])^2 / 13) / 12\n  return y\n}\n",
  },
  ...[
    "p[n] = sqrt(sum[c](a[n, c]^2))\n  q[n] = sqrt(sum[c](b[n, c]^2))\n  y[n] = d[n] / (p[n] * q[n])",
    "y[n] = d[n] / (norm[c](a[n, c]) * norm[c](b[n, c]))",
    "y[n] = d[n] / sqrt(sum[c](a[n, c]^2) * sum[c](b[n, c]^2))",
  ].map((body, k): Sweep => ({
    name: `cosine of tiny and of large vectors, ${k + 1}`,
    source: `fn f(a: [N, C], b: [N, C]) {\n  d[n] = sum[c](a[n, c] * b[n, c])\n  ${body}\n  return y\n}\n`,
    inputs: { a: matrix(VECTORS), b: matrix(VECTORS.map(([p, q, r]) => [r ?? 0, q ?? 0, -(p ?? 0)])) },
    wrt: ["a", "b"],
  })),
];

const ALL = [...ELEMENTWISE, ...PAIRS, { ...FOCAL, wrt: ["x"] }, ...REDUCTIONS];

describe("a naive formula", () => {
  let misses: ReadonlyMap<string, readonly Miss[]>;

  beforeAll(async () => {
    misses = await sweepAll(ALL);
  });

  test.each(ALL.map(({ name }) => [name]))("%s", (name) => {
    expect(misses.get(name)).toEqual([]);
  });
});
