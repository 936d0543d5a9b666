/**
 * How a reduction depends on the elements reduced: ∂T[o] / ∂e(o, r) as an expression over (o, r), and the auxiliary
 * definitions which that reads. Reverse and forward mode share it.
 */
import {
  affine, build, define, reductionDtype, substitute, type Affine, type Arena, type Definition, type Index, type Node,
  type ReduceOp, type Reduction, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Namer } from "./names.ts";

export interface Weight {
  readonly value: Node;
  readonly definitions: readonly Definition[];
}

type WeightRow = (ir: Arena, definition: Definition, reduction: Reduction, namer: Namer) => Weight;

const one = (ir: Arena): Node => build.constant(ir, 1);

const at = (ir: Arena, indices: readonly Index[]): readonly Affine[] =>
  indices.map((index) => affine.ofIndex(ir, index));

const auxiliary = (ir: Arena, of: Definition, name: string, dtype: Tensor["dtype"]): Tensor =>
  ir.tensor({ name, shape: of.indices.map((index) => index.extent), dtype, role: "defined" });

/** Σ: every element counts once. */
const sumWeight: WeightRow = (ir) => ({ value: one(ir), definitions: [] });

/** Π: the product of all other elements, exact where elements are zero: Π over s of (s = r ? 1 : e(o, s)). */
const productWeight: WeightRow = (ir, definition, reduction, namer) => {
  const others = reduction.indices.map((index) => ir.index(`${index.name}s`, index.extent));
  const pairs = reduction.indices.map((index, k): readonly [Index, Affine] => [
    index,
    affine.ofIndex(ir, others[k] ?? index),
  ]);
  const element = substitute(ir, definition.body, new Map(pairs));
  const same = build.and(
    ir,
    pairs.map(([index, other]) => build.isZero(ir, affine.minus(ir, other, affine.ofIndex(ir, index)))),
  );
  const loops = [...definition.indices, ...reduction.indices];
  const shape = loops.map((index) => index.extent);
  const tensor = ir.tensor({
    name: namer(`${definition.tensor.name}_others`),
    shape,
    dtype: "float",
    role: "defined",
  });
  const rest = define(ir, {
    tensor,
    indices: loops,
    reduction: { op: "prod", indices: others },
    body: build.select(ir, same, one(ir), element),
    labels: [
      ...definition.labels,
      ...definition.labels.slice(definition.indices.length).map((label) => `${label}'`),
    ],
  });
  return { value: build.read(ir, tensor, at(ir, loops)), definitions: [rest] };
};

/** max, min: shared evenly among the elements that are equal to the result. */
const tiesWeight: WeightRow = (ir, definition, reduction, namer) => {
  const result = build.read(ir, definition.tensor, at(ir, definition.indices));
  const hit = build.guard(ir, build.compare(ir, "==", definition.body, result), one(ir));
  const tensor = auxiliary(ir, definition, namer(`${definition.tensor.name}_ties`), "float");
  const count = define(ir, {
    tensor,
    indices: definition.indices,
    reduction: { op: "sum", indices: reduction.indices },
    body: hit,
    labels: definition.labels,
  });
  return {
    value: build.divide(ir, hit, build.read(ir, tensor, at(ir, definition.indices))),
    definitions: [count],
  };
};

/** maxfirst, minfirst: all to the element whose row-major position is the argmax, argmin. */
const firstWeight =
  (arg: "argmax" | "argmin"): WeightRow =>
  (ir, definition, reduction, namer) => {
    const tensor = auxiliary(ir, definition, namer(`${definition.tensor.name}_${arg}`), reductionDtype(arg));
    const position = define(ir, {
      tensor,
      indices: definition.indices,
      reduction: { op: arg, indices: reduction.indices },
      body: definition.body,
      labels: definition.labels,
    });
    const chosen = affine.ofData(ir, build.read(ir, tensor, at(ir, definition.indices)));
    const here = rowMajor(ir, reduction.indices);
    return {
      value: build.guard(ir, build.isZero(ir, affine.minus(ir, here, chosen)), one(ir)),
      definitions: [position],
    };
  };

const rowMajor = (ir: Arena, indices: readonly Index[]): Affine =>
  indices.reduce(
    (position, index) => affine.plus(ir, affine.times(ir, position, index.extent), affine.ofIndex(ir, index)),
    affine.fixed(ir, 0),
  );

/** Positions are whole numbers: no derivative. */
const noWeight: WeightRow = (ir) => ({ value: build.zero(ir), definitions: [] });

const WEIGHTS: { readonly [K in ReduceOp]: WeightRow } = {
  sum: sumWeight,
  prod: productWeight,
  max: tiesWeight,
  min: tiesWeight,
  maxfirst: firstWeight("argmax"),
  minfirst: firstWeight("argmin"),
  argmax: noWeight,
  argmin: noWeight,
};

/** ∂T[o] / ∂body(o, r); 1 for a definition that reduces nothing. */
export const weightOf = (ir: Arena, definition: Definition, namer: Namer): Weight =>
  definition.reduction === undefined
    ? sumWeight(ir, definition, { op: "sum", indices: [] }, namer)
    : WEIGHTS[definition.reduction.op](ir, definition, definition.reduction, namer);
