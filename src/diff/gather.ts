/**
 * In: one read's share of an adjoint, Ā[a] += Σ over loops of δ(a, at)·value. Out: the same as a definition without deltas,
 * Ā[a] = Σ over fewer loops of guard(…, value); a scatter only where data decides. Each step removes one delta: it ends.
 */
import {
  affine,
  build,
  define,
  range,
  type Affine,
  type Arena,
  type Definition,
  type Index,
  type Node,
  type Tensor,
} from "../ir/index.ts";
import { KEEP, mapNodes } from "../ir/index.ts";
import { exactly } from "./exact.ts";

export interface Contribution {
  /** All loops of the reading definition. */
  readonly loops: readonly Index[];
  /** What a reader calls them. */
  readonly labels: ReadonlyMap<Index, string>;
  /** Where the tensor is read. */
  readonly at: readonly Affine[];
  /** The adjoint of that read, for each value of the loops. */
  readonly value: Node;
}

/** a = f: what remains to be solved. */
export interface Equation {
  readonly target: Index;
  readonly value: Affine;
}

/** Values of solved loops, conditions on them, loops that remain. */
interface State {
  readonly equations: readonly Equation[];
  readonly solved: ReadonlyMap<Index, Affine>;
  readonly guards: readonly Node[];
  readonly loops: readonly Index[];
}

interface Solution {
  readonly values: readonly (readonly [Index, Affine])[];
  readonly guards: readonly Node[];
  /** Loops that the solution introduces: the digits of a division that it does not determine. */
  readonly fresh: readonly Index[];
}

/** A member of a recurrence is computed place by place: it cannot be scattered to, and tests what data decide instead. */
export type Form = "any" | "gather";

/** The definition of `tensor` (the adjoint, of the shape of what was read) that the contribution amounts to. */
export const gather = (
  ir: Arena,
  tensor: Tensor,
  contribution: Contribution,
  form: Form = "any",
): Definition => {
  const targets = tensor.shape.map((extent, k) => ir.index(`a${k}`, extent));
  const equations = targets.map((target, k) => ({ target, value: at(contribution.at, k) }));
  const end = eliminate(ir, { equations, loops: contribution.loops, value: contribution.value });
  const loops = new Set(end.loops);
  const undetermined = end.equations.some(
    ({ value }) => value.indices.some((index) => loops.has(index)) && affine.dataOf(value).length > 0,
  );
  return undetermined && form === "any"
    ? scatter(ir, tensor, contribution)
    : gathered(ir, tensor, contribution, targets, end);
};

/** Σ over loops of δ(equations)·value. */
export interface Deltas {
  readonly equations: readonly Equation[];
  readonly loops: readonly Index[];
  readonly value: Node;
}

/** The same with as few equations and loops as solving leaves: the value where the guards hold. */
export interface Eliminated extends State {
  readonly value: Node;
}

export const eliminate = (ir: Arena, { equations, loops, value: of }: Deltas): Eliminated => {
  const end = solveAll(ir, { equations, solved: new Map(), guards: [], loops });
  const [value = of] = substituteAll(ir, [of], end.solved);
  const [exact = value, ...guards] = exactly(ir, end.guards, [value, ...end.guards]);
  return { ...end, guards, value: exact };
};

/** A delta without a loop left is an equality: A[i, i], a class label. */
export const equalityOf = (ir: Arena, { target, value }: Equation): Node =>
  build.isZero(ir, affine.minus(ir, value, affine.ofIndex(ir, target)));

const at = <T>(list: readonly T[], k: number): T => {
  const item = list[k];
  if (item === undefined) throw new Error(`no element ${k} among ${list.length}`);
  return item;
};

const scatter = (ir: Arena, tensor: Tensor, { loops, labels, at: target, value }: Contribution): Definition =>
  define(ir, {
    tensor,
    indices: loops,
    target,
    body: value,
    labels: loops.map((index) => labels.get(index) ?? index.name),
  });

const gathered = (
  ir: Arena,
  tensor: Tensor,
  contribution: Contribution,
  targets: readonly Index[],
  end: Eliminated,
): Definition => {
  const equalities = end.equations.map((equation) => equalityOf(ir, equation));
  return define(ir, {
    tensor,
    indices: targets,
    reduction: end.loops.length === 0 ? undefined : { op: "sum", indices: end.loops },
    body: build.guard(ir, build.and(ir, [...end.guards, ...equalities]), end.value),
    labels: labelsOf(contribution, targets, end),
  });
};

const LETTERS = "ijklmpqrst";

/** What a dimension is called for which no formula has a name. */
export const letterAt = (k: number): string => LETTERS[k % LETTERS.length] ?? "i";

