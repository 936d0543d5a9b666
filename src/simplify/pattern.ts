/**
 * Patterns over scalar expressions: data that is matched against a node and built from bindings. Sums and products match
 * in any order of operands; matching recurses on the pattern only, which is small.
 */
import { build as b, rational } from "../ir/index.ts";
import type { Arena, BinaryOp, CompareOp, Node, Rational, UnaryOp } from "../ir/index.ts";

export type Pattern =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "number"; readonly value: Rational }
  | { readonly kind: "unary"; readonly op: UnaryOp; readonly a: Pattern }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly a: Pattern; readonly b: Pattern }
  | { readonly kind: "power"; readonly base: Pattern; readonly exponent: Rational }
  | {
      readonly kind: "sum" | "product";
      readonly args: readonly Pattern[];
      /** Names the operands that are left, none included; without it there may be none. */
      readonly rest: string | undefined;
    }
  | { readonly kind: "compare"; readonly op: CompareOp; readonly a: Pattern; readonly b: Pattern }
  | { readonly kind: "select"; readonly test: Pattern; readonly then: Pattern; readonly else: Pattern };

export type Bindings = ReadonlyMap<string, Node>;

// ---- writing patterns

const fraction = (num: number, den = 1): Rational => {
  const value = rational(num, den);
  if (value === undefined) throw new Error(`${num}/${den} is no fraction`);
  return value;
};

export const variable = (name: string): Pattern => ({ kind: "variable", name });
export const number = (num: number, den = 1): Pattern => ({ kind: "number", value: fraction(num, den) });
export const call = (op: UnaryOp, a: Pattern): Pattern => ({ kind: "unary", op, a });
export const call2 = (op: BinaryOp, a: Pattern, second: Pattern): Pattern => ({
  kind: "binary",
  op,
  a,
  b: second,
});
export const raised = (base: Pattern, num: number, den = 1): Pattern => ({
  kind: "power",
  base,
  exponent: fraction(num, den),
});
export const plus = (...args: readonly Pattern[]): Pattern => ({ kind: "sum", args, rest: undefined });
export const times = (...args: readonly Pattern[]): Pattern => ({ kind: "product", args, rest: undefined });
export const plusRest = (...args: readonly Pattern[]): Pattern => ({ kind: "sum", args, rest: "…" });
export const timesRest = (...args: readonly Pattern[]): Pattern => ({ kind: "product", args, rest: "…" });
export const minus = (a: Pattern): Pattern => times(number(-1), a);
export const choose = (test: Pattern, then: Pattern, otherwise: Pattern): Pattern => ({
  kind: "select",
  test,
  then,
  else: otherwise,
});
export const less = (a: Pattern, second: Pattern): Pattern => ({ kind: "compare", op: "<", a, b: second });
/** What `plusRest` and `timesRest` left over. */
export const REST = variable("…");

// ---- matching

/** In longer sums and products no pairs are sought: that would take time by the square of their length. */
const LONGEST = 64;

type Goal = readonly [Pattern, Node];

/** The first bindings under which every pattern is its node. */
const solve = (ir: Arena, goals: readonly Goal[], bindings: Bindings): Bindings | undefined => {
  const [goal, ...others] = goals;
  if (goal === undefined) return bindings;
  const [pattern, node] = goal;
  switch (pattern.kind) {
    case "variable": {
      const known = bindings.get(pattern.name);
      if (known !== undefined) return known === node ? solve(ir, others, bindings) : undefined;
      return solve(ir, others, new Map(bindings).set(pattern.name, node));
    }
    case "number":
      return isNumber(node, pattern.value) ? solve(ir, others, bindings) : undefined;
    case "sum":
    case "product":
      if (isBound(pattern, bindings) && instantiate(ir, pattern, bindings) === node) {
        return solve(ir, others, bindings);
      }
      if (node.kind !== pattern.kind || node.args.length < pattern.args.length) return undefined;
      if (pattern.rest === undefined && node.args.length !== pattern.args.length) return undefined;
      if (node.args.length > LONGEST && pattern.args.length > 1) return undefined;
      if (!pattern.args.every((arg) => node.args.some((each) => mayBe(arg, each)))) return undefined;
      return solveOperands(ir, pattern, node.args, 0, others, bindings);
    case "unary":
    case "binary":
    case "power":
    case "compare":
    case "select": {
      const parts = operandGoals(pattern, node);
      return parts && solve(ir, [...parts, ...others], bindings);
    }
  }
};

/** -x for a known x: for x = 2y that is (-2)·y, which has no operand x. */
const isBound = (pattern: Variadic, bindings: Bindings): boolean =>
  pattern.rest === undefined &&
  pattern.args.every((arg) => arg.kind === "number" || (arg.kind === "variable" && bindings.has(arg.name)));

const isNumber = (node: Node, value: Rational): boolean =>
  node.kind === "constant" && node.exact?.num === value.num && node.exact.den === value.den;

type Fixed = Exclude<Pattern, { kind: "variable" | "number" | "sum" | "product" }>;

