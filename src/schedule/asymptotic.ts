/**
 * A function of one number x as c(x) + e^(−κx²) h(x) on either side of zero, c a polynomial: what it tends to, and how. In: the
 * nodes of a region, operands first; out: κ, and c and h at any x, or nothing. Ends because each node is looked at once.
 *
 * With erfcx(u) = e^(u²) erfc(u), which falls like 1/u, erfc(u) is 0 + e^(−u²) erfcx(u) for u > 0, and 2 − e^(−u²) erfcx(−u) for
 * u < 0. Sums and products of what has this form have it too.
 */
import type { Kind, Node, NodeOf } from "../ir/index.ts";
import { UNARY } from "../eval/operations.ts";

/** Coefficients in ascending order. */
export type Polynomial = readonly number[];

export interface Asymptotic {
  /** κ. */
  readonly rate: number;
  /** c for x < 0 and for x > 0. */
  readonly below: Polynomial;
  readonly above: Polynomial;
  /** h. */
  readonly slow: (x: number) => number;
}

interface Point {
  readonly x: number;
  /** e^(−κx²). */
  readonly decay: number;
}

/** c, and h where it is not zero. */
interface Split {
  readonly limit: Polynomial;
  readonly slow: ((at: Point) => number) | undefined;
}

type Side = -1 | 1;

export const valueAt = (polynomial: Polynomial, x: number): number => {
  let sum = 0;
  for (let k = polynomial.length - 1; k >= 0; k--) sum = sum * x + (polynomial[k] ?? 0);
  return sum;
};

const plus = (p: Polynomial, q: Polynomial): Polynomial =>
  p.length < q.length ? plus(q, p) : p.map((c, k) => c + (q[k] ?? 0));

const times = (p: Polynomial, q: Polynomial): Polynomial =>
  (q.length === 0 ? [] : p)
    .map((c, k) => [...Array<number>(k).fill(0), ...q.map((d) => c * d)])
    .reduce(plus, []);

const known = (value: number): Split => ({ limit: value === 0 ? [] : [value], slow: undefined });

const sumOf = (a: Split, b: Split): Split => {
  const [h, k] = [a.slow, b.slow];
  return {
    limit: plus(a.limit, b.limit),
    slow: h === undefined || k === undefined ? (h ?? k) : (at) => h(at) + k(at),
  };
};

/** p · h */
const scaled = (p: Polynomial, h: Split["slow"]): Split["slow"] =>
  h === undefined || p.length === 0 ? undefined : (at) => valueAt(p, at.x) * h(at);

/** (c + e h)(d + e k) = c d + e (c k + d h + e h k) */
const productOf = (a: Split, b: Split): Split => {
  const [h, k] = [a.slow, b.slow];
  const both: Split["slow"] = h && k && ((at) => h(at) * at.decay * k(at));
  const slows = [scaled(a.limit, k), scaled(b.limit, h), both];
  return slows
    .map((slow): Split => ({ limit: [], slow }))
    .reduce(sumOf, { limit: times(a.limit, b.limit), slow: undefined });
};

/** κ and the functions of sx or b − κx² that decay with e^(−κx²). */
interface Decaying {
  readonly rate: (argument: Polynomial) => number | undefined;
  readonly split: (argument: Polynomial, side: Side) => Split;
}

const DECAYING: { readonly [Op in NodeOf<"unary">["op"]]?: Decaying } = {
  exp: {
    rate: (p) => (p.length === 3 && p[1] === 0 ? -(p[2] ?? 0) : undefined),
    split: ([constant = 0]) => {
      const value = Math.exp(constant);
      return { limit: [], slow: () => value };
    },
  },
  erfc: {
    rate: ([constant = 0, slope = 0, ...others]) =>
      constant === 0 && others.length === 0 ? slope * slope : undefined,
    split: ([, slope = 0], side) => {
      const erfcx = (x: number): number => UNARY.erfc(Math.abs(slope * x)) * Math.exp((slope * x) ** 2);
      return slope * side < 0
        ? { limit: [2], slow: ({ x }) => -erfcx(x) }
        : { limit: [], slow: ({ x }) => erfcx(x) };
    },
  },
};

type Of = (node: Node) => Split | undefined;

