/** Short constructors for loop IR that specs write by hand. */
import type {
  AccumulateOp,
  BinaryOp,
  Buffer,
  CompareOp,
  DimParam,
  Expr,
  FloatType,
  Kernel,
  Local,
  LoopMode,
  OptionParam,
  Stmt,
  Type,
  UnaryOp,
} from "../../src/loop/types.ts";

export const constant = (type: Type, value: number): Expr => ({ kind: "const", type, value });
export const int = (value: number): Expr => constant("int", value);
export const float = (value: number): Expr => constant("float", value);
export const dim = (name: string): Expr => ({ kind: "dim", type: "int", name });
export const option = (name: string, type: "float" | "int" = "float"): Expr => ({
  kind: "option",
  type,
  name,
});
export const local = (name: string, type: Type): Local => ({ name, type });
export const use = (l: Local): Expr => ({ kind: "local", type: l.type, local: l });
export const load = (buffer: Buffer, offset: Expr): Expr => ({
  kind: "load",
  type: buffer.type,
  buffer,
  offset,
});
export const unary = (op: UnaryOp, a: Expr): Expr => ({ kind: "unary", type: a.type, op, a });
export const binary = (op: BinaryOp, a: Expr, b: Expr): Expr => ({ kind: "binary", type: a.type, op, a, b });
export const add = (a: Expr, b: Expr): Expr => binary("add", a, b);
export const sub = (a: Expr, b: Expr): Expr => binary("sub", a, b);
export const mul = (a: Expr, b: Expr): Expr => binary("mul", a, b);
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
export const convert = (type: Type, a: Expr): Expr => ({ kind: "convert", type, a });

export const loop = (
  l: Local,
  from: Expr,
  to: Expr,
  body: readonly Stmt[],
  mode: LoopMode = "serial",
  step = 1,
): Stmt => ({ kind: "for", local: l, from, to, step, mode, body });
export const bind = (l: Local, value: Expr): Stmt => ({ kind: "let", local: l, value });
export const init = (l: Local, value: Expr): Stmt => ({ kind: "init", local: l, value });
export const assign = (l: Local, value: Expr): Stmt => ({ kind: "assign", local: l, value });
export const accumulate = (l: Local, op: AccumulateOp, value: Expr): Stmt => ({ kind: "accumulate", local: l, op, value }); // prettier-ignore
export const store = (buffer: Buffer, offset: Expr, value: Expr): Stmt => ({
  kind: "store",
  buffer,
  offset,
  value,
});
export const accumulateAt = (buffer: Buffer, offset: Expr, op: AccumulateOp, value: Expr): Stmt => ({
  kind: "accumulateAt",
  buffer,
  offset,
  op,
  value,
});
export const when = (test: Expr, then: readonly Stmt[], otherwise: readonly Stmt[] = []): Stmt => ({
  kind: "if",
  test,
  then,
  else: otherwise,
});

export const buffer = (
  name: string,
  role: Buffer["role"],
  shape: readonly Expr[],
  type: "float" | "int" = "float",
): Buffer => ({ name, role, type, shape });

export interface KernelParts {
  readonly name?: string;
  readonly dims?: readonly (string | DimParam)[];
  readonly options?: readonly OptionParam[];
  readonly buffers: readonly Buffer[];
  readonly requirements?: Kernel["requirements"];
  readonly body: readonly Stmt[];
}

export function kernel(dtype: FloatType, parts: KernelParts): Kernel {
  const dims = (parts.dims ?? []).map((d) => (typeof d === "string" ? { name: d, min: 0 } : d));
  return {
    name: parts.name ?? "kernel",
    dtype,
    dims,
    options: parts.options ?? [],
    buffers: parts.buffers,
    requirements: parts.requirements ?? [],
    body: parts.body,
    about: { doc: "", formulas: [], operations: "", sourceHash: "" },
  };
}

export const div = (a: Expr, b: Expr): Expr => binary("div", a, b);
