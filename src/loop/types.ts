/**
 * The loop IR: what a kernel does, step by step. Scheduling makes it, both emitters read only this.
 *
 * Types: `float` is the kernel's dtype (f32 or f64); `wide` is always f64 (accumulators of long f32 sums);
 * `int` is i32; `bool` is a condition. Arithmetic never mixes types: `convert` does.
 */

import type { Matrix } from "./matrix.ts";

export type Type = "float" | "wide" | "int" | "bool";

/** f32 or f64: the dtype of every `float` of a kernel, in memory and in arithmetic. */
export type FloatType = "f32" | "f64";

/**
 * An immutable or accumulating scalar of a kernel; identity is the object, names are unique in a kernel. One local may
 * be declared again in a block that is not inside of the first.
 */
export interface Local {
  readonly name: string;
  readonly type: Type;
}

/** An extent or integer option that is known at run time: an i32 parameter, at least `min`. */
export interface DimParam {
  readonly name: string;
  readonly min: number;
  /** The value of a whole-number option that the caller leaves out. */
  readonly default?: number | undefined;
}

/** A scalar argument, with the value it has when the caller gives none. */
export interface OptionParam {
  readonly name: string;
  readonly type: "float" | "int";
  readonly default: number | undefined;
}

/** A flat, row-major array. `temp` buffers belong to the kernel: their content is undefined before the first store. */
export interface Buffer {
  readonly name: string;
  readonly role: "input" | "output" | "temp";
  readonly type: "float" | "int";
  /** Extents as int expressions over dims (and constants); their product is the length. [] is a scalar: length 1. */
  readonly shape: readonly Expr[];
}

export type UnaryOp =
  | "neg" | "abs" | "sign" | "sqrt" | "floor" | "ceil" | "round" | "trunc"
  | "exp" | "expm1" | "log" | "log1p" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan"
  | "sinh" | "cosh" | "tanh" | "asinh" | "acosh" | "atanh" | "erf" | "erfc" | "sigmoid" | "softplus"; // prettier-ignore

/**
 * `max` and `min` give NaN if either argument is NaN. `floordiv` and `mod` round towards -inf, for ints and floats
 * (`a - b * floor(a / b)`); an int divisor is positive.
 */
export type BinaryOp =
  | "add" | "sub" | "mul" | "div" | "floordiv" | "mod" | "max" | "min" | "pow" | "atan2" | "hypot"; // prettier-ignore

export type CompareOp = "<" | "<=" | "==" | "!=";

/** Immutable; shared nodes are only a saving of memory: what is computed once is bound by `let`. */
export type Expr =
  | { readonly kind: "const"; readonly type: Type; readonly value: number }
  | { readonly kind: "local"; readonly type: Type; readonly local: Local }
  | { readonly kind: "dim"; readonly type: "int"; readonly name: string }
  | { readonly kind: "option"; readonly type: "float" | "int"; readonly name: string }
  /** Element `offset` (an int expression) of a buffer. */
  | { readonly kind: "load"; readonly type: "float" | "int"; readonly buffer: Buffer; readonly offset: Expr }
  | { readonly kind: "unary"; readonly type: Type; readonly op: UnaryOp; readonly a: Expr }
  | {
      readonly kind: "binary";
      readonly type: Type;
      readonly op: BinaryOp;
      readonly a: Expr;
      readonly b: Expr;
    }
  | {
      readonly kind: "compare";
      readonly type: "bool";
      readonly op: CompareOp;
      readonly a: Expr;
      readonly b: Expr;
    }
  | { readonly kind: "and" | "or"; readonly type: "bool"; readonly a: Expr; readonly b: Expr }
  | { readonly kind: "not"; readonly type: "bool"; readonly a: Expr }
  /**
   * Both branches may be evaluated, and their arithmetic cannot trap; but a load in the branch not taken must not be
   * performed out of bounds: the emitter clamps its offset or skips it unless it is `safe`.
   */
  | {
      readonly kind: "select";
      readonly type: Type;
      readonly test: Expr;
      readonly then: Expr;
      readonly else: Expr;
    }
  /** int → float, float ↔ wide, bool → float (0 or 1), bool → int, float → int (of a whole number). */
  | { readonly kind: "convert"; readonly type: Type; readonly a: Expr };

