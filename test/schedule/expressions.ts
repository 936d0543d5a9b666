/** What a kernel consists of, as lists. */
import { foldExpr } from "../../src/loop/fold.ts";
import type { Expr, Stmt } from "../../src/loop/types.ts";

/** Every expression of the statements. */
export const values = (body: readonly Stmt[]): readonly Expr[] =>
  body.flatMap((stmt) => {
    if (stmt.kind === "for") return values(stmt.body);
    if (stmt.kind === "if") return [stmt.test, ...values(stmt.then), ...values(stmt.else)];
    return [stmt.value];
  });

/** Every node of an expression. */
export const nodes = (root: Expr): readonly Expr[] => {
  const all: Expr[] = [];
  foldExpr<undefined>(root, (expr) => void all.push(expr));
  return all;
};
