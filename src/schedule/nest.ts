/**
 * Loops apart from their surroundings. In: a statement with loops; out: the same with holes for what it takes from around it,
 * and a key that is equal for statements which differ in nothing else. Ends because statements and expressions are finite.
 */
import { foldExpr, operands } from "../loop/fold.ts";
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { add, binary, constant, int, mul, sub, use } from "./build.ts";
import { rebuilt, type For } from "./jam.ts";
import { tripsOf } from "./panel.ts";
import { allOf, inlined, mentions, sourcesOf, valuesOf, withoutUnused } from "./walks.ts";

/** Numbers for texts, equal for equal ones. */
export type Numbers = (text: string) => number;

export const createNumbers = (): Numbers => {
  const known = new Map<string, number>();
  return (text) => {
    const found = known.get(text) ?? known.size;
    known.set(text, found);
    return found;
  };
};

export interface Nest {
  readonly stmt: Stmt;
  readonly key: string;
  /** With the markers of holes in their places. */
  readonly template: Stmt;
  /** In the order of their places. */
  readonly holes: readonly Hole[];
  /** Different ones, in the order of their places. */
  readonly buffers: readonly Buffer[];
  /** The one local from outside that it adds to. */
  readonly result: Local | undefined;
  /** Nodes, and those of vector loops as often as they are written. */
  readonly size: number;
}

export interface Hole {
  readonly marker: Expr;
  /** What stands there, in terms of the surroundings. */
  readonly value: Expr;
}

type Let = Extract<Stmt, { readonly kind: "let" }>;

interface Scaled {
  readonly factor: Expr;
  readonly sum: Expr;
}

/** Of what is inside a statement. */
interface Inside {
  readonly own: Map<Local, number>;
  /** Of whole numbers with a name. */
  readonly values: Map<Local, Expr>;
  /** Locals that change, with sums in them. */
  readonly changed: ReadonlySet<Local>;
  /** Uses of a local, less the declarations of it. */
  readonly uses: ReadonlyMap<Local, number>;
  /** Conditions that are used once, in place of their names. */
  readonly conditions: Map<Local, Expr>;
  /** What is stored as it is, and which of that is a sum times a factor from outside. */
  readonly stored: ReadonlySet<Local>;
  readonly scaled: Map<Local, Scaled>;
  readonly holes: Map<Expr, Hole>;
  /** In a vector loop: what differs between lanes. */
  readonly lanes: Set<Local> | undefined;
}

/** Nothing where it changes several locals from outside, or reads one that it changes. */
export const nestOf = (stmt: Stmt, numbers: Numbers): Nest | undefined => {
  const all = allOf([stmt]);
  const own = new Map<Local, number>();
  for (const each of all)
    if (each.kind === "for" || each.kind === "let" || each.kind === "init") own.set(each.local, own.size);
  const results = new Set(
    all.flatMap((each) =>
      (each.kind === "accumulate" || each.kind === "assign") && !own.has(each.local) ? [each.local] : [],
    ),
  );
  const [result] = results;
  const isRead = all.some((each) => valuesOf(each).some((value) => mentions(value, results)));
  if (results.size > 1 || isRead) return undefined;
  const inside: Inside = {
    own,
    values: new Map(),
    changed: new Set(
      all.flatMap((each) => (each.kind === "accumulate" || each.kind === "assign" ? [each.local] : [])),
    ),
    uses: usesIn(all),
    conditions: new Map(),
    stored: new Set(
      all.flatMap((s) => (s.kind === "store" && s.value.kind === "local" ? [s.value.local] : [])),
    ),
    scaled: new Map(),
    holes: new Map(),
    lanes: undefined,
  };
  const [open] = withoutUnused(openedAll(inside, [stmt]));
  return open && keyed(numbers, stmt, open, inside.holes, result);
};

// ---- holes

const usesIn = (all: readonly Stmt[]): ReadonlyMap<Local, number> => {
  const uses = new Map<Local, number>();
  for (const value of all.flatMap(valuesOf))
    foldExpr<undefined>(value, (expr) => {
      if (expr.kind === "local") uses.set(expr.local, (uses.get(expr.local) ?? 0) + 1);
      return undefined;
    });
  for (const stmt of all) if (stmt.kind === "let") uses.set(stmt.local, (uses.get(stmt.local) ?? 0) - 1);
  return uses;
};