export type AccumulateOp = "sum" | "prod" | "max" | "min";

/**
 * `vector` promises: the body has no `if`, and of loops only serial ones with the same bounds in all iterations; its
 * iterations are independent but for `accumulate` into locals declared outside (whose order may be changed) and stores
 * and `accumulateAt` whose offsets differ between iterations; every offset is affine in the loop's local, or does not
 * depend on it, or is a gather (`load` only). Locals declared inside are one value for each iteration: with a loop
 * inside, its accumulators are vectors. An emitter may run it as a serial loop.
 */
export type LoopMode = "serial" | "vector";

export type Stmt =
  /** Runs `local = from, from + step, … < to`; `step` ≥ 1. Empty when `to <= from`. */
  | {
      readonly kind: "for";
      readonly local: Local;
      readonly from: Expr;
      readonly to: Expr;
      readonly step: number;
      readonly mode: LoopMode;
      readonly body: readonly Stmt[];
      /** Temporaries of which each iteration reads only what it has stored itself. */
      readonly own?: readonly Buffer[];
    }
  /** A value with a name; assigned once. */
  | { readonly kind: "let"; readonly local: Local; readonly value: Expr }
  /** Declares a local that `accumulate` or `assign` changes. */
  | { readonly kind: "init"; readonly local: Local; readonly value: Expr }
  | { readonly kind: "accumulate"; readonly local: Local; readonly op: AccumulateOp; readonly value: Expr }
  | { readonly kind: "assign"; readonly local: Local; readonly value: Expr }
  | { readonly kind: "store"; readonly buffer: Buffer; readonly offset: Expr; readonly value: Expr }
  | {
      readonly kind: "accumulateAt";
      readonly buffer: Buffer;
      readonly offset: Expr;
      readonly op: AccumulateOp;
      readonly value: Expr;
    }
  | {
      readonly kind: "if";
      readonly test: Expr;
      readonly then: readonly Stmt[];
      readonly else: readonly Stmt[];
    };

/** What has to hold of a kernel's arguments; checked at the boundary. */
export type Requirement =
  /** The values of an `int` input lie in `[0, extent)`: they index a dimension. */
  | { readonly kind: "range"; readonly buffer: Buffer; readonly extent: Expr }
  /** `by` divides `value`: an extent is their quotient. */
  | { readonly kind: "divides"; readonly by: Expr; readonly value: Expr };

/**
 * How exact the functions of an f32 kernel are, for the WebAssembly emitter. `fast`: an absolute error of 2e-7 for erf and
 * erfc, 4 ulp elsewhere for normal results up to 2^127.5 (0 below, ∞ beyond), and no arithmetic in f64 where terms cancel.
 */
export type MathMode = "accurate" | "fast";

export interface Kernel {
  readonly name: string;
  readonly dtype: FloatType;
  /** `accurate` without it. */
  readonly math?: MathMode;
  readonly dims: readonly DimParam[];
  readonly options: readonly OptionParam[];
  /** Inputs, then outputs, then temporaries; names are unique in each of these, and among inputs, dims and options. */
  readonly buffers: readonly Buffer[];
  readonly requirements: readonly Requirement[];
  readonly body: readonly Stmt[];
  /** Jacobians and Hessians: which output buffers they consist of. */
  readonly matrices?: readonly Matrix<Expr>[];
  /** For the header of generated modules: the formula(s) as text, the operation count, the doc comment of the source. */
  readonly about: About;
}

export interface About {
  readonly doc: string;
  readonly formulas: readonly string[];
  readonly operations: string;
  readonly sourceHash: string;
}
