/**
 * Loop nests for definitions, those that can share their outer loops in one. In: plans in order; out: the schedule tree
 * and where each plan is in it. Ends: every plan is inserted once, at the end of a block.
 */
import {
  affine, build, canonicalIndex, define, distanceAlong, loopIndices, range, reductionDtype, type Affine, type Arena, type AxisPair, type Half, type Index, type Node, type Symmetric, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { narrow, narrowable, type Narrowed, type Range } from "./bounds.ts";
import type { FloatType } from "../loop/types.ts";
import type { Along, Binding, Item, Location, Loop, Plan, Role, Step, TensorRead, Tile } from "./tree.ts";

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

interface Fusion {
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
interface Placement {
  readonly path: readonly Loop[];
  readonly binding: ReadonlyMap<Index, Loop>;
  readonly rest: readonly (readonly Index[])[];
}

// ---- finding loops to share

/** Earlier plans whose loops are tried. */
const MAX_TRIED = 12;

const START: ReadonlyMap<Index, Loop> = new Map();

const startOf = (plan: Plan): Placement => ({ path: [], binding: START, rest: plan.phases });

/** Nothing of what it reads is in the tree, nor has the tree all its loops. */
const isIndependent = (fusion: Fusion, plan: Plan): boolean =>
  fusion.items.length > 0 &&
  plan.phases.length > 0 &&
  !plan.reads.some(({ tensor }) => isInTree(fusion, tensor)) &&
  (plan.reads.some(({ tensor }) => fusion.waiting.has(tensor)) ||
    bestPlacement(fusion, plan).path.length === 0);

/** Made by loops, or after them. */
const isInTree = (fusion: Fusion, tensor: Tensor): boolean =>
  (fusion.locations.get(tensor)?.positions[0] ?? FIRST) !== FIRST;

/** The position of what comes before all loops. */
const FIRST = -1;

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

const bestInside = (fusion: Fusion, plan: Plan, loop: Loop): Placement => {
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
const waitingFor = (fusion: Fusion, plan: Plan): readonly Plan[] => {
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

const bestPlacement = (fusion: Fusion, plan: Plan): Placement => {
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

const isBetter = (a: Placement, b: Placement): boolean => a.path.length > b.path.length;

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
const along = (
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
const sideOf = (plan: Plan, index: Index): keyof Half | undefined =>
  (["row", "column"] as const).find((side) => indexOf(plan, side) === index);

const partnerOf = (plan: Plan, side: keyof Half): Index | undefined => indexOf(plan, OTHER[side]);

const isOfTile = ({ tile, definition }: Plan, index: Index): boolean =>
  tile !== undefined && (roleOf(tile, index) !== undefined || !definition.indices.includes(index));

const roleOf = (tile: Tile | undefined, index: Index): Role | undefined => {
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
const isArrayTooLarge = (plan: Plan, binding: ReadonlyMap<Index, Loop>): boolean => {
  if (plan.form !== "array") return false;
  const outside =
    plan.definition.reduction?.indices.some((index) => index !== plan.follows && binding.has(index)) === true;
  return outside && plan.definition.indices.filter((index) => !binding.has(index)).length > 1;
};

// ---- building

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

const newLoop = (
  fusion: Fusion,
  plan: Plan,
  index: Index,
  bounds: Loop["bounds"],
  { role, order, triangle }: Partial<Pick<Loop, "role" | "order" | "triangle">> = {},
): Loop => {
  const { definition } = plan;
  const label = definition.labels[loopIndices(definition).indexOf(index)] ?? index.name;
  return {
    kind: "loop",
    id: fusion.ids++,
    label,
    extent: index.extent,
    role,
    order,
    bounds,
    triangle,
    before: [],
    body: [],
    after: [],
    beforeBlock: [],
    afterBlock: [],
  };
};

const addSteps = (fusion: Fusion, { plan, path, binding }: Location, body: Node, block: Item[]): void => {
  const { ir } = fusion;
  const { definition, form } = plan;
  const element = definition.target ?? definition.indices.map((index) => affine.ofIndex(ir, index));
  const step = (kind: Step["kind"]): Step => ({
    kind,
    plan,
    binding,
    tensor: definition.tensor,
    element,
    body,
  });
  const reduced = definition.reduction?.indices ?? [];
  const outermost = path.find((loop) => reduced.some((index) => binding.get(index) === loop));
  switch (form) {
    case "pointwise":
      block.push(step("compute"));
      break;
    case "local":
      outermost?.before.push(step("begin"));
      block.push(step("accumulate"));
      outermost?.after.push(step("finish"));
      break;
    case "array":
      if (outermost !== undefined) addInPlace(fusion, { outermost, path, block }, step("add"));
      break;
    case "scatter":
      (path[0]?.before ?? block).push(...fillAll(fusion, plan, body));
      block.push(step("add"));
      break;
  }
};

interface Site {
  /** Of the reduction's loops. */
  readonly outermost: Loop;
  readonly path: readonly Loop[];
  readonly block: Item[];
}

const addInPlace = (fusion: Fusion, site: Site, add: Step): void => {
  const { outermost, path, block } = site;
  const inner = path.slice(path.indexOf(outermost));
  outermost.before.push(...overRow(fusion, { ...add, kind: "fill" }, inner));
  if (!fusion.blocked || !isLongColumnSum(add.plan, outermost, path)) {
    block.push(add);
    return;
  }
  const part = partOf(fusion, add, inner);
  block.push(part);
  outermost.beforeBlock.push(...overRow(fusion, { ...part, kind: "fill" }, inner));
  const body = build.read(fusion.ir, part.tensor, part.element);
  outermost.afterBlock.push(...overRow(fusion, { ...add, body }, inner));
};

/** Terms that an f32 sums up well enough. */
const FEW = 1024;

/** All of the result accumulates over a loop that may be long: its f32 sums are taken in blocks. */
const isLongColumnSum = ({ definition }: Plan, outermost: Loop, path: readonly Loop[]): boolean =>
  definition.reduction?.op === "sum" &&
  path[0] === outermost &&
  (affine.asConstant(outermost.extent) ?? Infinity) > FEW;

/** The same addition to a row of its own. */
const partOf = (fusion: Fusion, add: Step, inner: readonly Loop[]): Step => {
  const { tensor, indices } = add.plan.definition;
  const along = indices.filter((index) => inner.some((loop) => add.binding.get(index) === loop));
  const shape = along.map((index) => index.extent);
  const part = fusion.ir.tensor({ name: `${tensor.name}Part`, shape, dtype: tensor.dtype, role: "defined" });
  fusion.parts.push(part);
  return { ...add, tensor: part, element: along.map((index) => affine.ofIndex(fusion.ir, index)) };
};

/** The step for all elements whose loops are inside of the reduction. */
const overRow = (fusion: Fusion, step: Step, inner: readonly Loop[]): readonly Item[] => {
  const loops: Loop[] = [];
  const binding = new Map(step.binding);
  for (const index of step.plan.definition.indices) {
    const outside = step.binding.get(index);
    if (outside === undefined || !inner.includes(outside)) continue;
    const loop = newLoop(fusion, step.plan, index, undefined);
    binding.set(index, loop);
    loops.push(loop);
  }
  return wrap(loops, [{ ...step, binding }]);
};

const fillAll = (fusion: Fusion, plan: Plan, body: Node): readonly Item[] => {
  const { ir } = fusion;
  const indices = plan.definition.tensor.shape.map((extent, axis) => canonicalIndex(ir, axis, extent));
  const loops = indices.map((index) => ({ ...newLoop(fusion, plan, index, undefined), label: index.name }));
  const binding: Binding = new Map(indices.map((index, k) => [index, loops[k] ?? never()]));
  const element = indices.map((index) => affine.ofIndex(ir, index));
  return wrap(loops, [{ kind: "fill", plan, binding, tensor: plan.definition.tensor, element, body }]);
};

/** The items inside of the loops, which are nested in order. */
const wrap = (loops: readonly Loop[], items: readonly Item[]): readonly Item[] => {
  let inner = items;
  for (const loop of loops.toReversed()) {
    loop.body.push(...inner);
    inner = [loop];
  }
  return inner;
};

const never = (): never => {
  throw new Error("a loop is missing");
};
