/**
 * Definitions of constant size, element by element. In: a definition and a place; out: the expression of that element.
 * Ends: every place is looked at once. One index of open extent may stay, the same for a
 * whole program: a batch of instances; in expressions it is `batchIndex`.
 */
import {
  KEEP, affine, build, canonicalIndex, loopIndices, mapNodes, substitute, type Affine, type Arena, type Definition, type Index, type Node, type Read, type Symmetric, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Element } from "./tree.ts";
import { combined, constants, positions, type Position } from "./unroll.ts";
import { mayBeLeft } from "./vanish.ts";

/** Elements by their row-major offset over the axes of constant extent. */
export type Expanded = ReadonlyMap<Tensor, ReadonlyMap<number, Node>>;

const isOpen = ({ extent }: Index): boolean => affine.asConstant(extent) === undefined;

export const openIndices = (definition: Definition): readonly Index[] =>
  loopIndices(definition).filter(isOpen);

/** Of the values of indices of constant extent. */
export const combinations = (indices: readonly Index[]): number =>
  indices.reduce((count, { extent }) => count * (affine.asConstant(extent) ?? 1), 1);

/** Iterations over the indices of constant extent. */
export const iterations = (definition: Definition): number => combinations(loopIndices(definition));

export const closed = (indices: readonly Index[]): readonly Index[] =>
  indices.filter((index) => !isOpen(index));

/** What a program gives, and which of it is symmetric. */
export interface Results {
  readonly outputs: ReadonlySet<Tensor>;
  readonly symmetric: ReadonlyMap<Tensor, Symmetric>;
}

/** Of an element and its mirror image the one whose expression stands for both. */
export const inHalf = (
  symmetric: Results["symmetric"],
  { tensor, indices }: Definition,
  position: Position,
): Position => {
  const pairs = (symmetric.get(tensor) ?? []).flatMap(({ row, column }) => {
    const [i, j] = [indices[row], indices[column]];
    const [a, b] = [i && position.get(i), j && position.get(j)];
    return i === undefined || j === undefined || a === undefined || b === undefined ? [] : [{ i, j, a, b }];
  });
  const first = pairs.find(({ a, b }) => a !== b);
  if (first === undefined || first.a < first.b) return position;
  return new Map([...position, ...pairs.flatMap(({ i, j, a, b }) => [[i, b], [j, a]] as const)]); // prettier-ignore
};

/** The places of elements by offset. */
export const placesOf = (definition: Definition): ReadonlyMap<number, Position> =>
  new Map(positions(closed(definition.indices)).entries());

/** The place with this offset. */
export const positionAt = (indices: readonly Index[], offset: number): Position => {
  const place: [Index, number][] = [];
  let rest = offset;
  for (const index of closed(indices).toReversed()) {
    const extent = affine.asConstant(index.extent) ?? 1;
    place.push([index, rest % extent]);
    rest = Math.floor(rest / extent);
  }
  return new Map(place.reverse());
};

const batchIndex = (ir: Arena, { extent }: Index): Index => canonicalIndex(ir, 0, extent);

/** Without the offset where the place is out of bounds, which a guard keeps from being read. */
export type Offset =
  { readonly kind: "known"; readonly offset: number | undefined } | { readonly kind: "unknown" };

/** `at`: with constants for all indices but an open one. */
export const offsetOf = (tensor: Tensor, at: readonly Affine[]): Offset => {
  let offset: number | undefined = 0;
  for (const [axis, position] of at.entries()) {
    const [value, extent] = [affine.asConstant(position), tensor.shape[axis]];
    const size = extent && affine.asConstant(extent);
    if (size === undefined) continue;
    if (value === undefined) return { kind: "unknown" };
    if (value < 0 || value >= size) offset = undefined;
    if (offset !== undefined) offset = offset * size + value;
  }
  return { kind: "known", offset };
};

/** Index expressions put in, so that guards fold; reads of other definitions stay. */
const bodyAt = (ir: Arena, definition: Definition, position: Position): Node => {
  const batch = openIndices(definition).map(
    (index) => [index, affine.ofIndex(ir, batchIndex(ir, index))] as const,
  );
  return substitute(ir, definition.body, new Map([...constants(ir, position), ...batch]));
};

/** The places of a definition's body of which an element is made. */
export type Terms = (position: Position) => readonly Position[];