/** What is stored: a factor from outside, and a sum. */
const scaledOf = (inside: Inside, { local, value }: Let): Scaled | undefined => {
  if (inside.uses.get(local) !== 0 || !inside.stored.has(local)) return undefined;
  if (value.kind !== "binary" || value.op !== "mul" || value.type !== "float") return undefined;
  const { a, b } = value;
  if (isSum(inside, b) && isOutside(inside, a)) return { factor: a, sum: b };
  return isSum(inside, a) && isOutside(inside, b) ? { factor: b, sum: a } : undefined;
};

const isSum = ({ own, changed }: Inside, expr: Expr): boolean =>
  expr.kind === "local" && expr.type === "float" && own.has(expr.local) && changed.has(expr.local);

/** Divisions of whole numbers may trap, and stay where they are. */
const isTotal = (expr: Expr): boolean =>
  expr.kind !== "load" &&
  expr.type !== "bool" &&
  !(expr.type === "int" && expr.kind === "binary" && (expr.op === "floordiv" || expr.op === "mod"));

const isOutside = ({ own }: Inside, root: Expr): boolean =>
  foldExpr<boolean>(root, (expr, of) =>
    expr.kind === "local" ? !own.has(expr.local) : isTotal(expr) && operands(expr).every(of),
  );

const hole = ({ holes }: Inside, value: Expr): Expr => {
  const marker = use({ name: `$${holes.size}`, type: value.type });
  holes.set(marker, { marker, value });
  return marker;
};

interface Part {
  readonly isOutside: boolean;
  readonly expr: Expr;
}

/** With holes for the largest parts that do not depend on what is inside. */
const valueOf = (inside: Inside, root: Expr): Expr => {
  const filled = ({ isOutside: is, expr }: Part): Expr =>
    is && expr.kind !== "const" ? hole(inside, expr) : expr;
  return filled(
    foldExpr<Part>(inlined(root, inside.conditions), (expr, of) => {
      if (expr.kind === "local") return { isOutside: !inside.own.has(expr.local), expr };
      const parts = operands(expr);
      if (isTotal(expr) && parts.every((part) => of(part).isOutside)) return { isOutside: true, expr };
      const placed = new Map(parts.map((part) => [part, placeOf(inside, expr, part, filled(of(part)))]));
      return { isOutside: false, expr: rebuilt(expr, (part) => placed.get(part) ?? part) };
    }),
  );
};

/** Of loads the offset in a form that has holes for a first element and for strides. */
const placeOf = (inside: Inside, expr: Expr, part: Expr, value: Expr): Expr =>
  expr.kind === "load" ? offsetOf(inside, part, value) : value;

/** An offset that is the same for all lanes as `base + Σ stride·counter`; any other with its base apart. */
const offsetOf = (inside: Inside, offset: Expr, value: Expr): Expr => {
  const isSame = inside.lanes !== undefined && !mentions(offset, inside.lanes);
  return (isSame ? linearOf(inside, offset) : undefined) ?? withBase(inside, offset, value);
};

const withBase = (inside: Inside, root: Expr, value = valueOf(inside, root)): Expr => {
  const { base, rest } = split(inside, root);
  if (base === undefined) return add(hole(inside, int(0)), value);
  return rest === undefined ? hole(inside, base) : add(hole(inside, base), rest);
};

interface Sum {
  readonly base: Expr | undefined;
  readonly rest: Expr | undefined;
}

/** A sum's terms from outside, and the others. */
const split = (inside: Inside, expr: Expr): Sum => {
  if (expr.kind === "const") return { base: undefined, rest: expr };
  if (isOutside(inside, expr)) return { base: expr, rest: undefined };
  if (expr.kind !== "binary" || (expr.op !== "add" && expr.op !== "sub"))
    return { base: undefined, rest: valueOf(inside, expr) };
  const [a, b] = [split(inside, expr.a), split(inside, expr.b)];
  return { base: joined(expr.op, a.base, b.base), rest: joined(expr.op, a.rest, b.rest) };
};

const joined = (op: "add" | "sub", a: Expr | undefined, b: Expr | undefined): Expr | undefined => {
  if (b === undefined) return a;
  return a === undefined && op === "add" ? b : binary(op, a ?? int(0), b);
};

