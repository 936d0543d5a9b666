/**
 * Declared options → what they stand for: symbols with defaults in a program, what a call gives or the default in a call.
 * Terminates: each option is bound once, and a default sees no names.
 */
import { dim, fixed, minus } from "../ir/affine.ts";
import { indexValue, option as optionNode } from "../ir/build.ts";
import { provablyNonNegative } from "../ir/range.ts";
import type { DimSymbol, Node, OptionSymbol } from "../ir/types.ts";
import { diagnostic, type Span } from "../diagnostics/index.ts";
import type { OptionDeclaration } from "../syntax/index.ts";
import { evaluate } from "./expression.ts";
import type { CallRequest, Frame } from "./frame.ts";
import { bindName } from "./ranges.ts";
import { scalar, type Value } from "./value.ts";
import { asWhole } from "./whole.ts";

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
export const bindOptionSymbols = (frame: Frame): Symbols => {
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
export const bindGivenOptions = (caller: Frame, frame: Frame, request: CallRequest): boolean => {
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
  const affine = asWhole(frame, value.node);
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
