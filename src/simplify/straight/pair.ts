/**
 * Pairs of operands that occur in several sums or products. In: their operands; out: the same with each such pair as a sum or
 * product of its own. Ends: every pair that is taken out shortens a list by one at least.
 */
import { build as b, type Arena, type Constant, type Node } from "../../ir/index.ts";
import {
  byNode, constantOf, one, opaque, productNode, times, whole, type Lists, type Operands, type Scaled,
} from "./canonical.ts"; // prettier-ignore

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

export const paired = (ir: Arena, { sums, products }: Lists): Lists => ({
  sums: takePairs(ir, sums, SUM),
  products: takePairs(ir, products, PRODUCT),
});

interface Search {
  readonly ir: Arena;
  readonly pairing: Pairing;
  /** In order of their nodes. */
  readonly lists: Map<Node, Scaled[]>;
  readonly pairs: Map<string, Pair>;
  /** Keys by their number of owners when they last grew; those that shrank since are found on taking. */
  readonly waiting: string[][];
}

const takePairs = (
  ir: Arena,
  lists: ReadonlyMap<Node, Operands>,
  pairing: Pairing,
): ReadonlyMap<Node, Operands> => {
  const own = new Map([...lists].map(([owner, operands]) => [owner, [...operands].sort(byNode)]));
  const search: Search = { ir, pairing, lists: own, pairs: new Map(), waiting: [] };
  for (const [owner, operands] of own)
    operands.forEach((p, k) => {
      for (const q of operands.slice(k + 1, k + 1 + reachOf(operands))) enter(search, owner, p, q);
    });
  for (let next = mostShared(search); next !== undefined; next = mostShared(search)) takeOut(search, next);
  return search.lists;
};

const reachOf = (operands: Operands): number => (operands.length > LONG ? NEIGHBOURS : operands.length);

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
    const operands = owner === node ? [] : (lists.get(owner) ?? []);
    for (let at = findPair(search, operands, pair, key); at !== undefined;) {
      replace(search, owner, operands, at, node);
      at = findPair(search, operands, pair, key);
    }
  }
  if (!lists.has(node)) lists.set(node, [...inner]);
};

/** Where the two operands of a pair are, the first of them first. */
type Places = readonly [number, number];

/** Only neighbours are looked at, so that a list of n operands costs n times their number, not n². */
const replace = (search: Search, owner: Node, operands: Scaled[], at: Places, node: Node): void => {
  const { ir, pairing, pairs } = search;
  const [q, p] = at.toReversed().flatMap((place) => {
    const gone = operands.splice(place, 1);
    for (const left of gone)
      for (const other of around(operands, place)) {
        const [first, second] = byNode(left, other) <= 0 ? [left, other] : [other, left];
        pairs.get(pairing.key(first, second))?.owners.delete(owner);
      }
    return gone;
  });
  if (p === undefined || q === undefined) return;
  const made: Scaled = { coefficient: pairing.coefficient(ir, p, q), node };
  const place = firstAfter(operands, (each) => byNode(each, made) > 0);
  for (const left of before(operands, place)) enter(search, owner, left, made);
  for (const right of after(operands, place)) enter(search, owner, made, right);
  operands.splice(place, 0, made);
};

/** The operands that one at this place is paired with. */
const before = (operands: Operands, place: number): Operands =>
  operands.slice(Math.max(0, place - reachOf(operands)), place);

const after = (operands: Operands, place: number): Operands =>
  operands.slice(place, place + reachOf(operands));

const around = (operands: Operands, place: number): Operands => [
  ...before(operands, place),
  ...after(operands, place),
];

const findPair = (
  { pairing }: Search,
  operands: Operands,
  { first, second }: Pair,
  key: string,
): Places | undefined => {
  const reach = reachOf(operands);
  const start = firstAfter(operands, (each) => byNode(each, first) >= 0);
  for (let k = start; operands[k]?.node === first.node; k++)
    for (let l = k + 1; l < Math.min(operands.length, k + 1 + reach); l++) {
      const [p, q] = [operands[k], operands[l]];
      if (p !== undefined && q?.node === second.node && pairing.key(p, q) === key) return [k, l];
    }
  return undefined;
};

/** The first place where something holds that holds from there on. */
const firstAfter = (operands: Operands, holds: (each: Scaled) => boolean): number => {
  let [low, high] = [0, operands.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const each = operands[middle];
    if (each !== undefined && holds(each)) high = middle;
    else low = middle + 1;
  }
  return low;
};