/** (local + shift) · stride */
interface Term {
  readonly local: Local;
  readonly shift: number;
  readonly stride: Expr;
}

interface Linear {
  readonly terms: readonly Term[];
  readonly base: Expr;
  readonly shift: number;
}

const ONE = int(1);

const linearOf = (inside: Inside, offset: Expr): Expr | undefined => {
  const linear = termsOf(inside, offset);
  if (linear === undefined) return undefined;
  const order = (local: Local): number => inside.own.get(local) ?? 0;
  const terms = linear.terms.toSorted((a, b) => order(a.local) - order(b.local));
  if (terms.length === 0 || new Set(terms.map(({ local }) => local)).size < terms.length) return undefined;
  // a shift belongs to what memory is walked along in order
  const along = terms.findIndex(({ stride, shift }) => stride === ONE && shift === 0);
  const base = along < 0 ? add(linear.base, int(linear.shift)) : linear.base;
  return terms.reduce(
    (sum, { local, shift, stride }, k) =>
      add(sum, mul(add(use(local), int(k === along ? shift + linear.shift : shift)), hole(inside, stride))),
    hole(inside, base),
  );
};

const termsOf = (inside: Inside, expr: Expr): Linear | undefined => {
  if (expr.kind === "const") return { terms: [], base: int(0), shift: expr.value };
  if (isOutside(inside, expr)) return { terms: [], base: expr, shift: 0 };
  if (expr.kind === "local") {
    const value = inside.values.get(expr.local);
    const known = value && termsOf(inside, value);
    return known ?? { terms: [{ local: expr.local, shift: 0, stride: ONE }], base: int(0), shift: 0 };
  }
  if (expr.kind !== "binary") return undefined;
  const [a, b] = [termsOf(inside, expr.a), termsOf(inside, expr.b)];
  if (a === undefined || b === undefined) return undefined;
  if (expr.op === "add")
    return { terms: [...a.terms, ...b.terms], base: add(a.base, b.base), shift: a.shift + b.shift };
  if (expr.op === "sub" && b.terms.length === 0)
    return { terms: a.terms, base: sub(a.base, b.base), shift: a.shift - b.shift };
  if (expr.op !== "mul") return undefined;
  return isOutside(inside, expr.b) ? times(a, expr.b) : times(b, expr.a);
};

const times = ({ terms, base, shift }: Linear, stride: Expr): Linear | undefined => {
  const [term, ...others] = terms;
  const isBare = others.length === 0 && base.kind === "const" && base.value === 0;
  if (term?.stride !== ONE || term.shift !== 0 || !isBare) return undefined;
  return { terms: [{ ...term, shift, stride }], base, shift: 0 };
};

// ---- statements

const openedAll = (inside: Inside, body: readonly Stmt[]): readonly Stmt[] =>
  body.map((stmt, k) => opened(inside, stmt, () => body.slice(k + 1)));

const opened = (inside: Inside, stmt: Stmt, later: () => readonly Stmt[]): Stmt => {
  switch (stmt.kind) {
    case "for": {
      const within = stmt.mode === "vector" ? { ...inside, lanes: new Set([stmt.local]) } : inside;
      const from = valueOf(inside, stmt.from);
      const to = endOf(inside, stmt, from);
      inside.values.delete(stmt.local);
      return { ...stmt, from, to, body: openedAll(within, stmt.body) };
    }
    case "if":
      return {
        ...stmt,
        test: valueOf(inside, stmt.test),
        then: openedAll(inside, stmt.then),
        else: openedAll(inside, stmt.else),
      };
    case "let": {
      const isNumber = stmt.local.type === "int";
      if (isCondition(inside, stmt))
        inside.conditions.set(stmt.local, inlined(stmt.value, inside.conditions));
      const scaled = scaledOf(inside, stmt);
      if (scaled !== undefined && !changes(later(), scaled.sum)) inside.scaled.set(stmt.local, scaled);
      else inside.scaled.delete(stmt.local);
      if (inside.lanes !== undefined && mentions(stmt.value, inside.lanes)) inside.lanes.add(stmt.local);
      if (isNumber && !mentions(stmt.value, inside.changed)) inside.values.set(stmt.local, stmt.value);
      else inside.values.delete(stmt.local);
      return { ...stmt, value: isNumber ? numberOf(inside, stmt.value) : valueOf(inside, stmt.value) };
    }
    case "init":
    case "accumulate":
    case "assign":
      return { ...stmt, value: valueOf(inside, stmt.value) };
    case "store":
    case "accumulateAt":
      return { ...stmt, offset: withBase(inside, stmt.offset), value: storedOf(inside, stmt.value) };
  }
};

