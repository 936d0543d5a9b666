/**
 * In: the body of a vector loop. Out: for each expression, how its value varies from one iteration to the next.
 * Terminates: one visit for each distinct expression.
 */

import type { BinaryOp, Expr, Local, Stmt } from "../../src/loop/types.ts";
import { operands } from "../../src/loop/fold.ts";
import { statementsIn } from "../../src/loop/vectorise.ts";
import { fold } from "./fold.ts";

export type Form =
  /** The same in every iteration. */
  { readonly kind: "invariant" } | Affine | { readonly kind: "varying" };

/** An int `base + stride * i` of the loop's local i; base and stride are invariant. */
export interface Affine {
  readonly kind: "affine";
  readonly base: Expr;
  readonly stride: Expr;
}

export interface Forms {
  readonly of: (expr: Expr) => Form;
  readonly ofLocal: (local: Local) => Form;
}

const INVARIANT: Form = { kind: "invariant" };
const VARYING: Form = { kind: "varying" };

export function analyse(loopLocal: Local, body: readonly Stmt[]): Forms {
  const locals = new Map<Local, Form>([[loopLocal, { kind: "affine", base: int(0), stride: int(1) }]]);
  const known = new Map<Expr, Form>();
  const ofLocal = (local: Local): Form => locals.get(local) ?? INVARIANT;
  const of = (expr: Expr): Form =>
    fold<undefined, Form>(expr, undefined, {
      enter: (e) => (known.has(e) ? [] : operands(e).map((o) => ({ expr: o, context: undefined }))),
      leave: (e, _, parts) => {
        const form = known.get(e) ?? derive(e, parts, ofLocal);
        known.set(e, form);
        return form;
      },
    });
  for (const s of statementsIn(body)) {
    if (s.kind === "let") locals.set(s.local, of(s.value));
    if (s.kind === "init") locals.set(s.local, VARYING);
  }
  return { of, ofLocal };
}

function derive(e: Expr, parts: readonly Form[], ofLocal: (local: Local) => Form): Form {
  if (e.kind === "local") return ofLocal(e.local);
  if (parts.every((p) => p.kind === "invariant")) return INVARIANT;
  if (e.type !== "int") return VARYING;
  if (e.kind === "unary" && e.op === "neg") {
    return affineOf("sub", int(0), INVARIANT, e.a, parts[0]);
  }
  if (e.kind === "binary") return affineOf(e.op, e.a, parts[0], e.b, parts[1]);
  return VARYING;
}

type Terms = Omit<Affine, "kind">;

function asAffine(e: Expr, form: Form | undefined): Terms | undefined {
  if (form?.kind === "affine") return form;
  return form?.kind === "invariant" ? { base: e, stride: int(0) } : undefined;
}

function affineOf(op: BinaryOp, a: Expr, formA: Form | undefined, b: Expr, formB: Form | undefined): Form {
  const [x, y] = [asAffine(a, formA), asAffine(b, formB)];
  if (x === undefined || y === undefined) return VARYING;
  if (op === "add" || op === "sub") {
    return { kind: "affine", base: int2(op, x.base, y.base), stride: int2(op, x.stride, y.stride) };
  }
  if (op !== "mul") return VARYING;
  if (formA?.kind === "invariant") return scaled(y, a);
  return formB?.kind === "invariant" ? scaled(x, b) : VARYING;
}

function scaled({ base, stride }: Terms, by: Expr): Form {
  return { kind: "affine", base: int2("mul", base, by), stride: int2("mul", stride, by) };
}

export function int(value: number): Expr {
  return { kind: "const", type: "int", value };
}

/** a op b on ints, folded where both are constants or one does nothing. */
export function int2(op: "add" | "sub" | "mul", a: Expr, b: Expr): Expr {
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined && y !== undefined) {
    return int(op === "add" ? x + y : op === "sub" ? x - y : Math.imul(x, y));
  }
  if (op !== "mul" && y === 0) return a;
  if (op === "add" && x === 0) return b;
  if (op === "mul" && (x === 0 || y === 0)) return int(0);
  if (op === "mul" && x === 1) return b;
  if (op === "mul" && y === 1) return a;
  return { kind: "binary", type: "int", op, a, b };
}

/** The value of a constant, or undefined. */
export function constantOf(e: Expr): number | undefined {
  return e.kind === "const" ? e.value : undefined;
}

/** A sum without its constants, and those: elements side by side differ by these only. */
export function splitConstant(expr: Expr): { readonly rest: Expr; readonly constant: number } {
  let constant = 0;
  const terms: { readonly op: "add" | "sub"; readonly expr: Expr }[] = [];
  const stack: { readonly op: "add" | "sub"; readonly expr: Expr }[] = [{ op: "add", expr }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { op, expr: e } = item;
    const known = constantOf(e);
    if (known !== undefined) constant += op === "add" ? known : -known;
    else if (e.kind === "binary" && (e.op === "add" || e.op === "sub")) {
      stack.push({ op: e.op === op ? "add" : "sub", expr: e.b }, { op, expr: e.a });
    } else terms.push({ op, expr: e });
  }
  return { rest: terms.reduce((sum, term) => int2(term.op, sum, term.expr), int(0)), constant };
}

/** As `splitConstant`, where the constant may be added to an address: it is not negative. */
export function beyond(expr: Expr): { readonly rest: Expr; readonly constant: number } {
  const split = splitConstant(expr);
  return split.constant < 0 ? { rest: expr, constant: 0 } : split;
}
