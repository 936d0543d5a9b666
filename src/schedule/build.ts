/** Constructors of loop IR expressions. They fold whole-number arithmetic and drop neutral elements, nothing else. */
import type { BinaryOp, Buffer, CompareOp, Expr, Local, Type, UnaryOp } from "../loop/types.ts";

export const constant = (type: Type, value: number): Expr => ({ kind: "const", type, value });
export const int = (value: number): Expr => constant("int", value);
export const use = (local: Local): Expr => ({ kind: "local", type: local.type, local });
export const dim = (name: string): Expr => ({ kind: "dim", type: "int", name });
export const load = (buffer: Buffer, offset: Expr): Expr => ({
  kind: "load",
  type: buffer.type,
  buffer,
  offset,
});

export const unary = (op: UnaryOp, a: Expr): Expr =>
  op === "neg" && a.kind === "const" && a.type === "float"
    ? constant("float", -a.value)
    : { kind: "unary", type: a.type, op, a };

const FOLD: { readonly [K in BinaryOp]?: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
  floordiv: (a, b) => Math.floor(a / b),
  mod: (a, b) => a - b * Math.floor(a / b),
};

const isInt = (a: Expr, value: number): boolean =>
  a.kind === "const" && a.type === "int" && a.value === value;

export const binary = (op: BinaryOp, a: Expr, b: Expr): Expr => {
  if (a.kind === "const" && b.kind === "const" && a.type === "int") {
    const folded = FOLD[op]?.(a.value, b.value);
    if (folded !== undefined) return int(folded);
  }
  if (isInt(b, 0) && (op === "add" || op === "sub")) return a;
  if (isInt(a, 0) && op === "add") return b;
  if (isInt(b, 1) && (op === "mul" || op === "floordiv")) return a;
  if (isInt(a, 1) && op === "mul") return b;
  return { kind: "binary", type: a.type, op, a, b };
};

export const add = (a: Expr, b: Expr): Expr => binary("add", a, b);
export const sub = (a: Expr, b: Expr): Expr => binary("sub", a, b);
export const mul = (a: Expr, b: Expr): Expr => binary("mul", a, b);
export const div = (a: Expr, b: Expr): Expr => binary("div", a, b);
export const max = (a: Expr, b: Expr): Expr => binary("max", a, b);
export const min = (a: Expr, b: Expr): Expr => binary("min", a, b);

export const compare = (op: CompareOp, a: Expr, b: Expr): Expr => ({
  kind: "compare",
  type: "bool",
  op,
  a,
  b,
});
export const and = (a: Expr, b: Expr): Expr => ({ kind: "and", type: "bool", a, b });
export const or = (a: Expr, b: Expr): Expr => ({ kind: "or", type: "bool", a, b });
export const not = (a: Expr): Expr => ({ kind: "not", type: "bool", a });

export const select = (test: Expr, then: Expr, otherwise: Expr): Expr => ({
  kind: "select",
  type: then.type,
  test,
  then,
  else: otherwise,
});

export const convert = (type: Type, a: Expr): Expr => {
  if (a.type === type) return a;
  if (a.kind === "const") return constant(type, a.value);
  const parts = a.kind === "select" ? [a.then, a.else] : [];
  // one of several numbers
  if (a.kind === "select" && parts.every(isChoice))
    return { ...a, type, then: convert(type, a.then), else: convert(type, a.else) };
  return { kind: "convert", type, a };
};

const isChoice = (a: Expr): boolean =>
  a.kind === "const" || (a.kind === "select" && isChoice(a.then) && isChoice(a.else));

/** Nothing is gained by a name for these. */
export const isTrivial = (a: Expr): boolean =>
  a.kind === "const" || a.kind === "local" || a.kind === "dim" || a.kind === "option";
