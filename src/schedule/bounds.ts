/**
 * Guards as bounds of loops. In: a reduction whose terms are guarded; out: for each loop the inequalities that the guard
 * amounts to there, solved for its index, and what is left of the guard. Ends: every condition is looked at once.
 */
import {
  NEUTRAL, affine as a, build as b, define, range, substitute, type Affine, type Arena, type Definition, type Index, type Kind, type Node, type Reduction,
} from "../ir/index.ts"; // prettier-ignore
import type { Plan } from "./tree.ts";

export interface Guarded {
  /** All of them hold, or the term contributes nothing. */
  readonly tests: readonly Node[];
  readonly body: Node;
}

/** The terms of a reduction (or scatter) with their guard apart. */
export const guardedOf = (ir: Arena, definition: Definition): Guarded => {
  const { body, reduction, target } = definition;
  const op = reduction?.op ?? (target === undefined ? undefined : "sum");
  const neutral = op && NEUTRAL[op];
  if (neutral === undefined) return { tests: [], body };
  if (body.kind === "guard" && neutral === 0) return where(conjuncts(body.test), body.a);
  if (body.kind === "select" && isConstant(body.else, neutral)) {
    return where(conjuncts(body.test), body.then);
  }
  return body.kind === "product" && neutral === 0 ? maskedFactors(ir, body.args) : { tests: [], body };
};

/** Inside of tests, what is chosen by some of them is known. */
const where = (tests: readonly Node[], body: Node): Guarded => {
  let inner = body;
  while (
    (inner.kind === "select" || inner.kind === "guard") &&
    conjuncts(inner.test).every((test) => tests.includes(test))
  )
    inner = inner.kind === "select" ? inner.then : inner.a;
  return { tests, body: inner };
};

/** A factor that is 0 by the place alone, a padded read, masks the term: its other factors are not looked at. */
const maskedFactors = (ir: Arena, factors: readonly Node[]): Guarded => {
  const tests: Node[] = [];
  const rest = factors.map((factor) => {
    if (factor.kind !== "select" || !isConstant(factor.else, 0) || !isAboutIndices(factor.test))
      return factor;
    tests.push(...conjuncts(factor.test));
    return factor.then;
  });
  return { tests: [...new Set(tests)], body: b.product(ir, rest) };
};

const isConstant = (node: Node, value: number): boolean =>
  (node.kind === "constant" && node.value === value) || (node.kind === "zero" && value === 0);

const conjuncts = (test: Node): readonly Node[] => (test.kind === "and" ? test.args : [test]);

export const isAboutIndices = (test: Node): boolean =>
  conjuncts(test).every((each) => IS_ABOUT_INDICES.has(each.kind));

const IS_ABOUT_INDICES: ReadonlySet<Kind> = new Set<Kind>(["inrange", "divides", "iszero"]);

// ---- steps

/** Terms that only every k-th value of a reduced index has: the loop runs over those values. */
export const stepOver = (ir: Arena, definition: Definition): Definition => {
  const { reduction } = definition;
  if (reduction === undefined) return definition;
  const guarded = guardedOf(ir, definition);
  const stepped = guarded.tests.map((test) => stepOf(ir, definition, reduction, test)).find((step) => step);
  if (stepped === undefined) return definition;
  const { index, step, value } = stepped;
  const kept = guarded.tests.filter((test) => test !== stepped.test);
  const body = b.guard(ir, b.and(ir, kept), guarded.body);
  const inside = b.inRange(ir, value, index.extent);
  const indices = reduction.indices.map((each) => (each === index ? step : each));
  const next = define(ir, {
    tensor: definition.tensor,
    indices: definition.indices,
    reduction: { op: reduction.op, indices },
    body: b.guard(ir, inside, substitute(ir, body, new Map([[index, value]]))),
    labels: definition.labels,
  });
  return stepOver(ir, next);
};

interface Step {
  readonly test: Node;
  /** The index that takes every k-th value, the one that counts them, and the former in terms of the latter. */
  readonly index: Index;
  readonly step: Index;
  readonly value: Affine;
}

