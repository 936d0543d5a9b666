/** How each operation of the loop IR is written in TypeScript. */
import type { AccumulateOp, BinaryOp, CompareOp, UnaryOp } from "../../src/loop/types.ts";

/** How tightly a text binds, after JavaScript's own precedences. */
export const LEVEL = {
  conditional: 0,
  or: 1,
  and: 2,
  equality: 3,
  relation: 4,
  sum: 5,
  product: 6,
  prefix: 7,
  atom: 8,
} as const;

/** The functions of the runtime that expressions call. */
export type RuntimeFunction = "erf" | "erfc" | "mod" | "pow" | "round" | "sigmoid" | "softplus";

export type Form =
  | { readonly kind: "prefix"; readonly symbol: string }
  | { readonly kind: "infix"; readonly symbol: string; readonly level: number }
  | { readonly kind: "math"; readonly name: keyof Math & string }
  | { readonly kind: "runtime"; readonly name: RuntimeFunction }
  /** ⌊a / b⌋. */
  | { readonly kind: "floorOfQuotient" };

const math = (name: keyof Math & string): Form => ({ kind: "math", name });
const runtime = (name: RuntimeFunction): Form => ({ kind: "runtime", name });
const infix = (symbol: string, level: number): Form => ({ kind: "infix", symbol, level });

export const UNARY_FORM: { readonly [Op in UnaryOp]: Form } = {
  neg: { kind: "prefix", symbol: "-" },
  abs: math("abs"),
  sign: math("sign"),
  sqrt: math("sqrt"),
  floor: math("floor"),
  ceil: math("ceil"),
  round: runtime("round"),
  trunc: math("trunc"),
  exp: math("exp"),
  expm1: math("expm1"),
  log: math("log"),
  log1p: math("log1p"),
  sin: math("sin"),
  cos: math("cos"),
  tan: math("tan"),
  asin: math("asin"),
  acos: math("acos"),
  atan: math("atan"),
  sinh: math("sinh"),
  cosh: math("cosh"),
  tanh: math("tanh"),
  asinh: math("asinh"),
  acosh: math("acosh"),
  atanh: math("atanh"),
  erf: runtime("erf"),
  erfc: runtime("erfc"),
  sigmoid: runtime("sigmoid"),
  softplus: runtime("softplus"),
};

export const BINARY_FORM: { readonly [Op in BinaryOp]: Form } = {
  add: infix("+", LEVEL.sum),
  sub: infix("-", LEVEL.sum),
  mul: infix("*", LEVEL.product),
  div: infix("/", LEVEL.product),
  floordiv: { kind: "floorOfQuotient" },
  mod: runtime("mod"),
  max: math("max"),
  min: math("min"),
  pow: runtime("pow"),
  atan2: math("atan2"),
  hypot: math("hypot"),
};

export const COMPARE_FORM: { readonly [Op in CompareOp]: readonly [symbol: string, level: number] } = {
  "<": ["<", LEVEL.relation],
  "<=": ["<=", LEVEL.relation],
  "==": ["===", LEVEL.equality],
  "!=": ["!==", LEVEL.equality],
};

/** How `place op= value` is written: with an assignment operator, or with a function of `Math`. */
export const ACCUMULATE_FORM: {
  readonly [Op in AccumulateOp]:
    | { readonly kind: "operator"; readonly symbol: string }
    | { readonly kind: "math"; readonly name: "max" | "min" };
} = {
  sum: { kind: "operator", symbol: "+=" },
  prod: { kind: "operator", symbol: "*=" },
  max: { kind: "math", name: "max" },
  min: { kind: "math", name: "min" },
};
