/**
 * In: the flat list of operands and links of an expression. Out: its tree, by the table of tiers.
 * Ends because each of the eight tiers makes one pass over the list.
 */
import type { Source, Span } from "../diagnostics/source.ts";
import type { CompareOp, Expression, ProductOp } from "./ast.ts";

export type Link =
  | { readonly tier: "power" }
  | { readonly tier: "product"; readonly op: ProductOp }
  | { readonly tier: "sum"; readonly sign: "+" | "-" }
  | { readonly tier: "compare"; readonly op: CompareOp }
  | { readonly tier: "and" }
  | { readonly tier: "or" }
  | { readonly tier: "default" }
  | { readonly tier: "conditional"; readonly then: Expression };

type Tier = Link["tier"];

export interface Prefix {
  readonly op: string;
  readonly start: number;
}

/** `start` and `end` take in the parentheses around the expression, but not the prefixes. */
export interface Operand {
  readonly prefixes: readonly Prefix[];
  readonly expression: Expression;
  readonly start: number;
  readonly end: number;
}

export interface Chain {
  readonly operands: readonly Operand[];
  /** One fewer than the operands. */
  readonly links: readonly Link[];
}

export const operatorLinks: ReadonlyMap<string, Link> = new Map<string, Link>([
  ["^", { tier: "power" }],
  ["*", { tier: "product", op: "*" }],
  ["/", { tier: "product", op: "/" }],
  ["//", { tier: "product", op: "//" }],
  ["%", { tier: "product", op: "%" }],
  ["+", { tier: "sum", sign: "+" }],
  ["-", { tier: "sum", sign: "-" }],
  ["<", { tier: "compare", op: "<" }],
  ["<=", { tier: "compare", op: "<=" }],
  [">", { tier: "compare", op: ">" }],
  [">=", { tier: "compare", op: ">=" }],
  ["==", { tier: "compare", op: "==" }],
  ["!=", { tier: "compare", op: "!=" }],
  ["&&", { tier: "and" }],
  ["||", { tier: "or" }],
  ["??", { tier: "default" }],
]);

/** How a run of operands joined by links of one tier becomes one expression. */
type Join = (source: Source, operands: readonly Operand[], links: readonly Link[]) => Expression;

const joins: { readonly [T in Tier]: Join } = {
  power: joinPower,
  product: (source, operands, links) => {
    const ops = links.flatMap((link) => (link.tier === "product" ? [link.op] : []));
    const factors = operands.map((operand, i) => ({ op: ops[i - 1] ?? "*", value: operand.expression }));
    return { kind: "product", factors, span: spanOf(source, operands) };
  },
  sum: (source, operands, links) => {
    const signs = links.flatMap((link) => (link.tier === "sum" ? [link.sign] : []));
    const terms = operands.map((operand, i) => ({ sign: signs[i - 1] ?? "+", value: operand.expression }));
    return { kind: "sum", terms, span: spanOf(source, operands) };
  },
  compare: (source, operands, links) => ({
    kind: "compare",
    operands: expressions(operands),
    ops: links.flatMap((link) => (link.tier === "compare" ? [link.op] : [])),
    span: spanOf(source, operands),
  }),
  and: (source, operands) => ({
    kind: "and",
    operands: expressions(operands),
    span: spanOf(source, operands),
  }),
  or: (source, operands) => ({ kind: "or", operands: expressions(operands), span: spanOf(source, operands) }),
  default: (source, operands, links) =>
    nestRight(operands, links, (left, right) => ({
      kind: "default",
      value: left.expression,
      fallback: right.expression,
      span: spanOf(source, [left, right]),
    })),
  conditional: (source, operands, links) => {
    const thens = links.flatMap((link) => (link.tier === "conditional" ? [link.then] : []));
    return nestRight(operands, thens, (left, right, then) => ({
      kind: "conditional",
      test: left.expression,
      then,
      else: right.expression,
      span: spanOf(source, [left, right]),
    }));
  },
};

const tightestFirst: readonly Tier[] = [
  "power",
  "product",
  "sum",
  "compare",
  "and",
  "or",
  "default",
  "conditional",
];

export function buildTree(source: Source, chain: Chain): Expression {
  const present = new Set(chain.links.map((link) => link.tier));
  const tiers = tightestFirst.filter((tier) => tier === "power" || present.has(tier));
  const collapsed = tiers.reduce((rest, tier) => collapse(source, rest, tier), chain);
  const [root] = collapsed.operands;
  if (root === undefined) throw new Error("an expression has at least one operand");
  return root.expression;
}

function collapse(source: Source, chain: Chain, tier: Tier): Chain {
  const operands: Operand[] = [];
  const links: Link[] = [];
  let run: Operand[] = [];
  let runLinks: Link[] = [];
  chain.operands.forEach((operand, i) => {
    run.push(operand);
    const link = chain.links[i];
    if (link?.tier === tier) {
      runLinks.push(link);
      return;
    }
    operands.push(joinRun(source, tier, run, runLinks));
    if (link !== undefined) links.push(link);
    run = [];
    runLinks = [];
  });
  return { operands, links };
}

function joinRun(source: Source, tier: Tier, run: readonly Operand[], links: readonly Link[]): Operand {
  const [first] = run;
  if (first !== undefined && run.length === 1 && first.prefixes.length === 0) return first;
  const { start, end } = spanOf(source, run);
  return { prefixes: [], expression: joins[tier](source, run, links), start, end };
}

/** A prefix takes in all powers to its right, and a power all prefixes: `-a ^ -b ^ c` is -(a ^ (-(b ^ c))). */
function joinPower(source: Source, operands: readonly Operand[], links: readonly Link[]): Expression {
  const last = operands.slice(-1).map((operand) => applyPrefixes(source, operand));
  return nestRight([...operands.slice(0, -1), ...last], links, (left, right) => {
    const span = { source, start: left.start, end: right.end };
    const power: Expression = { kind: "power", base: left.expression, exponent: right.expression, span };
    return applyPrefixes(source, { ...left, expression: power, end: right.end }).expression;
  });
}

function applyPrefixes(source: Source, operand: Operand): Operand {
  const { end } = operand;
  const expression = operand.prefixes.reduceRight<Expression>((inner, { op, start }) => {
    const span = { source, start, end };
    if (op === "+") return inner;
    return { kind: op === "!" ? "not" : "negate", operand: inner, span };
  }, operand.expression);
  return { prefixes: [], expression, start: startOf(operand), end };
}

/** `a ? b : (c ? d : e)`: the tree of a right-associative run. */
function nestRight<L>(
  operands: readonly Operand[],
  links: readonly L[],
  combine: (left: Operand, right: Operand, link: L) => Expression,
): Expression {
  let right: Operand | undefined;
  for (let i = operands.length - 1; i >= 0; i--) {
    const left = operands[i];
    const link = links[i];
    if (left === undefined) continue;
    right =
      right === undefined || link === undefined
        ? left
        : { prefixes: [], expression: combine(left, right, link), start: startOf(left), end: right.end };
  }
  if (right === undefined) throw new Error("a run has at least one operand");
  return right.expression;
}

function startOf(operand: Operand): number {
  return operand.prefixes[0]?.start ?? operand.start;
}

function spanOf(source: Source, operands: readonly Operand[]): Span {
  const [first] = operands;
  const last = operands.at(-1);
  if (first === undefined || last === undefined) throw new Error("a run has at least one operand");
  return { source, start: startOf(first), end: last.end };
}

function expressions(operands: readonly Operand[]): Expression[] {
  return operands.map((operand) => operand.expression);
}
