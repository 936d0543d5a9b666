/** Loop IR expressions as formulas: for doc comments, error messages and operation counts. */
import { foldExpr } from "./fold.ts";
import type { BinaryOp, Expr } from "./types.ts";

interface Text {
  readonly text: string;
  /** Binds as tightly as: 1 or, 2 and, 3 comparison, 4 sum, 5 product, 6 prefix, 7 atom; 0 is a selection. */
  readonly level: number;
}

const INFIX: { readonly [Op in BinaryOp]?: readonly [symbol: string, level: number] } = {
  add: ["+", 4],
  sub: ["-", 4],
  mul: ["*", 5],
  div: ["/", 5],
  floordiv: ["//", 5],
  mod: ["%", 5],
};

const atom = (text: string): Text => ({ text, level: 7 });
const atLeast = (level: number, part: Text): string => (part.level >= level ? part.text : `(${part.text})`);

function infix(symbol: string, level: number, a: Text, b: Text): Text {
  return { text: `${atLeast(level, a)} ${symbol} ${atLeast(level + 1, b)}`, level };
}

function call(name: string, ...args: readonly Text[]): Text {
  return atom(`${name}(${args.map((arg) => arg.text).join(", ")})`);
}

function format(expr: Expr, of: (operand: Expr) => Text): Text {
  switch (expr.kind) {
    case "const":
      return { text: String(expr.value), level: expr.value < 0 ? 6 : 7 };
    case "local":
      return atom(expr.local.name);
    case "dim":
    case "option":
      return atom(expr.name);
    case "load":
      return atom(`${expr.buffer.name}[${of(expr.offset).text}]`);
    case "unary":
      return expr.op === "neg" ? { text: `-${atLeast(6, of(expr.a))}`, level: 6 } : call(expr.op, of(expr.a));
    case "binary": {
      const operator = INFIX[expr.op];
      if (operator === undefined) return call(expr.op, of(expr.a), of(expr.b));
      return infix(operator[0], operator[1], of(expr.a), of(expr.b));
    }
    case "compare":
      return infix(expr.op, 3, of(expr.a), of(expr.b));
    case "and":
      return infix("and", 2, of(expr.a), of(expr.b));
    case "or":
      return infix("or", 1, of(expr.a), of(expr.b));
    case "not":
      return { text: `not ${atLeast(6, of(expr.a))}`, level: 6 };
    case "select":
      return {
        text: `${atLeast(1, of(expr.test))} ? ${atLeast(1, of(expr.then))} : ${of(expr.else).text}`,
        level: 0,
      };
    case "convert":
      return of(expr.a);
  }
}

/** A formula such as `(H + 2 * pad - KH) // 2 + 1`. */
export function formatExpr(expr: Expr): string {
  return foldExpr<Text>(expr, format).text;
}

/** A shape such as `[N, 2 * C]`. */
export function formatShape(shape: readonly Expr[]): string {
  return `[${shape.map(formatExpr).join(", ")}]`;
}
