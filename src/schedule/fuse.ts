/**
 * Loop nests for definitions. In: plans in order; out: the schedule tree. Ends: every plan is inserted once.
 */
import { affine, canonicalIndex, type Affine, type Arena, type Index } from "../ir/index.ts";
import type { Binding, Item, Loop, Plan, Step } from "./tree.ts";

export const fuse = (ir: Arena, plans: readonly Plan[]): readonly Item[] => {
  let ids = 0;
  const loopOver = (index: Index, label: string): Loop => ({
    kind: "loop",
    id: ids++,
    label,
    extent: index.extent,
    bounds: undefined,
    before: [],
    body: [],
    after: [],
  });
  return plans.flatMap((plan) => nest(ir, plan, loopOver));
};

type LoopOver = (index: Index, label: string) => Loop;

/** The items inside of the loops, which are nested in order. */
const wrap = (loops: readonly Loop[], items: readonly Item[]): readonly Item[] => {
  let inner = items;
  for (const loop of loops.toReversed()) {
    loop.body.push(...inner);
    inner = [loop];
  }
  return inner;
};

const nest = (ir: Arena, plan: Plan, loopOver: LoopOver): readonly Item[] => {
  const { definition } = plan;
  const reduced = definition.reduction?.indices ?? [];
  const all = [...definition.indices, ...reduced];
  const loops = all.map((index, k) => loopOver(index, definition.labels[k] ?? index.name));
  const binding: Binding = new Map(loops.map((loop, k) => [all[k] ?? never(), loop]));
  const element = definition.target ?? definition.indices.map((index) => affine.ofIndex(ir, index));
  const step = (kind: Step["kind"]): Step => ({ kind, plan, binding, element });
  if (plan.form === "pointwise") return wrap(loops, [step("compute")]);
  if (plan.form === "local") {
    const inner = wrap(loops.slice(definition.indices.length), [step("accumulate")]);
    return wrap(loops.slice(0, definition.indices.length), [step("begin"), ...inner, step("finish")]);
  }
  return [...filled(ir, plan, loopOver), ...wrap(loops, [step("add")])];
};

const filled = (ir: Arena, plan: Plan, loopOver: LoopOver): readonly Item[] => {
  const { shape } = plan.definition.tensor;
  const indices = shape.map((extent: Affine, axis) => canonicalIndex(ir, axis, extent));
  const loops = indices.map((index) => loopOver(index, index.name));
  const binding: Binding = new Map(indices.map((index, k) => [index, loops[k] ?? never()]));
  const element = indices.map((index) => affine.ofIndex(ir, index));
  return wrap(loops, [{ kind: "fill", plan, binding, element }]);
};

const never = (): never => {
  throw new Error("a loop is missing");
};
