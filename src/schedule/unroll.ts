/**
 * Short reductions of constant length as one expression. In: definitions; out: the same, those reductions pointwise, so
 * that they fuse and vectorise along an output. Ends: the number of terms is constant.
 */
import {
  affine, build as b, substitute, type Affine, type Arena, type Definition, type Index, type Node, type ReduceOp,
} from "../ir/index.ts"; // prettier-ignore
import { guardedOf } from "./bounds.ts";
import { costWithin } from "./cost.ts";
import type { Decision } from "./decision.ts";

/** A window of 3 × 3 is unrolled, a row of ten classes is a loop. */
const MAX_TERMS = 9;
const MAX_COST = 144;

export interface Unrolled {
  readonly definitions: readonly Definition[];
  readonly decisions: readonly Decision[];
}

export const unroll = (ir: Arena, definitions: readonly Definition[]): Unrolled => {
  const decisions: Decision[] = [];
  const unrolled = definitions.map((definition) => {
    const count = termCount(definition);
    if (count === undefined || isGuarded(ir, definition)) return definition;
    if (count > MAX_TERMS || count * costWithin(definition.body, MAX_COST) > MAX_COST) return definition;
    const reason = `a reduction of ${count} terms`;
    decisions.push({ subject: definition.tensor.name, decision: "unrolled", reason });
    return withoutReduction(ir, definition);
  });
  return { definitions: unrolled, decisions };
};

const termCount = ({ reduction }: Definition): number | undefined => {
  const extents = reduction?.indices.map((index) => affine.asConstant(index.extent));
  return extents?.reduce((count, extent) => (count === undefined || extent === undefined ? undefined : count * extent), 1); // prettier-ignore
};

/** Its loops will end where the guard says. */
const isGuarded = (ir: Arena, definition: Definition): boolean => {
  const reduced = definition.reduction?.indices ?? [];
  return guardedOf(ir, definition).tests.some((test) =>
    test.indices.some((index) => reduced.includes(index)),
  );
};

const withoutReduction = (ir: Arena, definition: Definition): Definition => {
  const { reduction, body } = definition;
  if (reduction === undefined) return definition;
  const terms = positions(reduction.indices).map((position) => substitute(ir, body, constants(ir, position)));
  return { ...definition, reduction: undefined, body: combined(ir, reduction.op, terms) };
};

export type Position = ReadonlyMap<Index, number>;

export const constants = (ir: Arena, position: Position): ReadonlyMap<Index, Affine> =>
  new Map([...position].map(([index, value]) => [index, affine.fixed(ir, value)]));

/** All values of indices with constant extents, in row-major order. */
export const positions = (indices: readonly Index[]): readonly Position[] => {
  let all: readonly Position[] = [new Map()];
  for (const index of indices) {
    const extent = affine.asConstant(index.extent) ?? 0;
    const values = Array.from({ length: extent }, (_, k) => k);
    all = all.flatMap((position) => values.map((value) => new Map([...position, [index, value] as const])));
  }
  return all;
};

type Combine = (ir: Arena, terms: readonly Node[]) => Node;

const extreme =
  (op: "max" | "min"): Combine =>
  (ir, terms) =>
    terms.length === 0
      ? b.constant(ir, op === "max" ? -Infinity : Infinity)
      : terms.reduce((best, term) => b.binary(ir, op, best, term));

/** The place of the best so far; the first NaN is never beaten. */
const place =
  (op: "max" | "min"): Combine =>
  (ir, terms) => {
    const [first, ...rest] = terms;
    let [best, at] = [first ?? b.constant(ir, 0), b.constant(ir, 0)];
    rest.forEach((term, k) => {
      const worse = op === "max" ? b.compare(ir, "<=", term, best) : b.compare(ir, "<=", best, term);
      const better = b.and(ir, [b.not(ir, worse), b.compare(ir, "==", best, best)]);
      at = b.select(ir, better, b.constant(ir, k + 1), at);
      best = b.select(ir, better, term, best);
    });
    return at;
  };

const COMBINE: { readonly [K in ReduceOp]: Combine } = {
  sum: (ir, terms) => (terms.length === 0 ? b.constant(ir, 0) : b.sum(ir, terms)),
  prod: (ir, terms) => (terms.length === 0 ? b.constant(ir, 1) : b.product(ir, terms)),
  max: extreme("max"),
  min: extreme("min"),
  maxfirst: extreme("max"),
  minfirst: extreme("min"),
  argmax: place("max"),
  argmin: place("min"),
};

export const combined = (ir: Arena, op: ReduceOp, terms: readonly Node[]): Node => COMBINE[op](ir, terms);
