/**
 * A function → a program of its own, with its dimensions and whole options as symbols.
 * Terminates: the call graph has no circle (check.ts), and the body is run once.
 */
import { dim } from "../ir/affine.ts";
import type { Arena } from "../ir/arena.ts";
import { liveDefinitions } from "../ir/program.ts";
import { inDependencyOrder } from "../ir/recurrence.ts";
import type { Affine, DimSymbol, Output, Program, Tensor } from "../ir/types.ts";
import { createCollector, diagnostic, type Diagnostic, type Result } from "../diagnostics/index.ts";
import type { Param } from "../syntax/index.ts";
import { isScalarFunction, reportUnindexed, runBody, type Returned } from "./body.ts";
import { bindDim, freeName, isPlainDim, shapeOfType, textOfName } from "./dims.ts";
import { evaluate } from "./expression.ts";
import {
  addNamed, applyNames, copied, createBuilder, nameOf, readWhole, rename, type Builder, type Frame,
} from "./frame.ts"; // prettier-ignore
import { bindOptionSymbols } from "./given.ts";
import { callFunction } from "./inline.ts";
import type { LinkedFunction } from "./link.ts";
import { bindName } from "./ranges.ts";
import { circlesOf } from "./recurrence.ts";
import { implicitIndices, scalar, whole } from "./value.ts";

/** Implicit indices of a program's own parameters, seen from outside of its body. */
const OUTSIDE = 0;

export interface Services {
  readonly broken: (fn: LinkedFunction) => boolean;
}

const topFrame = (
  builder: Builder,
  fn: LinkedFunction,
  { report, errors }: Pick<Frame, "report" | "errors">,
  { broken }: Services,
): Frame => ({
  builder, report, errors, fn, circles: circlesOf(fn), broken, evaluate, call: callFunction,
  depth: OUTSIDE + 1, names: new Map(), used: new Set(), ellipsis: undefined, prefix: "", owner: "",
  mode: "definitions",
}); // prettier-ignore

export const compileFunction = (ir: Arena, fn: LinkedFunction, services: Services): Result<Program> => {
  const collector = createCollector();
  const builder = createBuilder(ir);
  let errors = 0;
  const report = (each: Diagnostic): void => {
    if (each.severity === "error") errors++;
    collector.report(each);
  };
  const frame = topFrame(builder, fn, { report, errors: () => errors }, services);
  const options = bindOptionSymbols(frame);
  const { inputs, dims, frame: bound, lifted } = bindParameters(frame);
  reserveNames(bound);
  const returned = runBody(bound);
  const outputs: Output[] = [];
  for (const each of returned) {
    const output = outputOf(bound, each, lifted, outputs);
    if (output !== undefined) outputs.push(output);
  }
  if (errors === 0) warnUnused(bound);
  const live = liveDefinitions(
    inDependencyOrder(ir, builder.definitions),
    outputs.map((output) => output.tensor),
  );
  return collector.finish({
    name: fn.name,
    doc: fn.declaration.doc,
    inputs,
    dims: [...dims, ...options.dims],
    options: options.options,
    requirements: [...builder.requirements.values()],
    ...applyNames(builder, live, outputs),
  });
};

interface BoundParameters {
  readonly inputs: readonly Tensor[];
  readonly dims: readonly DimSymbol[];
  readonly frame: Frame;
  /** The shape over which a scalar function is applied. */
  readonly lifted: readonly Affine[] | undefined;
}

