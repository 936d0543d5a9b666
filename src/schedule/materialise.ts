/**
 * Expensive values once per element of what they depend on. In: definitions in order; out: the same with new definitions
 * for expensive parts that fewer loops than the definition has can compute, or that several definitions compute. Those
 * that end in one loop are contracted to scalars later: it costs nothing. Ends: parts are smaller than what has them.
 */
import {
  KEEP, affine, build, define, loopIndices, mapNodes, operandsOf, reachable, readsOf, type Arena, type Definition, type Index, type Node, type Read, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { isExpensive } from "./cost.ts";
import type { Decision } from "./decision.ts";

export interface Materialised {
  readonly definitions: readonly Definition[];
  readonly decisions: readonly Decision[];
}

interface Search {
  readonly ir: Arena;
  readonly provable: (node: Read) => boolean;
  /** In how many definitions a node occurs. */
  readonly occurrences: ReadonlyMap<Node, number>;
  /** Nodes with an expensive operation in them, all of whose reads are in bounds wherever their indices are. */
  readonly worthwhile: ReadonlySet<Node>;
  /** The tensor that holds a node's values at its indices. */
  readonly tensors: Map<Node, Tensor>;
}

export const materialise = (
  ir: Arena,
  definitions: readonly Definition[],
  provable: (node: Read) => boolean,
): Materialised => {
  const occurrences = countOccurrences(definitions);
  const worthwhile = worthwhileNodes(definitions, provable);
  const search: Search = { ir, provable, occurrences, worthwhile, tensors: new Map() };
  const decisions: Decision[] = [];
  const result: Definition[] = [];
  for (const definition of definitions) {
    const found = isFixed(definition) ? [] : partsOf(search, definition);
    for (const part of found) {
      if (search.tensors.has(part.node)) continue;
      const made = definitionOf(search, part, definition);
      search.tensors.set(part.node, made.tensor);
      result.push(made);
      decisions.push({ subject: made.tensor.name, decision: "materialised", reason: part.reason });
    }
    const replaced = withParts(search, definition, found);
    result.push(replaced);
    if (holdsItsBody(definition)) search.tensors.set(definition.body, definition.tensor);
  }
  return { definitions: result, decisions };
};

const isFixed = (definition: Definition): boolean =>
  loopIndices(definition).length === 0 ||
  readsOf([definition.body]).some((read) => read.tensor === definition.tensor);

/** A pointwise definition over exactly the indices of its body is that body's tensor. */
const holdsItsBody = (definition: Definition): boolean =>
  definition.reduction === undefined &&
  definition.target === undefined &&
  definition.body.dtype === definition.tensor.dtype &&
  definition.body.indices.length === definition.indices.length;

const countOccurrences = (definitions: readonly Definition[]): ReadonlyMap<Node, number> => {
  const occurrences = new Map<Node, number>();
  for (const definition of definitions) {
    if (loopIndices(definition).length === 0) continue;
    for (const node of reachable([definition.body])) occurrences.set(node, (occurrences.get(node) ?? 0) + 1);
  }
  return occurrences;
};

const worthwhileNodes = (
  definitions: readonly Definition[],
  provable: (node: Read) => boolean,
): ReadonlySet<Node> => {
  const expensive = new Set<Node>();
  const unsafe = new Set<Node>();
  for (const node of reachable(definitions.map((definition) => definition.body))) {
    const operands = operandsOf(node);
    if (isExpensive(node) || operands.some((each) => expensive.has(each))) expensive.add(node);
    const safe = node.kind === "read" ? provable(node) : !operands.some((each) => unsafe.has(each));
    if (!safe) unsafe.add(node);
  }
  return new Set([...expensive].filter((node) => !unsafe.has(node) && node.dtype === "float"));
};

interface Part {
  readonly node: Node;
  readonly reason: string;
}

/** The largest parts, from the body down. */
const partsOf = (search: Search, definition: Definition): readonly Part[] => {
  const loops = loopIndices(definition).length;
  const found: Part[] = [];
  const seen = new Set([definition.body]);
  for (const node of seen) {
    const reason = search.worthwhile.has(node) ? reasonFor(search, node, definition, loops) : undefined;
    if (reason !== undefined) found.push({ node, reason });
    else for (const next of operandsOf(node)) seen.add(next);
  }
  return found;
};

const reasonFor = (search: Search, node: Node, definition: Definition, loops: number): string | undefined => {
  if (node.indices.length === 0) return undefined;
  if (node.indices.length < loops) {
    return `expensive, and needs ${node.indices.length} of the ${loops} loops of ${definition.tensor.name}`;
  }
  // the body itself is stored already
  if (node === definition.body && holdsItsBody(definition) && !search.tensors.has(node)) return undefined;
  return (search.occurrences.get(node) ?? 0) > 1 ? "expensive, and several definitions use it" : undefined;
};

const definitionOf = (search: Search, { node }: Part, user: Definition): Definition => {
  const loops = loopIndices(user);
  const indices = loops.filter((index) => node.indices.includes(index));
  const label = (index: Index): string => user.labels[loops.indexOf(index)] ?? index.name;
  const name = `${user.tensor.name}Part`;
  const shape = indices.map((index) => index.extent);
  const tensor = search.ir.tensor({ name, shape, dtype: "float", role: "defined" });
  return define(search.ir, { tensor, indices, body: node, labels: indices.map(label) });
};

/** The definition with reads in the place of its parts. */
const withParts = (search: Search, definition: Definition, parts: readonly Part[]): Definition => {
  if (parts.length === 0) return definition;
  const { ir } = search;
  const loops = loopIndices(definition);
  const replacement = new Map<Node, Node>();
  for (const { node } of parts) {
    const tensor = search.tensors.get(node);
    const at = loops
      .filter((index) => node.indices.includes(index))
      .map((index) => affine.ofIndex(ir, index));
    if (tensor !== undefined) replacement.set(node, build.read(ir, tensor, at));
  }
  const node = (rebuilt: Node, original: Node): Node => replacement.get(original) ?? rebuilt;
  const [body = definition.body] = mapNodes(ir, [definition.body], { ...KEEP, node });
  return { ...definition, body };
};
