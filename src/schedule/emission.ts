/**
 * A kernel's body while it is written: which loops are open, and where tensors are. In: values in terms of a definition; out: the
 * same in terms of the loops, appended to a block. Ends because expressions are finite.
 */
import type { Index, Tensor } from "../ir/index.ts";
import type { Buffer, Expr, Local } from "../loop/types.ts";
import { convert } from "./build.ts";
import type { Counter, Site } from "./integer.ts";
import type { Segmented } from "./saved.ts";
import { chainOf, named, type Block, type Operand } from "./scope.ts";
import type { Binding, Kept, Loop, Masked, Place, Plan, Step } from "./tree.ts";
import { elementOffset, valueOf, type Known, type Values } from "./value.ts";

export interface Storage {
  readonly buffer: (tensor: Tensor) => Buffer;
  readonly places: ReadonlyMap<Tensor, Place>;
}

interface Accumulators {
  readonly value: Local;
  /** Of argmax and argmin. */
  readonly position: Local | undefined;
}

export interface Emission {
  readonly values: Values;
  readonly storage: Storage;
  readonly open: Map<Loop, Counter>;
  readonly accumulators: Map<Tensor, Accumulators>;
  readonly scalars: Map<Tensor, { readonly expr: Expr; readonly block: Block }>;
  readonly known: Map<Tensor, Known[]>;
  readonly vector: ReadonlySet<Loop>;
  /** Of each loop so far, by its number. */
  readonly counters: Map<number, Local>;
  /** Of a loop the temporaries that each iteration has to itself. */
  readonly own: ReadonlyMap<Loop, readonly Buffer[]>;
  /** Temporary buffers of contractions. */
  readonly panels: Buffer[];
  /** How terms of guarded contractions are written. */
  readonly terms: Terms;
  /** The tensors of the step being written. */
  readonly growing: Set<Tensor>;
  /** Recurrences in segments, by either of their loops. */
  readonly segments: ReadonlyMap<Loop, Segmented>;
  /** Of the steps in a loop those that are written; all of them without it. */
  readonly only: ReadonlySet<Tensor> | undefined;
}

/**
 * With the guard in the panel, counting the sums that are no numbers, since 0·∞ may have been added to them; or with the
 * guard around each.
 */
type Terms = { readonly kind: "panel"; readonly count: Local } | { readonly kind: "exact" };

export const wholeOf = ({ shape }: Tensor): Kept => ({ axes: [...shape.keys()], ring: undefined });

export const bindingOf = (loop: Loop): Binding => loop.bounds?.binding ?? new Map<Index, Loop>();

export const maskedOf = ({ tile }: Plan): Masked | undefined =>
  tile?.kind === "lanes" ? tile.masked : undefined;

export const counterIn =
  (emission: Emission, binding: ReadonlyMap<Index, Loop>) =>
  (index: Index): Counter => {
    const loop = binding.get(index);
    const counter = loop && emission.open.get(loop);
    if (counter === undefined) throw new Error(`the loop over ${index.name} is not open`);
    return counter;
  };

/** For index expressions outside of a body: without data. */
export const siteOf = (emission: Emission, block: Block, binding: ReadonlyMap<Index, Loop>): Site => ({
  names: emission.values.names,
  block,
  chain: chainOf(block),
  counter: counterIn(emission, binding),
  data: (node) => {
    const operand = valueOf(emission.values, block, counterIn(emission, binding), node, "maybe");
    return { ...operand, expr: convert("int", operand.expr) };
  },
});

export const bodyOf = (emission: Emission, block: Block, step: Step): Operand =>
  valueOf(emission.values, block, counterIn(emission, step.binding), step.body, "always");

export const offsetOf = (emission: Emission, block: Block, step: Step): Expr => {
  const { tensor } = step;
  const place = emission.storage.places.get(tensor);
  const kept = place?.kind === "buffer" ? place : wholeOf(tensor);
  const site = siteOf(emission, block, step.binding);
  return elementOffset(emission.values.ir, site, tensor, kept, step.element).expr;
};

/** The value of the tensor's current element is known: it goes where the tensor is. */
export const place = (emission: Emission, block: Block, step: Step, operand: Operand): void => {
  const { tensor } = step.plan.definition;
  const value = { ...operand, expr: convert(tensor.dtype, operand.expr) };
  const { names } = emission.values;
  const where = emission.storage.places.get(tensor);
  if (where === undefined) return;
  const { expr } = named(names, chainOf(block), { ...value, level: block.depth }, tensor.name);
  if (where.kind === "scalar") {
    emission.scalars.set(tensor, { expr, block });
    return;
  }
  if (where.kind === "element") {
    const { of, at } = where.element;
    const site = siteOf(emission, block, step.binding);
    const { expr: offset } = elementOffset(emission.values.ir, site, of, wholeOf(of), at);
    block.stmts.push({ kind: "store", buffer: emission.storage.buffer(of), offset, value: expr });
    return;
  }
  const offset = offsetOf(emission, block, step);
  block.stmts.push({ kind: "store", buffer: emission.storage.buffer(tensor), offset, value: expr });
  const counters = step.plan.definition.indices.map(
    (index) => counterIn(emission, step.binding)(index).block,
  );
  const before = emission.known.get(tensor) ?? [];
  emission.known.set(tensor, [...before, { block, counters, expr }]);
};

export const accumulatorsOf = (emission: Emission, tensor: Tensor): Accumulators => {
  const found = emission.accumulators.get(tensor);
  if (found === undefined) throw new Error(`${tensor.name} has no accumulator`);
  return found;
};
