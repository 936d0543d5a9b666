/**
 * Cheap definitions into their readers. In: definitions in order; out: those that are left, with the bodies of the others
 * where they were read. Ends: a body is inlined after what it reads, and no larger than the limit.
 */
import {
  KEEP, mapBodies, mapNodes, reachable, readsWithin, substitute, type Affine, type Arena, type Definition, type Index, type Node, type Read, type Tensor,
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
  const back = readBack(definitions);
  for (const definition of definitions) {
    const reason = back.has(definition.tensor) ? undefined : reasonFor(ir, definition, outputs, inlined);
    if (reason === undefined) continue;
    inlined.set(definition.tensor, { ...definition, body: rewritten(ir, definition, inlined) });
    decisions.push({ subject: definition.tensor.name, decision: "inlined", reason });
  }
  const left = definitions.filter(({ tensor }) => !inlined.has(tensor) || outputs.has(tensor));
  return { definitions: mapBodies(ir, left, { ...KEEP, node: replaced(ir, inlined) }), decisions };
};

const rewritten = (ir: Arena, { body }: Definition, inlined: ReadonlyMap<Tensor, Definition>): Node =>
  mapNodes(ir, [body], { ...KEEP, node: replaced(ir, inlined) })[0] ?? body;

const reasonFor = (
  ir: Arena,
  definition: Definition,
  outputs: ReadonlySet<Tensor>,
  inlined: ReadonlyMap<Tensor, Definition>,
): string | undefined => {
  if (!isPlain(definition)) return undefined;
  // a single value is computed once wherever it is used
  const single = definition.indices.length === 0;
  if (!single && (outputs.has(definition.tensor) || !isCheap(definition.body))) return undefined;
  if (costWithin(definition.body, LIMIT) > LIMIT) return undefined;
  const cost = costWithin(rewritten(ir, definition, inlined), LIMIT);
  return cost <= LIMIT ? `${cost} of at most ${LIMIT} operations` : undefined;
};

const isPlain = (definition: Definition): boolean =>
  definition.reduction === undefined &&
  definition.target === undefined &&
  definition.tensor.dtype === definition.body.dtype;

/** What a recurrence reads before it is made: it is needed in memory, and its body would not end. */
const readBack = (definitions: readonly Definition[]): ReadonlySet<Tensor> => {
  const made = new Set<Tensor>();
  const reads = readsWithin(definitions);
  const found = new Set<Tensor>();
  for (const definition of definitions) {
    for (const { tensor } of reads(definition)) if (!made.has(tensor)) found.add(tensor);
    made.add(definition.tensor);
  }
  return found;
};

const isCheap = (body: Node): boolean =>
  costWithin(body, LIMIT) <= LIMIT && !reachable([body]).some(isDivision);

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
