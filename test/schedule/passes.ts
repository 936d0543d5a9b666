/** Passes by themselves, on the definitions of a program. */
import {
  range,
  readsOfDefinition,
  recurrencesIn,
  type Arena,
  type Definition,
  type Program,
  type Read,
  type Tensor,
} from "../../src/ir/index.ts";
import { contract } from "../../src/schedule/contract.ts";
import { fuse, type Fused } from "../../src/schedule/fuse.ts";
import { planOf } from "../../src/schedule/plan.ts";
import type { Place, Plan } from "../../src/schedule/tree.ts";

export const outputsOf = (program: Program): ReadonlySet<Tensor> =>
  new Set(program.outputs.map((output) => output.tensor));

export const names = (definitions: readonly Definition[]): readonly string[] =>
  definitions.map((definition) => definition.tensor.name);

export const provableIn =
  (ir: Arena) =>
  (read: Read): boolean =>
    read.at.every((position, axis) => {
      const extent = read.tensor.shape[axis];
      return extent !== undefined && range.provablyInRange(ir, position, extent);
    });

/** What a definition without others is. */
export const ALONE = {
  elements: new Map(),
  recurrence: undefined,
  follows: undefined,
  half: undefined,
  readsWithin: readsOfDefinition,
} as const;

export const plansOf = (ir: Arena, definitions: readonly Definition[]): readonly Plan[] => {
  const recurrences = recurrencesIn(ir, definitions);
  return definitions.map((each) => planOf(ir, each, { ...ALONE, recurrence: recurrences.get(each.tensor) }));
};

export const fused = (ir: Arena, definitions: readonly Definition[]): Fused =>
  fuse(ir, plansOf(ir, definitions), "f64", new Map());

/** The loops of each definition by label and number: equal where they are shared. */
export const paths = ({ locations }: Fused): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    [...locations].map(([tensor, { path }]) => [tensor.name, path.map((loop) => `${loop.label}${loop.id}`)]),
  );

export const places = (ir: Arena, program: Program): Readonly<Record<string, Place>> => {
  const { locations } = fused(ir, program.definitions);
  const found = contract(ir, program.definitions, outputsOf(program), locations, new Map(), []);
  return Object.fromEntries([...found].map(([tensor, place]) => [tensor.name, place]));
};
