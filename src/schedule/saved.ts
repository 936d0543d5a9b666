/**
 * The states that are saved between the segments of a recurrence. In: what is saved, and the segment that a loop is at; out:
 * buffers, and the loops that copy to and from them. Ends: there is one loop for each dimension.
 */
import { affine, type Affine, type Arena, type Direction, type Tensor } from "../ir/index.ts";
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { add, binary, int, load, min, mul, sub, use } from "./build.ts";
import { extentExpr } from "./integer.ts";
import { newLocal, type Block, type Names } from "./scope.ts";
import type { Loop, Place, Schedule, Segments } from "./tree.ts";

/** With a buffer [segment, place before it, …] for each tensor that is saved. */
export interface Segmented extends Segments {
  readonly copies: ReadonlyMap<Tensor, Copy>;
}

interface Copy {
  readonly buffer: Buffer;
  readonly places: number;
  /** Elements before and after the axis of the recurrence, which has `size`. */
  readonly outer: Expr;
  readonly inner: Expr;
  readonly size: Expr;
}

/** By their loops; the buffers go to the others. */
export const segmented = (
  names: Names,
  ir: Arena,
  { segments, places }: Schedule,
  buffers: Buffer[],
): ReadonlyMap<Loop, Segmented> => {
  const found = new Map<Loop, Segmented>();
  for (const each of segments) {
    const copies = new Map<Tensor, Copy>();
    for (const [tensor, count] of each.saved) {
      const copy = copyOf(names, ir, each, tensor, places.get(tensor), count);
      if (copy === undefined) continue;
      copies.set(tensor, copy);
      buffers.push(copy.buffer);
    }
    found.set(each.forward, { ...each, copies }).set(each.backward, { ...each, copies });
  }
  return found;
};

const copyOf = (
  names: Names,
  ir: Arena,
  { count }: Segments,
  tensor: Tensor,
  place: Place | undefined,
  places: number,
): Copy | undefined => {
  // what is kept as a whole is there
  if (place?.kind !== "buffer" || place.ring === undefined) return undefined;
  const { axes, ring } = place;
  const product = (kept: readonly number[]): Affine =>
    kept.reduce((total, axis) => affine.times(ir, total, tensor.shape[axis] ?? total), affine.fixed(ir, 1));
  const at = axes.indexOf(ring.axis);
  const [outer, inner] = [product(axes.slice(0, at)), product(axes.slice(at + 1))];
  const shape = [count, affine.fixed(ir, places), outer, inner].map(extentExpr);
  const name = names.fresh(`${tensor.name.replaceAll(/\W/g, "_")}Saved`);
  return {
    buffer: { name, role: "temp", type: tensor.dtype, shape },
    places,
    outer: extentExpr(outer),
    inner: extentExpr(inner),
    size: extentExpr(ring.size),
  };
};

/** Where a segment is. */
export interface Places {
  readonly order: Direction;
  /** Which one it is, in the order of its indices. */
  readonly segment: Expr;
  readonly from: Expr;
  readonly to: Expr;
}

interface Whole {
  readonly order: Direction;
  readonly count: Expr;
  readonly length: Expr;
  readonly extent: Expr;
}

/** Of the k-th segment in the order of a loop. */
export const placesOf = (
  names: Names,
  block: Block,
  k: Expr,
  { order, count, length, extent }: Whole,
): Places => {
  const bound = (wanted: string, value: Expr): Expr => {
    const local = newLocal(names, "int", wanted);
    block.stmts.push({ kind: "let", local, value });
    return use(local);
  };
  const segment = order === "ascending" ? k : bound("segment", sub(sub(count, int(1)), k));
  const from = bound("segmentFrom", mul(segment, length));
  return { order, segment, from, to: bound("segmentTo", min(add(from, length), extent)) };
};

export type Way = "save" | "restore";

/**
 * `save` at the end of a segment in the order of its loop: the latest places. `restore` what was saved at the end of the
 * segment before it, which in the order of the way back is the next one.
 */
export const copySaved = (
  names: Names,
  storage: { readonly buffer: (tensor: Tensor) => Buffer },
  { copies }: Segmented,
  { order, segment, from, to }: Places,
  way: Way,
): readonly Stmt[] =>
  [...copies].flatMap(([tensor, copy]) =>
    Array.from({ length: copy.places }, (_, row): Stmt => {
      const { place, slot } = EDGES[way][order]({ segment, from, to }, row);
      return rowCopy(names, storage.buffer(tensor), copy, { place, row, slot, way });
    }),
  );

type Edge = (at: Omit<Places, "order">, row: number) => { readonly place: Expr; readonly slot: Expr };

/** By the order of the loop in which it happens: a segment that is saved upwards is restored downwards. */
const EDGES: { readonly [K in Way]: { readonly [D in Direction]: Edge } } = {
  save: {
    ascending: ({ segment, to }, row) => ({ place: sub(to, int(row + 1)), slot: segment }),
    descending: ({ segment, from }, row) => ({ place: add(from, int(row)), slot: segment }),
  },
  restore: {
    ascending: ({ segment, to }, row) => ({ place: add(to, int(row)), slot: add(segment, int(1)) }),
    descending: ({ segment, from }, row) => ({ place: sub(from, int(row + 1)), slot: sub(segment, int(1)) }),
  },
};

interface Row {
  readonly place: Expr;
  readonly row: number;
  /** Of the segment that is saved. */
  readonly slot: Expr;
  readonly way: Way;
}

const rowCopy = (names: Names, states: Buffer, copy: Copy, { place, row, slot, way }: Row): Stmt => {
  const { buffer, places, outer, inner, size } = copy;
  const [o, i] = [newLocal(names, "int", "outer"), newLocal(names, "int", "inner")];
  const position = binary("mod", place, size);
  const saved = add(mul(add(mul(add(mul(slot, int(places)), int(row)), outer), use(o)), inner), use(i));
  const current = add(mul(add(mul(use(o), size), position), inner), use(i));
  const stmt: Stmt =
    way === "save"
      ? { kind: "store", buffer, offset: saved, value: load(states, current) }
      : { kind: "store", buffer: states, offset: current, value: load(buffer, saved) };
  return loop(o, outer, "serial", [loop(i, inner, "vector", [stmt])]);
};

const loop = (local: Local, to: Expr, mode: "serial" | "vector", body: readonly Stmt[]): Stmt => ({
  kind: "for",
  local,
  from: int(0),
  to,
  step: 1,
  mode,
  body,
});