/** k | ±r + rest: r = (∓rest mod k) + k·t, which is at least 0 and has to be below the extent. */
const stepOf = (ir: Arena, definition: Definition, reduction: Reduction, test: Node): Step | undefined => {
  if (test.kind !== "divides" || (definition.reduction && NEUTRAL[reduction.op] !== 0)) return undefined;
  for (const index of reduction.indices) {
    const linear = a.linearIn(ir, test.value, index);
    const sign = linear && a.asConstant(linear.coefficient);
    if (linear === undefined || (sign !== 1 && sign !== -1) || test.by.indices.length > 0) continue;
    const residue = range.mod(ir, a.scale(ir, linear.rest, -sign), test.by);
    const last = a.plus(ir, index.extent, a.fixed(ir, -1));
    const count = a.plus(ir, range.floordiv(ir, last, test.by), a.fixed(ir, 1));
    const step = ir.index(`${index.name}'`, count);
    const value = a.plus(ir, residue, a.times(ir, test.by, a.ofIndex(ir, step)));
    return { test, index, step, value };
  }
  return undefined;
};

// ---- bounds

/** What the guard of a plan's terms becomes once the order of its loops is known. */
export interface Narrowed {
  readonly body: Node;
  readonly ranges: ReadonlyMap<Index, Range>;
  /** Left of the guard, by the outermost of the plan's own loops inside of which it is known. */
  readonly tests: ReadonlyMap<Index, readonly Node[]>;
}

/** lower… ≤ index < upper… */
export interface Range {
  readonly lower: readonly Affine[];
  readonly upper: readonly Affine[];
}

/** The loops that a guard may narrow: where they end short, nothing is missing. */
export const narrowable = (ir: Arena, plan: Plan): ReadonlySet<Index> => {
  const allowed = allowedOf(plan);
  if (allowed.size === 0) return allowed;
  const { tests } = guardedOf(ir, plan.definition);
  const mentioned = new Set(tests.flatMap((test) => test.indices));
  return new Set([...allowed].filter((index) => mentioned.has(index)));
};

const allowedOf = (plan: Plan): ReadonlySet<Index> => {
  const { definition, form, tile } = plan;
  if (tile?.kind === "lanes" && tile.masked !== undefined) return new Set();
  if (form === "scatter") return new Set(definition.indices);
  const reduced = definition.reduction?.indices ?? [];
  if (definition.reduction !== undefined && NEUTRAL[definition.reduction.op] === undefined) return new Set();
  const all = form === "array" && plan.inner !== undefined ? [...reduced, plan.inner] : reduced;
  return new Set(all.filter((index) => index !== plan.follows));
};

/** In: all loops, outermost first, of which the last `own` are the plan's alone. */
export const narrow = (ir: Arena, plan: Plan, order: readonly Index[], own: number): Narrowed => {
  const { definition, tile } = plan;
  if (tile?.kind === "lanes" && tile.masked !== undefined)
    return { body: tile.masked.inPanel, ranges: new Map(), tests: new Map() };
  const allowed = allowedOf(plan);
  const mine = order.slice(order.length - own);
  const { tests, body } = guardedOf(ir, definition);
  const ranges = new Map<Index, Range>();
  const outer = new Map<Index, Node[]>();
  const left: Node[] = [];
  for (const test of tests) {
    const depth = Math.max(-1, ...test.indices.map((index) => order.indexOf(index)));
    const index = order[depth];
    const range = index && mine.includes(index) && allowed.has(index) ? rangeOf(ir, test, index) : undefined;
    const inside = mine.find((each) => order.indexOf(each) > depth && allowed.has(each));
    if (index !== undefined && range !== undefined) ranges.set(index, both(ranges.get(index), range));
    else if (inside !== undefined) outer.set(inside, [...(outer.get(inside) ?? []), test]);
    else left.push(test);
  }
  const whole = tests.length === left.length ? definition.body : b.guard(ir, b.and(ir, left), body);
  return { body: rest(ir, plan, whole, left), ranges, tests: outer };
};

/** What is masked still contributes nothing: the neutral element where that is not 0. */
const rest = (ir: Arena, plan: Plan, whole: Node, left: readonly Node[]): Node => {
  const op = plan.definition.reduction?.op ?? "sum";
  if (whole.kind !== "guard" || left.length === 0) return whole;
  return op === "sum" ? whole : b.select(ir, whole.test, whole.a, b.constant(ir, NEUTRAL[op] ?? 0));
};

