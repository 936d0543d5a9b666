/**
 * Function bodies → definitions: as a program of its own, with its dims as symbols, or inlined into a caller, with its
 * dims standing for the extents of the arguments.
 * Terminates: the call graph has no circle (check.ts), how deep evaluation nests is bounded, and statements are finite.
 */
import { dim, minus, fixed } from "../ir/affine.ts";
import type { Arena } from "../ir/arena.ts";
import { indexValue, option as optionNode } from "../ir/build.ts";
import { provablyNonNegative } from "../ir/range.ts";
import { liveDefinitions } from "../ir/program.ts";
import { inDependencyOrder } from "../ir/recurrence.ts";
import type {
  Affine, DimSymbol, Index, Node, OptionSymbol, Output, Program, Tensor,
} from "../ir/types.ts"; // prettier-ignore
import { substitute } from "../ir/walk.ts";
import {
  createCollector,
  diagnostic,
  type Diagnostic,
  type Result,
  type Span,
} from "../diagnostics/index.ts";
import type { Define, Dim, Expression, OptionDeclaration, Param, Return } from "../syntax/index.ts";
import { evaluate } from "./expression.ts";
import {
  addNamed, allocate, applyNames, broadcast, copied, freeIndices, nameOf, readWhole, rename, valueOf, createBuilder, excerpt, materialise, origin, shapeText, affineText,
  type Binding, type Builder, type CallRequest, type Frame,
} from "./frame.ts"; // prettier-ignore
import type { LinkedFunction } from "./link.ts";
import { alreadyNamed, extentOf, withIndices } from "./ranges.ts";
import { circlesOf, runCircle } from "./recurrence.ts";
import { asAffine, atDepth, implicitAt, implicitIndices, scalar, whole, type Value } from "./value.ts";

/** Errors reported of one function: more are not read by anybody. */
const ERROR_LIMIT = 100;

/** Notes beside an error that happened inside of calls. */
const RELATED_LIMIT = 5;

/** Implicit indices of a program's own parameters, seen from outside of its body. */
const OUTSIDE = 0;

const isScalarFunction = (fn: LinkedFunction): boolean =>
  fn.declaration.params.length > 0 && fn.declaration.params.every((param) => param.type === undefined);

const bindName = (frame: Frame, name: { text: string; span: Span }, binding: Binding): void => {
  if (!alreadyNamed(frame, name.text, name.span)) frame.names.set(name.text, binding);
};

// ---- bodies

interface Returned {
  readonly e: Expression;
  readonly value: Value | undefined;
}

/** Runs the statements; what is returned. */
const runBody = (frame: Frame): readonly Returned[] => {
  const { body, name } = frame.fn.declaration;
  let returned: readonly Returned[] | undefined;
  for (const statement of body) {
    if (returned !== undefined) {
      frame.report(
        diagnostic("GS0210", statement.span, "nothing after the return is computed", {
          hint: "remove it, or move the return to the end",
        }),
      );
      break;
    }
    if (frame.errors() > ERROR_LIMIT) return [];
    if (statement.kind === "define") runDefine(frame, statement);
    else returned = runReturn(frame, statement);
  }
  if (returned !== undefined) return returned;
  const last = body.findLast((statement) => statement.kind === "define");
  frame.report(
    diagnostic("GS0209", name.span, `function \`${name.text}\` returns nothing`, {
      fill: { name: last?.name.text ?? "…" },
    }),
  );
  return [];
};

const runReturn = (frame: Frame, statement: Return): readonly Returned[] => {
  const at = { ...frame, owner: frame.prefix === "" ? "out." : frame.prefix };
  return statement.values.map((e) => {
    const value = evaluate(at, e);
    if (value === undefined || value.node.dtype !== "bool") return { e, value };
    frame.report(
      diagnostic("GS0401", e.span, "a condition cannot be returned", {
        fill: { advice: `write (${excerpt(e.span)} ? 1 : 0)` },
      }),
    );
    return { e, value: undefined };
  });
};

