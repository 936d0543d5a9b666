/**
 * Blocks of the result of a contraction. In: the loops over its rows and lanes; out: the same in blocks of columns, with
 * what all rows read of a block copied to a panel first, in the order in which it is used. Ends because statements are
 * finite.
 */
import { foldExpr, operands } from "../loop/fold.ts";
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { add, and, compare, int, load, min, mul, sub, use } from "./build.ts";
import { jammedBody, rebuilt, type For } from "./jam.ts";
import { newLocal, type Names } from "./scope.ts";

/** A loop of the reduction. */
export interface Summed {
  readonly local: Local;
  readonly extent: Expr;
  /** The same in terms of the dims. */
  readonly size: Expr;
}

export interface Contraction {
  readonly names: Names;
  /** Columns of a block. */
  readonly width: number;
  /** The loops of the sum, outermost first; undefined where they do not run over all of their extents. */
  readonly summed: readonly Summed[] | undefined;
  /** Whether the innermost of these could run on vectors. */
  readonly alongSum: boolean;
  /** A temporary buffer. */
  readonly buffer: (name: string, shape: readonly Expr[]) => Buffer;
}

/** Rows that are computed at once. */
export const ROWS = 4;

/** With fewer rows than this a panel costs more than it saves. */
const FEWEST_ROWS = 16;

/**
 * The loop over rows, with nothing but a vector loop inside, in blocks of rows and lanes. The last blocks overlap those
 * before them: what is stored twice is the same.
 */
export const blocked = (contraction: Contraction, rows: For): readonly Stmt[] => {
  const { names, width } = contraction;
  const lanes = lanesOf(rows);
  const jammed = lanes && jammedBody(names, rows.local, rows.body, ROWS);
  if (lanes === undefined || jammed === undefined || !storesOnly(lanes.body)) return [rows];
  const shared = sharedIn(contraction, rows, lanes);
  const fewest = shared.length === 0 ? ROWS : FEWEST_ROWS;
  const enough = [isAtLeast(rows, fewest), isAtLeast(lanes, width)];
  const few = alongRows(contraction, rows, lanes);
  if (enough.includes("never")) return [few];
  const blocks = inBlocks(contraction, rows, lanes, panelsOf(contraction, shared));
  const tests = enough.filter((each) => typeof each !== "string");
  const [first, ...others] = tests;
  if (first === undefined) return blocks;
  return [{ kind: "if", test: others.reduce(and, first), then: blocks, else: [few] }];
};

/** Whether the loop has so many iterations. */
const isAtLeast = ({ from, to }: For, count: number): Expr | "always" | "never" => {
  const trips = sub(to, from);
  if (trips.kind !== "const") return compare("<=", int(count), trips);
  return trips.value >= count ? "always" : "never";
};

/** An iteration that is done twice leaves the same. */
const storesOnly = (body: readonly Stmt[]): boolean => {
  const all = statementsOf(body);
  const own = new Set(all.flatMap((stmt) => (stmt.kind === "init" ? [stmt.local] : [])));
  return all.every(
    (stmt) => stmt.kind !== "accumulateAt" && (stmt.kind !== "accumulate" || own.has(stmt.local)),
  );
};

/** The vector loop, if there is nothing else that has to happen for each row. */
const lanesOf = (rows: For): For | undefined => {
  const lanes = rows.body.at(-1);
  const isPlain = rows.body.slice(0, -1).every((stmt) => stmt.kind === "let" && !readsMemory(stmt.value));
  if (lanes?.kind !== "for" || lanes.mode !== "vector" || !isPlain) return undefined;
  const own = ownOf(rows);
  return mentions(lanes.from, own) || mentions(lanes.to, own) ? undefined : lanes;
};

const ownOf = (rows: For): ReadonlySet<Local> =>
  new Set([rows.local, ...rows.body.flatMap((stmt) => (stmt.kind === "let" ? [stmt.local] : []))]);

