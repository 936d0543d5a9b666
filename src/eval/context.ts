/** What the steps of a tape share: its slots, and what they are evaluated in. */
import { affine, affinesOf, type Node, type NodeOf, type Tensor } from "../ir/index.ts";
import type { Arithmetic } from "./arithmetic.ts";
import type { Stored } from "./arrays.ts";
import type { IndexScope } from "./indexing.ts";
import type { Select } from "./selection.ts";

export interface TapeScope {
  readonly dims: ReadonlyMap<string, number>;
  readonly options: ReadonlyMap<string, number>;
  readonly counters: Float64Array;
  readonly position: IndexScope["position"];
  readonly storage: (tensor: Tensor) => Stored;
  /** Whose errors are followed; none if undefined. */
  readonly arithmetic: Arithmetic | undefined;
  /** Told which way each selection goes; none if undefined. */
  readonly select?: Select | undefined;
}

/** Computes one node; its operands have been. */
export type Step = () => number;

export interface Context {
  readonly scope: TapeScope;
  readonly indices: IndexScope;
  readonly slot: (node: Node) => number;
  readonly slots: (nodes: readonly Node[]) => readonly number[];
  readonly values: Float64Array;
  readonly errors: Float64Array;
}

export const at = (array: Float64Array, k: number): number => array[k] ?? NaN;

export const constantly =
  (value: number): Step =>
  () =>
    value;

export type Connective = NodeOf<"and"> | NodeOf<"or">;

/** What one argument makes of the whole. */
export const DECISIVE = { and: 0, or: 1 } as const;

/** Tests of indices come first: they say whether the reads in the others are in bounds. */
export const boundsFirst = (args: readonly Node[]): readonly Node[] => [
  ...args.filter(isIndexTest),
  ...args.filter((arg) => !isIndexTest(arg)),
];

const isIndexTest = (node: Node): boolean => {
  if (node.kind === "not") return isIndexTest(node.a);
  if (node.kind === "compare")
    return [node.a, node.b].every(({ kind }) => kind === "index" || kind === "constant");
  const tests = node.kind === "inrange" || node.kind === "divides" || node.kind === "iszero";
  return tests && affinesOf(node).every((a) => affine.dataOf(a).length === 0);
};
