/**
 * In: expressions over the same loops that share parts. Out: the same with every shared operation defined once, so that the
 * adjoints of n reads of one body (a product of n factors) are small, each by itself. One visit per node: it ends.
 */
import {
  affine, affinesOf, build, define, operandsOf, reachable, rebuild, type Arena, type Definition, type Index, type Kind,
  type Node,
} from "../ir/index.ts"; // prettier-ignore
import type { Namer } from "./names.ts";

export interface Shared {
  readonly values: readonly Node[];
  readonly definitions: readonly Definition[];
}

/** What is worth a definition: conditions, reads and constants are not. */
const OPERATIONS: ReadonlySet<Kind> = new Set<Kind>(["unary", "binary", "power", "sum", "product", "select"]);

const usersOf = (roots: readonly Node[], nodes: readonly Node[]): ReadonlyMap<Node, number> => {
  const users = new Map<Node, number>();
  for (const node of [...roots, ...nodes.flatMap(operandsOf)]) users.set(node, (users.get(node) ?? 0) + 1);
  return users;
};

export const shareOperations = (
  ir: Arena,
  values: readonly Node[],
  labels: ReadonlyMap<Index, string>,
  base: string,
  namer: Namer,
): Shared => {
  const nodes = reachable(values);
  const users = usersOf(values, nodes);
  const done = new Map<Node, Node>();
  const definitions: Definition[] = [];
  const mapped = (node: Node): Node => done.get(node) ?? node;
  for (const node of nodes) {
    const rebuilt = rebuild(ir, node, operandsOf(node).map(mapped), affinesOf(node));
    const isShared = (users.get(node) ?? 0) > 1 && OPERATIONS.has(rebuilt.kind) && rebuilt.dtype === "float";
    if (!isShared) {
      done.set(node, rebuilt);
      continue;
    }
    const { indices } = rebuilt;
    const shape = indices.map((index) => index.extent);
    const tensor = ir.tensor({ name: namer(base), shape, dtype: "float", role: "defined" });
    const names = indices.map((index) => labels.get(index) ?? index.name);
    definitions.push(define(ir, { tensor, indices, body: rebuilt, labels: names }));
    done.set(
      node,
      build.read(
        ir,
        tensor,
        indices.map((index) => affine.ofIndex(ir, index)),
      ),
    );
  }
  return { values: values.map(mapped), definitions };
};
