/**
 * Pairs of factors that several products have: a·b·c and a·b·d share a·b. Definitions in, lighter ones out; a bounded number of
 * pairs is tried, and each is kept only if the weight of the program falls.
 */
import { affine, build as b, isWhole, KEEP, loopIndices, mapNodes, reachable } from "../ir/index.ts";
import type { Affine, Arena, Definition, Index, Node, Product, Read, Tensor } from "../ir/index.ts";
import { nominalSize } from "./cost.ts";
import { holding } from "./share.ts";
import { withBody } from "./tidy.ts";
import {
  commitIfLighter, isPointwise, isSum, readAt, readersOf, readsIn, type Workspace,
} from "./workspace.ts"; // prettier-ignore

/** Longer products are left alone: their pairs are too many. */
const FACTORS = 8;
const TRIALS = 16;

interface Pair {
  readonly a: Node;
  readonly b: Node;
  readonly products: Set<Product>;
  readonly definitions: Set<Definition>;
}

const productsIn = (definition: Definition): readonly Product[] =>
  reachable([definition.body]).filter((node): node is Product => node.kind === "product");

/** The operands, with x³ as x·x². */
const operandsIn = (ir: Arena, product: Product): readonly Node[] =>
  product.args.flatMap((arg) =>
    arg.kind === "power" && isWhole(arg.exponent) && arg.exponent.num > 1
      ? [arg.base, b.power(ir, arg.base, { num: arg.exponent.num - 1, den: 1 })]
      : [arg],
  );

const factorsOf = (ir: Arena, product: Product): readonly Node[] =>
  operandsIn(ir, product).filter((arg) => arg.kind !== "constant");

const pairKey = (a: Node, other: Node): string => `${a.id} ${other.id}`;

const pairsOf = (ir: Arena, order: readonly Definition[]): ReadonlyMap<string, Pair> => {
  const pairs = new Map<string, Pair>();
  for (const definition of order) {
    for (const product of productsIn(definition)) {
      const factors = factorsOf(ir, product);
      if (factors.length > FACTORS) continue;
      factors.forEach((a, k) => {
        for (const other of factors.slice(k + 1)) {
          const key = pairKey(a, other);
          const pair = pairs.get(key) ?? { a, b: other, products: new Set(), definitions: new Set() };
          pair.products.add(product);
          pair.definitions.add(definition);
          pairs.set(key, pair);
        }
      });
    }
  }
  return pairs;
};

/** What is saved if each use but one is a read. */
const gainOf = (space: Workspace, pair: Pair): number =>
  nominalSize(space.ir.union([pair.a.indices, pair.b.indices])) * (pair.definitions.size - 1);

export const sharePairs = (space: Workspace, order: readonly Definition[]): void => {
  const candidates = [...pairsOf(space.ir, order).values()].filter(isWorthTrying);
  candidates.sort((p, q) => gainOf(space, q) - gainOf(space, p) || p.a.id - q.a.id || p.b.id - q.b.id);
  for (const pair of candidates.slice(0, TRIALS)) {
    const { node, added } = holderOf(space, pair, order);
    const current = [...pair.definitions].flatMap(({ tensor }) => space.definitions.get(tensor) ?? []);
    const changed = current
      .filter((definition) => !isExactly(definition, pair))
      .map((definition) => withPair(space, definition, pair.a, pair.b, node));
    commitIfLighter(space, [...added, ...changed]);
  }
};

/** Two loops at least, one of them a reduction: pointwise definitions over the same elements are one loop anyway. */
const isWorthTrying = (pair: Pair): boolean =>
  pair.definitions.size > 1 && [...pair.definitions].some((definition) => definition.reduction !== undefined);

const isExactly = (definition: Definition, pair: Pair): boolean => {
  const { body } = definition;
  return isPointwise(definition) && body.kind === "product" && isPairOf(body.args, pair.a, pair.b);
};

const isPairOf = (args: readonly Node[], a: Node, other: Node): boolean =>
  args.length === 2 && args.includes(a) && args.includes(other);

/** Where the product of the pair is held: a definition that is there already, or a new one. */
const holderOf = (
  space: Workspace,
  pair: Pair,
  order: readonly Definition[],
): { node: Node; added: readonly Definition[] } => {
  const holder = [...pair.definitions].find((definition) => isExactly(definition, pair));
  if (holder !== undefined) return { node: readAt(space.ir, holder.tensor, holder.indices), added: [] };
  const product = b.product(space.ir, [pair.a, pair.b]);
  const origin = order.find((definition) => pair.definitions.has(definition));
  const added = holding(space, product, origin?.tensor.name ?? "common", labelsOf(origin));
  return { node: readAt(space.ir, added.tensor, product.indices), added: [added] };
};

const labelsOf =
  (definition: Definition | undefined) =>
  (index: Index): string =>
    (definition && definition.labels[loopIndices(definition).indexOf(index)]) ?? index.name;

