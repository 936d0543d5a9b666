/**
 * IR expressions as loop IR. In: a body and the loops around it; out: one expression, with everything shared, hoisted or
 * deeply nested bound by `let`. Ends because operands have smaller ids than their users.
 */
import {
  dependenciesOf, operandsOf, range, affine as affines, type Affine, type Arena, type Index, type Kind, type Node, type NodeOf, type Rational, type Read, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Buffer, CompareOp, Expr, FloatType, MathMode } from "../loop/types.ts";
import {
  add, and, binary, compare, constant, convert, div, int, isTrivial, load, mul, not, or, select, sub, unary,
} from "./build.ts"; // prettier-ignore
import { integer, keyOf, offsetOf, type Counter, type Site } from "./integer.ts";
import { wideRegions, type Regions, type WideRegion } from "./precision.ts";
import { formulaOf, specialise } from "./specialise.ts";
import type { Kept } from "./tree.ts";
import { at, chainOf, existing, named, type Block, type Names, type Operand } from "./scope.ts";

/** Expressions get a name at least this often on the way up. */
const MAX_NESTING = 40;

export interface Values {
  readonly ir: Arena;
  readonly names: Names;
  readonly dtype: FloatType;
  readonly math: MathMode;
  readonly uses: ReadonlyMap<Node, number>;
  /** How a tensor is read, by its placement. */
  readonly source: (tensor: Tensor) => Source;
  readonly provable: (node: Read) => boolean;
}

export type Source =
  | {
      readonly kind: "buffer";
      readonly buffer: Buffer;
      readonly kept: Kept;
      readonly known: readonly Known[];
      /** Being made: its elements are not the same before and after this step. */
      readonly growing: boolean;
    }
  | { readonly kind: "scalar"; readonly expr: Expr; readonly block: Block };

/** The value of an element of a tensor in a block, where its indices are the counters of these loops. */
export interface Known {
  readonly block: Block;
  readonly counters: readonly Block[];
  readonly expr: Expr;
}

interface Frame extends Site {
  readonly values: Values;
  /** Of the arithmetic: `wide` inside of a region that is computed in f64. */
  readonly type: "float" | "wide";
  readonly regions: ReadonlyMap<Node, Regions>;
  readonly done: Map<Node, Operand>;
  readonly reach: Reach;
}

/** Whether the value is needed wherever the statement stands: only then its reads are known to be in bounds there. */
export type Demand = "always" | "maybe";

/** The value of `root` where the statement stands. */
export const valueOf = (
  values: Values,
  block: Block,
  counter: (index: Index) => Counter,
  root: Node,
  demand: Demand,
): Operand => {
  const chain = chainOf(block);
  const done = new Map<Node, Operand>();
  const data = (node: Node): Operand => whole(get(frame, node));
  const reach: Reach = { unconditional: new Set(), inside: new Map() };
  const regions = new Map<Node, Regions>();
  const frame: Frame = { names: values.names, block, chain, counter, data, values, type: "float", regions, done, reach }; // prettier-ignore
  const order = pending(frame, root, regions);
  if (demand === "always") reach.unconditional.add(root);
  markReach(frame, order);
  for (const node of order) if (!done.has(node)) done.set(node, shared(frame, node, lower(frame, node)));
  return get(frame, root);
};

/** Positions that were computed as numbers. */
const whole = (operand: Operand): Operand => ({ ...operand, expr: convert("int", operand.expr) });

const get = (frame: Frame, node: Node): Operand => {
  const found = frame.done.get(node);
  if (found === undefined) throw new Error(`${node.kind} ${node.id} is used before it is computed`);
  return found;
};

/** What is computed in f32 before the node. */
const neededBy = ({ regions }: Frame, node: Node): readonly Node[] => {
  const wide = regions.get(node);
  return wide === undefined
    ? dependenciesOf(node)
    : [...wide.others, ...wide.regions.flatMap(({ leaves }) => leaves)];
};

/** What cancels or magnifies errors may be computed in f64 instead. */
const mayWiden = ({ dtype, math }: Values): boolean => dtype === "f32" && math === "accurate";