/** A target is called as the loop that it replaces; else a letter; all different. */
const labelsOf = (
  { labels, loops }: Contribution,
  targets: readonly Index[],
  end: State,
): readonly string[] => {
  const used = new Set<string>();
  const distinct = (name: string): string => {
    const free = used.has(name) ? distinct(`${name}'`) : name;
    used.add(free);
    return free;
  };
  const replaced = (target: Index): string | undefined => {
    const loop = loops.find((index) => isExactly(end.solved.get(index), target));
    return loop && (labels.get(loop) ?? loop.name);
  };
  const outer = targets.map((target, k) => distinct(replaced(target) ?? letterAt(k)));
  return [...outer, ...end.loops.map((loop) => distinct(labels.get(loop) ?? loop.name))];
};

const isExactly = (value: Affine | undefined, index: Index): boolean => {
  const [term, ...others] = value?.terms ?? [];
  const [atom, ...factors] = term?.atoms ?? [];
  return (
    value?.constant === 0 &&
    others.length === 0 &&
    factors.length === 0 &&
    term?.coefficient === 1 &&
    atom?.kind === "index" &&
    atom.index === index
  );
};

// ---- solving

/** The ways to solve an equation for loops, best first: a way is tried on every equation before the next way is. */
const WAYS: readonly ((ir: Arena, equation: Equation, state: State) => Solution | undefined)[] = [
  (ir, equation, state) => solveAlone(ir, equation, state),
  (ir, equation, state) => solveDigits(ir, equation, state),
  (ir, equation, state) => solveUnit(ir, equation, state),
  (ir, equation, state) => solveDivision(ir, equation, state),
  (ir, equation, state) => solveMultiple(ir, equation, state),
];

const solveAll = (ir: Arena, start: State): State => {
  let state = start;
  for (let next = solveOne(ir, state); next !== undefined; next = solveOne(ir, state)) state = next;
  return state;
};

const solveOne = (ir: Arena, state: State): State | undefined => {
  for (const way of WAYS) {
    for (const equation of state.equations) {
      const solution = way(ir, equation, state);
      if (solution !== undefined) return apply(ir, state, equation, solution);
    }
  }
  return undefined;
};

/** Puts a solution in everywhere: into the other equations, the guards so far, and the values of earlier solutions. */
const apply = (ir: Arena, state: State, solvedEquation: Equation, solution: Solution): State => {
  const values = new Map(solution.values);
  const put = (a: Affine): Affine => substituteIn(ir, a, values);
  return {
    equations: state.equations
      .filter((equation) => equation !== solvedEquation || solution.fresh.length > 0)
      .map(({ target, value }) => ({ target, value: put(value) }))
      .filter(({ target, value }) => !isExactly(value, target)),
    solved: new Map([...[...state.solved].map(([index, value]) => [index, put(value)] as const), ...values]),
    guards: [...substituteAll(ir, state.guards, values), ...solution.guards],
    loops: [...state.loops.filter((loop) => !values.has(loop)), ...solution.fresh],
  };
};

const substituteAll = (
  ir: Arena,
  nodes: readonly Node[],
  values: ReadonlyMap<Index, Affine>,
): readonly Node[] =>
  nodes.some((node) => node.indices.some((index) => values.has(index)))
    ? mapNodes(ir, nodes, { ...KEEP, index: (index) => values.get(index) })
    : nodes;

/** An index expression at other indices, those inside of data reads too. */
export const substituteIn = (ir: Arena, a: Affine, values: ReadonlyMap<Index, Affine>): Affine => {
  if (!a.indices.some((index) => values.has(index))) return a;
  const data = (node: Node): Affine => affine.ofData(ir, at(substituteAll(ir, [node], values), 0));
  return range.substituteAffine(ir, a, (index) => values.get(index), data);
};

/** a = v, of the same extent: the common case, and exact without a guard. */
const solveAlone = (ir: Arena, { target, value }: Equation, state: State): Solution | undefined => {
  const loop = state.loops.find((index) => isExactly(value, index) && index.extent === target.extent);
  return loop && { values: [[loop, affine.ofIndex(ir, target)]], guards: [], fresh: [] };
};

/**
 * a = (…(v₁·E₂ + v₂)·E₃ + …) + vₙ + rest, each 0 ≤ vᵢ < Eᵢ: a mixed-radix number, so that every digit is determined:
 * vᵢ = (a - rest) // placeᵢ mod Eᵢ, the first one without the modulus but in range.
 */
const solveDigits = (ir: Arena, { target, value }: Equation, state: State): Solution | undefined => {
  const parts = loopsOf(value, state).map((loop) => ({ loop, split: affine.linearIn(ir, value, loop) }));
  if (parts.length < 2) return undefined;
  const digits: { loop: Index; place: Affine }[] = [];
  let place = affine.fixed(ir, 1);
  while (digits.length < parts.length) {
    const next = parts.find(
      ({ loop, split }) => split?.coefficient === place && !digits.some((digit) => digit.loop === loop),
    );
    if (next === undefined) return undefined;
    digits.push({ loop: next.loop, place });
    place = affine.times(ir, place, next.loop.extent);
  }
  const zeros = new Map(digits.map(({ loop }) => [loop, affine.fixed(ir, 0)]));
  const number = affine.minus(ir, affine.ofIndex(ir, target), substituteIn(ir, value, zeros));
  const top = at(digits, digits.length - 1);
  const values = digits.map(({ loop, place: by }): readonly [Index, Affine] => {
    const shifted = range.floordiv(ir, number, by);
    return [loop, loop === top.loop ? shifted : range.mod(ir, shifted, loop.extent)];
  });
  const highest = range.floordiv(ir, number, top.place);
  return { values, guards: [build.inRange(ir, highest, top.loop.extent)], fresh: [] };
};

