/**
 * Common parts of sums and products over many straight-line values, as a compiler's common sub-expressions do not find them
 * in n-ary operations: a + b in a + b + c, x·y in x·y·z, a - b in b - a. In: values; out: the same values (in real numbers)
 * of no more operations. Ends: every pair that is taken out shortens the operand lists by one at least.
 */
import {
  affinesOf, build as b, dependenciesOf, isWhole, operandsOf, powerRational, reachable, rebuild, type Arena, type Constant, type Node, type Power,
} from "../ir/index.ts"; // prettier-ignore
import { straightOperations } from "./cost.ts";

export const shareCommon = (ir: Arena, values: readonly Node[]): readonly Node[] => {
  const { scaled, graph } = canonical(ir, values);
  const roots = values.map((value) => scaled.get(value) ?? { coefficient: one(ir), node: value });
  const factored = factoredLists(ir, graph);
  const candidates = [graph, factored].map((lists) => realised(ir, paired(ir, lists), roots));
  return [values, ...candidates].reduce((best, next) =>
    straightOperations(ir, next) < straightOperations(ir, best) ? next : best,
  );
};

/** coefficient·node */
interface Scaled {
  readonly coefficient: Constant;
  readonly node: Node;
}

/**
 * The operands of a canonical sum (in increasing order of their nodes, the constant as a multiple of 1) or product (each
 * factor as often as it occurs).
 */
type Operands = readonly Scaled[];

interface Lists {
  readonly sums: ReadonlyMap<Node, Operands>;
  readonly products: ReadonlyMap<Node, Operands>;
}

const one = (ir: Arena): Constant => b.exact(ir, { num: 1, den: 1 });

const times = (ir: Arena, p: Constant, q: Constant): Constant => constantOf(b.product(ir, [p, q]));
const plus = (ir: Arena, p: Constant, q: Constant): Constant => constantOf(b.sum(ir, [p, q]));

const constantOf = (node: Node): Constant => {
  if (node.kind !== "constant") throw new Error("arithmetic of constants folds");
  return node;
};

const whole = (ir: Arena, { coefficient, node }: Scaled): Node => b.product(ir, [coefficient, node]);

// ---- canonical form: signs and common coefficients outside, what is used once flattened

interface Canonical {
  readonly ir: Arena;
  readonly uses: ReadonlyMap<Node, number>;
  readonly scaled: Map<Node, Scaled>;
  readonly sums: Map<Node, Operands>;
  readonly products: Map<Node, Operands>;
}

const canonical = (
  ir: Arena,
  values: readonly Node[],
): { scaled: ReadonlyMap<Node, Scaled>; graph: Lists } => {
  const nodes = reachable(values);
  const state: Canonical = {
    ir,
    uses: usesOf(nodes, values),
    scaled: new Map(),
    sums: new Map(),
    products: new Map(),
  };
  for (const node of nodes) state.scaled.set(node, scaledOf(state, node));
  return { scaled: state.scaled, graph: state };
};

