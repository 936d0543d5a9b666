/**
 * Small definitions of constant size as one expression per element, shared between all of them: a whole program within the
 * budget, or else its smallest definitions. In: definitions in order; out: those that keep their loops, and a single value
 * for each element that is stored. Ends: every definition is expanded at most once.
 */
import {
  affine,
  loopIndices,
  reachable,
  readsOf,
  type Arena,
  type Definition,
  type Node,
  type Tensor,
} from "../ir/index.ts";
import type { Decision } from "./decision.ts";
import { elementAt, inHalf, iterations, openIndices, placesOf, resolve, singleOf, termsOf, type Results } from "./elements.ts"; // prettier-ignore
import { straightLine, type Recurrences } from "./straightline.ts";
import type { Element } from "./tree.ts";

/** Operations of a program as straight-line code, where nothing else is asked for. */
export const DEFAULT_BUDGET = 4000;

/** Of a program that keeps loops: iterations of one definition, nodes of all that are expanded beside them. */
const MAX_ITERATIONS = 64;
const BESIDE = 4000;

/** Iterations of one that reads from memory and writes to memory. */
const MAX_COPIED = 16;

export interface Scalarised {
  readonly definitions: readonly Definition[];
  /** Which element of which tensor a single value is. */
  readonly elements: ReadonlyMap<Tensor, Element>;
  readonly decisions: readonly Decision[];
  /** Of a program without loops: how many it does. */
  readonly operations: number | undefined;
}

export const scalarise = (
  ir: Arena,
  definitions: readonly Definition[],
  results: Results,
  recurrences: Recurrences,
  budget = DEFAULT_BUDGET,
): Scalarised => {
  const whole = straightLine(ir, definitions, results, recurrences, budget);
  if (whole !== undefined && "definitions" in whole) return { ...whole, decisions: [whole.decision] };
  const beside = besideLoops(ir, definitions, results, recurrences);
  const kept = whole === undefined ? [] : [whole.decision];
  return { ...beside, decisions: [...kept, ...beside.decisions], operations: undefined };
};

/** Recurrences, whose loops need an order, keep them. */
const besideLoops = (
  ir: Arena,
  definitions: readonly Definition[],
  { outputs, symmetric }: Results,
  recurrences: Recurrences,
): Omit<Scalarised, "operations"> => {
  const expanded = new Map<Tensor, ReadonlyMap<number, Node>>();
  const small = smallOf(definitions.filter(({ tensor }) => !recurrences.has(tensor)));
  const chosen = choose(definitions, small, storedTensors(definitions, small, outputs));
  const stored = storedTensors(definitions, chosen, outputs);
  const elements = new Map<Tensor, Element>();
  const decisions: Decision[] = [];
  const result = definitions.flatMap((definition) => {
    const { tensor } = definition;
    if (!chosen.has(tensor)) return [definition];
    const places = [...placesOf(definition).values()];
    const terms = termsOf(definition);
    const nodes = resolve(ir, expanded, places.map((position) => elementAt(ir, definition, terms(inHalf(symmetric, definition, position))))); // prettier-ignore
    expanded.set(tensor, new Map(nodes.entries()));
    decisions.push({ subject: tensor.name, decision: "scalarised", reason: `${nodes.length} elements` });
    if (!stored.has(tensor)) return [];
    return places.map((position, offset) => {
      const { single, element } = singleOf(ir, definition, position, nodes[offset] ?? definition.body);
      elements.set(single.tensor, element);
      return single;
    });
  });
  return { definitions: result, elements, decisions };
};

/** Of constant size, not of a recurrence, and within the budget of the program. */
const smallOf = (definitions: readonly Definition[]): ReadonlySet<Tensor> => {
  const small = new Set<Tensor>();
  let budget = BESIDE;
  for (const definition of definitions) {
    const count = iterations(definition);
    if (loopIndices(definition).length === 0 || openIndices(definition).length > 0) continue;
    if (count === 0 || count > MAX_ITERATIONS || definition.target !== undefined) continue;
    const size = count * reachable([definition.body]).length;
    if (size > budget) continue;
    budget -= size;
    small.add(definition.tensor);
  }
  return small;
};

/** From memory to memory a loop does the same in less code, on vectors and on several threads. */
const choose = (
  definitions: readonly Definition[],
  small: ReadonlySet<Tensor>,
  stored: ReadonlySet<Tensor>,
): ReadonlySet<Tensor> => {
  const chosen = new Set<Tensor>();
  for (const definition of definitions) {
    const { tensor, body } = definition;
    if (!small.has(tensor)) continue;
    const isCopy = stored.has(tensor) && !readsOf([body]).some((read) => chosen.has(read.tensor));
    if (!isCopy || iterations(definition) <= MAX_COPIED) chosen.add(tensor);
  }
  return chosen;
};

/** Outputs, and what is read in a loop or at a place that data decides. */
const storedTensors = (
  definitions: readonly Definition[],
  chosen: ReadonlySet<Tensor>,
  outputs: ReadonlySet<Tensor>,
): ReadonlySet<Tensor> => {
  const stored = new Set(outputs);
  for (const definition of definitions) {
    for (const read of readsOf([definition.body])) {
      const known = chosen.has(definition.tensor) && read.at.every((a) => affine.dataOf(a).length === 0);
      if (!known) stored.add(read.tensor);
    }
  }
  return stored;
};
