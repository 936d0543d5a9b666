/**
 * In: a loop in mode `vector`. Out: the promise of the mode that it breaks, if any.
 * Ends because every statement of the loops inside is entered once, and expressions are folded.
 */
import { foldExpr, operands } from "./fold.ts";
import { formatExpr } from "./format.ts";
import type { Buffer, Expr, Local, Stmt } from "./types.ts";

/** How a value depends on the loop's local. */
type Dependence = "none" | "affine" | "other";

type Loop = Stmt & { readonly kind: "for" };

/** What the body has bound and changed so far. */
interface Body {
  readonly loop: Loop;
  readonly inside: Map<Local, Dependence>;
  /** Locals from outside that iterations accumulate into. */
  readonly accumulated: ReadonlySet<Local>;
  /** Where the body stores to. */
  readonly stores: ReadonlyMap<Buffer, readonly Expr[]>;
}

const join = (parts: readonly Dependence[]): Dependence =>
  parts.every((part) => part === "none") ? "none" : "other";

function dependence(body: Body, root: Expr): Dependence {
  return foldExpr<Dependence>(root, (expr, of) => {
    if (expr.kind === "local") return body.inside.get(expr.local) ?? "none";
    const parts = operands(expr).map(of);
    if (expr.kind === "unary" && expr.op === "neg") return of(expr.a);
    if (expr.kind !== "binary" || parts.includes("other")) return join(parts);
    if (expr.op === "add" || expr.op === "sub") return parts.includes("affine") ? "affine" : "none";
    if (expr.op === "mul" && parts.includes("none")) return parts.includes("affine") ? "affine" : "none";
    return join(parts);
  });
}

/** The first node that a predicate holds for. */
function find(root: Expr, holds: (expr: Expr) => boolean): Expr | undefined {
  let found: Expr | undefined;
  foldExpr<undefined>(root, (expr) => {
    if (found === undefined && holds(expr)) found = expr;
    return undefined;
  });
  return found;
}

/**
 * A buffer that the body stores to may be loaded from only at the element that the same iteration stores, or at one that no
 * iteration stores: in another row.
 */
function aliasProblem(body: Body, root: Expr): string | undefined {
  const bad = find(root, (expr) => {
    const stored = expr.kind === "load" ? body.stores.get(expr.buffer) : undefined;
    if (stored === undefined || expr.kind !== "load") return false;
    const isOwn = stored.some((each) => formatExpr(each) === formatExpr(expr.offset));
    return !isOwn && !stored.every((each) => isOtherRow(body, expr.offset, each));
  });
  return bad === undefined ? undefined : `${formatExpr(bad)} may be an element of another iteration`;
}

/** The terms of a sum, by text and with their signs: those that vary in the loop, others, and a constant. */
interface Terms {
  readonly varying: Map<string, { readonly expr: Expr; count: number }>;
  readonly fixed: Map<string, number>;
  constant: number;
}

function termsOf(body: Body, root: Expr): Terms {
  const terms: Terms = { varying: new Map(), fixed: new Map(), constant: 0 };
  const stack: [Expr, 1 | -1][] = [[root, 1]];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const [expr, sign] = item;
    if (expr.kind === "binary" && (expr.op === "add" || expr.op === "sub")) {
      stack.push([expr.a, sign], [expr.b, expr.op === "add" ? sign : sign === 1 ? -1 : 1]);
    } else if (expr.kind === "const") terms.constant += sign * expr.value;
    else if (dependence(body, expr) === "none") {
      const text = formatExpr(expr);
      terms.fixed.set(text, (terms.fixed.get(text) ?? 0) + sign);
    } else {
      const text = formatExpr(expr);
      terms.varying.set(text, { expr, count: (terms.varying.get(text)?.count ?? 0) + sign });
    }
  }
  return terms;
}

/**
 * Offsets in rows that differ: by a value that is the same in all iterations, however they move in their rows; where they
 * move alike, by more than the loop covers; or where one goes up from a place above that from which the other goes down.
 */
function isOtherRow(body: Body, a: Expr, b: Expr): boolean {
  const { loop } = body;
  const [p, q] = [termsOf(body, a), termsOf(body, b)];
  const texts = new Set([...p.fixed.keys(), ...q.fixed.keys()]);
  if ([...texts].some((text) => (p.fixed.get(text) ?? 0) !== (q.fixed.get(text) ?? 0))) return true;
  if (isAbove(loop, p, q) || isAbove(loop, q, p)) return true;
  const same = [...p.varying].every(([text, { count }]) => q.varying.get(text)?.count === count);
  if (!same || p.varying.size !== q.varying.size) return false;
  if (loop.from.kind !== "const" || loop.to.kind !== "const") return false;
  const [[, only] = [undefined, undefined], ...others] = p.varying;
  const step = only && others.length === 0 ? stepOf(loop, only.expr) : undefined;
  const covered = (loop.to.value - loop.from.value) * Math.abs(step ?? Infinity);
  return Math.abs(p.constant - q.constant) >= covered && p.constant !== q.constant;
}

