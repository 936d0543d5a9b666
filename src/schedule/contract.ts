/**
 * Temporaries no larger than they have to be. In: where plans are in the tree; out: where each tensor lives. An axis that
 * runs along a loop around the definition and all its readers needs no storage; of the states of a recurrence only as many
 * are kept as are read. Ends: every axis is looked at once.
 */
import { affine, type Affine, type Arena, type Definition, type Tensor } from "../ir/index.ts";
import type { Element, Location, Loop, Place, Ring, Segments } from "./tree.ts";

export const contract = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  locations: ReadonlyMap<Tensor, Location>,
  elements: ReadonlyMap<Tensor, Element>,
  segments: readonly Segments[],
): ReadonlyMap<Tensor, Place> => {
  const around = loopsAroundReaders(locations);
  const readers = readersOf(locations);
  const rings = new Map(segments.flatMap((each) => [...each.rings]));
  return new Map(
    definitions.map(({ tensor }): [Tensor, Place] => {
      const element = elements.get(tensor);
      if (element !== undefined) return [tensor, { kind: "element", element }];
      const all = [...tensor.shape.keys()];
      const location = locations.get(tensor);
      if (outputs.has(tensor) || location === undefined || isWhole(location)) {
        return [tensor, { kind: "buffer", axes: all, ring: undefined, along: [] }];
      }
      const shared = new Set(around.get(tensor));
      const along = all.map((axis) => loopAlong(location, axis, shared));
      const axes = all.filter((axis) => along[axis] === undefined);
      const scalar = axes.length === 0 && location.plan.form !== "array";
      if (scalar) return [tensor, { kind: "scalar" }];
      const isNeeded = segments.some(({ whole }) => whole.has(tensor));
      const ring = isNeeded
        ? undefined
        : (rings.get(tensor) ?? ringOf(ir, location, axes, readers.get(tensor) ?? []));
      return [tensor, { kind: "buffer", axes, ring, along: along.flatMap((loop) => loop ?? []) }];
    }),
  );
};

/** Scattered to: all of it is needed at once. */
const isWhole = ({ plan }: Location): boolean => plan.form === "scatter";

/** The loop along an axis, where it is one of these. */
const loopAlong = (
  { plan, binding }: Location,
  axis: number,
  shared: ReadonlySet<Loop>,
): Loop | undefined => {
  const index = plan.definition.indices[axis];
  const loop = index && binding.get(index);
  return loop !== undefined && shared.has(loop) ? loop : undefined;
};

/** For each tensor the outer loops that its definition and all its readers are in, each reading what the same iteration made. */
const loopsAroundReaders = (
  locations: ReadonlyMap<Tensor, Location>,
): ReadonlyMap<Tensor, readonly Loop[]> => {
  const around = new Map<Tensor, readonly Loop[]>();
  for (const { plan, path, binding } of locations.values()) {
    for (const { tensor, at } of plan.reads) {
      const made = locations.get(tensor);
      const known = around.get(tensor) ?? made?.path ?? [];
      const end = known.findIndex((loop, depth) => {
        if (path[depth] !== loop) return true;
        const axis =
          made?.plan.definition.indices.findIndex((index) => made.binding.get(index) === loop) ?? -1;
        const position = at[axis];
        const index = position && affine.plainIndex(position);
        // a recurrence reads what an earlier iteration made
        return loop.order !== undefined && axis >= 0 && (index === undefined || binding.get(index) !== loop);
      });
      around.set(tensor, end < 0 ? known : known.slice(0, end));
    }
  }
  return around;
};

// ---- the latest states of a recurrence

/** A read of a tensor, and what reads it. */
export interface Reader {
  readonly at: readonly Affine[];
  readonly location: Location;
}

export const readersOf = (
  locations: ReadonlyMap<Tensor, Location>,
): ReadonlyMap<Tensor, readonly Reader[]> => {
  const readers = new Map<Tensor, Reader[]>();
  for (const location of locations.values())
    for (const { tensor, at } of location.plan.reads) {
      const known = readers.get(tensor);
      if (known === undefined) readers.set(tensor, [{ at, location }]);
      else known.push({ at, location });
    }
  return readers;
};

/** Along the loop of its recurrence, if every reader looks back a certain number of places, or at the last ones. */
const ringOf = (
  ir: Arena,
  { plan, path, binding }: Location,
  axes: readonly number[],
  readers: readonly Reader[],
): Ring | undefined => {
  const { indices } = plan.definition;
  const [loop] = path;
  const axis = axes.find((each) => loop !== undefined && binding.get(indices[each] ?? never()) === loop);
  if (loop?.order === undefined || axis === undefined) return undefined;
  let furthest = 0;
  for (const reader of readers) {
    const back = distanceBack(ir, reader, axis, loop, loop);
    if (back === undefined || back < 0) return undefined;
    furthest = Math.max(furthest, back);
  }
  // the remainder of a division by a power of two is one operation
  const size = 2 ** Math.ceil(Math.log2(furthest + 1));
  const extent = affine.asConstant(loop.extent);
  return extent !== undefined && extent <= size ? undefined : { axis, size: affine.fixed(ir, size) };
};

/**
 * How many places before that of the reader an element was made in a loop, or before the last one for a reader that is not
 * in `around`: a number, below 0 for later ones.
 */
export const distanceBack = (
  ir: Arena,
  { at, location }: Reader,
  axis: number,
  loop: Loop,
  around: Loop,
): number | undefined => {
  const position = at[axis];
  if (position === undefined) return undefined;
  const index = [...location.binding].find(([, each]) => each === around)?.[0];
  const here = index === undefined ? lastOf(ir, loop) : affine.ofIndex(ir, index);
  const distance = affine.asConstant(affine.minus(ir, here, position));
  return distance === undefined || loop.order === "ascending" ? distance : -distance;
};

const lastOf = (ir: Arena, { extent, order }: Loop): Affine =>
  order === "ascending" ? affine.plus(ir, extent, affine.fixed(ir, -1)) : affine.fixed(ir, 0);

const never = (): never => {
  throw new Error("an axis has no index");
};
