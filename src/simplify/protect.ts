/**
 * Definitions that rewriting made of parts of others, whose reads a condition kept in bounds that stayed behind. In: such a
 * definition; out: the same under the tests of those reads. Where they fail nobody reads the element. Nodes are visited once.
 */
import { NEUTRAL, affine, affinesOf, build as b, operandsOf, range, reachable } from "../ir/index.ts";
import type { Arena, Definition, Node } from "../ir/index.ts";

export const protect = (ir: Arena, definition: Definition): Definition => {
  const { body, reduction, target } = definition;
  const tests = target === undefined && body.dtype === "float" ? testsOf(ir, body) : [];
  if (tests.length === 0) return definition;
  const [test, neutral] = [b.and(ir, tests), NEUTRAL[reduction?.op ?? "sum"] ?? 0];
  const kept = neutral === 0 ? b.guard(ir, test, body) : b.select(ir, test, body, b.constant(ir, neutral));
  return { ...definition, body: kept };
};

/** Whether it has a value also where the conditions around it fail. */
export const isDefined = (ir: Arena, node: Node): boolean => testsOf(ir, node).length === 0;

/** That the reads lie inside which are performed whatever conditions on indices say, where it is not proved. */
const testsOf = (ir: Arena, root: Node): readonly Node[] => {
  const tests = new Set<Node>();
  const always = new Set([root]);
  for (const node of always) {
    const [test, ...branches] = operandsOf(node);
    if (test !== undefined) always.add(test);
    if (!BRANCHES.has(node.kind) || test === undefined || !isAboutIndices(test))
      for (const branch of branches) always.add(branch);
    if (node.kind !== "read" || affinesOf(node).some((a) => affine.dataOf(a).length > 0)) continue;
    node.at.forEach((a, k) => {
      const extent = node.tensor.shape[k];
      if (extent !== undefined && !range.provablyInRange(ir, a, extent)) tests.add(b.inRange(ir, a, extent));
    });
  }
  return [...tests];
};

/** Also in part. */
const isAboutIndices = (test: Node): boolean =>
  reachable([test]).some(
    (node) =>
      ABOUT_INDICES.has(node.kind) ||
      (node.kind === "compare" && node.a.kind === "index" && node.b.kind === "index"),
  );

const ABOUT_INDICES: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>(["inrange", "divides", "iszero"]);

const BRANCHES: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>(["select", "guard"]);
