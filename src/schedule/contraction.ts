/**
 * The loops of a contraction. In: a loop over rows with what is inside; out: the same in blocks. Ends because statements are
 * finite.
 */
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { int, max, min, add, use } from "./build.ts";
import { extentExpr, integer } from "./integer.ts";
import { blocked } from "./block.ts";
import { jam, type For } from "./jam.ts";
import { ROWS, type Contraction, type Needed } from "./panel.ts";
import { chainOf, newLocal, type Block } from "./scope.ts";
import type { Loop, Step } from "./tree.ts";
import { type Emission, siteOf } from "./emission.ts";
import { CHUNK } from "./accumulate.ts";
import { allOf } from "./walks.ts";

/** Of dot products that are computed at once. */
const COLUMNS = 2;

/** What the schedule knows of the loops of a contraction. */
export const contractionOf = (emission: Emission, block: Block, rows: Loop): Contraction => {
  const { names, dtype } = emission.values;
  const lanes = rows.body.find((item) => item.kind === "loop");
  const loops = lanes === undefined ? [] : loopsIn(lanes);
  const site = siteOf(emission, block, new Map());
  const isAlongSum = stepsIn(loops.at(-1)).every(
    ({ plan: { tile } }) => tile?.kind === "lanes" && tile.along !== undefined,
  );
  const summed = loops.map(({ extent, id }) => ({
    local: emission.counters.get(id) ?? never(),
    extent: integer(site, extent).expr,
    size: extentExpr(extent),
  }));
  return {
    names,
    width: dtype === "f32" ? 8 : 4,
    summed,
    span: loops.every((loop) => loop.bounds === undefined) ? "whole" : "bounded",
    alongSum: isAlongSum,
    chunk: CHUNK,
    half: neededOf(emission, rows, lanes),
    count: emission.terms.kind === "panel" ? emission.terms.count : undefined,
    rows: extentExpr(rows.extent),
    outside: (locals, sources) => {
      const chain = chainOf(block);
      const levels = [...locals].map((local) => chain.findIndex((each) => declares(emission, each, local)));
      const stored = sources.map((source) => chain.findLastIndex(({ stmts }) => storesTo(stmts, source)));
      const isKnown = sources.every(({ role }, k) => role === "input" || stored[k] !== -1);
      const level = Math.max(0, ...levels, ...stored);
      return !isKnown || levels.includes(-1) || level >= block.depth ? undefined : chain[level]?.stmts;
    },
    buffer: (name, shape) => {
      const made: Buffer = { name: names.fresh(name), role: "temp", type: "float", shape };
      emission.panels.push(made);
      return made;
    },
  };
};

const neededOf = (emission: Emission, rows: Loop, lanes: Loop | undefined): Needed | undefined => {
  const [own, inner] = [rows.triangle, lanes?.triangle];
  if (own !== undefined && inner?.outer === rows) return { of: "both", side: own.side };
  const other = outerOf(emission, own);
  if (own !== undefined && other !== undefined) return { of: "rows", side: own.side, other };
  const around = outerOf(emission, inner);
  return inner && around && { of: "lanes", side: inner.side, other: around };
};

/** The index of the loop around on the other side. */
const outerOf = (emission: Emission, triangle: Loop["triangle"]): Expr | undefined => {
  const outer = triangle?.outer && emission.open.get(triangle.outer);
  return outer && use(outer.local);
};

export const stepsIn = (loop: Loop | undefined): readonly Step[] =>
  (loop?.body ?? []).flatMap((item) => (item.kind === "loop" ? [] : [item]));

const storesTo = (stmts: readonly Stmt[], buffer: Buffer): boolean =>
  allOf(stmts).some(
    (stmt) => (stmt.kind === "store" || stmt.kind === "accumulateAt") && stmt.buffer === buffer,
  );

const declares = (emission: Emission, { stmts, loop }: Block, local: Local): boolean =>
  (loop !== undefined && emission.open.get(loop)?.local === local) ||
  stmts.some((stmt) => (stmt.kind === "let" || stmt.kind === "init") && stmt.local === local);

/** One in the other. */
export const loopsIn = (loop: Loop): readonly Loop[] => {
  const inner = loop.body.find((item) => item.kind === "loop");
  return inner === undefined ? [] : [inner, ...loopsIn(inner)];
};

export const tiled = (emission: Emission, block: Block, loop: Loop, made: For): readonly Stmt[] => {
  const { names } = emission.values;
  if (loop.role !== "rows") return [made];
  const columns = loop.body.find((item): item is Loop => item.kind === "loop" && item.role === "columns");
  if (columns === undefined) return blocked(contractionOf(emission, block, loop), made);
  const first = newLocal(names, "int", `${made.local.name}First`);
  const isBoth = columns.triangle?.outer === loop;
  const other = isBoth ? use(first) : outerOf(emission, columns.triangle);
  const needed = {
    ...inHalf(made, loop.triangle, outerOf(emission, loop.triangle), 1),
    body: made.body.map((stmt) =>
      stmt.kind === "for" && stmt.local === emission.counters.get(columns.id)
        ? inHalf(stmt, columns.triangle, other, isBoth ? ROWS : 1)
        : stmt,
    ),
  };
  const body = needed.body.flatMap((stmt) => (stmt.kind === "for" ? jam(names, stmt, COLUMNS) : [stmt]));
  const bound: Stmt = { kind: "let", local: first, value: use(made.local) };
  return jam(names, needed, ROWS, { ...needed, body }).map((stmt) =>
    stmt.kind === "for" && isBoth ? { ...stmt, body: [bound, ...stmt.body] } : stmt,
  );
};

/** The loop as far as the half goes that is needed for the indices from `other` on, which are `count`. */
const inHalf = (loop: For, triangle: Loop["triangle"], other: Expr | undefined, count: number): For => {
  if (triangle === undefined || other === undefined) return loop;
  return triangle.side === "column"
    ? { ...loop, from: max(loop.from, other) }
    : { ...loop, to: min(loop.to, add(other, int(count))) };
};

const never = (): never => {
  throw new Error("a loop of a contraction has no counter");
};
