/** A small evaluator of one expression at given values of its reads: independent of the project's interpreter. */
import { build as b, reachable } from "../../src/ir/index.ts";
import type { Arena, Node } from "../../src/ir/index.ts";
import { BINARY, UNARY } from "../../src/eval/operations.ts";

export type Scope = ReadonlyMap<string, number>;

const COMPARE = {
  "<": (a: number, c: number) => a < c,
  "<=": (a: number, c: number) => a <= c,
  "==": (a: number, c: number) => a === c,
  "!=": (a: number, c: number) => a !== c,
} as const;

/** Free variables are options. */
export const scalar = (ir: Arena, name: string): Node => b.option(ir, name);

export const valueOf = (root: Node, scope: Scope): number => {
  const values = new Map<Node, number>();
  const at = (node: Node): number => values.get(node) ?? NaN;
  for (const node of reachable([root])) values.set(node, valueOfNode(node, at, scope));
  return at(root);
};

const valueOfNode = (node: Node, at: (node: Node) => number, scope: Scope): number => {
  switch (node.kind) {
    case "constant":
      return node.value;
    case "zero":
      return 0;
    case "boolean":
      return node.value ? 1 : 0;
    case "option": {
      const value = scope.get(node.name);
      if (value === undefined) throw new Error(`no value for ${node.name}`);
      return value;
    }
    case "unary":
      return UNARY[node.op](at(node.a));
    case "binary":
      return BINARY[node.op](at(node.a), at(node.b));
    case "power":
      return power(at(node.base), node.exponent.num / node.exponent.den);
    case "sum":
      return node.args.reduce((total, arg) => total + at(arg), 0);
    case "product":
      return node.args.reduce((total, arg) => total * at(arg), 1);
    case "compare":
      return COMPARE[node.op](at(node.a), at(node.b)) ? 1 : 0;
    case "and":
      return node.args.every((arg) => at(arg) === 1) ? 1 : 0;
    case "or":
      return node.args.some((arg) => at(arg) === 1) ? 1 : 0;
    case "not":
      return 1 - at(node.a);
    case "select":
      return at(node.test) === 1 ? at(node.then) : at(node.else);
    case "guard":
      return at(node.test) === 1 ? at(node.a) : 0;
    case "read":
    case "index":
    case "inrange":
    case "divides":
    case "iszero":
    case "stopgradient":
    case "delta":
      throw new Error(`${node.kind} is not a scalar expression`);
  }
};

const power = (base: number, exponent: number): number =>
  exponent === 0.5 ? Math.sqrt(base) : base ** exponent;

/** A repeatable stream of numbers in [0, 1). */
export const random = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};