/** Row by row, without blocks: along the sum where memory is in order there. */
const alongRows = ({ alongSum }: Contraction, rows: For, lanes: For): Stmt =>
  alongSum
    ? {
        ...rows,
        body: [...rows.body.slice(0, -1), { ...lanes, mode: "serial", body: vectorsInside(lanes.body) }],
      }
    : rows;

const vectorsInside = (body: readonly Stmt[]): readonly Stmt[] =>
  body.map((stmt) => {
    if (stmt.kind !== "for") return stmt;
    const isInnermost = !stmt.body.some((each) => each.kind === "for");
    return isInnermost ? { ...stmt, mode: "vector" } : { ...stmt, body: vectorsInside(stmt.body) };
  });

const inBlocks = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  panels: readonly Panel[],
): readonly Stmt[] => {
  const { names, width, summed = [] } = contraction;
  const start = newLocal(names, "int", `${lanes.local.name}Start`);
  return steps(names, lanes, start, width, () => {
    const part: For = { ...lanes, from: use(start), to: add(use(start), int(width)) };
    const reads = panels.map((panel): [Expr, Expr] => [
      panel.load,
      load(panel.buffer, placeIn(summed, part, width)),
    ]);
    const body = [
      ...rows.body.slice(0, -1),
      { ...part, body: withoutUnused(replaced(part.body, new Map(reads))) },
    ];
    const inside = steps(
      names,
      rows,
      rows.local,
      ROWS,
      () => jammedBody(names, rows.local, body, ROWS) ?? [],
    );
    return [...panels.map((panel) => fill(summed, part, panel, width)), ...inside];
  });
};

/** So many iterations at a time, from `local` on; the last step begins early enough to be whole. */
const steps = (
  names: Names,
  { from, to }: For,
  local: Local,
  count: number,
  body: () => readonly Stmt[],
): readonly Stmt[] => {
  const trips = sub(to, from);
  const isWhole = trips.kind === "const" && trips.value % count === 0;
  const start = isWhole ? local : newLocal(names, "int", `${local.name}Block`);
  const bound: Stmt = { kind: "let", local, value: min(use(start), sub(to, int(count))) };
  const inside = body();
  return [
    {
      kind: "for",
      local: start,
      from,
      to,
      step: count,
      mode: "serial",
      body: isWhole ? inside : [bound, ...inside],
    },
  ];
};

// ---- panels

/** A read, and where that is in terms of the counters. */
interface Shared {
  readonly load: Load;
  readonly offset: Expr;
}

interface Panel extends Shared {
  readonly buffer: Buffer;
}

const panelsOf = (contraction: Contraction, shared: readonly Shared[]): readonly Panel[] => {
  const { summed = [], width, buffer } = contraction;
  const size = summed.reduce<Expr>((product, each) => mul(product, each.size), int(1));
  return shared.map((each) => ({
    ...each,
    buffer: buffer(`${each.load.buffer.name}Panel`, [size, int(width)]),
  }));
};

/** What is read along the lanes and the sum, and is the same for all rows. */
const sharedIn = ({ summed }: Contraction, rows: For, lanes: For): readonly Shared[] => {
  if (summed === undefined) return [];
  const own = ownOf(rows);
  const counters = new Set(summed.map(({ local }) => local));
  const values = new Map<Local, Expr>();
  const found = new Map<Expr, Shared>();
  const stored = new Set<Buffer>();
  for (const stmt of statementsOf(lanes.body)) {
    if (stmt.kind === "store" || stmt.kind === "accumulateAt") stored.add(stmt.buffer);
    if (stmt.kind === "let" && stmt.local.type === "int") values.set(stmt.local, inlined(stmt.value, values));
    for (const each of loadsIn(stmt)) {
      const offset = inlined(each.offset, values);
      const isShared = mentions(offset, new Set([lanes.local])) && !mentions(offset, own);
      if (!isShared || !mentions(offset, counters) || readsMemory(offset) || each.type !== "float") continue;
      found.set(each, { load: each, offset });
    }
  }
  return [...found.values()].filter((each) => !stored.has(each.load.buffer));
};

