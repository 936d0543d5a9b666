/**
 * A value that a definition holds is read from it wherever else it is computed. Definitions in, definitions out; each pass
 * replaces expressions by reads, of which there is an end.
 */
import {
  affine, build, canonicalIndex, define, KEEP, loopIndices, mapNodes, operandsOf, reachable, substitute,
} from "../ir/index.ts"; // prettier-ignore
import type { Affine, Arena, Definition, Index, Node, Rational, Read, Tensor } from "../ir/index.ts";
import { bodyWeight, nominalSize } from "./cost.ts";
import { withBody } from "./tidy.ts";
import { freshTensor, isPointwise, readAt, type Workspace } from "./workspace.ts";

/** A function call. */
const WORTH_STORING = 8;
/** More common values than this in one program belong to one loop over all of them, which is scheduling. */
const AT_MOST = 32;

/** Where a value stands, in the names that the value has for indices. */
interface Holder {
  readonly tensor: Tensor;
  readonly indices: readonly Index[];
}

/**
 * A definition with its loops in one order, that of their extents: a sum over rows and a sum over columns of the same values
 * then name those values alike.
 */
interface Aligned {
  readonly definition: Definition;
  readonly body: Node;
  /** The definition's own indices, as the aligned body names them. */
  readonly indices: readonly Index[];
  /** What a reader calls the aligned loops. */
  readonly labels: ReadonlyMap<Index, string>;
  /** From aligned names back to the definition's own; undefined where they are the same. */
  readonly back: ReadonlyMap<Index, Affine> | undefined;
}

const align = (ir: Arena, definition: Definition): Aligned => {
  const loops = loopIndices(definition);
  const sorted = loops.toSorted((p, q) => p.extent.id - q.extent.id);
  const names = sorted.map((index, k) => canonicalIndex(ir, k, index.extent));
  const renamed = new Map(sorted.map((index, k) => [index, names[k] ?? index]));
  const indices = definition.indices.map((index) => renamed.get(index) ?? index);
  const labels = new Map(
    loops.map((index, k) => [renamed.get(index) ?? index, definition.labels[k] ?? index.name]),
  );
  if (loops.every((index) => renamed.get(index) === index)) {
    return { definition, body: definition.body, indices, labels, back: undefined };
  }
  const there = new Map([...renamed].map(([from, to]) => [from, affine.ofIndex(ir, to)]));
  const back = new Map([...renamed].map(([from, to]) => [to, affine.ofIndex(ir, from)]));
  return { definition, body: substitute(ir, definition.body, there), indices, labels, back };
};

export const shareValues = (space: Workspace, order: readonly Definition[]): readonly Definition[] => {
  const aligned = order.map((definition) => align(space.ir, definition));
  const held = heldValues(aligned);
  const common = commonValues(space, aligned, held);
  for (const { node, definition } of common) {
    held.set(node, { tensor: definition.tensor, indices: node.indices });
  }
  if (held.size === 0) return order;
  const powers = heldPowers(held);
  const added = common.map((each) => align(space.ir, each.definition));
  return [...aligned, ...added].map((each) => readHeld(space, each, held, powers));
};

/** The values of pointwise definitions; of two that hold the same, the first. */
const heldValues = (order: readonly Aligned[]): Map<Node, Holder> => {
  const held = new Map<Node, Holder>();
  for (const { definition, body, indices } of order) {
    if (held.has(body) || !isWorthReading(body)) continue;
    // the same at all places of an index: a reader that does not have that index would not know which to read
    if (!indices.every((index) => body.indices.includes(index))) continue;
    if (isPointwise(definition)) held.set(body, { tensor: definition.tensor, indices });
  }
  return held;
};

const LEAVES: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>([
  "read", "constant", "zero", "option", "index",
]); // prettier-ignore

const isWorthReading = (node: Node): boolean => node.dtype === "float" && !LEAVES.has(node.kind);

const readHeld = (
  space: Workspace,
  { definition, body, back }: Aligned,
  held: ReadonlyMap<Node, Holder>,
  powers: ReadonlyMap<Node, readonly HeldPower[]>,
): Definition => {
  const node = (rebuilt: Node, original: Node): Node => {
    const holder = held.get(original);
    if (holder === undefined) return powerOfHeld(space, powers, original) ?? rebuilt;
    if (holder.tensor === definition.tensor) return rebuilt;
    return readAt(space.ir, holder.tensor, holder.indices);
  };
  const [read = body] = mapNodes(space.ir, [body], { ...KEEP, node });
  if (read === body) return definition;
  return withBody(definition, back === undefined ? read : substitute(space.ir, read, back));
};

/** 1 / √x where it is held gives x^(-3/2) as its third power. */
const powerOfHeld = (
  space: Workspace,
  powers: ReadonlyMap<Node, readonly HeldPower[]>,
  node: Node,
): Node | undefined => {
  if (node.kind !== "power" || node.exponent.den !== 2) return undefined;
  for (const { holder, exponent } of powers.get(node.base) ?? []) {
    const times = node.exponent.num / exponent.num;
    if (exponent.den !== 2 || !Number.isInteger(times) || times < 2) continue;
    return build.power(space.ir, readAt(space.ir, holder.tensor, holder.indices), { num: times, den: 1 });
  }
  return undefined;
};

