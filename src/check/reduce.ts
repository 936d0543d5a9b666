/**
 * Reductions → definitions of their own, `T[free indices] = reduce of body`, read where they stand; and functions of one
 * vector used over indices. Terminates: the body is smaller; calls are bounded by `callFunction`.
 */
import { fixed, times } from "../ir/affine.ts";
import { indexValue, product, reciprocal } from "../ir/build.ts";
import { floordiv, mod } from "../ir/range.ts";
import type { Affine, Index, Node } from "../ir/types.ts";
import { substitute } from "../ir/walk.ts";
import { diagnostic } from "../diagnostics/index.ts";
import type { Expression } from "../syntax/index.ts";
import { asReducer, pairwise, type Reducer } from "./builtins.ts";
import {
  callUser,
  givenOptions,
  reportCount,
  reportNoOptions,
  reportUnknownFunction,
  type GivenOption,
} from "./apply.ts";
import { addShared, excerpt, type Frame } from "./frame.ts";
import type { LinkedFunction } from "./link.ts";
import { withIndices } from "./ranges.ts";
import { implicitAt, implicitIndices, scalar, type Value } from "./value.ts";

type ReduceExpression = Extract<Expression, { kind: "reduce" }>;

/** The reduction of an element over indices. */
export const reduceOver = (frame: Frame, reducer: Reducer, indices: readonly Index[], body: Node): Value => {
  const { ir } = frame.builder;
  const op = reducer === "mean" ? "sum" : reducer;
  const reduced = addShared(frame, {
    name: `${frame.owner}${op}`,
    indices: [],
    reduction: { op, indices },
    body,
  });
  if (reducer !== "mean") return reduced;
  return scalar(product(ir, [reduced.node, reciprocal(ir, indexValue(ir, sizeOf(frame, indices)))]));
};

const sizeOf = (frame: Frame, indices: readonly Index[]): Affine =>
  indices.reduce((size, index) => times(frame.builder.ir, size, index.extent), fixed(frame.builder.ir, 1));

/** `sum(x)` */
export const reduceWhole = (
  frame: Frame,
  reducer: Reducer,
  e: Extract<Expression, { kind: "call" }>,
): Value | undefined => {
  const args = e.args.map((arg) => frame.evaluate(frame, arg));
  reportNoOptions(frame, e.options, reducer);
  const [arg] = e.args;
  if (args.length !== 1 || arg === undefined) {
    const other = pairwise.get(reducer);
    const advice =
      args.length === 2 && other !== undefined
        ? `the larger or smaller of two is ${other}(a, b)`
        : `${reducer}(x) takes one array, and ${reducer}[i](x[i]) one element for each index`;
    reportCount(frame, e.span, reducer, args.length, 1, advice);
    return undefined;
  }
  const [value] = args;
  if (value === undefined || !isNumber(frame, value, arg)) return undefined;
  if (value.shape.length === 0) {
    frame.report(
      diagnostic(
        "GS0303",
        e.span,
        `\`${excerpt(arg.span)}\` is a single number: there is nothing to reduce`,
        {
          fill: { advice: `say over which indices: ${reducer}[i](…)` },
        },
      ),
    );
    return undefined;
  }
  const indices = implicitIndices(frame.builder.ir, frame.depth, value.shape);
  return reduceOver(frame, reducer, indices, value.node);
};

const isNumber = (frame: Frame, value: Value, e: Expression): boolean => {
  if (value.node.dtype !== "bool") return true;
  frame.report(
    diagnostic("GS0401", e.span, `\`${excerpt(e.span)}\` is a condition, and a number is needed`, {
      fill: { advice: `write (${excerpt(e.span)} ? 1 : 0)` },
    }),
  );
  return false;
};