/** Every product with both factors has `by` instead. */
const withPair = (space: Workspace, definition: Definition, a: Node, other: Node, by: Node): Definition => {
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind !== "product") return rebuilt;
    const args = operandsIn(space.ir, rebuilt);
    if (!args.includes(a) || !args.includes(other)) return rebuilt;
    return b.product(space.ir, [by, ...without(without(args, a), other)]);
  };
  const [body = definition.body] = mapNodes(space.ir, [definition.body], { ...KEEP, node });
  return withBody(definition, body);
};

const without = (args: readonly Node[], removed: Node): readonly Node[] => {
  const at = args.indexOf(removed);
  return at < 0 ? args : args.filter((_, k) => k !== at);
};

// ---- factors that go into a sum

/** c·Σ a·g is Σ a·(c·g) where c·g is computed anyway: D / s with D = Σ ȳ·e is Σ ȳ·y with y = e / s. */
export const absorbFactors = (space: Workspace, order: readonly Definition[]): void => {
  const pairs = pairsOf(space.ir, order);
  for (const { tensor } of order) {
    const definition = space.definitions.get(tensor);
    if (definition === undefined || !isSum(definition) || space.outputs.has(tensor)) continue;
    absorbInto(space, definition, pairs, order);
  }
};

const absorbInto = (
  space: Workspace,
  definition: Definition,
  pairs: ReadonlyMap<string, Pair>,
  order: readonly Definition[],
): void => {
  if (definition.body.kind !== "product" || definition.body.args.length > FACTORS) return;
  const readers = [...readersOf(space, definition.tensor)].flatMap(
    (each) => space.definitions.get(each) ?? [],
  );
  for (const factor of commonFactors(space, definition, readers)) {
    for (const inner of factorsOf(space.ir, definition.body)) {
      const pair = pairs.get(pairKey(factor, inner)) ?? pairs.get(pairKey(inner, factor));
      if (pair !== undefined && absorb(space, definition, readers, factor, pair, order)) return;
    }
  }
};

const isPlainRead = (space: Workspace, node: Read, definition: Definition): boolean =>
  node.at.every((a: Affine, k) => a === identity(space, definition.indices[k]));

const identity = (space: Workspace, index: Index | undefined): Affine | undefined =>
  index && affine.ofIndex(space.ir, index);

/** What every read of the sum is multiplied by. */
const commonFactors = (
  space: Workspace,
  definition: Definition,
  readers: readonly Definition[],
): readonly Node[] => {
  const reads = readers.flatMap((reader) =>
    readsIn(reader).filter((node) => node.tensor === definition.tensor),
  );
  if (!reads.every((node) => isPlainRead(space, node, definition))) return [];
  const [read] = reads;
  if (read === undefined) return [];
  const users = readers.flatMap((reader) => usersOf(reader, read));
  const [first, ...others] = users;
  if (first?.kind !== "product") return [];
  return factorsOf(space.ir, first).filter(
    (factor) =>
      factor !== read &&
      factor.indices.every((index) => definition.indices.includes(index)) &&
      others.every((user) => user.kind === "product" && operandsIn(space.ir, user).includes(factor)),
  );
};

const usersOf = (definition: Definition, read: Node): readonly Node[] => {
  const nodes = reachable([definition.body]);
  const users = nodes.filter((node) => "args" in node && node.args.includes(read));
  const count = nodes.filter((node) => node !== read && reachableDirectly(node, read)).length;
  return users.length === count && definition.body !== read ? users : [read];
};

const reachableDirectly = (node: Node, read: Node): boolean =>
  ("args" in node && node.args.includes(read)) ||
  ("a" in node && node.a === read) ||
  ("b" in node && node.b === read) ||
  ("base" in node && node.base === read) ||
  (node.kind === "select" && [node.test, node.then, node.else].includes(read));

const absorb = (
  space: Workspace,
  definition: Definition,
  readers: readonly Definition[],
  factor: Node,
  pair: Pair,
  order: readonly Definition[],
): boolean => {
  const { node, added } = holderOf(space, pair, order);
  const inner = pair.a === factor ? pair.b : pair.a;
  const { body } = definition;
  if (body.kind !== "product") return false;
  const sum = withBody(definition, b.product(space.ir, [node, ...without(body.args, inner)]));
  const read = readAt(space.ir, definition.tensor, definition.indices);
  const changes = new Map<Tensor, Definition>([[definition.tensor, sum]]);
  for (const reader of readers) changes.set(reader.tensor, withPair(space, reader, read, factor, read));
  for (const { tensor } of pair.definitions) {
    const current = changes.get(tensor) ?? space.definitions.get(tensor);
    if (current === undefined || isExactly(current, pair)) continue;
    changes.set(tensor, withPair(space, current, pair.a, pair.b, node));
  }
  return commitIfLighter(space, [...added, ...changes.values()]);
};
