/**
 * The syntax tree of a `.grad` file. Sums and products are flat lists, so the depth of a tree is the
 * nesting depth of its source, which the parser bounds: walks over the AST may recurse.
 */
import type { Span } from "../diagnostics/source.ts";

export interface Name {
  readonly text: string;
  readonly span: Span;
}

export interface Module {
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionDeclaration[];
  readonly derives: readonly Derive[];
  readonly span: Span;
}

/** `import { focal, huber } from "./losses.grad"` */
export interface Import {
  readonly names: readonly Name[];
  readonly path: string;
  readonly pathSpan: Span;
  readonly span: Span;
}

/** `fn name(params; options) { statements }`, with the text of its `///` lines. */
export interface FunctionDeclaration {
  readonly doc: string;
  readonly name: Name;
  readonly params: readonly Param[];
  readonly options: readonly OptionDeclaration[];
  readonly body: readonly Statement[];
  readonly span: Span;
}

/** A parameter without a type is a scalar to which arrays of any shape may be given, elementwise. */
export interface Param {
  readonly name: Name;
  readonly type: TensorType | undefined;
}

/** `[N, C]`, `int[N]`, `[..., C]`, `[]` (a scalar), `[N + 1, 3]`. */
export interface TensorType {
  readonly dtype: "float" | "int";
  readonly dims: readonly Dim[];
  readonly span: Span;
}

export type Dim =
  | { readonly kind: "ellipsis"; readonly span: Span }
  | { readonly kind: "extent"; readonly value: Expression; readonly span: Span };

export interface OptionDeclaration {
  readonly name: Name;
  readonly default: Expression | undefined;
}

export type Statement = Define | Return;

/** `p = e`, `y[n, k, i < H // 2] = e`, `h[0] = e` (a binder that is a number). */
export interface Define {
  readonly kind: "define";
  readonly name: Name;
  readonly binders: readonly Binder[] | undefined;
  readonly value: Expression;
  readonly span: Span;
}

/** `return e` or `return a, b`: an output is named after the definition it names, else `out`, `out1`, … */
export interface Return {
  readonly kind: "return";
  readonly values: readonly Expression[];
  readonly span: Span;
}

export type Binder =
  | {
      readonly kind: "index";
      readonly name: Name;
      readonly extent: Expression | undefined;
      readonly span: Span;
    }
  | { readonly kind: "ellipsis"; readonly span: Span }
  | { readonly kind: "fixed"; readonly value: Expression; readonly span: Span };

export type IndexArgument = Expression | { readonly kind: "ellipsis"; readonly span: Span };

export type CompareOp = "<" | "<=" | ">" | ">=" | "==" | "!=";
export type ProductOp = "*" | "/" | "//" | "%";

export type Expression =
  /** `text` is the literal as written: decimal, with optional fraction and exponent. */
  | { readonly kind: "number"; readonly text: string; readonly span: Span }
  | { readonly kind: "name"; readonly text: string; readonly span: Span }
  /** `x[n, i + 1, ...]` */
  | {
      readonly kind: "read";
      readonly target: Name;
      readonly indices: readonly IndexArgument[];
      readonly span: Span;
    }
  /** `f(a, b; alpha = 0.5)` */
  | {
      readonly kind: "call";
      readonly callee: Name;
      readonly args: readonly Expression[];
      readonly options: readonly NamedArgument[];
      readonly span: Span;
    }
  /** `sum[c, u < K](e)`: any function from one vector to a scalar may stand in place of `sum`. */
  | {
      readonly kind: "reduce";
      readonly callee: Name;
      readonly binders: readonly Binder[];
      readonly args: readonly Expression[];
      readonly options: readonly NamedArgument[];
      readonly span: Span;
    }
  | { readonly kind: "negate"; readonly operand: Expression; readonly span: Span }
  | { readonly kind: "not"; readonly operand: Expression; readonly span: Span }
  | { readonly kind: "sum"; readonly terms: readonly SumTerm[]; readonly span: Span }
  /** Left to right; the first operator is "*". */
  | { readonly kind: "product"; readonly factors: readonly ProductFactor[]; readonly span: Span }
  /** `a ^ b`: right associative, binds tighter than unary minus on its left. */
  | { readonly kind: "power"; readonly base: Expression; readonly exponent: Expression; readonly span: Span }
  /** `a < b`, and chains: `0 <= i < N` is `0 <= i && i < N`. */
  | {
      readonly kind: "compare";
      readonly operands: readonly Expression[];
      readonly ops: readonly CompareOp[];
      readonly span: Span;
    }
  | { readonly kind: "and"; readonly operands: readonly Expression[]; readonly span: Span }
  | { readonly kind: "or"; readonly operands: readonly Expression[]; readonly span: Span }
  | {
      readonly kind: "conditional";
      readonly test: Expression;
      readonly then: Expression;
      readonly else: Expression;
      readonly span: Span;
    }
  /** `x[i - 1] ?? 0` */
  | {
      readonly kind: "default";
      readonly value: Expression;
      readonly fallback: Expression;
      readonly span: Span;
    };

export interface SumTerm {
  readonly sign: "+" | "-";
  readonly value: Expression;
}

export interface ProductFactor {
  readonly op: ProductOp;
  readonly value: Expression;
}

export interface NamedArgument {
  readonly name: Name;
  readonly value: Expression;
}

/** `derive f { grad(x), hessian(x, y) }` */
export interface Derive {
  readonly name: Name;
  readonly requests: readonly DeriveRequest[];
  readonly span: Span;
}

export interface DeriveRequest {
  readonly kind: Name;
  readonly args: readonly Name[];
}