const runDefine = (frame: Frame, statement: Define): void => {
  const circle = frame.circles.get(statement);
  if (circle !== undefined) {
    // what its statements need may stand between them
    if (circle.statements.at(-1) === statement) runCircle(frame, circle);
    return;
  }
  const { name, binders } = statement;
  const at: Frame = { ...frame, owner: `${frame.prefix}${name.text}.` };
  const value =
    binders === undefined ? defineWhole(at, statement) : defineIndexed(at, { ...statement, binders });
  bindName(frame, name, { role: "definition", value, span: name.span });
};

/** Conditions, whole numbers and single leaves stay what they are; other values become definitions. */
const isTransparent = (frame: Frame, node: Node): boolean =>
  node.dtype === "bool" ||
  node.kind === "constant" ||
  node.kind === "option" ||
  node.kind === "read" ||
  asAffine(frame.builder.ir, node) !== undefined;

/** The definition of a name, or the generated one that is the same already. */
const defineAs = (frame: Frame, name: string, indices: readonly Index[], body: Node): Value => {
  const { builder, prefix } = frame;
  const full = prefix === "" ? name : allocate(builder, `${prefix}${name}`);
  const free = freeIndices(builder, body, indices);
  const generated = copied(builder, body, [...free, ...indices]);
  if (generated === undefined) return addNamed(frame, { name: full, indices, body }).value;
  rename(builder, generated, full);
  return valueOf(frame, generated, free);
};

const defineWhole = (frame: Frame, { name, value: e }: Define): Value | undefined => {
  const value = evaluate(frame, e);
  if (value === undefined) return undefined;
  const { shape, node } = value;
  if (frame.mode === "expression" && shape.length === 0) return { shape, node };
  const indices = implicitIndices(frame.builder.ir, frame.depth, shape);
  const free = freeIndices(frame.builder, node, indices);
  const isCopy = copied(frame.builder, node, [...free, ...indices]) !== undefined;
  return isCopy || !isTransparent(frame, node) ? defineAs(frame, name.text, indices, node) : { shape, node };
};

type Indexed = Define & { readonly binders: NonNullable<Define["binders"]> };

const defineIndexed = (frame: Frame, statement: Indexed): Value | undefined => {
  const { name, binders, value: e } = statement;
  const single = binders.find((binder) => binder.kind === "fixed");
  if (single !== undefined) {
    frame.report(
      diagnostic("GS0308", single.span, `nothing says what \`${name.text}\` is elsewhere`, {
        fill: { advice: `add a statement for all other places, as ${name.text}[t] = …` },
      }),
    );
    return undefined;
  }
  return withIndices(frame, binders, [e], (indices) => {
    const value = evaluate(frame, e);
    if (value === undefined || indices === undefined) return undefined;
    if (value.shape.length > 0) {
      reportUnindexed(frame, e, value);
      return undefined;
    }
    return indexedValue(frame, name.text, indices, value.node);
  });
};

const indexedValue = (frame: Frame, name: string, indices: readonly Index[], body: Node): Value => {
  const { ir } = frame.builder;
  const shape = indices.map((index) => index.extent);
  if (body.dtype !== "bool" && (body.kind === "read" || asAffine(ir, body) === undefined))
    return defineAs(frame, name, indices, body);
  const at = implicitAt(ir, frame.depth, shape);
  return {
    shape,
    node: substitute(ir, body, new Map(indices.map((index, k) => [index, at[k] ?? fixed(ir, 0)]))),
  };
};

const reportUnindexed = (frame: Frame, e: Expression, value: Value): void => {
  frame.report(
    diagnostic(
      "GS0401",
      e.span,
      `one element is needed, and this has shape ${shapeText(frame, value.shape)}`,
      {
        fill: {
          advice: "give every array on the right its indices, or define the whole array without indices",
        },
      },
    ),
  );
};

// ---- options

