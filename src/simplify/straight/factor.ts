/**
 * A factor of several terms of a sum, outside of it. In: the operands of sums and products; out: the same with a·b + a·c as
 * a·(b + c) where nobody else uses the products; the same object where there is none. Ends: every factor that is taken out
 * shortens a sum.
 */
import type { Arena, Node } from "../../ir/index.ts";
import { byNode, listed, normalised, opaque, type Lists, type Operands, type Scaled } from "./canonical.ts";

export const factoredLists = (ir: Arena, lists: Lists): Lists => {
  const { sums, products } = lists;
  const users = new Map<Node, number>();
  for (const operands of [...sums.values(), ...products.values()])
    for (const { node } of operands) users.set(node, (users.get(node) ?? 0) + 1);
  const result: { sums: Map<Node, Operands>; products: Map<Node, Operands> } = {
    sums: new Map(),
    products: new Map(products),
  };
  let changed = false;
  for (const [node, terms] of sums) {
    let current = terms;
    for (;;) {
      const next = withFactor(ir, current, result, (term) => users.get(term) === 1);
      if (next === undefined) break;
      current = next;
      changed = true;
    }
    result.sums.set(node, current);
  }
  return changed ? result : lists;
};

const withFactor = (
  ir: Arena,
  terms: Operands,
  lists: { readonly sums: Map<Node, Operands>; readonly products: Map<Node, Operands> },
  isOwn: (node: Node) => boolean,
): Operands | undefined => {
  const members = new Map<Node, Scaled[]>();
  for (const term of terms) {
    if (!isOwn(term.node)) continue;
    for (const factor of new Set(lists.products.get(term.node)?.map((each) => each.node)))
      members.set(factor, [...(members.get(factor) ?? []), term]);
  }
  let best: readonly [Node, readonly Scaled[]] | undefined;
  for (const entry of members) if (entry[1].length > (best?.[1].length ?? 1)) best = entry;
  if (best === undefined) return undefined;
  const [factor, taken] = best;
  const inner = normalised(
    ir,
    taken
      .map(({ coefficient, node }) => ({ coefficient, node: without(ir, node, factor, lists.products) }))
      .sort(byNode),
    lists.sums,
  );
  const node = listed(ir, [opaque(ir, factor), opaque(ir, inner.node)], lists.products);
  const others = terms.filter((term) => !taken.includes(term));
  return [...others, { coefficient: inner.coefficient, node }].sort(byNode);
};

const without = (ir: Arena, product: Node, factor: Node, products: Map<Node, Operands>): Node => {
  const factors = products.get(product) ?? [];
  const at = factors.findIndex((each) => each.node === factor);
  return listed(ir, factors.filter((_, k) => k !== at), products); // prettier-ignore
};
