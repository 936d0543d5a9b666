/**
 * Expressions → values, by kind of expression. An expression with an error, which is reported where it stands, has
 * the value undefined, and so has everything made of it; the other operands are still checked.
 * Terminates: operands are smaller, and the parser bounds how deep they nest.
 */
import { fixed, minus, plus, scale, times } from "../ir/affine.ts";
import {
  and, binary, compare, constant, exact, indexValue, isZero, not, negate, or, product, reciprocal,
  select, sum,
} from "../ir/build.ts"; // prettier-ignore
import { floordiv, mod, provablyNonNegative } from "../ir/range.ts";
import { parseDecimal } from "../ir/rational.ts";
import type { Affine, CompareOp, Node } from "../ir/types.ts";
import { diagnostic, type Span } from "../diagnostics/index.ts";
import type { CompareOp as SourceCompareOp, Expression, ProductFactor } from "../syntax/index.ts";
import { constants, elementwise, reducers } from "./builtins.ts";
import { evaluateCall } from "./call.ts";
import { broadcast, type Frame } from "./frame.ts";
import { combine } from "./operands.ts";
import { evaluateDefault, evaluateRead } from "./read.ts";
import { evaluateReduce } from "./reduce.ts";
import { asAffine, scalar, type Value } from "./value.ts";
import { similar } from "./suggest.ts";

type Kind = Expression["kind"];
type Of<K extends Kind> = Extract<Expression, { readonly kind: K }>;

const EVALUATE: { readonly [K in Kind]: (frame: Frame, e: Of<K>) => Value | undefined } = {
  number: (frame, e) => scalar(literal(frame, e.text)),
  name: (frame, e) => evaluateName(frame, e),
  read: (frame, e) => evaluateRead(frame, e),
  call: (frame, e) => evaluateCall(frame, e),
  reduce: (frame, e) => evaluateReduce(frame, e),
  negate: (frame, e) => evaluateNegate(frame, e),
  not: (frame, e) => conditions(frame, [e.operand], ([a]) => not(frame.builder.ir, a)),
  sum: (frame, e) => evaluateSum(frame, e),
  product: (frame, e) => evaluateProduct(frame, e),
  power: (frame, e) =>
    numbers(frame, [e.base, e.exponent], ([a, b = a]) => binary(frame.builder.ir, "pow", a, b)),
  compare: (frame, e) => evaluateCompare(frame, e),
  and: (frame, e) => conditions(frame, e.operands, (nodes) => and(frame.builder.ir, nodes)),
  or: (frame, e) => conditions(frame, e.operands, (nodes) => or(frame.builder.ir, nodes)),
  conditional: (frame, e) => evaluateConditional(frame, e),
  default: (frame, e) => evaluateDefault(frame, e),
};

/** Expressions inside of each other, through calls: what a stack of 1 MB holds with room to spare. */
const NESTING_LIMIT = 640;

export const evaluate = (frame: Frame, e: Expression): Value | undefined => {
  const { nesting } = frame.builder;
  if (nesting.depth >= NESTING_LIMIT) {
    reportNesting(frame, e.span);
    return undefined;
  }
  nesting.depth++;
  // a table row takes its own kind; the lookup by `e.kind` always finds that row
  const row = EVALUATE[e.kind] as (frame: Frame, e: Expression) => Value | undefined;
  const value = row(frame, e);
  nesting.depth--;
  return value;
};

const reportNesting = (frame: Frame, span: Span): void => {
  frame.report(
    diagnostic(
      "GS0403",
      span,
      `expressions and calls are more than ${NESTING_LIMIT} deep inside of each other`,
      {
        fill: { advice: "give inner results names, and use the names" },
      },
    ),
  );
};

const literal = (frame: Frame, text: string): Node => {
  const { ir } = frame.builder;
  const fraction = parseDecimal(text);
  return fraction === undefined ? constant(ir, Number(text)) : exact(ir, fraction);
};

// ---- names

const evaluateName = (frame: Frame, e: Of<"name">): Value | undefined => {
  const binding = frame.names.get(e.text);
  if (binding !== undefined) {
    frame.used.add(e.text);
    const { value } = binding;
    const named = binding.role === "parameter" || binding.role === "definition";
    return value && named && value.shape.length > 0 ? { ...value, declared: binding.span } : value;
  }
  const known = constants.get(e.text);
  if (known !== undefined) return scalar(constant(frame.builder.ir, known));
  reportUnknown(frame, e.text, e.span);
  return undefined;
};

