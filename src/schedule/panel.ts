/**
 * Panels of contractions: what all rows, or all lanes, of a block read, copied in the order in which it is used. In: the loops
 * over rows and lanes; out: loops that fill panels, and sums over them. Ends because statements are finite.
 */
import { foldExpr } from "../loop/fold.ts";
import { formatExpr } from "../loop/format.ts";
import type { Half } from "../ir/index.ts";
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { add, int, load, min, mul, sub, use } from "./build.ts";
import type { For } from "./jam.ts";
import { newLocal, type Names } from "./scope.ts";
import {
  inlined,
  mentions,
  partsOf,
  replaced,
  sourcesOf,
  statementsOf,
  valuesOf,
  withoutUnused,
} from "./walks.ts";

/** A loop of the reduction. */
export interface Summed {
  readonly local: Local;
  readonly extent: Expr;
  /** The same in terms of the dims. */
  readonly size: Expr;
}

/**
 * The half of a result that is needed: where the index on side `row` is at most that on side `column`. `of` is on this side,
 * and on the other one the lanes (of `both`: the rows and they) or a loop around, whose index is `other`.
 */
export type Needed =
  | { readonly of: "both"; readonly side: keyof Half }
  | { readonly of: "rows" | "lanes"; readonly side: keyof Half; readonly other: Expr };

export interface Contraction {
  readonly names: Names;
  /** Columns of a block. */
  readonly width: number;
  /** The loops of the sum, outermost first. */
  readonly summed: readonly Summed[];
  /** Whether these run over all of their extents, or for each row over a part. */
  readonly span: "whole" | "bounded";
  /** Whether the innermost of these could run on vectors. */
  readonly alongSum: boolean;
  /** Terms that are added before their sum is added to others. */
  readonly chunk: number;
  readonly half: Needed | undefined;
  /** Counts what has to be made again: anything above 0 is the same. */
  readonly count: Local | undefined;
  /** How many rows there are, in terms of the dims. */
  readonly rows: Expr;
  /** Where statements that need these locals and read these buffers can go, if that is outside of a loop around. */
  readonly outside: (locals: ReadonlySet<Local>, sources: readonly Buffer[]) => Stmt[] | undefined;
  /** A temporary buffer. */
  readonly buffer: (name: string, shape: readonly Expr[]) => Buffer;
}

/** Rows that are computed at once. */
export const ROWS = 4;

// ---- steps

/** Where it is known how many there are. */
export const tripsOf = ({ from, to }: Pick<For, "from" | "to">): number | undefined => {
  const isAbove = to.kind === "binary" && to.op === "add" && formatExpr(to.a) === formatExpr(from);
  const trips = isAbove ? to.b : sub(to, from);
  return trips.kind === "const" ? trips.value : undefined;
};

