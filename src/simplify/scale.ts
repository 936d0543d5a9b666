/**
 * √Σe² without overflow or underflow on the way: √Σ(k·e)² / k, with k a power of two by the largest |e|, so that no digit
 * changes; and Σe·f / √Σe² as Σ(e / √Σe²)·f. Definitions in, definitions out; a sum is scaled once, as a scaled one has a stop in it.
 *
 * The value does not depend on k: its derivative is nothing. Deviations from a mean are left as they are: that they sum to zero,
 * which their derivatives rest on, is not seen behind a factor.
 */
import { build as b, KEEP, mapNodes, reachable, readsOf, substitute } from "../ir/index.ts";
import type { Arena, Definition, Index, Node, NodeOf, Rational, Read, Tensor } from "../ir/index.ts";
import {
  bodyAt, createWorkspace, freshTensor, inOrder, isPointwise, isSum, readAt, readersOf, valueOf, type Workspace,
} from "./workspace.ts"; // prettier-ignore

/** Up to `below` by `scale`: squares, and their powers in derivatives, are normal numbers then. In f32, 2^400 is infinite. */
const SMALL = [
  { below: 2 ** -400, scale: 2 ** 700 },
  { below: 2 ** -90, scale: 2 ** 110 },
  { below: 2 ** -30, scale: 2 ** 60 },
] as const;
const LARGE = [
  { upTo: 2 ** 30, scale: 1 },
  { upTo: 2 ** 90, scale: 2 ** -60 },
  { upTo: 2 ** 400, scale: 2 ** -110 },
] as const;
const LARGEST = 2 ** -700;

const INVERSE: Rational = { num: -1, den: 1 };

/** What a sum of squares becomes. */
interface Norm {
  readonly sum: Definition;
  readonly scaled: Tensor;
  readonly scale: Tensor;
}

export const scaleNorms = (space: Workspace, definitions: readonly Definition[]): readonly Definition[] => {
  let current = space;
  const norms = new Map<Tensor, Norm>();
  for (const { tensor } of definitions) {
    const change = scaledNorm(current, tensor);
    if (change === undefined) continue;
    norms.set(change.norm.scaled, change.norm);
    current = replaced(current, change.definitions);
  }
  if (norms.size === 0) return definitions;
  for (const { tensor } of definitions) {
    const definition = current.definitions.get(tensor);
    if (definition !== undefined) current = replaced(current, normalised(current, definition, norms));
  }
  return inOrder(current);
};

const replaced = (space: Workspace, change: readonly Definition[]): Workspace => {
  const all = new Map(space.definitions);
  for (const each of change) all.set(each.tensor, each);
  return createWorkspace(space.ir, [...all.values()], space.outputs, space.names);
};

/** The exponent in halves: 1 for √x, -1 for 1/√x. */
const halvesOf = (node: Node): number =>
  node.kind === "power" && node.exponent.den === 2 && Math.abs(node.exponent.num) === 1
    ? node.exponent.num
    : 0;

const isStopped = (node: Node): boolean =>
  node.kind === "stopgradient" || (node.kind === "product" && node.args.some(isStopped));

const isReadOf = (node: Node | undefined, tensor: Tensor): node is Read =>
  node?.kind === "read" && node.tensor === tensor;

// ---- names

/** Where what is summed has a name, with what that stands for. */
const opened = (space: Workspace, sum: Definition): Definition => ({
  ...sum,
  body: valueOf(space, sum.body),
});

/** c·Σ, whose root others take. */
const isNameOf = (space: Workspace, definition: Definition, sum: Tensor): boolean => {
  const { tensor, body } = definition;
  if (space.outputs.has(tensor) || !isPointwise(definition)) return false;
  return body.kind === "product" ? body.args.some((arg) => isReadOf(arg, sum)) : isReadOf(body, sum);
};

const writtenOut = (space: Workspace, reader: Definition, name: Tensor): Definition => {
  const node = (rebuilt: Node): Node => (isReadOf(rebuilt, name) ? valueOf(space, rebuilt) : rebuilt);
  const [body = reader.body] = mapNodes(space.ir, [reader.body], { ...KEEP, node });
  return { ...reader, body };
};

