/**
 * Definitions that are sums and products of other values, written out where they are read: the form in which things cancel.
 * A read in, its definition's body at those indices out.
 */
import { KEEP, mapNodes, reachable, substitute } from "../ir/index.ts";
import type { Definition, Node, Read, Tensor } from "../ir/index.ts";
import { bodyAt, isPointwise, type Workspace } from "./workspace.ts";

/** Larger bodies stay named. */
const NODES = 40;
const LEVELS = 3;

const POLYNOMIAL: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>([
  "sum", "product", "power", "read", "constant", "option", "index", "guard", "stopgradient",
]); // prettier-ignore

const isPolynomialNode = (node: Node): boolean => POLYNOMIAL.has(node.kind) || node.dtype === "bool";

const ARITHMETIC: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>(["sum", "product", "power"]);

/** The body where it is read, if it is a small sum or product; its factors may be any values. */
export const polynomialAt = (space: Workspace, read: Read): Node | undefined => {
  const definition = space.definitions.get(read.tensor);
  if (definition === undefined || !isSmallPolynomial(definition)) return undefined;
  return substitute(space.ir, definition.body, bodyAt(space.ir, definition, read.at));
};

const isSmallPolynomial = (definition: Definition): boolean => {
  if (!ARITHMETIC.has(definition.body.kind) || !isPointwise(definition)) return false;
  const nodes = reachable([definition.body]);
  return nodes.length <= NODES && nodes.every(isPolynomialNode);
};

/** Reads of named polynomials replaced, a few levels deep. */
export const inlinePolynomials = (space: Workspace, body: Node): Node => {
  let current = body;
  for (let level = 0; level < LEVELS; level++) {
    const next = inlineWhere(space, current, () => true);
    if (next === current) return current;
    current = next;
  }
  return current;
};

/** Reads of one named polynomial replaced. */
export const inlineOne = (space: Workspace, body: Node, name: Tensor): Node =>
  inlineWhere(space, body, (read) => read.tensor === name);

const inlineWhere = (space: Workspace, body: Node, isMeant: (read: Read) => boolean): Node => {
  const node = (rebuilt: Node): Node =>
    rebuilt.kind === "read" && isMeant(rebuilt) ? (polynomialAt(space, rebuilt) ?? rebuilt) : rebuilt;
  return mapNodes(space.ir, [body], { ...KEEP, node })[0] ?? body;
};
