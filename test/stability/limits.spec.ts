/**
 * Infinite and missing inputs, the smallest numbers and large offsets: the library's functions on every back end (the losses
 * are in losses.spec.ts). Where a formula as written has no value its limit stands as a number.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { GivenArray } from "../../src/eval/index.ts";
import { sweepAll, type Miss, type Sweep } from "./sweep.ts";

const vector = (data: readonly number[]): GivenArray => ({ shape: [data.length], data });
const matrix = (rows: readonly (readonly number[])[]): GivenArray => ({
  shape: [rows.length, rows[0]?.length ?? 0],
  data: rows.flat(),
});
const from = (file: string, name: string): string => `import { ${name} } from "./${file}.grad"\n`;

const NEAR_ZERO = [0, 1e-300, -1e-300, 1e-20, -1e-20, 1e-8, -1e-8];
const LINE = [...NEAR_ZERO, 1, -1, 5, -5, -20, -37, 37, -40, -100, 100, -700, 700, -745, 1e4, -1e4];

const activation = (name: string, x: readonly number[] = [...LINE, NaN]): Sweep => ({
  name,
  source: `${from("activations", name)}fn f(x: [N]) { return ${name}(x) }\n`,
  inputs: { x: vector(x) },
  wrt: ["x"],
});

/** Values and derivatives at -∞ and ∞. */
const atInfinity = (name: string, y: readonly number[], d: readonly number[]): Sweep => ({
  ...activation(name, [-Infinity, Infinity]),
  name: `${name} at infinity`,
  limits: { out: y, d_x: d },
});

const rows = (
  name: string,
  body: string,
  x: readonly (readonly number[])[],
  rest: Partial<Sweep> = {},
): Sweep => ({
  name,
  source: `fn f(x: [N, C]) {\n  ${body}\n  return y\n}\n`,
  inputs: { x: matrix(x) },
  wrt: ["x"],
  ...rest,
});

/** Rows of logits of which some are masked. */
const MASKED = [
  [0, -Infinity, 1],
  [1e4, -Infinity, 2],
  [-Infinity, -3, -Infinity],
];
const UNBOUNDED = [
  ...MASKED,
  [-Infinity, -Infinity, -Infinity],
  [0, Infinity, 1],
  [Infinity, -Infinity, 0],
  [NaN, 0, 1],
];
const ONE_OF_EACH = MASKED.flatMap((_, k) => [0, 1, 2].map((c) => (c === k ? 1 : 0)));
const perElement = { upstream: ONE_OF_EACH } as const;

const OFFSETS = [
  [10001, 10002, 10004, 10005],
  [1e4, 1e4 + 0.25, 1e4 - 0.5, 1e4 + 1],
  [1e6 + 1, 1e6 - 2, 1e6 + 3, 1e6 + 3.5],
];
const OF_OFFSETS = { relativeTo: "largest", upstream: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] } as const;

const SWEEPS: readonly Sweep[] = [
  ...["log_sigmoid", "softplus", "sigmoid", "mish", "swish", "gelu", "elu", "selu"].map((name) =>
    activation(name),
  ),
  atInfinity("log_sigmoid", [-Infinity, 0], [1, 0]),
  atInfinity("softplus", [0, Infinity], [0, 1]),
  atInfinity("sigmoid", [0, 1], [0, 0]),
  rows("log of a sum of exponentials", "y[n] = log(sum[c](exp(x[n, c])))", UNBOUNDED),
  rows("logsumexp", "y[n] = logsumexp[c](x[n, c])", UNBOUNDED),
  rows("softmax", "y[n, c] = exp(x[n, c]) / sum[k](exp(x[n, k]))", MASKED, perElement),
  rows("softmax of the prelude", "y = softmax(x)", MASKED, perElement),
  rows("log_softmax", "y = log_softmax(x)", MASKED, perElement),
  rows("log of softmax", "y = log(softmax(x))", MASKED, {
    ...perElement,
    // of the row's logarithm: what is masked has a probability of 0, and the derivative is that of the others
    limits: {
      d_x: [1 / (1 + Math.E), 0, -1 / (1 + Math.exp(-1)), -1, 1, 0, 0, -1, 1].map((d, k) =>
        k === 0 ? 1 - d : d,
      ),
    },
  }),
  rows("softmax of what a maximum gives", "z[n, c < C] = max[k < 2](x[n, c + k] ?? 0)\n  y[n, c] = exp(z[n, c]) / sum[k](exp(z[n, k]))", [[1e4, 0, 1e4 - 1]], { upstream: [1, 0, 0] }), // prettier-ignore
  rows("root of a mean of named squares", "q[n, c] = x[n, c]^2\n  m[n] = mean[c](q[n, c])\n  y[n] = sqrt(m[n])", [
    [1e-30, 2e-30, -1e-30],
    [1e30, 2e30, -3e30],
  ]), // prettier-ignore
  rows("norm of the zero vector", "y[n] = norm[c](x[n, c])", [
    [0, 0, 0],
    [1e-200, 0, 1e-200],
    [1e-30, 0, 2e-30],
    [3e200, 4e200, 0],
  ]),
  rows("root of a sum of squares, all 0", "y[n] = sqrt(sum[c](x[n, c]^2))", [[0, 0, 0], [3, 0, 4]], {
    limits: { d_x: [0, 0, 0, 0.6, 0, 0.8] },
  }), // prettier-ignore
  rows("variance", "y[n] = variance[c](x[n, c])", OFFSETS),
  rows("std", "y[n] = std[c](x[n, c])", OFFSETS),
  {
    name: "layer_norm",
    source: `${from("layers", "layer_norm")}fn f(x: [N, C], g: [C], b: [C]) { return layer_norm(x, g, b) }\n`,
    inputs: { x: matrix(OFFSETS), g: vector([1, 2, 0.5, -1]), b: vector([0, 0, 1, 0]) },
    wrt: ["x", "g"],
    ...OF_OFFSETS,
  },
  {
    name: "group_norm",
    source: `${from("layers", "group_norm")}fn f(x: [N, C, H, W], g: [C], b: [C]) { return group_norm(x, g, b) }\n`,
    inputs: { x: { shape: [1, 2, 2, 3], data: OFFSETS.flat() }, g: vector([1, 2]), b: vector([0, 0]) },
    wrt: ["x", "g"],
    ...OF_OFFSETS,
  },
];

describe("the library at the edges", () => {
  let misses: ReadonlyMap<string, readonly Miss[]>;

  beforeAll(async () => {
    misses = await sweepAll(SWEEPS);
  });

  test.each(SWEEPS.map(({ name }) => [name]))("%s", (name) => {
    expect(misses.get(name)).toEqual([]);
  });
});