/** What has still to be computed for the root, operands first. Finds what the blocks around already have. */
const pending = (frame: Frame, root: Node, regions: Map<Node, Regions>): readonly Node[] => {
  const seen = new Set([root]);
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const known = lookUp(frame, node);
    if (known !== undefined) {
      frame.done.set(node, known);
      continue;
    }
    const wide = mayWiden(frame.values) ? wideRegions(frame.values.ir, node, frame.values.uses) : undefined;
    if (wide !== undefined) regions.set(node, wide);
    for (const next of neededBy(frame, node)) {
      if (seen.has(next)) continue;
      seen.add(next);
      stack.push(next);
    }
  }
  return [...seen].sort((p, q) => p.id - q.id);
};

const lookUp = (frame: Frame, node: Node): Operand | undefined => {
  const key = keyOf(frame, `n${node.id}`, node.indices);
  const home = levelOf(frame, node.indices);
  for (const level of new Set([home, frame.block.depth])) {
    const expr = at(frame.chain, level).values.get(key);
    if (expr !== undefined) return { expr, level, nesting: 0, conditional: false };
  }
  return undefined;
};

const levelOf = (site: Site, indices: readonly Index[]): number =>
  Math.max(0, ...indices.map((index) => site.counter(index).block.depth));

/** A node with several users gets a name. */
const shared = (frame: Frame, node: Node, lowered: Operand): Operand => {
  const operand = existing(frame.names, frame.chain, lowered) ?? lowered;
  const uses = frame.values.uses.get(node) ?? 1;
  if (isTrivial(operand.expr) || operand.conditional) return operand;
  if ((uses < 2 || isNegated(operand.expr)) && operand.nesting < MAX_NESTING) return operand;
  return remembered(frame, node, operand);
};

/** Free where it is added. */
const isNegated = (expr: Expr): boolean => expr.kind === "unary" && expr.op === "neg" && isTrivial(expr.a);

const remembered = (frame: Frame, node: Node, operand: Operand): Operand => {
  const bound = named(frame.names, frame.chain, operand, undefined);
  if (frame.type === "float")
    at(frame.chain, bound.level).values.set(keyOf(frame, `n${node.id}`, node.indices), bound.expr);
  return bound;
};

// ---- which loads are performed

interface Reach {
  /** Computed whatever the selections say. */
  readonly unconditional: Set<Node>;
  /** Used once, and that inside of the branch of one selection. */
  readonly inside: Map<Node, number>;
}

/** A selection's branch is written in place this deep; loads further in test their own bounds. */
const MAX_INSIDE = 20;

/** One condition may be what keeps the reads of another in bounds. */
const CONDITIONAL: { readonly [K in Kind]?: (node: NodeOf<K>) => readonly Node[] } = {
  select: (node) => [node.then, node.else],
  guard: (node) => [node.a],
  and: (node) => node.args,
  or: (node) => node.args,
};

/** A load that has to stay inside of a selection cannot be an operand of these. */
const UNFIT: ReadonlySet<Kind> = new Set<Kind>(["power", "and", "or"]);

const branchesOf = (node: Node): readonly Node[] => {
  const row = CONDITIONAL[node.kind] as ((node: Node) => readonly Node[]) | undefined;
  return row?.(node) ?? [];
};

const markReach = (frame: Frame, order: readonly Node[]): void => {
  const { values, reach } = frame;
  for (const node of order.toReversed()) {
    // what stands already needs nothing
    if (frame.done.has(node)) continue;
    const branches = branchesOf(node);
    const operands = new Set(operandsOf(node));
    const single = (child: Node): boolean => (values.uses.get(child) ?? 1) < 2;
    // a power may be written as a product, which would repeat what has no name; conditions have no order
    const depth = UNFIT.has(node.kind) ? MAX_INSIDE : (reach.inside.get(node) ?? MAX_INSIDE);
    for (const child of neededBy(frame, node)) {
      const branch = branches.includes(child);
      if (reach.unconditional.has(node) && !branch) reach.unconditional.add(child);
      else if (!operands.has(child) || !single(child)) continue;
      else if (branch && !UNFIT.has(node.kind)) reach.inside.set(child, 0);
      else if (depth < MAX_INSIDE) reach.inside.set(child, depth + 1);
    }
  }
};

// ---- reads

