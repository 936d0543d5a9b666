/**
 * Factors of contractions that all columns share, one tensor for each. In: definitions; out: the same, where a product of
 * several factors that do not change along the lanes is a read of a definition of its own. Ends: every definition is
 * looked at once.
 */
import {
  affine, build, define, loopIndices, readsOf, type Arena, type Definition, type Index, type Node, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Decision } from "./decision.ts";
import { isInBounds, tileOf } from "./tile.ts";

export interface Factored {
  readonly definitions: readonly Definition[];
  readonly decisions: readonly Decision[];
}

/** Not of the definitions of `fixed` tensors, which are made in an order of their own. */
export const factor = (
  ir: Arena,
  definitions: readonly Definition[],
  fixed: ReadonlySet<Tensor>,
): Factored => {
  const decisions: Decision[] = [];
  const found = definitions.flatMap((definition): readonly Definition[] => {
    const factors = fixed.has(definition.tensor) ? [] : factorsOf(ir, definition);
    if (factors.length < 2) return [definition];
    const { tensor } = definition;
    const part = partOf(ir, definition, factors);
    const at = loopsOf(definition, factors).map((index) => affine.ofIndex(ir, index));
    const { body } = definition;
    const others = body.kind === "product" ? body.args.filter((each) => !factors.includes(each)) : [];
    const read = build.read(ir, part.tensor, at);
    decisions.push({
      subject: part.tensor.name,
      decision: `a factor of ${tensor.name}, by itself`,
      reason: "several factors are the same for all columns",
    });
    return [part, { ...definition, body: build.product(ir, [...others, read]) }];
  });
  return { definitions: found, decisions };
};

/** Those of a product that do not change along the lanes, if they change with the rows. */
const factorsOf = (ir: Arena, definition: Definition): readonly Node[] => {
  const { body, reduction } = definition;
  if (body.kind !== "product" || reduction?.op !== "sum" || definition.target !== undefined) return [];
  const reads = readsOf([body]);
  if (reads.some((read) => read.tensor === definition.tensor)) return [];
  const tile = tileOf(ir, definition, reads);
  if (tile?.kind !== "lanes" || tile.masked !== undefined) return [];
  const factors = body.args.filter((each) => !each.indices.includes(tile.lanes));
  const isOfRows = factors.some((each) => each.indices.includes(tile.rows));
  const isPlain = factors.every((each) => each.dtype === "float") && isInBounds(ir, factors);
  return isOfRows && isPlain ? factors : [];
};

/** The loops that the factors change with. */
const loopsOf = (user: Definition, factors: readonly Node[]): readonly Index[] =>
  loopIndices(user).filter((index) => factors.some((each) => each.indices.includes(index)));

const partOf = (ir: Arena, user: Definition, factors: readonly Node[]): Definition => {
  const body = build.product(ir, factors);
  const loops = loopIndices(user);
  const indices = loopsOf(user, factors);
  const label = (index: Index): string => user.labels[loops.indexOf(index)] ?? index.name;
  const name = `${user.tensor.name}Factor`;
  const shape = indices.map((index) => index.extent);
  const tensor = ir.tensor({ name, shape, dtype: "float", role: "defined" });
  return define(ir, { tensor, indices, body, labels: indices.map(label) });
};
