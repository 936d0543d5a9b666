/**
 * The index-notation IR. A program is a list of definitions
 *
 *     T[o…] = body(o…)                          or
 *     T[o…] = reduce over r… of body(o…, r…)
 *
 * whose bodies are pointwise scalar expressions over reads of tensors at integer index expressions. Nodes and index
 * expressions are interned in an arena: equal is `===`, and an operand's id is smaller than its user's.
 */
import type { Matrix } from "../loop/matrix.ts";
import type { Rational } from "./rational.ts";

/** A loop variable: 0 ≤ index < extent. Definitions use i0, i1, … in order: output indices, then reduced ones. */
export interface Index {
  readonly id: number;
  readonly name: string;
  readonly extent: Affine;
}

/**
 * An integer: a polynomial with whole coefficients over atoms. "Affine" by use: no product of two indices is ever
 * needed to address a tensor, while extents do occur as coefficients.
 */
export interface Affine {
  readonly id: number;
  /** Sorted by the ids of their atoms; no zero coefficient; no empty product (that is `constant`). */
  readonly terms: readonly Monomial[];
  readonly constant: number;
  /** Free indices, in order of id, those inside of divisions and data reads too. */
  readonly indices: readonly Index[];
  /** Int reads, those inside of divisions too. */
  readonly data: readonly Node[];
}

export interface Monomial {
  readonly coefficient: number;
  readonly atoms: readonly Atom[];
}

export type Atom =
  /** An extent, or an integer option, that is known at run time; at least `min`. */
  | { readonly id: number; readonly kind: "dim"; readonly name: string; readonly min: number }
  | { readonly id: number; readonly kind: "index"; readonly index: Index }
  /** floor(value / by), by ≥ 1; `exact` where a requirement of the program says that `by` divides. */
  | {
      readonly id: number;
      readonly kind: "floordiv";
      readonly value: Affine;
      readonly by: Affine;
      readonly exact: boolean;
    }
  /** value - by * floor(value / by), by ≥ 1 */
  | { readonly id: number; readonly kind: "mod"; readonly value: Affine; readonly by: Affine }
  /** A data-dependent integer: a read of an int tensor. */
  | { readonly id: number; readonly kind: "data"; readonly node: Node };

export type DType = "float" | "int" | "bool";

/** A symbol that reads name. Identity is the object; what defines it stands in the program. */
export interface Tensor {
  readonly id: number;
  /** Unique in a program. */
  readonly name: string;
  readonly shape: readonly Affine[];
  readonly dtype: "float" | "int";
  readonly role: "input" | "defined";
}

export type UnaryOp =
  | "exp" | "expm1" | "log" | "log1p" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan"
  | "sinh" | "cosh" | "tanh" | "asinh" | "acosh" | "atanh" | "erf" | "erfc" | "sigmoid" | "softplus"
  | "abs" | "sign" | "floor" | "ceil" | "round" | "trunc"; // prettier-ignore

/** `max`, `min`: elementwise, ties split evenly. `floordiv`, `mod`: towards -inf. `pow`: any real exponent. */
export type BinaryOp = "pow" | "atan2" | "hypot" | "max" | "min" | "floordiv" | "mod";

export type CompareOp = "<" | "<=" | "==" | "!=";

interface Base {
  readonly id: number;
  readonly dtype: DType;
  /** Free indices, in order of id. */
  readonly indices: readonly Index[];
}