interface HeldPower {
  readonly holder: Holder;
  readonly exponent: Rational;
}

const heldPowers = (held: ReadonlyMap<Node, Holder>): ReadonlyMap<Node, readonly HeldPower[]> => {
  const powers = new Map<Node, HeldPower[]>();
  for (const [node, holder] of held) {
    if (node.kind !== "power") continue;
    const known = powers.get(node.base) ?? [];
    known.push({ holder, exponent: node.exponent });
    powers.set(node.base, known);
  }
  return powers;
};

/** A value that two definitions would compute, and the definition that will hold it. */
interface Common {
  readonly node: Node;
  readonly definition: Definition;
}

/** Who computes a value: definitions, and values that will be held. */
type Owner = Definition | Node;

/**
 * From the bodies' roots down: a value belongs to those that its users belong to, unless it is held, when what it is made of
 * belongs to its holder alone.
 */
const commonValues = (
  space: Workspace,
  order: readonly Aligned[],
  held: ReadonlyMap<Node, Holder>,
): readonly Common[] => {
  const owners = new Map<Node, Set<Owner>>();
  const own = (node: Node, users: Iterable<Owner>): void => {
    const known = owners.get(node) ?? new Set();
    for (const user of users) known.add(user);
    owners.set(node, known);
  };
  for (const { body, definition } of order) own(body, [definition]);
  const origins = originsOf(order, held);
  const worth: { node: Node; origin: Aligned }[] = [];
  for (const node of reachable(order.map(({ body }) => body)).toReversed()) {
    if (LEAVES.has(node.kind)) continue;
    const users = owners.get(node) ?? new Set();
    const isShared = users.size > 1 && !held.has(node) && isWorthStoring(space, node, users);
    const places = new Set(isShared ? [...users].map((user) => origins.get(user)) : []);
    const origin = order.find((each) => places.has(each));
    if (origin !== undefined) {
      origins.set(node, origin);
      worth.push({ node, origin });
    }
    for (const arg of operandsOf(node)) own(arg, isShared || held.has(node) ? [node] : users);
  }
  if (worth.length > AT_MOST) return [];
  return worth.reverse().map(({ node, origin }) => ({ node, definition: holdingFirst(space, node, origin) }));
};

/** In which definition a reader finds what computes a value: itself, or the holder of what it is a part of. */
const originsOf = (order: readonly Aligned[], held: ReadonlyMap<Node, Holder>): Map<Owner, Aligned> => {
  const origins = new Map<Owner, Aligned>(order.map((each) => [each.definition, each]));
  const byTensor = new Map(order.map((each) => [each.definition.tensor, each]));
  for (const [node, { tensor }] of held) {
    const holder = byTensor.get(tensor);
    if (holder !== undefined) origins.set(node, holder);
  }
  return origins;
};

const holdingFirst = (space: Workspace, node: Node, { definition, labels }: Aligned): Definition =>
  holding(space, node, stemOf(node, definition), (index) => labels.get(index) ?? index.name);

/** A function of a tensor is called after both, a part of a sum's term after the sum, and others after the first that has them. */
const stemOf = (node: Node, { tensor, reduction }: Definition): string => {
  const argument = node.kind === "unary" ? scaledRead(node.a) : undefined;
  if (node.kind === "unary" && argument !== undefined) return `${node.op}_${argument.tensor.name}`;
  return reduction === undefined ? tensor.name : `${tensor.name}.term`;
};

/** x in x, -x or 2·x. */
const scaledRead = (node: Node): Read | undefined => {
  const [factor, inner = node] = node.kind === "product" && node.args.length === 2 ? node.args : [];
  if (factor !== undefined && factor.kind !== "constant") return undefined;
  return inner.kind === "read" ? inner : undefined;
};

/** A function call always; cheap arithmetic only if its users cannot be one loop over the same elements. */
const isWorthStoring = (space: Workspace, node: Node, users: ReadonlySet<Owner>): boolean => {
  if (node.dtype !== "float" || node.indices.length === 0) return false;
  const weight = bodyWeight(space.ir, node) / nominalSize(node.indices);
  if (weight >= WORTH_STORING) return true;
  return weight >= 1 && [...users].some((user) => "body" in user && user.reduction !== undefined);
};

/** A new definition of the value, named after the first that computes it. */
export const holding = (
  space: Workspace,
  node: Node,
  stem: string,
  labelOf: (index: Index) => string,
): Definition => {
  const shape = node.indices.map((index) => index.extent);
  const tensor = freshTensor(space, stem, shape, []);
  space.names.add(tensor.name);
  return define(space.ir, { tensor, indices: node.indices, body: node, labels: node.indices.map(labelOf) });
};
