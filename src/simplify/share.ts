/**
 * A value that a definition holds is read from it wherever else it is computed. Definitions in, definitions out; each pass
 * replaces expressions by reads, of which there is an end.
 */
import { define, KEEP, mapNodes, reachable } from "../ir/index.ts";
import type { Definition, Index, Node, Tensor } from "../ir/index.ts";
import { bodyWeight } from "./cost.ts";
import { withBody } from "./tidy.ts";
import { freshTensor, isPointwise, readAt, type Workspace } from "./workspace.ts";

/** Cheaper values are computed again rather than stored: a function call is worth an array, an addition is not. */
const WORTH_STORING = 8;
/** More common values than this in one program belong to one loop over all of them, which is scheduling. */
const AT_MOST = 32;

/** Where a value stands, in the names that the value has for indices. */
interface Holder {
  readonly tensor: Tensor;
  readonly indices: readonly Index[];
}

export const shareValues = (space: Workspace, order: readonly Definition[]): readonly Definition[] => {
  const held = heldValues(order);
  const common = commonValues(space, order, held);
  for (const { node, definition } of common) {
    held.set(node, { tensor: definition.tensor, indices: node.indices });
  }
  if (held.size === 0) return order;
  const all = [...order, ...common.map((each) => each.definition)];
  return all.map((definition) => readHeld(space, definition, held));
};

/** The values of pointwise definitions; of two that hold the same, the first. */
const heldValues = (order: readonly Definition[]): Map<Node, Holder> => {
  const held = new Map<Node, Holder>();
  for (const { tensor, indices, body, ...rest } of order) {
    if (held.has(body) || !isWorthReading(body)) continue;
    if (isPointwise({ tensor, indices, body, ...rest })) held.set(body, { tensor, indices });
  }
  return held;
};

const LEAVES: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>([
  "read", "constant", "zero", "option", "index",
]); // prettier-ignore

const isWorthReading = (node: Node): boolean => node.dtype === "float" && !LEAVES.has(node.kind);

const readHeld = (space: Workspace, definition: Definition, held: ReadonlyMap<Node, Holder>): Definition => {
  const node = (rebuilt: Node, original: Node): Node => {
    const holder = held.get(original);
    if (holder === undefined || holder.tensor === definition.tensor) return rebuilt;
    return readAt(space.ir, holder.tensor, holder.indices);
  };
  const [body = definition.body] = mapNodes(space.ir, [definition.body], { ...KEEP, node });
  return withBody(definition, body);
};

/** Expensive values that two definitions compute, each as a definition of its own. */
const commonValues = (
  space: Workspace,
  order: readonly Definition[],
  held: ReadonlyMap<Node, Holder>,
): readonly { node: Node; definition: Definition }[] => {
  const first = new Map<Node, Definition>();
  const common = new Set<Node>();
  for (const definition of order) {
    for (const node of reachable([definition.body])) {
      if (node.kind !== "unary" && node.kind !== "binary") continue;
      if (first.has(node)) common.add(node);
      else first.set(node, definition);
    }
  }
  const worth = [...common].filter(
    (node) => !held.has(node) && node.indices.length > 0 && bodyWeight(space.ir, node) >= WORTH_STORING,
  );
  if (worth.length > AT_MOST) return [];
  return worth.map((node) => ({ node, definition: holding(space, node, first.get(node)) }));
};

const holding = (space: Workspace, node: Node, origin: Definition | undefined): Definition => {
  const all = [...(origin?.indices ?? []), ...(origin?.reduction?.indices ?? [])];
  const labels = node.indices.map((index) => origin?.labels[all.indexOf(index)] ?? index.name);
  const shape = node.indices.map((index) => index.extent);
  const tensor = freshTensor(space, origin?.tensor.name ?? "common", shape, []);
  space.names.add(tensor.name);
  return define(space.ir, { tensor, indices: node.indices, body: node, labels });
};
