/**
 * The steps of a plan in its loops. In: a plan and its place; out: items of that block, and of loops around it. Ends because
 * a plan has at most a few steps.
 */
import { affine, build, canonicalIndex, loopIndices, type Index, type Node } from "../ir/index.ts";
import type { Binding, Item, Location, Loop, Plan, Step } from "./tree.ts";
import type { Fusion } from "./placement.ts";

export const newLoop = (
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

export const addSteps = (
  fusion: Fusion,
  { plan, path, binding }: Location,
  body: Node,
  block: Item[],
): void => {
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

/** Rows that are added before their sum is: few, so that threads have blocks to divide, but enough that these cost little. */
export const ROWS_OF_BLOCK = 64;

/** All of the result accumulates over a loop that may be long: its f32 sums are taken in blocks. */
const isLongColumnSum = ({ definition }: Plan, outermost: Loop, path: readonly Loop[]): boolean =>
  definition.reduction?.op === "sum" &&
  path[0] === outermost &&
  (affine.asConstant(outermost.extent) ?? Infinity) > ROWS_OF_BLOCK;

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
export const wrap = (loops: readonly Loop[], items: readonly Item[]): readonly Item[] => {
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