const reportUnknown = (frame: Frame, name: string, span: Span): void => {
  const later = frame.fn.declaration.body.find(
    (statement) => statement.kind === "define" && statement.name.text === name,
  );
  if (later?.kind === "define") {
    const inside = later.span.start <= span.start && span.end <= later.span.end;
    const related = [{ span: later.name.span, message: `\`${name}\` is defined here` }];
    if (inside)
      frame.report(
        diagnostic("GS0403", span, `\`${name}\` is read inside of its own definition`, {
          fill: { advice: `give its elements indices, as ${name}[t] = … ${name}[t - 1] …` },
          related,
        }),
      );
    else frame.report(diagnostic("GS0211", span, `\`${name}\` is used before its definition`, { related }));
    return;
  }
  frame.report(
    diagnostic("GS0201", span, `there is no \`${name}\` here`, { fill: { advice: nameAdvice(frame, name) } }),
  );
};

const nameAdvice = (frame: Frame, name: string): string => {
  if (frame.fn.lookup(name) !== undefined || elementwise.has(name) || reducers.has(name))
    return `\`${name}\` is a function: call it, as ${name}(x)`;
  const visible = [...frame.names.keys()].filter((known) => /^\w/.test(known));
  const near = similar(name, [...visible, ...constants.keys()]);
  if (near !== undefined) return `did you mean ${near}?`;
  return visible.length === 0
    ? "declare it as a parameter or define it above"
    : `known here: ${visible.slice(0, 8).join(", ")}`;
};

// ---- operands

/** Operands as numbers, combined elementwise. */
const numbers = (
  frame: Frame,
  operands: readonly Expression[],
  make: (nodes: readonly [Node, ...Node[]]) => Node,
): Value | undefined => {
  const values = operands.map((e) => ({ value: evaluate(frame, e), span: e.span }));
  return combine(frame, values, "number", make);
};

const conditions = (
  frame: Frame,
  operands: readonly Expression[],
  make: (nodes: readonly [Node, ...Node[]]) => Node,
): Value | undefined => {
  const values = operands.map((e) => ({ value: evaluate(frame, e), span: e.span }));
  return combine(frame, values, "condition", make);
};

// ---- whole numbers stay index expressions

const affinesOf = (frame: Frame, nodes: readonly Node[]): readonly Affine[] | undefined => {
  const affines: Affine[] = [];
  for (const node of nodes) {
    const affine = asAffine(frame.builder.ir, node);
    if (affine === undefined) return undefined;
    affines.push(affine);
  }
  return affines;
};

const evaluateNegate = (frame: Frame, e: Of<"negate">): Value | undefined =>
  numbers(frame, [e.operand], ([a]) => {
    const { ir } = frame.builder;
    const affine = a.kind === "constant" ? undefined : asAffine(ir, a);
    return affine === undefined ? negate(ir, a) : indexValue(ir, scale(ir, affine, -1));
  });

/** Terms added at once: a call takes a bounded number of arguments. */
const CHUNK = 1024;

const total = (frame: Frame, parts: readonly Affine[]): Affine => {
  const { ir } = frame.builder;
  let all = fixed(ir, 0);
  for (let k = 0; k < parts.length; k += CHUNK) all = plus(ir, all, ...parts.slice(k, k + CHUNK));
  return all;
};

const evaluateSum = (frame: Frame, e: Of<"sum">): Value | undefined => {
  const { ir } = frame.builder;
  const operands = e.terms.map((term) => ({ value: evaluate(frame, term.value), span: term.value.span }));
  const negative = (k: number): boolean => e.terms[k]?.sign === "-";
  return combine(frame, operands, "number", (nodes) => {
    const affines = nodes.every((node) => node.kind === "constant") ? undefined : affinesOf(frame, nodes);
    return affines === undefined
      ? sum(
          ir,
          nodes.map((node, k) => (negative(k) ? negate(ir, node) : node)),
        )
      : indexValue(
          ir,
          total(
            frame,
            affines.map((a, k) => (negative(k) ? scale(ir, a, -1) : a)),
          ),
        );
  });
};

/** Beyond this many terms a product of index expressions is left as arithmetic. */
const POLYNOMIAL_LIMIT = 64;

const timesWhole = (frame: Frame, a: Node, b: Node): Node | undefined => {
  if (a.kind === "constant" && b.kind === "constant") return undefined;
  const { ir } = frame.builder;
  const [x, y] = [asAffine(ir, a), asAffine(ir, b)];
  if (x === undefined || y === undefined) return undefined;
  if ((x.terms.length + 1) * (y.terms.length + 1) > POLYNOMIAL_LIMIT) return undefined;
  return indexValue(ir, times(ir, x, y));
};

