/**
 * Σ definitions → lighter ones. What does not depend on a summed index comes out of the sum, sums that another definition
 * already has are read from it, a test that fixes a summed index replaces it. One visit per definition and round; a change
 * stays only if the weight of the whole program falls, so rounds end.
 */
import { affine, build as b, define, isPromised, substitute } from "../ir/index.ts";
import type { Affine, Arena, Definition, Index, Node, Read, Requirement, Tensor } from "../ir/index.ts";
import { collectProduct } from "./algebra.ts";
import { contractions } from "./contract.ts";
import { simplifyNodes, type Engine } from "./engine.ts";
import { inlineOne, inlinePolynomials, polynomialAt } from "./polynomial.ts";
import { withBody } from "./tidy.ts";
import {
  commitLightest, freshTensor, isPointwise, isSum, readAt, tensorsReadBy, type Change, type Workspace,
} from "./workspace.ts"; // prettier-ignore

/** Beyond this many terms a sum is not taken apart. */
const TERMS = 24;
/** A product of more factors than this is not multiplied out in search of sums that exist. */
const FACTORS = 8;
const DEPTH = 4;

/** factor·Σ body is what `tensor` holds, by the normal form of its body. */
interface Known {
  readonly tensor: Tensor;
  /** The tensor's own indices, as the normal form names them. */
  readonly factor: Node;
}

interface Search {
  readonly engine: Engine;
  readonly space: Workspace;
  readonly requirements: readonly Requirement[];
  readonly known: Map<string, Known>;
}

/** The sums that are taken apart at present. */
interface Scope extends Search {
  readonly of: Definition;
  readonly over: readonly Index[];
  /** Definitions that the result needs. */
  readonly created: Definition[];
  readonly splits: "none" | "terms";
}

export const lightenSums = (
  engine: Engine,
  space: Workspace,
  requirements: readonly Requirement[],
  order: readonly Definition[],
): boolean => {
  const search: Search = { engine, space, requirements, known: new Map() };
  const sums = order.filter(isSum);
  for (const definition of sums) remember(search, definition);
  let changed = false;
  for (const { tensor } of sums) {
    const definition = space.definitions.get(tensor);
    if (definition !== undefined && isSum(definition) && lighten(search, definition)) changed = true;
  }
  return changed;
};

const lighten = (search: Search, definition: Definition): boolean => {
  const { space } = search;
  const change = commitLightest(space, [
    ...candidates(search, definition),
    ...contractions(space, definition),
  ]);
  for (const each of change ?? []) if (isSum(each)) remember(search, each);
  return change !== undefined;
};

const candidates = (search: Search, definition: Definition): readonly Change[] =>
  (["none", "terms"] as const).flatMap((splits): readonly Change[] => {
    const over = definition.reduction?.indices ?? [];
    const scope: Scope = { ...search, of: definition, over, created: [], splits };
    const body = resolve(scope, definition.body, DEPTH, "new");
    if (body === undefined) return [];
    return [body, inlinePolynomials(search.space, body)].map((each) => {
      const [simplified = each] = simplifyNodes(search.engine, [each]);
      return withNeeded(search.space, pointwise(definition, simplified), scope.created);
    });
  });

/** Simplification may have dropped what a new definition was made for. */
const withNeeded = (space: Workspace, definition: Definition, created: readonly Definition[]): Change => {
  const needed = new Set(tensorsReadBy(space, definition));
  return [...created.filter((each) => needed.has(each.tensor)), definition];
};

const pointwise = (definition: Definition, body: Node): Definition => ({
  ...definition,
  reduction: undefined,
  body,
  labels: definition.labels.slice(0, definition.indices.length),
});

// ---- what sums are known

const NEVER = { shared: (): boolean => true };

interface Product {
  readonly test: Node | undefined;
  readonly factors: readonly Node[];
}

/** A product with named products written out and equal bases met, under the tests of its guards. */
const normalFactors = ({ space }: Search, node: Node): Product =>
  flatFactors(space.ir, node, (read) => polynomialAt(space, read));

/** A product of products, as one. */
const plainFactors = ({ space }: Search, node: Node): Product => flatFactors(space.ir, node, () => undefined);

