/** Walks over the statements that schedules are made of. In: statements; out: what is in them, or the same with parts replaced. */
import { foldExpr, operands } from "../loop/fold.ts";
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { rebuilt } from "./jam.ts";

/** With those of the loops inside. */
export const statementsOf = (body: readonly Stmt[]): readonly Stmt[] =>
  body.flatMap((stmt) => (stmt.kind === "for" ? [stmt, ...statementsOf(stmt.body)] : [stmt]));

/** With those of the loops and branches inside. */
export const allOf = (body: readonly Stmt[]): readonly Stmt[] =>
  body.flatMap((stmt) => {
    if (stmt.kind === "for") return [stmt, ...allOf(stmt.body)];
    return stmt.kind === "if" ? [stmt, ...allOf(stmt.then), ...allOf(stmt.else)] : [stmt];
  });

/** What a statement computes itself. */
export const valuesOf = (stmt: Stmt): readonly Expr[] => {
  if (stmt.kind === "for") return [stmt.from, stmt.to];
  if (stmt.kind === "if") return [stmt.test];
  return stmt.kind === "store" || stmt.kind === "accumulateAt" ? [stmt.offset, stmt.value] : [stmt.value];
};

/** The buffers that an expression reads, in order. */
export const sourcesOf = (root: Expr): readonly Buffer[] => {
  const found: Buffer[] = [];
  foldExpr<undefined>(root, (expr) => {
    if (expr.kind === "load") found.push(expr.buffer);
    return undefined;
  });
  return found;
};

/** The expression and its parts that are computed in any case, down to where `inside` says to stop. */
export const partsOf = (root: Expr, inside: (part: Expr) => boolean): readonly Expr[] => {
  const found: Expr[] = [];
  const stack = [root];
  for (let expr = stack.pop(); expr !== undefined; expr = stack.pop()) {
    found.push(expr);
    if (!inside(expr)) continue;
    if (expr.kind === "select") stack.push(expr.test);
    else if (expr.kind === "and" || expr.kind === "or") stack.push(expr.a);
    else stack.push(...operands(expr));
  }
  return found;
};

/** With what locals stand for. */
export const inlined = (root: Expr, values: ReadonlyMap<Local, Expr>): Expr =>
  foldExpr<Expr>(root, (expr, of) =>
    expr.kind === "local" ? (values.get(expr.local) ?? expr) : rebuilt(expr, of),
  );

export const mentions = (root: Expr, locals: { readonly has: (local: Local) => boolean }): boolean =>
  foldExpr<boolean>(root, (expr, of) =>
    expr.kind === "local" ? locals.has(expr.local) : operands(expr).some(of),
  );

/** With other expressions in place of these. */
export const replaced = (body: readonly Stmt[], by: ReadonlyMap<Expr, Expr>): readonly Stmt[] => {
  const of = (root: Expr): Expr => foldExpr<Expr>(root, (expr, part) => by.get(expr) ?? rebuilt(expr, part));
  return body.map((stmt): Stmt => {
    switch (stmt.kind) {
      case "for":
        return { ...stmt, from: of(stmt.from), to: of(stmt.to), body: replaced(stmt.body, by) };
      case "if":
        return { ...stmt, test: of(stmt.test), then: replaced(stmt.then, by), else: replaced(stmt.else, by) };
      case "let":
      case "init":
      case "accumulate":
      case "assign":
        return { ...stmt, value: of(stmt.value) };
      case "store":
      case "accumulateAt":
        return { ...stmt, offset: of(stmt.offset), value: of(stmt.value) };
    }
  });
};

/** Without values that nothing needs any more. */
export const withoutUnused = (body: readonly Stmt[]): readonly Stmt[] => {
  const used = new Set<Local>();
  const unused = new Set<Stmt>();
  for (const stmt of allOf(body).toReversed()) {
    if (stmt.kind === "let" && !used.has(stmt.local)) {
      unused.add(stmt);
      continue;
    }
    for (const value of valuesOf(stmt)) {
      foldExpr<undefined>(value, (expr) => {
        if (expr.kind === "local") used.add(expr.local);
        return undefined;
      });
    }
  }
  const kept = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts
      .filter((stmt) => !unused.has(stmt))
      .map((stmt) => {
        if (stmt.kind === "for") return { ...stmt, body: kept(stmt.body) };
        return stmt.kind === "if" ? { ...stmt, then: kept(stmt.then), else: kept(stmt.else) } : stmt;
      });
  return kept(body);
};