/** a = ±v + rest, for the loop with the largest extent: v = ±(a - rest), in range. */
const solveUnit = (ir: Arena, { target, value }: Equation, state: State): Solution | undefined => {
  let best: { loop: Index; solution: Affine } | undefined;
  for (const loop of loopsOf(value, state)) {
    const split = affine.linearIn(ir, value, loop);
    const sign = split && affine.asConstant(split.coefficient);
    if (split === undefined || (sign !== 1 && sign !== -1)) continue;
    if (best !== undefined && !larger(ir, loop, best.loop)) continue;
    const rest = affine.minus(ir, affine.ofIndex(ir, target), split.rest);
    best = { loop, solution: affine.scale(ir, rest, sign) };
  }
  if (best === undefined) return undefined;
  const { loop, solution } = best;
  return { values: [[loop, solution]], guards: [build.inRange(ir, solution, loop.extent)], fresh: [] };
};

/** Provably larger extents win; of two that cannot be compared the earlier loop (an output's) does. */
const larger = (ir: Arena, a: Index, than: Index): boolean =>
  range.provablyPositive(ir, affine.minus(ir, a.extent, than.extent));

/**
 * a = E // p gives E = a·p + q with a new loop 0 ≤ q < p; a = E mod m gives E = q·m + a with 0 ≤ q < ⌈extent / m⌉; for
 * E a loop by itself. What is left of other digits of the same number is then solved by the other ways.
 */
const solveDivision = (ir: Arena, { target, value }: Equation, state: State): Solution | undefined => {
  const [term, ...others] = value.terms;
  const [atom, ...factors] = term?.atoms ?? [];
  if (others.length > 0 || factors.length > 0 || value.constant !== 0 || term?.coefficient !== 1)
    return undefined;
  if (atom?.kind !== "floordiv" && atom?.kind !== "mod") return undefined;
  const loop = state.loops.find((index) => isExactly(atom.value, index));
  if (loop === undefined || atom.by.indices.length > 0) return undefined;
  const digit = affine.ofIndex(ir, target);
  const rounds =
    affine.divideExactly(ir, loop.extent, atom.by) ??
    range.floordiv(ir, affine.plus(ir, loop.extent, atom.by, affine.fixed(ir, -1)), atom.by);
  const fresh = freshIndex(ir, state, atom.kind === "floordiv" ? atom.by : rounds);
  const q = affine.ofIndex(ir, fresh);
  const [high, low] = atom.kind === "floordiv" ? [digit, q] : [q, digit];
  const solution = affine.plus(ir, affine.times(ir, high, atom.by), low);
  const digitInRange = atom.kind === "mod" ? [build.inRange(ir, digit, atom.by)] : [];
  return {
    values: [[loop, solution]],
    guards: [build.inRange(ir, solution, loop.extent), ...digitInRange],
    fresh: [fresh],
  };
};

const freshIndex = (ir: Arena, state: State, extent: Affine): Index => {
  const names = new Set([...state.loops, ...state.solved.keys()].map((index) => index.name));
  let k = 0;
  while (names.has(`q${k}`)) k++;
  return ir.index(`q${k}`, extent);
};

/** a = k·v + rest, |k| > 1: v = (a - rest) / k where k divides it, in range. */
const solveMultiple = (ir: Arena, { target, value }: Equation, state: State): Solution | undefined => {
  for (const loop of loopsOf(value, state)) {
    const split = affine.linearIn(ir, value, loop);
    if (split === undefined || split.coefficient.indices.length > 0) continue;
    const sign = range.provablyPositive(ir, split.coefficient) ? 1 : -1;
    const by = affine.scale(ir, split.coefficient, sign);
    if (!range.provablyPositive(ir, by)) continue;
    const rest = affine.scale(ir, affine.minus(ir, affine.ofIndex(ir, target), split.rest), sign);
    const solution = range.floordiv(ir, rest, by);
    const guards = [build.divides(ir, by, rest), build.inRange(ir, solution, loop.extent)];
    return { values: [[loop, solution]], guards, fresh: [] };
  }
  return undefined;
};

/** The loops that an equation mentions, in the order of the nest. */
const loopsOf = (value: Affine, state: State): readonly Index[] =>
  state.loops.filter((loop) => value.indices.includes(loop));
