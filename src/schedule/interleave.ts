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
import { unwound, windowBounds } from "./window.ts";

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
    const { tensor, target } = definition;
    if (target !== undefined || fixed.has(tensor)) return [definition];
    const strides = outputs.has(tensor) ? stridesOf(ir, definition) : START;
    const parts = [...strides.values()].reduce((product, stride) => product * stride, 1);
    const made = parts === 1 ? alone(ir, definition) : partsOf(ir, definition, strides);
    if (made === undefined || costOf(made) > MAX_COST) return [definition];
    if (parts > 1) decisions.push(byRemainders(definition, strides, parts));
    if (definition.reduction !== undefined) decisions.push(inTerms(definition));
    for (const { definition, element } of made) if (element) elements.set(definition.tensor, element);
    return made.map((part) => part.definition);
  });
  return { definitions: split, elements, decisions };
};

interface Part {
  readonly definition: Definition;
  /** Of the whole; without it, it is the whole. */
  readonly element: Element | undefined;
  /** What whole groups leave over. */
  readonly isRest: boolean;
}

/** What makes a difference: a sum over a window as its terms. */
const alone = (ir: Arena, definition: Definition): readonly Part[] | undefined => {
  if (windowBounds(ir, definition).length === 0) return undefined;
  const made = unwound(ir, definition);
  return made && [{ definition: made, element: undefined, isRest: false }];
};

const partsOf = (ir: Arena, definition: Definition, strides: Strides): readonly Part[] | undefined => {
  const parts = piecesOf(ir, definition, strides).map((pieces, k) => partOf(ir, definition, pieces, k));
  if (definition.reduction === undefined) return parts;
  const made = parts.flatMap((part): readonly Part[] => {
    const without = unwound(ir, part.definition);
    return without === undefined ? [] : [{ ...part, definition: without }];
  });
  return made.length === parts.length ? made : undefined;
};

/** Of what is done for each group. */
const costOf = (parts: readonly Part[]): number =>
  parts
    .filter(({ isRest }) => !isRest)
    .reduce((total, { definition }) => total + costWithin(definition.body, MAX_COST), 0);

const byRemainders = (definition: Definition, strides: Strides, parts: number): Decision => ({
  subject: definition.tensor.name,
  decision: `by remainders, ${parts} elements at once`,
  reason: `depends on ${[...strides].map(([index, stride]) => labelled(definition, index, stride)).join(" and ")}`,
});

const inTerms = ({ tensor }: Definition): Decision => ({
  subject: tensor.name,
  decision: "unrolled",
  reason: "its guard leaves a few terms of the sum",
});

const labelled = ({ indices, labels }: Definition, index: Index, stride: number): string => {
  const label = labels[indices.indexOf(index)] ?? index.name;
  return `${label} // ${stride}`;
};

type Strides = ReadonlyMap<Index, number>;

const START: Strides = new Map();

/** The indices that occur in divisions by one small constant, and what that is. */
const stridesOf = (ir: Arena, definition: Definition): Strides => {
  const found = new Map<Index, number>();
  const refused = new Set<Index>();
  const { indices, reduction, body } = definition;
  const divisions =
    reduction === undefined ? divisionsIn(body) : windowBounds(ir, definition).flatMap(divisionsOf);
  for (const { value, by } of divisions) {
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

/** All combinations; what is left over of one index is not taken apart along the next, unless a sum depends on it. */
const piecesOf = (ir: Arena, { indices, reduction }: Definition, strides: Strides): readonly Pieces[] => {
  let all: readonly Pieces[] = [new Map()];
  for (const [index, stride] of strides) {
    const along = reduction === undefined ? piecesAlong : remaindersAlong;
    const pieces = along(ir, index, indices.indexOf(index), stride);
    all = all.flatMap((known) => {
      const isRest = reduction === undefined && [...known.values()].some((piece) => piece.isRest);
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

/** The values that are left one by one: u of them if the extent has as many more than whole groups, each k = s·(groups + t) + u. */
const remaindersAlong = (ir: Arena, index: Index, axis: number, stride: number): readonly Piece[] => {
  const [by, main] = [
    affine.fixed(ir, stride),
    piecesAlong(ir, index, axis, stride).filter(({ isRest }) => !isRest),
  ];
  const [groups, left] = [range.floordiv(ir, index.extent, by), range.mod(ir, index.extent, by)];
  const others = Array.from({ length: stride - 1 }, (_, u): Piece | undefined => {
    // 1 if u < left, else 0
    const count = range.floordiv(ir, affine.plus(ir, left, affine.fixed(ir, stride - 1 - u)), by);
    if (affine.asConstant(count) === 0) return undefined;
    const t = canonicalIndex(ir, axis, count);
    const only = affine.asConstant(count) === 1;
    const group = only ? groups : affine.plus(ir, groups, affine.ofIndex(ir, t));
    const first = affine.times(ir, by, group);
    return { index: t, value: affine.plus(ir, first, affine.fixed(ir, u)), isRest: true };
  });
  return [...main, ...others.filter((each) => each !== undefined)];
};

const partOf = (ir: Arena, whole: Definition, pieces: Pieces, k: number): Part => {
  const values = new Map([...pieces].map(([index, { value }]) => [index, value]));
  const indices = whole.indices.map((index) => pieces.get(index)?.index ?? index);
  const { name, dtype } = whole.tensor;
  const shape = indices.map(({ extent }) => extent);
  const tensor = ir.tensor({ name: `${name}_${k}`, shape, dtype, role: "defined" });
  const body = substitute(ir, whole.body, values);
  const at = whole.indices.map((index) => values.get(index) ?? affine.ofIndex(ir, index));
  return {
    definition: define(ir, { tensor, indices, reduction: whole.reduction, body, labels: whole.labels }),
    element: { of: whole.tensor, at },
    isRest: [...pieces.values()].some((piece) => piece.isRest),
  };
};
