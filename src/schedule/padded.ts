/**
 * Contractions whose guard is in the panel of a factor. In: the loops over rows and lanes; out: blocks of the result from
 * panels for both factors, with zeros in place of what is outside of the guard, of the rows, or of the lanes, and the blocks
 * with sums that are no numbers once more without those terms: 0·∞ may be among them. Ends because statements are finite.
 */
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { isAtLeast, lanesOf, ownOf, storesOnly } from "./block.ts";
import { add, and, compare, constant, int, load, max, min, mul, not, or, select, sub, use } from "./build.ts";
import { jammedBody, type For } from "./jam.ts";
import {
  factorsOf, fill, flatSum, freeIn, nameOf, panelsOf, placeIn, placeInSum, placeOfRows, ROWS, sharedIn, sizeOf, steps, type Contraction, type Factors,
} from "./panel.ts"; // prettier-ignore
import { newLocal } from "./scope.ts";
import { inlined, mentions, partsOf, replaced, sourcesOf, withoutUnused } from "./walks.ts";

type Store = Extract<Stmt, { kind: "store" }>;
type Select = Extract<Expr, { kind: "select" }>;

/** What is added to the sums of a row. */
interface Start {
  readonly value: Expr;
  readonly buffer: Buffer;
}

interface Padded {
  readonly contraction: Contraction;
  readonly factors: Factors;
  readonly rows: For;
  readonly lanes: For;
  readonly store: Store;
  /** What the sum is called, and what it is before the first term, by the row. */
  readonly sum: Local;
  readonly start: Start | undefined;
  readonly rowPanel: Buffer;
  /** The columns' panel with ones where it has zeros for what is outside. */
  readonly marked: Buffer;
  /** The sums of a block of columns: row by row. */
  readonly sums: Buffer;
  /** Sums that are no numbers, in a block of columns. */
  readonly count: Local;
}

/** Nothing where the sum is more than that of products of two factors. */
export const padded = (given: Contraction, rows: For, count: Local): readonly Stmt[] | undefined => {
  // extents by their names, so that none is computed in a loop
  const summed = given.summed.map((each) => ({ ...each, size: each.extent }));
  const contraction: Contraction = { ...given, summed };
  const { half, names, width, buffer } = contraction;
  const lanes = lanesOf(rows);
  const isPart = half !== undefined || given.span !== "whole";
  const isCut = lanes === undefined || isPart || !storesOnly(contraction, lanes.body);
  if (isCut || !isFromZero(rows) || !isFromZero(lanes)) return undefined;
  const shared = sharedIn(contraction, lanes, {
    along: new Set([lanes.local]),
    apart: ownOf(rows),
    values: new Map(),
  });
  const [column, ...others] = shared;
  if (others.length > 0 || !column?.uses.every(isMasked)) return undefined;
  const stores = lanes.body.filter((stmt): stmt is Store => stmt.kind === "store");
  const factors = factorsOf(contraction, rows, lanes, panelsOf(given, shared));
  const [store] = stores;
  if (factors === undefined || store === undefined || stores.length > 1) return undefined;
  const { columns, sum, rows: row } = factors;
  const [depth, height] = [sizeOf(given), heightOf(contraction, rows)];
  const all: Padded = {
    contraction, factors, rows, lanes, store, count,
    sum: (sum.total ?? sum.term).local,
    start: startOf(contraction, height, lanes, store, sum),
    rowPanel: buffer(nameOf(row.value), [height, depth]),
    marked: buffer(nameOf(columns.value), columns.buffer.shape),
    sums: buffer(`${store.buffer.name}Sums`, [height, int(width)]),
  }; // prettier-ignore
  const copies = [...startCopies(all), ...rowCopies(all)];
  const read = [row.value, ...(all.start === undefined ? [] : [all.start.value])].flatMap(sourcesOf);
  const around = contraction.outside(freeIn(copies), read);
  const start = newLocal(names, "int", `${lanes.local.name}Start`);
  const blocks = inSteps(all, lanes, start, width, () => blockOf(all, start));
  around?.push(...copies);
  return [...(around === undefined ? copies : []), ...blocks];
};

/** Elements for all rows, and for a block of them. */
const heightOf = (contraction: Contraction, rows: For): Expr =>
  isAtLeast(rows, ROWS) === "always" ? contraction.rows : add(contraction.rows, int(ROWS));