/** What reads the sum, itself or by a name, which is written out there. */
const readersThroughNames = (space: Workspace, sum: Tensor): readonly Definition[] => {
  const readers = new Map<Tensor, Definition>();
  const names = [...readersOf(space, sum)].filter((tensor) => {
    const reader = space.definitions.get(tensor);
    const isName = reader !== undefined && isNameOf(space, reader, sum);
    if (reader !== undefined && !isName) readers.set(tensor, reader);
    return isName;
  });
  for (const name of names) {
    for (const tensor of readersOf(space, name)) {
      const reader = readers.get(tensor) ?? space.definitions.get(tensor);
      if (reader !== undefined) readers.set(tensor, writtenOut(space, reader, name));
    }
  }
  return [...readers.values()];
};

// ---- scaling

/** e for Σe². */
const termOf = (definition: Definition): Node | undefined => {
  const { body } = definition;
  const isSquare = body.kind === "power" && body.exponent.num === 2 && body.exponent.den === 1;
  return isSum(definition) && isSquare && !isStopped(body.base) ? body.base : undefined;
};

/** e[i] - m, with an m that is computed and the same for all that is summed. */
const isDeviation = (space: Workspace, term: Node, over: readonly Index[]): boolean =>
  term.kind === "sum" &&
  term.args.some(
    (arg) =>
      !arg.indices.some((index) => over.includes(index)) &&
      readsOf([arg]).some((read) => space.definitions.has(read.tensor)),
  );

interface Change {
  readonly norm: Norm;
  readonly definitions: readonly Definition[];
}

const scaledNorm = (space: Workspace, tensor: Tensor): Change | undefined => {
  const { ir } = space;
  const given = space.definitions.get(tensor);
  const sum = given && opened(space, given);
  const term = sum && termOf(sum);
  if (sum?.reduction === undefined || term === undefined || space.outputs.has(tensor)) return undefined;
  if (isDeviation(space, term, sum.reduction.indices)) return undefined;
  const readers = readersThroughNames(space, tensor);
  if (!readers.some((reader) => hasRoot(reader.body, tensor))) return undefined;
  const named = (what: string): Tensor => {
    const made = freshTensor(space, `${tensor.name}_${what}`, tensor.shape, []);
    space.names.add(made.name);
    return made;
  };
  const [largest, scale, scaled] = [named("largest"), named("scale"), named("scaled")];
  const norm: Norm = { sum, scaled, scale };
  const rewritten = readers.map((reader) => withNorm(ir, reader, norm));
  if (rewritten.some((reader) => readsOf([reader.body]).some((read) => read.tensor === tensor)))
    return undefined;
  const here = (of: Tensor): Node => readAt(ir, of, sum.indices);
  const definitions: readonly Definition[] = [
    {
      ...sum,
      tensor: largest,
      reduction: { op: "max", indices: sum.reduction.indices },
      body: b.unary(ir, "abs", term),
    },
    {
      ...sum,
      tensor: scale,
      reduction: undefined,
      body: scaleFor(ir, here(largest)),
      labels: sum.labels.slice(0, sum.indices.length),
    },
    {
      ...sum,
      tensor: scaled,
      body: b.square(ir, b.product(ir, [b.stopGradient(ir, here(scale)), term])),
    },
    ...rewritten,
  ];
  return { norm, definitions };
};

const scaleFor = (ir: Arena, largest: Node): Node => {
  const number = (value: number): Node => b.constant(ir, value);
  const beyond = LARGE.reduceRight<Node>(
    (rest, { upTo, scale }) => b.select(ir, b.compare(ir, "<=", largest, number(upTo)), number(scale), rest),
    number(LARGEST),
  );
  return SMALL.reduceRight<Node>(
    (rest, { below, scale }) => b.select(ir, b.compare(ir, "<", largest, number(below)), number(scale), rest),
    beyond,
  );
};

/** The read of the sum in √(c·Σ) or 1 / √(c·Σ). */
const rootedRead = (node: Node, tensor: Tensor): Read | undefined => {
  if (node.kind !== "power" || halvesOf(node) === 0) return undefined;
  const factors = node.base.kind === "product" ? node.base.args : [node.base];
  return factors.find((arg): arg is Read => isReadOf(arg, tensor));
};

const hasRoot = (body: Node, tensor: Tensor): boolean =>
  reachable([body]).some((node) => rootedRead(node, tensor) !== undefined);