const flatFactors = (ir: Arena, node: Node, named: (read: Read) => Node | undefined): Product => {
  const around = { ir, ...NEVER };
  const flat: { node: Node; exponent: number }[] = [];
  const stack = [node];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const inlined = next.kind === "read" ? named(next) : undefined;
    if (next.kind === "product") stack.push(...next.args);
    else if (inlined?.kind === "product") stack.push(...inlined.args);
    else flat.push({ node: next, exponent: 1 });
  }
  return factorsOf(collectProduct(around, flat));
};

const factorsOf = (node: Node): Product => {
  const [test, inner] = node.kind === "guard" ? [node.test, node.a] : [undefined, node];
  return { test, factors: inner.kind === "product" ? inner.args : [inner] };
};

interface Parts {
  readonly outside: readonly Node[];
  readonly inside: readonly Node[];
  readonly outerTest: Node | undefined;
  readonly innerTest: Node | undefined;
}

const depends = (node: Node, over: readonly Index[]): boolean =>
  over.some((index) => node.indices.includes(index));

/** A power of two that keeps what is summed from over- and underflow. */
const isScale = (node: Node): boolean =>
  node.kind === "stopgradient" || (node.kind === "power" && node.base.kind === "stopgradient");

const separate = (ir: Arena, { test, factors }: Product, over: readonly Index[]): Parts => {
  const tests = test === undefined ? [] : test.kind === "and" ? test.args : [test];
  const conjunction = (parts: readonly Node[]): Node | undefined =>
    parts.length === 0 ? undefined : b.and(ir, parts);
  const comesOut = (factor: Node): boolean => !depends(factor, over) && !isScale(factor);
  return {
    outside: factors.filter(comesOut),
    inside: factors.filter((factor) => !comesOut(factor)),
    outerTest: conjunction(tests.filter((each) => !depends(each, over))),
    innerTest: conjunction(tests.filter((each) => depends(each, over))),
  };
};

const guarded = (ir: Arena, test: Node | undefined, node: Node): Node =>
  test === undefined ? node : b.guard(ir, test, node);

/** The inside of a sum as a definition of its own: over the outer indices that it has, of the summed ones that it has. */
const innerSum = (
  ir: Arena,
  of: Definition,
  over: readonly Index[],
  body: Node,
): { outer: readonly Index[]; inner: readonly Index[]; canonical: Definition } => {
  const outer = of.indices.filter((index) => body.indices.includes(index));
  const inner = over.filter((index) => body.indices.includes(index));
  const all = [...of.indices, ...over];
  const labels = [...outer, ...inner].map((index) => of.labels[all.indexOf(index)] ?? index.name);
  const canonical = define(ir, {
    tensor: of.tensor,
    indices: outer,
    reduction: { op: "sum", indices: inner },
    body,
    labels,
  });
  return { outer, inner, canonical };
};

const keyOf = (definition: Definition): string =>
  [definition.indices, definition.reduction?.indices ?? []]
    .map((indices) => indices.map((index) => index.id).join())
    .join("|") + `|${definition.body.id}`;

/** Division by a factor is safe where it is itself a reciprocal of something that divided before, by name or not, or a number. */
const isInvertible = (space: Workspace, node: Node): boolean => {
  const value = node.kind === "read" ? (polynomialAt(space, node) ?? node) : node;
  return (
    (value.kind === "power" && value.exponent.num < 0) || (value.kind === "constant" && value.value !== 0)
  );
};

const remember = (search: Search, definition: Definition): void => {
  const { ir } = search.space;
  const over = definition.reduction?.indices ?? [];
  const parts = separate(ir, normalFactors(search, definition.body), over);
  if (parts.outerTest !== undefined || parts.inside.length === 0) return;
  if (!parts.outside.every((each) => isInvertible(search.space, each))) return;
  const body = guarded(ir, parts.innerTest, b.product(ir, parts.inside));
  const { outer, inner, canonical } = innerSum(ir, definition, over, body);
  if (outer.length !== definition.indices.length || inner.length !== over.length) return;
  const factor = b.power(ir, b.product(ir, parts.outside), { num: -1, den: 1 });
  const key = keyOf(canonical);
  if (!isHeld(search, search.known.get(key))) search.known.set(key, { tensor: definition.tensor, factor });
};