/** Of two offsets from one base: at all iterations of one and of the other, a > b. */
function isAbove(loop: Loop, a: Terms, b: Terms): boolean {
  const startsAtLeastAt0 = loop.from.kind === "local" || (loop.from.kind === "const" && loop.from.value >= 0);
  const moves = (terms: Terms, sign: 1 | -1): boolean =>
    [...terms.varying.values()].every(({ expr, count }) => sign * count * (stepOf(loop, expr) ?? NaN) >= 0);
  return startsAtLeastAt0 && a.constant > b.constant && moves(a, 1) && moves(b, -1);
}

/** c of c·local */
function stepOf(loop: Loop, expr: Expr): number | undefined {
  const isLocal = (each: Expr): boolean => each.kind === "local" && each.local === loop.local;
  if (isLocal(expr)) return 1;
  if (expr.kind !== "binary" || expr.op !== "mul") return undefined;
  if (isLocal(expr.a) && expr.b.kind === "const") return expr.b.value;
  return isLocal(expr.b) && expr.a.kind === "const" ? expr.a.value : undefined;
}

function readProblem(body: Body, root: Expr): string | undefined {
  const bad = find(root, (expr) => expr.kind === "local" && body.accumulated.has(expr.local));
  return bad === undefined ? undefined : `${formatExpr(bad)} is accumulated by other iterations`;
}

function storeProblem(body: Body, stmt: Stmt & { kind: "store" | "accumulateAt" }): string | undefined {
  if (dependence(body, stmt.offset) !== "affine")
    return `the offset ${formatExpr(stmt.offset)} of a store to ${stmt.buffer.name} is not affine in the loop's local, or constant`;
  return undefined;
}

/** All iterations of the vector loop make the same steps of a loop inside. */
function loopProblem(body: Body, stmt: Loop): string | undefined {
  if (stmt.mode === "vector") return "its body has a vector loop";
  const bound = [stmt.from, stmt.to].find((each) => dependence(body, each) !== "none");
  if (bound !== undefined)
    return `the bound ${formatExpr(bound)} of a loop inside is not the same in all iterations`;
  return bodyProblem(body, stmt.body);
}

function bodyProblem(body: Body, stmts: readonly Stmt[]): string | undefined {
  for (const stmt of stmts) {
    for (const value of valuesOf(stmt)) {
      const problem = aliasProblem(body, value) ?? readProblem(body, value);
      if (problem !== undefined) return problem;
    }
    const problem = statementProblem(body, stmt);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function statementProblem(body: Body, stmt: Stmt): string | undefined {
  switch (stmt.kind) {
    case "for":
      return loopProblem(body, stmt);
    case "if":
      return "its body has an if";
    case "let":
    case "init":
      body.inside.set(stmt.local, stmt.kind === "let" ? dependence(body, stmt.value) : "other");
      return undefined;
    case "assign":
      return body.inside.has(stmt.local) ? undefined : `${stmt.local.name} is assigned by other iterations`;
    case "accumulate":
      return undefined;
    case "store":
    case "accumulateAt":
      return storeProblem(body, stmt);
  }
}

const valuesOf = (stmt: Stmt): readonly Expr[] => {
  if (stmt.kind === "for") return [stmt.from, stmt.to];
  if (stmt.kind === "if") return [];
  return stmt.kind === "store" || stmt.kind === "accumulateAt" ? [stmt.offset, stmt.value] : [stmt.value];
};

export function vectorProblem(loop: Loop): string | undefined {
  const declared = new Set<Local>();
  const accumulated = new Set<Local>();
  const stores = new Map<Buffer, Expr[]>();
  for (const stmt of statementsIn(loop.body)) {
    if (stmt.kind === "let" || stmt.kind === "init") declared.add(stmt.local);
    if (stmt.kind === "accumulate" && !declared.has(stmt.local)) accumulated.add(stmt.local);
    if (stmt.kind === "store" || stmt.kind === "accumulateAt")
      stores.set(stmt.buffer, [...(stores.get(stmt.buffer) ?? []), stmt.offset]);
  }
  return bodyProblem({ loop, inside: new Map([[loop.local, "affine"]]), accumulated, stores }, loop.body);
}

/** Those of the loops inside as well, in order. */
export function statementsIn(body: readonly Stmt[]): readonly Stmt[] {
  return body.flatMap((stmt) => (stmt.kind === "for" ? [stmt, ...statementsIn(stmt.body)] : [stmt]));
}
