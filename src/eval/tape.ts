/**
 * In: expressions; out: a list of steps that computes them for the present values of the loop counters. Ends because
 * every node has one step and needs only nodes of smaller ids.
 */
import {
  affine,
  operandsOf,
  reachable,
  type Affine,
  type Kind,
  type Node,
  type NodeOf,
} from "../ir/index.ts";
import type { Arithmetic } from "./arithmetic.ts";
import { at, type Context, type Step, type TapeScope } from "./context.ts";
import { lazy } from "./demand.ts";
import { ERRORS } from "./errors.ts";
import { compileIndex, intervalOf, EVERYTHING, type IndexScope, type Interval } from "./indexing.ts";
import { selectionOf } from "./selection.ts";
import { VALUES } from "./values.ts";

export interface Tape {
  /** Computes the roots at the present counters. */
  readonly run: () => void;
  readonly value: (root: Node) => number;
  readonly error: (root: Node) => number;
  /** Reads an index expression whose data are roots. */
  readonly index: (a: Affine) => () => number;
}

export const compileTape = (roots: readonly Node[], scope: TapeScope): Tape => {
  const nodes = reachable(roots);
  const slots = new Map(nodes.map((node, k) => [node, k]));
  const slot = (node: Node): number => {
    const k = slots.get(node);
    if (k === undefined) throw new Error(`node ${node.id} is not on the tape`);
    return k;
  };
  const values = new Float64Array(nodes.length);
  const errors = new Float64Array(nodes.length);
  const indices: IndexScope = {
    dims: scope.dims,
    counters: scope.counters,
    position: scope.position,
    data: (node) => {
      const k = slot(node);
      return () => at(values, k);
    },
    dataRange: (node) => dataRange(node, scope),
  };
  const context: Context = { scope, indices, slot, slots: (all) => all.map(slot), values, errors };
  const steps = nodes.map((node) => step(context, node));
  const safe = nodes.every((node) => node.kind !== "read" || inBounds(node, context));
  return {
    run: safe ? eager(steps, values) : lazy(nodes, steps, context, roots),
    value: (root) => at(values, slot(root)),
    error: (root) => at(errors, slot(root)),
    index: (a) => compileIndex(a, indices),
  };
};

const eager = (steps: readonly Step[], values: Float64Array) => (): void => {
  let k = 0;
  for (const run of steps) values[k++] = run();
};

// A table row takes its own kind; the lookup by `node.kind` always finds that row.
const valueRow = (kind: Kind): ((c: Context, node: Node) => Step) =>
  VALUES[kind] as (c: Context, node: Node) => Step;
const errorRow = (kind: Kind): ((c: Context, node: Node, arithmetic: Arithmetic) => Step) =>
  ERRORS[kind] as (c: Context, node: Node, arithmetic: Arithmetic) => Step;

/** The step of a node, which also leaves its error where errors are followed, and tells of selections. */
const step = (context: Context, node: Node): Step => {
  const value = told(context, node, valueRow(node.kind)(context, node));
  if (context.scope.arithmetic === undefined) return value;
  const error = errorRow(node.kind)(context, node, context.scope.arithmetic);
  const [k, { values, errors }] = [context.slot(node), context];
  return () => {
    const result = value();
    values[k] = result;
    const bound = error();
    errors[k] = Number.isNaN(bound) ? Infinity : bound;
    return result;
  };
};

const told = (context: Context, node: Node, value: Step): Step => {
  const { values, scope } = context;
  const selection = selectionOf(node);
  const { select } = scope;
  if (select === undefined || selection === undefined) return value;
  const [a = 0, b = 0] = context.slots(operandsOf(node));
  return () => {
    const result = value();
    select(selection(at(values, a), at(values, b), result));
    return result;
  };
};

const inBounds = (node: NodeOf<"read">, context: Context): boolean => {
  const { shape } = context.scope.storage(node.tensor);
  return node.at.every((a, k) => {
    const { low, high } = intervalOf(a, context.indices);
    return 0 <= low && high < (shape[k] ?? 0);
  });
};

const dataRange = (node: Node, scope: TapeScope): Interval => {
  if (node.kind !== "read" || node.tensor.role !== "input") return EVERYTHING;
  let [low, high] = [Infinity, -Infinity];
  for (const value of scope.storage(node.tensor).data)
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low <= high ? { low, high } : { low: 0, high: 0 };
};

/** The int reads inside of index expressions, to be roots of a tape that reads them. */
export const dataRoots = (indices: readonly Affine[]): readonly Node[] => indices.flatMap(affine.dataOf);
