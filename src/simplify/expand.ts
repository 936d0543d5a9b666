/**
 * Sums written another way where a body gets lighter by it: a shared product taken apart for a common factor, a product of
 * sums multiplied out. A body in, a body out; each accepted step lowers its weight.
 */
import { build as b, KEEP, mapNodes, reachable } from "../ir/index.ts";
import type { Arena, Definition, Node, Sum } from "../ir/index.ts";
import { collectProduct, collectSum } from "./algebra.ts";
import { bodyWeight } from "./cost.ts";
import { simplifyNodes, type Engine } from "./engine.ts";
import { withBody } from "./tidy.ts";

/** Larger bodies are left alone, so that the number of trials does not grow with a program. */
const NODES = 128;
const SUMS = 16;
const TERMS = 12;

export const rewriteSums = (engine: Engine, definition: Definition): Definition => {
  let body = definition.body;
  for (let count = 0; count < SUMS; count++) {
    const better = lighterBody(engine, body);
    if (better === undefined) break;
    body = better;
  }
  return withBody(definition, body);
};

const lighterBody = (engine: Engine, body: Node): Node | undefined => {
  const nodes = reachable([body]);
  if (nodes.length > NODES) return undefined;
  const sums = nodes.filter((node): node is Sum => node.kind === "sum" && node.args.length <= TERMS);
  const weight = bodyWeight(engine.ir, body);
  for (const sum of sums.slice(0, SUMS)) {
    for (const other of otherForms(engine.ir, sum)) {
      if (other === sum) continue;
      const node = (rebuilt: Node): Node => (rebuilt === sum ? other : rebuilt);
      const [replaced = body] = mapNodes(engine.ir, [body], { ...KEEP, node });
      const [simplified = replaced] = simplifyNodes(engine, [replaced]);
      if (bodyWeight(engine.ir, simplified) < weight * (1 - 1e-9)) return simplified;
    }
  }
  return undefined;
};

/** As it is but with shared products taken apart, and with products multiplied out. */
const otherForms = (ir: Arena, sum: Sum): readonly Node[] => {
  const around = { ir, shared: (): boolean => false };
  const collected = (terms: readonly Node[]): Node =>
    collectSum(
      around,
      terms.map((node) => ({ node, sign: 1 })),
    );
  const flat = sum.args.map((arg) => flattened(ir, arg));
  const multiplied = flat.flatMap((arg) => multipliedOut(ir, arg));
  const isLonger = multiplied.length > flat.length && multiplied.length <= TERMS;
  return [collected(flat), ...(isLonger ? [collected(multiplied)] : [])];
};

/** A product of products as one, under its guard. */
const flattened = (ir: Arena, node: Node): Node => {
  if (node.kind === "guard") return b.guard(ir, node.test, flattened(ir, node.a));
  if (node.kind !== "product") return node;
  const factors = node.args.flatMap((arg) => (arg.kind === "product" ? arg.args : [arg]));
  return collectProduct(
    { ir, shared: () => true },
    factors.map((factor) => ({ node: factor, exponent: 1 })),
  );
};

/**
 * The terms of k·(1 - t), k and -k·t, for a scalar k. No other product is multiplied out, cheaper though it might be: k·(x - y)
 * keeps its digits where x is close to y, and k·x - k·y does not.
 */
const multipliedOut = (ir: Arena, node: Node): readonly Node[] => {
  if (node.kind === "guard") return multipliedOut(ir, node.a).map((term) => b.guard(ir, node.test, term));
  if (node.kind !== "product") return [node];
  const varying = node.args.filter(isVarying);
  const [factor, ...more] = varying;
  if (factor?.kind !== "sum" || more.length > 0 || factor.args.filter(isVarying).length > 1) return [node];
  const others = node.args.filter((arg) => arg !== factor);
  return factor.args.map((term) => flattened(ir, b.product(ir, [term, ...others])));
};

const isVarying = (node: Node): boolean => node.indices.length > 0;
