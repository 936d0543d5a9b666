/** Which tensors and expressions a derivative has to pass through. */
import { reachable, readsOf, type Definition, type Node, type Program, type Tensor } from "../ir/index.ts";
import { operandsOf } from "../ir/index.ts";

/** Float tensors whose value can change with one of `sources`. */
export const activeTensors = (program: Program, sources: readonly Tensor[]): ReadonlySet<Tensor> => {
  const active = new Set(sources);
  const readers = new Map<Tensor, Tensor[]>();
  for (const { tensor, body } of program.definitions) {
    if (tensor.dtype !== "float") continue;
    for (const read of new Set(readsOf([body]).map((node) => node.tensor))) {
      const known = readers.get(read);
      if (known === undefined) readers.set(read, [tensor]);
      else known.push(tensor);
    }
  }
  // a set is walked in the order of insertion, also of what is inserted meanwhile
  for (const tensor of active) for (const reader of readers.get(tensor) ?? []) active.add(reader);
  return active;
};

/** The nodes of a body that depend on an active tensor, in order of id. Conditions are not followed: they do not move. */
export const activeNodes = (definition: Definition, active: ReadonlySet<Tensor>): readonly Node[] => {
  const moving = new Set<Node>();
  for (const node of reachable([definition.body])) {
    const moves =
      node.kind === "read"
        ? active.has(node.tensor)
        : operandsOf(node).some((operand) => moving.has(operand));
    if (moves && node.dtype === "float" && node.kind !== "stopgradient") moving.add(node);
  }
  return [...moving];
};
