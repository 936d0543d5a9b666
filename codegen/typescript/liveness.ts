/**
 * In: a kernel. Out: the names its results depend on; TypeScript rejects a local that nothing reads.
 * Ends because every local and every buffer is entered once.
 */
import { foldExpr } from "../../src/loop/fold.ts";
import type { Buffer, Expr, Kernel, Local, Stmt } from "../../src/loop/types.ts";

export interface Liveness {
  readonly locals: ReadonlySet<Local>;
  /** Buffers that are loaded from, and outputs. */
  readonly buffers: ReadonlySet<Buffer>;
  readonly dims: ReadonlySet<string>;
  readonly options: ReadonlySet<string>;
  /** What more than one equality compares with a literal. */
  readonly comparedTwice: ReadonlySet<Place | string>;
}

type Place = Local | Buffer;

/** What an expression names, if it is a name and no more. A dimension and an option of one name cannot be. */
export function placeOf(expr: Expr): Place | string | undefined {
  if (expr.kind === "local") return expr.local;
  if (expr.kind === "load") return expr.buffer;
  return expr.kind === "dim" || expr.kind === "option" ? expr.name : undefined;
}

/** The name in an equality between a name and a literal. */
function comparedWithLiteral(expr: Expr): Place | string | undefined {
  if (expr.kind !== "compare" || (expr.op !== "==" && expr.op !== "!=")) return undefined;
  if (expr.b.kind === "const") return placeOf(expr.a);
  return expr.a.kind === "const" ? placeOf(expr.b) : undefined;
}

interface Uses {
  /** Expressions that are evaluated in any case. */
  readonly roots: Expr[];
  /** Expressions that are evaluated only for a place, if the place is live. */
  readonly definitions: Map<Place, Expr[]>;
}

function define(uses: Uses, place: Place, ...values: readonly Expr[]): void {
  const known = uses.definitions.get(place);
  if (known === undefined) uses.definitions.set(place, [...values]);
  else known.push(...values);
}

function collect(body: readonly Stmt[], uses: Uses): void {
  for (const stmt of body) {
    switch (stmt.kind) {
      case "for":
        uses.roots.push(stmt.from, stmt.to);
        collect(stmt.body, uses);
        break;
      case "if":
        uses.roots.push(stmt.test);
        collect(stmt.then, uses);
        collect(stmt.else, uses);
        break;
      case "let":
      case "init":
      case "accumulate":
      case "assign":
        define(uses, stmt.local, stmt.value);
        break;
      case "store":
      case "accumulateAt":
        define(uses, stmt.buffer, stmt.offset, stmt.value);
        break;
    }
  }
}

export function livenessOf(kernel: Kernel): Liveness {
  const locals = new Set<Local>();
  const buffers = new Set<Buffer>(kernel.buffers.filter((buffer) => buffer.role === "output"));
  const dims = new Set<string>();
  const options = new Set<string>();
  const compared = new Set<Place | string>();
  const comparedTwice = new Set<Place | string>();
  const uses: Uses = { roots: [], definitions: new Map() };
  collect(kernel.body, uses);
  const pending = [...uses.roots, ...kernel.requirements.map(({ extent }) => extent)];
  for (const buffer of kernel.buffers) pending.push(...buffer.shape);
  const enter = <P extends Place>(live: Set<P>, place: P): void => {
    if (live.has(place)) return;
    live.add(place);
    pending.push(...(uses.definitions.get(place) ?? []));
  };
  for (const output of buffers) pending.push(...(uses.definitions.get(output) ?? []));
  for (let root = pending.pop(); root !== undefined; root = pending.pop()) {
    foldExpr(root, (expr) => {
      if (expr.kind === "local") enter(locals, expr.local);
      else if (expr.kind === "load") enter(buffers, expr.buffer);
      else if (expr.kind === "dim") dims.add(expr.name);
      else if (expr.kind === "option") options.add(expr.name);
      const place = comparedWithLiteral(expr);
      if (place !== undefined) (compared.has(place) ? comparedTwice : compared).add(place);
    });
  }
  return { locals, buffers, dims, options, comparedTwice };
}