/** √(c·Σ) is √(c·Σ′) / k, nothing where Σ′ = 0, so that the zero vector's derivative is; and Σ = 0 where Σ′ = 0. */
const withNorm = (ir: Arena, reader: Definition, { sum, scaled, scale }: Norm): Definition => {
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind === "compare") return comparedWithZero(ir, rebuilt, sum.tensor, scaled);
    const read = rootedRead(rebuilt, sum.tensor);
    if (read === undefined || rebuilt.kind !== "power") return rebuilt;
    const factors = rebuilt.base.kind === "product" ? rebuilt.base.args : [rebuilt.base];
    // √(p·Σ) is √p·√Σ, as Σ is not negative: p may be another such sum
    const apart = factors.filter((arg) => arg !== read && readsOf([arg]).length > 0);
    const others = factors.filter((arg) => arg !== read && !apart.includes(arg));
    const squares = b.read(ir, scaled, read.at);
    const base = b.product(ir, [...others, squares]);
    const stopped = b.stopGradient(ir, b.read(ir, scale, read.at));
    const back = b.power(ir, stopped, { num: -rebuilt.exponent.num, den: 1 });
    const rest = apart.length === 0 ? [] : [b.power(ir, b.product(ir, apart), rebuilt.exponent)];
    const root = b.product(ir, [...rest, back, b.power(ir, base, rebuilt.exponent)]);
    if (halvesOf(rebuilt) < 0) return root;
    return b.guard(ir, b.compare(ir, "!=", squares, b.constant(ir, 0)), root);
  };
  const [body = reader.body] = mapNodes(ir, [reader.body], { ...KEEP, node });
  return { ...reader, body };
};

const comparedWithZero = (ir: Arena, node: NodeOf<"compare">, sum: Tensor, scaled: Tensor): Node => {
  const sides = [node.a, node.b];
  const isTest = node.op === "==" || node.op === "!=";
  if (!isTest || !sides.some((side) => side.kind === "constant" && side.value === 0)) return node;
  const [first, second] = sides.map((side) => (isReadOf(side, sum) ? b.read(ir, scaled, side.at) : side));
  return b.compare(ir, node.op, first ?? node.a, second ?? node.b);
};

// ---- normalising

type Norms = ReadonlyMap<Tensor, Norm>;

/** The scaled sum in 1 / √(c·Σ′). */
const inverseRoot = (node: Node, norms: Norms): { norm: Norm; read: Read } | undefined => {
  if (node.kind !== "power" || halvesOf(node) !== -1) return undefined;
  const factors = node.base.kind === "product" ? node.base.args : [node.base];
  for (const read of factors) {
    const norm = read.kind === "read" ? norms.get(read.tensor) : undefined;
    if (read.kind === "read" && norm !== undefined) return { norm, read };
  }
  return undefined;
};

/** Quotients by norms, also by named ones, with what is divided in the sum that it is in. */
const normalised = (space: Workspace, definition: Definition, norms: Norms): readonly Definition[] => {
  const { ir } = space;
  const added: Definition[] = [];
  const node = (rebuilt: Node): Node => {
    const hasNorm =
      rebuilt.kind === "product" && readsOf([rebuilt]).some((read) => isNorm(space, read, norms));
    return hasNorm ? normalisedProduct(space, flat(space, rebuilt, norms), norms, added) : rebuilt;
  };
  const [body = definition.body] = mapNodes(ir, [definition.body], { ...KEEP, node });
  return body === definition.body ? [] : [...added, { ...definition, body }];
};

const isNorm = (space: Workspace, read: Read, norms: Norms): boolean =>
  norms.has(read.tensor) || namedNorm(space, read, norms) !== undefined;

/** √(c·Σ′) / k, which is 0 where Σ′ is. */
const unguarded = (node: Node, norms: Norms): Node => {
  const isTested = (test: Node): boolean => readsOf([test]).some((read) => norms.has(read.tensor));
  if (node.kind === "guard") return isTested(node.test) ? node.a : node;
  const isZeroThen = node.kind === "select" && node.then.kind === "constant" && node.then.value === 0;
  return isZeroThen && isTested(node.test) ? unguarded(node.else, norms) : node;
};

/** √(c·Σ′) / k where it has a name. */
const namedNorm = (space: Workspace, read: Read, norms: Norms): Node | undefined => {
  const source = space.definitions.get(read.tensor);
  if (source === undefined || !isPointwise(source)) return undefined;
  const root = unguarded(source.body, norms);
  if (root.kind !== "product" || !root.args.some((arg) => halvesOf(arg) !== 0)) return undefined;
  if (!readsOf([root]).some((inner) => norms.has(inner.tensor))) return undefined;
  return substitute(space.ir, root, bodyAt(space.ir, source, read.at));
};

