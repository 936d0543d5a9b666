/**
 * Statements of a function body → definitions, and the values that it returns.
 * Terminates: statements are finite, how deep evaluation nests is bounded, and circles are run once, as a whole.
 */
import { fixed } from "../ir/affine.ts";
import type { Index, Node } from "../ir/types.ts";
import { substitute } from "../ir/walk.ts";
import { diagnostic } from "../diagnostics/index.ts";
import type { Define, Expression, Return } from "../syntax/index.ts";
import { evaluate } from "./expression.ts";
import {
  addNamed, allocate, copied, excerpt, freeIndices, rename, shapeText, valueOf, type Frame,
} from "./frame.ts"; // prettier-ignore
import type { LinkedFunction } from "./link.ts";
import { bindName, withIndices } from "./ranges.ts";
import { runCircle } from "./recurrence.ts";
import { asAffine, implicitAt, implicitIndices, type Value } from "./value.ts";
import { isQuotient } from "./whole.ts";

export const isScalarFunction = (fn: LinkedFunction): boolean =>
  fn.declaration.params.length > 0 && fn.declaration.params.every((param) => param.type === undefined);

/** Errors reported of one function: more are not read by anybody. */
const ERROR_LIMIT = 100;

export interface Returned {
  readonly e: Expression;
  readonly value: Value | undefined;
}

/** Runs the statements; what is returned. */
export const runBody = (frame: Frame): readonly Returned[] => {
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

/** Conditions, whole numbers, quotients and powers of extents, and single leaves stay what they are; other values become definitions. */
const isTransparent = (frame: Frame, node: Node): boolean =>
  node.dtype === "bool" ||
  node.kind === "constant" ||
  node.kind === "option" ||
  node.kind === "read" ||
  asAffine(frame.builder.ir, node) !== undefined ||
  isQuotient(node);

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

export const reportUnindexed = (frame: Frame, e: Expression, value: Value): void => {
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