/** So many iterations at a time, from `local` on; the last step begins early enough to be whole. */
export const steps = (
  names: Names,
  { from, to }: For,
  local: Local,
  count: number,
  body: (start: Expr) => readonly Stmt[],
): readonly Stmt[] => {
  const trips = tripsOf({ from, to });
  const isWhole = trips !== undefined && trips % count === 0;
  const start = isWhole ? local : newLocal(names, "int", `${local.name}Block`);
  const bound: Stmt = { kind: "let", local, value: min(use(start), sub(to, int(count))) };
  const inside = body(use(start));
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

/** Expressions of one value that is the same for all rows. */
export interface Shared {
  readonly uses: Expr[];
  /** In terms of the counters. */
  readonly value: Expr;
}

export interface Panel extends Shared {
  readonly buffer: Buffer;
}

export const panelsOf = (contraction: Contraction, shared: readonly Shared[]): readonly Panel[] => {
  const { width, buffer } = contraction;
  const shape = [sizeOf(contraction), int(width)];
  return shared.map((each) => ({ ...each, buffer: buffer(nameOf(each.value), shape) }));
};

/** After what is read in it. */
export const nameOf = (value: Expr): string => `${sourcesOf(value)[0]?.name ?? ""}Panel`;

interface Search {
  /** What is looked for changes with one of these, and with the sum. */
  readonly along: ReadonlySet<Local>;
  /** It is the same whatever these are. */
  readonly apart: ReadonlySet<Local>;
  /** Of locals declared around. */
  readonly values: ReadonlyMap<Local, Expr>;
}

/** What is read along the sum and the rows, or the sum and the lanes, and is the same for all of the others. */
export const sharedIn = ({ summed }: Contraction, lanes: For, search: Search): readonly Shared[] => {
  const all = statementsOf(lanes.body);
  const values = new Map(search.values);
  const changing = new Set([...search.apart, ...all.flatMap((s) => (s.kind === "init" ? [s.local] : []))]);
  const stored = new Set(all.flatMap((s) => (s.kind === "store" ? [s.buffer] : [])));
  const counters = new Set(summed.map(({ local }) => local));
  const isShared = (expr: Expr): boolean => {
    if (expr.type !== "float") return false;
    const value = inlined(expr, values);
    const loads = sourcesOf(value);
    const isVarying = mentions(value, search.along) && mentions(value, counters);
    return (
      isVarying && loads.length > 0 && !mentions(value, changing) && !loads.some((from) => stored.has(from))
    );
  };
  const found = new Map<string, Shared>();
  for (const stmt of all) {
    if (stmt.kind === "let") {
      if (!mentions(inlined(stmt.value, values), changing))
        values.set(stmt.local, inlined(stmt.value, values));
      else changing.add(stmt.local);
    }
    if (stmt.kind === "let" && values.has(stmt.local)) continue;
    for (const use of valuesOf(stmt).flatMap((value) =>
      partsOf(value, (part) => !isShared(part)).filter(isShared),
    )) {
      const value = inlined(use, values);
      const known = found.get(formatExpr(value));
      if (known === undefined) found.set(formatExpr(value), { uses: [use], value });
      else known.uses.push(use);
    }
  }
  return [...found.values()];
};

/** The loops of the sum, with the panels' elements stored in place of what is done with them. */
export const fill = (body: readonly Stmt[], place: Expr, panels: readonly Panel[]): readonly Stmt[] => {
  const done = new Set<Panel>();
  const filled = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind === "for") {
        const whole = withoutChunks(stmt);
        const inner = filled(whole.body);
        return inner.some((each) => each.kind !== "let") ? [{ ...whole, body: inner }] : [];
      }
      const parts = new Set(valuesOf(stmt).flatMap((value) => partsOf(value, () => true)));
      const here = panels.filter((panel) => !done.has(panel) && panel.uses.some((use) => parts.has(use)));
      for (const panel of here) done.add(panel);
      const stores = here.flatMap(({ buffer, uses }): readonly Stmt[] => {
        const value = uses.find((use) => parts.has(use));
        return value === undefined ? [] : [{ kind: "store", buffer, offset: place, value }];
      });
      return stmt.kind === "let" ? [stmt, ...stores] : stores;
    });
  return withoutUnused(filled(body));
};

/** The loops of a sum without bounds that differ between rows: over all of their extents, or of what else bounds them. */
export const overAllRows = (
  contraction: Contraction,
  body: readonly Stmt[],
  own: ReadonlySet<Local>,
): readonly Stmt[] => {
  if (contraction.span === "whole") return body;
  const bound = (value: Expr, op: "max" | "min", otherwise: Expr): Expr => {
    if (!mentions(value, own)) return value;
    if (value.kind !== "binary" || value.op !== op) return otherwise;
    return bound(value.a, op, bound(value.b, op, otherwise));
  };
  return body.map((stmt) => {
    if (stmt.kind !== "for") return stmt;
    const extent = contraction.summed.find(({ local }) => local === stmt.local)?.extent ?? stmt.to;
    const inner = overAllRows(contraction, stmt.body, own);
    return { ...stmt, from: bound(stmt.from, "max", int(0)), to: bound(stmt.to, "min", extent), body: inner };
  });
};

/** A loop over chunks, with the loop over a chunk inside, as one. */
const withoutChunks = (chunks: For): For => {
  const chunk = chunks.body.find((stmt): stmt is For => stmt.kind === "for");
  const last = chunks.body.find((stmt) => stmt.kind === "let");
  if (chunk === undefined || last === undefined) return chunks;
  const begins = chunk.from.kind === "local" && chunk.from.local === chunks.local;
  const ends = chunk.to.kind === "local" && chunk.to.local === last.local;
  const isChunk =
    formatExpr(last.value) === formatExpr(min(add(use(chunks.local), int(chunks.step)), chunks.to));
  return begins && ends && isChunk ? { ...chunk, from: chunks.from, to: chunks.to } : chunks;
};

// ---- sums over one loop

/**
 * The sum of a row, over panels for both factors: in terms of the lanes and of where the panels of rows and of columns
 * begin.
 */
export type Flat = (lanes: For, rowsAt: Expr, columnsAt: Expr) => readonly Stmt[];

type Accumulate = Extract<Stmt, { kind: "accumulate" }>;

