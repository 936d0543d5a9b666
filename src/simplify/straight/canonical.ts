/**
 * Sums and products with their signs and common coefficients outside, what is used once flattened. In: straight-line values;
 * out: each node as coefficient·node, and the operands of those nodes. Ends: every node is looked at once.
 */
import {
  affinesOf, build as b, isWhole, operandsOf, powerRational, reachable, rebuild, usesOf, type Arena, type Constant, type Node, type Power,
} from "../../ir/index.ts"; // prettier-ignore

/** coefficient·node */
export interface Scaled {
  readonly coefficient: Constant;
  readonly node: Node;
}

/**
 * The operands of a canonical sum (in increasing order of their nodes, the constant as a multiple of 1) or product (each
 * factor as often as it occurs).
 */
export type Operands = readonly Scaled[];

export interface Lists {
  readonly sums: ReadonlyMap<Node, Operands>;
  readonly products: ReadonlyMap<Node, Operands>;
}

export const byNode = (p: Scaled, q: Scaled): number => p.node.id - q.node.id;

export const one = (ir: Arena): Constant => b.exact(ir, { num: 1, den: 1 });

export const times = (ir: Arena, p: Constant, q: Constant): Constant => constantOf(b.product(ir, [p, q]));
const plus = (ir: Arena, p: Constant, q: Constant): Constant => constantOf(b.sum(ir, [p, q]));

export const constantOf = (node: Node): Constant => {
  if (node.kind !== "constant") throw new Error("arithmetic of constants folds");
  return node;
};

export const whole = (ir: Arena, { coefficient, node }: Scaled): Node => b.product(ir, [coefficient, node]);

interface Canonical {
  readonly ir: Arena;
  readonly uses: ReadonlyMap<Node, number>;
  readonly scaled: Map<Node, Scaled>;
  readonly sums: Map<Node, Operands>;
  readonly products: Map<Node, Operands>;
}

export const canonical = (
  ir: Arena,
  values: readonly Node[],
): { scaled: ReadonlyMap<Node, Scaled>; graph: Lists } => {
  const state: Canonical = {
    ir,
    uses: usesOf(values),
    scaled: new Map(),
    sums: new Map(),
    products: new Map(),
  };
  for (const node of reachable(values)) state.scaled.set(node, scaledOf(state, node));
  return { scaled: state.scaled, graph: state };
};

const scaledOf = (state: Canonical, node: Node): Scaled => {
  const { ir } = state;
  if (node.kind === "constant") return { coefficient: node, node: one(ir) };
  if (node.kind === "sum") return sumOf(state, node.args);
  if (node.kind === "product") return productOf(state, node.args);
  if (node.kind === "power") return powerOf(state, node);
  const args = operandsOf(node).map((each) => {
    const value = known(state, each);
    return each.dtype === "float" ? whole(ir, value) : value.node;
  });
  return opaque(ir, rebuild(ir, node, args, affinesOf(node)));
};

export const opaque = (ir: Arena, node: Node): Scaled => ({ coefficient: one(ir), node });

const known = ({ scaled }: Canonical, node: Node): Scaled => {
  const found = scaled.get(node);
  if (found === undefined) throw new Error("operands come before their users");
  return found;
};

const powerOf = (state: Canonical, { base, exponent }: Power): Scaled => {
  const { ir } = state;
  const value = known(state, base);
  const { exact } = value.coefficient;
  const coefficient =
    isWhole(exponent) && exact !== undefined ? powerRational(exact, exponent.num) : undefined;
  if (coefficient === undefined) return opaque(ir, b.power(ir, whole(ir, value), exponent));
  const factors = repeated(ir, b.power(ir, value.node, exponent));
  return { coefficient: b.exact(ir, coefficient), node: listed(ir, factors, state.products) };
};

/** The list of an operand that nobody else uses: it is flattened into its user's. */
const own = (state: Canonical, arg: Node, lists: ReadonlyMap<Node, Operands>): Operands | undefined =>
  state.uses.get(arg) === 1 ? lists.get(known(state, arg).node) : undefined;

