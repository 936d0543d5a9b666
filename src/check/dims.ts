/**
 * Declared dimensions → extents: a plain name is bound by the first shape that has it, an expression is evaluated.
 * Terminates: dimensions are finite.
 */
import type { Affine } from "../ir/types.ts";
import { indexValue } from "../ir/build.ts";
import { diagnostic, type Diagnostic, type Span } from "../diagnostics/index.ts";
import type { Dim, Expression } from "../syntax/index.ts";
import { excerpt, type Frame } from "./frame.ts";
import { extentOf } from "./ranges.ts";
import { scalar } from "./value.ts";

export const isPlainDim = (
  frame: Frame,
  d: Dim,
): d is Extract<Dim, { kind: "extent" }> & { value: { kind: "name" } } =>
  d.kind === "extent" &&
  d.value.kind === "name" &&
  !frame.fn.declaration.options.some((option) => option.name.text === (d.value as { text: string }).text);

export const textOfName = (e: Expression): string => (e.kind === "name" ? e.text : "");

/** Extents of a type, with `...` as `leading`. */
export const shapeOfType = (
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

export const freeName = (wanted: readonly string[], frame: Frame): string => {
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

export const bindDim = (frame: Frame, name: string, span: Span, extent: Affine): void => {
  const value = scalar(indexValue(frame.builder.ir, extent));
  frame.names.set(name, { role: "dimension", value, span });
};