export interface Sum {
  readonly nest: For;
  readonly term: Accumulate;
  /** What adds the sums of blocks, where there are such. */
  readonly total: Accumulate | undefined;
}

const sumOf = (lanes: For): Sum | undefined => {
  const nests = lanes.body.filter((stmt) => stmt.kind === "for");
  const [nest] = nests;
  if (nest === undefined || nests.length > 1) return undefined;
  const all = statementsOf([nest]);
  const sums = all.filter((stmt) => stmt.kind === "accumulate");
  const parts = all.filter((stmt) => stmt.kind === "init");
  const isSum = all.every((stmt) => SUMMING.has(stmt.kind)) && sums.length === parts.length + 1;
  if (!isSum || parts.length > 1) return undefined;
  const [part] = parts;
  const term = sums.find((stmt) => part === undefined || stmt.local === part.local);
  return term && { nest, term, total: sums.find((stmt) => stmt !== term) };
};

const SUMMING: ReadonlySet<Stmt["kind"]> = new Set<Stmt["kind"]>(["for", "let", "init", "accumulate"]);

/** Both factors of a sum, each in order for the loops around it. */
export interface Factors {
  readonly columns: Panel;
  readonly rows: Shared;
  readonly sum: Sum;
}

/** Of a sum of products of two factors, one of them the same for all rows and the other for all lanes. */
export const factorsOf = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  panels: readonly Panel[],
): Factors | undefined => {
  const [panel, ...others] = panels;
  const sum = contraction.span === "whole" ? sumOf(lanes) : undefined;
  if (panel === undefined || others.length > 0 || sum === undefined) return undefined;
  const values = new Map<Local, Expr>();
  for (const stmt of rows.body) if (stmt.kind === "let") values.set(stmt.local, inlined(stmt.value, values));
  const found = sharedIn(contraction, lanes, {
    along: new Set([rows.local]),
    apart: new Set([lanes.local]),
    values,
  });
  const [factor] = found;
  if (factor === undefined || found.length > 1) return undefined;
  const own = new Set(
    statementsOf([sum.nest]).flatMap((s) => (s.kind === "let" || s.kind === "for" ? [s.local] : [])),
  );
  const rest = new Map([...panel.uses, ...factor.uses].map((each): [Expr, Expr] => [each, int(0)]));
  const [bare] = replaced([sum.term], rest);
  const isBare = bare?.kind === "accumulate" && !mentions(bare.value, own) && !mentions(bare.value, values);
  return isBare ? { columns: panel, rows: factor, sum } : undefined;
};

/** The loops of the sum as one. */
export const flatSum = (
  { names, summed, width, chunk }: Contraction,
  { columns, rows: factor, sum }: Factors,
  rows: For,
  rowPanel: Buffer,
): Flat => {
  const size = summed.reduce<Expr>((product, { extent }) => mul(product, extent), int(1));
  const counter = newLocal(names, "int", "term");
  return (part, rowsAt, columnsAt) => {
    const inRow = add(add(mul(use(counter), int(width)), columnsAt), sub(use(part.local), part.from));
    const column = load(columns.buffer, inRow);
    const row = load(rowPanel, add(mul(use(counter), int(ROWS)), add(use(rows.local), rowsAt)));
    const reads = new Map<Expr, Expr>([
      ...columns.uses.map((each): [Expr, Expr] => [each, column]),
      ...factor.uses.map((each): [Expr, Expr] => [each, row]),
    ]);
    const [term] = replaced([sum.term], reads);
    if (term?.kind !== "accumulate") return part.body;
    const flat = sumUp(names, { counter, size, chunk }, term, sum.total);
    return part.body.flatMap((stmt) => (stmt === sum.nest ? flat : [stmt]));
  };
};

/**
 * Where the factor of the rows does not change with the loops around, it is copied to a panel outside of these, and the
 * loops of the sum become one.
 */
export const flatOf = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  panels: readonly Panel[],
  where: (stmts: readonly Stmt[]) => readonly Stmt[],
): Flat | undefined => {
  const factors = factorsOf(contraction, rows, lanes, panels);
  if (factors?.rows === undefined || !sourcesOf(factors.rows.value).every(({ role }) => role === "input"))
    return undefined;
  const rowPanel = rowPanelOf(contraction, rows, lanes, factors.rows, where);
  return rowPanel && flatSum(contraction, factors, rows, rowPanel);
};

interface Terms {
  readonly counter: Local;
  readonly size: Expr;
  readonly chunk: number;
}