const elementOf = (
  frame: Frame,
  buffer: Buffer,
  tensor: Tensor,
  kept: Kept,
  index: readonly Affine[],
): Operand => {
  const { expr, level } = elementOffset(frame.values.ir, frame, tensor, kept, index);
  return { expr: load(buffer, expr), level, nesting: 1, conditional: false };
};

/** What a buffer has along the axes of its tensor, in their order. */
export const keptExtents = ({ shape }: Tensor, { axes, ring }: Kept): readonly Affine[] =>
  axes.map((axis) => (ring?.axis === axis ? ring.size : (shape[axis] ?? never())));

/** Row-major, over the axes that the buffer has. */
export const elementOffset = (
  ir: Arena,
  site: Site,
  tensor: Tensor,
  kept: Kept,
  index: readonly Affine[],
): Operand => {
  const { axes, ring } = kept;
  const { mod } = range.division(ir);
  const positions = axes.map((axis) => {
    const position = index[axis] ?? never();
    return ring?.axis === axis ? mod(position, ring.size) : position;
  });
  return offsetOf(site, keptExtents(tensor, kept), positions);
};

const lowerRead = (frame: Frame, node: Read): Operand => {
  const source = frame.values.source(node.tensor);
  if (source.kind === "scalar")
    return { expr: source.expr, level: source.block.depth, nesting: 0, conditional: false };
  const known = source.known.find((each) => matches(frame, each, node));
  if (known !== undefined)
    return { expr: known.expr, level: known.block.depth, nesting: 0, conditional: false };
  const place = elementOf(frame, source.buffer, node.tensor, source.kept, node.at);
  // also the axes that are not kept: the buffer has other content in another iteration of their loops
  const level = source.growing ? frame.block.depth : Math.max(place.level, levelOf(frame, node.indices));
  const element = { ...place, level };
  if (frame.values.provable(node)) return element;
  if (frame.reach.unconditional.has(node)) {
    return element.level >= frame.block.depth ? element : checked(frame, node, element);
  }
  if (frame.reach.inside.has(node)) return { ...element, level: frame.block.depth, conditional: true };
  return checked(frame, node, element);
};

const matches = (frame: Frame, known: Known, node: Read): boolean =>
  frame.chain[known.block.depth] === known.block &&
  node.at.every((position, axis) => {
    const index = affines.plainIndex(position);
    return index !== undefined && frame.counter(index).block === known.counters[axis];
  });

/** The load with its own test of the bounds that are not proved. */
const checked = (frame: Frame, node: Read, element: Operand): Operand => {
  const { ir } = frame.values;
  let test: Operand | undefined;
  node.at.forEach((position, axis) => {
    const extent = node.tensor.shape[axis];
    if (extent === undefined || range.provablyInRange(ir, position, extent)) return;
    const inside = lowerInRange(frame, position, extent);
    test = test === undefined ? inside : join([test, inside], and(test.expr, inside.expr));
  });
  if (test === undefined) return element;
  return join([test, element], select(test.expr, element.expr, constant(element.expr.type, 0)));
};

const join = (parts: readonly Operand[], expr: Expr): Operand => ({
  expr,
  level: Math.max(...parts.map((part) => part.level)),
  nesting: 1 + Math.max(...parts.map((part) => part.nesting)),
  conditional: parts.some((part) => part.conditional),
});

// ---- the table

const apply = (frame: Frame, nodes: readonly Node[], make: (args: readonly Expr[]) => Expr): Operand =>
  applied(
    frame,
    nodes.map((node) => get(frame, node)),
    make,
  );

/** Operands that are known further out than the result get a name there. */
const applied = (
  frame: Frame,
  operands: readonly Operand[],
  make: (args: readonly Expr[]) => Expr,
): Operand => {
  const level = Math.max(0, ...operands.map((each) => each.level));
  const placed = operands.map((each) => (each.level < level ? outer(frame, each) : each));
  return join(placed, make(placed.map((each) => each.expr)));
};

const outer = (frame: Frame, operand: Operand): Operand =>
  named(frame.names, frame.chain, operand, undefined);

/** A number of the frame's type. */
const number = ({ type }: Frame, a: Expr): Expr =>
  convert(type, a.type === "int" || a.type === "bool" ? convert("float", a) : a);

