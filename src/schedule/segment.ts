/**
 * States again instead of all states. In: the schedule tree; out: pairs of a recurrence and one in the other direction that
 * reads its states, with what is kept of a segment and what is saved between segments (checkpoints: Griewank and Walther,
 * 2008, chapter 12). About √T segments of about √T places keep about 2·√T states of T. Ends: each pair of loops is looked at
 * once, and each tensor is needed once.
 */
import { affine, range, type Affine, type Arena, type Tensor } from "../ir/index.ts";
import { distanceBack, readersOf, type Reader } from "./contract.ts";
import type { Decision } from "./decision.ts";
import type { Item, Location, Loop, Ring, Segments } from "./tree.ts";

interface Search {
  readonly ir: Arena;
  readonly items: readonly Item[];
  readonly locations: ReadonlyMap<Tensor, Location>;
  readonly outputs: ReadonlySet<Tensor>;
  readonly readers: ReadonlyMap<Tensor, readonly Reader[]>;
}

export const segmentsOf = (
  ir: Arena,
  items: readonly Item[],
  locations: ReadonlyMap<Tensor, Location>,
  outputs: ReadonlySet<Tensor>,
): readonly Segments[] => {
  const search: Search = { ir, items, locations, outputs, readers: readersOf(locations) };
  const loops = items.filter((item): item is Loop => item.kind === "loop" && item.order !== undefined);
  const found: Segments[] = [];
  for (const [k, backward] of loops.entries())
    for (const forward of loops.slice(0, k).toReversed()) {
      const isTaken = found.some((each) => each.forward === forward || each.backward === backward);
      const pair = isTaken ? undefined : pairOf(search, forward, backward);
      if (pair !== undefined) found.push(pair);
    }
  return found;
};

/** How far readers look from where they are: elements made earlier and later. */
interface Reach {
  readonly axis: number;
  readonly behind: number;
  readonly ahead: number;
}

const pairOf = (search: Search, forward: Loop, backward: Loop): Segments | undefined => {
  const { ir, locations } = search;
  const { extent } = forward;
  if (forward.order === backward.order || extent !== backward.extent) return undefined;
  const length = lengthFor(ir, extent);
  // one segment is all of it
  if ((affine.asConstant(extent) ?? Infinity) <= 2 * (affine.asConstant(length) ?? 0)) return undefined;
  const again = new Map<Tensor, Reach>();
  const wanted = [...locations.values()].flatMap(({ path, plan }) =>
    path[0] === backward ? plan.reads.map(({ tensor }) => tensor) : [],
  );
  const direct = new Set(wanted);
  const whole = new Set<Tensor>();
  for (const tensor of new Set(wanted)) needed(search, { forward, backward }, tensor, { again, whole });
  const rings = new Map<Tensor, Ring>();
  for (const [tensor, { axis, behind, ahead }] of again) {
    const size = affine.plus(ir, length, affine.fixed(ir, behind + ahead));
    if (direct.has(tensor)) rings.set(tensor, { axis, size });
  }
  if (rings.size === 0) return undefined;
  const saved = new Map(
    [...again].flatMap(([tensor, { behind }]) => (behind > 0 ? [[tensor, behind] as const] : [])),
  );
  const last = affine.plus(ir, extent, length, affine.fixed(ir, -1));
  const count = range.division(ir).floordiv(last, length);
  return { forward, backward, length, count, again: new Set(again.keys()), whole, rings, saved };
};

type Pair = Pick<Segments, "forward" | "backward">;

interface Needed {
  readonly again: Map<Tensor, Reach>;
  readonly whole: Set<Tensor>;
}

/** The tensor, and what it is made from, as far as that can be made again. */
const needed = (search: Search, pair: Pair, tensor: Tensor, { again, whole }: Needed): void => {
  const open = [tensor];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const location = search.locations.get(next);
    if (again.has(next) || location?.path[0] !== pair.forward) continue;
    const reach = reachOf(search, pair, next, location);
    if (reach === undefined) whole.add(next);
    else {
      again.set(next, reach);
      open.push(...location.plan.reads.map((read) => read.tensor));
    }
  }
};

/** Of a tensor that the forward loop makes, if all its readers look a certain number of places from where they are. */
const reachOf = (
  { ir, items, outputs, readers }: Search,
  { forward, backward }: Pair,
  tensor: Tensor,
  location: Location,
): Reach | undefined => {
  if (outputs.has(tensor)) return undefined;
  const axis = location.plan.definition.indices.findIndex((index) => location.binding.get(index) === forward);
  if (axis < 0) return undefined;
  const end = items.indexOf(backward);
  const distances = (readers.get(tensor) ?? []).map((reader): number | undefined => {
    const [outermost] = reader.location.path;
    const isInside = outermost === forward || outermost === backward;
    // after the loop only its last places are there, until the way back begins
    if (!isInside && (reader.location.positions[0] ?? end) >= end) return undefined;
    return distanceBack(ir, reader, axis, forward, isInside ? outermost : forward);
  });
  const known = distances.filter((each) => each !== undefined);
  if (known.length < distances.length) return undefined;
  return { axis, behind: Math.max(0, ...known), ahead: Math.max(0, ...known.map((each) => -each)) };
};

/**
 * About √extent as whole numbers: one step of Newton's method from where √ is between a hundred and ten million,
 * x = 32 + T/1024, (x + T/x) / 2.
 */
const lengthFor = (ir: Arena, extent: Affine): Affine => {
  const { floordiv } = range.division(ir);
  const first = affine.plus(ir, affine.fixed(ir, 32), floordiv(extent, affine.fixed(ir, 1024)));
  return floordiv(affine.plus(ir, first, floordiv(extent, first)), affine.fixed(ir, 2));
};

export const segmentDecisions = (segments: readonly Segments[]): readonly Decision[] =>
  segments.flatMap(({ forward, rings, again, saved }) =>
    [...again].map((tensor) => {
      const kept = rings.has(tensor) ? `one segment along ${forward.label} is kept` : "used as it is made";
      const places = saved.get(tensor);
      const between = places === undefined ? "" : `, and ${places} places before each segment are saved`;
      return { subject: tensor.name, decision: "computed again on the way back", reason: kept + between };
    }),
  );