/** A default, or an option given as a number. */
const defaultOf = (frame: Frame, declaration: OptionDeclaration): Node | undefined => {
  const e = declaration.default;
  if (e === undefined) return undefined;
  const value = evaluate({ ...frame, names: new Map() }, e);
  if (value === undefined || value.node.kind === "constant") return value?.node;
  frame.report(
    diagnostic("GS0401", e.span, `the default of \`${declaration.name.text}\` is not a number`, {
      fill: { advice: "write a number, or a fraction of numbers" },
    }),
  );
  return undefined;
};

const wholeDefault = (frame: Frame, declaration: OptionDeclaration, node: Node, min: number): boolean => {
  const value = node.kind === "constant" ? node.value : NaN;
  if (Number.isSafeInteger(value) && value >= min) return true;
  const name = declaration.name.text;
  frame.report(
    diagnostic(
      "GS0401",
      declaration.default?.span ?? declaration.name.span,
      `\`${name}\` is used in an index or an extent, and ${value} is not a whole number of at least ${min}`,
      {
        fill: { advice: `give \`${name}\` a whole default of at least ${min}` },
      },
    ),
  );
  return false;
};

interface Symbols {
  readonly dims: readonly DimSymbol[];
  readonly options: readonly OptionSymbol[];
}

/** Options of a program: symbols with defaults. */
const bindOptionSymbols = (frame: Frame): Symbols => {
  const { ir } = frame.builder;
  const dims: DimSymbol[] = [];
  const options: OptionSymbol[] = [];
  const wholes = frame.fn.wholeOptions();
  for (const declaration of frame.fn.declaration.options) {
    const { text, span } = declaration.name;
    const node = defaultOf(frame, declaration);
    const given = node?.kind === "constant" ? node.value : undefined;
    const use = wholes.get(text);
    if (use === undefined) options.push({ name: text, default: given });
    else {
      if (node !== undefined) wholeDefault(frame, declaration, node, use.min);
      dims.push({ name: text, min: use.min, default: given });
    }
    const value = use === undefined ? optionNode(ir, text) : indexValue(ir, dim(ir, text, use.min));
    bindName(frame, declaration.name, { role: "option", value: scalar(value), span });
  }
  return { dims, options };
};

/** Options of a call: as given, else the default. */
const bindGivenOptions = (caller: Frame, frame: Frame, request: CallRequest): boolean => {
  const wholes = frame.fn.wholeOptions();
  let sound = true;
  for (const declaration of frame.fn.declaration.options) {
    const { text, span } = declaration.name;
    const given = request.options.get(text);
    const node = given === undefined ? defaultOf(frame, declaration) : given.value.node;
    const use = wholes.get(text);
    if (node === undefined) {
      reportMissingOption(caller, request, text);
      sound = false;
    } else if (given !== undefined && !fitsOption(caller, text, given, use?.min)) sound = false;
    bindName(frame, declaration.name, { role: "option", value: node && scalar(node), span });
  }
  return sound;
};

const reportMissingOption = (frame: Frame, { fn, span }: CallRequest, name: string): void => {
  frame.report(
    diagnostic("GS0204", span, `option \`${name}\` of \`${fn.name}\` has no default, and is not given`, {
      fill: { advice: `write ${fn.name}(…; ${name} = …)` },
    }),
  );
};

const fitsOption = (
  frame: Frame,
  name: string,
  { value, span }: { readonly value: Value; readonly span: Span },
  min: number | undefined,
): boolean => {
  const { ir } = frame.builder;
  if (value.shape.length > 0 || value.node.dtype === "bool") {
    frame.report(
      diagnostic("GS0401", span, `option \`${name}\` is one number`, {
        fill: { advice: "make it a parameter to give it an array" },
      }),
    );
    return false;
  }
  if (min === undefined) return true;
  const affine = asAffine(ir, value.node);
  if (affine !== undefined && provablyNonNegative(ir, minus(ir, affine, fixed(ir, min)))) return true;
  frame.report(
    diagnostic("GS0401", span, `option \`${name}\` is a whole number of at least ${min}`, {
      fill: {
        advice: "it is used in an index or an extent: give a whole number, a dimension or a whole option",
      },
    }),
  );
  return false;
};

// ---- dimensions

