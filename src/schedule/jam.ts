/**
 * Unroll and jam. In: a serial loop whose iterations are independent; out: one that makes several of them at once, in
 * which loops inside are shared and what does not change is loaded once, and one for those left over. Ends because
 * statements are finite.
 */
import { foldExpr, operands } from "../loop/fold.ts";
import type { BinaryOp, Expr, Local, Stmt } from "../loop/types.ts";
import { add, binary, int, isTrivial, max, min, sub, use } from "./build.ts";
import { newLocal, type Names } from "./scope.ts";

export type For = Extract<Stmt, { kind: "for" }>;

/**
 * The loop, `count` iterations of `main` at a time, then those left over; as it is where its loops inside differ. `main`
 * is the same loop, its body perhaps in another form.
 */
export const jam = (names: Names, loop: For, count: number, main = loop): readonly Stmt[] => {
  const { from, to } = loop;
  const trips = from.kind === "const" && to.kind === "const" ? to.value - from.value : Infinity;
  if (trips < count || loop.step !== 1) return [loop];
  const jammed = jammedBody(names, main.local, main.body, count);
  if (jammed === undefined) return [loop];
  const left = binary("mod", sub(to, from), int(count));
  const isCount = from.kind === "const" && from.value === 0 && (to.kind === "dim" || to.kind === "const");
  const whole = isCount ? sub(to, left) : max(from, sub(to, left));
  if (left.kind === "const" && left.value === 0) return [{ ...loop, step: count, body: jammed }];
  const end = newLocal(names, "int", `${loop.local.name}Whole`);
  return [
    { kind: "let", local: end, value: whole },
    { ...loop, to: use(end), step: count, body: jammed },
    { ...loop, from: use(end) },
  ];
};

interface Jam {
  readonly names: Names;
  readonly count: number;
  /** What stands for a local in each of the iterations made at once, where it is not the same in all. */
  readonly copies: Map<Local, readonly Expr[]>;
}

/** Several iterations at once, from that at `local` on. */
export const jammedBody = (
  names: Names,
  local: Local,
  body: readonly Stmt[],
  count: number,
): readonly Stmt[] | undefined => {
  const each = Array.from({ length: count }, (_, k) => add(use(local), int(k)));
  return jammed({ names, count, copies: new Map([[local, each]]) }, body);
};

const jammed = (all: Jam, body: readonly Stmt[]): readonly Stmt[] | undefined => {
  const out: Stmt[] = [];
  const shared = new Map<Expr, Expr>();
  for (const stmt of body) {
    const done = STATEMENTS[stmt.kind](all, stmt as never, { out, shared });
    if (!done) return undefined;
  }
  return out;
};

interface Place {
  readonly out: Stmt[];
  /** Loads that all copies use, by the name that they have. */
  readonly shared: Map<Expr, Expr>;
}

/** Appends the copies of a statement, or tells that there cannot be such. */
type Copy<K extends Stmt["kind"]> = (all: Jam, stmt: Extract<Stmt, { kind: K }>, place: Place) => boolean;

const declare =
  (kind: "let" | "init") =>
  (all: Jam, stmt: { readonly local: Local; readonly value: Expr }, place: Place): boolean => {
    if (kind === "let" && !varies(all, stmt.value)) {
      place.out.push({ kind, local: stmt.local, value: stmt.value });
      return true;
    }
    const values = copiesOf(all, stmt.value, place);
    const locals = values.map((_, k) =>
      k === 0 ? stmt.local : newLocal(all.names, stmt.local.type, `${stmt.local.name}_${k}`),
    );
    all.copies.set(stmt.local, locals.map(use));
    locals.forEach((local, k) => place.out.push({ kind, local, value: values[k] ?? stmt.value }));
    return true;
  };

const change =
  (make: (local: Local, value: Expr) => Stmt) =>
  (all: Jam, { local, value }: { readonly local: Local; readonly value: Expr }, place: Place): boolean => {
    const locals = all.copies.get(local);
    copiesOf(all, value, place).forEach((copy, k) => {
      const own = locals?.[k];
      place.out.push(make(own?.kind === "local" ? own.local : local, copy));
    });
    return true;
  };

