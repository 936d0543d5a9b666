/**
 * How often the body of a nest of loops runs: as a product of formulas, and as a number at given extents.
 * Ends because a nest is finite, and so are its ranges.
 */
import { foldExpr, operands } from "./fold.ts";
import { formatExpr } from "./format.ts";
import type { BinaryOp, CompareOp, Expr, Local, UnaryOp } from "./types.ts";

/** The values of a loop's local; a bound may depend on the locals of the loops around it. */
export interface Range {
  readonly local: Local;
  readonly from: Expr;
  readonly to: Expr;
  readonly step: number;
}

/** The number of values in a range as a factor of a product: a number where it is known, else a formula. */
export function tripFactor({ from, to, step }: Range): number | string {
  if (from.kind === "const" && to.kind === "const")
    return Math.max(0, Math.ceil((to.value - from.value) / step));
  const startsAtZero = from.kind === "const" && from.value === 0;
  const length: Expr = startsAtZero ? to : { kind: "binary", type: "int", op: "sub", a: to, b: from };
  const text = formatExpr(length);
  if (step !== 1) return `ceil((${text}) / ${step})`;
  return /^\w+$/u.test(text) ? text : `(${text})`;
}

/** The values of dimensions and int options by name. */
export type Extents = Readonly<Record<string, number>>;

/** The operations that ints have. */
const UNARY: { readonly [Op in UnaryOp]?: (a: number) => number } = {
  neg: (a) => -a,
  abs: Math.abs,
  sign: Math.sign,
};

const BINARY: { readonly [Op in BinaryOp]?: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  floordiv: (a, b) => Math.floor(a / b),
  mod: (a, b) => a - b * Math.floor(a / b),
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
};

const noInt = (op: string) => (): never => {
  throw new RangeError(`a trip count uses ${op}, which ints do not have`);
};

const COMPARE: { readonly [Op in CompareOp]: (a: number, b: number) => boolean } = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

function extent(extents: Extents, name: string): number {
  const value = extents[name];
  if (value === undefined) throw new RangeError(`a count needs the extent ${name}`);
  return value;
}

/** The value of a bound. */
function boundValue(root: Expr, extents: Extents, locals: ReadonlyMap<Local, number>): number {
  return foldExpr<number>(root, (expr, of) => {
    switch (expr.kind) {
      case "const":
        return expr.value;
      case "local": {
        const value = locals.get(expr.local);
        if (value === undefined) throw new RangeError(`a trip count depends on ${expr.local.name}`);
        return value;
      }
      case "dim":
      case "option":
        return extent(extents, expr.name);
      case "load":
        throw new RangeError(`a trip count depends on the data: ${formatExpr(expr)}`);
      case "unary":
        return (UNARY[expr.op] ?? noInt(expr.op))(of(expr.a));
      case "binary":
        return (BINARY[expr.op] ?? noInt(expr.op))(of(expr.a), of(expr.b));
      case "compare":
        return Number(COMPARE[expr.op](of(expr.a), of(expr.b)));
      case "and":
        return Math.min(of(expr.a), of(expr.b));
      case "or":
        return Math.max(of(expr.a), of(expr.b));
      case "not":
        return 1 - of(expr.a);
      case "select":
        return of(expr.test) === 0 ? of(expr.else) : of(expr.then);
      case "convert":
        return of(expr.a);
    }
  });
}

function mentions(root: Expr, local: Local): boolean {
  return foldExpr<boolean>(
    root,
    (expr, of) => (expr.kind === "local" && expr.local === local) || operands(expr).some(of),
  );
}

/** Whether `inner` runs through one block of `outer`: from its value to the next, or to its end. */
function isBlockOf(inner: Range, outer: Range): boolean {
  const { from, to } = inner;
  if (inner.step !== 1 || from.kind !== "local" || from.local !== outer.local) return false;
  const next: Expr = {
    kind: "binary",
    type: "int",
    op: "add",
    a: from,
    b: { kind: "const", type: "int", value: outer.step },
  };
  const ends = [outer.to, next].map(formatExpr);
  return (
    to.kind === "binary" && to.op === "min" && ends.every((end) => [to.a, to.b].map(formatExpr).includes(end))
  );
}

const reads = (range: Range, local: Local): boolean =>
  mentions(range.from, local) || mentions(range.to, local);

/** A loop over blocks and the loop over one block are one loop over all. */
export function withoutBlocks(ranges: readonly Range[]): readonly Range[] {
  for (const [k, outer] of ranges.entries()) {
    const users = ranges.filter((range) => reads(range, outer.local));
    const [inner] = users;
    if (inner === undefined || users.length > 1 || !isBlockOf(inner, outer)) continue;
    const whole = { ...inner, from: outer.from, to: outer.to };
    const rest = ranges.filter((range) => range !== outer && range !== inner);
    return withoutBlocks([...rest.slice(0, k), whole, ...rest.slice(k)]);
  }
  return ranges;
}

/** How often the body of the innermost range runs. Loops whose extent no inner bound needs are multiplied, not run. */
export function tripCount(
  ranges: readonly Range[],
  extents: Extents,
  locals: ReadonlyMap<Local, number> = new Map(),
): number {
  const [range, ...inner] = ranges;
  if (range === undefined) return 1;
  const from = boundValue(range.from, extents, locals);
  const to = boundValue(range.to, extents, locals);
  if (to <= from) return 0;
  const isNeeded = inner.some(
    (other) => mentions(other.from, range.local) || mentions(other.to, range.local),
  );
  if (!isNeeded) return Math.ceil((to - from) / range.step) * tripCount(inner, extents, locals);
  let total = 0;
  for (let value = from; value < to; value += range.step)
    total += tripCount(inner, extents, new Map(locals).set(range.local, value));
  return total;
}
