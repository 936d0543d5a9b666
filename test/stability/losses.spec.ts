/**
 * Every loss of the library at the edges of what it is given, value and gradient against the formula in 1,400 bits, on every
 * back end: logits to ±10⁴, probabilities of 0 and 1 and next to them, the smallest numbers, infinities and NaN.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type OperationName } from "../../src/library/operations.ts";
import { sweepAll, type Miss, type Sweep, type Trial } from "./sweep.ts";

/** A row of arguments in the order of the parameters: each is a number, or a row of classes. */
type Arguments = readonly (number | readonly number[])[];

/** The value, and the gradients by the parameters that have one, where the formula as written has none. */
interface Limit {
  readonly at: Arguments;
  readonly value: number;
  readonly gradient: Readonly<Record<string, number | readonly number[]>>;
}

interface Row {
  /** The parameters with their types; numbers are arrays of one element here, rows of classes matrices of one row. */
  readonly params: string;
  readonly wrt: readonly string[];
  readonly at: readonly Arguments[];
  readonly limits?: readonly Limit[];
}

const DENORMALS = [5e-324, 1e-310, 1e-45, 1e-40];
/** Differences: from 0 over denormals and what the square of underflows to what it overflows of; infinite and missing. */
const SIZES = [5e-324, 1e-45, 1e-200, 1e-30, 1e-8, 0.5, 1, 30, 1e4, 1e30, 1e160];
const ERRORS = [0, ...SIZES, ...SIZES.map((x) => -x), NaN];
const LOGITS = [0, 5e-324, 1e-45, 1e-8, 1, 30, 100, 700, 1e4].flatMap((x) => (x === 0 ? [0] : [x, -x]));
/** Next to one: the last number of f64 before it, and that of f32. */
const PROBABILITIES = [...DENORMALS, 1e-30, 1e-8, 0.3, 0.5, 1 - 1e-6, 1 - 2 ** -24, 1 - 2 ** -53];
/** Those whose reciprocals are numbers. */
const ORDINARY = PROBABILITIES.filter((p) => p >= 1e-30);
const HARD = [0, 1];
const SOFT = [0, 1, 0.25];

const pairs = (xs: readonly number[], ts: readonly number[]): readonly Arguments[] =>
  xs.flatMap((x) => ts.map((t) => [x, t]));

/** No class outweighs the others so far that only the last digits of 1 tell of them: docs/accuracy.md says what is lost there. */
const ROWS: readonly (readonly number[])[] = [
  [0, 0, 0],
  [1, 2, 3],
  [1e4, 0, -1e4],
  [-1e4, -1e4, -1e4],
  [1e4, 1e4, 1e4],
  [-745, -744, -743],
  [88, 89, -104],
  [5e-324, -1e-45, 1e-8],
  [0, -Infinity, 1],
  [NaN, 0, 1],
];
const VECTORS: readonly (readonly number[])[] = [
  [3, 4, 1],
  [1e200, 1e200, 1e200],
  [1e-200, 2e-200, 1e-201],
  [1e30, 1e30, 3e30],
  [1e-30, 1e-30, 1e-31],
  [1, 0, NaN],
];

const regression = (at: readonly Arguments[] = []): Row => ({
  params: "pred: [N], target: [N]",
  wrt: ["pred"],
  at: [...pairs(ERRORS, [0]), [1e4, 1e4 + 1], [Infinity, 0], [-Infinity, 1], ...at],
});