const bindParameters = (frame: Frame): BoundParameters => {
  const { ir } = frame.builder;
  const { params } = frame.fn.declaration;
  const dims: DimSymbol[] = [];
  const symbol = (name: string): Affine => {
    dims.push({ name, min: 0, default: undefined });
    return dim(ir, name);
  };
  let ellipsis: readonly Affine[] | undefined;
  for (const param of params)
    for (const d of param.type?.dims ?? []) {
      if (d.kind === "ellipsis") ellipsis ??= [symbol(freeName(["rows", "leading", "batch"], frame))];
      else if (isPlainDim(frame, d) && !frame.names.has(textOfName(d.value)))
        bindDim(frame, textOfName(d.value), d.span, symbol(textOfName(d.value)));
    }
  const lifted = isScalarFunction(frame.fn) ? [symbol(freeName(["N", "M", "L", "size"], frame))] : undefined;
  const bound: Frame = { ...frame, ellipsis };
  const inputs = params.map((param) => bindParameter(bound, param, ellipsis ?? [], lifted));
  return { inputs: inputs.filter((each) => each !== undefined), dims, frame: bound, lifted };
};

const bindParameter = (
  frame: Frame,
  { name, type }: Param,
  leading: readonly Affine[],
  lifted: readonly Affine[] | undefined,
): Tensor | undefined => {
  const { ir } = frame.builder;
  const shape = type === undefined ? (lifted ?? []) : shapeOfType(frame, type.dims, leading);
  if (shape === undefined) {
    bindName(frame, name, { role: "parameter", value: undefined, span: name.span });
    return undefined;
  }
  const tensor = ir.tensor({ name: name.text, shape, dtype: type?.dtype ?? "float", role: "input" });
  const value = lifted ? scalar(whole(ir, OUTSIDE, tensor).node) : whole(ir, frame.depth, tensor);
  bindName(frame, name, { role: "parameter", value, span: type?.span ?? name.span });
  return tensor;
};

/** Names of the user come first; generated ones make room. */
const reserveNames = ({ builder, names, fn }: Frame): void => {
  for (const name of names.keys()) builder.taken.add(name);
  for (const statement of fn.declaration.body)
    if (statement.kind === "define") builder.taken.add(statement.name.text);
};

/** The tensor that is returned: a definition by its name, else one made for it. */
const outputOf = (
  frame: Frame,
  { e, value }: Returned,
  lifted: readonly Affine[] | undefined,
  earlier: readonly Output[],
): Output | undefined => {
  if (value === undefined) return undefined;
  const { builder } = frame;
  const depth = lifted === undefined ? frame.depth : OUTSIDE;
  const shape = lifted ?? value.shape;
  if (lifted !== undefined && value.shape.length > 0) {
    reportUnindexed(frame, e, value);
    return undefined;
  }
  const isDefinition =
    e.kind === "name" &&
    earlier.every((output) => output.name !== e.text) &&
    frame.names.get(e.text)?.role === "definition";
  const { node } = value;
  const indices = implicitIndices(builder.ir, depth, shape);
  const tensor = readWhole(builder, node, indices);
  if (tensor !== undefined && isDefinition && nameOf(builder, tensor) === e.text)
    return { name: e.text, tensor };
  const name = isDefinition && !isNamed(builder, e.text) ? e.text : outputName(builder);
  const generated = copied(builder, node, indices);
  if (generated === undefined)
    return { name, tensor: addNamed({ ...frame, depth }, { name, indices, body: node }).tensor };
  rename(builder, generated, name);
  return { name, tensor: generated };
};

const isNamed = (builder: Builder, name: string): boolean =>
  builder.definitions.some((each) => nameOf(builder, each.tensor) === name);

const outputName = (builder: Builder): string => {
  let number = 0;
  while (builder.taken.has(number === 0 ? "out" : `out${number}`)) number++;
  const name = number === 0 ? "out" : `out${number}`;
  builder.taken.add(name);
  return name;
};

const warnUnused = (frame: Frame): void => {
  for (const [name, { role, span }] of frame.names) {
    if (frame.used.has(name) || (role !== "parameter" && role !== "definition" && role !== "option"))
      continue;
    frame.report(
      diagnostic("GS0210", span, `${role} \`${name}\` is not used`, {
        hint: role === "definition" ? "remove it, or return it" : "remove it, or use it",
      }),
    );
  }
};