const divideWhole = (frame: Frame, op: "//" | "%", a: Node, b: Node): Node | undefined => {
  const { ir } = frame.builder;
  const [x, y] = [asAffine(ir, a), asAffine(ir, b)];
  if (x === undefined || y === undefined || y.indices.length > 0) return undefined;
  const known = y.terms.length === 0;
  // an extent as a divisor is at least 1 wherever there is an element to compute
  const positive = known ? y.constant > 0 : provablyNonNegative(ir, y);
  if (!positive) return undefined;
  return indexValue(ir, op === "//" ? floordiv(ir, x, y) : mod(ir, x, y));
};

const evaluateProduct = (frame: Frame, e: Of<"product">): Value | undefined => {
  const operands = e.factors.map((factor) => ({
    value: evaluate(frame, factor.value),
    span: factor.value.span,
  }));
  return combine(frame, operands, "number", (nodes) => productOf(frame, e.factors, nodes));
};

/** Left to right: `//` and `%` take all that stands before them. */
const productOf = (
  frame: Frame,
  factors: readonly ProductFactor[],
  nodes: readonly [Node, ...Node[]],
): Node => {
  const { ir } = frame.builder;
  let pending: Node[] = [];
  const flush = (): Node => {
    const [only] = pending;
    return pending.length === 1 && only !== undefined ? only : product(ir, pending);
  };
  for (const [k, node] of nodes.entries()) {
    const op = factors[k]?.op ?? "*";
    if (op === "*" || op === "/") {
      const last = pending.at(-1);
      const whole = op === "*" && last !== undefined ? timesWhole(frame, last, node) : undefined;
      if (whole !== undefined) pending[pending.length - 1] = whole;
      else pending.push(op === "*" ? node : reciprocal(ir, node));
      continue;
    }
    const left = flush();
    pending = [
      divideWhole(frame, op, left, node) ?? binary(ir, op === "//" ? "floordiv" : "mod", left, node),
    ];
  }
  return flush();
};

// ---- comparison and selection

const COMPARE: { readonly [K in SourceCompareOp]: { readonly op: CompareOp; readonly swap: boolean } } = {
  "<": { op: "<", swap: false },
  "<=": { op: "<=", swap: false },
  ">": { op: "<", swap: true },
  ">=": { op: "<=", swap: true },
  "==": { op: "==", swap: false },
  "!=": { op: "!=", swap: false },
};

const compareNodes = (frame: Frame, source: SourceCompareOp, left: Node, right: Node): Node => {
  const { ir } = frame.builder;
  const { op, swap } = COMPARE[source];
  const [a, b] = swap ? [right, left] : [left, right];
  if ((op === "==" || op === "!=") && !(a.kind === "constant" && b.kind === "constant")) {
    const [x, y] = [asAffine(ir, a), asAffine(ir, b)];
    // whole numbers compare by their difference: [c == label[n]] can be solved for c
    if (x !== undefined && y !== undefined) {
      const equal = isZero(ir, minus(ir, x, y));
      return op === "==" ? equal : not(ir, equal);
    }
  }
  return compare(ir, op, a, b);
};

const evaluateCompare = (frame: Frame, e: Of<"compare">): Value | undefined =>
  numbers(frame, e.operands, (nodes) =>
    and(
      frame.builder.ir,
      e.ops.map((op, k) => compareNodes(frame, op, nodes[k] ?? nodes[0], nodes[k + 1] ?? nodes[0])),
    ),
  );

const evaluateConditional = (frame: Frame, e: Of<"conditional">): Value | undefined => {
  const test = { value: evaluate(frame, e.test), span: e.test.span };
  const branches = [e.then, e.else].map((branch) => ({ value: evaluate(frame, branch), span: branch.span }));
  const condition = combine(frame, [test], "condition", ([a]) => a);
  const chosen = combine(frame, branches, "number", ([a]) => a);
  const [then, otherwise] = branches;
  if (condition === undefined || chosen === undefined) return undefined;
  if (then?.value === undefined || otherwise?.value === undefined) return undefined;
  const shape = broadcast(frame, [
    { value: condition, span: test.span },
    { value: { ...then.value, shape: chosen.shape }, span: then.span },
  ]);
  return (
    shape && { shape, node: select(frame.builder.ir, condition.node, then.value.node, otherwise.value.node) }
  );
};
