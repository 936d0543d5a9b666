/**
 * Temporaries no larger than they have to be. In: where plans are in the tree; out: where each tensor lives. An axis that
 * runs along a loop around the definition and all its readers needs no storage. Ends: every axis is looked at once.
 */
import { affine, type Definition, type Tensor } from "../ir/index.ts";
import type { Element, Location, Loop, Place } from "./tree.ts";

export const contract = (
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  locations: ReadonlyMap<Tensor, Location>,
  elements: ReadonlyMap<Tensor, Element>,
): ReadonlyMap<Tensor, Place> => {
  const around = loopsAroundReaders(locations);
  return new Map(
    definitions.map(({ tensor }): [Tensor, Place] => {
      const element = elements.get(tensor);
      if (element !== undefined) return [tensor, { kind: "element", element }];
      const all = [...tensor.shape.keys()];
      const location = locations.get(tensor);
      if (outputs.has(tensor) || location === undefined || isWhole(location)) {
        return [tensor, { kind: "buffer", axes: all }];
      }
      const shared = new Set(around.get(tensor));
      const axes = all.filter((axis) => !runsAlong(location, axis, shared));
      const scalar = axes.length === 0 && location.plan.form !== "array";
      return [tensor, scalar ? { kind: "scalar" } : { kind: "buffer", axes }];
    }),
  );
};

/** Scattered to: all of it is needed at once. */
const isWhole = ({ plan }: Location): boolean => plan.form === "scatter";

const runsAlong = ({ plan, binding }: Location, axis: number, shared: ReadonlySet<Loop>): boolean => {
  const index = plan.definition.indices[axis];
  const loop = index && binding.get(index);
  return loop !== undefined && shared.has(loop);
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
