/**
 * In: an expression. Out: its value under `leave`, computed from the values of its operands.
 * Terminates: every expression is entered once per occurrence. The stack is explicit, so depth costs no call depth.
 */

import type { Expr } from "../../src/loop/types.ts";

/** An operand, and the context it is visited in. */
export interface Operand<C> {
  readonly expr: Expr;
  readonly context: C;
}

export interface Folder<C, V> {
  /** The operands to visit; none for a leaf. */
  readonly enter: (expr: Expr, context: C) => readonly Operand<C>[];
  readonly leave: (expr: Expr, context: C, values: readonly V[], operands: readonly Operand<C>[]) => V;
}

interface Frame<C, V> {
  readonly expr: Expr;
  readonly context: C;
  readonly operands: readonly Operand<C>[];
  readonly values: V[];
}

export function fold<C, V>(root: Expr, context: C, folder: Folder<C, V>): V {
  const frame = (expr: Expr, at: C): Frame<C, V> => ({
    expr,
    context: at,
    operands: folder.enter(expr, at),
    values: [],
  });
  const stack = [frame(root, context)];
  for (;;) {
    const top = stack[stack.length - 1];
    if (top === undefined) throw new Error("fold: the stack is empty");
    const next = top.operands[top.values.length];
    if (next !== undefined) {
      stack.push(frame(next.expr, next.context));
      continue;
    }
    const value = folder.leave(top.expr, top.context, top.values, top.operands);
    stack.pop();
    const parent = stack[stack.length - 1];
    if (parent === undefined) return value;
    parent.values.push(value);
  }
}

/** Looks an expression up in a table with one row for each kind. */
export function byKind<A extends readonly unknown[], R>(
  table: { readonly [K in Expr["kind"]]: (e: Extract<Expr, { kind: K }>, ...rest: A) => R },
  expr: Expr,
  ...rest: A
): R {
  const row = table[expr.kind] as (e: Expr, ...rest: A) => R;
  return row(expr, ...rest);
}
