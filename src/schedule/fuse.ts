/**
 * Loop nests for definitions, those that can share their outer loops in one. In: plans in order; out: the schedule tree
 * and where each plan is in it. Ends: every plan is inserted once, at the end of a block.
 */
import {
  affine,
  build,
  define,
  type Arena,
  type AxisPair,
  type Half,
  type Index,
  type Symmetric,
  type Tensor,
} from "../ir/index.ts";
import { narrow, narrowable, type Narrowed, type Range } from "./bounds.ts";
import type { FloatType } from "../loop/types.ts";
import type { Along, Binding, Item, Location, Loop, Plan, Role } from "./tree.ts";
import {
  type Fusion,
  type Placement,
  MAX_TRIED,
  startOf,
  isInTree,
  FIRST,
  bestInside,
  waitingFor,
  bestPlacement,
  isBetter,
  along,
  sideOf,
  partnerOf,
  roleOf,
  isArrayTooLarge,
} from "./placement.ts";
import { newLoop, addSteps, wrap } from "./steps.ts";

export interface Fused {
  readonly items: readonly Item[];
  readonly locations: ReadonlyMap<Tensor, Location>;
  /** Rows that hold a part of long sums. */
  readonly parts: readonly Tensor[];
}

/** `symmetric`: of the results, those of which one half may be computed and then copied. */
export const fuse = (
  ir: Arena,
  plans: readonly Plan[],
  dtype: FloatType,
  symmetric: ReadonlyMap<Tensor, Symmetric>,
): Fused => {
  const fusion: Fusion = {
    ir,
    items: [],
    locations: new Map(),
    users: new Map(),
    position: new Map(),
    waiting: new Map(),
    first: [],
    order: new Map(plans.map((plan, k) => [plan, k])),
    parts: [],
    blocked: dtype === "f32",
    ids: 0,
  };
  for (const plan of plans) {
    if (plan.recurrence !== undefined) {
      // the members stand together, and go into their loop at the first
      const { members } = plan.recurrence.recurrence;
      if (members[0] !== plan.definition) continue;
      insertRecurrence(
        fusion,
        plans.filter((each) => members.includes(each.definition)),
        plan.recurrence,
      );
    } else if (isIndependent(fusion, plan)) fusion.waiting.set(plan.definition.tensor, plan);
    else insertWith(fusion, plan);
  }
  for (const plan of [...fusion.waiting.values()]) insertWith(fusion, plan);
  for (const plan of plans) {
    const pairs = symmetric.get(plan.definition.tensor);
    if (plan.half !== undefined && pairs !== undefined)
      fusion.items.push(...mirrored(fusion, plan, plan.half, pairs));
  }
  return { items: [...fusion.first, ...fusion.items], locations: fusion.locations, parts: fusion.parts };
};

/** Nothing of what it reads is in the tree, nor has the tree all its loops. */
const isIndependent = (fusion: Fusion, plan: Plan): boolean =>
  fusion.items.length > 0 &&
  plan.phases.length > 0 &&
  !plan.reads.some(({ tensor }) => isInTree(fusion, tensor)) &&
  (plan.reads.some(({ tensor }) => fusion.waiting.has(tensor)) ||
    bestPlacement(fusion, plan).path.length === 0);

/** The plan, after those it waits for: they go into the loops that it will be in, as far as they can. */
const insertWith = (fusion: Fusion, plan: Plan): void => {
  const needed = waitingFor(fusion, plan);
  const { path } = needed.length === 0 ? startOf(plan) : bestPlacement(fusion, plan);
  for (const each of needed) {
    fusion.waiting.delete(each.definition.tensor);
    const own = bestPlacement(fusion, each);
    const shared = along(fusion, each, narrowable(fusion.ir, each), path);
    const allowed = each.form !== "scatter" && !isArrayTooLarge(each, shared.binding);
    insert(fusion, each, allowed && isBetter(shared, own) ? shared : own);
  }
  fusion.waiting.delete(plan.definition.tensor);
  insert(fusion, plan, bestPlacement(fusion, plan));
};

/** One loop over the places of the recurrence, and all members in it, after what they wait for. */
const insertRecurrence = (fusion: Fusion, plans: readonly Plan[], along: Along): void => {
  for (const plan of plans) {
    for (const each of waitingFor(fusion, plan)) {
      fusion.waiting.delete(each.definition.tensor);
      insert(fusion, each, bestPlacement(fusion, each));
    }
  }
  const [first] = plans;
  if (first === undefined) return;
  const loop = newLoop(fusion, first, along.index, undefined, { order: along.recurrence.direction });
  fusion.position.set(loop, fusion.items.length);
  fusion.items.push(loop);
  for (const plan of plans) insert(fusion, plan, bestInside(fusion, plan, loop));
};

