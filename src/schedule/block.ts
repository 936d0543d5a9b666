/**
 * Blocks of the result of a contraction. In: the loops over its rows and lanes; out: the same in blocks of columns, with
 * what all rows read of a block copied to a panel first, in the order in which it is used. Ends because statements are
 * finite.
 */
import { foldExpr } from "../loop/fold.ts";
import { formatExpr } from "../loop/format.ts";
import type { Half } from "../ir/index.ts";
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { add, and, binary, compare, int, load, max, min, mul, sub, use } from "./build.ts";
import { jammedBody, type For } from "./jam.ts";
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
  /** The loops of the sum, outermost first; undefined where they do not run over all of their extents. */
  readonly summed: readonly Summed[] | undefined;
  /** Whether the innermost of these could run on vectors. */
  readonly alongSum: boolean;
  /** Terms that are added before their sum is added to others. */
  readonly chunk: number;
  readonly half: Needed | undefined;
  /** Counts what has to be made again: anything above 0 is the same. */
  readonly count: Local | undefined;
  /** How many rows there are, in terms of the dims. */
  readonly rows: Expr;
  /** Where statements that need these locals can go, if that is outside of a loop around. */
  readonly outside: (locals: ReadonlySet<Local>) => Stmt[] | undefined;
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
  if (lanes === undefined || jammed === undefined || !storesOnly(contraction, lanes.body)) return [rows];
  const shared = sharedIn(contraction, lanes, {
    along: new Set([lanes.local]),
    apart: ownOf(rows),
    values: new Map(),
  });
  const isMasked = shared.some(({ value }) => value.kind === "select");
  const fewest = shared.length === 0 || isMasked ? ROWS : FEWEST_ROWS;
  const enough = [isAtLeast(rows, fewest), isAtLeast(lanes, width)];
  const isNever = enough.includes("never");
  const panels = isNever && !isMasked ? [] : panelsOf(contraction, shared);
  const few = (): readonly Stmt[] =>
    isMasked ? inColumns(contraction, rows, lanes, panels) : [alongRows(contraction, rows, lanes)];
  if (isNever) return few();
  const tests = enough.filter((each) => typeof each !== "string");
  const where = (then: readonly Stmt[], otherwise: readonly Stmt[]): readonly Stmt[] => {
    const [first, ...others] = tests;
    return first === undefined
      ? then
      : [{ kind: "if", test: others.reduce(and, first), then, else: otherwise }];
  };
  const flat = flatOf(contraction, rows, lanes, panels, (stmts) => where(stmts, []));
  return where(inBlocks(contraction, rows, lanes, panels, flat), tests.length === 0 ? [] : few());
};

/** Whether the loop has so many iterations. */
const isAtLeast = ({ from, to }: For, count: number): Expr | "always" | "never" => {
  const trips = sub(to, from);
  if (trips.kind !== "const") return compare("<=", int(count), trips);
  return trips.value >= count ? "always" : "never";
};

/** An iteration that is done twice leaves the same. */
const storesOnly = ({ count }: Contraction, body: readonly Stmt[]): boolean => {
  const all = statementsOf(body);
  const own = new Set([count, ...all.flatMap((stmt) => (stmt.kind === "init" ? [stmt.local] : []))]);
  return all.every(
    (stmt) => stmt.kind !== "accumulateAt" && (stmt.kind !== "accumulate" || own.has(stmt.local)),
  );
};

/** The vector loop, if there is nothing else that has to happen for each row. */
const lanesOf = (rows: For): For | undefined => {
  const lanes = rows.body.at(-1);
  if (lanes?.kind !== "for" || lanes.mode !== "vector") return undefined;
  const stored = new Set(statementsOf(lanes.body).flatMap((s) => (s.kind === "store" ? [s.buffer] : [])));
  const isPlain = (stmt: Stmt): boolean =>
    stmt.kind === "let" && !sourcesOf(stmt.value).some((source) => stored.has(source));
  if (!rows.body.slice(0, -1).every(isPlain)) return undefined;
  const own = ownOf(rows);
  return mentions(lanes.from, own) || mentions(lanes.to, own) ? undefined : lanes;
};