const fill = (summed: readonly Summed[], lanes: For, panel: Panel, width: number): Stmt => {
  const value = load(panel.load.buffer, panel.offset);
  const store: Stmt = { kind: "store", buffer: panel.buffer, offset: placeIn(summed, lanes, width), value };
  return summed.toReversed().reduce<Stmt>(
    (inner, { local, extent }) => ({
      kind: "for",
      local,
      from: int(0),
      to: extent,
      step: 1,
      mode: "serial",
      body: [inner],
    }),
    { ...lanes, body: [store] },
  );
};

/** Row-major over the sum, then the columns of the block. */
const placeIn = (summed: readonly Summed[], lanes: For, width: number): Expr => {
  const [first, ...others] = summed;
  const outer = first === undefined ? int(0) : use(first.local);
  const term = others.reduce<Expr>((total, { local, extent }) => add(mul(total, extent), use(local)), outer);
  return add(mul(term, int(width)), sub(use(lanes.local), lanes.from));
};

// ---- walks

const statementsOf = (body: readonly Stmt[]): readonly Stmt[] =>
  body.flatMap((stmt) => (stmt.kind === "for" ? [stmt, ...statementsOf(stmt.body)] : [stmt]));

const valuesOf = (stmt: Stmt): readonly Expr[] => {
  if (stmt.kind === "for") return [stmt.from, stmt.to];
  if (stmt.kind === "if") return [stmt.test];
  return stmt.kind === "store" || stmt.kind === "accumulateAt" ? [stmt.offset, stmt.value] : [stmt.value];
};

type Load = Extract<Expr, { kind: "load" }>;

/** Those that are performed in any case. */
const loadsIn = (stmt: Stmt): readonly Load[] => {
  const found: Load[] = [];
  const stack = [...valuesOf(stmt)];
  for (let expr = stack.pop(); expr !== undefined; expr = stack.pop()) {
    if (expr.kind === "load") found.push(expr);
    if (expr.kind === "select") stack.push(expr.test);
    else if (expr.kind !== "and" && expr.kind !== "or") stack.push(...operands(expr));
  }
  return found;
};

const inlined = (root: Expr, values: ReadonlyMap<Local, Expr>): Expr =>
  foldExpr<Expr>(root, (expr, of) =>
    expr.kind === "local" ? (values.get(expr.local) ?? expr) : rebuilt(expr, of),
  );

const mentions = (root: Expr, locals: ReadonlySet<Local>): boolean =>
  foldExpr<boolean>(root, (expr, of) =>
    expr.kind === "local" ? locals.has(expr.local) : operands(expr).some(of),
  );

const readsMemory = (root: Expr): boolean =>
  foldExpr<boolean>(root, (expr, of) => expr.kind === "load" || operands(expr).some(of));

const replaced = (body: readonly Stmt[], by: ReadonlyMap<Expr, Expr>): readonly Stmt[] => {
  const of = (root: Expr): Expr => foldExpr<Expr>(root, (expr, part) => by.get(expr) ?? rebuilt(expr, part));
  return body.map((stmt): Stmt => {
    switch (stmt.kind) {
      case "for":
        return { ...stmt, body: replaced(stmt.body, by) };
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

/** Without offsets that nothing needs any more. */
const withoutUnused = (body: readonly Stmt[]): readonly Stmt[] => {
  const used = new Set<Local>();
  for (const stmt of statementsOf(body)) {
    for (const value of valuesOf(stmt)) {
      foldExpr<undefined>(value, (expr) => {
        if (expr.kind === "local") used.add(expr.local);
        return undefined;
      });
    }
  }
  const kept = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts
      .filter((stmt) => stmt.kind !== "let" || used.has(stmt.local))
      .map((stmt) => (stmt.kind === "for" ? { ...stmt, body: kept(stmt.body) } : stmt));
  return kept(body);
};
