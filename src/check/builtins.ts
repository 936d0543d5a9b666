/** The functions that are the IR's own operations; everything else is written in the language (prelude.ts). */
import type { Arena } from "../ir/arena.ts";
import { binary, sqrt, stopGradient, unary } from "../ir/build.ts";
import type { BinaryOp, Node, ReduceOp, UnaryOp } from "../ir/types.ts";

export interface Elementwise {
  readonly params: readonly string[];
  readonly apply: (ir: Arena, args: readonly [Node, ...Node[]]) => Node;
}

const UNARY: { readonly [K in UnaryOp]: true } = {
  exp: true, expm1: true, log: true, log1p: true, sin: true, cos: true, tan: true, asin: true, acos: true,
  atan: true, sinh: true, cosh: true, tanh: true, asinh: true, acosh: true, atanh: true, erf: true, erfc: true,
  sigmoid: true, softplus: true, abs: true, sign: true, floor: true, ceil: true, round: true, trunc: true,
}; // prettier-ignore

const BINARY: {
  readonly [K in BinaryOp]: { readonly name: string; readonly params: readonly [string, string] };
} = {
  pow: { name: "pow", params: ["base", "exponent"] },
  atan2: { name: "atan2", params: ["y", "x"] },
  hypot: { name: "hypot", params: ["x", "y"] },
  max: { name: "maximum", params: ["a", "b"] },
  min: { name: "minimum", params: ["a", "b"] },
  floordiv: { name: "floor_divide", params: ["a", "b"] },
  mod: { name: "modulo", params: ["a", "b"] },
};

const unaryEntry = (op: UnaryOp): [string, Elementwise] => [
  op,
  { params: ["x"], apply: (ir, [x]) => unary(ir, op, x) },
];

const binaryEntry = (op: BinaryOp): [string, Elementwise] => [
  BINARY[op].name,
  { params: BINARY[op].params, apply: (ir, [a, b = a]) => binary(ir, op, a, b) },
];

export const elementwise: ReadonlyMap<string, Elementwise> = new Map([
  ...(Object.keys(UNARY) as UnaryOp[]).map(unaryEntry),
  ...(Object.keys(BINARY) as BinaryOp[]).map(binaryEntry),
  ["sqrt", { params: ["x"], apply: (ir, [x]) => sqrt(ir, x) }],
  ["stop_gradient", { params: ["x"], apply: (ir, [x]) => stopGradient(ir, x) }],
]);

/** `mean` is the sum over the number of elements. */
export type Reducer = ReduceOp | "mean";

const REDUCERS: { readonly [K in Reducer]: true } = {
  sum: true, mean: true, prod: true, max: true, min: true, maxfirst: true, minfirst: true, argmax: true, argmin: true,
}; // prettier-ignore

export const reducers: ReadonlySet<string> = new Set(Object.keys(REDUCERS));

export const asReducer = (name: string): Reducer | undefined =>
  reducers.has(name) ? (name as Reducer) : undefined;

/** What an elementwise function of that name is called: `max(a, b)` was meant to be `maximum(a, b)`. */
export const pairwise: ReadonlyMap<string, string> = new Map([
  ["max", "maximum"],
  ["min", "minimum"],
]);

export const constants: ReadonlyMap<string, number> = new Map([
  ["pi", Math.PI],
  ["inf", Infinity],
]);