const isFromZero = ({ from }: For): boolean => from.kind === "const" && from.value === 0;

const isMasked = (expr: Expr): expr is Select =>
  expr.kind === "select" && expr.else.kind === "const" && expr.else.value === 0;

/** So many iterations at a time: the last of them end where the loop does, unless it has fewer. */
const inSteps = (
  { contraction: { names } }: Padded,
  loop: For,
  local: Local,
  count: number,
  body: (start: Expr) => readonly Stmt[],
): readonly Stmt[] => {
  if (isAtLeast(loop, count) === "always") return steps(names, loop, local, count, body);
  const { from, to } = loop;
  const start = newLocal(names, "int", `${loop.local.name}Block`);
  const last = max(int(0), sub(to, int(count)));
  const bound: Stmt = { kind: "let", local, value: min(use(start), last) };
  return [
    { kind: "for", local: start, from, to, step: count, mode: "serial", body: [bound, ...body(use(start))] },
  ];
};

// ---- what sums begin with

/** Of sums in chunks, which are added to it: 0 where there is nothing else, so that all contractions are alike. */
const startOf = (
  { names, buffer }: Contraction,
  height: Expr,
  lanes: For,
  { value, buffer: { name } }: Store,
  { total }: Factors["sum"],
): Start | undefined => {
  if (total === undefined) return undefined;
  const own = new Set([lanes.local, ...lanes.body.flatMap((s) => ("local" in s ? [s.local] : []))]);
  const stored = inlined(value, valuesIn(lanes.body));
  const isSum = (expr: Expr): boolean => expr.kind === "local" && expr.local === total.local;
  const parts = stored.kind === "binary" && stored.op === "add" ? [stored.a, stored.b] : [];
  const [added, ...others] = isSum(stored) ? [ZERO] : parts.filter((part) => !isSum(part));
  if (added === undefined || others.length > 0 || mentions(added, own)) return undefined;
  return { value: added, buffer: buffer(names.fresh(`${name}Start`), [height]) };
};

const ZERO = constant("float", 0);

const startCopies = ({ start, rows }: Padded): readonly Stmt[] => {
  if (start === undefined) return [];
  const within = isWithin(rows, ROWS);
  const isSame = within === undefined || start.value.kind === "const";
  const value = isSame ? start.value : select(within, start.value, ZERO);
  const store: Stmt = { kind: "store", buffer: start.buffer, offset: use(rows.local), value };
  const to = within === undefined ? rows.to : max(rows.to, int(ROWS));
  return [{ ...rows, to, body: withoutUnused([...rows.body.slice(0, -1), store]) }];
};

/** The same with what is added to the sums at their beginning. */
const begun = ({ start, rows, store, sum }: Padded, body: readonly Stmt[]): readonly Stmt[] =>
  body.map((stmt): Stmt => {
    if (start === undefined) return stmt;
    if (stmt.kind === "init" && stmt.local === sum)
      return { ...stmt, value: load(start.buffer, use(rows.local)) };
    return stmt === store ? { ...store, value: use(sum) } : stmt;
  });

const valuesIn = (body: readonly Stmt[]): ReadonlyMap<Local, Expr> => {
  const values = new Map<Local, Expr>();
  for (const stmt of body) if (stmt.kind === "let") values.set(stmt.local, inlined(stmt.value, values));
  return values;
};

// ---- panels

/** Whether an iteration of a loop in steps is one of its own, where it may have fewer than a step. */
const isWithin = (loop: For, count: number): Expr | undefined =>
  isAtLeast(loop, count) === "always" ? undefined : compare("<", use(loop.local), loop.to);

const rowCopies = (all: Padded): readonly Stmt[] => {
  const { contraction, factors, rows, lanes, rowPanel } = all;
  const { names, summed } = contraction;
  const first = newLocal(names, "int", `${rows.local.name}Start`);
  const within = isWithin(rows, ROWS);
  const masks = factors.rows.uses.map((each): [Expr, Expr] => [
    each,
    within === undefined ? each : select(within, each, ZERO),
  ]);
  return inSteps(all, rows, first, ROWS, (start) => {
    const inBlock = add(mul(placeInSum(summed), int(ROWS)), sub(use(rows.local), use(first)));
    const place = add(mul(start, sizeOf(contraction)), inBlock);
    const body = fill([...rows.body.slice(0, -1), ...lanes.body], place, [
      { ...factors.rows, buffer: rowPanel },
    ]);
    const to = add(use(first), int(ROWS));
    return [{ ...lanes, local: rows.local, from: use(first), to, body: replaced(body, new Map(masks)) }];
  });
};

