/**
 * Outputs that depend on a place by its quotient and remainder, as the adjoints of strided reads do. In: definitions; out: in
 * place of such an output one definition for each remainder, whose elements lie a stride apart. Ends: every definition is
 * looked at once, and has few indices.
 */
import {
  affine, affinesOf, canonicalIndex, define, range, reachable, substitute, type Affine, type Arena, type Atom, type Definition, type Index, type Node, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { costWithin } from "./cost.ts";
import type { Decision } from "./decision.ts";
import type { Element } from "./tree.ts";

export interface Interleaved {
  readonly definitions: readonly Definition[];
  /** Which places of which output a definition fills. */
  readonly elements: ReadonlyMap<Tensor, Element>;
  readonly decisions: readonly Decision[];
}

/** Vectors of four lanes are interleaved by shuffles up to this stride. */
const MAX_STRIDE = 4;

/** Operations of all parts together. */
const MAX_COST = 256;

/** Not of the definitions of `fixed` tensors, which are made in an order of their own. */
export const interleave = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  fixed: ReadonlySet<Tensor>,
): Interleaved => {
  const elements = new Map<Tensor, Element>();
  const decisions: Decision[] = [];
  const split = definitions.flatMap((definition): readonly Definition[] => {
    const { tensor, reduction, target } = definition;
    const isPlain = reduction === undefined && target === undefined;
    const strides = outputs.has(tensor) && !fixed.has(tensor) && isPlain ? stridesOf(ir, definition) : START;
    const parts = [...strides.values()].reduce((product, stride) => product * stride, 1);
    if (parts === 1 || parts * costWithin(definition.body, MAX_COST) > MAX_COST) return [definition];
    decisions.push({
      subject: tensor.name,
      decision: `by remainders, ${parts} elements at once`,
      reason: `depends on ${[...strides].map(([index, stride]) => labelled(definition, index, stride)).join(" and ")}`,
    });
    return piecesOf(ir, definition, strides).map((pieces, k) => {
      const part = partOf(ir, definition, pieces, k);
      elements.set(part.definition.tensor, part.element);
      return part.definition;
    });
  });
  return { definitions: split, elements, decisions };
};

const labelled = ({ indices, labels }: Definition, index: Index, stride: number): string => {
  const label = labels[indices.indexOf(index)] ?? index.name;
  return `${label} // ${stride}`;
};

type Strides = ReadonlyMap<Index, number>;

const START: Strides = new Map();

/** The indices that occur in divisions by one small constant, and what that is. */
const stridesOf = (ir: Arena, { indices, body }: Definition): Strides => {
  const found = new Map<Index, number>();
  const refused = new Set<Index>();
  for (const { value, by } of divisionsIn(body)) {
    const divisor = affine.asConstant(by) ?? Infinity;
    for (const index of value.indices) {
      const linear = affine.linearIn(ir, value, index);
      const coefficient = linear && affine.asConstant(linear.coefficient);
      const isUnit = coefficient === 1 && affine.asConstant(linear?.rest ?? value) !== undefined;
      const isSame = divisor <= MAX_STRIDE && (found.get(index) ?? divisor) === divisor;
      if (!isUnit || !isSame || !indices.includes(index)) refused.add(index);
      else found.set(index, divisor);
    }
  }
  return new Map([...found].filter(([index]) => !refused.has(index)));
};

interface Division {
  readonly value: Affine;
  readonly by: Affine;
}

const divisionsIn = (body: Node): readonly Division[] =>
  reachable([body]).flatMap((node) => [
    ...(node.kind === "divides" ? [node] : []),
    ...affinesOf(node).flatMap((each) => divisionsOf(each)),
  ]);

const divisionsOf = ({ terms }: Affine): readonly Division[] =>
  terms.flatMap(({ atoms }) => atoms.flatMap((atom) => divisionsOfAtom(atom)));

const divisionsOfAtom = (atom: Atom): readonly Division[] =>
  atom.kind === "floordiv" || atom.kind === "mod"
    ? [atom, ...divisionsOf(atom.value), ...divisionsOf(atom.by)]
    : [];

// ---- parts

/** Some of the values of an index: as a new one in its place counts them. */
interface Piece {
  readonly index: Index;
  readonly value: Affine;
  /** After the last whole group. */
  readonly isRest: boolean;
}

type Pieces = ReadonlyMap<Index, Piece>;

/** All combinations; what is left over of one index is not taken apart along the next. */
const piecesOf = (ir: Arena, { indices }: Definition, strides: Strides): readonly Pieces[] => {
  let all: readonly Pieces[] = [new Map()];
  for (const [index, stride] of strides) {
    const pieces = piecesAlong(ir, index, indices.indexOf(index), stride);
    all = all.flatMap((known) => {
      const isRest = [...known.values()].some((piece) => piece.isRest);
      return isRest ? [known] : pieces.map((piece) => new Map([...known, [index, piece] as const]));
    });
  }
  return all;
};

/** k = s·k' + u for each remainder u, then the extent mod s values that are left. */
const piecesAlong = (ir: Arena, { extent }: Index, axis: number, stride: number): readonly Piece[] => {
  const by = affine.fixed(ir, stride);
  const [groups, left] = [range.floordiv(ir, extent, by), range.mod(ir, extent, by)];
  const step = canonicalIndex(ir, axis, groups);
  const main = Array.from({ length: stride }, (_, u): Piece => {
    const first = affine.times(ir, by, affine.ofIndex(ir, step));
    return { index: step, value: affine.plus(ir, first, affine.fixed(ir, u)), isRest: false };
  });
  if (affine.asConstant(left) === 0) return main;
  const rest = canonicalIndex(ir, axis, left);
  const value = affine.plus(ir, affine.times(ir, by, groups), affine.ofIndex(ir, rest));
  return [...main, { index: rest, value, isRest: true }];
};

interface Part {
  readonly definition: Definition;
  readonly element: Element;
}

const partOf = (ir: Arena, whole: Definition, pieces: Pieces, k: number): Part => {
  const values = new Map([...pieces].map(([index, { value }]) => [index, value]));
  const indices = whole.indices.map((index) => pieces.get(index)?.index ?? index);
  const { name, dtype } = whole.tensor;
  const shape = indices.map(({ extent }) => extent);
  const tensor = ir.tensor({ name: `${name}_${k}`, shape, dtype, role: "defined" });
  const body = substitute(ir, whole.body, values);
  const at = whole.indices.map((index) => values.get(index) ?? affine.ofIndex(ir, index));
  return {
    definition: define(ir, { tensor, indices, body, labels: whole.labels }),
    element: { of: whole.tensor, at },
  };
};
