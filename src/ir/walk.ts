/** Walks over expression DAGs: every node once, operands before users, no recursion on depth. */
import { dataOf, mapAffine, ofData } from "./affine.ts";
import type { Arena } from "./arena.ts";
import * as b from "./build.ts";
import { division } from "./range.ts";
import type { Affine, Index, Kind, Node, NodeOf, Read, Tensor } from "./types.ts";

/** The operands that are expressions, in order. */
const OPERANDS: { readonly [K in Kind]: (node: NodeOf<K>) => readonly Node[] } = {
  constant: () => [],
  zero: () => [],
  option: () => [],
  index: () => [],
  read: () => [],
  unary: (node) => [node.a],
  binary: (node) => [node.a, node.b],
  power: (node) => [node.base],
  sum: (node) => node.args,
  product: (node) => node.args,
  boolean: () => [],
  compare: (node) => [node.a, node.b],
  and: (node) => node.args,
  or: (node) => node.args,
  not: (node) => [node.a],
  inrange: () => [],
  divides: () => [],
  iszero: () => [],
  select: (node) => [node.test, node.then, node.else],
  guard: (node) => [node.test, node.a],
  stopgradient: (node) => [node.a],
  delta: () => [],
};

/** The index expressions, in order. */
const AFFINES: { readonly [K in Kind]: (node: NodeOf<K>) => readonly Affine[] } = {
  constant: () => [],
  zero: () => [],
  option: () => [],
  index: (node) => [node.value],
  read: (node) => node.at,
  unary: () => [],
  binary: () => [],
  power: () => [],
  sum: () => [],
  product: () => [],
  boolean: () => [],
  compare: () => [],
  and: () => [],
  or: () => [],
  not: () => [],
  inrange: (node) => [node.value, node.extent],
  divides: (node) => [node.by, node.value],
  iszero: (node) => [node.value],
  select: () => [],
  guard: () => [],
  stopgradient: () => [],
  delta: (node) => [node.a, node.b],
};

type Rebuild<K extends Kind> = (
  ir: Arena,
  node: NodeOf<K>,
  args: readonly Node[],
  at: readonly Affine[],
) => Node;

const pick = <T>(list: readonly T[], k: number): T => {
  const item = list[k];
  if (item === undefined) throw new Error(`operand ${k} of ${list.length}`);
  return item;
};

const same = (_ir: Arena, node: Node): Node => node;

/** The same operation on other operands, through the constructors. */
const REBUILD: { readonly [K in Kind]: Rebuild<K> } = {
  constant: same,
  zero: same,
  option: same,
  index: (ir, _node, _args, at) => b.indexValue(ir, pick(at, 0)),
  read: (ir, node, _args, at) => b.read(ir, node.tensor, at),
  unary: (ir, node, args) => b.unary(ir, node.op, pick(args, 0)),
  binary: (ir, node, args) => b.binary(ir, node.op, pick(args, 0), pick(args, 1)),
  power: (ir, node, args) => b.power(ir, pick(args, 0), node.exponent),
  sum: (ir, _node, args) => b.sum(ir, args),
  product: (ir, _node, args) => b.product(ir, args),
  boolean: same,
  compare: (ir, node, args) => b.compare(ir, node.op, pick(args, 0), pick(args, 1)),
  and: (ir, _node, args) => b.and(ir, args),
  or: (ir, _node, args) => b.or(ir, args),
  not: (ir, _node, args) => b.not(ir, pick(args, 0)),
  inrange: (ir, _node, _args, at) => b.inRange(ir, pick(at, 0), pick(at, 1)),
  divides: (ir, _node, _args, at) => b.divides(ir, pick(at, 0), pick(at, 1)),
  iszero: (ir, _node, _args, at) => b.isZero(ir, pick(at, 0)),
  select: (ir, _node, args) => b.select(ir, pick(args, 0), pick(args, 1), pick(args, 2)),
  guard: (ir, _node, args) => b.guard(ir, pick(args, 0), pick(args, 1)),
  stopgradient: (ir, _node, args) => b.stopGradient(ir, pick(args, 0)),
  delta: (ir, _node, _args, at) => b.delta(ir, pick(at, 0), pick(at, 1)),
};

// A table row takes its own kind; the lookup by `node.kind` always finds that row.
const operandsRow = (kind: Kind): ((node: Node) => readonly Node[]) =>
  OPERANDS[kind] as (node: Node) => readonly Node[];
const affinesRow = (kind: Kind): ((node: Node) => readonly Affine[]) =>
  AFFINES[kind] as (node: Node) => readonly Affine[];
const rebuildRow = (kind: Kind): RebuildAny => REBUILD[kind] as RebuildAny;
type RebuildAny = (ir: Arena, node: Node, args: readonly Node[], at: readonly Affine[]) => Node;

export const operandsOf = (node: Node): readonly Node[] => operandsRow(node.kind)(node);

export const affinesOf = (node: Node): readonly Affine[] => affinesRow(node.kind)(node);

