/**
 * In: expressions. Out: for each a condition without which it is nothing: the guards of all its terms. What it is multiplied
 * by is needed there only, and may be out of bounds or no number elsewhere. Every node is visited once: it ends.
 */
import { build, reachable, type Arena, type Node } from "../ir/index.ts";

export const supportsOf = (ir: Arena, roots: readonly Node[]): ReadonlyMap<Node, Node> => {
  const always = build.boolean(ir, true);
  const supports = new Map<Node, Node>();
  const of = (node: Node): Node => supports.get(node) ?? always;
  for (const node of reachable(roots)) {
    if (node.kind === "zero") supports.set(node, build.boolean(ir, false));
    else if (node.kind === "guard") supports.set(node, build.and(ir, [node.test, of(node.a)]));
    else if (node.kind === "product") supports.set(node, build.and(ir, node.args.map(of)));
    else if (node.kind === "sum") supports.set(node, either(ir, node.args.map(of)));
  }
  return supports;
};

const partsOf = (test: Node): readonly Node[] => (test.kind === "and" ? test.args : [test]);

/** Any of the tests: (p ∧ q) ∨ (p ∧ r) = p ∧ (q ∨ r), and q ∨ ¬q always holds. */
const either = (ir: Arena, tests: readonly Node[]): Node => {
  if (tests.some((test) => test.kind === "boolean" && test.value)) return build.boolean(ir, true);
  const all = tests.map((test) => new Set(partsOf(test)));
  const common = [...(all[0] ?? [])].filter((part) => all.every((parts) => parts.has(part)));
  const rests = all.map((parts) =>
    build.and(
      ir,
      [...parts].filter((part) => !common.includes(part)),
    ),
  );
  const isCertain = rests.some((rest) => rests.includes(build.not(ir, rest)));
  return build.and(ir, isCertain ? common : [...common, build.or(ir, rests)]);
};