/** c·(a + b) as terms. */
const termsOf = (state: Canonical, arg: Node): Operands => {
  const value = known(state, arg);
  const inner = own(state, arg, state.sums);
  if (inner === undefined) return [value];
  return inner.map(({ coefficient, node }) => ({
    coefficient: times(state.ir, value.coefficient, coefficient),
    node,
  }));
};

const sumOf = (state: Canonical, args: readonly Node[]): Scaled => {
  const { ir } = state;
  const collected = new Map<Node, Constant>();
  for (const { coefficient, node } of args.flatMap((arg) => termsOf(state, arg))) {
    const before = collected.get(node);
    collected.set(node, before === undefined ? coefficient : plus(ir, before, coefficient));
  }
  const terms = [...collected]
    .map(([node, coefficient]): Scaled => ({ coefficient, node }))
    .filter(({ coefficient }) => coefficient.value !== 0)
    .sort(byNode);
  return normalised(ir, terms, state.sums);
};

/** The sign of the first term, and a magnitude that all have, stand outside. */
export const normalised = (ir: Arena, terms: Operands, sums: Map<Node, Operands>): Scaled => {
  const [first] = terms;
  if (first === undefined) return { coefficient: constantOf(b.constant(ir, 0)), node: one(ir) };
  if (terms.length === 1) return first;
  const magnitude = Math.abs(first.coefficient.value);
  const common = terms.every(({ coefficient }) => Math.abs(coefficient.value) === magnitude);
  const sign = constantOf(b.constant(ir, Math.sign(first.coefficient.value)));
  const coefficient = common ? first.coefficient : sign;
  const inner = terms.map((term): Scaled => {
    const kept = common
      ? constantOf(b.constant(ir, term.coefficient === first.coefficient ? 1 : -1))
      : times(ir, sign, term.coefficient);
    return { coefficient: kept, node: term.node };
  });
  const node = b.sum(ir, inner.map((term) => whole(ir, term))); // prettier-ignore
  if (node.kind === "sum") sums.set(node, inner);
  return { coefficient, node };
};

const productOf = (state: Canonical, args: readonly Node[]): Scaled => {
  const { ir } = state;
  const coefficients = args.map((arg) => known(state, arg).coefficient);
  const coefficient = coefficients.reduce((product, each) => times(ir, product, each), one(ir));
  const factors = args.flatMap(
    (arg) => own(state, arg, state.products) ?? repeated(ir, known(state, arg).node),
  );
  return { coefficient, node: listed(ir, factors, state.products) };
};

/** The product of factors, with its list. */
export const listed = (ir: Arena, factors: Operands, products: Map<Node, Operands>): Node => {
  const node = productNode(ir, factors.map((factor) => factor.node)); // prettier-ignore
  // one object per occurrence: lists are edited by object
  if (factors.length > 1) products.set(node, factors.map((each) => ({ ...each })).sort(byNode)); // prettier-ignore
  return node;
};

/** x·x·y is x²·y. */
export const productNode = (ir: Arena, factors: readonly Node[]): Node => {
  const times = new Map<Node, number>();
  for (const factor of factors) times.set(factor, (times.get(factor) ?? 0) + 1);
  return b.product(ir, [...times].map(([factor, num]) => b.power(ir, factor, { num, den: 1 }))); // prettier-ignore
};

/** Larger powers stay what they are. */
const MAX_REPEATED = 8;

/** x³ is x·x·x, 1 is nothing. */
const repeated = (ir: Arena, node: Node): readonly Scaled[] => {
  if (node.kind === "constant") return [];
  if (node.kind !== "power" || !isWhole(node.exponent)) return [opaque(ir, node)];
  const { num } = node.exponent;
  if (Math.abs(num) > MAX_REPEATED) return [opaque(ir, node)];
  const base = num > 0 ? node.base : b.reciprocal(ir, node.base);
  return Array.from({ length: Math.abs(num) }, () => opaque(ir, base));
};
