/**
 * The arguments of a call against the declared parameters → dimensions bound to extents, or what does not fit.
 * Terminates: parameters and their dimensions are finite.
 */
import type { Affine } from "../ir/types.ts";
import { diagnostic } from "../diagnostics/index.ts";
import type { Dim, Param } from "../syntax/index.ts";
import { bindDim, isPlainDim, shapeOfType, textOfName } from "./dims.ts";
import { affineText, excerpt, origin, shapeText, type CallRequest, type Frame } from "./frame.ts";
import { asAffine } from "./value.ts";

type Argument = CallRequest["args"][number];

const rankOf = (dims: readonly Dim[]): number => dims.filter((d) => d.kind === "extent").length;

const hasEllipsis = (dims: readonly Dim[]): boolean => dims.some((d) => d.kind === "ellipsis");

/** The extent that stands at a declared dimension. */
const extentAt = (dims: readonly Dim[], k: number, shape: readonly Affine[]): Affine | undefined => {
  const ellipsis = dims.findIndex((d) => d.kind === "ellipsis");
  return ellipsis >= 0 && k > ellipsis ? shape[shape.length - (dims.length - k)] : shape[k];
};

/** What `...` stands for in a call; the same for all parameters. */
export const leadingOf = (
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
export const bindDims = (caller: Frame, frame: Frame, request: CallRequest): boolean => {
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
export const acceptsArgument = (
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
