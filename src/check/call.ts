/**
 * Calls by name: functions of the file, its imports and the prelude, then the IR's own operations.
 * Terminates: arguments are smaller; bodies are entered by `callFunction`, which bounds how deep.
 */
import type { Expression } from "../syntax/index.ts";
import { callUser, givenOptions, reportCount, reportNoOptions, reportUnknownFunction } from "./apply.ts";
import { asReducer, elementwise } from "./builtins.ts";
import type { Frame } from "./frame.ts";
import { combine } from "./operands.ts";
import { reduceWhole } from "./reduce.ts";
import type { Value } from "./value.ts";

type CallExpression = Extract<Expression, { kind: "call" }>;

export const evaluateCall = (frame: Frame, e: CallExpression): Value | undefined => {
  const fn = frame.fn.lookup(e.callee.text);
  if (fn !== undefined) {
    const args = e.args.map((arg) => ({ value: frame.evaluate(frame, arg), span: arg.span }));
    const options = givenOptions(frame, e.options);
    return callUser(frame, { fn, span: e.span, callee: e.callee, args, options });
  }
  const reducer = asReducer(e.callee.text);
  if (reducer !== undefined) return reduceWhole(frame, reducer, e);
  return callElementwise(frame, e);
};

const callElementwise = (frame: Frame, e: CallExpression): Value | undefined => {
  const args = e.args.map((arg) => ({ value: frame.evaluate(frame, arg), span: arg.span }));
  const builtin = elementwise.get(e.callee.text);
  if (builtin === undefined) {
    reportUnknownFunction(frame, e.callee);
    return undefined;
  }
  reportNoOptions(frame, e.options, e.callee.text);
  const { length } = builtin.params;
  if (args.length !== length) {
    const signature = `${e.callee.text}(${builtin.params.join(", ")})`;
    reportCount(frame, e.span, e.callee.text, args.length, length, signature);
    return undefined;
  }
  return combine(frame, args, "number", (nodes) => builtin.apply(frame.builder.ir, nodes));
};
