/**
 * Contractions whose result is nothing where a test of its own indices fails. In: definitions; out: the same, the contraction
 * without that test, and its result chosen from it: of what is read where the test holds one half may be all that is needed.
 * Ends: every definition is looked at once.
 */
import {
  affine, build, define, halfIn, readsOf, type Arena, type Definition, type Node, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { guardedOf } from "./bounds.ts";
import type { Decision } from "./decision.ts";
import { isInBounds, tileOf } from "./tile.ts";

export interface SetApart {
  readonly definitions: readonly Definition[];
  readonly decisions: readonly Decision[];
}

/** Not of the definitions of `fixed` tensors, which are made in an order of their own. */
export const setApart = (
  ir: Arena,
  definitions: readonly Definition[],
  fixed: ReadonlySet<Tensor>,
): SetApart => {
  const decisions: Decision[] = [];
  const found = definitions.flatMap((definition): readonly Definition[] => {
    const made = fixed.has(definition.tensor) ? undefined : partsOf(ir, definition);
    if (made === undefined) return [definition];
    decisions.push({
      subject: made.whole.tensor.name,
      decision: `${definition.tensor.name} without its test`,
      reason: "it is nothing in one half, which need not be computed",
    });
    return [made.whole, made.chosen];
  });
  return { definitions: found, decisions };
};

interface Parts {
  readonly whole: Definition;
  readonly chosen: Definition;
}

const partsOf = (ir: Arena, definition: Definition): Parts | undefined => {
  const { reduction, target, indices, tensor, labels } = definition;
  if (reduction?.op !== "sum" || target !== undefined) return undefined;
  const { tests, body } = guardedOf(ir, definition);
  const isOwn = (test: Node): boolean => !reduction.indices.some((index) => test.indices.includes(index));
  const own = tests.filter(isOwn);
  if (!own.some((test) => halfIn(test, definition) !== undefined) || !isInBounds(ir, [body]))
    return undefined;
  const terms = build.guard(ir, build.and(ir, tests.filter((test) => !isOwn(test))), body); // prettier-ignore
  const part = ir.tensor({ ...tensor, name: `${tensor.name}Whole`, role: "defined" });
  const whole = define(ir, { tensor: part, indices, reduction, body: terms, labels });
  if (tileOf(ir, whole, readsOf([terms])) === undefined) return undefined;
  const at = indices.map((index) => affine.ofIndex(ir, index));
  const chosen = build.guard(ir, build.and(ir, own), build.read(ir, part, at));
  return {
    whole,
    chosen: define(ir, { tensor, indices, body: chosen, labels: labels.slice(0, indices.length) }),
  };
};
