/**
 * Function declarations → which options are whole numbers: those that an index, an extent or the divisor of one is
 * made of. Statements are walked once, last first, so that a name used in an extent makes its definition count as one.
 * Terminates: calls are followed through a memo that a function enters before its body is walked.
 */
import type { Binder, Expression, FunctionDeclaration, IndexArgument, ProductFactor } from "../syntax/ast.ts";
import { visitAll } from "../syntax/index.ts";

export interface WholeOption {
  /** 1 where it multiplies an index or divides, else 0. */
  readonly min: 0 | 1;
}

/** Whole options of a function by name; `callee` gives those of a called function. */
export type WholeOptions = ReadonlyMap<string, WholeOption>;

export const wholeOptions = (
  declaration: FunctionDeclaration,
  callee: (name: string) => WholeOptions,
): WholeOptions => {
  const declared = new Set(declaration.options.map((option) => option.name.text));
  const found = new Map<string, WholeOption>();
  if (declared.size === 0) return found;
  const indices = indexNames(declaration);
  const whole = new Set<string>();
  const positive = new Set<string>();
  const walk = walker(whole, positive, { indices, dims: dimNames(declaration) }, callee);
  for (const param of declaration.params)
    for (const dim of param.type?.dims ?? []) if (dim.kind === "extent") walk.index(dim.value);
  for (const statement of declaration.body.toReversed()) {
    if (statement.kind === "return") {
      for (const value of statement.values) walk.value(value);
      continue;
    }
    for (const binder of statement.binders ?? []) walk.binder(binder);
    if (statement.binders === undefined && whole.has(statement.name.text)) walk.index(statement.value);
    else walk.value(statement.value);
  }
  for (const option of declaration.options) {
    const name = option.name.text;
    if (whole.has(name)) found.set(name, { min: positive.has(name) ? 1 : 0 });
  }
  return found;
};

interface Walker {
  readonly value: (e: Expression) => void;
  readonly index: (e: Expression) => void;
  readonly binder: (binder: Binder) => void;
}

const walker = (
  whole: Set<string>,
  positive: Set<string>,
  { indices, dims }: { readonly indices: ReadonlySet<string>; readonly dims: ReadonlySet<string> },
  callee: (name: string) => WholeOptions,
): Walker => {
  const isInteger = (e: Expression): boolean => {
    if (e.kind === "number") return /^\d+$/.test(e.text);
    if (e.kind === "name") return indices.has(e.text) || dims.has(e.text) || whole.has(e.text);
    if (e.kind === "negate") return isInteger(e.operand);
    if (e.kind === "sum") return e.terms.every((term) => isInteger(term.value));
    return e.kind === "product" && e.factors.every((each) => each.op !== "/" && isInteger(each.value));
  };
  const divisors = (factors: readonly ProductFactor[]): readonly Expression[] =>
    factors.filter(({ op }) => op === "//" || op === "%").map((factor) => factor.value);
  const mark = (e: Expression): void => {
    for (const name of namesIn(e)) positive.add(name);
  };
  /** In `k // s` of a whole k, s is whole too; what multiplies an index has to be positive to be solved for. */
  const product = (factors: readonly ProductFactor[]): void => {
    for (const { op, value } of factors) if (op !== "*") mark(value);
    for (const { op, value } of factors) {
      const others = factors.filter((factor) => factor.value !== value);
      if (op === "*" && others.some((factor) => mentions(factor.value, indices))) mark(value);
    }
  };
  const value = (e: Expression): void => {
    if (e.kind === "product") {
      const [first] = e.factors;
      if (divisors(e.factors).length > 0 && first !== undefined && isInteger(first.value)) {
        index(e);
        return;
      }
    }
    children(e, value);
  };
  const index = (e: Expression): void => {
    if (e.kind === "name") whole.add(e.text);
    if (e.kind === "product") product(e.factors);
    children(e, index);
  };
  const argument = (e: IndexArgument): void => {
    if (e.kind !== "ellipsis") index(e);
  };
  const binder = (b: Binder): void => {
    if (b.kind === "index" && b.extent !== undefined) index(b.extent);
    if (b.kind === "fixed") index(b.value);
  };
  const children = (e: Expression, visit: (e: Expression) => void): void => {
    switch (e.kind) {
      case "number":
      case "name":
        return;
      case "read":
        e.indices.forEach(argument);
        return;
      case "call":
      case "reduce": {
        if (e.kind === "reduce") e.binders.forEach(binder);
        e.args.forEach(value);
        const theirs = callee(e.callee.text);
        for (const given of e.options) {
          const whole = theirs.get(given.name.text);
          if (whole === undefined) value(given.value);
          else index(given.value);
          if (whole?.min === 1 && given.value.kind === "name") positive.add(given.value.text);
        }
        return;
      }
      case "negate":
      case "not":
        visit(e.operand);
        return;
      case "sum":
        for (const term of e.terms) visit(term.value);
        return;
      case "product":
        for (const factor of e.factors) visit(factor.value);
        return;
      case "power":
        visit(e.base);
        visit(e.exponent);
        return;
      case "compare":
      case "and":
      case "or":
        for (const each of e.operands) visit(each);
        return;
      case "conditional":
        value(e.test);
        visit(e.then);
        visit(e.else);
        return;
      case "default":
        visit(e.value);
        visit(e.fallback);
        return;
    }
  };
  return { value, index, binder };
};

const dimNames = (declaration: FunctionDeclaration): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const param of declaration.params)
    for (const dim of param.type?.dims ?? [])
      if (dim.kind === "extent") for (const name of namesIn(dim.value)) names.add(name);
  for (const option of declaration.options) names.delete(option.name.text);
  return names;
};

const indexNames = (declaration: FunctionDeclaration): ReadonlySet<string> => {
  const names = new Set<string>();
  const bind = (binders: readonly Binder[]): void => {
    for (const binder of binders) if (binder.kind === "index") names.add(binder.name.text);
  };
  for (const statement of declaration.body) {
    if (statement.kind === "define") bind(statement.binders ?? []);
    const values = statement.kind === "define" ? [statement.value] : statement.values;
    visitAll(values, (e) => {
      if (e.kind === "reduce") bind(e.binders);
    });
  }
  return names;
};

const mentions = (e: Expression, names: ReadonlySet<string>): boolean => {
  let found = false;
  visitAll([e], (each) => {
    if (each.kind === "name" && names.has(each.text)) found = true;
  });
  return found;
};

const namesIn = (e: Expression): readonly string[] => {
  const names: string[] = [];
  visitAll([e], (each) => {
    if (each.kind === "name") names.push(each.text);
  });
  return names;
};
