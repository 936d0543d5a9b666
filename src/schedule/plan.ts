/**
 * The loops of one definition. In: a definition; out: its form and the order of its loops, chosen by how memory is walked
 * in the innermost one. Ends: every index is a candidate once.
 */
import {
  affine, loopIndices, readsOfDefinition, reductionDtype, type Affine, type Arena, type Definition, type Half, type Index, type Read, type Recurrence, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { tileOf } from "./tile.ts";
import type { Along, Plan, TensorRead, Tile } from "./tree.ts";

export type Elements = ReadonlyMap<Tensor, readonly Tensor[]>;

/** What is known of a definition beside the others. */
export interface Standing {
  /** The tensors whose elements are defined one by one, and those single values. */
  readonly elements: Elements;
  /** The one that the definition is a member of. */
  readonly recurrence: Recurrence | undefined;
  /** The index along a recurrence in whose loop it is to be. */
  readonly follows: Index | undefined;
  readonly half: Half | undefined;
  /** What it reads of the others; reads of inputs matter to loops alone. */
  readonly readsWithin: (definition: Definition) => readonly Read[];
}

export const planOf = (ir: Arena, definition: Definition, standing: Standing): Plan => {
  const { elements, recurrence, follows } = standing;
  const half =
    recurrence === undefined && follows === undefined && !isOrdered(definition) ? standing.half : undefined;
  const all = loopIndices(definition);
  const reads = withElements(all.length === 0 ? standing.readsWithin(definition) : readsOfDefinition(definition), elements); // prettier-ignore
  const along = recurrence && alongOf(definition, recurrence);
  const common = { definition, reads, recurrence: along, follows, tile: undefined, half };
  if (definition.target !== undefined) return { ...common, form: "scatter", phases: [all], inner: undefined };
  const outermost = [along?.index, follows].filter((index) => index !== undefined);
  const others = all.filter((index) => !outermost.includes(index));
  const reduced = definition.reduction?.indices ?? [];
  if (isOrdered(definition)) {
    const phases = [...outermost, ...others].map((index) => [index]);
    return { ...common, form: "local", phases, inner: undefined };
  }
  const tile = outermost.length === 0 ? tileOf(ir, definition, reads) : undefined;
  if (tile !== undefined) return tiledPlan(definition, tile, reads, half);
  const inner = innermost(ir, definition, reads, others);
  const phases = [definition.indices, reduced, all].map((phase, k) =>
    phase.filter((index) => others.includes(index) && (index === inner) === (k === 2)),
  );
  const nonEmpty = [outermost, ...phases].filter((phase) => phase.length > 0);
  return { ...common, form: formOf(definition, inner, follows), phases: nonEmpty, inner };
};

/** The loops of a tile are inside of those that all factors run over. */
const tiledPlan = (
  definition: Definition,
  tile: Tile,
  reads: readonly TensorRead[],
  half: Half | undefined,
): Plan => {
  const reduced = definition.reduction?.indices ?? [];
  const own = tile.kind === "lanes" ? [tile.rows, tile.lanes] : [tile.rows, tile.columns];
  const around = definition.indices.filter((index) => !own.includes(index));
  const last = tile.kind === "lanes" ? tile.along : tile.lanes;
  const outer = reduced.filter((index) => index !== last);
  const phases = [
    around,
    ...[...own, ...outer, ...(last === undefined ? [] : [last])].map((index) => [index]),
  ];
  return {
    definition,
    form: "local",
    phases: phases.filter((phase) => phase.length > 0),
    inner: tile.kind === "lanes" ? undefined : tile.lanes,
    tile,
    half,
    reads,
    recurrence: undefined,
    follows: undefined,
  };
};

const alongOf = ({ tensor, indices }: Definition, recurrence: Recurrence): Along | undefined => {
  const index = indices[recurrence.axes.get(tensor) ?? 0];
  return index && { recurrence, index };
};

/** Positions of a maximum depend on the order of the reduced loops. */
const isOrdered = ({ reduction }: Definition): boolean =>
  reduction !== undefined && reductionDtype(reduction.op) === "int";

const formOf = (
  definition: Definition,
  inner: Index | undefined,
  follows: Index | undefined,
): Plan["form"] => {
  if (definition.reduction === undefined) return "pointwise";
  const isOutside = follows !== undefined && definition.reduction.indices.includes(follows);
  if (isOutside) return definition.indices.length === 0 ? "local" : "array";
  return inner === undefined || definition.reduction.indices.includes(inner) ? "local" : "array";
};

const withElements = (reads: readonly Read[], elements: Elements): readonly TensorRead[] => {
  const parts = new Set(reads.flatMap((read) => elements.get(read.tensor) ?? []));
  return [...reads, ...[...parts].map((tensor) => ({ tensor, at: [] }))];
};

// ---- the innermost loop

/** What an access costs, of which a vector loop over the index makes several at once. */
const COST = { invariant: 0.25, unit: 1, strided: 4, scattered: 6, column: 8 };

/** Loops this short are not worth a vector loop while there is another. */
const SHORT = 8;
const SHORTNESS = 4;

const innermost = (
  ir: Arena,
  definition: Definition,
  reads: readonly TensorRead[],
  among: readonly Index[],
): Index | undefined => {
  let best: { readonly index: Index; readonly cost: number } | undefined;
  for (const index of among) {
    const extent = affine.asConstant(index.extent);
    const short = extent !== undefined && extent <= SHORT ? SHORTNESS : 0;
    const accesses = reads.map((read) => accessCost(ir, read.at, index));
    const cost = accesses.reduce((total, each) => total + each, resultCost(definition, index) + short);
    if (best === undefined || cost <= best.cost) best = { index, cost };
  }
  return best?.index;
};

/** Of writing the result in a loop over the index. */
const resultCost = (definition: Definition, index: Index): number => {
  const { indices, reduction } = definition;
  if (reduction?.indices.includes(index) === true) return COST.invariant;
  const once = indices.at(-1) === index ? COST.unit : COST.column;
  return reduction === undefined ? once : 2 * once;
};

const accessCost = (ir: Arena, at: readonly Affine[], index: Index): number => {
  const last = at.at(-1);
  if (!at.some((position) => position.indices.includes(index))) return COST.invariant;
  if (last === undefined || at.slice(0, -1).some((position) => position.indices.includes(index))) {
    return COST.scattered;
  }
  const linear = affine.linearIn(ir, last, index);
  if (linear === undefined) return COST.scattered;
  return affine.asConstant(linear.coefficient) === 1 ? COST.unit : COST.strided;
};
