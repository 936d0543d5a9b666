/**
 * Cheap definitions into their readers. In: definitions in order; out: those that are left, with the bodies of the others
 * where they were read. Ends: a body is inlined after what it reads, and no larger than the limit.
 */
import {
  KEEP, mapBodies, mapNodes, reachable, readsOf, substitute, type Affine, type Arena, type Definition, type Index, type Node, type Read, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { costWithin, isDivision } from "./cost.ts";
import type { Decision } from "./decision.ts";

/** Recomputing this many additions costs no more than a store and the loads. */
const LIMIT = 8;

export interface Inlined {
  readonly definitions: readonly Definition[];
  readonly decisions: readonly Decision[];
}

export const inline = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
): Inlined => {
  const inlined = new Map<Tensor, Definition>();
  const decisions: Decision[] = [];
  for (const definition of definitions) {
    if (!isCandidate(definition, outputs)) continue;
    const [body = definition.body] = mapNodes(ir, [definition.body], {
      ...KEEP,
      node: replaced(ir, inlined),
    });
    const cost = costWithin(body, LIMIT);
    if (cost > LIMIT) continue;
    inlined.set(definition.tensor, { ...definition, body });
    const reason = `${cost} of at most ${LIMIT} operations`;
    decisions.push({ subject: definition.tensor.name, decision: "inlined", reason });
  }
  const left = definitions.filter((definition) => !inlined.has(definition.tensor));
  return { definitions: mapBodies(ir, left, { ...KEEP, node: replaced(ir, inlined) }), decisions };
};

const isCandidate = (definition: Definition, outputs: ReadonlySet<Tensor>): boolean =>
  definition.reduction === undefined &&
  definition.target === undefined &&
  definition.tensor.dtype === "float" &&
  !outputs.has(definition.tensor) &&
  costWithin(definition.body, LIMIT) <= LIMIT &&
  !reachable([definition.body]).some(isDivision) &&
  !readsOf([definition.body]).some((read) => read.tensor === definition.tensor);

const replaced =
  (ir: Arena, inlined: ReadonlyMap<Tensor, Definition>) =>
  (node: Node): Node => {
    const definition = node.kind === "read" ? inlined.get(node.tensor) : undefined;
    return definition === undefined || node.kind !== "read" ? node : bodyAt(ir, definition, node);
  };

const bodyAt = (ir: Arena, { indices, body }: Definition, { at }: Read): Node =>
  substitute(
    ir,
    body,
    new Map(indices.flatMap((index, k): readonly [Index, Affine][] => (at[k] ? [[index, at[k]]] : []))),
  );