/** It may have been replaced since it was noted. */
const isHeld = (search: Search, known: Known | undefined): boolean => {
  const definition = known && search.space.definitions.get(known.tensor);
  return definition !== undefined && isSum(definition);
};

const lookUp = (scope: Scope, body: Node): Node | undefined => {
  const { ir } = scope.space;
  const { outer, inner, canonical } = innerSum(ir, scope.of, scope.over, body);
  const known = scope.known.get(keyOf(canonical));
  if (known === undefined || !isHeld(scope, known)) return undefined;
  if (dependsOn(scope.space, known.tensor, scope.of.tensor)) return undefined;
  const names = new Map(canonical.indices.map((index, k) => [index, affine.ofIndex(ir, outer[k] ?? index)]));
  const value = b.product(ir, [substitute(ir, known.factor, names), readAt(ir, known.tensor, outer)]);
  return timesExtents(ir, value, missing(scope.over, inner));
};

const missing = (over: readonly Index[], inner: readonly Index[]): readonly Index[] =>
  over.filter((index) => !inner.includes(index));

const timesExtents = (ir: Arena, value: Node, indices: readonly Index[]): Node =>
  b.product(ir, [value, ...indices.map((index) => b.indexValue(ir, index.extent))]);

const dependsOn = (space: Workspace, from: Tensor, on: Tensor): boolean => {
  const seen = new Set([from]);
  for (const tensor of seen) {
    if (tensor === on) return true;
    const definition = space.definitions.get(tensor);
    if (definition !== undefined) for (const read of tensorsReadBy(space, definition)) seen.add(read);
  }
  return false;
};

// ---- taking a sum apart

/** `known`: only where every part is a sum that exists already, so that nothing is computed anew. */
type Allowed = "new" | "known";

/** Σ over `scope.over` of the node, as an expression in the outer indices. */
const resolve = (scope: Scope, node: Node, depth: number, allowed: Allowed): Node | undefined => {
  const { ir } = scope.space;
  if (depth === 0) return undefined;
  if (node.kind === "zero") return node;
  if (node.kind === "sum" && (scope.splits === "terms" || allowed === "known")) {
    return resolveTerms(scope, node.args, depth, allowed);
  }
  const normal = separate(ir, normalFactors(scope, node), scope.over);
  const point = onePoint(scope, normal, depth, allowed);
  if (point !== undefined) return point;
  const body = guarded(ir, normal.innerTest, b.product(ir, normal.inside));
  const outside = (value: Node): Node =>
    guarded(ir, normal.outerTest, b.product(ir, [...normal.outside, value]));
  if (normal.inside.length === 0 && normal.innerTest === undefined) {
    return outside(timesExtents(ir, b.constant(ir, 1), scope.over));
  }
  const value = lookUp(scope, body) ?? distribute(scope, normal, depth);
  if (value !== undefined) return outside(value);
  return allowed === "new" ? separateSum(scope, node, depth) : undefined;
};

