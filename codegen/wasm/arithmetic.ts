/**
 * The arithmetic of floats and ints, once for scalars and lanes: both have the same instructions.
 */

import type {
  AccumulateOp,
  BinaryOp,
  CompareOp,
  Expr,
  FloatType,
  Kernel,
  Type,
  UnaryOp,
} from "../../src/loop/types.ts";
import type { Ref, WasmModule } from "./binaryen.ts";
import type { MathPrecision } from "./math/index.ts";

type FloatInstructions = Pick<
  WasmModule["f64x2"],
  "abs" | "neg" | "sqrt" | "add" | "sub" | "mul" | "div" | "min" | "max" | "ceil" | "floor" | "trunc" | "nearest" | "eq" | "ne" | "lt" | "le" // prettier-ignore
>;

/** Floats of one shape: f32, f64, f32x4 or f64x2. */
export interface Floats extends FloatInstructions {
  readonly constant: (value: number) => Ref;
  /** Chooses by a condition of this shape (0 or 1 for scalars, a mask for lanes). */
  readonly select: (test: Ref, then: Ref, otherwise: Ref) => Ref;
}

/** A value that may be used many times. */
export type Shared = () => Ref;

/**
 * How an operation is made: from operands used once; from shared operands; or by a function of the math library,
 * which works on lanes.
 */
export type Unary =
  | { readonly by: "instruction"; readonly emit: (f: Floats, a: Ref) => Ref }
  | { readonly by: "shared"; readonly emit: (f: Floats, a: Shared) => Ref }
  | { readonly by: "math" };

export type Binary =
  | { readonly by: "instruction"; readonly emit: (f: Floats, a: Ref, b: Ref) => Ref }
  | { readonly by: "shared"; readonly emit: (f: Floats, a: Shared, b: Shared) => Ref }
  | { readonly by: "math" };

const math = { by: "math" } as const;

export const floatUnary: { readonly [K in UnaryOp]: Unary } = {
  neg: { by: "instruction", emit: (f, a) => f.neg(a) },
  abs: { by: "instruction", emit: (f, a) => f.abs(a) },
  sqrt: { by: "instruction", emit: (f, a) => f.sqrt(a) },
  floor: { by: "instruction", emit: (f, a) => f.floor(a) },
  ceil: { by: "instruction", emit: (f, a) => f.ceil(a) },
  trunc: { by: "instruction", emit: (f, a) => f.trunc(a) },
  round: { by: "instruction", emit: (f, a) => f.nearest(a) },
  // Zeros and NaN are their own sign.
  sign: {
    by: "shared",
    emit: (f, a) =>
      f.select(
        f.lt(f.constant(0), a()),
        f.constant(1),
        f.select(f.lt(a(), f.constant(0)), f.constant(-1), a()),
      ),
  },
  exp: math,
  expm1: math,
  log: math,
  log1p: math,
  sin: math,
  cos: math,
  tan: math,
  asin: math,
  acos: math,
  atan: math,
  sinh: math,
  cosh: math,
  tanh: math,
  asinh: math,
  acosh: math,
  atanh: math,
  erf: math,
  erfc: math,
  sigmoid: math,
  softplus: math,
};

export const floatBinary: { readonly [K in BinaryOp]: Binary } = {
  add: { by: "instruction", emit: (f, a, b) => f.add(a, b) },
  sub: { by: "instruction", emit: (f, a, b) => f.sub(a, b) },
  mul: { by: "instruction", emit: (f, a, b) => f.mul(a, b) },
  div: { by: "instruction", emit: (f, a, b) => f.div(a, b) },
  max: { by: "instruction", emit: (f, a, b) => f.max(a, b) },
  min: { by: "instruction", emit: (f, a, b) => f.min(a, b) },
  floordiv: { by: "instruction", emit: (f, a, b) => f.floor(f.div(a, b)) },
  mod: { by: "shared", emit: (f, a, b) => f.sub(a(), f.mul(b(), f.floor(f.div(a(), b())))) },
  pow: math,
  atan2: math,
  hypot: math,
};

export const floatCompare: { readonly [K in CompareOp]: (f: Floats, a: Ref, b: Ref) => Ref } = {
  "<": (f, a, b) => f.lt(a, b),
  "<=": (f, a, b) => f.le(a, b),
  "==": (f, a, b) => f.eq(a, b),
  "!=": (f, a, b) => f.ne(a, b),
};

export type MathOp = UnaryOp | BinaryOp;

/** The scalar floats of a module. */
export function scalarFloats(module: WasmModule, dtype: FloatType): Floats {
  const instructions: FloatInstructions = module[dtype];
  return {
    ...instructions,
    constant: (value) => module[dtype].const(value),
    select: (test, then, otherwise) => module.select(test, then, otherwise),
  };
}