const STATEMENTS: { readonly [K in Stmt["kind"]]: Copy<K> } = {
  let: declare("let"),
  init: declare("init"),
  accumulate: (all, stmt, place) => change((local, value) => ({ ...stmt, local, value }))(all, stmt, place),
  assign: (all, stmt, place) => change((local, value) => ({ ...stmt, local, value }))(all, stmt, place),
  store: (all, stmt, place) => {
    const values = copiesOf(all, stmt.value, place);
    copiesOf(all, stmt.offset, place).forEach((offset, k) =>
      place.out.push({ ...stmt, offset, value: values[k] ?? stmt.value }),
    );
    return true;
  },
  accumulateAt: (all, stmt, place) => {
    const values = copiesOf(all, stmt.value, place);
    copiesOf(all, stmt.offset, place).forEach((offset, k) =>
      place.out.push({ ...stmt, offset, value: values[k] ?? stmt.value }),
    );
    return true;
  },
  for: (all, stmt, { out }) => {
    if (varies(all, stmt.from) || varies(all, stmt.to)) return inParts(all, stmt, out);
    const body = jammed(all, stmt.body);
    if (body !== undefined) out.push({ ...stmt, body });
    return body !== undefined;
  },
  if: (all, stmt, { out }) => {
    if (varies(all, stmt.test)) return false;
    const [then, otherwise] = [jammed(all, stmt.then), jammed(all, stmt.else)];
    if (then === undefined || otherwise === undefined) return false;
    out.push({ ...stmt, then, else: otherwise });
    return true;
  },
};

/**
 * A loop of sums whose bounds are not the same in all iterations: what all of them have is shared, and before and after it
 * each has a loop for what it has of its own.
 */
const inParts = (all: Jam, loop: For, out: Stmt[]): boolean => {
  const isSums = loop.body.every(({ kind }) => kind === "let" || kind === "accumulate");
  if (!isSums || loop.step !== 1) return false;
  const [from, to] = [endsOf(all, loop.from), endsOf(all, loop.to)];
  if (from === undefined || to === undefined) return false;
  const name = (value: Expr, suffix: string): Expr => {
    if (isTrivial(value)) return value;
    const local = newLocal(all.names, "int", `${loop.local.name}${suffix}`);
    out.push({ kind: "let", local, value });
    return use(local);
  };
  const begin = name(from.isSame ? from.last : min(from.last, to.last), "Inside");
  const end = name(to.isSame ? to.last : max(begin, to.first), "Border");
  const own = (k: number, start: Expr, stop: Expr): void => {
    const body = jammed(onlyOne(all, k), loop.body);
    if (body !== undefined) out.push({ ...loop, from: start, to: stop, body });
  };
  const each = [...Array(all.count).keys()];
  for (const k of from.isSame ? [] : each.filter((k) => k !== from.lastAt)) {
    const stop = to.isSame ? begin : min(begin, copyOf(all, loop.to, k));
    own(k, copyOf(all, loop.from, k), stop);
  }
  const body = jammed(all, loop.body);
  if (body !== undefined) out.push({ ...loop, from: begin, to: end, body });
  for (const k of to.isSame ? [] : each.filter((k) => k !== to.firstAt)) own(k, end, copyOf(all, loop.to, k));
  return body !== undefined;
};

/** One of the iterations. */
const onlyOne = ({ names, copies }: Jam, k: number): Jam => ({
  names,
  count: 1,
  copies: new Map([...copies].map(([local, each]) => [local, each.slice(k, k + 1)])),
});

