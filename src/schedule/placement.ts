/**
 * Which loops of the tree a plan goes into. In: a plan, and the tree so far; out: the loops that it shares, and the indices that are
 * left. Ends because the loops of the last few plans are tried.
 */
import {
  affine,
  distanceAlong,
  range,
  reductionDtype,
  type Affine,
  type Arena,
  type Half,
  type Index,
  type Tensor,
} from "../ir/index.ts";
import { narrowable } from "./bounds.ts";
import type { Binding, Item, Location, Loop, Plan, Role, TensorRead, Tile } from "./tree.ts";

export interface Fusion {
  readonly ir: Arena;
  readonly items: Item[];
  readonly locations: Map<Tensor, Location>;
  /** The plans that define or read a tensor, latest last. */
  readonly users: Map<Tensor, Location[]>;
  /** Which item of its block a loop is. */
  readonly position: Map<Loop, number>;
  /** Plans that need nothing that is placed: put where their first reader goes. */
  readonly waiting: Map<Tensor, Plan>;
  /** The place of a plan in the program. */
  readonly order: ReadonlyMap<Plan, number>;
  readonly parts: Tensor[];
  /** Single values that need no loop. */
  readonly first: Item[];
  /** Long sums are taken in blocks. */
  readonly blocked: boolean;
  ids: number;
}

/** How much of the plan is placed: in these existing loops, over these indices. */
export interface Placement {
  readonly path: readonly Loop[];
  readonly binding: ReadonlyMap<Index, Loop>;
  readonly rest: readonly (readonly Index[])[];
}

/** Earlier plans whose loops are tried. */
export const MAX_TRIED = 12;

const START: ReadonlyMap<Index, Loop> = new Map();

export const startOf = (plan: Plan): Placement => ({ path: [], binding: START, rest: plan.phases });

/** Made by loops, or after them. */
export const isInTree = (fusion: Fusion, tensor: Tensor): boolean =>
  (fusion.locations.get(tensor)?.positions[0] ?? FIRST) !== FIRST;

/** The position of what comes before all loops. */
export const FIRST = -1;

export const bestInside = (fusion: Fusion, plan: Plan, loop: Loop): Placement => {
  const [[index] = [], ...rest] = plan.phases;
  const start: Placement = { path: [loop], binding: new Map(index && [[index, loop]]), rest };
  const narrowed = narrowable(fusion.ir, plan);
  let best = start;
  for (const candidate of candidates(fusion, plan)) {
    if (candidate.path[0] !== loop) continue;
    const found = follow(fusion, plan, narrowed, candidate.path.slice(1), start);
    if (isBetter(found, best) && !isArrayTooLarge(plan, found.binding)) best = found;
  }
  return best;
};

/** The waiting plans that this one needs, in order. */
export const waitingFor = (fusion: Fusion, plan: Plan): readonly Plan[] => {
  const found = new Set([plan]);
  for (const each of found) {
    for (const { tensor } of each.reads) {
      const waiting = fusion.waiting.get(tensor);
      if (waiting !== undefined) found.add(waiting);
    }
  }
  found.delete(plan);
  return [...found].sort((p, q) => (fusion.order.get(p) ?? 0) - (fusion.order.get(q) ?? 0));
};

export const bestPlacement = (fusion: Fusion, plan: Plan): Placement => {
  const start = startOf(plan);
  if (plan.form === "scatter") return start;
  const narrowed = narrowable(fusion.ir, plan);
  let best = start;
  for (const candidate of candidates(fusion, plan)) {
    const found = along(fusion, plan, narrowed, candidate.path);
    if (isBetter(found, best) && isWorthwhile(fusion, plan, found)) best = found;
  }
  return best;
};

export const isBetter = (a: Placement, b: Placement): boolean => a.path.length > b.path.length;

/** Plans with loops that this one might run in: of the tensors that it reads, latest first. */
const candidates = (fusion: Fusion, plan: Plan): readonly Location[] => {
  const found = new Set<Location>();
  for (const { tensor } of plan.reads) {
    const users = fusion.users.get(tensor) ?? [];
    for (const user of users.slice(-MAX_TRIED)) found.add(user);
  }
  return [...found].reverse().slice(0, MAX_TRIED);
};

/** The loops of a tile are shared by what is computed for each element of it, and by nothing else. */
export const along = (
  fusion: Fusion,
  plan: Plan,
  narrowed: ReadonlySet<Index>,
  loops: readonly Loop[],
): Placement => {
  const found = follow(fusion, plan, narrowed, loops);
  const tiled = found.path.findIndex((loop) => loop.role !== undefined);
  const isElementwise = plan.form === "pointwise" && found.rest.length === 0;
  const isInnermost = found.path.filter((loop) => loop.role !== undefined).length === 2;
  if (tiled < 0 || (isElementwise && isInnermost)) return found;
  return follow(fusion, plan, narrowed, loops.slice(0, tiled));
};

/** As many of the loops as the plan can run in, outermost first. */
const follow = (
  fusion: Fusion,
  plan: Plan,
  narrowed: ReadonlySet<Index>,
  loops: readonly Loop[],
  start = startOf(plan),
): Placement => {
  let placement = start;
  for (const loop of loops) {
    const next = enter(fusion, plan, narrowed, placement, loop);
    if (next === undefined) break;
    placement = next;
  }
  return placement;
};