/** Scalar ints: i32. A divisor is positive, and quotients round towards -inf. */
export type IntBinary =
  | { readonly by: "instruction"; readonly emit: (m: WasmModule, a: Ref, b: Ref) => Ref }
  | { readonly by: "shared"; readonly emit: (m: WasmModule, a: Shared, b: Shared) => Ref }
  | { readonly by: "nothing" };

const nothing = { by: "nothing" } as const;

export const intBinary: { readonly [K in BinaryOp]: IntBinary } = {
  add: { by: "instruction", emit: (m, a, b) => m.i32.add(a, b) },
  sub: { by: "instruction", emit: (m, a, b) => m.i32.sub(a, b) },
  mul: { by: "instruction", emit: (m, a, b) => m.i32.mul(a, b) },
  max: { by: "shared", emit: (m, a, b) => m.select(m.i32.lt_s(a(), b()), b(), a()) },
  min: { by: "shared", emit: (m, a, b) => m.select(m.i32.lt_s(a(), b()), a(), b()) },
  // The remainder has the sign of the dividend: where it is negative, one multiple of the divisor is missing.
  floordiv: {
    by: "shared",
    emit: (m, a, b) => m.i32.add(m.i32.div_s(a(), b()), m.i32.shr_s(m.i32.rem_s(a(), b()), m.i32.const(31))),
  },
  mod: {
    by: "shared",
    emit: (m, a, b) =>
      m.i32.add(m.i32.rem_s(a(), b()), m.i32.and(b(), m.i32.shr_s(m.i32.rem_s(a(), b()), m.i32.const(31)))),
  },
  div: nothing,
  pow: nothing,
  atan2: nothing,
  hypot: nothing,
};

/** The int unary operations; others stand for a float. */
export const intUnary: ReadonlyMap<string, (m: WasmModule, a: Shared) => Ref> = new Map<
  UnaryOp,
  (m: WasmModule, a: Shared) => Ref
>([
  ["neg", (m, a) => m.i32.sub(m.i32.const(0), a())],
  ["abs", (m, a) => m.select(m.i32.lt_s(a(), m.i32.const(0)), m.i32.sub(m.i32.const(0), a()), a())],
  ["sign", (m, a) => m.i32.sub(m.i32.lt_s(m.i32.const(0), a()), m.i32.lt_s(a(), m.i32.const(0)))],
]);

export const intCompare: { readonly [K in CompareOp]: (m: WasmModule, a: Ref, b: Ref) => Ref } = {
  "<": (m, a, b) => m.i32.lt_s(a, b),
  "<=": (m, a, b) => m.i32.le_s(a, b),
  "==": (m, a, b) => m.i32.eq(a, b),
  "!=": (m, a, b) => m.i32.ne(a, b),
};

/** Whether this is a call of the math library. */
export function isMath(e: Expr): boolean {
  if (e.type !== "float" && e.type !== "wide") return false;
  if (e.kind === "unary") return floatUnary[e.op].by === "math";
  return e.kind === "binary" && floatBinary[e.op].by === "math";
}

/** The exponential of a wide number as a float, which has a formula of its own. */
export function narrowed(
  e: Expr,
  { dtype }: Pick<Kernel, "dtype">,
): Extract<Expr, { kind: "unary" }> | undefined {
  const isNarrow = dtype === "f32" && e.kind === "convert" && e.type === "float" && e.a.type === "wide";
  return isNarrow && e.a.kind === "unary" && e.a.op === "exp" ? e.a : undefined;
}

/** e, or what it is the negative of: functions of the vector math library take a sign of their own. */
export function withoutSign(e: Expr): { readonly expr: Expr; readonly sign: "+" | "-" } {
  let [expr, sign]: [Expr, "+" | "-"] = [e, "+"];
  while (expr.kind === "unary" && expr.op === "neg" && expr.type !== "int") {
    [expr, sign] = [expr.a, sign === "+" ? "-" : "+"];
  }
  return { expr, sign };
}

/** The binary operation that `accumulate` stands for, and the value that leaves the other operand unchanged. */
export const accumulators: {
  readonly [K in AccumulateOp]: { readonly op: BinaryOp; readonly identity: number };
} = {
  sum: { op: "add", identity: 0 },
  prod: { op: "mul", identity: 1 },
  max: { op: "max", identity: -Infinity },
  min: { op: "min", identity: Infinity },
};

/** Which float type a `float` or `wide` is in a kernel of this dtype. */
export function floatTypeOf(type: Extract<Type, "float" | "wide">, dtype: FloatType): FloatType {
  return type === "wide" ? "f64" : dtype;
}

/** How the math library computes a `float` or `wide` in this kernel. */
export function precisionOf(
  type: Extract<Type, "float" | "wide">,
  { dtype, math }: Pick<Kernel, "dtype" | "math">,
): MathPrecision {
  if (dtype === "f64") return "f64";
  if (type === "wide") return "wide";
  return math === "fast" ? "fast" : "f32";
}
