/**
 * A call of a function → its body inlined into the caller, dimensions standing for the extents of the arguments.
 * Terminates: the call graph has no circle (check.ts), and equal calls are inlined once.
 */
import { diagnostic } from "../diagnostics/index.ts";
import { acceptsArgument, bindDims, leadingOf } from "./arguments.ts";
import { isScalarFunction, reportUnindexed, runBody } from "./body.ts";
import { broadcast, materialise, type CallRequest, type Frame } from "./frame.ts";
import { bindGivenOptions } from "./given.ts";
import { bindName } from "./ranges.ts";
import { circlesOf } from "./recurrence.ts";
import { atDepth, scalar, type Value } from "./value.ts";

/** Notes beside an error that happened inside of calls. */
const RELATED_LIMIT = 5;

const callKey = (frame: Frame, { fn, args, options }: CallRequest): string =>
  [
    fn.id,
    frame.depth,
    ...frame.builder.premises.map(({ test }) => `if${test.id}`),
    ...args.map(({ value }) => `${value.shape.map((extent) => extent.id).join()}:${value.node.id}`),
    ...[...options].map(([name, { value }]) => `${name}=${value.node.id}`),
  ].join(" ");

export const callFunction = (caller: Frame, request: CallRequest): Value | undefined => {
  if (caller.broken(request.fn)) return undefined;
  const key = callKey(caller, request);
  const { calls } = caller.builder;
  if (!calls.has(key)) calls.set(key, enter(caller, request));
  return calls.get(key);
};

const enter = (caller: Frame, request: CallRequest): Value | undefined => {
  const { fn, span } = request;
  const here = { span, message: `in this call of \`${fn.name}\`` };
  const frame: Frame = {
    ...caller,
    fn,
    circles: circlesOf(fn),
    report: (each) => {
      const related = each.related ?? [];
      if (each.severity === "error" && related.length < RELATED_LIMIT)
        caller.report({ ...each, related: [...related, here] });
      else if (each.severity === "error") caller.report(each);
    },
    depth: caller.depth + 1,
    names: new Map(),
    used: new Set(),
    ellipsis: undefined,
    prefix: `${fn.name}.`,
    owner: `${fn.name}.`,
    mode: isScalarFunction(fn) ? "expression" : "definitions",
  };
  if (!bindGivenOptions(caller, frame, request)) return undefined;
  return isScalarFunction(fn) ? mapElements(caller, frame, request) : passArrays(caller, frame, request);
};

/** The one value that a call has. */
const resultOf = (caller: Frame, frame: Frame, { fn, span }: CallRequest): Value | undefined => {
  const returned = runBody(frame);
  const [only] = returned;
  if (returned.length === 1) return only?.value;
  if (returned.length > 1)
    caller.report(
      diagnostic("GS0401", span, `\`${fn.name}\` returns ${returned.length} values, and a call has one`, {
        fill: { advice: "split the function, so that each part returns one value" },
      }),
    );
  return undefined;
};

/** A scalar function: its parameters are the elements of the broadcast arguments. */
const mapElements = (caller: Frame, frame: Frame, request: CallRequest): Value | undefined => {
  const shape = broadcast(caller, request.args);
  if (shape === undefined) return undefined;
  for (const [k, { name }] of frame.fn.declaration.params.entries()) {
    const node = request.args[k]?.value.node;
    bindName(frame, name, { role: "parameter", value: node && scalar(node), span: name.span });
  }
  const result = resultOf(caller, frame, request);
  if (result === undefined) return undefined;
  if (result.shape.length === 0) return { shape, node: result.node };
  reportUnindexed(caller, { kind: "name", text: frame.fn.name, span: request.span }, result);
  return undefined;
};

const passArrays = (caller: Frame, frame: Frame, request: CallRequest): Value | undefined => {
  const leading = leadingOf(caller, frame, request);
  if (leading === "mismatch") return undefined;
  const bound: Frame = { ...frame, ellipsis: leading };
  if (!bindDims(caller, bound, request)) return undefined;
  let sound = true;
  for (const [k, param] of frame.fn.declaration.params.entries()) {
    const arg = request.args[k];
    if (arg === undefined || !acceptsArgument(caller, bound, param, arg, request)) sound = false;
    else {
      const passed =
        arg.value.shape.length === 0
          ? arg.value
          : materialise(caller, arg.value, `${frame.fn.name}.${param.name.text}`);
      const value = atDepth(caller.builder.ir, passed, caller.depth, bound.depth);
      const span = param.type?.span ?? param.name.span;
      bindName(bound, param.name, {
        role: "parameter",
        value: { shape: value.shape, node: value.node },
        span,
      });
    }
  }
  if (!sound) return undefined;
  const result = resultOf(caller, bound, request);
  return (
    result &&
    atDepth(caller.builder.ir, { shape: result.shape, node: result.node }, bound.depth, caller.depth)
  );
};