const ownOf = (rows: For): ReadonlySet<Local> =>
  new Set([rows.local, ...rows.body.flatMap((stmt) => (stmt.kind === "let" ? [stmt.local] : []))]);

/** Row by row, without blocks: along the sum where memory is in order there. */
const alongRows = ({ alongSum, half }: Contraction, rows: For, lanes: For): Stmt => {
  const needed = half?.of === "rows" ? beside(rows, half.side, half.other) : rows;
  const columns =
    half === undefined || half.of === "rows"
      ? lanes
      : half.of === "both"
        ? beside(lanes, OTHER[half.side], use(rows.local))
        : beside(lanes, half.side, half.other);
  const own: For = alongSum ? { ...columns, mode: "serial", body: vectorsInside(lanes.body) } : columns;
  return { ...needed, body: [...rows.body.slice(0, -1), own] };
};

const OTHER: { readonly [K in keyof Half]: keyof Half } = { row: "column", column: "row" };

/** The iterations in the half that is needed, at an index on the other side. */
const beside = (loop: For, side: keyof Half, other: Expr): For =>
  side === "row"
    ? { ...loop, to: min(loop.to, add(other, int(1))) }
    : { ...loop, from: max(loop.from, other) };

/** The same with those around them in blocks, which begin where they do without it, and are whole. */
const blocksBeside = (rows: For, side: keyof Half, from: Expr, to: Expr): For => {
  const start = (of: Expr): Expr => mul(binary("floordiv", of, int(ROWS)), int(ROWS));
  return side === "row"
    ? { ...rows, to: min(rows.to, start(add(to, int(ROWS - 1)))) }
    : { ...rows, from: max(rows.from, start(from)) };
};

const rowsFor = (half: Contraction["half"], rows: For, block: For): For => {
  if (half?.of === "both") return blocksBeside(rows, half.side, block.from, block.to);
  if (half?.of === "rows") return blocksBeside(rows, half.side, half.other, add(half.other, int(1)));
  return rows;
};

const lanesFor = ({ half, width }: Contraction, lanes: For): For => {
  if (half?.of !== "lanes") return lanes;
  const other = half.side === "row" ? max(half.other, int(width - 1)) : half.other;
  return beside(lanes, half.side, other);
};

const vectorsInside = (body: readonly Stmt[]): readonly Stmt[] =>
  body.map((stmt) => {
    if (stmt.kind !== "for") return stmt;
    const isInnermost = !stmt.body.some((each) => each.kind === "for");
    return isInnermost ? { ...stmt, mode: "vector" } : { ...stmt, body: vectorsInside(stmt.body) };
  });

/** Row by row, with the guard tested once for each element of a panel; short, as there are few columns, or few rows. */
const inColumns = (
  { names, width, summed = [] }: Contraction,
  rows: For,
  lanes: For,
  panels: readonly Panel[],
): readonly Stmt[] => {
  const start = newLocal(names, "int", `${lanes.local.name}Block`);
  const part: For = { ...lanes, from: use(start), to: min(add(use(start), int(width)), lanes.to) };
  const place = placeIn(summed, part, width);
  const body = withoutUnused(replaced(part.body, readsOf(panels, place)));
  const columns: For = { ...part, mode: "serial" };
  return [
    {
      kind: "for",
      local: start,
      from: lanes.from,
      to: lanes.to,
      step: width,
      mode: "serial",
      body: [
        { ...columns, body: fill(part.body, place, panels) },
        { ...rows, body: [...rows.body.slice(0, -1), { ...columns, body }] },
      ],
    },
  ];
};

/** What stands for the uses of panels. */
const readsOf = (panels: readonly Panel[], place: Expr): ReadonlyMap<Expr, Expr> =>
  new Map(
    panels.flatMap(({ uses, buffer }) => uses.map((each): [Expr, Expr] => [each, load(buffer, place)])),
  );