const leaf = (expr: Expr): Operand => ({ expr, level: 0, nesting: 0, conditional: false });

const lowerInRange = (frame: Frame, value: Affine, extent: Affine): Operand => {
  const [v, e] = [integer(frame, value), integer(frame, extent)];
  const { ir } = frame.values;
  return applied(frame, [v, e], ([x = v.expr, n = e.expr]) => {
    const below = compare("<", x, n);
    return range.provablyNonNegative(ir, value) ? below : and(compare("<=", int(0), x), below);
  });
};

/** By the quotient, which is mostly there: of the terms, those that `by` divides in any case do not matter. */
const lowerDivides = (frame: Frame, by: Affine, value: Affine): Operand => {
  const { ir } = frame.values;
  const { rest } = affines.splitMultiple(ir, value, by);
  const whole = affines.times(ir, by, range.floordiv(ir, rest, by));
  return applied(frame, [integer(frame, rest), integer(frame, whole)], ([a = never(), b = never()]) =>
    compare("==", a, b),
  );
};

/** Numbers of one type: whole constants become int beside ints, ints become float beside floats. */
const unified = (frame: Frame, a: Expr, b: Expr): readonly [Expr, Expr] => {
  if (a.type === b.type) return [a, b];
  if (a.kind === "const" && Number.isSafeInteger(a.value)) return [constant(b.type, a.value), b];
  if (b.kind === "const" && Number.isSafeInteger(b.value)) return [a, constant(a.type, b.value)];
  return [number(frame, a), number(frame, b)];
};

const compared = (frame: Frame, op: CompareOp, a: Expr, b: Expr): Expr =>
  compare(op, ...unified(frame, a, b));

type Lower<K extends Kind> = (frame: Frame, node: NodeOf<K>) => Operand;

const LOWER: { readonly [K in Kind]: Lower<K> } = {
  constant: (frame, node) => leaf(constant(frame.type, node.value)),
  zero: () => leaf(constant("float", 0)),
  option: (_, node) => leaf({ kind: "option", type: "float", name: node.name }),
  index: (frame, node) => integer(frame, node.value),
  read: lowerRead,
  unary: (frame, node) => apply(frame, [node.a], ([a = never()]) => unary(node.op, number(frame, a))),
  binary: (frame, node) =>
    apply(frame, [node.a, node.b], ([a = never(), b = never()]) =>
      binary(node.op, number(frame, a), number(frame, b)),
    ),
  power: (frame, node) => lowerPower(frame, floating(frame, get(frame, node.base)), node.exponent),
  sum: (frame, node) => lowerSum(frame, node.args),
  product: (frame, node) => lowerProduct(frame, node.args, []),
  boolean: (_, node) => leaf(constant("bool", node.value ? 1 : 0)),
  compare: (frame, node) =>
    apply(frame, [node.a, node.b], ([a = never(), b = never()]) => compared(frame, node.op, a, b)),
  and: (frame, node) => apply(frame, node.args, (args) => balanced(args, and)),
  or: (frame, node) => apply(frame, node.args, (args) => balanced(args, or)),
  not: (frame, node) => apply(frame, [node.a], ([a = never()]) => not(a)),
  inrange: (frame, node) => lowerInRange(frame, node.value, node.extent),
  divides: (frame, node) => lowerDivides(frame, node.by, node.value),
  iszero: (frame, node) => lowerIsZero(frame, node.value),
  select: (frame, node) => lowerSelect(frame, node.test, get(frame, node.then), get(frame, node.else)),
  guard: (frame, node) => {
    const a = get(frame, node.a);
    return lowerSelect(frame, node.test, a, leaf(constant(a.expr.type, 0)));
  },
  stopgradient: (frame, node) => get(frame, node.a),
  delta: (_, node) => {
    throw new Error(`a delta (${node.id}) is left after differentiation`);
  },
};

const never = (): never => {
  throw new Error("an operand is missing");
};

const lower = (frame: Frame, node: Node): Operand => {
  const wide = frame.type === "float" ? frame.regions.get(node) : undefined;
  if (wide === undefined) return (LOWER[node.kind] as (frame: Frame, node: Node) => Operand)(frame, node);
  const [first = never(), ...others] = wide.regions.map((region) => lowerRegion(frame, region));
  return wide.others.length + others.length === 0
    ? first
    : lowerProduct(frame, wide.others, [first, ...others]);
};