const changes = (body: readonly Stmt[], sum: Expr): boolean =>
  sum.kind === "local" &&
  allOf(body).some(
    (stmt) => (stmt.kind === "accumulate" || stmt.kind === "assign") && stmt.local === sum.local,
  );

const isCondition = ({ uses, changed }: Inside, { local, value }: Let): boolean =>
  local.type === "bool" &&
  uses.get(local) === 0 &&
  sourcesOf(value).length === 0 &&
  !mentions(value, changed);

/** That a loop has so many iterations is kept: its end is as far from its beginning. */
const endOf = (inside: Inside, loop: For, from: Expr): Expr => {
  const trips = tripsOf(loop);
  return trips === undefined || from.kind === "const" ? valueOf(inside, loop.to) : add(from, int(trips));
};

/** Sums and products may have terms from outside, others have none. */
const numberOf = (inside: Inside, value: Expr): Expr =>
  value.kind === "binary" && value.op !== "min" && value.op !== "max" && isTotal(value)
    ? withBase(inside, value)
    : valueOf(inside, value);

/** A sum is stored times a number from outside: 1 where there is none. */
const storedOf = (inside: Inside, value: Expr): Expr => {
  const scaled = value.kind === "local" ? inside.scaled.get(value.local) : undefined;
  if (scaled === undefined && !isSum(inside, value)) return valueOf(inside, value);
  return mul(hole(inside, scaled?.factor ?? constant("float", 1)), scaled?.sum ?? value);
};

// ---- keys

interface Keying {
  readonly numbers: Numbers;
  readonly own: Map<Local, number>;
  readonly holes: ReadonlyMap<Expr, Hole>;
  readonly places: Hole[];
  readonly buffers: Map<Buffer, number>;
  readonly lines: string[];
  size: number;
  readonly result: Local | undefined;
}

/** Code of a vector loop: for several vectors, for one, and for what is left over. */
const VECTOR_COPIES = 3;

const keyed = (
  numbers: Numbers,
  stmt: Stmt,
  open: Stmt,
  holes: Inside["holes"],
  result: Local | undefined,
): Nest => {
  const keying: Keying = {
    numbers,
    own: new Map(),
    holes,
    places: [],
    buffers: new Map(),
    lines: [],
    size: 0,
    result,
  };
  const template = ordered(keying, open, 1);
  const { places, buffers, lines, size } = keying;
  return { stmt, key: lines.join("\n"), template, holes: places, buffers: [...buffers.keys()], result, size };
};

/** The same with the factors of products in an order that does not depend on how they are written; notes its key. */
const ordered = (keying: Keying, stmt: Stmt, copies: number): Stmt => {
  const value = (expr: Expr): Expr => written(keying, expr, copies);
  const note = (...words: readonly (string | number)[]): void => {
    keying.lines.push(words.join(" "));
  };
  const inside = (body: readonly Stmt[], times: number): readonly Stmt[] => {
    const made = body.map((each) => ordered(keying, each, times));
    note("end");
    return made;
  };
  keying.size += copies;
  switch (stmt.kind) {
    case "for": {
      const [from, to] = [value(stmt.from), value(stmt.to)];
      keying.own.set(stmt.local, keying.own.size);
      note("for", stmt.mode, stmt.step);
      return { ...stmt, from, to, body: inside(stmt.body, stmt.mode === "vector" ? VECTOR_COPIES : copies) };
    }
    case "if": {
      const test = value(stmt.test);
      note("if");
      return { ...stmt, test, then: inside(stmt.then, copies), else: inside(stmt.else, copies) };
    }
    case "let":
    case "init": {
      const made = value(stmt.value);
      keying.own.set(stmt.local, keying.own.size);
      note(stmt.kind, stmt.local.type);
      return { ...stmt, value: made };
    }
    case "accumulate":
    case "assign":
      note(stmt.kind, stmt.kind === "accumulate" ? stmt.op : "", stmt.local.type, nameOf(keying, stmt.local));
      return { ...stmt, value: value(stmt.value) };
    case "store":
    case "accumulateAt": {
      const made = { ...stmt, value: value(stmt.value), offset: value(stmt.offset) };
      note(stmt.kind, stmt.kind === "accumulateAt" ? stmt.op : "", bufferOf(keying, stmt.buffer));
      return made;
    }
  }
};

