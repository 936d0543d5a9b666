/**
 * Small definitions of constant size as one expression per element, shared between all of them: a whole program within the
 * budget, as straight-line code, or else its smallest definitions. In: definitions in order; out: those that keep their
 * loops, and a single value for each element that is stored. Ends: every element is expanded at most once.
 */
import {
  KEEP, affine, loopIndices, mapNodes, range, reachable, readsOf, tensorsRead, type Affine, type Arena, type Definition, type Node, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { shareCommon, straightOperations } from "../simplify/index.ts";
import type { Decision } from "./decision.ts";
import type { Element } from "./tree.ts";
import { combined, constants, positions, type Position } from "./unroll.ts";

/** Operations of a program as straight-line code, where nothing else is asked for. */
export const DEFAULT_BUDGET = 4000;

/** Of a program that keeps loops: iterations of one definition, nodes of all that are expanded beside them. */
const MAX_ITERATIONS = 64;
const BESIDE = 4000;

/** What is expanded before it is known what folds, at most: nodes per operation of the budget. */
const EXPANSION = 16;

export interface Scalarised {
  readonly definitions: readonly Definition[];
  /** Which element of which tensor a single value is. */
  readonly elements: ReadonlyMap<Tensor, Element>;
  readonly decisions: readonly Decision[];
  /** Of a program without loops: how many it does. */
  readonly operations: number | undefined;
}

/** Elements of expanded tensors by their row-major offset. */
type Expanded = Map<Tensor, ReadonlyMap<number, Node>>;

export const scalarise = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  budget = DEFAULT_BUDGET,
): Scalarised => {
  const whole = straightLine(ir, definitions, outputs, budget);
  if (whole !== undefined && "elements" in whole) return whole;
  const beside = besideLoops(ir, definitions, outputs);
  return { ...beside, decisions: [...(whole === undefined ? [] : [whole]), ...beside.decisions] };
};

const iterations = (definition: Definition): number =>
  loopIndices(definition).reduce((count, index) => count * (affine.asConstant(index.extent) ?? Infinity), 1);

const isExpandable = (definition: Definition): boolean =>
  definition.target === undefined && !tensorsRead(definition).includes(definition.tensor);

// ---- a whole program

/** Nothing for a program that has no loops to begin with, or open extents; a decision for one that is too large. */
const straightLine = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  budget: number,
): Scalarised | Decision | undefined => {
  const counts = definitions.map(iterations);
  if (definitions.every((definition) => loopIndices(definition).length === 0)) return undefined;
  if (!definitions.every(isExpandable) || counts.some((count) => count === 0 || count === Infinity))
    return undefined;
  const wanted = demand(ir, definitions, outputs, EXPANSION * budget);
  const expanded = wanted && expandAll(ir, definitions, wanted);
  const results = definitions.filter(({ tensor }) => outputs.has(tensor));
  const values = expanded && results.map(({ tensor }) => [...(expanded.get(tensor)?.values() ?? [])]);
  const shared = values && shareCommon(ir, values.flat());
  const operations = shared ? straightOperations(ir, shared) : Infinity;
  if (values === undefined || shared === undefined || operations > budget)
    return { subject: "the program", decision: "kept in loops", reason: overBudget(operations, budget) };
  const elements = new Map<Tensor, Element>();
  let first = 0;
  const singles = results.flatMap((definition, k) => {
    const nodes = shared.slice(first, (first += values[k]?.length ?? 0));
    return storesOf(ir, definition, nodes, elements);
  });
  const reason = `${operations} operations, within the budget of ${budget}`;
  const decisions = [{ subject: "the program", decision: "straight-line code", reason }];
  return { definitions: singles, elements, decisions, operations };
};

const overBudget = (operations: number, budget: number): string =>
  operations === Infinity
    ? `as straight-line code it expands far beyond the budget of ${budget} operations`
    : `as straight-line code ${operations} operations, over the budget of ${budget}`;

/** The elements that outputs depend on; nothing if expanding them takes more nodes than the limit. */
const demand = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  limit: number,
): ReadonlyMap<Tensor, ReadonlySet<number>> | undefined => {
  const own = new Set(definitions.map(({ tensor }) => tensor));
  const wanted = new Map<Tensor, Set<number>>([...own].map((tensor) => [tensor, new Set()]));
  let size = 0;
  for (const definition of definitions.toReversed()) {
    const offsets = wanted.get(definition.tensor) ?? new Set();
    if (outputs.has(definition.tensor)) for (let k = 0; k < elementCount(definition); k++) offsets.add(k);
    const inner = positions(definition.reduction?.indices ?? []);
    size += offsets.size * inner.length * reachable([definition.body]).length;
    if (size > limit) return undefined;
    const reads = readsOf([definition.body]).filter((read) => own.has(read.tensor));
    const outer = positionsAt(definition, offsets);
    for (const read of reads) {
      for (const position of outer.values()) {
        for (const each of inner) {
          const offset = offsetAt(ir, read.tensor, read.at, new Map([...position, ...each]));
          if (offset === "unknown") return undefined;
          if (offset !== undefined) wanted.get(read.tensor)?.add(offset);
        }
      }
    }
  }
  return wanted;
};

