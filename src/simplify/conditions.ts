/**
 * What a test tells about the expression that it guards: inside `guard(c, …)` and the branches of `c ? … : …` the value
 * of c is known. Node in, node out; it looks at a bounded number of nodes below, so it is linear over a program.
 */
import { affinesOf, build as b, operandsOf, rebuild } from "../ir/index.ts";
import type { Arena, Node } from "../ir/index.ts";
import type { Rewrite } from "./rules.ts";

/** How far below a guard its consequences are sought. */
const DEPTH = 4;

type Facts = ReadonlyMap<Node, boolean>;

const factsOf = (ir: Arena, test: Node, value: boolean): Facts => {
  const parts = value && test.kind === "and" ? test.args : !value && test.kind === "or" ? test.args : [test];
  const facts = new Map<Node, boolean>([[test, value]]);
  for (const part of parts) {
    facts.set(part, value);
    facts.set(b.not(ir, part), !value);
  }
  return facts;
};

const isConditional = (node: Node): boolean =>
  node.dtype === "bool" || node.kind === "guard" || node.kind === "select";

const valueOf = (ir: Arena, test: Node, facts: Facts): boolean | undefined => {
  const known = facts.get(test);
  if (known !== undefined || test.kind !== "inrange") return known;
  for (const [fact, value] of facts) if (value && b.implies(ir, fact, test)) return true;
  return undefined;
};

/** The node where the facts hold. Numbers are looked through, tests are replaced. */
const under = (ir: Arena, node: Node, facts: Facts, depth: number): Node => {
  const known = valueOf(ir, node, facts);
  if (known !== undefined) return b.boolean(ir, known);
  const args = operandsOf(node);
  if (depth === 0 || args.length === 0 || args.length > 8) return node;
  if (!isConditional(node) && node.kind !== "sum" && node.kind !== "product") return node;
  return rebuild(
    ir,
    node,
    args.map((arg) => under(ir, arg, facts, depth - 1)),
    affinesOf(node),
  );
};

/** One step of what a guard or a selection implies below itself. */
export const assume = (ir: Arena, node: Node): Rewrite | undefined => {
  const result = consequence(ir, node);
  return result === node ? undefined : { rule: "a test is known where it guards", node: result };
};

const consequence = (ir: Arena, node: Node): Node => {
  if (node.kind === "guard") {
    return b.guard(ir, node.test, under(ir, node.a, factsOf(ir, node.test, true), DEPTH));
  }
  if (node.kind === "select") {
    const then = under(ir, node.then, factsOf(ir, node.test, true), DEPTH);
    const otherwise = under(ir, node.else, factsOf(ir, node.test, false), DEPTH);
    return b.select(ir, node.test, then, otherwise);
  }
  if (node.kind === "and") {
    const opposed = node.args.some((arg) => node.args.includes(b.not(ir, arg)));
    return opposed ? b.boolean(ir, false) : node;
  }
  return node;
};