const enter = (
  fusion: Fusion,
  plan: Plan,
  narrowed: ReadonlySet<Index>,
  placement: Placement,
  loop: Loop,
): Placement | undefined => {
  const [phase = [], ...later] = placement.rest;
  const { path } = placement;
  const reads = plan.reads.filter((read) => !isEarlier(fusion, placement.binding, read));
  const isBounded = loop.bounds !== undefined && loop.triangle === undefined;
  if (isBounded || !isOpen(fusion, plan, reads, path, loop)) return undefined;
  if (loop.order === "descending" && isFirstOf(plan)) return undefined;
  for (const index of phase) {
    if (isOfTile(plan, index)) continue;
    if (index.extent !== loop.extent || narrowed.has(index)) continue;
    if (!readsExactly(fusion, reads, loop, index) || !runsOverHalf(fusion, plan, placement, index, loop))
      continue;
    const others = phase.filter((each) => each !== index);
    const rest = others.length === 0 ? later : [others, ...later];
    const binding = new Map([...placement.binding, [index, loop] as const]);
    return { path: [...path, loop], binding, rest };
  }
  return undefined;
};

/** What only one half is needed of goes into loops over that half, and into loops over all only for what is made there. */
const runsOverHalf = (
  fusion: Fusion,
  plan: Plan,
  { binding }: Placement,
  index: Index,
  loop: Loop,
): boolean => {
  const side = sideOf(plan, index);
  const partner = side && partnerOf(plan, side);
  const around = partner && binding.get(partner);
  if (loop.triangle !== undefined) {
    const { side: own, outer } = loop.triangle;
    return own === side && (outer === undefined || outer === around);
  }
  if (around === undefined) return true;
  return plan.reads.some(({ tensor }) => fusion.locations.get(tensor)?.path.includes(loop));
};

const OTHER: { readonly [K in keyof Half]: keyof Half } = { row: "column", column: "row" };

const indexOf = ({ definition, half }: Plan, side: keyof Half): Index | undefined =>
  half && definition.indices[half[side]];

/** Which of the two indices of its half an index is. */
export const sideOf = (plan: Plan, index: Index): keyof Half | undefined =>
  (["row", "column"] as const).find((side) => indexOf(plan, side) === index);

export const partnerOf = (plan: Plan, side: keyof Half): Index | undefined => indexOf(plan, OTHER[side]);

const isOfTile = ({ tile, definition }: Plan, index: Index): boolean =>
  tile !== undefined && (roleOf(tile, index) !== undefined || !definition.indices.includes(index));

export const roleOf = (tile: Tile | undefined, index: Index): Role | undefined => {
  if (tile === undefined) return undefined;
  if (index === tile.rows) return "rows";
  if (tile.kind === "dots") return index === tile.columns ? "columns" : undefined;
  return index === tile.lanes ? "lanes" : undefined;
};

/** The first of several is looked for: loops run upwards. */
const isFirstOf = ({ definition: { reduction } }: Plan): boolean =>
  reduction !== undefined && reductionDtype(reduction.op) === "int";

/** What an earlier iteration of a recurrence made is complete in any loop of this one. */
const isEarlier = (fusion: Fusion, binding: Binding, read: TensorRead): boolean => {
  const made = fusion.locations.get(read.tensor);
  return (
    made !== undefined &&
    [...binding].some(
      ([index, loop]) => made.path.includes(loop) && isBefore(fusion, made, read, loop, index),
    )
  );
};

const isBefore = ({ ir }: Fusion, made: Location, { at }: TensorRead, loop: Loop, index: Index): boolean => {
  const position = at[axisAlong(made, loop)];
  const proof = (a: Affine): boolean => range.provablyNonNegative(ir, a);
  if (loop.order === undefined || position === undefined) return false;
  return distanceAlong(position, index, loop.order, proof) === "before";
};

/** Of the elements that are made in a loop. */
const axisAlong = ({ plan: { definition }, binding }: Location, loop: Loop): number =>
  definition.indices.findIndex((index) => binding.get(index) === loop);

/** All that the plan reads is complete before this loop starts, or made in it. */
const isOpen = (
  fusion: Fusion,
  plan: Plan,
  reads: readonly TensorRead[],
  path: readonly Loop[],
  loop: Loop,
): boolean => {
  const position = fusion.position.get(loop) ?? 0;
  return reads.every(({ tensor }) => {
    const made = fusion.locations.get(tensor);
    if (made === undefined || made.plan === plan) return true;
    if (!path.every((each, depth) => made.path[depth] === each)) return true;
    return (made.positions[path.length] ?? 0) < position || made.path[path.length] === loop;
  });
};

/** What is made in this loop is read at this very iteration or an earlier one, and complete there. */
const readsExactly = (fusion: Fusion, reads: readonly TensorRead[], loop: Loop, index: Index): boolean =>
  reads.every((read) => {
    const made = fusion.locations.get(read.tensor);
    if (made === undefined || !made.path.includes(loop)) return true;
    if (made.plan.form === "scatter") return false;
    const position = read.at[axisAlong(made, loop)];
    if (position === undefined) return false;
    return affine.plainIndex(position) === index || isBefore(fusion, made, read, loop, index);
  });

/**
 * Loops are shared to use what is made in them while it is at hand, or because all loops are the same ones; a leaf loop
 * is not given inner loops for less.
 */
const isWorthwhile = (fusion: Fusion, plan: Plan, { path, rest, binding }: Placement): boolean => {
  const [outermost] = path;
  if (outermost === undefined) return false;
  if (isArrayTooLarge(plan, binding)) return false;
  const depends = plan.reads.some(({ tensor }) => fusion.locations.get(tensor)?.path[0] === outermost);
  return depends || rest.length === 0;
};

/** A reduction loop outside of more than one output loop would walk over the whole result each time. */
export const isArrayTooLarge = (plan: Plan, binding: ReadonlyMap<Index, Loop>): boolean => {
  if (plan.form !== "array") return false;
  const outside =
    plan.definition.reduction?.indices.some((index) => index !== plan.follows && binding.has(index)) === true;
  return outside && plan.definition.indices.filter((index) => !binding.has(index)).length > 1;
};
