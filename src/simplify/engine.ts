/**
 * Expressions → equal expressions that cost no more: bottom-up sweeps of the rule table over the shared DAG, until a sweep
 * changes nothing. A sweep is linear in the DAG; every rule lowers the operation count or moves towards one collected form,
 * and a fixed number of sweeps bounds what rules undo of each other.
 */
import {
  affine as affines, affinesOf, build as b, dependenciesOf, isWhole, operandsOf, range, reachable, rebuild,
} from "../ir/index.ts"; // prettier-ignore
import type { Affine, Arena, Definition, Node, Tensor } from "../ir/index.ts";
import { collectPower, collectProduct, collectSum, type Factor, type Term } from "./algebra.ts";
import { assume } from "./conditions.ts";
import { indexRules, RULES, rewriteOnce, type RuleIndex, type Surroundings } from "./rules.ts";

/** `strict`: rules that hold for every float; `user`: also the more accurate forms; `derived`: all. */
export type Mode = "strict" | "user" | "derived";

/** One expression for an equal one. */
export interface Rewriting {
  readonly kind: "rewriting";
  readonly rule: string;
  readonly before: Node;
  readonly after: Node;
}

/** Definitions for others by which all that is left has the value that it had. */
export interface Move {
  readonly kind: "move";
  readonly rule: string;
  /** As they are afterwards: new ones, and those with another body. */
  readonly changed: readonly Definition[];
  /** Those that nothing reads any more. */
  readonly gone: readonly Tensor[];
}

export type Step = Rewriting | Move;

export interface Engine {
  readonly ir: Arena;
  readonly mode: Mode;
  readonly rules: RuleIndex;
  readonly trace: (step: Step) => void;
  /** What roots became, by their ids: rounds try again what they tried before, which nodes that never change make the same. */
  readonly known: Map<string, readonly Node[]>;
}

const TABLES: { readonly [M in Mode]: RuleIndex } = {
  strict: indexRules(RULES.filter((rule) => rule.soundness === "ieee")),
  user: indexRules(RULES.filter((rule) => rule.soundness === "ieee" || rule.purpose === "stability")),
  derived: indexRules(RULES),
};

export const createEngine = (ir: Arena, mode: Mode, trace: (step: Step) => void): Engine => ({
  ir,
  mode,
  rules: TABLES[mode],
  trace,
  known: new Map(),
});

const SWEEPS = 24;
const REWRITES_OF_ONE_NODE = 16;

/** What each root becomes; a root that nothing applies to is itself. */
export const simplifyNodes = (engine: Engine, roots: readonly Node[]): readonly Node[] => {
  const key = keyOf(roots);
  const known = engine.known.get(key);
  if (known !== undefined) return known;
  const simplified = swept(engine, roots);
  engine.known.set(key, simplified);
  return simplified;
};

const keyOf = (roots: readonly Node[]): string => roots.map(({ id }) => id).join(" ");

const swept = (engine: Engine, roots: readonly Node[]): readonly Node[] => {
  let current = roots;
  for (let count = 0; count < SWEEPS; count++) {
    const next = sweep(engine, current);
    if (next.every((node, k) => node === current[k])) {
      engine.known.set(keyOf(next), next);
      return next;
    }
    current = next;
  }
  return current;
};

// ---- users

interface Users {
  readonly count: (node: Node) => number;
  /** The one user of a node that has exactly one. */
  readonly only: (node: Node) => Node | undefined;
  /** What a node is rewritten to has its users: so one sweep does all levels. */
  readonly inherit: (from: Node, to: Node) => void;
}

const countUsers = (nodes: readonly Node[], roots: readonly Node[]): Users => {
  const counts = new Map<Node, number>();
  const last = new Map<Node, Node>();
  const add = (node: Node): void => {
    counts.set(node, (counts.get(node) ?? 0) + 1);
  };
  roots.forEach(add);
  for (const user of nodes) {
    for (const arg of dependenciesOf(user)) {
      add(arg);
      last.set(arg, user);
    }
  }
  const count = (node: Node): number => counts.get(node) ?? 2;
  return {
    count,
    only: (node) => (count(node) === 1 ? last.get(node) : undefined),
    inherit: (from, to) => {
      if (to !== from) counts.set(to, (counts.get(to) ?? 0) + count(from));
    },
  };
};

// ---- flattening: only what has one user, so that shared prefixes stay shared

const isNegation = (node: Node): boolean =>
  node.kind === "product" &&
  node.args.length === 2 &&
  node.args[0]?.kind === "constant" &&
  node.args[0].value === -1;

const negated = (node: Node): Node | undefined =>
  node.kind === "product" && isNegation(node) ? node.args[1] : undefined;

/** A sum that its only user, a sum, takes in; also through a change of sign. */
const isInnerSum = (node: Node, users: Users): boolean => {
  const user = users.only(node);
  if (user === undefined) return false;
  if (node.kind === "sum") return user.kind === "sum" || (isNegation(user) && isInnerSum(user, users));
  return negated(node)?.kind === "sum" && user.kind === "sum" && users.count(negated(node) ?? node) === 1;
};