/** `sum[c, u < K](e)` */
export const evaluateReduce = (frame: Frame, e: ReduceExpression): Value | undefined => {
  const fixedBinder = e.binders.find((binder) => binder.kind === "fixed");
  if (fixedBinder !== undefined) {
    frame.report(
      diagnostic("GS0401", fixedBinder.span, "an index to reduce over has a name", {
        fill: { advice: `write ${e.callee.text}[i](…) or ${e.callee.text}[i < 3](…)` },
      }),
    );
    return undefined;
  }
  const options = givenOptions(frame, e.options);
  const { result, indices } = withIndices(frame, e.binders, e.args, (bound) => ({
    result: e.args.map((arg) => element(frame, arg)),
    indices: bound,
  }));
  const fn = frame.fn.lookup(e.callee.text);
  const reducer = asReducer(e.callee.text);
  if (fn === undefined && reducer === undefined) {
    reportUnknownFunction(frame, e.callee);
    return undefined;
  }
  const bodies = result.filter((node) => node !== undefined);
  if (indices === undefined || bodies.length < result.length) return undefined;
  if (fn !== undefined) return overVector(frame, e, fn, indices, bodies, options);
  return reducer && overIndices(frame, e, reducer, indices, bodies);
};

const overIndices = (
  frame: Frame,
  e: ReduceExpression,
  reducer: Reducer,
  indices: readonly Index[],
  bodies: readonly Node[],
): Value | undefined => {
  reportNoOptions(frame, e.options, reducer);
  const [body] = bodies;
  if (body === undefined || bodies.length !== 1) {
    reportCount(frame, e.span, reducer, bodies.length, 1, `${reducer}[i](x[i]) takes one expression`);
    return undefined;
  }
  return reduceOver(frame, reducer, indices, body);
};

/** One number for each value of the indices. */
const element = (frame: Frame, e: Expression): Node | undefined => {
  const value = frame.evaluate(frame, e);
  if (value === undefined || !isNumber(frame, value, e)) return undefined;
  if (value.shape.length === 0) return value.node;
  frame.report(
    diagnostic("GS0401", e.span, `\`${excerpt(e.span)}\` is an array, and one number per index is needed`, {
      fill: { advice: "give the arrays inside indices, as in sum[i](x[i])" },
    }),
  );
  return undefined;
};

/**
 * `logsumexp[c](x[n, c])`: a function of an array, over indices. One that takes any number of dimensions gets one for
 * each index; a function of a vector gets them flattened, row-major.
 */
const overVector = (
  frame: Frame,
  e: ReduceExpression,
  fn: LinkedFunction,
  indices: readonly Index[],
  bodies: readonly Node[],
  options: readonly GivenOption[],
): Value | undefined => {
  const { ir } = frame.builder;
  const anyRank = fn.declaration.params.every((param) => param.type?.dims.some((d) => d.kind === "ellipsis"));
  const shape = anyRank ? indices.map((index) => index.extent) : [sizeOf(frame, indices)];
  const at = implicitAt(ir, frame.depth, shape);
  const [position = fixed(ir, 0)] = at;
  const places = anyRank ? at : unflatten(frame, indices, position);
  const map = new Map(indices.map((index, k) => [index, places[k] ?? position]));
  const args = bodies.map((node, k) => ({
    value: { shape, node: substitute(ir, node, map) },
    span: e.args[k]?.span ?? e.span,
  }));
  const result = callUser(frame, { fn, span: e.span, callee: e.callee, args, options });
  if (result === undefined || result.shape.length === 0) return result;
  frame.report(
    diagnostic("GS0401", e.span, `\`${fn.name}\` gives an array, and one number is needed over indices`, {
      fill: {
        advice: `call ${fn.name}(…) with a whole array, or use a function from one vector to a number`,
      },
    }),
  );
  return undefined;
};

/** The indices at a position of the flattened vector, the last one running fastest. */
const unflatten = (frame: Frame, indices: readonly Index[], position: Affine): readonly Affine[] => {
  const { ir } = frame.builder;
  if (indices.length === 1) return [position];
  return indices.map((index, k) => {
    const quotient = floordiv(ir, position, sizeOf(frame, indices.slice(k + 1)));
    return k === 0 ? quotient : mod(ir, quotient, index.extent);
  });
};
