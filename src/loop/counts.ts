/**
 * In: a kernel. Out: how many operations it does, by class, as counts times symbolic trip counts.
 * Ends because every statement is entered once, and expressions are folded.
 *
 * The rule: each operation on floats counts one in its class. A negation, an absolute value, a sign, a conversion and
 * logic between conditions are free; a comparison, a selection, a maximum and a minimum count one each; index
 * arithmetic (everything of type int) is not counted. An accumulation counts as its operation, and in memory as a load
 * and a store besides. Both branches of a selection and of an `if` count.
 */
import { foldExpr, operands } from "./fold.ts";
import { tripCount, tripFactor, withoutBlocks } from "./trips.ts";
import type { Extents, Range } from "./trips.ts";
import type { AccumulateOp, BinaryOp, Expr, Kernel, Local, Stmt, UnaryOp } from "./types.ts";

export type OperationClass = "add" | "mul" | "div" | "transcendental" | "compare" | "load" | "store";

export const OPERATION_CLASSES: readonly OperationClass[] = ["add", "mul", "div", "transcendental", "compare", "load", "store"]; // prettier-ignore

/** `div` is also the square root, and what is rounded from a quotient; `compare` is also a selection; `add` rounding. */
const UNARY_CLASS: { readonly [Op in UnaryOp]: OperationClass | "free" } = {
  neg: "free",
  abs: "free",
  sign: "free",
  sqrt: "div",
  floor: "add",
  ceil: "add",
  round: "add",
  trunc: "add",
  exp: "transcendental",
  expm1: "transcendental",
  log: "transcendental",
  log1p: "transcendental",
  sin: "transcendental",
  cos: "transcendental",
  tan: "transcendental",
  asin: "transcendental",
  acos: "transcendental",
  atan: "transcendental",
  sinh: "transcendental",
  cosh: "transcendental",
  tanh: "transcendental",
  asinh: "transcendental",
  acosh: "transcendental",
  atanh: "transcendental",
  erf: "transcendental",
  erfc: "transcendental",
  sigmoid: "transcendental",
  softplus: "transcendental",
};

const BINARY_CLASS: { readonly [Op in BinaryOp]: OperationClass } = {
  add: "add",
  sub: "add",
  mul: "mul",
  div: "div",
  floordiv: "div",
  mod: "div",
  max: "compare",
  min: "compare",
  pow: "transcendental",
  atan2: "transcendental",
  hypot: "transcendental",
};

const ACCUMULATE_CLASS: { readonly [Op in AccumulateOp]: OperationClass } = {
  sum: "add",
  prod: "mul",
  max: "compare",
  min: "compare",
};

/** `count` operations in each run of a nest of loops, outermost first. */
export interface Term {
  readonly count: number;
  readonly ranges: readonly Range[];
}

export type OperationCounts = { readonly [Class in OperationClass]: readonly Term[] };

export type Tally = { readonly [Class in OperationClass]: number };

const tally = (count: (of: OperationClass) => number): Tally => ({
  add: count("add"),
  mul: count("mul"),
  div: count("div"),
  transcendental: count("transcendental"),
  compare: count("compare"),
  load: count("load"),
  store: count("store"),
});

const sum = (parts: readonly Tally[]): Tally =>
  tally((of) => parts.reduce((total, part) => total + part[of], 0));
const one = (operation: OperationClass): Tally => tally((of) => (of === operation ? 1 : 0));

const isIndexArithmetic = (expr: Expr): boolean =>
  expr.type === "int" && (expr.kind === "unary" || expr.kind === "binary");

function classOf(expr: Expr): OperationClass | "free" {
  if (isIndexArithmetic(expr)) return "free";
  switch (expr.kind) {
    case "unary":
      return UNARY_CLASS[expr.op];
    case "binary":
      return BINARY_CLASS[expr.op];
    case "compare":
    case "select":
      return "compare";
    case "load":
      return "load";
    case "const":
    case "local":
    case "dim":
    case "option":
    case "and":
    case "or":
    case "not":
    case "convert":
      return "free";
  }
}

/** The operations of an expression as it is written: a node counts as often as it occurs. */
function tallyExpr(root: Expr): Tally {
  return foldExpr<Tally>(root, (expr, of) => {
    const operation = classOf(expr);
    const parts = operands(expr).map(of);
    return sum(operation === "free" ? parts : [...parts, one(operation)]);
  });
}

