/**
 * Which loops run on vectors. In: the schedule tree; out: the innermost loops whose iterations are independent but for
 * sums and the like, and those that contractions are to be vectorised along. Ends because the tree is finite.
 */
import { affine, reductionDtype } from "../ir/index.ts";
import type { Item, Loop, Step } from "./tree.ts";

/** Shorter loops than a vector stay as they are. */
const SHORTEST = 4;

export const vectorise = (items: readonly Item[]): ReadonlySet<Loop> => {
  const found = new Set<Loop>();
  const stack = [...items];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (item.kind !== "loop") continue;
    if (isVector(item)) found.add(item);
    // the loops inside of lanes are serial
    if (item.role === "lanes" && found.has(item)) continue;
    stack.push(...item.before, ...item.beforeBlock, ...item.body, ...item.afterBlock, ...item.after);
  }
  return found;
};

const isVector = (loop: Loop): boolean => {
  const extent = affine.asConstant(loop.extent);
  if (loop.order !== undefined || (extent !== undefined && extent < SHORTEST)) return false;
  if (loop.role === "lanes") return !hasConditions(loop);
  return loop.body.every((item) => item.kind !== "loop" && isIndependent(item, loop));
};

/** Whether a loop inside runs only where a test holds: lanes would have to agree on it. */
const hasConditions = (loop: Loop): boolean => {
  const stack = loop.body.filter((item) => item.kind === "loop");
  for (let inner = stack.pop(); inner !== undefined; inner = stack.pop()) {
    if ((inner.bounds?.tests ?? []).length > 0) return true;
    stack.push(...inner.body.filter((item) => item.kind === "loop"));
  }
  return false;
};

/** The first axis along which what a recurrence stores lies in a row of its own, apart from what it reads. */
const rowsFrom = ({ plan: { definition, recurrence } }: Step): number =>
  recurrence === undefined ? 0 : definition.indices.indexOf(recurrence.index) + 1;

const isIndependent = (step: Step, loop: Loop): boolean => {
  const { definition, form } = step.plan;
  if (form === "scatter") return step.kind === "fill";
  const axis = definition.indices.findIndex((index) => step.binding.get(index) === loop);
  const alongOutput = axis >= 0 && axis >= rowsFrom(step);
  switch (step.kind) {
    case "compute":
    case "fill":
    case "add":
      return alongOutput;
    case "accumulate":
      return definition.reduction === undefined || reductionDtype(definition.reduction.op) !== "int";
    case "begin":
    case "finish":
      return false;
  }
};
