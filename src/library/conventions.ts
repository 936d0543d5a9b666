/**
 * The choices where mathematics leaves one, as rows: at kinks, ties, poles, zeros, empty arrays and NaN. A spec holds every
 * back end to them; the documentation and the comparison with other libraries are made of the same rows.
 */

/** Numbers nested as deep as the array has dimensions. */
export type Nested = number | readonly Nested[];

export interface Convention {
  /** What it is about, in words; names the row. */
  readonly where: string;
  readonly what: string;
  /** A number made of the inputs, in the language. */
  readonly formula: string;
  /** The functions of the library that the formula calls. */
  readonly uses?: readonly string[];
  readonly inputs: Readonly<Record<string, Nested>>;
  readonly value: number;
  /** By inputs, which have to be floats; as nested as they are. */
  readonly gradient: Readonly<Record<string, Nested>>;
}

const ROWS = [
  // ---- kinks
  {
    where: "relu at 0",
    what: "derivative 0",
    formula: "sum(relu(x))",
    uses: ["relu"],
    inputs: { x: [-1, 0, 2] },
    value: 2,
    gradient: { x: [0, 0, 1] },
  },
  {
    where: "relu6 at 0 and 6",
    what: "derivative 0",
    formula: "sum(relu6(x))",
    uses: ["relu6"],
    inputs: { x: [0, 3, 6] },
    value: 9,
    gradient: { x: [0, 1, 0] },
  },
  {
    where: "leaky_relu and prelu at 0",
    what: "the slope of the left",
    formula: "sum(leaky_relu(x; alpha = 0.25)) + sum(prelu(x, 0.5))",
    uses: ["leaky_relu", "prelu"],
    inputs: { x: [-4, 0, 4] },
    value: 5,
    gradient: { x: [0.75, 0.75, 2] },
  },
  {
    where: "abs at 0",
    what: "derivative 0",
    formula: "sum(abs(x))",
    inputs: { x: [-2, 0, 3] },
    value: 5,
    gradient: { x: [-1, 0, 1] },
  },
  {
    where: "sign at 0",
    what: "0, with derivative 0",
    formula: "sum(sign(x))",
    inputs: { x: [-2, 0, 3, 4] },
    value: 1,
    gradient: { x: [0, 0, 0, 0] },
  },
  {
    where: "floor, ceil, trunc at whole numbers",
    what: "derivative 0",
    formula: "sum(floor(x) + 10 * ceil(x) + 100 * trunc(x))",
    inputs: { x: [-1.5, 2] },
    value: 110,
    gradient: { x: [0, 0] },
  },
  {
    where: "round at a half",
    what: "to the even neighbour, with derivative 0",
    formula: "sum(x * round(x))",
    inputs: { x: [0.5, 1.5, 2.5, -1.5] },
    value: 11,
    gradient: { x: [0, 2, 2, -2] },
  },
  {
    where: "clip at its bounds",
    what: "the gradient passes",
    formula: "sum(clip(x; lo = -1, hi = 1))",
    uses: ["clip"],
    inputs: { x: [-2, -1, 0.5, 1, 2] },
    value: 0.5,
    gradient: { x: [0, 1, 1, 1, 0] },
  },
  {
    where: "hard_tanh at its bounds",
    what: "the gradient passes, as it is clip",
    formula: "sum(hard_tanh(x))",
    uses: ["hard_tanh"],
    inputs: { x: [-2, -1, 0.5, 1, 2] },
    value: 0.5,
    gradient: { x: [0, 1, 1, 1, 0] },
  },
  {
    where: "hard_sigmoid at -3 and 3",
    what: "derivative 0",
    formula: "6 * sum(hard_sigmoid(x))",
    uses: ["hard_sigmoid"],
    inputs: { x: [-3, 0, 3] },
    value: 9,
    gradient: { x: [0, 1, 0] },
  },
  {
    where: "huber at delta",
    what: "both sides agree",
    formula: "huber(x, y; delta = 1)",
    uses: ["huber"],
    inputs: { x: [1, 3], y: [0, 3] },
    value: 0.25,
    gradient: { x: [0.5, 0], y: [-0.5, 0] },
  },
  {
    where: "hinge at its margin",
    what: "one half, as it is a maximum",
    formula: "hinge(x, y)",
    uses: ["hinge"],
    inputs: { x: [1, 0], y: [1, 1] },
    value: 0.5,
    gradient: { x: [-0.25, -0.5] },
  },
  {
    where: "floor_divide",
    what: "rounds down, with derivative 0",
    formula: "sum(floor_divide(x, y))",
    inputs: { x: [7, -7, 7, -7], y: [2, 2, -2, -2] },
    value: -2,
    gradient: { x: [0, 0, 0, 0], y: [0, 0, 0, 0] },
  },
  {
    where: "modulo",
    what: "of the divisor's sign; by the divisor, minus the floor of the quotient",
    formula: "sum(modulo(x, y))",
    inputs: { x: [7, -7, 7, -6], y: [4, 4, -4, 3] },
    value: 3,
    gradient: { x: [1, 1, 1, 1], y: [-1, 2, 2, 2] },
  },
  // ---- ties
  {
    where: "maximum at a tie",
    what: "one half each",
    formula: "sum(maximum(x, y))",
    inputs: { x: [1, 5, 2], y: [1, 3, 4] },
    value: 10,
    gradient: { x: [0.5, 1, 0], y: [0.5, 0, 1] },
  },
  {
    where: "minimum at a tie",
    what: "one half each",
    formula: "sum(minimum(x, y))",
    inputs: { x: [1, 5, 2], y: [1, 3, 4] },
    value: 6,
    gradient: { x: [0.5, 0, 1], y: [0.5, 1, 0] },
  },
  {
    where: "max at ties",
    what: "shared evenly",
    formula: "max(x)",
    inputs: { x: [2, 1, 2, 0, 2, 2] },
    value: 2,
    gradient: { x: [0.25, 0, 0.25, 0, 0.25, 0.25] },
  },
  {
    where: "min at ties",
    what: "shared evenly",
    formula: "min(x)",
    inputs: { x: [2, 1, 2, 1] },
    value: 1,
    gradient: { x: [0, 0.5, 0, 0.5] },
  },
  {
    where: "max over an axis at ties",
    what: "shared evenly in each row",
    formula: "sum[i](max[j](x[i, j]))",
    inputs: {
      x: [
        [3, 1, 3],
        [2, 2, 1],
      ],
    },
    value: 5,
    gradient: {
      x: [
        [0.5, 0, 0.5],
        [0.5, 0.5, 0],
      ],
    },
  },
  {
    where: "maxfirst, minfirst at ties",
    what: "the first",
    formula: "maxfirst(x) + 10 * minfirst(x)",
    inputs: { x: [2, 1, 2, 1] },
    value: 12,
    gradient: { x: [1, 10, 0, 0] },
  },
  {
    where: "max pooling at ties",
    what: "the first in row-major order",
    formula: "sum(maxpool2d(x; kernel = 2, stride = 2))",
    uses: ["maxpool2d"],
    inputs: {
      x: [
        [
          [
            [0, 3, 1, 1],
            [3, 3, 1, 1],
          ],
        ],
      ],
    },
    value: 4,
    gradient: {
      x: [
        [
          [
            [0, 1, 1, 0],
            [0, 0, 0, 0],
          ],
        ],
      ],
    },
  },
  {
    where: "argmax at ties",
    what: "the first; a whole number has no derivative",
    formula: "sum[i](i == argmax(x) ? i * x[i] : 0)",
    inputs: { x: [2, 7, 7, 1] },
    value: 7,
    gradient: { x: [0, 1, 0, 0] },
  },
  {
    where: "median and percentile at ties",
    what: "to one of them: equal elements are in order of their places",
    formula: "median(x)",
    uses: ["median"],
    inputs: { x: [5, 2, 5] },
    value: 5,
    gradient: { x: [1, 0, 0] },
  },
  // ---- powers
  {
    where: "a whole power of 0",
    what: "a product: 0² has gradient 0, 0¹ has 1",
    formula: "sum(x^2) + sum(x^1) + sum(x^3)",
    inputs: { x: [0, -2] },
    value: -6,
    gradient: { x: [1, 9] },
  },
  {
    where: "0 to a variable power",
    what: "0 · log 0 = 0",
    formula: "sum(pow(x, y))",
    inputs: { x: [0, 0, 0], y: [1, 2, 3] },
    value: 0,
    gradient: { x: [1, 0, 0], y: [0, 0, 0] },
  },
  {
    where: "0 to the 0",
    what: "1, with gradient 0",
    formula: "sum(pow(x, y))",
    inputs: { x: [0], y: [0] },
    value: 1,
    gradient: { x: [0], y: [0] },
  },
  {
    where: "a negative base",
    what: "a value for whole exponents; by the exponent NaN",
    formula: "sum(pow(x, y))",
    inputs: { x: [-2, -2], y: [3, 2] },
    value: -4,
    gradient: { x: [12, -4], y: [NaN, NaN] },
  },
  {
    where: "prod with one zero",
    what: "exact: the product of the others",
    formula: "prod(x)",
    inputs: { x: [2, 0, 3, 5] },
    value: 0,
    gradient: { x: [0, 30, 0, 0] },
  },
  {
    where: "prod with two zeros",
    what: "exact: 0",
    formula: "prod(x)",
    inputs: { x: [2, 0, 3, 0] },
    value: 0,
    gradient: { x: [0, 0, 0, 0] },
  },
  // ---- singular points
  {
    where: "norm at the zero vector",
    what: "0",
    formula: "norm(x)",
    uses: ["norm"],
    inputs: { x: [0, 0, 0] },
    value: 0,
    gradient: { x: [0, 0, 0] },
  },
  {
    where: "hypot at the origin",
    what: "0",
    formula: "sum(hypot(x, y))",
    inputs: { x: [0, 3], y: [0, 0] },
    value: 3,
    gradient: { x: [0, 1], y: [0, 0] },
  },
  {
    where: "sqrt at 0",
    what: "IEEE: as a limit",
    formula: "sum(sqrt(x))",
    inputs: { x: [0, 4] },
    value: 2,
    gradient: { x: [Infinity, 0.25] },
  },
  {
    where: "log at 0",
    what: "IEEE: as a limit",
    formula: "sum(log(x))",
    inputs: { x: [0] },
    value: -Infinity,
    gradient: { x: [Infinity] },
  },
  {
    where: "one over 0",
    what: "IEEE: as a limit",
    formula: "sum(1 / x)",
    inputs: { x: [0, 2] },
    value: Infinity,
    gradient: { x: [-Infinity, -0.25] },
  },
  {
    where: "a branch not taken",
    what: "nothing: neither NaN nor infinity",
    formula: "sum(x > 0 ? log(x) + sqrt(x) + 1 / x : 0)",
    inputs: { x: [0, 1, -1] },
    value: 2,
    gradient: { x: [0, 0.5, 0] },
  },
  {
    where: "the variance of equal numbers",
    what: "0, with gradient 0",
    formula: "variance(x)",
    inputs: { x: [2, 2, 2, 2] },
    value: 0,
    gradient: { x: [0, 0, 0, 0] },
  },
  // ---- nothing
  {
    where: "sum of nothing",
    what: "0",
    formula: "sum(x)",
    inputs: { x: [] },
    value: 0,
    gradient: { x: [] },
  },
  {
    where: "prod of nothing",
    what: "1",
    formula: "prod(x)",
    inputs: { x: [] },
    value: 1,
    gradient: { x: [] },
  },
  {
    where: "max of nothing",
    what: "-∞",
    formula: "max(x)",
    inputs: { x: [] },
    value: -Infinity,
    gradient: { x: [] },
  },
  {
    where: "min of nothing",
    what: "∞",
    formula: "min(x)",
    inputs: { x: [] },
    value: Infinity,
    gradient: { x: [] },
  },
  {
    where: "mean of nothing",
    what: "NaN",
    formula: "mean(x)",
    inputs: { x: [] },
    value: NaN,
    gradient: { x: [] },
  },
  {
    where: "logsumexp of nothing",
    what: "-∞: the log of a sum of nothing",
    formula: "logsumexp(x)",
    inputs: { x: [] },
    value: -Infinity,
    gradient: { x: [] },
  },
  // ---- NaN and infinity
  {
    where: "NaN where the value depends on it",
    what: "NaN",
    formula: "max(x) + sum(maximum(x, 0))",
    inputs: { x: [NaN, 2] },
    value: NaN,
    gradient: { x: [0, 1] },
  },
  {
    where: "NaN where the value does not depend on it",
    what: "no NaN",
    formula: "sum(y > 0 ? x * y : y)",
    inputs: { x: [NaN, 2], y: [-1, 3] },
    value: 5,
    gradient: { x: [0, 3], y: [1, 2] },
  },
  {
    where: "relu of NaN",
    what: "NaN, as relu(NaN) depends on it",
    formula: "sum(relu(x))",
    uses: ["relu"],
    inputs: { x: [NaN, 2] },
    value: NaN,
    gradient: { x: [1, 1] },
  },
  {
    where: "logsumexp of large numbers",
    what: "no overflow",
    formula: "logsumexp(x)",
    inputs: { x: [1000, 0] },
    value: 1000,
    gradient: { x: [1, 0] },
  },
  {
    where: "logsumexp with -∞",
    what: "a term of 0",
    formula: "logsumexp(x)",
    inputs: { x: [0, -Infinity] },
    value: 0,
    gradient: { x: [1, 0] },
  },
  {
    where: "softplus of large numbers",
    what: "no overflow",
    formula: "sum(softplus(x))",
    inputs: { x: [1000, -1000] },
    value: 1000,
    gradient: { x: [1, 0] },
  },
  {
    where: "softmax with -∞",
    what: "a weight of 0",
    formula: "sum(softmax(x) * y)",
    uses: ["softmax"],
    inputs: { x: [1, -Infinity, 1], y: [1, 2, 3] },
    value: 2,
    gradient: { x: [-0.5, 0, 0.5], y: [0.5, 0, 0.5] },
  },
  {
    where: "softmax with ∞",
    what: "NaN: ∞ / ∞",
    formula: "sum(softmax(x) * y)",
    uses: ["softmax"],
    inputs: { x: [1, Infinity, 0], y: [1, 2, 3] },
    value: NaN,
    gradient: { x: [NaN, NaN, NaN], y: [NaN, NaN, NaN] },
  },
  {
    where: "swish at -∞",
    what: "NaN: -∞ · 0, as the formula has it in IEEE arithmetic; the limit is 0",
    formula: "sum(swish(x))",
    uses: ["swish"],
    inputs: { x: [-Infinity] },
    value: NaN,
    gradient: { x: [NaN] },
  },
  {
    where: "mish at -∞",
    what: "NaN: -∞ · 0, as the formula has it in IEEE arithmetic; the limit is 0",
    formula: "sum(mish(x))",
    uses: ["mish"],
    inputs: { x: [-Infinity] },
    value: NaN,
    gradient: { x: [NaN] },
  },
  {
    where: "gelu at -∞",
    what: "NaN: -∞ · 0, as the formula has it in IEEE arithmetic; the limit is 0",
    formula: "sum(gelu(x))",
    uses: ["gelu"],
    inputs: { x: [-Infinity] },
    value: NaN,
    gradient: { x: [NaN] },
  },
  // ---- reads by data
  {
    where: "a row that is read twice",
    what: "gets both gradients",
    formula: "sum(embedding(x, index))",
    uses: ["embedding"],
    inputs: {
      x: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      index: [2, 0, 2],
    },
    value: 25,
    gradient: {
      x: [
        [1, 1],
        [0, 0],
        [2, 2],
      ],
    },
  },
] as const satisfies readonly Convention[];

export type ConventionName = (typeof ROWS)[number]["where"];

export const CONVENTIONS: readonly Convention[] = ROWS;

/** Nested numbers as an array: flat and row-major. */
export const arrayOf = (nested: Nested): { readonly shape: readonly number[]; readonly data: number[] } => {
  const shape: number[] = [];
  let level: readonly Nested[] = [nested];
  for (let first = level[0]; first !== undefined && typeof first !== "number"; first = level[0]) {
    shape.push(first.length);
    level = level.flatMap((each) => (typeof each === "number" ? [] : each));
  }
  return { shape, data: level.filter((each) => typeof each === "number") };
};
