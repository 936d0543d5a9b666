/**
 * In: a block. Out: for each of its statements, the locals of the block that are used there for the last time.
 * Terminates: one visit for each statement and each distinct expression in it.
 */

import { foldExpr } from "../../src/loop/fold.ts";
import type { Expr, Local, Stmt } from "../../src/loop/types.ts";

/** The expressions of a statement, and of those inside it. */
function visit(s: Stmt, expression: (e: Expr) => void, local: (l: Local) => void): void {
  switch (s.kind) {
    case "for":
      expression(s.from);
      expression(s.to);
      for (const inner of s.body) visit(inner, expression, local);
      return;
    case "if":
      expression(s.test);
      for (const inner of [...s.then, ...s.else]) visit(inner, expression, local);
      return;
    case "let":
    case "init":
      expression(s.value);
      return;
    case "accumulate":
    case "assign":
      local(s.local);
      expression(s.value);
      return;
    case "store":
    case "accumulateAt":
      expression(s.offset);
      expression(s.value);
      return;
  }
}

export function lastUses(body: readonly Stmt[]): readonly (readonly Local[])[] {
  const own = new Set<Local>();
  for (const s of body) if (s.kind === "let" || s.kind === "init") own.add(s.local);
  const ends = body.map((): Local[] => []);
  const used = new Set<Local>();
  for (let i = body.length - 1; i >= 0; i--) {
    const s = body[i];
    if (s === undefined) continue;
    const use = (l: Local): void => {
      if (!own.has(l) || used.has(l)) return;
      used.add(l);
      ends[i]?.push(l);
    };
    const read = (e: Expr): void => {
      foldExpr(e, (part) => {
        if (part.kind === "local") use(part.local);
        return undefined;
      });
    };
    visit(s, read, use);
  }
  return ends;
}
