/**
 * Common parts of sums and products over many straight-line values, as a compiler's common sub-expressions do not find them
 * in n-ary operations: a + b in a + b + c, x·y in x·y·z, a - b in b - a. In: values; out: the same values (in real numbers)
 * of no more operations. Ends: every pair that is taken out shortens the operand lists by one at least.
 */
import { affinesOf, build as b, operandsOf, rebuild, type Arena, type Node } from "../../ir/index.ts";
import { straightOperations } from "../cost.ts";
import { canonical, one, productNode, whole, type Lists, type Scaled } from "./canonical.ts";
import { factoredLists } from "./factor.ts";
import { paired } from "./pair.ts";

export const shareCommon = (ir: Arena, values: readonly Node[]): readonly Node[] => {
  const { scaled, graph } = canonical(ir, values);
  const roots = values.map((value) => scaled.get(value) ?? { coefficient: one(ir), node: value });
  const candidates = new Set([graph, factoredLists(ir, graph)]);
  const forms = [values, ...[...candidates].map((lists) => realised(ir, paired(ir, lists), roots))];
  const counted = forms.map((form) => ({ form, operations: straightOperations(ir, form) }));
  return counted.reduce((best, next) => (next.operations < best.operations ? next : best)).form;
};

const realised = (ir: Arena, { sums, products }: Lists, roots: readonly Scaled[]): readonly Node[] => {
  const done = new Map<Node, Node>();
  const operandsIn = (node: Node): readonly Node[] =>
    (sums.get(node) ?? products.get(node))?.map((each) => each.node) ?? operandsOf(node);
  const make = (node: Node): Node => {
    const terms = sums.get(node);
    if (terms !== undefined) {
      return b.sum(ir, terms.map((term) => whole(ir, { ...term, node: done.get(term.node) ?? term.node }))); // prettier-ignore
    }
    const factors = products.get(node);
    if (factors !== undefined) return productNode(ir, factors.map((factor) => done.get(factor.node) ?? factor.node)); // prettier-ignore
    return rebuild(ir, node, operandsOf(node).map((each) => done.get(each) ?? each), affinesOf(node)); // prettier-ignore
  };
  // operands may be newer than their users: depth first, on a stack of its own
  const stack = roots.map(({ node }) => node).reverse();
  while (stack.length > 0) {
    const node = stack.at(-1);
    if (node === undefined) break;
    const waiting = done.has(node) ? [] : operandsIn(node).filter((each) => !done.has(each));
    if (waiting.length > 0) stack.push(...waiting);
    else {
      stack.pop();
      if (!done.has(node)) done.set(node, make(node));
    }
  }
  return roots.map(({ coefficient, node }) => whole(ir, { coefficient, node: done.get(node) ?? node }));
};