interface Ends {
  readonly first: Expr;
  readonly last: Expr;
  /** The iterations that have them. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly isSame: boolean;
}

/** The least and the largest of the values that a number has in the iterations, if it rises or falls from one to the next. */
const endsOf = (all: Jam, root: Expr): Ends | undefined => {
  const slope = foldExpr<Slope>(root, (expr, of) => slopeOf(all, expr, of));
  if (slope === "any") return undefined;
  const [firstAt, lastAt] = slope === "falls" ? [all.count - 1, 0] : [0, all.count - 1];
  const [first, last] = [copyOf(all, root, firstAt), copyOf(all, root, lastAt)];
  return { first, last, firstAt, lastAt, isSame: slope === "still" };
};

/** How a number changes from one iteration to the next. */
type Slope = "still" | "rises" | "falls" | "any";

const FLIPPED: { readonly [K in Slope]: Slope } = {
  still: "still",
  rises: "falls",
  falls: "rises",
  any: "any",
};

const slopeOf = (all: Jam, expr: Expr, of: (operand: Expr) => Slope): Slope => {
  if (expr.kind === "local") return copiesRise(all, expr.local);
  const parts = operands(expr);
  if (parts.every((part) => of(part) === "still")) return "still";
  if (expr.kind !== "binary") return "any";
  const [a, b] = [of(expr.a), of(expr.b)];
  if (SAME_SLOPE.has(expr.op)) return together(a, b);
  if (expr.op === "sub") return together(a, FLIPPED[b]);
  const [factor, slope] = expr.b.kind === "const" ? [expr.b, a] : [expr.a, b];
  if (factor.kind !== "const" || (expr.op !== "mul" && factor !== expr.b)) return "any";
  return (expr.op === "mul" || expr.op === "floordiv") && factor.value > 0 ? slope : "any";
};

const SAME_SLOPE: ReadonlySet<BinaryOp> = new Set<BinaryOp>(["add", "min", "max"]);

const together = (a: Slope, b: Slope): Slope => {
  if (a === "still" || a === b) return b;
  return b === "still" ? a : "any";
};

/** The iterations' own counter rises; what is computed of it is not looked into. */
const copiesRise = (all: Jam, local: Local): Slope => {
  const copies = all.copies.get(local);
  if (copies === undefined) return "still";
  const isCounter = copies.every((copy, k) => k === 0 || (copy.kind === "binary" && copy.op === "add"));
  return isCounter ? "rises" : "any";
};

const varies = (all: Jam, root: Expr): boolean =>
  foldExpr<boolean>(root, (expr, of) =>
    expr.kind === "local" ? all.copies.has(expr.local) : operands(expr).some(of),
  );

/** The value in each of the iterations; what is the same in all of them, and costs something, has a name. */
const copiesOf = (all: Jam, root: Expr, place: Place): readonly Expr[] => {
  const same = sharedIn(all, root);
  for (const expr of same) {
    if (place.shared.has(expr)) continue;
    const local = newLocal(all.names, expr.type, "t");
    place.out.push({ kind: "let", local, value: expr });
    place.shared.set(expr, use(local));
  }
  const shared = new Map([...same].map((expr): [Expr, Expr] => [expr, place.shared.get(expr) ?? expr]));
  return Array.from({ length: all.count }, (_, k) => copyOf(all, root, k, shared));
};

/** The value in one of the iterations. */
const copyOf = (
  all: Jam,
  root: Expr,
  k: number,
  shared: { readonly get: (expr: Expr) => Expr | undefined } = NONE,
): Expr =>
  foldExpr<Expr>(root, (expr, of) => {
    const known = shared.get(expr);
    if (known !== undefined) return known;
    if (expr.kind === "local") return all.copies.get(expr.local)?.[k] ?? expr;
    return rebuilt(expr, of);
  });

const NONE: ReadonlyMap<Expr, Expr> = new Map();

/** The largest floats that do not vary and are computed in any case. */
const sharedIn = (all: Jam, root: Expr): ReadonlySet<Expr> => {
  const found = new Set<Expr>();
  const varying = new Set<Expr>();
  foldExpr<boolean>(root, (expr, of) => {
    const result = expr.kind === "local" ? all.copies.has(expr.local) : operands(expr).some(of);
    if (result) varying.add(expr);
    return result;
  });
  const stack = [root];
  for (let expr = stack.pop(); expr !== undefined; expr = stack.pop()) {
    if (!varying.has(expr)) {
      if (expr.type !== "int" && expr.type !== "bool" && !isTrivial(expr)) found.add(expr);
      continue;
    }
    if (expr.kind === "select") stack.push(expr.test);
    else if (expr.kind !== "and" && expr.kind !== "or") stack.push(...operands(expr));
  }
  return found;
};

/** The same node over other operands; whole numbers that are added come last. */
export const rebuilt = (expr: Expr, of: (operand: Expr) => Expr): Expr => {
  if (operands(expr).every((operand) => of(operand) === operand)) return expr;
  switch (expr.kind) {
    case "const":
    case "local":
    case "dim":
    case "option":
      return expr;
    case "load":
      return { ...expr, offset: of(expr.offset) };
    case "unary":
    case "not":
    case "convert":
      return { ...expr, a: of(expr.a) };
    case "binary":
      return expr.type === "int"
        ? binary(expr.op, of(expr.a), of(expr.b))
        : { ...expr, a: of(expr.a), b: of(expr.b) };
    case "compare":
    case "and":
    case "or":
      return { ...expr, a: of(expr.a), b: of(expr.b) };
    case "select":
      return { ...expr, test: of(expr.test), then: of(expr.then), else: of(expr.else) };
  }
};