const TABLE: { readonly [K in OperationName<"losses">]: Row } = {
  mse: { ...regression([[Infinity, Infinity]]), wrt: ["pred", "target"] },
  mae: regression(),
  bce: {
    params: "prob: [N], target: [N]",
    wrt: ["prob"],
    at: [...pairs(PROBABILITIES, SOFT), [0, 1], [1, 0], [0, 0.5], [1, 0.5], [NaN, 1], [0.5, NaN]],
    limits: [
      { at: [0, 0], value: 0, gradient: { prob: 1 } },
      { at: [1, 1], value: 0, gradient: { prob: -1 } },
    ],
  },
  bce_with_logits: {
    params: "logits: [N], target: [N]",
    wrt: ["logits"],
    at: [...pairs(LOGITS, SOFT), [NaN, 1], [0.5, NaN], [-Infinity, 0.5], [Infinity, 0.5]],
  },
  cross_entropy: {
    params: "logits: [N, C], target: [N, C]",
    wrt: ["logits"],
    at: ROWS.flatMap((x): readonly Arguments[] => [[x, [0.5, 0.25, 0.25]], [x, [0, 0, 1]]]),
  },
  cross_entropy_labels: {
    params: "logits: [N, C], label: int[N]",
    wrt: ["logits"],
    at: ROWS.flatMap((x) => [0, 2].map((label) => [x, label])),
  },
  nll: {
    params: "logp: [N, C], label: int[N]",
    wrt: ["logp"],
    at: [[[0, -1e4, -5e-324], 2], [[-Infinity, 0, -1], 0], [[-Infinity, NaN, -1], 2], [[NaN, 0, 0], 0]],
  },
  kl_divergence: {
    params: "p: [N, C], q: [N, C]",
    wrt: ["q"],
    at: [...DENORMALS, 1e-30, 0.3, 1 - 2 ** -24].map((q) => [[0.5, 0.25, 0.25], [q, 1 - q, 0.5]]),
    limits: [{ at: [[0, 1, 0], [0.5, 0.5, 0]], value: Math.log(2), gradient: { q: [0, -2, 0] } }],
  },
  hinge: { ...regression(), at: [...pairs(ERRORS, [1, -1]), [Infinity, 1], [Infinity, -1], [-Infinity, 1]] },
  focal: {
    params: "prob: [N], target: [N]",
    wrt: ["prob"],
    at: [...pairs(PROBABILITIES, HARD), ...pairs(ORDINARY, SOFT), [0, 1], [1, 0], [NaN, 1], [0.5, NaN]],
    limits: [
      { at: [0, 0], value: 0, gradient: { prob: 0 } },
      { at: [1, 1], value: 0, gradient: { prob: 0 } },
      { at: [0, 1], value: Infinity, gradient: { prob: -Infinity } },
      { at: [1, 0], value: Infinity, gradient: { prob: Infinity } },
      { at: [1, 0.25], value: Infinity, gradient: { prob: Infinity } },
    ],
  },
  focal_with_logits: {
    params: "logits: [N], target: [N]",
    wrt: ["logits"],
    at: [...pairs(LOGITS, SOFT), [NaN, 1], [0.5, NaN]],
  },
  huber: regression(),
  smooth_l1: regression(),
  cosine_similarity_loss: {
    params: "pred: [N, C], target: [N, C]",
    wrt: ["pred"],
    at: VECTORS.map((x) => [x, [...x.slice(1), -(x[0] ?? 0)]]),
  },
  log_cosh: regression(),
  quantile_loss: regression(),
  // its derivative is a difference, e^x - t: not where that is nearly 0
  poisson_nll: {
    params: "pred: [N], target: [N]",
    wrt: ["pred"],
    at: [...pairs(LOGITS, [0, 0.5, 7]), [-Infinity, 0], [NaN, 1]],
  },
  gaussian_nll: {
    params: "mu: [N], target: [N], var: [N]",
    wrt: ["mu", "var"],
    at: [...pairs([0, 1e-200, 1e-30, 1, 1e4, NaN], [0, 3])].flatMap(([mu = 0, target = 0]) =>
      [1e-30, 0.5, 1e30].map((variance) => [mu, target, variance]),
    ),
  },
  triplet_margin: {
    params: "anchor: [N, C], positive: [N, C], negative: [N, C]",
    wrt: ["anchor", "positive", "negative"],
    at: [
      [[1e-200, 0], [0, 1e-200], [5e-324, 0]],
      [[1, 2], [1, 2], [1e4, 0]],
      [[1, 2], [1e4, 0], [1, 2]],
      [[1e4, 1], [1e4, 2], [1e4, 1.5]],
      [[Infinity, 0], [0, 0], [1, 1]],
      [[NaN, 0], [0, 0], [1, 1]],
    ],
  },
  dice: {
    params: "prob: [N], target: [N]",
    wrt: ["prob"],
    at: [...pairs(PROBABILITIES, HARD), [0, 0], [0, 1], [1, 0], [1, 1], [NaN, 1]],
  },
}; // prettier-ignore

/** The names and ranks of the parameters. */
const paramsOf = ({ params }: Row): readonly { readonly name: string; readonly rank: number }[] =>
  [...params.matchAll(/(\w+): \w*\[([^\]]*)\]/g)].map(([, name = "", dims = ""]) => ({
    name,
    rank: dims.split(",").length,
  }));

const trialOf = (row: Row, at: Arguments, limits?: Trial["limits"]): Trial => ({
  inputs: Object.fromEntries(
    paramsOf(row).map(({ name, rank }, k) => {
      const data = [at[k] ?? NaN].flat();
      return [name, { shape: rank === 1 ? [data.length] : [1, data.length], data }];
    }),
  ),
  ...(limits === undefined ? {} : { limits }),
});

const sweepOf = (name: OperationName<"losses">): Sweep => {
  const row = TABLE[name];
  // limits first: they hold for what is rounded to the same numbers too
  const [first, ...more] = [
    ...(row.limits ?? []).map(({ at, value, gradient }) =>
      trialOf(row, at, {
        out: [value],
        ...Object.fromEntries(Object.entries(gradient).map(([by, d]) => [`d_${by}`, [d].flat()])),
      }),
    ),
    ...row.at.map((at) => trialOf(row, at)),
  ];
  if (first === undefined) throw new Error(`${name} is tried on nothing`);
  const args = paramsOf(row).map((param) => param.name);
  return {
    ...first,
    more,
    name,
    source: `import { ${name} } from "./losses.grad"\nfn f(${row.params}) { return ${name}(${args.join(", ")}) }\n`,
    wrt: row.wrt,
  };
};

const SWEEPS = OPERATIONS.losses.map(sweepOf);

describe("a loss at the edges", () => {
  let misses: ReadonlyMap<string, readonly Miss[]>;

  beforeAll(async () => {
    misses = await sweepAll(SWEEPS);
  });

  test.each(SWEEPS.map(({ name }) => [name]))("%s", (name) => {
    expect(misses.get(name)).toEqual([]);
  });
});