/** Operands, and the int reads inside of index expressions: all that has to be computed before the node. */
export const dependenciesOf = (node: Node): readonly Node[] => {
  const at = affinesOf(node);
  const plain = at.every((each) => each.data.length === 0);
  return plain ? operandsOf(node) : [...operandsOf(node), ...at.flatMap(dataOf)];
};

/** `node` with other operands and index expressions; the same object if nothing changed. */
export const rebuild = (ir: Arena, node: Node, args: readonly Node[], at: readonly Affine[]): Node => {
  const [oldArgs, oldAt] = [operandsOf(node), affinesOf(node)];
  if (args.every((arg, k) => arg === oldArgs[k]) && at.every((a, k) => a === oldAt[k])) return node;
  return rebuildRow(node.kind)(ir, node, args, at);
};

/** Every node that the roots depend on, once, operands before users (ids only grow). */
export const reachable = (roots: readonly Node[]): readonly Node[] => below(roots, () => true);

/** As `reachable`, without nodes that are not wanted and what only these depend on. */
const below = (roots: readonly Node[], isWanted: (node: Node) => boolean): readonly Node[] => {
  const seen = new Set(roots.filter(isWanted));
  const stack = [...seen];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const next of dependenciesOf(node)) {
      if (seen.has(next) || !isWanted(next)) continue;
      seen.add(next);
      stack.push(next);
    }
  }
  return [...seen].sort((p, q) => p.id - q.id);
};

export interface NodeMap {
  /** What replaces an index; undefined keeps it. */
  readonly index: (index: Index) => Affine | undefined;
  /** What replaces a run-time extent; undefined keeps it. */
  readonly dim: (name: string) => Affine | undefined;
  /** What a rebuilt node becomes (its operands are already mapped); return it to keep it. */
  readonly node: (rebuilt: Node, original: Node) => Node;
}

export const KEEP: NodeMap = { index: () => undefined, dim: () => undefined, node: (rebuilt) => rebuilt };

/** Maps the DAG below `roots` bottom-up and returns what the roots became. */
export const mapNodes = (ir: Arena, roots: readonly Node[], map: NodeMap): readonly Node[] => {
  const done = mapReachable(ir, roots, map);
  return roots.map((root) => done.get(root) ?? root);
};

/** As `mapNodes`, for every node below the roots. */
export const mapReachable = (ir: Arena, roots: readonly Node[], map: NodeMap): ReadonlyMap<Node, Node> => {
  const done = new Map<Node, Node>();
  const mapped = (node: Node): Node => done.get(node) ?? node;
  const divide = division(ir);
  const known = new Map<Affine, Affine>();
  const keepsNames = map.index === KEEP.index && map.dim === KEEP.dim;
  const affine = (a: Affine): Affine => {
    const before = known.get(a);
    if (before !== undefined) return before;
    const data = (node: Node): Affine => ofData(ir, mapped(node));
    const keeps = keepsNames && dataOf(a).every((node) => mapped(node) === node);
    const after = keeps ? a : mapAffine(ir, a, { index: map.index, dim: map.dim, data }, divide);
    known.set(a, after);
    return after;
  };
  for (const node of reachable(roots)) {
    const rebuilt = rebuild(ir, node, operandsOf(node).map(mapped), affinesOf(node).map(affine));
    done.set(node, map.node(rebuilt, node));
  }
  return done;
};

/** The expression at other indices: T's body where T is read at `at`. */
export const substitute = (ir: Arena, node: Node, indices: ReadonlyMap<Index, Affine>): Node => {
  if (!node.indices.some((index) => indices.has(index))) return node;
  return pick(mapNodes(ir, [node], { ...KEEP, index: (index) => indices.get(index) }), 0);
};

/** All reads below the roots, in order of id. */
export const readsOf = (roots: readonly Node[]): readonly Read[] =>
  reachable(roots).filter((node) => node.kind === "read");

/** As `readsOf`, of these tensors alone: parts that many roots share and that read none of them are walked once for all. */
export const readsAmong = (tensors: ReadonlySet<Tensor>): ((roots: readonly Node[]) => readonly Read[]) => {
  const known = new Map<Node, boolean>();
  const isOne = (node: Node): node is Read => node.kind === "read" && tensors.has(node.tensor);
  return (roots) => {
    for (const node of below(roots, (each) => !known.has(each)))
      known.set(node, isOne(node) || dependenciesOf(node).some((each) => known.get(each)));
    return below(roots, (each) => known.get(each) === true).filter(isOne);
  };
};

export const readsTensor = (root: Node, tensor: Tensor): boolean =>
  readsOf([root]).some((node) => node.tensor === tensor);

/** How many users each node has below the roots; being a root counts once more. */
export const usesOf = (roots: readonly Node[]): ReadonlyMap<Node, number> => {
  const uses = new Map<Node, number>();
  const count = (node: Node): void => {
    uses.set(node, (uses.get(node) ?? 0) + 1);
  };
  for (const node of reachable(roots)) for (const next of new Set(dependenciesOf(node))) count(next);
  for (const root of roots) count(root);
  return uses;
};