/** By a formula of its own, if there is one. */
const lowerRegion = (frame: Frame, region: WideRegion): Operand => {
  const { nodes, leaves } = region;
  const [leaf, ...others] = leaves;
  const special = leaf === undefined || others.length > 0 ? undefined : specialise(nodes, leaf);
  const x = special && leaf && get(frame, leaf);
  if (special === undefined || x === undefined || x.conditional) return lowerWide(frame, region);
  const input = outer(frame, floating(frame, x));
  const name = (expr: Expr): Expr => outer(frame, { ...input, expr }).expr;
  return { ...input, nesting: 2, expr: formulaOf(special, input.expr, name) };
};

/** Its last node, computed in f64 and rounded. */
const lowerWide = (frame: Frame, { leaves, nodes }: WideRegion): Operand => {
  const done = new Map<Node, Operand>(leaves.map((each) => [each, get(frame, each)]));
  const wide: Frame = { ...frame, type: "wide", done };
  for (const node of nodes) {
    for (const operand of operandsOf(node))
      if (operand.kind === "constant") done.set(operand, lower(wide, operand));
    done.set(node, shared(wide, node, lower(wide, node)));
  }
  const { expr, ...rest } = get(wide, nodes.at(-1) ?? never());
  return { ...rest, expr: convert("float", expr) };
};

const floating = (frame: Frame, a: Operand): Operand => ({ ...a, expr: number(frame, a.expr) });

/** a - b = 0 as a = b, the parts that are known further out on one side. */
const lowerIsZero = (frame: Frame, value: Affine): Operand => {
  const { ir } = frame.values;
  const innermost = value.indices.toSorted((p, q) => levelOf(frame, [q]) - levelOf(frame, [p]));
  for (const index of innermost) {
    const linear = affines.linearIn(ir, value, index);
    const coefficient = linear && affines.asConstant(linear.coefficient);
    if (linear === undefined || (coefficient !== 1 && coefficient !== -1)) continue;
    const other = affines.scale(ir, linear.rest, -coefficient);
    const sides = [affines.ofIndex(ir, index), other].map((side) => integer(frame, side));
    return applied(frame, sides, ([a = never(), b = never()]) => compare("==", a, b));
  }
  const varying = affines.plus(ir, value, affines.fixed(ir, -value.constant));
  return applied(frame, [integer(frame, varying)], ([a = never()]) => compare("==", a, int(-value.constant)));
};

const lowerSelect = (frame: Frame, test: Node, then: Operand, otherwise: Operand): Operand => {
  const condition = get(frame, test);
  const level = Math.max(condition.level, then.level, otherwise.level);
  const [c, a, b] = [condition, then, otherwise].map((each) =>
    each.level < level ? outer(frame, each) : each,
  );
  if (c === undefined || a === undefined || b === undefined) return never();
  const [x, y] = unified(frame, a.expr, b.expr);
  return { ...join([c, a, b], select(c.expr, x, y)), conditional: c.conditional };
};

/** A tree of low depth over n operands. */
const balanced = (args: readonly Expr[], combine: (a: Expr, b: Expr) => Expr): Expr => {
  let layer = args;
  while (layer.length > 1) {
    const next: Expr[] = [];
    for (let k = 0; k < layer.length; k += 2) {
      const [a, b] = [layer[k], layer[k + 1]];
      if (a !== undefined) next.push(b === undefined ? a : combine(a, b));
    }
    layer = next;
  }
  return layer[0] ?? never();
};

/** Up to this exponent a power is cheaper by multiplication. */
const MAX_MULTIPLIED = 64;

/** x^(p/q): products, roots and one division where they do, else `pow`. */
const lowerPower = (frame: Frame, base: Operand, exponent: Rational): Operand => {
  const count = Math.abs(exponent.num);
  if (exponent.den > 2 || count > MAX_MULTIPLIED) {
    const fraction = constant(frame.type, exponent.num / exponent.den);
    return join([base], binary("pow", base.expr, fraction));
  }
  const positive = exponent.den === 1 ? wholePower(frame, base, count) : halfPower(frame, base, count);
  return exponent.num > 0 ? positive : join([positive], div(constant(frame.type, 1), positive.expr));
};