const insert = (fusion: Fusion, plan: Plan, placement: Placement): void => {
  const { definition } = plan;
  const binding = new Map(placement.binding);
  const path = [...placement.path];
  const own = placement.rest.flat();
  const narrowed = narrow(fusion.ir, plan, [...binding.keys(), ...own], own.length);
  const positions = path.map((loop) => fusion.position.get(loop) ?? 0);
  for (const index of own) {
    const block = path.at(-1)?.body ?? fusion.items;
    const role = roleOf(plan.tile, index);
    const triangle = triangleOf(plan, index, binding, role);
    const bounds = boundsOf(
      narrowed,
      index,
      new Map(binding),
      role === undefined ? halfOf(fusion, plan, triangle) : undefined,
    );
    const loop = newLoop(fusion, plan, index, bounds, { role, triangle });
    binding.set(index, loop);
    fusion.position.set(loop, block.length);
    positions.push(block.length);
    block.push(loop);
    path.push(loop);
  }
  const isFirst = path.length === 0 && !plan.reads.some(({ tensor }) => isInTree(fusion, tensor));
  const block = path.at(-1)?.body ?? (isFirst ? fusion.first : fusion.items);
  addSteps(fusion, { plan, path, positions, binding }, narrowed.body, block);
  positions.push(isFirst ? FIRST : block.length - 1);
  const location: Location = { plan, path, positions, binding };
  fusion.locations.set(definition.tensor, location);
  for (const tensor of new Set([definition.tensor, ...plan.reads.map((read) => read.tensor)])) {
    fusion.users.set(tensor, [...(fusion.users.get(tensor) ?? []), location].slice(-MAX_TRIED));
  }
};

const boundsOf = (
  narrowed: Narrowed,
  index: Index,
  binding: Binding,
  half: Range | undefined,
): Loop["bounds"] => {
  const ranges = [narrowed.ranges.get(index), half].filter((range) => range !== undefined);
  const tests = narrowed.tests.get(index) ?? [];
  if (ranges.length === 0 && tests.length === 0) return undefined;
  return {
    lower: ranges.flatMap(({ lower }) => lower),
    upper: ranges.flatMap(({ upper }) => upper),
    tests,
    binding,
  };
};

/** Both loops of a tile, whose blocks end at the diagonal; else the inner one, which ends or begins there. */
const triangleOf = (plan: Plan, index: Index, binding: Binding, role: Role | undefined): Loop["triangle"] => {
  const side = sideOf(plan, index);
  const partner = side && partnerOf(plan, side);
  if (side === undefined || partner === undefined) return undefined;
  const outer = binding.get(partner);
  const isTile = role !== undefined && roleOf(plan.tile, partner) !== undefined;
  return outer !== undefined || isTile ? { side, outer } : undefined;
};

/** row ≤ column, for the one in terms of the other. */
const halfOf = ({ ir }: Fusion, plan: Plan, triangle: Loop["triangle"]): Range | undefined => {
  const partner = triangle && partnerOf(plan, triangle.side);
  if (triangle === undefined || partner === undefined) return undefined;
  const other = affine.ofIndex(ir, partner);
  return triangle.side === "column"
    ? { lower: [other], upper: [] }
    : { lower: [], upper: [affine.plus(ir, other, affine.fixed(ir, 1))] };
};

/** The elements of the other half, after all else: copies of those that they equal. */
const mirrored = (fusion: Fusion, plan: Plan, half: Half, pairs: readonly AxisPair[]): readonly Item[] => {
  const { ir } = fusion;
  const { tensor, indices, labels } = plan.definition;
  const swapped = indices.map((index, axis) => {
    const pair = pairs.find(({ row, column }) => row === axis || column === axis);
    const other = pair === undefined ? axis : pair.row === axis ? pair.column : pair.row;
    return affine.ofIndex(ir, indices[other] ?? index);
  });
  const body = build.read(ir, tensor, swapped);
  const definition = define(ir, { tensor, indices, body, labels: labels.slice(0, indices.length) });
  const copy: Plan = { ...plan, definition, form: "pointwise", half: undefined, tile: undefined, reads: [] };
  const [row, column] = [indices[half.row], indices[half.column]];
  const order = [...indices.filter((index) => index !== column), ...(column === undefined ? [] : [column])];
  const binding = new Map<Index, Loop>();
  const loops = order.map((index) => {
    const upper = index === column && row !== undefined ? [affine.ofIndex(ir, row)] : [];
    const bounds =
      upper.length === 0 ? undefined : { lower: [], upper, tests: [], binding: new Map(binding) };
    // what is copied is of the same tensor: one after the other
    const loop = newLoop(fusion, copy, index, bounds, { order: "ascending" });
    binding.set(index, loop);
    return loop;
  });
  const element = indices.map((index) => affine.ofIndex(ir, index));
  return wrap(loops, [{ kind: "compute", plan: copy, binding, tensor, element, body }]);
};