const operandGoals = (pattern: Fixed, node: Node): readonly Goal[] | undefined => {
  switch (pattern.kind) {
    case "unary":
      return node.kind === "unary" && node.op === pattern.op ? [[pattern.a, node.a]] : undefined;
    case "binary":
      return node.kind === "binary" && node.op === pattern.op
        ? [
            [pattern.a, node.a],
            [pattern.b, node.b],
          ]
        : undefined;
    case "power": {
      const same =
        node.kind === "power" &&
        node.exponent.num === pattern.exponent.num &&
        node.exponent.den === pattern.exponent.den;
      return same ? [[pattern.base, node.base]] : undefined;
    }
    case "compare":
      return node.kind === "compare" && node.op === pattern.op
        ? [
            [pattern.a, node.a],
            [pattern.b, node.b],
          ]
        : undefined;
    case "select":
      return node.kind === "select"
        ? [
            [pattern.test, node.test],
            [pattern.then, node.then],
            [pattern.else, node.else],
          ]
        : undefined;
  }
};

type Variadic = Extract<Pattern, { kind: "sum" | "product" }>;

/** Each operand pattern in turn takes one of the operands that are left. */
const solveOperands = (
  ir: Arena,
  pattern: Variadic,
  left: readonly Node[],
  at: number,
  others: readonly Goal[],
  bindings: Bindings,
): Bindings | undefined => {
  const next = pattern.args[at];
  if (next === undefined) {
    if (pattern.rest === undefined) return solve(ir, others, bindings);
    const rest = pattern.kind === "sum" ? b.sum(ir, left) : b.product(ir, left);
    return solve(ir, [[variable(pattern.rest), rest], ...others], bindings);
  }
  for (const [place, node] of left.entries()) {
    const bound = mayBe(next, node) ? solve(ir, [[next, node]], bindings) : undefined;
    if (bound === undefined) continue;
    const remaining = left.filter((_, k) => k !== place);
    const solution = solveOperands(ir, pattern, remaining, at + 1, others, bound);
    if (solution !== undefined) return solution;
  }
  return undefined;
};

/** By the operation alone, whatever variables are bound to: most operands fail here, at little cost. */
const mayBe = (pattern: Pattern, node: Node): boolean => {
  switch (pattern.kind) {
    case "variable":
      return true;
    case "number":
      return isNumber(node, pattern.value);
    case "sum":
    case "product":
      // of known variables it may be something else
      return node.kind === pattern.kind || pattern.rest === undefined;
    case "unary":
    case "binary":
    case "compare":
      return node.kind === pattern.kind && node.op === pattern.op;
    case "power":
    case "select":
      return node.kind === pattern.kind;
  }
};

export const match = (ir: Arena, pattern: Pattern, node: Node): Bindings | undefined =>
  solve(ir, [[pattern, node]], new Map());

// ---- building

export const instantiate = (ir: Arena, pattern: Pattern, bindings: Bindings): Node => {
  const make = (part: Pattern): Node => instantiate(ir, part, bindings);
  switch (pattern.kind) {
    case "variable": {
      const node = bindings.get(pattern.name);
      if (node === undefined) throw new Error(`the pattern does not bind ${pattern.name}`);
      return node;
    }
    case "number":
      return b.exact(ir, pattern.value);
    case "unary":
      return b.unary(ir, pattern.op, make(pattern.a));
    case "binary":
      return b.binary(ir, pattern.op, make(pattern.a), make(pattern.b));
    case "power":
      return b.power(ir, make(pattern.base), pattern.exponent);
    case "sum":
      return b.sum(ir, spliced("sum", pattern.args.map(make)));
    case "product":
      return b.product(ir, spliced("product", pattern.args.map(make)));
    case "compare":
      return b.compare(ir, pattern.op, make(pattern.a), make(pattern.b));
    case "select":
      return b.select(ir, make(pattern.test), make(pattern.then), make(pattern.else));
  }
};

/** -(2·x) is (-2)·x: a constant inside meets the constant outside. */
const spliced = (kind: "sum" | "product", args: readonly Node[]): readonly Node[] =>
  args.flatMap((arg) => (arg.kind === kind && arg.args[0]?.kind === "constant" ? arg.args : [arg]));

// ---- reading patterns

const join = (args: readonly Pattern[], rest: string | undefined, sign: string): string =>
  [...args.map(patternText), ...(rest === undefined ? [] : [rest])].join(sign);

const exponentText = ({ num, den }: Rational): string => (den === 1 ? `${num}` : `(${num}/${den})`);

export const patternText = (pattern: Pattern): string => {
  switch (pattern.kind) {
    case "variable":
      return pattern.name;
    case "number":
      return exponentText(pattern.value);
    case "unary":
      return `${pattern.op}(${patternText(pattern.a)})`;
    case "binary":
      return `${pattern.op}(${patternText(pattern.a)}, ${patternText(pattern.b)})`;
    case "power":
      return `${patternText(pattern.base)}^${exponentText(pattern.exponent)}`;
    case "sum":
      return `(${join(pattern.args, pattern.rest, " + ")})`;
    case "product":
      return `(${join(pattern.args, pattern.rest, "·")})`;
    case "compare":
      return `${patternText(pattern.a)} ${pattern.op} ${patternText(pattern.b)}`;
    case "select":
      return `(${patternText(pattern.test)} ? ${patternText(pattern.then)} : ${patternText(pattern.else)})`;
  }
};