/** The factors of a product of products and quotients. */
const flat = (space: Workspace, root: Node, norms: Norms): readonly Node[] => {
  const factors: Node[] = [];
  const stack: { readonly node: Node; readonly inverse: boolean }[] = [{ node: root, inverse: false }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { inverse } = item;
    const node = unguarded(item.node, norms);
    const named = node.kind === "read" ? namedNorm(space, node, norms) : undefined;
    if (named !== undefined) stack.push({ node: named, inverse });
    else if (node.kind === "product") for (const arg of node.args) stack.push({ node: arg, inverse });
    else if (node.kind === "power" && isInverse(node.exponent))
      stack.push({ node: node.base, inverse: !inverse });
    else factors.push(inverse ? inverted(space.ir, node) : node);
  }
  return factors.reverse();
};

const isInverse = ({ num, den }: Rational): boolean => num === -1 && den === 1;

const inverted = (ir: Arena, node: Node): Node =>
  node.kind === "power"
    ? b.power(ir, node.base, { num: -node.exponent.num, den: node.exponent.den })
    : b.power(ir, node, INVERSE);

const normalisedProduct = (
  space: Workspace,
  factors: readonly Node[],
  norms: Norms,
  added: Definition[],
): Node => {
  const { ir } = space;
  let left = factors;
  for (const root of factors) {
    const found = inverseRoot(root, norms);
    if (found === undefined) continue;
    const { norm, read } = found;
    const scale = b.stopGradient(ir, b.read(ir, norm.scale, read.at));
    const definitionOf = ({ tensor }: Read): Definition | undefined =>
      added.find((each) => each.tensor === tensor) ?? space.definitions.get(tensor);
    const dot = left.find(
      (each) => each.kind === "read" && isDot(definitionOf(each), each, root, read, norm),
    );
    if (!left.includes(scale) || dot?.kind !== "read") continue;
    const divided = dividedSum(space, dot, root, read, norm, added);
    left = [...left.filter((each) => each !== root && each !== scale && each !== dot), divided];
  }
  return b.product(ir, left);
};

/** Σe·f over the same elements, at the same place. */
const isDot = (
  definition: Definition | undefined,
  dot: Read,
  root: Node,
  at: Read,
  { sum }: Norm,
): boolean => {
  const term = termOf(sum);
  if (definition === undefined || term === undefined || !isSum(definition)) return false;
  const { body, reduction } = definition;
  const isSameLoops =
    reduction?.indices.length === sum.reduction?.indices.length &&
    reduction?.indices.every((index, k) => index === sum.reduction?.indices[k]) === true;
  const isSamePlace = dot.at.length === at.at.length && dot.at.every((a, k) => a === at.at[k]);
  const isFixed = root.indices.every((index) => at.indices.includes(index));
  return isSameLoops && isSamePlace && isFixed && body.kind === "product" && body.args.includes(term);
};

/** Σ(e / √Σe²)·f, the quotient held. */
const dividedSum = (
  space: Workspace,
  dot: Read,
  root: Node,
  at: Read,
  { sum, scale }: Norm,
  added: Definition[],
): Node => {
  const { ir } = space;
  const definition = added.find(({ tensor }) => tensor === dot.tensor) ?? space.definitions.get(dot.tensor);
  const term = termOf(sum);
  if (definition?.body.kind !== "product" || term === undefined) return dot;
  const loops = [...sum.indices, ...(sum.reduction?.indices ?? [])];
  const shape = loops.map((index) => index.extent);
  const unit = freshTensor(space, `${sum.tensor.name}_unit`, shape, added);
  const divided = freshTensor(space, dot.tensor.name, dot.tensor.shape, added);
  for (const { name } of [unit, divided]) space.names.add(name);
  const place = (read: Node): Node => (read === at ? readAt(ir, at.tensor, sum.indices) : read);
  const [inverse = root] = mapNodes(ir, [root], { ...KEEP, node: place });
  const body = b.product(ir, [b.stopGradient(ir, readAt(ir, scale, sum.indices)), inverse, term]);
  const others = definition.body.args.filter((arg) => arg !== term);
  added.push(
    { tensor: unit, indices: loops, reduction: undefined, target: undefined, body, labels: sum.labels },
    { ...definition, tensor: divided, body: b.product(ir, [readAt(ir, unit, loops), ...others]) },
  );
  return b.read(ir, divided, dot.at);
};