/** x^(n/2) = x^((n-1)/2)·sqrt(x) for an odd n */
const halfPower = (frame: Frame, base: Operand, count: number): Operand => {
  if (count === 1) return join([base], unary("sqrt", base.expr));
  const x = outer(frame, base);
  const whole = wholePower(frame, x, (count - 1) / 2);
  return join([whole], mul(whole.expr, unary("sqrt", x.expr)));
};

const wholePower = (frame: Frame, base: Operand, count: number): Operand => {
  if (count === 1) return base;
  let square = outer(frame, base);
  let total: Operand | undefined;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      total = total === undefined ? square : join([total, square], mul(total.expr, square.expr));
    }
    if (rest > 1) square = outer(frame, join([square], mul(square.expr, square.expr)));
  }
  return total ?? never();
};

interface Signed {
  readonly operand: Operand;
  readonly inverse: boolean;
}

/** Outermost first: what is known further out is combined there. */
const byLevel = (parts: readonly Signed[]): ReadonlyMap<number, readonly Signed[]> => {
  const levels = [...new Set(parts.map((part) => part.operand.level))].sort((p, q) => p - q);
  return new Map(levels.map((level) => [level, parts.filter((part) => part.operand.level === level)]));
};

const lowerSum = (frame: Frame, args: readonly Node[]): Operand => {
  const terms = args.map((arg) => signedTerm(frame, arg));
  const { operand, inverse } = combineLevels(frame, terms, (added, removed) => {
    const [plus, minus] = [added, removed].map((parts) =>
      parts.length === 0 ? undefined : balanced(parts, add),
    );
    if (plus === undefined) return { expr: minus ?? never(), inverse: true };
    return { expr: minus === undefined ? plus : sub(plus, minus), inverse: false };
  });
  return inverse ? join([operand], unary("neg", operand.expr)) : operand;
};

/** -x as x, to be subtracted. */
const signedTerm = (frame: Frame, node: Node): Signed => {
  const operand = get(frame, node);
  const { expr } = operand;
  if (expr.kind === "unary" && expr.op === "neg")
    return { operand: { ...operand, expr: expr.a }, inverse: true };
  return { operand, inverse: false };
};

/** The product of these factors, some of which have a value already. */
const lowerProduct = (frame: Frame, args: readonly Node[], more: readonly Operand[]): Operand => {
  const [first] = args;
  const negative = first?.kind === "constant" && first.value === -1;
  const rest = negative ? args.slice(1) : args;
  const { operand } = combineLevels(
    frame,
    [...rest.map((arg) => factor(frame, arg)), ...more.map((operand) => ({ operand, inverse: false }))],
    (above, below) => {
      const top = above.length === 0 ? constant(frame.type, 1) : balanced(above, mul);
      return { expr: below.length === 0 ? top : div(top, balanced(below, mul)), inverse: false };
    },
  );
  return negative ? join([operand], unary("neg", operand.expr)) : operand;
};

/** x^-n as x^n, to be divided by. */
const factor = (frame: Frame, node: Node): Signed => {
  const operand = get(frame, node);
  const { expr } = operand;
  const one = expr.kind === "binary" && expr.op === "div" && expr.a.kind === "const" && expr.a.value === 1;
  return one ? { operand: { ...operand, expr: expr.b }, inverse: true } : { operand, inverse: false };
};

type Combine = (plain: readonly Expr[], inverse: readonly Expr[]) => { expr: Expr; inverse: boolean };

const combineLevels = (frame: Frame, parts: readonly Signed[], combine: Combine): Signed => {
  let total: Signed | undefined;
  for (const [, group] of byLevel(parts)) {
    const all = total === undefined ? group : [{ ...total, operand: outer(frame, total.operand) }, ...group];
    const of = (inverse: boolean): readonly Expr[] =>
      all.filter((part) => part.inverse === inverse).map((part) => number(frame, part.operand.expr));
    const { expr, inverse } = combine(of(false), of(true));
    const joined = join(
      all.map((part) => part.operand),
      expr,
    );
    total = { operand: { ...joined, nesting: joined.nesting + Math.ceil(Math.log2(all.length)) }, inverse };
  }
  return total ?? never();
};
