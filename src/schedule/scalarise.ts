/**
 * Small definitions of constant size as one expression per element, shared between all of them. In: definitions in order;
 * out: those that keep their loops, and a single value for each element that is stored. Ends: every definition is expanded
 * at most once, within a budget for the program.
 */
import {
  KEEP, affine, loopIndices, mapNodes, reachable, readsOf, tensorsRead, type Affine, type Arena, type Definition, type Node, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Decision } from "./decision.ts";
import type { Element } from "./tree.ts";
import { combined, constants, positions, type Position } from "./unroll.ts";

/** Iterations of one definition; nodes of one program. */
const MAX_ITERATIONS = 64;
const BUDGET = 4000;

export interface Scalarised {
  readonly definitions: readonly Definition[];
  /** Which element of which tensor a single value is. */
  readonly elements: ReadonlyMap<Tensor, Element>;
  readonly decisions: readonly Decision[];
}

interface Expansion {
  readonly ir: Arena;
  /** The elements of expanded tensors, in row-major order. */
  readonly nodes: Map<Tensor, readonly Node[]>;
}

export const scalarise = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
): Scalarised => {
  const expansion: Expansion = { ir, nodes: new Map() };
  const chosen = choose(definitions);
  const stored = storedTensors(definitions, chosen, outputs);
  const elements = new Map<Tensor, Element>();
  const decisions: Decision[] = [];
  const result = definitions.flatMap((definition) => {
    const { tensor } = definition;
    if (!chosen.has(tensor)) return [definition];
    const nodes = expand(expansion, definition);
    expansion.nodes.set(tensor, nodes);
    decisions.push({ subject: tensor.name, decision: "scalarised", reason: `${nodes.length} elements` });
    return stored.has(tensor) ? storesOf(expansion, definition, nodes, elements) : [];
  });
  return { definitions: result, elements, decisions };
};

const iterations = (definition: Definition): number =>
  loopIndices(definition).reduce((count, index) => count * (affine.asConstant(index.extent) ?? Infinity), 1);

/** Of constant size, not a recurrence, and within the budget of the program. */
const choose = (definitions: readonly Definition[]): ReadonlySet<Tensor> => {
  const chosen = new Set<Tensor>();
  let budget = BUDGET;
  for (const definition of definitions) {
    const count = iterations(definition);
    if (
      loopIndices(definition).length === 0 ||
      count === 0 ||
      count > MAX_ITERATIONS ||
      definition.target !== undefined
    )
      continue;
    if (tensorsRead(definition).includes(definition.tensor)) continue;
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

const expand = (expansion: Expansion, definition: Definition): readonly Node[] => {
  const { ir } = expansion;
  const { reduction } = definition;
  return positions(definition.indices).map((position) => {
    if (reduction === undefined) return bodyAt(expansion, definition, position);
    const terms = positions(reduction.indices).map((inner) =>
      bodyAt(expansion, definition, new Map([...position, ...inner])),
    );
    return combined(ir, reduction.op, terms);
  });
};

const bodyAt = ({ ir, nodes }: Expansion, { body }: Definition, position: Position): Node => {
  const values = constants(ir, position);
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind !== "read") return rebuilt;
    const offset = constantOffset(rebuilt.tensor, rebuilt.at);
    return (offset === undefined ? undefined : nodes.get(rebuilt.tensor)?.[offset]) ?? rebuilt;
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
  { ir }: Expansion,
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
