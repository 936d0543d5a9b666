/**
 * What the derivative of a tensor by the elements of the source is made of: parts, and the terms that they come from.
 * Functions of one part or term: they end.
 */
import {
  affine,
  build,
  range,
  type Affine,
  type Arena,
  type Definition,
  type Index,
  type Node,
  type Tensor,
} from "../../ir/index.ts";
import { equalityOf, substituteIn, type Equation } from "../gather.ts";
import type { Namer } from "../names.ts";

export interface Part {
  /** Where rows and columns are both at places that a third index says, as of an edge; else each element has a row. */
  readonly list?: List | undefined;
  /** Dimensions of the source whose index is given: as expressions in i0, i1, … of the tensor, and k0, k1, … of the list. */
  readonly fixed: ReadonlyMap<number, Affine>;
  /** D, over the list, the tensor's indices that it leaves, and those of the source that are not fixed; 1 for the source. */
  readonly tensor: Tensor | undefined;
}

export interface List {
  /** k0, k1, … */
  readonly over: readonly Index[];
  readonly labels: readonly string[];
  /** Dimensions of the tensor whose index it gives. */
  readonly rows: ReadonlyMap<number, Affine>;
}

export interface Sensitivities {
  readonly definitions: readonly Definition[];
  /** Of the tensors that depend on the source. */
  readonly of: ReadonlyMap<Tensor, readonly Part[]>;
}

/** Stencils of stencils have ever more parts; beyond this many they are one, whose deltas are conditions. */
export const MOST_PARTS = 64;

/** The element of the source that is differentiated by. */
export const sourceIndices = (ir: Arena, source: Tensor): readonly Index[] =>
  source.shape.map((extent, k) => ir.index(`e${k}`, extent));

/** The element of the tensor that is differentiated. */
export const ownIndices = (ir: Arena, tensor: Tensor): readonly Index[] =>
  tensor.shape.map((extent, k) => ir.index(`i${k}`, extent));

export const listIndex = (ir: Arena, k: number, { extent }: Index): Index => ir.index(`k${k}`, extent);

export type Fixed = ReadonlyMap<number, Affine>;

/** What D is over before the dimensions of the source. */
export const innerIndices = (own: readonly Index[], list: List | undefined): readonly Index[] =>
  list === undefined ? own : [...list.over, ...own.filter((_, d) => !list.rows.has(d))];

export interface Whole {
  readonly ir: Arena;
  readonly element: readonly Index[];
  readonly namer: Namer;
}

export interface Around extends Whole {
  readonly of: ReadonlyMap<Tensor, readonly Part[]>;
  /** Whose derivatives are asked for. */
  readonly results: ReadonlySet<Tensor>;
  /** Of these a band is kept as one. */
  readonly banded: ReadonlySet<Tensor>;
  /** The part without its list. */
  readonly spread: (tensor: Tensor, part: Part) => Part;
}

/** One term of a tangent: δ(fixed) · Σ over loops of the body. */
export interface Term {
  readonly list: List | undefined;
  readonly fixed: ReadonlyMap<number, Affine>;
  readonly loops: readonly Index[];
  readonly body: Node;
}

/** A definition, its reads that move, and what these need. */
export interface Body {
  readonly definition: Definition;
  readonly reads: readonly Moving[];
  readonly before: readonly Definition[];
}

export interface Tangent {
  readonly parts: readonly Part[];
  readonly definitions: readonly Definition[];
}

/** A read of a tensor that moves, and ∂ element / ∂ read. */
export interface Moving {
  readonly tensor: Tensor;
  readonly at: readonly Affine[];
  readonly partial: Node;
}

const isFree =
  (fixed: ReadonlyMap<number, unknown>) =>
  (_: Index, j: number): boolean =>
    !fixed.has(j);

export const freeOf = (element: readonly Index[], fixed: ReadonlyMap<number, unknown>): readonly Index[] =>
  element.filter(isFree(fixed));

export const at = (ir: Arena, indices: readonly Index[]): readonly Affine[] =>
  indices.map((index) => affine.ofIndex(ir, index));

/** D of a part at an element of its tensor. */
export const partAt = (ir: Arena, element: readonly Index[], part: Part, place: readonly Affine[]): Node =>
  part.tensor === undefined
    ? build.constant(ir, 1)
    : build.read(ir, part.tensor, [
        ...at(ir, part.list?.over ?? []),
        ...place.filter((_, d) => part.list?.rows.has(d) !== true),
        ...at(ir, freeOf(element, part.fixed)),
      ]);

/** Where the tensor is read, so is what it fixes. */
export const fixedAt = (
  ir: Arena,
  part: Part,
  read: Moving,
): readonly (readonly [j: number, value: Affine])[] => {
  const places = new Map(
    read.tensor.shape.map((extent, k): [Index, Affine] => [ir.index(`i${k}`, extent), read.at[k] ?? extent]),
  );
  return [...part.fixed].map(([j, f]) => [j, substituteIn(ir, f, places)] as const);
};

export const guarded = (ir: Arena, conditions: readonly Node[], value: Node): Node =>
  build.guard(ir, build.and(ir, conditions), value);

export const equation = (element: readonly Index[], [j, value]: readonly [number, Affine]): Equation => {
  const target = element[j];
  if (target === undefined) throw new Error(`the source has no dimension ${j}`);
  return { target, value };
};

/** What all parts fix alike. */
export const commonFixed = (parts: readonly Part[]): ReadonlyMap<number, Affine> => {
  const [first, ...others] = parts;
  const common = [...(first?.fixed ?? [])].filter(([j, value]) =>
    others.every((part) => part.fixed.get(j) === value),
  );
  return new Map(common);
};

/** The deltas of `fixed` that `common` does not have, as conditions. */
export const conditionsOf = (
  ir: Arena,
  element: readonly Index[],
  fixed: ReadonlyMap<number, Affine>,
  common: ReadonlyMap<number, Affine>,
): readonly Node[] =>
  [...fixed].filter(([j]) => !common.has(j)).map((each) => equalityOf(ir, equation(element, each)));

/** Two with one key stand at the same places. */
export const keyOf = ({
  list,
  fixed,
}: {
  readonly list?: List | undefined;
  readonly fixed: Fixed;
}): string => {
  const text = (places: Fixed): string => [...places].map(([j, value]) => `${j}:${value.id}`).join();
  const over = list?.over.map(({ id }) => id).join() ?? "";
  return list === undefined ? text(fixed) : `${over};${text(list.rows)};${text(fixed)}`;
};

export const putIn = (ir: Arena, fixed: Fixed, values: ReadonlyMap<Index, Affine>): Fixed =>
  new Map([...fixed].map(([j, value]) => [j, substituteIn(ir, value, values)]));

export const withoutKey = <V>(map: ReadonlyMap<number, V>, key: number): ReadonlyMap<number, V> =>
  new Map([...map].filter(([each]) => each !== key));

/** Whether it is certain that a place exists, so that it can be written to: indices that are data are checked. */
export const isElement = (ir: Arena, value: Affine, index: Index | undefined): boolean =>
  index !== undefined && (affine.dataOf(value).length > 0 || range.provablyInRange(ir, value, index.extent));

export const grouped = <T>(items: readonly T[], key: (item: T) => string): readonly (readonly T[])[] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const known = groups.get(key(item));
    if (known === undefined) groups.set(key(item), [item]);
    else known.push(item);
  }
  return [...groups.values()];
};