const isPlainDim = (
  frame: Frame,
  d: Dim,
): d is Extract<Dim, { kind: "extent" }> & { value: { kind: "name" } } =>
  d.kind === "extent" &&
  d.value.kind === "name" &&
  !frame.fn.declaration.options.some((option) => option.name.text === (d.value as { text: string }).text);

/** Extents of a type, with `...` as `leading`. */
const shapeOfType = (
  frame: Frame,
  dims: readonly Dim[],
  leading: readonly Affine[],
): readonly Affine[] | undefined => {
  const shape: Affine[] = [];
  let sound = true;
  for (const d of dims) {
    if (d.kind === "ellipsis") shape.push(...leading);
    else {
      const extent = declaredExtent(frame, d.value);
      if (extent === undefined) sound = false;
      else shape.push(extent);
    }
  }
  return sound ? shape : undefined;
};

/** A dimension that occurs only inside of an expression cannot be solved for. */
const declaredExtent = (frame: Frame, e: Expression): Affine | undefined => {
  const unknown: Span[] = [];
  const missing = (diag: Diagnostic): void => {
    if (diag.code === "GS0201") unknown.push(diag.span);
    else frame.report(diag);
  };
  const extent = extentOf({ ...frame, report: missing }, e);
  for (const span of unknown)
    frame.report(
      diagnostic("GS0307", span, `dimension \`${excerpt(span)}\` cannot be determined from the arguments`, {
        fill: { advice: `use ${excerpt(span)} alone as a dimension of some parameter, or make it an option` },
      }),
    );
  return extent;
};

const freeName = (wanted: readonly string[], frame: Frame): string => {
  const taken = new Set(frame.names.keys());
  for (const param of frame.fn.declaration.params) taken.add(param.name.text);
  for (const statement of frame.fn.declaration.body)
    if (statement.kind === "define") taken.add(statement.name.text);
  const free = wanted.find((name) => !taken.has(name));
  if (free !== undefined) return free;
  let number = 2;
  while (taken.has(`${wanted[0] ?? "N"}${number}`)) number++;
  return `${wanted[0] ?? "N"}${number}`;
};

const bindDim = (frame: Frame, name: string, span: Span, extent: Affine): void => {
  const value = scalar(indexValue(frame.builder.ir, extent));
  frame.names.set(name, { role: "dimension", value, span });
};

// ---- programs

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

const textOfName = (e: Expression): string => (e.kind === "name" ? e.text : "");

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

// ---- calls

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

type Argument = CallRequest["args"][number];

const rankOf = (dims: readonly Dim[]): number => dims.filter((d) => d.kind === "extent").length;

const hasEllipsis = (dims: readonly Dim[]): boolean => dims.some((d) => d.kind === "ellipsis");

/** The extent that stands at a declared dimension. */
const extentAt = (dims: readonly Dim[], k: number, shape: readonly Affine[]): Affine | undefined => {
  const ellipsis = dims.findIndex((d) => d.kind === "ellipsis");
  return ellipsis >= 0 && k > ellipsis ? shape[shape.length - (dims.length - k)] : shape[k];
};

/** What `...` stands for in a call; the same for all parameters. */
const leadingOf = (
  caller: Frame,
  frame: Frame,
  request: CallRequest,
): readonly Affine[] | undefined | "mismatch" => {
  let leading: readonly Affine[] | undefined;
  for (const [k, param] of frame.fn.declaration.params.entries()) {
    const dims = param.type?.dims ?? [];
    const arg = request.args[k];
    const at = dims.findIndex((d) => d.kind === "ellipsis");
    if (at < 0 || arg === undefined) continue;
    const { shape } = arg.value;
    const found = shape.slice(at, Math.max(at, shape.length - rankOf(dims) + at));
    if (
      leading !== undefined &&
      (leading.length !== found.length || leading.some((d, i) => d !== found[i]))
    ) {
      reportArgument(
        caller,
        request,
        param,
        arg,
        `leading dimensions ${shapeText(caller, leading)} elsewhere`,
      );
      return "mismatch";
    }
    leading = found;
  }
  return leading;
};