const folded = (of: Of, args: readonly Node[], combine: (a: Split, b: Split) => Split): Split | undefined =>
  args.map(of).reduce((a, b) => a && b && combine(a, b));

const SPLIT: { readonly [K in Kind]?: (node: NodeOf<K>, of: Of, side: Side) => Split | undefined } = {
  constant: ({ value }) => known(value),
  sum: ({ args }, of) => folded(of, args, sumOf),
  product: ({ args }, of) => folded(of, args, productOf),
  power: ({ base, exponent: { num, den } }, of) => {
    const split = of(base);
    if (split?.slow === undefined && split?.limit.length === 1)
      return known((split.limit[0] ?? 0) ** (num / den));
    return den === 1 && num > 0 ? folded(of, Array<Node>(num).fill(base), productOf) : undefined;
  },
  unary: ({ op, a }, of, side) => {
    const split = of(a);
    return split?.slow === undefined ? split && DECAYING[op]?.split(split.limit, side) : undefined;
  },
};

interface Splits {
  readonly of: Of;
  /** Computes every h once. */
  readonly run: (at: Point) => void;
}

const splitsOn = (side: Side, nodes: readonly Node[], leaf: Node): Splits => {
  const splits = new Map<Node, Split>([[leaf, { limit: [0, 1], slow: undefined }]]);
  const steps: ((at: Point) => void)[] = [];
  const split = (node: Node): Split | undefined =>
    (SPLIT[node.kind] as ((node: Node, of: Of, side: Side) => Split | undefined) | undefined)?.(
      node,
      of,
      side,
    );
  const of: Of = (node) => splits.get(node) ?? (node.kind === "constant" ? split(node) : undefined);
  for (const node of nodes) {
    const found = split(node);
    if (found === undefined) continue;
    const { limit, slow } = found;
    let value = NaN;
    if (slow !== undefined)
      steps.push((at) => {
        value = slow(at);
      });
    splits.set(node, { limit, slow: slow && (() => value) });
  }
  const run = (at: Point): void => {
    for (const step of steps) step(at);
  };
  return { of, run };
};

/** Rates as they come of one number, written in two ways. */
const isSame = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-15 * Math.abs(a);

/** One rate for all functions in the nodes, whose last is the function meant. */
export const asymptoticOf = (nodes: readonly Node[], leaf: Node): Asymptotic | undefined => {
  const root = nodes.at(-1);
  const sides = { below: splitsOn(-1, nodes, leaf), above: splitsOn(1, nodes, leaf) };
  const [below, above] = [root && sides.below.of(root), root && sides.above.of(root)];
  if (below === undefined || above === undefined) return undefined;
  const rates = nodes
    .filter((node) => node.kind === "unary")
    .map(({ op, a }) => DECAYING[op]?.rate(sides.above.of(a)?.limit ?? []));
  const [rate] = rates;
  if (rate === undefined || rate <= 0) return undefined;
  if (!rates.every((each) => each !== undefined && isSame(rate, each))) return undefined;
  const slow = (x: number): number => {
    const at = { x, decay: Math.exp(-rate * x * x) };
    const [splits, { slow: h }] = x < 0 ? [sides.below, below] : [sides.above, above];
    splits.run(at);
    return h?.(at) ?? 0;
  };
  return { rate, below: below.limit, above: above.limit, slow };
};

const NUMBER: { readonly [K in Kind]?: (node: NodeOf<K>, of: (node: Node) => number) => number } = {
  constant: ({ value }) => value,
  sum: ({ args }, of) => args.map(of).reduce((a, b) => a + b),
  product: ({ args }, of) => args.map(of).reduce((a, b) => a * b),
  power: ({ base, exponent: { num, den } }, of) => of(base) ** (num / den),
  unary: ({ op, a }, of) => UNARY[op](of(a)),
};

/** The value of the last node at any x, in doubles. */
export const numberAt = (nodes: readonly Node[], leaf: Node, x: number): number => {
  const values = new Map<Node, number>([[leaf, x]]);
  const of = (node: Node): number =>
    values.get(node) ??
    (NUMBER[node.kind] as ((node: Node, of: (node: Node) => number) => number) | undefined)?.(node, of) ??
    NaN;
  for (const node of nodes) values.set(node, of(node));
  const root = nodes.at(-1);
  return root === undefined ? NaN : of(root);
};
