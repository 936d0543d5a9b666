/** The parts of an expression, and iterative walks over it. */
import type { Binder, Dim, Expression, IndexArgument, NamedArgument } from "./ast.ts";

const partsOf: {
  readonly [K in Expression["kind"]]: (of: Extract<Expression, { kind: K }>) => Expression[];
} = {
  number: () => [],
  name: () => [],
  read: (of) => indexParts(of.indices),
  call: (of) => [...of.args, ...optionParts(of.options)],
  reduce: (of) => [...of.binders.flatMap(binderParts), ...of.args, ...optionParts(of.options)],
  negate: (of) => [of.operand],
  not: (of) => [of.operand],
  sum: (of) => of.terms.map((term) => term.value),
  product: (of) => of.factors.map((factor) => factor.value),
  power: (of) => [of.base, of.exponent],
  compare: (of) => [...of.operands],
  and: (of) => [...of.operands],
  or: (of) => [...of.operands],
  conditional: (of) => [of.test, of.then, of.else],
  default: (of) => [of.value, of.fallback],
};

function indexParts(indices: readonly IndexArgument[]): Expression[] {
  return indices.flatMap((index) => (index.kind === "ellipsis" ? [] : [index]));
}

function optionParts(options: readonly NamedArgument[]): Expression[] {
  return options.map((option) => option.value);
}

export function binderParts(binder: Binder): Expression[] {
  if (binder.kind === "fixed") return [binder.value];
  return binder.kind === "index" && binder.extent !== undefined ? [binder.extent] : [];
}

export function dimParts(dim: Dim): Expression[] {
  return dim.kind === "extent" ? [dim.value] : [];
}

/** The expressions directly inside of an expression, in source order. */
export function parts(expression: Expression): Expression[] {
  const of = partsOf[expression.kind] as (of: Expression) => Expression[];
  return of(expression);
}

/** Calls `visit` for each of the expressions and everything inside; the depth of an outermost one is 1. */
export function visitAll(
  expressions: readonly Expression[],
  visit: (expression: Expression, depth: number) => void,
): void {
  let level = expressions;
  for (let depth = 1; level.length > 0; depth++) {
    for (const expression of level) visit(expression, depth);
    level = level.flatMap(parts);
  }
}