const nameOf = ({ own, result }: Keying, local: Local): string =>
  local === result ? "result" : `${own.get(local) ?? ""}`;

const bufferOf = ({ buffers }: Keying, buffer: Buffer): string => {
  const place = buffers.get(buffer) ?? buffers.size;
  buffers.set(buffer, place);
  return `${buffer.type} ${place}`;
};

interface Written {
  readonly number: number;
  readonly expr: Expr;
}

const COMMUTING: ReadonlySet<string> = new Set(["add", "mul"]);

const written = (keying: Keying, root: Expr, copies: number): Expr => {
  const { number, expr } = foldExpr<Written>(root, (each, of) => {
    keying.size += copies;
    const made = rebuilt(each, (part) => of(part).expr);
    if (each.kind !== "binary" || each.type === "int" || !COMMUTING.has(each.op))
      return { number: numberIn(keying, each, of), expr: made };
    const [a, b] = [of(each.a), of(each.b)];
    const [first, second] = b.number < a.number ? [b, a] : [a, b];
    const number = keying.numbers(`${each.op} ${each.type} ${first.number} ${second.number}`);
    return { number, expr: { ...each, a: first.expr, b: second.expr } };
  });
  const places: (string | number)[] = [number];
  foldExpr<undefined>(expr, (each) => {
    const found = keying.holes.get(each);
    if (found !== undefined) {
      keying.places.push(found);
      places.push("?");
    }
    if (each.kind === "load") places.push(bufferOf(keying, each.buffer));
    return undefined;
  });
  keying.lines.push(places.join(" "));
  return expr;
};

const numberIn = (keying: Keying, expr: Expr, of: (part: Expr) => Written): number =>
  structureOf(
    keying.numbers,
    expr,
    (part) => of(part).number,
    (local) => (keying.holes.has(local) ? "?" : nameOf(keying, local.local)),
  );

type LocalExpr = Extract<Expr, { kind: "local" }>;

/** The number of a node over the numbers of its operands. */
const structureOf = (
  numbers: Numbers,
  expr: Expr,
  of: (part: Expr) => number,
  localOf: (expr: LocalExpr) => string,
): number => {
  const head = `${expr.kind} ${expr.type}`;
  if (expr.kind === "local") return numbers(`${head} ${localOf(expr)}`);
  if (expr.kind === "const") return numbers(`${head} ${Object.is(expr.value, -0) ? "-0" : expr.value}`);
  if (expr.kind === "dim" || expr.kind === "option") return numbers(`${head} ${expr.name}`);
  const op = "op" in expr ? expr.op : "";
  return numbers([head, op, ...operands(expr).map(of)].join(" "));
};

/** The same for equal expressions without loads, in one kernel. */
export const identityOf = (numbers: Numbers, root: Expr): number =>
  foldExpr<number>(root, (expr, of) => structureOf(numbers, expr, of, ({ local }) => local.name));

/** Iterations of loops in each other, as far as it is known how many there are. */
export const iterationsOf = (stmt: Stmt): number => {
  const most = (body: readonly Stmt[]): number => Math.max(1, ...body.map(iterationsOf));
  if (stmt.kind === "for") return ((tripsOf(stmt) ?? Infinity) / stmt.step) * most(stmt.body);
  return stmt.kind === "if" ? most([...stmt.then, ...stmt.else]) : 1;
};

/** How many loops are in each other. */
export const depthOf = (stmt: Stmt): number => {
  if (stmt.kind === "for") return 1 + Math.max(0, ...stmt.body.map(depthOf));
  return stmt.kind === "if" ? Math.max(0, ...[...stmt.then, ...stmt.else].map(depthOf)) : 0;
};
