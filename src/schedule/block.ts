/**
 * Blocks of the result of a contraction. In: the loops over its rows and lanes; out: the same in blocks of columns, with
 * what all rows read of a block copied to a panel first, in the order in which it is used. Ends because statements are
 * finite.
 */
import type { Half } from "../ir/index.ts";
import type { Expr, Local, Stmt } from "../loop/types.ts";
import { add, and, binary, compare, constant, int, max, min, mul, sub, use } from "./build.ts";
import { jammedBody, type For } from "./jam.ts";
import { newLocal } from "./scope.ts";
import { cached } from "./cache.ts";
import { fill, flatOf, overAllRows, panelsOf, placeIn, placeOfRows, readsOf, ROWS, sharedIn, steps, type Contraction, type Flat, type Panel } from "./panel.ts"; // prettier-ignore
import { mentions, replaced, sourcesOf, statementsOf, withoutUnused } from "./walks.ts";

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
  const inCache = isNever || isMasked ? undefined : cached(contraction, rows, lanes, shared);
  if (inCache !== undefined) return inCache;
  const few = (): readonly Stmt[] =>
    contraction.count === undefined
      ? [alongRows(contraction, rows, lanes)]
      : [{ kind: "accumulate", local: contraction.count, op: "sum", value: constant("float", 1) }];
  if (isNever) return few();
  const panels = panelsOf(contraction, shared);
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
export const isAtLeast = ({ from, to }: For, count: number): Expr | "always" | "never" => {
  const trips = sub(to, from);
  if (trips.kind !== "const") return compare("<=", int(count), trips);
  return trips.value >= count ? "always" : "never";
};

/** An iteration that is done twice leaves the same. */
export const storesOnly = ({ count }: Contraction, body: readonly Stmt[]): boolean => {
  const all = statementsOf(body);
  const own = new Set([count, ...all.flatMap((stmt) => (stmt.kind === "init" ? [stmt.local] : []))]);
  return all.every(
    (stmt) => stmt.kind !== "accumulateAt" && (stmt.kind !== "accumulate" || own.has(stmt.local)),
  );
};

/** The vector loop, if there is nothing else that has to happen for each row. */
export const lanesOf = (rows: For): For | undefined => {
  const lanes = rows.body.at(-1);
  if (lanes?.kind !== "for" || lanes.mode !== "vector") return undefined;
  const stored = new Set(statementsOf(lanes.body).flatMap((s) => (s.kind === "store" ? [s.buffer] : [])));
  const isPlain = (stmt: Stmt): boolean =>
    stmt.kind === "let" && !sourcesOf(stmt.value).some((source) => stored.has(source));
  if (!rows.body.slice(0, -1).every(isPlain)) return undefined;
  const own = ownOf(rows);
  return mentions(lanes.from, own) || mentions(lanes.to, own) ? undefined : lanes;
};

export const ownOf = (rows: For): ReadonlySet<Local> =>
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

const inBlocks = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  panels: readonly Panel[],
  flat: Flat | undefined,
): readonly Stmt[] => {
  const { names, width, half, summed } = contraction;
  const start = newLocal(names, "int", `${lanes.local.name}Start`);
  return steps(names, lanesFor(contraction, lanes), start, width, () => {
    const part: For = { ...lanes, from: use(start), to: add(use(start), int(width)) };
    const place = placeIn(summed, part, width);
    const reads = readsOf(panels, place);
    const inside = steps(names, rowsFor(half, rows, part), rows.local, ROWS, (first) => {
      const at = newLocal(names, "int", `${rows.local.name}At`);
      const sum = flat?.(part, use(at), int(0)) ?? replaced(part.body, reads);
      const body = [...rows.body.slice(0, -1), { ...part, body: withoutUnused(sum) }];
      const jammed = jammedBody(names, rows.local, body, ROWS) ?? [];
      if (flat === undefined) return jammed;
      return [{ kind: "let", local: at, value: placeOfRows(summed, first, use(rows.local)) }, ...jammed];
    });
    const whole = overAllRows(contraction, part.body, ownOf(rows));
    const copies = panels.length === 0 ? [] : [{ ...part, body: fill(whole, place, panels) }];
    return [...copies, ...inside];
  });
};
