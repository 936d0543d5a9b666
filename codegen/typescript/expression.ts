/**
 * In: a loop IR expression. Out: TypeScript text, where parts that are too deep or too large have become constants.
 * Ends because it is a fold; linear, as each part becomes text once and no text grows beyond a bound.
 */
import { foldExpr } from "../../src/loop/fold.ts";
import type { Buffer, CompareOp, Expr, Local } from "../../src/loop/types.ts";
import { BINARY_FORM, COMPARE_FORM, LEVEL, UNARY_FORM } from "./operators.ts";
import type { Form, RuntimeFunction } from "./operators.ts";
import { canBeMinusZero } from "./zero.ts";

/** What an expression is written in terms of. */
export interface Surroundings {
  readonly local: (local: Local) => string;
  readonly buffer: (buffer: Buffer) => string;
  readonly dim: (name: string) => string;
  readonly option: (name: string) => string;
  readonly runtime: (name: RuntimeFunction) => string;
  /** The int locals that are at least +0. */
  readonly naturals: ReadonlySet<Local>;
  readonly isComparedTwice: (expr: Expr) => boolean;
  /** Declares a constant before the current statement, and gives its name. The annotation is its type, if it needs one. */
  readonly constant: (hint: string, text: string, annotation?: string) => string;
}

/** Parsers, checkers and formatters recurse on depth, and read no line of unbounded size. */
const MAX_DEPTH = 32;
const MAX_SIZE = 160;

interface Text {
  readonly text: string;
  readonly level: number;
  readonly depth: number;
  readonly size: number;
  /** The value of a literal, or `choice` between literals: TypeScript gives such texts a type of their own. */
  readonly literal: number | "choice" | undefined;
}

const atom = (text: string): Text => ({ text, level: LEVEL.atom, depth: 1, size: 1, literal: undefined });

/** A text made from parts. */
function compose(text: string, level: number, ...parts: readonly Text[]): Text {
  let depth = 0;
  let size = 1;
  for (const part of parts) {
    depth = Math.max(depth, part.depth);
    size += part.size;
  }
  return { text, level, depth: depth + 1, size, literal: undefined };
}

const atLeast = (level: number, part: Text): string => (part.level >= level ? part.text : `(${part.text})`);

function infix(symbol: string, level: number, a: Text, b: Text): Text {
  return compose(`${atLeast(level, a)} ${symbol} ${atLeast(level + 1, b)}`, level, a, b);
}

function call(callee: string, ...args: readonly Text[]): Text {
  return compose(`${callee}(${args.map((arg) => arg.text).join(", ")})`, LEVEL.atom, ...args);
}

export function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function constText(expr: Expr & { kind: "const" }): Text {
  if (expr.type === "bool") return atom(expr.value === 0 ? "false" : "true");
  return literalText(expr.value);
}

function literalText(value: number): Text {
  const text = numberText(value);
  return { ...atom(text), level: text.startsWith("-") ? LEVEL.prefix : LEVEL.atom, literal: value };
}

function formText(form: Form, around: Surroundings, a: Text, ...rest: readonly Text[]): Text {
  switch (form.kind) {
    case "prefix":
      return compose(form.symbol + atLeast(LEVEL.atom, a), LEVEL.prefix, a);
    case "infix":
      return rest.reduce((left, right) => infix(form.symbol, form.level, left, right), a);
    case "math":
      return call(`Math.${form.name}`, a, ...rest);
    case "runtime":
      return call(around.runtime(form.name), a, ...rest);
    case "floorOfQuotient":
      return call("Math.floor", formText(BINARY_FORM.div, around, a, ...rest));
  }
}

function unaryText(expr: Expr & { kind: "unary" }, around: Surroundings, a: Text): Text {
  if (expr.op === "neg" && typeof a.literal === "number")
    return literalText(expr.type === "int" ? 0 - a.literal : -a.literal);
  // An int zero has no sign, so that it is +0 as a float.
  if (expr.type === "int" && expr.op === "neg") return infix("-", LEVEL.sum, atom("0"), a);
  return formText(UNARY_FORM[expr.op], around, a);
}

function binaryText(expr: Expr & { kind: "binary" }, around: Surroundings, a: Text, b: Text): Text {
  // JavaScript's power differs from C99's for exponents that are NaN or infinite only.
  if (expr.op === "pow" && expr.b.kind === "const" && Number.isFinite(expr.b.value))
    return call("Math.pow", a, b);
  return formText(BINARY_FORM[expr.op], around, a, b);
}