/** Σ over one loop, or over blocks of it. */
const sumUp = (
  names: Names,
  { counter, size, chunk }: Terms,
  term: Accumulate,
  total: Accumulate | undefined,
): readonly Stmt[] => {
  const loop = (from: Expr, to: Expr, local: Local, step: number, body: readonly Stmt[]): Stmt => ({
    kind: "for",
    local,
    from,
    to,
    step,
    mode: "serial",
    body,
  });
  if (total === undefined) return [loop(int(0), size, counter, 1, [term])];
  const start = newLocal(names, "int", "termFrom");
  const end = newLocal(names, "int", "termTo");
  return [
    loop(int(0), size, start, chunk, [
      { kind: "let", local: end, value: min(add(use(start), int(chunk)), size) },
      { kind: "init", local: term.local, value: { kind: "const", type: term.local.type, value: 0 } },
      loop(use(start), use(end), counter, 1, [term]),
      total,
    ]),
  ];
};

/** Before the loops around. */
const rowPanelOf = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  factor: Shared,
  where: (stmts: readonly Stmt[]) => readonly Stmt[],
): Buffer | undefined => {
  const { outside } = contraction;
  const into = (buffer: Buffer): readonly Stmt[] =>
    where(fillRows(contraction, rows, lanes, { ...factor, buffer }, int(0)));
  const [source] = sourcesOf(factor.value);
  const around = source && outside(freeIn(into(source)), sourcesOf(factor.value));
  if (around === undefined) return undefined;
  const buffer = contraction.buffer(nameOf(factor.value), [
    add(contraction.rows, int(ROWS)),
    sizeOf(contraction),
  ]);
  around.push(...into(buffer));
  return buffer;
};

/** Blocks of rows from the one at `origin` on, each in the order of the sum. */
export const fillRows = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  panel: Panel,
  origin: Expr,
): readonly Stmt[] => {
  const { names, summed } = contraction;
  const first = newLocal(names, "int", `${rows.local.name}Start`);
  const lets = rows.body.slice(0, -1);
  return steps(names, rows, first, ROWS, (start) => {
    const column = sub(use(rows.local), use(first));
    const block = mul(sub(start, origin), sizeOf(contraction));
    const place = add(add(block, mul(placeInSum(summed), int(ROWS))), column);
    const body = fill([...lets, ...lanes.body], place, [panel]);
    return [{ ...lanes, local: rows.local, from: use(first), to: add(use(first), int(ROWS)), body }];
  });
};

/** Terms of the sum, in terms of the dims. */
export const sizeOf = ({ summed }: Contraction): Expr =>
  summed.reduce<Expr>((product, each) => mul(product, each.size), int(1));

/** The locals that statements need from around them. */
export const freeIn = (stmts: readonly Stmt[]): ReadonlySet<Local> => {
  const declared = new Set<Local>();
  const used = new Set<Local>();
  const visit = (body: readonly Stmt[]): void => {
    for (const stmt of body) {
      for (const value of valuesOf(stmt)) for (const local of localsIn(value)) used.add(local);
      if (stmt.kind === "let" || stmt.kind === "for") declared.add(stmt.local);
      if (stmt.kind === "for") visit(stmt.body);
      if (stmt.kind === "if") visit([...stmt.then, ...stmt.else]);
    }
  };
  visit(stmts);
  return new Set([...used].filter((local) => !declared.has(local)));
};

const localsIn = (root: Expr): readonly Local[] => {
  const found: Local[] = [];
  foldExpr<undefined>(root, (expr) => {
    if (expr.kind === "local") found.push(expr.local);
    return undefined;
  });
  return found;
};

/** Where a block of rows begins in their panel, less the row itself. */
export const placeOfRows = (summed: readonly Summed[], start: Expr, row: Expr): Expr => {
  const size = summed.reduce<Expr>((product, { extent }) => mul(product, extent), int(1));
  return sub(mul(start, size), row);
};

/** Row-major over the sum, then the columns of the block. */
export const placeIn = (summed: readonly Summed[], lanes: For, width: number): Expr =>
  add(mul(placeInSum(summed), int(width)), sub(use(lanes.local), lanes.from));

export const placeInSum = (summed: readonly Summed[]): Expr => {
  const [first, ...others] = summed;
  const outer = first === undefined ? int(0) : use(first.local);
  return others.reduce<Expr>((total, { local, size }) => add(mul(total, size), use(local)), outer);
};

/** What stands for the uses of panels. */
export const readsOf = (panels: readonly Panel[], place: Expr): ReadonlyMap<Expr, Expr> =>
  new Map(
    panels.flatMap(({ uses, buffer }) => uses.map((each): [Expr, Expr] => [each, load(buffer, place)])),
  );
