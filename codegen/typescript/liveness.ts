/**
 * In: a kernel. Out: the names its results depend on; TypeScript rejects a local that nothing reads.
 * Ends because every local and every buffer is entered once.
 */
import { foldExpr } from "../../src/loop/fold.ts";
import { extentsOf } from "../../src/loop/matrix.ts";
import type { Buffer, Expr, Kernel, Local, Stmt } from "../../src/loop/types.ts";

export interface Liveness {
  /** The statements, other than `for` and `if`, that results depend on. */
  readonly statements: ReadonlySet<Stmt>;
  /** Buffers that are loaded from, and outputs. */
  readonly buffers: ReadonlySet<Buffer>;
  readonly dims: ReadonlySet<string>;
  readonly options: ReadonlySet<string>;
  /** What more than one equality compares with a literal. */
  readonly comparedTwice: ReadonlySet<Local | Buffer | string>;
}

/** What an expression names, if it is a name and no more. A dimension and an option of one name cannot be. */
export function placeOf(expr: Expr): Local | Buffer | string | undefined {
  if (expr.kind === "local") return expr.local;
  if (expr.kind === "load") return expr.buffer;
  return expr.kind === "dim" || expr.kind === "option" ? expr.name : undefined;
}

/** The name in an equality between a name and a literal. */
function comparedWithLiteral(expr: Expr): Local | Buffer | string | undefined {
  if (expr.kind !== "compare" || (expr.op !== "==" && expr.op !== "!=")) return undefined;
  if (expr.b.kind === "const") return placeOf(expr.a);
  return expr.a.kind === "const" ? placeOf(expr.b) : undefined;
}

/** A declared local or a buffer: the statements that set it are live if it is. */
interface Place {
  readonly setters: Setter[];
}

interface Setter {
  readonly stmt: Stmt;
  readonly values: readonly Expr[];
  readonly scope: Scope;
}

/** What locals mean in a block: one object may be declared in several blocks, as a local of each. */
interface Scope {
  readonly around: Scope | undefined;
  readonly places: Map<Local, Place>;
}

/** An expression that is evaluated, and where. */
type Use = readonly [expr: Expr, scope: Scope];

interface Found {
  /** What is evaluated in any case. */
  readonly roots: Use[];
  readonly buffers: Map<Buffer, Place>;
}

function lookUp(scope: Scope, local: Local): Place | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.around) {
    const place = at.places.get(local);
    if (place !== undefined) return place;
  }
  return undefined;
}

function bufferPlace(found: Found, buffer: Buffer): Place {
  const known = found.buffers.get(buffer);
  if (known !== undefined) return known;
  const place = { setters: [] };
  found.buffers.set(buffer, place);
  return place;
}

const block = (around?: Scope): Scope => ({ around, places: new Map() });

function collect(found: Found, body: readonly Stmt[], scope: Scope): void {
  for (const stmt of body) {
    switch (stmt.kind) {
      case "for":
        found.roots.push([stmt.from, scope], [stmt.to, scope]);
        collect(found, stmt.body, block(scope));
        break;
      case "if":
        found.roots.push([stmt.test, scope]);
        collect(found, stmt.then, block(scope));
        collect(found, stmt.else, block(scope));
        break;
      case "let":
      case "init":
        scope.places.set(stmt.local, { setters: [{ stmt, values: [stmt.value], scope }] });
        break;
      case "accumulate":
      case "assign":
        lookUp(scope, stmt.local)?.setters.push({ stmt, values: [stmt.value], scope });
        break;
      case "store":
      case "accumulateAt":
        bufferPlace(found, stmt.buffer).setters.push({ stmt, values: [stmt.offset, stmt.value], scope });
        break;
    }
  }
}

/** The extents of buffers, requirements and matrices. */
function signatureOf(kernel: Kernel): readonly Expr[] {
  return [
    ...(kernel.matrices ?? []).flatMap(extentsOf),
    ...kernel.buffers.flatMap(({ shape }) => shape),
    ...kernel.requirements.flatMap((each) => (each.kind === "range" ? [each.extent] : [each.by, each.value])),
  ];
}

export function livenessOf(kernel: Kernel): Liveness {
  const found: Found = { roots: [], buffers: new Map() };
  const top = block();
  collect(found, kernel.body, top);
  const statements = new Set<Stmt>();
  const buffers = new Set<Buffer>();
  const dims = new Set<string>();
  const options = new Set<string>();
  const compared = new Set<Local | Buffer | string>();
  const comparedTwice = new Set<Local | Buffer | string>();
  const pending = [...found.roots, ...signatureOf(kernel).map((expr): Use => [expr, top])];
  const entered = new Set<Place>();
  const enter = (place: Place | undefined): void => {
    if (place === undefined || entered.has(place)) return;
    entered.add(place);
    for (const { stmt, values, scope } of place.setters) {
      statements.add(stmt);
      for (const value of values) pending.push([value, scope]);
    }
  };
  const enterBuffer = (buffer: Buffer): void => {
    buffers.add(buffer);
    enter(found.buffers.get(buffer));
  };
  const visit = (expr: Expr, scope: Scope): void => {
    if (expr.kind === "local") enter(lookUp(scope, expr.local));
    else if (expr.kind === "load") enterBuffer(expr.buffer);
    else if (expr.kind === "dim") dims.add(expr.name);
    else if (expr.kind === "option") options.add(expr.name);
    const place = comparedWithLiteral(expr);
    if (place !== undefined) (compared.has(place) ? comparedTwice : compared).add(place);
  };
  for (const buffer of kernel.buffers) if (buffer.role === "output") enterBuffer(buffer);
  for (let use = pending.pop(); use !== undefined; use = pending.pop()) {
    const [root, scope] = use;
    foldExpr<undefined>(root, (expr) => {
      visit(expr, scope);
      return undefined;
    });
  }
  return { statements, buffers, dims, options, comparedTwice };
}