const resolveTerms = (
  scope: Scope,
  terms: readonly Node[],
  depth: number,
  allowed: Allowed,
): Node | undefined => {
  if (terms.length > TERMS) return undefined;
  const values: Node[] = [];
  for (const term of terms) {
    const value = resolve(scope, term, depth - 1, allowed);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return b.sum(scope.space.ir, values);
};

/** (a + b)·f: only if Σ a·f and Σ b·f are both there already. */
const distribute = (scope: Scope, parts: Parts, depth: number): Node | undefined => {
  const { ir } = scope.space;
  if (parts.inside.length > FACTORS) return undefined;
  for (const [at, factor] of parts.inside.entries()) {
    const inlined = factor.kind === "read" ? polynomialAt(scope.space, factor) : factor;
    if (inlined?.kind !== "sum") continue;
    const others = parts.inside.filter((_, k) => k !== at);
    const terms = inlined.args.map((arg) => guarded(ir, parts.innerTest, b.product(ir, [arg, ...others])));
    const value = resolveTerms(scope, terms, depth, "known");
    if (value !== undefined) return value;
  }
  return undefined;
};

/** A new definition for the part that depends on the summed indices, as it is written. */
const separateSum = (scope: Scope, node: Node, depth: number): Node | undefined => {
  const { ir } = scope.space;
  const parts = separate(ir, plainFactors(scope, node), scope.over);
  const [only, ...others] = parts.inside;
  const inlined = only?.kind === "read" ? polynomialAt(scope.space, only) : only;
  const outside = (value: Node): Node =>
    guarded(ir, parts.outerTest, b.product(ir, [...parts.outside, value]));
  if (scope.splits === "terms" && inlined?.kind === "sum" && others.length === 0 && !parts.innerTest) {
    const value = resolveTerms(scope, inlined.args, depth, "new");
    return value && outside(value);
  }
  const body = guarded(ir, parts.innerTest, b.product(ir, parts.inside));
  const { outer, inner, canonical } = innerSum(ir, scope.of, scope.over, body);
  const left = missing(scope.over, inner);
  const shape = outer.map((index) => index.extent);
  const tensor = freshTensor(scope.space, scope.of.tensor.name, shape, scope.created);
  scope.created.push({ ...canonical, tensor });
  return outside(timesExtents(ir, readAt(ir, tensor, outer), left));
};

/** Σ_c [c = f]·g(c) is g(f) where f is a value of c. */
const onePoint = (scope: Scope, parts: Parts, depth: number, allowed: Allowed): Node | undefined => {
  const { ir } = scope.space;
  const tests = parts.innerTest?.kind === "and" ? parts.innerTest.args : [parts.innerTest];
  for (const test of tests) {
    if (test?.kind !== "iszero") continue;
    const solution = solve(ir, test.value, scope.over);
    if (solution === undefined) continue;
    const { index, value } = solution;
    const names = new Map([[index, value]]);
    const others = tests.flatMap((each) => (each === undefined || each === test ? [] : [each]));
    const inRange = isPromised(scope.space.ir, scope, value, index.extent)
      ? []
      : [b.inRange(ir, value, index.extent)];
    const body = substitute(ir, guarded(ir, b.and(ir, others), b.product(ir, parts.inside)), names);
    const rest: Scope = { ...scope, over: scope.over.filter((each) => each !== index) };
    const reduced = b.guard(ir, b.and(ir, inRange), body);
    const inner = rest.over.length === 0 ? reduced : resolve(rest, reduced, depth - 1, allowed);
    return inner && guarded(ir, parts.outerTest, b.product(ir, [...parts.outside, inner]));
  }
  return undefined;
};

const solve = (
  ir: Arena,
  value: Affine,
  over: readonly Index[],
): { index: Index; value: Affine } | undefined => {
  for (const index of over) {
    const linear = affine.linearIn(ir, value, index);
    const coefficient = linear && affine.asConstant(linear.coefficient);
    if (linear === undefined || (coefficient !== 1 && coefficient !== -1)) continue;
    return { index, value: affine.scale(ir, linear.rest, -coefficient) };
  }
  return undefined;
};

// ---- pointwise definitions

/** Named sums and products written out where the program gets lighter by it: what cancels is gone. */
export const lightenPointwise = (engine: Engine, space: Workspace, order: readonly Definition[]): boolean => {
  let changed = false;
  for (const { tensor } of order) {
    const definition = space.definitions.get(tensor);
    if (definition === undefined || !isPointwise(definition)) continue;
    if (commitLightest(space, writtenOut(engine, space, definition))) changed = true;
  }
  return changed;
};

/** More names than this in one body are written out together only. */
const NAMES = 8;

/** Everything that is named written out, or one name. */
const writtenOut = (engine: Engine, space: Workspace, definition: Definition): readonly Change[] => {
  const everything = inlinePolynomials(space, definition.body);
  if (everything === definition.body) return [];
  const names = tensorsReadBy(space, definition);
  const single = names.length > NAMES ? [] : names.map((name) => inlineOne(space, definition.body, name));
  const bodies = new Set([everything, ...single].filter((body) => body !== definition.body));
  return [...bodies].map((body) => [withBody(definition, simplifyNodes(engine, [body])[0] ?? body)]);
};