const isInnerProduct = (node: Node, users: Users): boolean => {
  const user = users.only(node);
  if (user === undefined) return false;
  if (node.kind === "product") {
    return user.kind === "product" || (isReciprocal(user) && isInnerProduct(user, users));
  }
  return isReciprocal(node) && node.kind === "power" && node.base.kind === "product" && user.kind === "product" &&
    users.count(node.base) === 1; // prettier-ignore
};

/** 1 / (a·b) is 1 / a / b; but (a·b)² stays: a²·b² costs more. */
const isReciprocal = (node: Node): boolean =>
  node.kind === "power" && node.exponent.num === -1 && isWhole(node.exponent);

const gatherTerms = (root: Node, users: Users, mapped: (node: Node) => Node): readonly Term[] => {
  const terms: Term[] = [];
  const stack: Term[] = [{ node: root, sign: 1 }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { node, sign } = item;
    const inner = node === root || isInnerSum(node, users);
    if (inner && node.kind === "sum") for (const arg of node.args) stack.push({ node: arg, sign });
    else if (inner && isNegation(node))
      stack.push({ node: negated(node) ?? node, sign: sign === 1 ? -1 : 1 });
    else terms.push({ node: mapped(node), sign });
  }
  return terms.reverse();
};

const gatherFactors = (root: Node, users: Users, mapped: (node: Node) => Node): readonly Factor[] => {
  const factors: Factor[] = [];
  const stack: Factor[] = [{ node: root, exponent: 1 }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { node, exponent } = item;
    const inner = node === root || isInnerProduct(node, users);
    if (inner && node.kind === "product") for (const arg of node.args) stack.push({ node: arg, exponent });
    else if (inner && node.kind === "power")
      stack.push({ node: node.base, exponent: exponent * node.exponent.num });
    else factors.push({ node: mapped(node), exponent });
  }
  return factors.reverse();
};

// ---- one sweep

const sweep = (engine: Engine, roots: readonly Node[]): readonly Node[] => {
  const { ir } = engine;
  const nodes = reachable(roots);
  const users = countUsers(nodes, roots);
  // digits come before operations: a user's formula is made stable also where that takes a function more
  const isShared = engine.mode === "user" ? () => false : (node: Node) => users.count(node) > 1;
  const around: Surroundings = { ir, shared: isShared };
  const done = new Map<Node, Node>();
  const mapped = (node: Node): Node => done.get(node) ?? node;
  const divide = range.division(ir);
  const data = (node: Node): Affine => affines.ofData(ir, mapped(node));
  const mapAffine = (a: Affine): Affine =>
    affines.dataOf(a).every((node) => mapped(node) === node)
      ? a
      : affines.mapAffine(ir, a, { index: () => undefined, dim: () => undefined, data }, divide);
  const collects = engine.mode === "derived";
  for (const node of nodes) {
    if (collects && (isInnerSum(node, users) || isInnerProduct(node, users))) continue;
    const rebuilt = (): Node => {
      const plain = rebuild(ir, node, operandsOf(node).map(mapped), affinesOf(node).map(mapAffine));
      return engine.mode === "user" && plain !== node ? withOneConstant(ir, plain) : plain;
    };
    const collected = collects ? collect(node, around, users, mapped) : undefined;
    const result = rewrite(engine, around, node, withoutZeros(ir, collected ?? rebuilt()));
    users.inherit(node, result);
    done.set(node, result);
  }
  return roots.map(mapped);
};

/** 1/2·(2·x), which a rule has left, is x: constants of a product meet. */
const withOneConstant = (ir: Arena, node: Node): Node => {
  if (node.kind !== "product") return node;
  return b.product(
    ir,
    node.args.flatMap((arg) =>
      arg.kind === "product" && arg.args[0]?.kind === "constant" ? arg.args : [arg],
    ),
  );
};

const collect = (
  node: Node,
  around: Surroundings,
  users: Users,
  mapped: (node: Node) => Node,
): Node | undefined => {
  if (node.kind === "sum") return collectSum(around, gatherTerms(node, users, mapped));
  if (node.kind === "product") return collectProduct(around, gatherFactors(node, users, mapped));
  if (node.kind === "power") return collectPower(around, mapped(node.base), node.exponent);
  return undefined;
};

const rewrite = (engine: Engine, around: Surroundings, original: Node, start: Node): Node => {
  if (start !== original)
    engine.trace({ kind: "rewriting", rule: "collected", before: original, after: start });
  let node = start;
  for (let count = 0; count < REWRITES_OF_ONE_NODE; count++) {
    const step = rewriteOnce(engine.rules, node, around) ?? assume(engine.ir, node);
    if (step === undefined) return node;
    engine.trace({ kind: "rewriting", rule: step.rule, before: node, after: step.node });
    node = step.node;
  }
  return node;
};

const ABSORBS: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>([
  "sum",
  "product",
  "guard",
  "select",
  "zero",
]);

/** A function of structurally nothing is the function at 0. */
const withoutZeros = (ir: Arena, node: Node): Node => {
  if (ABSORBS.has(node.kind)) return node;
  const args = operandsOf(node);
  if (!args.some((arg) => arg.kind === "zero")) return node;
  if (node.kind === "power" && node.exponent.num > 0) return b.zero(ir);
  const plain = args.map((arg) => (arg.kind === "zero" ? b.constant(ir, 0) : arg));
  return rebuild(ir, node, plain, affinesOf(node));
};