/** The columns' panel, with a number for what is outside. */
const columnCopies = (
  { contraction, factors: { columns }, lanes }: Padded,
  part: For,
  buffer: Buffer,
  outside: number,
): readonly Stmt[] => {
  const { names, summed, width } = contraction;
  // a name makes it the same copy, whatever the number is
  const border = newLocal(names, "float", "border");
  const within = isWithin(lanes, width);
  const masks = columns.uses.filter(isMasked).map((each): [Expr, Expr] => {
    const test = within === undefined ? each.test : and(within, each.test);
    return [each, { ...each, test, else: use(border) }];
  });
  const body = fill(part.body, placeIn(summed, part, width), [{ ...columns, buffer }]);
  return [
    { kind: "let", local: border, value: constant("float", outside) },
    { ...part, body: replaced(body, new Map(masks)) },
  ];
};

// ---- blocks of columns

const blockOf = (all: Padded, start: Local): readonly Stmt[] => {
  const { contraction, factors, lanes, count, marked } = all;
  const { names, width } = contraction;
  const part: For = { ...lanes, from: use(start), to: add(use(start), int(width)) };
  const stride = newLocal(names, "int", "width");
  const exactly = [...columnCopies(all, part, marked, 1), ...exactSums(all, part, stride)];
  return [
    { kind: "init", local: count, value: ZERO },
    { kind: "let", local: stride, value: int(width) },
    ...columnCopies(all, part, factors.columns.buffer, 0),
    ...placed(all, part, stride, exactly),
  ];
};

/** The block where it belongs; or its sums, of which what is there is copied to its place. */
const placed = (all: Padded, part: For, stride: Local, exactly: readonly Stmt[]): readonly Stmt[] => {
  const direct = isDirect(all);
  const isNone = compare("!=", use(all.count), ZERO);
  const copies = placeSums(all, part, stride);
  const when = (test: Expr, then: readonly Stmt[], otherwise: readonly Stmt[] = []): Stmt => ({
    kind: "if",
    test,
    then,
    else: otherwise,
  });
  const [blocks, sums] = [rowBlocks(all, part, undefined), rowBlocks(all, part, stride)];
  if (direct === "always") return [...blocks, when(isNone, [...exactly, ...copies])];
  if (direct === "never") return [...sums, when(isNone, exactly), ...copies];
  return [when(direct, blocks, sums), when(isNone, exactly), when(or(isNone, not(direct)), copies)];
};

/** Whether blocks can be stored where they belong: all of their rows and lanes are there, side by side. */
const isDirect = ({ contraction, rows, lanes, store }: Padded): Expr | "always" | "never" => {
  const values = new Map<Local, Expr>();
  for (const stmt of lanes.body) if (stmt.kind === "let") values.set(stmt.local, inlined(stmt.value, values));
  const enough = [isAtLeast(rows, ROWS), isAtLeast(lanes, contraction.width)];
  if (!isInOrder(inlined(store.offset, valuesIn(lanes.body)), lanes.local) || enough.includes("never"))
    return "never";
  const [first, ...others] = enough.filter((each) => typeof each !== "string");
  return first === undefined ? "always" : others.reduce(and, first);
};

/** Whether an offset grows by one where the local does. */
const isInOrder = (offset: Expr, local: Local): boolean => {
  if (offset.kind === "local") return offset.local === local;
  if (offset.kind !== "binary") return false;
  const isIn = (expr: Expr): boolean => mentions(expr, new Set([local]));
  if (isIn(offset.b)) return offset.op === "add" && !isIn(offset.a) && isInOrder(offset.b, local);
  return (offset.op === "add" || offset.op === "sub") && isInOrder(offset.a, local);
};

/** Where a row of the sums of a block begins, less the place of its first column. */
const rowOfSums = ({ rows }: Padded, part: For, stride: Local): Expr =>
  sub(mul(use(rows.local), use(stride)), part.from);

