/** Bottom-up over loop IR expressions, without recursion: every visitor of expressions is a fold. */
import type { Expr } from "./types.ts";

const NONE: readonly Expr[] = [];

/** The direct operands, in order of evaluation. */
export function operands(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "const":
    case "local":
    case "dim":
    case "option":
      return NONE;
    case "load":
      return [expr.offset];
    case "unary":
    case "not":
    case "convert":
      return [expr.a];
    case "binary":
    case "compare":
    case "and":
    case "or":
      return [expr.a, expr.b];
    case "select":
      return [expr.test, expr.then, expr.else];
  }
}

/**
 * The value of `root` under `visit`, which sees each distinct node once and asks for the value of an operand with `of`.
 * Ends because expressions are finite and immutable.
 */
export function foldExpr<T>(root: Expr, visit: (expr: Expr, of: (operand: Expr) => T) => T): T {
  const values = new Map<Expr, T>();
  const of = (operand: Expr): T => values.get(operand) as T;
  const stack = [{ expr: root, entered: false }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { expr, entered } = top;
    if (values.has(expr)) continue;
    if (entered) {
      values.set(expr, visit(expr, of));
      continue;
    }
    stack.push({ expr, entered: true });
    for (const operand of operands(expr).toReversed()) stack.push({ expr: operand, entered: false });
  }
  return of(root);
}