const usesOf = (nodes: readonly Node[], values: readonly Node[]): ReadonlyMap<Node, number> => {
  const uses = new Map<Node, number>();
  const count = (node: Node): void => {
    uses.set(node, (uses.get(node) ?? 0) + 1);
  };
  for (const node of nodes) for (const next of new Set(dependenciesOf(node))) count(next);
  for (const value of values) count(value);
  return uses;
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

const opaque = (ir: Arena, node: Node): Scaled => ({ coefficient: one(ir), node });

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
const normalised = (ir: Arena, terms: Operands, sums: Map<Node, Operands>): Scaled => {
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
const listed = (ir: Arena, factors: Operands, products: Map<Node, Operands>): Node => {
  const node = productNode(ir, factors.map((factor) => factor.node)); // prettier-ignore
  // one object per occurrence: lists are edited by object
  if (factors.length > 1) products.set(node, factors.map((each) => ({ ...each })).sort(byNode)); // prettier-ignore
  return node;
};

/** x·x·y is x²·y. */
const productNode = (ir: Arena, factors: readonly Node[]): Node => {
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

// ---- factors of several terms

/** a·b + a·c is a·(b + c) where nobody else uses the products. */
const factoredLists = (ir: Arena, { sums, products }: Lists): Lists => {
  const users = new Map<Node, number>();
  for (const operands of [...sums.values(), ...products.values()])
    for (const { node } of operands) users.set(node, (users.get(node) ?? 0) + 1);
  const result: { sums: Map<Node, Operands>; products: Map<Node, Operands> } = {
    sums: new Map(),
    products: new Map(products),
  };
  for (const [node, terms] of sums) {
    let current = terms;
    for (;;) {
      const next = withFactor(ir, current, result, (term) => users.get(term) === 1);
      if (next === undefined) break;
      current = next;
    }
    result.sums.set(node, current);
  }
  return result;
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

// ---- pairs of operands that occur in several lists

/** Longer lists are paired among neighbours only, so that the number of pairs stays linear. */
const LONG = 40;
const NEIGHBOURS = 8;

interface Pair {
  readonly first: Scaled;
  readonly second: Scaled;
  readonly owners: Set<Node>;
}

/** How two operands make one: the key of what they make, that value, and what it is multiplied by in the list. */
interface Pairing {
  readonly key: (p: Scaled, q: Scaled) => string;
  readonly combine: (ir: Arena, p: Scaled, q: Scaled) => { readonly inner: Operands; readonly node: Node };
  readonly coefficient: (ir: Arena, p: Scaled, q: Scaled) => Constant;
}

const isOfOneSize = (p: Scaled, q: Scaled): boolean =>
  Math.abs(p.coefficient.value) === Math.abs(q.coefficient.value);

const signOf = (ir: Arena, { coefficient }: Scaled): Constant =>
  constantOf(b.constant(ir, Math.sign(coefficient.value)));

/** Of a pair: ±1 where both are of one size, else both as they are, but for the sign of the first. */
const relative = (ir: Arena, p: Scaled, q: Scaled): Operands => {
  if (!isOfOneSize(p, q)) {
    const sign = signOf(ir, p);
    return [p, q].map(({ coefficient, node }) => ({ coefficient: times(ir, sign, coefficient), node }));
  }
  const opposite = p.coefficient.value === q.coefficient.value ? 1 : -1;
  return [opaque(ir, p.node), { coefficient: constantOf(b.constant(ir, opposite)), node: q.node }];
};

const SUM: Pairing = {
  key: (p, q) => {
    const sign = Math.sign(p.coefficient.value);
    const [size, other] = isOfOneSize(p, q)
      ? [1, p.coefficient.value === q.coefficient.value ? 1 : -1]
      : [sign * p.coefficient.value, sign * q.coefficient.value];
    return `${p.node.id} ${q.node.id} ${size} ${other}`;
  },
  combine: (ir, p, q) => {
    const inner = relative(ir, p, q);
    return { inner, node: b.sum(ir, inner.map((term) => whole(ir, term))) }; // prettier-ignore
  },
  coefficient: (ir, p, q) => (isOfOneSize(p, q) ? p.coefficient : signOf(ir, p)),
};

const PRODUCT: Pairing = {
  key: (p, q) => `${p.node.id} ${q.node.id}`,
  combine: (ir, p, q) => ({ inner: [p, q], node: productNode(ir, [p.node, q.node]) }),
  coefficient: one,
};

const paired = (ir: Arena, { sums, products }: Lists): Lists => ({
  sums: takePairs(ir, sums, SUM),
  products: takePairs(ir, products, PRODUCT),
});

interface Search {
  readonly ir: Arena;
  readonly pairing: Pairing;
  readonly lists: Map<Node, Operands>;
  readonly pairs: Map<string, Pair>;
  /** Keys by their number of owners when they last grew; those that shrank since are found on taking. */
  readonly waiting: string[][];
}

const takePairs = (
  ir: Arena,
  lists: ReadonlyMap<Node, Operands>,
  pairing: Pairing,
): ReadonlyMap<Node, Operands> => {
  const search: Search = { ir, pairing, lists: new Map(lists), pairs: new Map(), waiting: [] };
  for (const [owner, operands] of lists)
    operands.forEach((p, k) => {
      for (const q of operands.slice(k + 1, k + 1 + reachOf(operands))) enter(search, owner, p, q);
    });
  for (let next = mostShared(search); next !== undefined; next = mostShared(search)) takeOut(search, next);
  return search.lists;
};

const reachOf = (operands: Operands): number => (operands.length > LONG ? NEIGHBOURS : operands.length);

const byNode = (p: Scaled, q: Scaled): number => p.node.id - q.node.id;

const enter = (search: Search, owner: Node, p: Scaled, q: Scaled): void => {
  const key = search.pairing.key(p, q);
  const pair = search.pairs.get(key) ?? { first: p, second: q, owners: new Set() };
  search.pairs.set(key, pair);
  if (pair.owners.has(owner)) return;
  pair.owners.add(owner);
  if (pair.owners.size > 1) wait(search, key, pair.owners.size);
};

const wait = ({ waiting }: Search, key: string, owners: number): void => {
  while (waiting.length <= owners) waiting.push([]);
  waiting[owners]?.push(key);
};

/** The key of the pair with most owners, two at least. */
const mostShared = (search: Search): string | undefined => {
  const { waiting, pairs } = search;
  while (waiting.length > 2) {
    const key = waiting.at(-1)?.pop();
    if (key === undefined) {
      waiting.pop();
      continue;
    }
    const owners = pairs.get(key)?.owners.size ?? 0;
    if (owners >= waiting.length - 1) return key;
    if (owners > 1) wait(search, key, owners);
  }
  return undefined;
};

const takeOut = (search: Search, key: string): void => {
  const { ir, pairing, pairs, lists } = search;
  const pair = pairs.get(key);
  if (pair === undefined) return;
  pairs.delete(key);
  const { inner, node } = pairing.combine(ir, pair.first, pair.second);
  for (const owner of pair.owners) {
    if (owner === node) continue;
    const operands = lists.get(owner) ?? [];
    for (let found = findPair(search, operands, key); found !== undefined;) {
      const shorter = replace(search, owner, found, node);
      found = findPair(search, shorter, key);
    }
  }
  if (!lists.has(node)) lists.set(node, inner);
};

const replace = (search: Search, owner: Node, [p, q]: readonly [Scaled, Scaled], node: Node): Operands => {
  const { ir, pairing, pairs, lists } = search;
  const rest = (lists.get(owner) ?? []).filter((each) => each !== p && each !== q);
  for (const other of rest) {
    for (const gone of [p, q]) {
      const [left, right] = byNode(gone, other) <= 0 ? [gone, other] : [other, gone];
      pairs.get(pairing.key(left, right))?.owners.delete(owner);
    }
  }
  const made: Scaled = { coefficient: pairing.coefficient(ir, p, q), node };
  const operands = [...rest, made].sort(byNode);
  lists.set(owner, operands);
  const [at, reach] = [operands.indexOf(made), reachOf(operands)];
  for (const left of operands.slice(Math.max(0, at - reach), at)) enter(search, owner, left, made);
  for (const right of operands.slice(at + 1, at + 1 + reach)) enter(search, owner, made, right);
  return operands;
};

const findPair = (
  { pairing }: Search,
  operands: Operands,
  key: string,
): readonly [Scaled, Scaled] | undefined => {
  const reach = reachOf(operands);
  for (const [k, p] of operands.entries()) {
    const q = operands.slice(k + 1, k + 1 + reach).find((each) => pairing.key(p, each) === key);
    if (q !== undefined) return [p, q];
  }
  return undefined;
};

// ---- nodes again

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
