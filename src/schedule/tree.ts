/** The schedule: a tree of loops with the steps of definitions at its leaves. Every later choice is made on it. */
import type { Affine, Definition, Direction, Half, Index, Node, Recurrence, Tensor } from "../ir/index.ts";

export interface Loop {
  readonly kind: "loop";
  readonly id: number;
  readonly label: string;
  /** Over dims only. */
  readonly extent: Affine;
  /** Of a contraction that is computed in blocks of its result. */
  readonly role: Role | undefined;
  /** Of a recurrence: its iterations need this order, and are not independent. */
  readonly order: Direction | undefined;
  /** Narrower than 0 … extent: bounds in terms of the owner's indices. Such a loop has one owner. */
  readonly bounds: Bounds | undefined;
  /** Where it runs over one half of what is symmetric. */
  readonly triangle: Triangle | undefined;
  /** Before the first and after the last iteration: accumulators are prepared, results are finished. */
  readonly before: Item[];
  readonly body: Item[];
  readonly after: Item[];
  /** Where there are such, the loop runs in blocks, and these before and after each block. */
  readonly beforeBlock: Item[];
  readonly afterBlock: Item[];
}

/** `rows` and `columns` are repeated, and share what the others load; `lanes` run on vectors. */
export type Role = "rows" | "columns" | "lanes";

/**
 * The block of the result that is kept in registers: vectors along `lanes`, which is an index of the result and has the
 * reduction inside, or one of the reduction.
 */
export type Tile =
  | {
      readonly kind: "lanes";
      readonly lanes: Index;
      readonly rows: Index;
      /** The index of the sum that memory is walked along in order, if there is one. */
      readonly along: Index | undefined;
      readonly masked: Masked | undefined;
    }
  | { readonly kind: "dots"; readonly lanes: Index; readonly rows: Index; readonly columns: Index };

/** The index of the half that the loop runs over, and the loop over the other one if that is outside of it. */
export interface Triangle {
  readonly side: keyof Half;
  readonly outer: Loop | undefined;
}

/** The terms of a guarded sum in two forms. They differ where a factor of the rows is infinite or no number. */
export interface Masked {
  /** The guard is at the factors that are the same for all rows: where it fails, 0 is multiplied and added. */
  readonly inPanel: Node;
  /** The guard is around the term. */
  readonly exact: Node;
}

/** max(0, lower…) ≤ index < min(extent, upper…), if the tests hold */
export interface Bounds {
  readonly lower: readonly Affine[];
  readonly upper: readonly Affine[];
  readonly tests: readonly Node[];
  readonly binding: Binding;
}

/** Which loop runs over an index of a definition. */
export type Binding = ReadonlyMap<Index, Loop>;

/**
 * `compute` an element; `begin`, `accumulate` and `finish` a scalar accumulator; `fill` the result with the neutral
 * element and `add` to it in place.
 */
export interface Step {
  readonly kind: "compute" | "begin" | "accumulate" | "finish" | "fill" | "add";
  readonly plan: Plan;
  readonly binding: Binding;
  /** What it stores: an element of the plan's tensor, or of one that holds a part of its sums. */
  readonly tensor: Tensor;
  readonly element: readonly Affine[];
  /** The value, or what is accumulated. */
  readonly body: Node;
}

export type Item = Loop | Step;

/** How one definition is computed: its loops, outermost first; those of one phase may be nested in any order. */
export interface Plan {
  readonly definition: Definition;
  /**
   * `pointwise`: one value per element; `local`: a scalar accumulator inside the loops over the outputs; `array`: the
   * result itself accumulates, a reduction loop being outside of an output loop; `scatter`: at data-dependent places.
   */
  readonly form: "pointwise" | "local" | "array" | "scatter";
  readonly phases: readonly (readonly Index[])[];
  /** Over this loop memory is walked in order: it goes innermost. */
  readonly inner: Index | undefined;
  readonly tile: Tile | undefined;
  /** Axes of the definition: elements with a larger index along `row` than along `column` are not needed. */
  readonly half: Half | undefined;
  /** What the definition reads: tensors that have to be complete before. */
  readonly reads: readonly TensorRead[];
  /** Where it is a member of a recurrence. */
  readonly recurrence: Along | undefined;
  /** The index that runs along the loop of a recurrence, in which the plan is to be computed: its outermost. */
  readonly follows: Index | undefined;
}

/** The recurrence that a plan belongs to: its loop is outermost. */
export interface Along {
  readonly recurrence: Recurrence;
  readonly index: Index;
}

export interface TensorRead {
  readonly tensor: Tensor;
  readonly at: readonly Affine[];
}

/** Where the elements of a tensor are while the kernel runs. */
export type Place =
  /** An array over these axes of the tensor. */
  | ({
      readonly kind: "buffer";
      /** Loops along axes that are not kept: each iteration has the array to itself. */
      readonly along: readonly Loop[];
    } & Kept)
  /** One value at a time. */
  | { readonly kind: "scalar" }
  /** An element of another tensor. */
  | { readonly kind: "element"; readonly element: Element };

export interface Kept {
  readonly axes: readonly number[];
  readonly ring: Ring | undefined;
}

/** Along this axis the latest elements only, each where the one was that is so many places earlier. */
export interface Ring {
  readonly axis: number;
  readonly size: Affine;
}

/**
 * A recurrence and one in the other direction that reads its states, in segments of so many places: those of one segment
 * are kept, and computed again on the way back from the states that were saved before it.
 */
export interface Segments {
  readonly forward: Loop;
  readonly backward: Loop;
  readonly length: Affine;
  readonly count: Affine;
  /** What the way back needs to be computed again. */
  readonly again: ReadonlySet<Tensor>;
  /** What it needs besides, at all places. */
  readonly whole: ReadonlySet<Tensor>;
  /** Of these tensors the elements of a segment, and their neighbours. */
  readonly rings: ReadonlyMap<Tensor, Ring>;
  /** The latest places, so many of each tensor, that a segment begins with. */
  readonly saved: ReadonlyMap<Tensor, number>;
}

export interface Element {
  readonly of: Tensor;
  readonly at: readonly Affine[];
}

/** Where a definition is in the tree: its loops, and which item it is (in) at each depth. */
export interface Location {
  readonly plan: Plan;
  readonly path: readonly Loop[];
  readonly positions: readonly number[];
  readonly binding: Binding;
}

export interface Schedule {
  readonly items: readonly Item[];
  readonly vector: ReadonlySet<Loop>;
  readonly places: ReadonlyMap<Tensor, Place>;
  /** Rows that hold a part of long sums. */
  readonly parts: readonly Tensor[];
  readonly segments: readonly Segments[];
}