/**
 * Unary plus on what has or would get a type narrower than `number` by an equality: a choice between literals; and a
 * name that is compared with two literals, as the one equality narrows the name inside of which the other stands.
 */
function asNumber(expr: Expr, around: Surroundings, part: Text): Text {
  const isNarrow = part.literal === "choice" || around.isComparedTwice(expr);
  return isNarrow ? compose(`+${atLeast(LEVEL.atom, part)}`, LEVEL.prefix, part) : part;
}

const COMPARE: { readonly [Op in CompareOp]: (a: number, b: number) => boolean } = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

function compareText(expr: Expr & { kind: "compare" }, around: Surroundings, a: Text, b: Text): Text {
  if (typeof a.literal === "number" && typeof b.literal === "number")
    return atom(String(COMPARE[expr.op](a.literal, b.literal)));
  const [symbol, level] = COMPARE_FORM[expr.op];
  if (level === LEVEL.relation) return infix(symbol, level, a, b);
  return infix(symbol, level, asNumber(expr.a, around, a), asNumber(expr.b, around, b));
}

function convertText(expr: Expr & { kind: "convert" }, around: Surroundings, a: Text): Text {
  if (expr.a.type === "int")
    return canBeMinusZero(expr.a, around.naturals) ? infix("+", LEVEL.sum, a, atom("0")) : a;
  if (expr.a.type !== "bool") return a;
  return { ...compose(`${atLeast(LEVEL.or, a)} ? 1 : 0`, LEVEL.conditional, a), literal: "choice" };
}

function nodeText(expr: Expr, around: Surroundings, of: (operand: Expr) => Text): Text {
  switch (expr.kind) {
    case "const":
      return constText(expr);
    case "local":
      return atom(around.local(expr.local));
    case "dim":
      return atom(around.dim(expr.name));
    case "option":
      return atom(around.option(expr.name));
    case "load": {
      const name = around.buffer(expr.buffer);
      const offset = of(expr.offset);
      return expr.buffer.shape.length === 0
        ? atom(name)
        : compose(`${name}[${offset.text}]!`, LEVEL.atom, offset);
    }
    case "unary":
      return unaryText(expr, around, of(expr.a));
    case "binary":
      return binaryText(expr, around, of(expr.a), of(expr.b));
    case "compare":
      return compareText(expr, around, of(expr.a), of(expr.b));
    case "and":
      return infix("&&", LEVEL.and, of(expr.a), of(expr.b));
    case "or":
      return infix("||", LEVEL.or, of(expr.a), of(expr.b));
    case "not":
      return compose(`!${atLeast(LEVEL.prefix, of(expr.a))}`, LEVEL.prefix, of(expr.a));
    case "select": {
      const [test, then, other] = [of(expr.test), of(expr.then), of(expr.else)];
      const text = `${atLeast(LEVEL.or, test)} ? ${atLeast(LEVEL.or, then)} : ${other.text}`;
      const isChoice = then.literal !== undefined && other.literal !== undefined;
      return {
        ...compose(text, LEVEL.conditional, test, then, other),
        literal: isChoice ? "choice" : undefined,
      };
    }
    case "convert":
      return convertText(expr, around, of(expr.a));
  }
}

function rootText(root: Expr, around: Surroundings): Text {
  return foldExpr<Text>(root, (expr, of) => {
    const result = nodeText(expr, around, of);
    if (expr === root || (result.depth <= MAX_DEPTH && result.size <= MAX_SIZE)) return result;
    return atom(around.constant("part", result.text, annotationOf(expr, result)));
  });
}

/** A constant whose value is a literal or a choice of literals has that type, unless it is annotated. */
function annotationOf(expr: Expr, { literal }: Text): string {
  if (expr.type === "bool") return expr.kind === "const" ? ": boolean" : "";
  return literal === undefined ? "" : ": number";
}

/** The text of an expression that stands by itself. */
export function expressionText(root: Expr, around: Surroundings): string {
  return rootText(root, around).text;
}

/** The text of a value that is kept as a double, where an int has one zero, and the type that a constant of it needs. */
export function valueText(
  value: Expr,
  around: Surroundings,
): { readonly text: string; readonly annotation: string } {
  const zero: Expr = { kind: "const", type: "int", value: 0 };
  const canonical: Expr = canBeMinusZero(value, around.naturals)
    ? { kind: "binary", type: "int", op: "add", a: value, b: zero }
    : value;
  const text = rootText(canonical, around);
  return { text: text.text, annotation: annotationOf(canonical, text) };
}
