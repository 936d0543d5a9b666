/**
 * A small program as straight-line code, or, where one open index runs through all of it, a batch of small instances: such code
 * in a loop over the batch. In: definitions in order; out: one for each element of an output, and for each sum over the batch.
 * Ends: every element is expanded once, within a budget.
 */
import {
  affine, build, define, loopIndices, reachable, readsOf, reductionDtype, type Arena, type Definition, type Node, type Recurrence, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { shareCommon, straightOperations } from "../simplify/index.ts";
import type { Decision } from "./decision.ts";
import {
  closed, combinations, elementAt, inHalf, iterations, offsetOf, openIndices, placesOf, positionAt, readOf, resolve, singleOf, termsOf, type Expanded, type Results, type Terms,
} from "./elements.ts"; // prettier-ignore
import type { Element } from "./tree.ts";
import type { Position } from "./unroll.ts";

/** Operations of an instance of a batch, at most. */
const INSTANCE = 1000;

/** Nodes that are expanded per operation of the budget: those that stay, and how many times more that may fold to nothing. */
const EXPANSION = 16;
const FOLDING = 32;

/** Tests of indices, which cost a hundredth of a node, per node that is expanded. */
const TESTS = 8;

/** Of the nodes of an element that may fold, one in so many is expected to stay. */
const REST = 8;

/** The recurrence that a tensor belongs to. */
export type Recurrences = ReadonlyMap<Tensor, Recurrence>;

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
  given: readonly Definition[],
  results: Results,
  recurrences: Recurrences,
  budget: number,
): StraightLine | InLoops | undefined => {
  const definitions = given.map((each) => gathered(ir, each));
  if (!isCandidate(definitions, recurrences)) return undefined;
  const isBatch = definitions.some((definition) => openIndices(definition).length > 0);
  const allowed = isBatch ? Math.min(budget, INSTANCE) : budget;
  const limit = EXPANSION * allowed;
  const wanted = demand(ir, definitions, results, limit);
  const singles = wanted && singlesOf(ir, definitions, wanted, results.outputs);
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

/** T[f(i)] += e(i) as T[a] = Σ_i [a = f(i)]·e(i), where no data say what f is: of constant extents, the tests fold. */
const gathered = (ir: Arena, definition: Definition): Definition => {
  const { tensor, indices, target, body, labels } = definition;
  if (target === undefined || target.some((a) => affine.dataOf(a).length > 0)) return definition;
  const places = tensor.shape.map((extent, axis) => ir.index(`place${axis}`, extent));
  const tests = places.map((place, axis) =>
    build.isZero(ir, affine.minus(ir, affine.ofIndex(ir, place), target[axis] ?? affine.fixed(ir, 0))),
  );
  return define(ir, {
    tensor,
    indices: places,
    reduction: indices.length === 0 ? undefined : { op: "sum", indices },
    body: build.guard(ir, build.and(ir, tests), body),
    labels: [...places.map(({ name }) => name), ...labels],
  });
};

/** One open index at most in each definition, along which no recurrence goes, and something to expand. */
const isCandidate = (definitions: readonly Definition[], recurrences: Recurrences): boolean =>
  definitions.some((definition) => loopIndices(definition).length > openIndices(definition).length) &&
  definitions.every((definition) => {
    const open = openIndices(definition);
    const axis = recurrences.get(definition.tensor)?.axes.get(definition.tensor);
    const ordered = axis === undefined ? undefined : definition.indices[axis];
    return (
      definition.target === undefined &&
      open.length <= 1 &&
      iterations(definition) > 0 &&
      !(isPosition(definition) && open.length > 0) &&
      !open.some((index) => index === ordered)
    );
  });

const isPosition = ({ reduction }: Definition): boolean =>
  reduction !== undefined && reductionDtype(reduction.op) === "int";

// ---- what is needed

/** An element of a definition in terms of other elements. */
interface Wanted {
  readonly definition: Definition;
  readonly offset: number;
  readonly position: Position;
  readonly node: Node;
  readonly reads: readonly Place[];
}

interface Place {
  readonly tensor: Tensor;
  readonly offset: number;
}

type Elements = ReadonlyMap<Tensor, ReadonlyMap<number, Wanted>>;

/** What an element of a definition may cost before anything folds. */
interface Expansion {
  readonly definition: Definition;
  readonly terms: Terms;
  /** Of an element, without the tests of indices. */
  readonly count: number;
  /** Nodes of a term. */
  readonly size: number;
  readonly mayVanish: boolean;
}

const expansionOf = (definition: Definition, own: ReadonlySet<Tensor>): Expansion => {
  const inside = reachable([definition.body]);
  return {
    definition,
    terms: termsOf(definition),
    count: combinations(closed(definition.reduction?.indices ?? [])),
    size: inside.length,
    mayVanish: inside.some((node) => mayVanish(node, own)),
  };
};

/** A test of indices, and what reads another definition, of which elements may be nothing. */
const mayVanish = (node: Node, own: ReadonlySet<Tensor>): boolean =>
  node.kind === "guard" || node.kind === "select" || (node.kind === "read" && own.has(node.tensor));

/** Of all outputs together: even an element that costs no operation is an instruction. */
const leastNodes = (definitions: Iterable<Expansion>, outputs: ReadonlySet<Tensor>): number => {
  let count = 0;
  for (const { definition, mayVanish, count: terms, size } of definitions)
    if (outputs.has(definition.tensor))
      count += combinations(closed(definition.indices)) * (mayVanish ? 1 : terms * size);
  return count;
};

/** The elements that outputs depend on; nothing if they take more nodes than the limit. */
const demand = (
  ir: Arena,
  definitions: readonly Definition[],
  { outputs, symmetric }: Results,
  limit: number,
): Elements | undefined => {
  const own = new Set(definitions.map(({ tensor }) => tensor));
  const expansions = new Map(definitions.map((each) => [each.tensor, expansionOf(each, own)]));
  if (leastNodes(expansions.values(), outputs) > limit) return undefined;
  const elements = new Map(definitions.map(({ tensor }) => [tensor, new Map<number, Wanted>()]));
  const waiting: Place[] = [...outputs].flatMap((tensor) => {
    const indices = expansions.get(tensor)?.definition.indices;
    const length = indices === undefined ? 0 : combinations(closed(indices));
    return Array.from({ length }, (_, offset) => ({ tensor, offset }));
  });
  let [size, work, tests] = [0, 0, 0];
  for (const { tensor, offset } of waiting) {
    const [known, expansion] = [elements.get(tensor), expansions.get(tensor)];
    if (known === undefined || expansion === undefined || known.has(offset)) continue;
    const { definition } = expansion;
    tests += expansion.count;
    if (tests > TESTS * limit) return undefined;
    const position = positionAt(definition.indices, offset);
    const terms = expansion.terms(inHalf(symmetric, definition, position));
    work += terms.length * expansion.size;
    if (!expansion.mayVanish) size += terms.length * expansion.size;
    if (size > limit || work > FOLDING * limit) return undefined;
    const node = elementAt(ir, definition, terms);
    if (expansion.mayVanish) size += reachable([node]).length / REST;
    const reads = placesIn(node, own);
    if (reads === undefined) return undefined;
    known.set(offset, { definition, offset, position, node, reads });
    waiting.push(...reads);
  }
  return elements;
};

/** Nothing where data decides which element is read. */
const placesIn = (node: Node, own: ReadonlySet<Tensor>): readonly Place[] | undefined => {
  const places: Place[] = [];
  for (const { tensor, at } of readsOf([node])) {
    if (!own.has(tensor)) continue;
    const place = offsetOf(tensor, at);
    if (place.kind === "unknown") return undefined;
    if (place.offset !== undefined) places.push({ tensor, offset: place.offset });
  }
  return places;
};

// ---- definitions of what is needed

interface Single {
  readonly single: Definition;
  /** Of an output. */
  readonly element: Element | undefined;
}

/** A definition for each reduction over the batch, after what it reads, and for each element of an output. */
const singlesOf = (
  ir: Arena,
  definitions: readonly Definition[],
  elements: Elements,
  outputs: ReadonlySet<Tensor>,
): readonly Single[] => {
  const expanded = new Map(definitions.map(({ tensor }) => [tensor, new Map<number, Node>()]));
  const sums: Single[] = [];
  const summed = new Map<string, Definition>();
  for (const { definition, offset, position, node } of inOrder(elements)) {
    const [resolved = node] = resolve(ir, expanded, [node]);
    const isSum = definition.reduction?.indices.some((index) => openIndices(definition).includes(index));
    if (isSum === true) {
      const { single, element } = singleOf(ir, definition, position, resolved);
      // the sum of an element and of its mirror image is one
      const key = `${definition.tensor.id} ${resolved.id}`;
      const known = summed.get(key);
      const made =
        known === undefined ? single : { ...single, reduction: undefined, body: readOf(ir, known) };
      summed.set(key, known ?? single);
      sums.push({ single: made, element: outputs.has(definition.tensor) ? element : undefined });
      expanded.get(definition.tensor)?.set(offset, readOf(ir, known ?? single));
    } else expanded.get(definition.tensor)?.set(offset, resolved);
  }
  const known = new Set(sums.flatMap(({ element }) => (element === undefined ? [] : [element.of])));
  const stored = definitions.filter(({ tensor }) => outputs.has(tensor) && !known.has(tensor));
  return [...sums, ...stored.flatMap((definition) => storesOf(ir, definition, expanded))];
};

const storesOf = (ir: Arena, definition: Definition, expanded: Expanded): readonly Single[] =>
  [...placesOf(definition)].map(([offset, position]) =>
    singleOf(ir, definition, position, expanded.get(definition.tensor)?.get(offset) ?? definition.body),
  );

/** Every element after those that it reads: depth first, on a stack of its own. */
const inOrder = (elements: Elements): readonly Wanted[] => {
  const all = [...elements.values()].flatMap((each) => [...each.values()]);
  const done = new Set<Wanted>();
  const stack = all.toReversed();
  const order: Wanted[] = [];
  for (let next = stack.at(-1); next !== undefined; next = stack.at(-1)) {
    const needed = done.has(next)
      ? []
      : next.reads.flatMap(({ tensor, offset }) => elements.get(tensor)?.get(offset) ?? []);
    const missing = needed.filter((each) => !done.has(each));
    if (missing.length > 0) stack.push(...missing);
    else {
      stack.pop();
      if (!done.has(next)) order.push(next);
      done.add(next);
    }
  }
  return order;
};