export interface Constant extends Base {
  readonly kind: "constant";
  readonly value: number;
  /** Present where the constant is a fraction; `value` is then the nearest f64. */
  readonly exact: Rational | undefined;
}
/** Structurally nothing: absorbs in products, unlike the literal 0. */
export interface Zero extends Base {
  readonly kind: "zero";
}
/** A scalar argument. */
export interface Option extends Base {
  readonly kind: "option";
  readonly name: string;
}
/** An index expression used as a number. */
export interface IndexValue extends Base {
  readonly kind: "index";
  readonly value: Affine;
}
export interface Read extends Base {
  readonly kind: "read";
  readonly tensor: Tensor;
  readonly at: readonly Affine[];
}
export interface Unary extends Base {
  readonly kind: "unary";
  readonly op: UnaryOp;
  readonly a: Node;
}
export interface Binary extends Base {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly a: Node;
  readonly b: Node;
}
/** base ^ exponent for a fixed fraction: x², 1/x (-1), sqrt (1/2), 1/sqrt (-1/2). */
export interface Power extends Base {
  readonly kind: "power";
  readonly base: Node;
  readonly exponent: Rational;
}
/** At least two terms; at most one constant, first; then in order of id. Not flattened: that is simplification. */
export interface Sum extends Base {
  readonly kind: "sum";
  readonly args: readonly Node[];
}
/** At least two factors; at most one constant, first; then in order of id. -x is (-1)·x; a / b is a·b^-1. */
export interface Product extends Base {
  readonly kind: "product";
  readonly args: readonly Node[];
}
export interface BooleanConstant extends Base {
  readonly kind: "boolean";
  readonly value: boolean;
}
export interface Compare extends Base {
  readonly kind: "compare";
  readonly op: CompareOp;
  readonly a: Node;
  readonly b: Node;
}
export interface And extends Base {
  readonly kind: "and";
  readonly args: readonly Node[];
}
export interface Or extends Base {
  readonly kind: "or";
  readonly args: readonly Node[];
}
export interface Not extends Base {
  readonly kind: "not";
  readonly a: Node;
}
/** 0 ≤ value < extent */
export interface InRange extends Base {
  readonly kind: "inrange";
  readonly value: Affine;
  readonly extent: Affine;
}
/** by | value, by ≥ 1 */
export interface Divides extends Base {
  readonly kind: "divides";
  readonly by: Affine;
  readonly value: Affine;
}
/** value = 0, for whole numbers */
export interface IsZero extends Base {
  readonly kind: "iszero";
  readonly value: Affine;
}
/** test ? then : else; the branch not taken contributes nothing. */
export interface Select extends Base {
  readonly kind: "select";
  readonly test: Node;
  readonly then: Node;
  readonly else: Node;
}
/** test ? a : structural zero */
export interface Guard extends Base {
  readonly kind: "guard";
  readonly test: Node;
  readonly a: Node;
}
/** The value of a, with derivative nothing. */
export interface StopGradient extends Base {
  readonly kind: "stopgradient";
  readonly a: Node;
}
/** 1 where a = b, else nothing. Only between differentiation and gather. */
export interface Delta extends Base {
  readonly kind: "delta";
  readonly a: Affine;
  readonly b: Affine;
}

export type Node =
  | Constant | Zero | Option | IndexValue | Read | Unary | Binary | Power | Sum | Product
  | BooleanConstant | Compare | And | Or | Not | InRange | Divides | IsZero
  | Select | Guard | StopGradient | Delta; // prettier-ignore

export type Kind = Node["kind"];
export type NodeOf<K extends Kind> = Extract<Node, { readonly kind: K }>;

/**
 * `max` and `min` split the adjoint among ties; `maxfirst` and `minfirst` have the same value and send it to the first in
 * row-major order. `argmax` and `argmin` give the row-major position of that first one among the reduced indices (int).
 */
export type ReduceOp = "sum" | "prod" | "max" | "min" | "maxfirst" | "minfirst" | "argmax" | "argmin";

export interface Reduction {
  readonly op: ReduceOp;
  readonly indices: readonly Index[];
}

/**
 * `tensor[indices…] = reduction of body`. With `target`, instead: `tensor[target…] += body` for all values of `indices`
 * (the data-dependent scatter of an embedding's gradient), elements not hit are 0.
 */
export interface Definition {
  readonly tensor: Tensor;
  /** i0, i1, …: one per dimension (with `target`: one per loop). */
  readonly indices: readonly Index[];
  readonly reduction: Reduction | undefined;
  readonly target: readonly Affine[] | undefined;
  readonly body: Node;
  /** The names that a reader sees for `indices` and then `reduction.indices`. */
  readonly labels: readonly string[];
}

/** An extent or integer option that is a parameter of the program. */
export interface DimSymbol {
  readonly name: string;
  readonly min: number;
  readonly default: number | undefined;
}

export interface OptionSymbol {
  readonly name: string;
  readonly default: number | undefined;
}

/** What has to hold of a program's arguments; checked when a kernel is called. */
export type Requirement =
  /** Values of an int tensor lie in [0, extent): it indexes such a dimension. */
  | { readonly kind: "range"; readonly tensor: Tensor; readonly extent: Affine }
  /** `by` divides `value`, both of extents: an extent is value / by. */
  | { readonly kind: "divides"; readonly by: Affine; readonly value: Affine };

export interface Output {
  readonly name: string;
  readonly tensor: Tensor;
}

export interface Program {
  readonly name: string;
  readonly doc: string;
  readonly inputs: readonly Tensor[];
  readonly dims: readonly DimSymbol[];
  readonly options: readonly OptionSymbol[];
  readonly requirements: readonly Requirement[];
  /** Each reads inputs and earlier definitions; a recurrence (see recurrence.ts) also itself, at strictly earlier places. */
  readonly definitions: readonly Definition[];
  readonly outputs: readonly Output[];
  /** Jacobians and Hessians: which outputs they consist of. */
  readonly matrices?: readonly Matrix<Affine>[];
}
