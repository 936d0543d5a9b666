/**
 * Definitions that rewriting made of parts of others, whose reads a condition kept in bounds that stayed behind. In: such a
 * definition; out: the same under the tests of those reads. Where they fail nobody reads the element. Nodes are visited once.
 */
import {
  NEUTRAL,
  affine,
  affinesOf,
  build as b,
  isPromised,
  isWhole,
  operandsOf,
  range,
  reachable,
} from "../ir/index.ts";
import type { Affine, Arena, Definition, Index, Node, Requirement, UnaryOp } from "../ir/index.ts";

export const protect = (
  ir: Arena,
  definition: Definition,
  requirements: readonly Requirement[],
): Definition => {
  const { body, reduction, target } = definition;
  const tests =
    target === undefined && body.dtype === "float" ? testsOf(ir, body, promisedBy(ir, requirements)) : [];
  if (tests.length === 0) return definition;
  const [test, neutral] = [b.and(ir, tests), NEUTRAL[reduction?.op ?? "sum"] ?? 0];
  const kept = neutral === 0 ? b.guard(ir, test, body) : b.select(ir, test, body, b.constant(ir, neutral));
  return { ...definition, body: kept };
};

/** Whether it has a finite value also where the conditions around it fail, if what it reads does. */
export const isDefined = (ir: Arena, node: Node): boolean =>
  testsOf(ir, node, () => true).length === 0 && reachable([node]).every((each) => isFinite(ir, each));

/** Functions that are not finite for all numbers. */
const PARTIAL: ReadonlySet<UnaryOp> = new Set<UnaryOp>(["log", "log1p", "asin", "acos", "acosh", "atanh"]);

const isFinite = (ir: Arena, node: Node): boolean => {
  if (node.kind === "unary") return !PARTIAL.has(node.op);
  if (node.kind !== "power" || (isWhole(node.exponent) && node.exponent.num > 0)) return true;
  const { base } = node;
  return (
    base.kind === "constant" ||
    base.kind === "option" ||
    (base.kind === "unary" && POSITIVE.has(base.op)) ||
    (base.kind === "index" && range.provablyPositive(ir, base.value))
  );
};

const POSITIVE: ReadonlySet<UnaryOp> = new Set<UnaryOp>(["exp", "cosh", "sigmoid", "softplus"]);

/** Whether a place that depends on data lies inside of an extent for certain. */
type Promised = (a: Affine, extent: Affine) => boolean;

/** Of a definition (argmax), what its elements may index has been checked with the program. */
const promisedBy =
  (ir: Arena, requirements: readonly Requirement[]): Promised =>
  (a, extent) =>
    isPromised(ir, { requirements }, a, extent) ||
    affine.dataOf(a).every((node) => node.kind === "read" && node.tensor.role === "defined");

/** That the reads lie inside which are performed whatever conditions on their indices say, where it is not proved. */
const testsOf = (ir: Arena, root: Node, promised: Promised): readonly Node[] => {
  const tests = new Set<Node>();
  const around = new Map<Node, Conditions>([[root, NONE]]);
  // users before operands: ids only grow
  for (const node of reachable([root]).toReversed()) {
    const known = around.get(node);
    const inside = conditionsIn(node, known);
    operandsOf(node).forEach((operand, k) => {
      const here = k === 0 && BRANCHES.has(node.kind) ? known : inside;
      around.set(operand, around.has(operand) ? common(around.get(operand), here) : here);
    });
    for (const data of affinesOf(node).flatMap(affine.dataOf))
      around.set(data, around.has(data) ? common(around.get(data), inside) : inside);
    if (node.kind !== "read") continue;
    node.at.forEach((a, k) => {
      const extent = node.tensor.shape[k];
      if (extent === undefined || covers(known, a) || range.provablyInRange(ir, a, extent)) return;
      if (affine.dataOf(a).length > 0 && promised(a, extent)) return;
      tests.add(b.inRange(ir, a, extent));
    });
  }
  return [...tests];
};

/** The indices that the conditions around an expression are about; undefined where there are no such conditions. */
type Conditions = ReadonlySet<Index> | undefined;

const NONE: Conditions = undefined;

const conditionsIn = (node: Node, around: Conditions): Conditions => {
  const test = BRANCHES.has(node.kind) ? operandsOf(node)[0] : undefined;
  if (test === undefined || !isAboutIndices(test)) return around;
  return new Set([...(around ?? []), ...test.indices]);
};

const common = (one: Conditions, other: Conditions): Conditions => {
  if (one === other || one === undefined || other === undefined) return one && other;
  return new Set([...one].filter((index) => other.has(index)));
};

/** A place that is the same everywhere depends on extents only, as the conditions may. */
const covers = (conditions: Conditions, place: Affine): boolean =>
  conditions !== undefined &&
  (place.indices.length === 0 || place.indices.some((index) => conditions.has(index)));

/** Also in part. */
const isAboutIndices = (test: Node): boolean =>
  reachable([test]).some(
    (node) =>
      ABOUT_INDICES.has(node.kind) ||
      (node.kind === "compare" && node.a.kind === "index" && node.b.kind === "index"),
  );

const ABOUT_INDICES: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>(["inrange", "divides", "iszero"]);

const BRANCHES: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>(["select", "guard"]);