/** Plain names of dimensions stand for the extents of the arguments. */
const bindDims = (caller: Frame, frame: Frame, request: CallRequest): boolean => {
  let sound = true;
  const from = new Map<string, Argument>();
  for (const [k, param] of frame.fn.declaration.params.entries()) {
    const arg = request.args[k];
    const dims = param.type?.dims;
    if (arg === undefined || dims === undefined) continue;
    const { shape } = arg.value;
    const fits = hasEllipsis(dims) ? shape.length >= rankOf(dims) : shape.length === dims.length;
    if (!fits) {
      reportArgument(
        caller,
        request,
        param,
        arg,
        `${rankOf(dims)} dimensions${hasEllipsis(dims) ? " or more" : ""}`,
      );
      sound = false;
      continue;
    }
    for (const [i, d] of dims.entries()) {
      const extent = extentAt(dims, i, shape);
      if (!isPlainDim(frame, d) || extent === undefined) continue;
      const name = textOfName(d.value);
      const known = frame.names.get(name)?.value;
      const knownExtent = known && asAffine(frame.builder.ir, known.node);
      if (knownExtent === undefined) {
        bindDim(frame, name, d.span, extent);
        from.set(name, arg);
      } else if (knownExtent !== extent) {
        const other = from.get(name);
        const as = other === undefined ? "" : `, as in \`${excerpt(other.span)}\``;
        const wanted = `dimension ${name} to be ${affineText(caller, knownExtent)}${as}`;
        reportArgument(caller, request, param, arg, wanted, other);
        sound = false;
      }
    }
  }
  return sound;
};

/** Extents that are expressions, the type, and numbers where no type is given. */
const acceptsArgument = (
  caller: Frame,
  frame: Frame,
  param: Param,
  arg: Argument,
  request: CallRequest,
): boolean => {
  const { type } = param;
  const { shape, node } = arg.value;
  if (type?.dtype === "int" && !(node.kind === "read" && node.dtype === "int")) {
    caller.report(
      diagnostic(
        "GS0401",
        arg.span,
        `\`${param.name.text}\` of \`${request.fn.name}\` is int, and \`${excerpt(arg.span)}\` is not`,
        {
          fill: { advice: "give an int parameter, declared as int[…]" },
          related: [{ span: type.span, message: `\`${param.name.text}\` is declared here` }],
        },
      ),
    );
    return false;
  }
  if (node.dtype === "bool") {
    caller.report(
      diagnostic("GS0401", arg.span, `\`${excerpt(arg.span)}\` is a condition, and a number is needed`, {
        fill: { advice: `write (${excerpt(arg.span)} ? 1 : 0)` },
      }),
    );
    return false;
  }
  if (type === undefined) {
    if (shape.length === 0) return true;
    reportArgument(
      caller,
      request,
      param,
      arg,
      "no dimensions: it has no type, and other parameters have one",
    );
    return false;
  }
  const wanted = shapeOfType(frame, type.dims, frame.ellipsis ?? []);
  if (wanted === undefined) return false;
  if (wanted.length === shape.length && wanted.every((extent, k) => extent === shape[k])) return true;
  reportArgument(caller, request, param, arg, `shape ${shapeText(caller, wanted)}`);
  return false;
};

const reportArgument = (
  caller: Frame,
  { fn }: CallRequest,
  param: Param,
  arg: Argument,
  wanted: string,
  other?: Argument,
): void => {
  const declared = param.type?.span ?? param.name.span;
  caller.report(
    diagnostic(
      "GS0301",
      arg.span,
      `\`${param.name.text}\` of \`${fn.name}\` needs ${wanted}; it is given ${shapeText(caller, arg.value.shape)}`,
      {
        fill: {
          advice: `call it as ${fn.name}(${fn.declaration.params.map((each) => each.name.text).join(", ")}) with the declared shapes`,
        },
        related: [
          { span: declared, message: `\`${param.name.text}\` is declared here` },
          ...origin(caller, arg),
          ...(other === undefined ? [] : origin(caller, other)),
        ],
      },
    ),
  );
};
