/** What evaluating an expression costs, in additions: enough to choose between computing again and storing. */
import { operandsOf, type BinaryOp, type Kind, type Node, type NodeOf, type UnaryOp } from "../ir/index.ts";

const CHEAP = 1;
const DIVISION = 4;
const TRANSCENDENTAL = 16;

const UNARY: { readonly [K in UnaryOp]: number } = {
  exp: TRANSCENDENTAL,
  expm1: TRANSCENDENTAL,
  log: TRANSCENDENTAL,
  log1p: TRANSCENDENTAL,
  sin: TRANSCENDENTAL,
  cos: TRANSCENDENTAL,
  tan: TRANSCENDENTAL,
  asin: TRANSCENDENTAL,
  acos: TRANSCENDENTAL,
  atan: TRANSCENDENTAL,
  sinh: TRANSCENDENTAL,
  cosh: TRANSCENDENTAL,
  tanh: TRANSCENDENTAL,
  asinh: TRANSCENDENTAL,
  acosh: TRANSCENDENTAL,
  atanh: TRANSCENDENTAL,
  erf: TRANSCENDENTAL,
  erfc: TRANSCENDENTAL,
  sigmoid: TRANSCENDENTAL,
  softplus: TRANSCENDENTAL,
  abs: CHEAP,
  sign: CHEAP,
  floor: CHEAP,
  ceil: CHEAP,
  round: CHEAP,
  trunc: CHEAP,
};

const BINARY: { readonly [K in BinaryOp]: number } = {
  pow: TRANSCENDENTAL,
  atan2: TRANSCENDENTAL,
  hypot: TRANSCENDENTAL,
  max: CHEAP,
  min: CHEAP,
  floordiv: DIVISION,
  mod: DIVISION,
};

const free = (): number => 0;
const cheap = (): number => CHEAP;

const COST: { readonly [K in Kind]: (node: NodeOf<K>) => number } = {
  constant: free,
  zero: free,
  option: free,
  index: free,
  read: cheap,
  unary: (node) => UNARY[node.op],
  binary: (node) => BINARY[node.op],
  power: ({ exponent: { num, den } }) => {
    if (den > 2) return TRANSCENDENTAL;
    return num > 0 && den === 1 ? CHEAP * Math.ceil(Math.log2(num)) : DIVISION;
  },
  sum: (node) => CHEAP * (node.args.length - 1),
  product: (node) => CHEAP * (node.args.length - 1),
  boolean: free,
  compare: cheap,
  and: (node) => CHEAP * (node.args.length - 1),
  or: (node) => CHEAP * (node.args.length - 1),
  not: cheap,
  inrange: cheap,
  divides: () => DIVISION,
  iszero: cheap,
  select: cheap,
  guard: cheap,
  stopgradient: free,
  delta: free,
};

/** Of the operation alone. */
export const costOf = (node: Node): number => (COST[node.kind] as (node: Node) => number)(node);

/** Worth a place in memory rather than a second evaluation. */
export const isExpensive = (node: Node): boolean => costOf(node) >= TRANSCENDENTAL;

/** A division or more: not repeated for each reader, whose loops may be more than the definition's. */
export const isDivision = (node: Node): boolean =>
  costOf(node) >= DIVISION && node.kind !== "sum" && node.kind !== "product";

/** Of all that the expression computes; Infinity beyond the limit, which also ends the walk. */
export const costWithin = (root: Node, limit: number): number => {
  const seen = new Set([root]);
  let total = 0;
  for (const node of seen) {
    total += costOf(node);
    if (total > limit || seen.size > 8 * limit) return Infinity;
    for (const next of operandsOf(node)) seen.add(next);
  }
  return total;
};