/** All of them, but for those of a sum that are structurally nothing there: these cost a test of numbers, not an expression. */
export const termsOf = (definition: Definition): Terms => {
  const { body, reduction } = definition;
  const inner = closed(reduction?.indices ?? []);
  if (reduction === undefined || inner.length === 0) return (position) => [position];
  const outer = closed(definition.indices);
  const counters = new Float64Array(outer.length + inner.length);
  const isLeft = reduction.op === "sum" ? mayBeLeft(body, [...outer, ...inner], counters) : undefined;
  const offsets = Array.from({ length: combinations(inner) }, (_, offset) => offset);
  const placed = (position: Position, offset: number): Position =>
    new Map([...position, ...positionAt(inner, offset)]);
  if (isLeft === undefined) return (position) => offsets.map((offset) => placed(position, offset));
  const extents = inner.map(({ extent }) => affine.asConstant(extent) ?? 1);
  const left = (offset: number): boolean => {
    let rest = offset;
    for (let k = inner.length - 1; k >= 0; k--) {
      const extent = extents[k] ?? 1;
      counters[outer.length + k] = rest % extent;
      rest = Math.floor(rest / extent);
    }
    return isLeft();
  };
  return (position) => {
    counters.set(outer.map((index) => position.get(index) ?? 0));
    return offsets.filter(left).map((offset) => placed(position, offset));
  };
};

/** An element in terms of elements of other definitions; of a reduction over an open index, its term. */
export const elementAt = (ir: Arena, definition: Definition, terms: readonly Position[]): Node => {
  const { reduction } = definition;
  const bodies = terms.map((position) => bodyAt(ir, definition, position));
  if (reduction === undefined || closed(reduction.indices).length === 0) return bodies[0] ?? build.zero(ir);
  const isEmpty = combinations(closed(reduction.indices)) === 0;
  return combined(ir, reduction.op, bodies.length > 0 || isEmpty ? bodies : [build.zero(ir)]);
};

/** With what is expanded put in for reads of it. */
export const resolve = (ir: Arena, expanded: Expanded, nodes: readonly Node[]): readonly Node[] => {
  const node = (rebuilt: Node): Node =>
    rebuilt.kind === "read" ? (resolved(ir, expanded, rebuilt) ?? rebuilt) : rebuilt;
  return mapNodes(ir, nodes, { ...KEEP, node });
};

const resolved = (ir: Arena, expanded: Expanded, read: Read): Node | undefined => {
  const elements = expanded.get(read.tensor);
  const place = elements && offsetOf(read.tensor, read.at);
  const node =
    place?.kind === "known" && place.offset !== undefined ? elements?.get(place.offset) : undefined;
  const axis = read.tensor.shape.findIndex((extent) => affine.asConstant(extent) === undefined);
  const [extent, position] = [read.tensor.shape[axis], read.at[axis]];
  if (node === undefined || extent === undefined || position === undefined) return node;
  return substitute(ir, node, new Map([[canonicalIndex(ir, 0, extent), position]]));
};

/** The definition of one element, in loops over what is open. */
export const singleOf = (
  ir: Arena,
  definition: Definition,
  position: Position,
  body: Node,
): { readonly single: Definition; readonly element: Element } => {
  const { tensor, indices, reduction } = definition;
  const at = indices.map((index) => {
    const value = position.get(index);
    return value === undefined ? affine.ofIndex(ir, batchIndex(ir, index)) : affine.fixed(ir, value);
  });
  const open = indices.filter(isOpen).map((index) => batchIndex(ir, index));
  const reduced = reduction?.indices.filter(isOpen).map((index) => batchIndex(ir, index)) ?? [];
  const name = [tensor.name, ...position.values()].join("_");
  const shape = open.map(({ extent }) => extent);
  const single: Definition = {
    tensor: ir.tensor({ name, shape, dtype: tensor.dtype, role: "defined" }),
    indices: open,
    reduction: reduction && reduced.length > 0 ? { op: reduction.op, indices: reduced } : undefined,
    target: undefined,
    body,
    labels: loopIndices(definition).flatMap((index, k) =>
      isOpen(index) ? [definition.labels[k] ?? index.name] : [],
    ),
  };
  return { single, element: { of: tensor, at } };
};

/** What others see of such an element. */
export const readOf = (ir: Arena, { tensor, indices }: Definition): Node =>
  build.read(ir, tensor, indices.map((index) => affine.ofIndex(ir, index))); // prettier-ignore
