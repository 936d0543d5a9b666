/**
 * Sums over windows, of which the guard of their terms leaves a few values of each index. In: a definition; out: the same as
 * those terms, so that it fuses and runs on vectors along its own indices. Ends: every index and every test is looked at once.
 */
import {
  affine, build as b, define, readsOf, substitute, type Affine, type Arena, type Definition, type Index, type Node,
} from "../ir/index.ts"; // prettier-ignore
import { guardedOf, intervalOf, isAboutIndices, type Range } from "./bounds.ts";
import { tileOf } from "./tile.ts";
import { combined } from "./unroll.ts";

/** A window of 3 × 3. */
const MAX_TERMS = 9;

/** The terms of a window: the values of its index that the guard leaves, and the tests that say so. */
interface Window {
  readonly index: Index;
  readonly first: Affine;
  readonly width: number;
  readonly tests: ReadonlySet<Node>;
}

/** What bounds the indices of a sum over windows; nothing if there are others, or if it is better made in blocks. */
export const windowBounds = (ir: Arena, definition: Definition): readonly Affine[] => {
  const { reduction, body } = definition;
  if (reduction?.op !== "sum" || tileOf(ir, definition, readsOf([body])) !== undefined) return [];
  const { tests } = guardedOf(ir, definition);
  const ranges = reduction.indices.map((index) => [...rangesOf(ir, tests, index).values()]);
  if (ranges.some((each) => each.length === 0)) return [];
  return ranges.flat().flatMap(({ lower, upper }) => [...lower, ...upper]);
};

/** Without its reduction, if there are few terms. */
export const unwound = (ir: Arena, definition: Definition): Definition | undefined => {
  const { tensor, indices, reduction, labels } = definition;
  const { tests, body } = guardedOf(ir, definition);
  const windows: Window[] = [];
  for (const index of reduction?.indices ?? []) {
    const found = windowOf(ir, tests, index);
    if (found !== undefined) windows.push(found);
  }
  const count = windows.reduce((product, { width }) => product * width, 1);
  if (windows.length === 0 || windows.length !== reduction?.indices.length || count > MAX_TERMS)
    return undefined;
  const left = tests.filter((test) => !windows.some((each) => each.tests.has(test)));
  const term = b.guard(ir, b.and(ir, left), body);
  const terms = stepsOf(windows).map((steps) => {
    const values = windows.map(({ first }, k) => affine.plus(ir, first, affine.fixed(ir, steps[k] ?? 0)));
    const inside = windows.map(({ index }, k) =>
      b.inRange(ir, values[k] ?? affine.fixed(ir, 0), index.extent),
    );
    const places = new Map(windows.map(({ index }, k) => [index, values[k] ?? affine.fixed(ir, 0)]));
    return b.guard(ir, b.and(ir, inside), substitute(ir, term, places));
  });
  const whole = combined(ir, reduction.op, terms);
  return define(ir, { tensor, indices, body: whole, labels: labels.slice(0, indices.length) });
};

/** All combinations of steps from the first values on. */
const stepsOf = (windows: readonly Window[]): readonly (readonly number[])[] => {
  let all: readonly (readonly number[])[] = [[]];
  for (const { width } of windows)
    all = all.flatMap((steps) => Array.from({ length: width }, (_, k) => [...steps, k]));
  return all;
};

const rangesOf = (ir: Arena, tests: readonly Node[], index: Index): ReadonlyMap<Node, Range> => {
  const found = new Map<Node, Range>();
  for (const test of tests) {
    const range =
      test.indices.includes(index) && isAboutIndices(test) ? intervalOf(ir, test, index) : undefined;
    if (range !== undefined) found.set(test, range);
  }
  return found;
};

/** Of all pairs of bounds the closest that are a constant apart. */
const windowOf = (ir: Arena, tests: readonly Node[], index: Index): Window | undefined => {
  const ranges = rangesOf(ir, tests, index);
  const [lowers, uppers] = [[...ranges.values()].flatMap(({ lower }) => lower), [...ranges.values()].flatMap(({ upper }) => upper)]; // prettier-ignore
  let best: { readonly lower: Affine; readonly upper: Affine; readonly width: number } | undefined;
  for (const lower of lowers)
    for (const upper of uppers) {
      const width = affine.asConstant(affine.minus(ir, upper, lower));
      if (width !== undefined && width >= 0 && width < (best?.width ?? Infinity))
        best = { lower, upper, width };
    }
  if (best === undefined) return undefined;
  const { lower: first, upper, width } = best;
  const isImplied = ([, range]: readonly [Node, Range]): boolean =>
    range.lower.every((each) => each === first) && range.upper.every((each) => each === upper);
  return { index, first, width, tests: new Set([...ranges].filter(isImplied).map(([test]) => test)) };
};