const elementCount = ({ indices }: Definition): number =>
  indices.reduce((count, index) => count * (affine.asConstant(index.extent) ?? 0), 1);

const positionsAt = (definition: Definition, offsets: ReadonlySet<number>): ReadonlyMap<number, Position> =>
  new Map([...positions(definition.indices).entries()].filter(([offset]) => offsets.has(offset)));

/** Nothing where the place is out of bounds, which a guard keeps from being read. */
const offsetAt = (
  ir: Arena,
  tensor: Tensor,
  at: readonly Affine[],
  position: Position,
): number | "unknown" | undefined => {
  const values = constants(ir, position);
  const places = at.map((a) => range.substituteAffine(ir, a, (index) => values.get(index), (node) => affine.ofData(ir, node))); // prettier-ignore
  if (places.some((place) => affine.asConstant(place) === undefined)) return "unknown";
  return constantOffset(tensor, places);
};

const expandAll = (
  ir: Arena,
  definitions: readonly Definition[],
  wanted: ReadonlyMap<Tensor, ReadonlySet<number>>,
): Expanded => {
  const expanded: Expanded = new Map();
  for (const definition of definitions) {
    const offsets = wanted.get(definition.tensor);
    if (offsets !== undefined && offsets.size > 0)
      expanded.set(definition.tensor, expand(ir, expanded, definition, positionsAt(definition, offsets)));
  }
  return expanded;
};

// ---- small definitions of a program that has loops

const besideLoops = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
): Scalarised => {
  const expanded: Expanded = new Map();
  const chosen = choose(definitions);
  const stored = storedTensors(definitions, chosen, outputs);
  const elements = new Map<Tensor, Element>();
  const decisions: Decision[] = [];
  const result = definitions.flatMap((definition) => {
    const { tensor } = definition;
    if (!chosen.has(tensor)) return [definition];
    const all = new Map(positions(definition.indices).entries());
    const nodes = expand(ir, expanded, definition, all);
    expanded.set(tensor, nodes);
    decisions.push({ subject: tensor.name, decision: "scalarised", reason: `${nodes.size} elements` });
    return stored.has(tensor) ? storesOf(ir, definition, [...nodes.values()], elements) : [];
  });
  return { definitions: result, elements, decisions, operations: undefined };
};

/** Of constant size, not a recurrence, and within the budget of the program. */
const choose = (definitions: readonly Definition[]): ReadonlySet<Tensor> => {
  const chosen = new Set<Tensor>();
  let budget = BESIDE;
  for (const definition of definitions) {
    const count = iterations(definition);
    if (loopIndices(definition).length === 0 || count === 0 || count > MAX_ITERATIONS) continue;
    if (!isExpandable(definition)) continue;
    const size = count * reachable([definition.body]).length;
    if (size > budget) continue;
    budget -= size;
    chosen.add(definition.tensor);
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

// ---- elements

const expand = (
  ir: Arena,
  expanded: Expanded,
  definition: Definition,
  wanted: ReadonlyMap<number, Position>,
): ReadonlyMap<number, Node> => {
  const { reduction } = definition;
  const value = (position: Position): Node => {
    if (reduction === undefined) return bodyAt(ir, expanded, definition, position);
    const terms = positions(reduction.indices).map((inner) =>
      bodyAt(ir, expanded, definition, new Map([...position, ...inner])),
    );
    return combined(ir, reduction.op, terms);
  };
  return new Map([...wanted].map(([offset, position]) => [offset, value(position)]));
};

const bodyAt = (ir: Arena, expanded: Expanded, { body }: Definition, position: Position): Node => {
  const values = constants(ir, position);
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind !== "read") return rebuilt;
    const offset = constantOffset(rebuilt.tensor, rebuilt.at);
    return (offset === undefined ? undefined : expanded.get(rebuilt.tensor)?.get(offset)) ?? rebuilt;
  };
  const [result = body] = mapNodes(ir, [body], { ...KEEP, index: (index) => values.get(index), node });
  return result;
};

const constantOffset = (tensor: Tensor, at: readonly Affine[]): number | undefined => {
  let offset: number | undefined = 0;
  at.forEach((position, axis) => {
    const [value, extent] = [affine.asConstant(position), tensor.shape[axis]];
    const size = extent && affine.asConstant(extent);
    if (value === undefined || size === undefined || value < 0 || value >= size) offset = undefined;
    if (offset !== undefined) offset = offset * (size ?? 0) + (value ?? 0);
  });
  return offset;
};

/** A single value per element of a tensor that has to be in memory. */
const storesOf = (
  ir: Arena,
  { tensor, indices }: Definition,
  nodes: readonly Node[],
  elements: Map<Tensor, Element>,
): readonly Definition[] =>
  positions(indices).map((position, k): Definition => {
    const name = `${tensor.name}_${[...position.values()].join("_")}`;
    const single = ir.tensor({ name, shape: [], dtype: tensor.dtype, role: "defined" });
    elements.set(single, { of: tensor, at: [...position.values()].map((value) => affine.fixed(ir, value)) });
    const body = nodes[k];
    if (body === undefined) throw new Error(`${name} has no value`);
    return { tensor: single, indices: [], reduction: undefined, target: undefined, body, labels: [] };
  });
