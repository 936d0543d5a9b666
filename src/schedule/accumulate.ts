/** Steps of definitions. In: a step; out: its statements, appended to a block. Ends: each is a few statements. */
import { affine, reductionDtype, type Definition, type ReduceOp } from "../ir/index.ts";
import type { AccumulateOp, Expr, Stmt } from "../loop/types.ts";
import { compare, and, constant, convert, int, mul, or, add, use } from "./build.ts";
import { integer } from "./integer.ts";
import { chainOf, named, newLocal, type Block } from "./scope.ts";
import type { Step } from "./tree.ts";
import { type Emission, maskedOf, siteOf, bodyOf, offsetOf, place, accumulatorsOf } from "./emission.ts";

/** So many terms are added in f32 before they go into an f64. */
export const CHUNK = 1024;

interface Folding {
  readonly op: AccumulateOp;
  readonly start: number;
}

const FOLDING: { readonly [K in ReduceOp]: Folding } = {
  sum: { op: "sum", start: 0 },
  prod: { op: "prod", start: 1 },
  max: { op: "max", start: -Infinity },
  min: { op: "min", start: Infinity },
  maxfirst: { op: "max", start: -Infinity },
  minfirst: { op: "min", start: Infinity },
  argmax: { op: "max", start: -Infinity },
  argmin: { op: "min", start: Infinity },
};

const foldingOf = (step: Step): Folding => FOLDING[step.plan.definition.reduction?.op ?? "sum"];

const isPlace = (op: ReduceOp | undefined): boolean => op !== undefined && reductionDtype(op) === "int";

export const begin = (emission: Emission, block: Block, step: Step): void => {
  const { definition } = step.plan;
  const { names, dtype } = emission.values;
  const { op, start } = foldingOf(step);
  const isLong = op === "sum" && dtype === "f32" && !isShortSum(definition);
  const type = isLong && step.plan.tile?.kind !== "lanes" ? "wide" : "float";
  const { name } = definition.tensor;
  const isPosition = isPlace(definition.reduction?.op);
  const position = isPosition ? newLocal(names, "int", name) : undefined;
  const suffix = isPosition ? "Value" : type === "wide" ? "Sum" : "";
  const value = newLocal(names, type, `${name}${suffix}`);
  block.stmts.push({ kind: "init", local: value, value: constant(type, start) });
  if (position !== undefined) block.stmts.push({ kind: "init", local: position, value: int(0) });
  emission.accumulators.set(definition.tensor, { value, position });
};

/** Few enough terms for an f32. */
export const isShortSum = ({ reduction }: Definition): boolean =>
  (reduction?.indices ?? []).reduce(
    (count, index) => count * (affine.asConstant(index.extent) ?? Infinity),
    1,
  ) <= CHUNK;

export const accumulate = (emission: Emission, block: Block, step: Step): void => {
  const { value: local, position } = accumulatorsOf(emission, step.plan.definition.tensor);
  const exact = emission.terms.kind === "exact" ? maskedOf(step.plan)?.exact : undefined;
  const operand = bodyOf(emission, block, exact === undefined ? step : { ...step, body: exact });
  const value = convert(local.type, convert("float", operand.expr));
  if (position === undefined) {
    block.stmts.push({ kind: "accumulate", local, op: foldingOf(step).op, value });
    return;
  }
  const candidate = named(emission.values.names, chainOf(block), { ...operand, expr: value }, undefined).expr;
  const better =
    foldingOf(step).op === "max" ? compare("<", use(local), candidate) : compare("<", candidate, use(local));
  // the first NaN wins, and keeps winning
  const nan = and(compare("!=", candidate, candidate), compare("==", use(local), use(local)));
  block.stmts.push({
    kind: "if",
    test: or(better, nan),
    then: [
      { kind: "assign", local, value: candidate },
      { kind: "assign", local: position, value: rowMajor(emission, block, step) },
    ],
    else: [],
  });
};

/** The position among the reduced elements. */
const rowMajor = (emission: Emission, block: Block, step: Step): Expr => {
  const site = siteOf(emission, block, step.binding);
  return (step.plan.definition.reduction?.indices ?? []).reduce<Expr>(
    (total, index) => add(mul(total, integer(site, index.extent).expr), use(site.counter(index).local)),
    int(0),
  );
};

const finish = (emission: Emission, block: Block, step: Step): void => {
  const { value, position } = accumulatorsOf(emission, step.plan.definition.tensor);
  if (emission.terms.kind === "panel" && maskedOf(step.plan) !== undefined) {
    const isNone = convert("float", compare("!=", use(value), use(value)));
    block.stmts.push({ kind: "accumulate", local: emission.terms.count, op: "sum", value: isNone });
  }
  const result = position === undefined ? convert("float", use(value)) : use(position);
  place(emission, block, step, { expr: result, level: block.depth, nesting: 1, conditional: false });
};

const fill = (emission: Emission, block: Block, step: Step): void => {
  const { tensor } = step;
  const value = constant(tensor.dtype, foldingOf(step).start);
  const offset = offsetOf(emission, block, step);
  block.stmts.push({ kind: "store", buffer: emission.storage.buffer(tensor), offset, value });
};

/** What is scattered, under the test that it is made under: where that fails, its place may be outside of the array. */
const addAt = (emission: Emission, block: Block, step: Step): void => {
  const { tensor, plan } = step;
  const { expr } = bodyOf(emission, block, step);
  const offset = offsetOf(emission, block, step);
  const isTested =
    plan.form === "scatter" && expr.kind === "select" && expr.else.kind === "const" && expr.else.value === 0;
  const value = convert(tensor.dtype, isTested ? expr.then : expr);
  const { op } = foldingOf(step);
  const added: Stmt = { kind: "accumulateAt", buffer: emission.storage.buffer(tensor), offset, op, value };
  block.stmts.push(isTested ? { kind: "if", test: expr.test, then: [added], else: [] } : added);
};

export const STEPS: {
  readonly [K in Step["kind"]]: (emission: Emission, block: Block, step: Step) => void;
} = {
  compute: (emission, block, step) => {
    place(emission, block, step, bodyOf(emission, block, step));
  },
  begin,
  accumulate,
  finish,
  fill,
  add: addAt,
};
