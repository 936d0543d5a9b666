/**
 * A small program as straight-line code, or, where one open index runs through all of it, a batch of small instances: such code
 * in a loop over the batch. In: definitions in order; out: one for each element of an output, and for each sum over the batch.
 * Ends: every element is expanded once, within a budget.
 */
import {
  loopIndices, reachable, readsOf, type Arena, type Definition, type Node, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { shareCommon, straightOperations } from "../simplify/index.ts";
import type { Decision } from "./decision.ts";
import {
  elementAt, isExpandable, iterations, offsetOf, openIndices, placesOf, readOf, resolve, singleOf, termsOf, type Expanded,
} from "./elements.ts"; // prettier-ignore
import type { Element } from "./tree.ts";

/** Operations of an instance of a batch, at most. */
const INSTANCE = 1000;

/** Nodes that are expanded per operation of the budget: those that stay, and how many times more that may fold to nothing. */
const EXPANSION = 16;
const FOLDING = 32;

export interface StraightLine {
  readonly definitions: readonly Definition[];
  readonly elements: ReadonlyMap<Tensor, Element>;
  readonly decision: Decision;
  /** Of a program without a batch: how many it does. */
  readonly operations: number | undefined;
}

export interface InLoops {
  readonly decision: Decision;
}

/** Nothing for a program that has no constant loops to begin with; a decision for one that is too large. */
export const straightLine = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  budget: number,
): StraightLine | InLoops | undefined => {
  if (!isCandidate(definitions)) return undefined;
  const isBatch = definitions.some((definition) => openIndices(definition).length > 0);
  const allowed = isBatch ? Math.min(budget, INSTANCE) : budget;
  const wanted = demand(ir, definitions, outputs, EXPANSION * allowed);
  const singles = wanted && singlesOf(ir, definitions, wanted, outputs);
  const bodies = singles && shareCommon(ir, singles.map(({ single }) => single.body)); // prettier-ignore
  const operations = bodies ? straightOperations(ir, bodies) : Infinity;
  const what = `${operations} operations${isBatch ? " per instance of the batch" : ""}`;
  if (singles === undefined || bodies === undefined || operations > allowed) {
    const size = operations === Infinity ? "expands far beyond" : `${what} are over`;
    const reason = `straight-line code: ${size} the budget of ${allowed}`;
    return { decision: { subject: "the program", decision: "kept in loops", reason } };
  }
  return {
    definitions: singles.map(({ single }, k) => ({ ...single, body: bodies[k] ?? single.body })),
    elements: new Map(singles.flatMap(({ single, element }) => (element ? [[single.tensor, element]] : []))),
    decision: {
      subject: "the program",
      decision: "straight-line code",
      reason: `${what}, within the budget of ${allowed}`,
    },
    operations: isBatch ? undefined : operations,
  };
};

/** One open index at most in each definition, and something to expand. */
const isCandidate = (definitions: readonly Definition[]): boolean =>
  definitions.some((definition) => loopIndices(definition).length > openIndices(definition).length) &&
  definitions.every(
    (definition) =>
      isExpandable(definition) &&
      openIndices(definition).length <= 1 &&
      iterations(definition) > 0 &&
      !(isPosition(definition) && openIndices(definition).length > 0),
  );

const isPosition = ({ reduction }: Definition): boolean =>
  reduction?.op === "argmax" || reduction?.op === "argmin";

/** Elements in terms of each other, by tensor and offset. */
type Elements = ReadonlyMap<Tensor, ReadonlyMap<number, Node>>;

/** The elements that outputs depend on; nothing if they take more nodes than the limit. */
const demand = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  limit: number,
): Elements | undefined => {
  const wanted = new Map(definitions.map(({ tensor }) => [tensor, new Set<number>()]));
  const elements = new Map<Tensor, ReadonlyMap<number, Node>>();
  let [size, work] = [0, 0];
  for (const definition of definitions.toReversed()) {
    const places = placesOf(definition);
    const offsets = outputs.has(definition.tensor) ? places.keys() : (wanted.get(definition.tensor) ?? []);
    const sorted = [...offsets].sort((p, q) => p - q);
    const inside = reachable([definition.body]);
    const visits = sorted.length * termsOf(definition).length * inside.length;
    work += visits;
    if (!inside.some((node) => mayVanish(node, wanted))) size += visits;
    if (size > limit || work > FOLDING * limit) return undefined;
    const nodes = new Map<number, Node>();
    for (const offset of sorted) {
      const position = places.get(offset);
      if (position !== undefined) nodes.set(offset, elementAt(ir, definition, position));
    }
    elements.set(definition.tensor, nodes);
    for (const { tensor, at } of readsOf([...nodes.values()])) {
      const place = wanted.has(tensor) ? offsetOf(tensor, at) : undefined;
      if (place?.kind === "unknown") return undefined;
      if (place?.offset !== undefined) wanted.get(tensor)?.add(place.offset);
    }
  }
  return elements;
};

/** A test of indices, and what reads another definition, of which elements may be nothing. */
const mayVanish = (node: Node, own: ReadonlyMap<Tensor, unknown>): boolean =>
  node.kind === "guard" || node.kind === "select" || (node.kind === "read" && own.has(node.tensor));

interface Single {
  readonly single: Definition;
  /** Of an output. */
  readonly element: Element | undefined;
}

/** A definition for each element of an output, and for each reduction over the batch. */
const singlesOf = (
  ir: Arena,
  definitions: readonly Definition[],
  wanted: Elements,
  outputs: ReadonlySet<Tensor>,
): readonly Single[] => {
  const expanded: Expanded = new Map();
  return definitions.flatMap((definition) => {
    const elements = wanted.get(definition.tensor) ?? new Map<number, Node>();
    const offsets = [...elements.keys()];
    const nodes = resolve(ir, expanded, [...elements.values()]);
    const isOutput = outputs.has(definition.tensor);
    const isSum = definition.reduction?.indices.some((index) => openIndices(definition).includes(index));
    expanded.set(definition.tensor, new Map(nodes.map((node, k) => [offsets[k] ?? k, node])));
    if (!isOutput && isSum !== true) return [];
    const places = placesOf(definition);
    const singles = nodes.map((node, k) => {
      const position = places.get(offsets[k] ?? k) ?? new Map<never, number>();
      const { single, element } = singleOf(ir, definition, position, node);
      return { single, element: isOutput ? element : undefined };
    });
    if (isSum === true) {
      const reads = singles.map(({ single }, k): [number, Node] => [offsets[k] ?? k, readOf(ir, single)]);
      expanded.set(definition.tensor, new Map(reads));
    }
    return singles;
  });
};