function tallyStatement(stmt: Stmt): Tally {
  switch (stmt.kind) {
    case "for":
      return sum([tallyExpr(stmt.from), tallyExpr(stmt.to)]);
    case "if":
      return tallyExpr(stmt.test);
    case "let":
    case "init":
    case "assign":
      return tallyExpr(stmt.value);
    case "accumulate":
      return sum([
        tallyExpr(stmt.value),
        ...(stmt.local.type === "int" ? [] : [one(ACCUMULATE_CLASS[stmt.op])]),
      ]);
    case "store":
      return sum([tallyExpr(stmt.offset), tallyExpr(stmt.value), one("store")]);
    case "accumulateAt": {
      const change = [one("load"), one(ACCUMULATE_CLASS[stmt.op]), one("store")];
      return sum([tallyExpr(stmt.offset), tallyExpr(stmt.value), ...change]);
    }
  }
}

interface Walk {
  readonly ranges: readonly Range[];
  /** What the ints bound by `let` stand for, so that ranges are in terms of dimensions and loops. */
  readonly bound: Map<Local, Expr>;
  readonly visit: (count: Tally, ranges: readonly Range[]) => void;
}

/** An expression with the locals of `bound` written out. */
function writtenOut(bound: ReadonlyMap<Local, Expr>, root: Expr): Expr {
  return foldExpr<Expr>(root, (expr, of) => {
    switch (expr.kind) {
      case "local":
        return bound.get(expr.local) ?? expr;
      case "unary":
      case "convert":
      case "not":
        return { ...expr, a: of(expr.a) };
      case "binary":
      case "compare":
      case "and":
      case "or":
        return { ...expr, a: of(expr.a), b: of(expr.b) };
      case "load":
        return { ...expr, offset: of(expr.offset) };
      case "select":
        return { ...expr, test: of(expr.test), then: of(expr.then), else: of(expr.else) };
      case "const":
      case "dim":
      case "option":
        return expr;
    }
  });
}

function walk(at: Walk, body: readonly Stmt[]): void {
  let here = tally(() => 0);
  for (const stmt of body) {
    here = sum([here, tallyStatement(stmt)]);
    if (stmt.kind === "let" && stmt.local.type === "int")
      at.bound.set(stmt.local, writtenOut(at.bound, stmt.value));
    if (stmt.kind === "if") for (const branch of [stmt.then, stmt.else]) walk(at, branch);
    if (stmt.kind === "for") {
      const [from, to] = [writtenOut(at.bound, stmt.from), writtenOut(at.bound, stmt.to)];
      const range = { local: stmt.local, from, to, step: stmt.step };
      // beside other loops, a local may be bound where it does not count
      const bound = new Map([...at.bound].filter(([local]) => local !== stmt.local));
      walk({ ...at, bound, ranges: [...at.ranges, range] }, stmt.body);
    }
  }
  at.visit(here, at.ranges);
}

export function countOperations(kernel: Kernel): OperationCounts {
  const terms: { [Class in OperationClass]: Term[] } = {
    add: [],
    mul: [],
    div: [],
    transcendental: [],
    compare: [],
    load: [],
    store: [],
  };
  const visit = (count: Tally, ranges: readonly Range[]): void => {
    const whole = withoutBlocks(ranges);
    for (const of of OPERATION_CLASSES)
      if (count[of] > 0) terms[of].push({ count: count[of], ranges: whole });
  };
  walk({ ranges: [], bound: new Map(), visit }, kernel.body);
  return terms;
}

/** A sum of products such as `9 N C + 2 N + 1`; equal products are one. */
function formatTerms(terms: readonly Term[]): string {
  const products = new Map<string, { readonly factor: number; readonly degree: number }>();
  for (const { count, ranges } of terms) {
    const trips = ranges.map(tripFactor);
    const symbols = trips.filter((trip) => typeof trip === "string").sort();
    const known = trips.filter((trip) => typeof trip === "number");
    const text = symbols.join(" ");
    const factor = known.reduce((product, trip) => product * trip, count);
    products.set(text, { factor: factor + (products.get(text)?.factor ?? 0), degree: symbols.length });
  }
  return [...products]
    .filter(([, { factor }]) => factor > 0)
    .sort(([a, { degree: m }], [b, { degree: n }]) => n - m || (a < b ? -1 : 1))
    .map(([text, { factor }]) => productText(factor, text))
    .join(" + ");
}

function productText(factor: number, symbols: string): string {
  if (symbols === "") return String(factor);
  return factor === 1 ? symbols : `${factor} ${symbols}`;
}

/** One line: `add 3 N + 1, mul 4 N, transcendental N`. */
export function formatCounts(counts: OperationCounts): string {
  const parts = OPERATION_CLASSES.map((of) => [of, formatTerms(counts[of])] as const);
  const present = parts.filter(([, text]) => text !== "");
  return present.length === 0 ? "none" : present.map(([of, text]) => `${of} ${text}`).join(", ");
}

/** The counts at given extents. */
export function countsAt(counts: OperationCounts, extents: Extents): Tally {
  return tally((of) =>
    counts[of].reduce((total, { count, ranges }) => total + count * tripCount(ranges, extents), 0),
  );
}