const both = (known: Range | undefined, more: Range): Range => ({
  lower: [...new Set([...(known?.lower ?? []), ...more.lower])],
  upper: [...new Set([...(known?.upper ?? []), ...more.upper])],
});

/** The values of the index for which the test holds, if they are an interval. */
const rangeOf = (ir: Arena, test: Node, index: Index): Range | undefined =>
  solved(ir, test, index, (value) => !range.provablyNonNegative(ir, value));

/** The same, with bounds that hold anyway. */
export const intervalOf = (ir: Arena, test: Node, index: Index): Range | undefined =>
  solved(ir, test, index, () => true);

const solved = (
  ir: Arena,
  test: Node,
  index: Index,
  isWanted: (value: Affine) => boolean,
): Range | undefined => {
  const values = inequalities(ir, test)?.filter(isWanted);
  if (values === undefined) return undefined;
  const lower: Affine[] = [];
  const upper: Affine[] = [];
  for (const value of values) {
    const solution = solve(ir, value, index);
    if (solution === undefined) return undefined;
    (solution.side === "lower" ? lower : upper).push(solution.bound);
  }
  return { lower, upper };
};

/** The test as: all of these are at least 0. */
const inequalities = (ir: Arena, test: Node): readonly Affine[] | undefined => {
  const one = a.fixed(ir, 1);
  if (test.kind === "inrange") return [test.value, a.minus(ir, a.minus(ir, test.extent, test.value), one)];
  if (test.kind === "iszero") return [test.value, a.scale(ir, test.value, -1)];
  if (test.kind !== "compare") return undefined;
  const [below, above] = [wholeOf(ir, test.a), wholeOf(ir, test.b)];
  if (below === undefined || above === undefined) return undefined;
  const difference = a.minus(ir, above, below);
  if (test.op === "<=") return [difference];
  return test.op === "<" ? [a.minus(ir, difference, one)] : undefined;
};

const wholeOf = (ir: Arena, node: Node): Affine | undefined => {
  if (node.kind === "index") return node.value;
  return node.kind === "constant" && Number.isSafeInteger(node.value) ? a.fixed(ir, node.value) : undefined;
};

interface Solved {
  readonly side: "lower" | "upper";
  readonly bound: Affine;
}

/** value ≥ 0 for the index: c·r + rest ≥ 0 is r ≥ ⌈-rest / c⌉, -c·r + rest ≥ 0 is r < ⌊rest / c⌋ + 1. */
const solve = (ir: Arena, value: Affine, index: Index): Solved | undefined => {
  const linear = a.linearIn(ir, value, index);
  if (linear === undefined) return solveDivision(ir, value, index);
  const { coefficient, rest: others } = linear;
  const one = a.fixed(ir, 1);
  if (range.provablyPositive(ir, coefficient)) {
    const last = a.plus(ir, a.minus(ir, coefficient, others), a.fixed(ir, -1));
    return { side: "lower", bound: range.floordiv(ir, last, coefficient) };
  }
  const by = a.scale(ir, coefficient, -1);
  if (!range.provablyPositive(ir, by)) return undefined;
  return { side: "upper", bound: a.plus(ir, range.floordiv(ir, others, by), one) };
};

/** ⌊x / s⌋ + rest ≥ 0 is x + s·rest ≥ 0; -⌊x / s⌋ + rest ≥ 0 is s·(rest + 1) - 1 - x ≥ 0. */
const solveDivision = (ir: Arena, value: Affine, index: Index): Solved | undefined => {
  for (const term of value.terms) {
    const [atom, ...others] = term.atoms;
    if (atom?.kind !== "floordiv" || others.length > 0 || !atom.value.indices.includes(index)) continue;
    const remaining = a.minus(ir, value, a.ofTerm(ir, term));
    if (term.coefficient === 1) {
      return solve(ir, a.plus(ir, atom.value, a.times(ir, atom.by, remaining)), index);
    }
    if (term.coefficient !== -1) continue;
    const above = a.times(ir, atom.by, a.plus(ir, remaining, a.fixed(ir, 1)));
    return solve(ir, a.minus(ir, a.plus(ir, above, a.fixed(ir, -1)), atom.value), index);
  }
  return undefined;
};