const inBlocks = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  panels: readonly Panel[],
  flat: Flat | undefined,
): readonly Stmt[] => {
  const { names, width, half, summed = [] } = contraction;
  const start = newLocal(names, "int", `${lanes.local.name}Start`);
  return steps(names, lanesFor(contraction, lanes), start, width, () => {
    const part: For = { ...lanes, from: use(start), to: add(use(start), int(width)) };
    const place = placeIn(summed, part, width);
    const reads = readsOf(panels, place);
    const inside = steps(names, rowsFor(half, rows, part), rows.local, ROWS, (first) => {
      const at = newLocal(names, "int", `${rows.local.name}At`);
      const sum = flat?.(part, use(at)) ?? replaced(part.body, reads);
      const body = [...rows.body.slice(0, -1), { ...part, body: withoutUnused(sum) }];
      const jammed = jammedBody(names, rows.local, body, ROWS) ?? [];
      if (flat === undefined) return jammed;
      return [{ kind: "let", local: at, value: placeOfRows(summed, first, use(rows.local)) }, ...jammed];
    });
    const copies = panels.length === 0 ? [] : [{ ...part, body: fill(part.body, place, panels) }];
    return [...copies, ...inside];
  });
};

/** So many iterations at a time, from `local` on; the last step begins early enough to be whole. */
const steps = (
  names: Names,
  { from, to }: For,
  local: Local,
  count: number,
  body: (start: Expr) => readonly Stmt[],
): readonly Stmt[] => {
  const trips = sub(to, from);
  const isWhole = trips.kind === "const" && trips.value % count === 0;
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
interface Shared {
  readonly uses: Expr[];
  /** In terms of the counters. */
  readonly value: Expr;
}

interface Panel extends Shared {
  readonly buffer: Buffer;
}

const panelsOf = (contraction: Contraction, shared: readonly Shared[]): readonly Panel[] => {
  const { summed = [], width, buffer } = contraction;
  const size = summed.reduce<Expr>((product, each) => mul(product, each.size), int(1));
  return shared.map((each) => ({ ...each, buffer: buffer(nameOf(each.value), [size, int(width)]) }));
};

/** After what is read in it. */
const nameOf = (value: Expr): string => `${sourcesOf(value)[0]?.name ?? ""}Panel`;

interface Search {
  /** What is looked for changes with one of these, and with the sum. */
  readonly along: ReadonlySet<Local>;
  /** It is the same whatever these are. */
  readonly apart: ReadonlySet<Local>;
  /** Of locals declared around. */
  readonly values: ReadonlyMap<Local, Expr>;
}

/** What is read along the sum and the rows, or the sum and the lanes, and is the same for all of the others. */
const sharedIn = ({ summed }: Contraction, lanes: For, search: Search): readonly Shared[] => {
  if (summed === undefined) return [];
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
const fill = (body: readonly Stmt[], place: Expr, panels: readonly Panel[]): readonly Stmt[] => {
  const done = new Set<Panel>();
  const filled = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind === "for") {
        const inner = filled(stmt.body);
        return inner.some((each) => each.kind !== "let") ? [{ ...stmt, body: inner }] : [];
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

// ---- sums over one loop

/** The sum of a row, over panels for both factors: in terms of the lanes and of where the panel of the rows begins. */
type Flat = (lanes: For, rowsAt: Expr) => readonly Stmt[];

type Accumulate = Extract<Stmt, { kind: "accumulate" }>;

interface Sum {
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

/**
 * Where the factor of the rows does not change with the loops around, it is copied to a panel outside of these, and the
 * loops of the sum become one.
 */
const flatOf = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  panels: readonly Panel[],
  where: (stmts: readonly Stmt[]) => readonly Stmt[],
): Flat | undefined => {
  const { names, summed = [], width, chunk } = contraction;
  const [panel, ...others] = panels;
  const sum = sumOf(lanes);
  if (panel === undefined || others.length > 0 || sum === undefined) return undefined;
  const values = new Map<Local, Expr>();
  for (const stmt of rows.body) if (stmt.kind === "let") values.set(stmt.local, inlined(stmt.value, values));
  const found = sharedIn(contraction, lanes, {
    along: new Set([rows.local]),
    apart: new Set([lanes.local]),
    values,
  });
  const [factor] = found;
  const isInput = factor !== undefined && sourcesOf(factor.value).every(({ role }) => role === "input");
  if (factor === undefined || !isInput || found.length > 1) return undefined;
  const rowPanel = rowPanelOf(contraction, rows, lanes, factor, where);
  if (rowPanel === undefined) return undefined;
  const size = summed.reduce<Expr>((product, { extent }) => mul(product, extent), int(1));
  const counter = newLocal(names, "int", "term");
  const own = new Set(
    statementsOf([sum.nest]).flatMap((s) => (s.kind === "let" || s.kind === "for" ? [s.local] : [])),
  );
  const rest = new Map([...panel.uses, ...factor.uses].map((each): [Expr, Expr] => [each, int(0)]));
  const [bare] = replaced([sum.term], rest);
  if (bare?.kind !== "accumulate" || mentions(bare.value, own) || mentions(bare.value, values))
    return undefined;
  return (part, rowsAt) => {
    const column = load(panel.buffer, add(mul(use(counter), int(width)), sub(use(part.local), part.from)));
    const row = load(rowPanel, add(mul(use(counter), int(ROWS)), add(use(rows.local), rowsAt)));
    const reads = new Map<Expr, Expr>([
      ...panel.uses.map((each): [Expr, Expr] => [each, column]),
      ...factor.uses.map((each): [Expr, Expr] => [each, row]),
    ]);
    const [term] = replaced([sum.term], reads);
    if (term?.kind !== "accumulate") return part.body;
    const flat = sumUp(names, { counter, size, chunk }, term, sum.total);
    return part.body.flatMap((stmt) => (stmt === sum.nest ? flat : [stmt]));
  };
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

/** Before the loops around: blocks of rows, each in the order of the sum. */
const rowPanelOf = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  factor: Shared,
  where: (stmts: readonly Stmt[]) => readonly Stmt[],
): Buffer | undefined => {
  const { names, summed = [], outside } = contraction;
  const size = summed.reduce<Expr>((product, each) => mul(product, each.size), int(1));
  const first = newLocal(names, "int", `${rows.local.name}Start`);
  const lets = rows.body.slice(0, -1);
  const into = (buffer: Buffer): readonly Stmt[] =>
    where(
      steps(names, rows, first, ROWS, (start) => {
        const column = sub(use(rows.local), use(first));
        const place = add(add(mul(start, size), mul(placeInSum(summed), int(ROWS))), column);
        const body = fill([...lets, ...lanes.body], place, [{ ...factor, buffer }]);
        return [{ ...lanes, local: rows.local, from: use(first), to: add(use(first), int(ROWS)), body }];
      }),
    );
  const [source] = sourcesOf(factor.value);
  const around = source && outside(freeIn(into(source)));
  if (around === undefined) return undefined;
  const buffer = contraction.buffer(nameOf(factor.value), [add(contraction.rows, int(ROWS)), size]);
  around.push(...into(buffer));
  return buffer;
};

/** The locals that statements need from around them. */
const freeIn = (stmts: readonly Stmt[]): ReadonlySet<Local> => {
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
const placeOfRows = (summed: readonly Summed[], start: Expr, row: Expr): Expr => {
  const size = summed.reduce<Expr>((product, { extent }) => mul(product, extent), int(1));
  return sub(mul(start, size), row);
};

/** Row-major over the sum, then the columns of the block. */
const placeIn = (summed: readonly Summed[], lanes: For, width: number): Expr =>
  add(mul(placeInSum(summed), int(width)), sub(use(lanes.local), lanes.from));

const placeInSum = (summed: readonly Summed[]): Expr => {
  const [first, ...others] = summed;
  const outer = first === undefined ? int(0) : use(first.local);
  return others.reduce<Expr>((total, { local, size }) => add(mul(total, size), use(local)), outer);
};