/** All rows of a block of columns; with a stride, their sums only. */
const rowBlocks = (all: Padded, part: For, stride: Local | undefined): readonly Stmt[] => {
  const { contraction, rows } = all;
  const { names, summed } = contraction;
  return inSteps(all, rows, rows.local, ROWS, (first) => {
    const at = newLocal(names, "int", `${rows.local.name}At`);
    const lets = rows.body.slice(0, -1);
    const body =
      stride === undefined
        ? [...lets, { ...part, body: begun(all, flatBody(all, part, at)) }]
        : [...lets, ...sumsOnly(all, part, at, stride)];
    return [
      { kind: "let", local: at, value: placeOfRows(summed, first, use(rows.local)) },
      ...withoutUnused(jammedBody(names, rows.local, body, ROWS) ?? []),
    ];
  });
};

const flatBody = ({ contraction, factors, rows, rowPanel }: Padded, part: For, at: Local): readonly Stmt[] =>
  flatSum(contraction, factors, rows, rowPanel)(part, use(at), int(0));

const sumsOnly = (all: Padded, part: For, at: Local, stride: Local): readonly Stmt[] => {
  const { contraction, store, sum, sums } = all;
  const row = newLocal(contraction.names, "int", "row");
  const body = flatBody(all, part, at).map((stmt): Stmt =>
    stmt === store
      ? { kind: "store", buffer: sums, offset: add(use(row), use(part.local)), value: use(sum) }
      : stmt,
  );
  return [
    { kind: "let", local: row, value: rowOfSums(all, part, stride) },
    { ...part, body: withoutUnused(begun(all, body)) },
  ];
};

/** The sums once more, without the terms that are outside of the guard. */
const exactSums = (all: Padded, part: For, stride: Local): readonly Stmt[] => {
  const { contraction, rows, count } = all;
  const { names, summed } = contraction;
  const first = newLocal(names, "int", `${rows.local.name}First`);
  return inSteps(all, rows, first, ROWS, (start) => {
    const at = newLocal(names, "int", `${rows.local.name}At`);
    const body = sumsOnly(all, { ...part, mode: "serial" }, at, stride).map((stmt) =>
      stmt.kind === "for" ? { ...stmt, body: stmt.body.filter((each) => !isCount(each, count)) } : stmt,
    );
    return [
      { kind: "let", local: at, value: placeOfRows(summed, start, use(first)) },
      { ...rows, from: use(first), to: add(use(first), int(ROWS)), body: withGuards(all, body) },
    ];
  });
};

const isCount = (stmt: Stmt, count: Local): boolean => stmt.kind === "accumulate" && stmt.local === count;

const withGuards = (all: Padded, body: readonly Stmt[]): readonly Stmt[] =>
  body.map((stmt): Stmt => {
    if (stmt.kind === "for") return { ...stmt, body: withGuards(all, stmt.body) };
    if (stmt.kind !== "accumulate") return stmt;
    const column = partsOf(stmt.value, () => true).find(
      (part) => part.kind === "load" && part.buffer === all.factors.columns.buffer,
    );
    if (column?.kind !== "load") return stmt;
    const isZero = compare("==", column, ZERO);
    const isMarked = compare("==", load(all.marked, column.offset), constant("float", 1));
    const zero = constant(stmt.value.type, 0);
    return { ...stmt, value: select(and(isZero, isMarked), zero, stmt.value) };
  });

/** What is done with the sums of a block of columns. */
const placeSums = (all: Padded, part: For, stride: Local): readonly Stmt[] => {
  const { contraction, factors, rows, lanes, sum, sums, count } = all;
  const row = newLocal(contraction.names, "int", "row");
  const own: Stmt = { kind: "let", local: sum, value: load(sums, add(use(row), use(part.local))) };
  const body = begun(all, lanes.body).flatMap((stmt): readonly Stmt[] => {
    if ((stmt.kind === "init" && stmt.local === sum) || isCount(stmt, count)) return [];
    return stmt === factors.sum.nest ? [own] : [stmt];
  });
  const columns: For = { ...part, to: min(part.to, lanes.to), mode: "serial", body };
  const at: Stmt = { kind: "let", local: row, value: rowOfSums(all, part, stride) };
  return [{ ...rows, body: withoutUnused([...rows.body.slice(0, -1), at, columns]) }];
};
