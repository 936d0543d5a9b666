/**
 * What an expression denotes: a shape, and the element at that shape's implicit indices. Operands of one
 * function share their implicit indices, counted from the last dimension, so that broadcasting is the building
 * of one node: a dimension that is missing, or is the literal 1, is an index that does not occur.
 */
import { fixed, ofData, ofIndex } from "../ir/affine.ts";
import type { Arena } from "../ir/arena.ts";
import { read } from "../ir/build.ts";
import type { Affine, Index, Node, Tensor } from "../ir/types.ts";
import { substitute } from "../ir/walk.ts";
import type { Span } from "../diagnostics/index.ts";

export interface Value {
  readonly shape: readonly Affine[];
  readonly node: Node;
  /** Where a name was declared, for messages that show where a shape came from. */
  readonly declared?: Span;
}

export const scalar = (node: Node): Value => ({ shape: [], node });

export const isOne = (extent: Affine): boolean => extent.terms.length === 0 && extent.constant === 1;

/** The implicit index of a dimension, counted from the last; each depth of calls has its own. */
export const implicitIndex = (ir: Arena, depth: number, fromLast: number, extent: Affine): Index =>
  ir.index(`@${fromLast}'${depth}`, extent);

export const implicitIndices = (ir: Arena, depth: number, shape: readonly Affine[]): readonly Index[] =>
  shape.map((extent, k) => implicitIndex(ir, depth, shape.length - 1 - k, extent));

/** The element of a whole array in an elementwise expression. */
export const implicitAt = (ir: Arena, depth: number, shape: readonly Affine[]): readonly Affine[] =>
  implicitIndices(ir, depth, shape).map((index) => (isOne(index.extent) ? fixed(ir, 0) : ofIndex(ir, index)));

export const whole = (ir: Arena, depth: number, tensor: Tensor): Value => ({
  shape: tensor.shape,
  node: read(ir, tensor, implicitAt(ir, depth, tensor.shape)),
});

/** The element at given positions. */
export const elementAt = (ir: Arena, depth: number, value: Value, at: readonly Affine[]): Node => {
  const indices = implicitIndices(ir, depth, value.shape);
  const { node } = value;
  // the common case, a tensor by its name: no walk
  if (node.kind === "read" && node.at.length === at.length && node.tensor.shape === value.shape) {
    const positions = implicitAt(ir, depth, value.shape);
    if (node.at.every((a, k) => a === positions[k])) return read(ir, node.tensor, at);
  }
  return substitute(ir, node, new Map(indices.map((index, k) => [index, at[k] ?? fixed(ir, 0)])));
};

/** The value with the implicit indices of another depth. */
export const atDepth = (ir: Arena, value: Value, from: number, to: number): Value => ({
  ...value,
  node: elementAt(ir, from, value, implicitAt(ir, to, value.shape)),
});

/** The whole number that a node is, where it is one. */
export const asAffine = (ir: Arena, node: Node): Affine | undefined => {
  if (node.kind === "index") return node.value;
  if (node.kind === "constant") return Number.isSafeInteger(node.value) ? fixed(ir, node.value) : undefined;
  return node.kind === "read" && node.dtype === "int" ? ofData(ir, node) : undefined;
};
