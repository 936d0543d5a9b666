/**
 * A read at indices → its element, with a proof that it lies inside, or the guard that its default asks for.
 * Terminates: index expressions are smaller than the read.
 */
import {
  dim, fixed, linearIn, mapAffine, minus, ofData, ofIndex, plus, scale, times, type AffineMap,
} from "../ir/affine.ts"; // prettier-ignore
import { and, guard, inRange, select } from "../ir/build.ts";
import { division, provablyInRange, provablyNonNegative, substituteAffine } from "../ir/range.ts";
import type { Affine, Node, Read, Requirement } from "../ir/types.ts";
import { diagnostic } from "../diagnostics/index.ts";
import type { Expression } from "../syntax/ast.ts";
import { affineText, shapeText, textOf, type Frame } from "./frame.ts";
import { ELLIPSIS, indexOf } from "./ranges.ts";
import { elementAt, scalar, type Value } from "./value.ts";

type ReadExpression = Extract<Expression, { kind: "read" }>;

/** A read, and the conditions under which it lies inside (none where it is proved). */
interface Element {
  readonly node: Node;
  readonly inside: readonly Node[];
}

export const evaluateRead = (frame: Frame, e: ReadExpression): Value | undefined => {
  const element = elementOf(frame, e, "proved");
  return element && scalar(element.node);
};

/** `x[i - 1] ?? e` */
export const evaluateDefault = (
  frame: Frame,
  e: Extract<Expression, { kind: "default" }>,
): Value | undefined => {
  const fallback = frame.evaluate(frame, e.fallback);
  if (e.value.kind !== "read") {
    frame.evaluate(frame, e.value);
    frame.report(
      diagnostic("GS0401", e.value.span, "a default belongs to a read", {
        fill: { advice: "put it next to the read that may fall outside: (x[i - 1] ?? 0)" },
      }),
    );
    return undefined;
  }
  const element = elementOf(frame, e.value, "guarded");
  if (element === undefined || fallback === undefined) return undefined;
  if (fallback.shape.length > 0 || fallback.node.dtype === "bool") {
    frame.report(
      diagnostic("GS0401", e.fallback.span, "a default is one number", {
        fill: { advice: "give a number, or an element of the array" },
      }),
    );
    return undefined;
  }
  const { ir } = frame.builder;
  const test = and(ir, element.inside);
  const { node } = fallback;
  const isZero = node.kind === "constant" && Object.is(node.value, 0);
  return scalar(isZero ? guard(ir, test, element.node) : select(ir, test, element.node, node));
};

const elementOf = (frame: Frame, e: ReadExpression, mode: "proved" | "guarded"): Element | undefined => {
  const target = targetOf(frame, e);
  const at = positionsOf(frame, e, target);
  if (target === undefined || at === undefined) return undefined;
  const { builder } = frame;
  const inside: Node[] = [];
  let sound = true;
  for (const [k, a] of at.entries()) {
    const extent = target.shape[k];
    if (extent === undefined || isInside(frame, a, extent)) continue;
    if (mode === "guarded") inside.push(inRange(builder.ir, a, extent));
    else if (!requireData(frame, a, extent)) {
      sound = false;
      reportOutside(frame, e, target, k, a);
    }
  }
  if (!sound) return undefined;
  const node = elementAt(builder.ir, frame.depth, target, at);
  if (node.kind === "read" && builder.pending.has(node.tensor))
    builder.open.push({ tensor: node.tensor, at, span: e.span, scope: [...builder.scope] });
  return { node, inside };
};

/** A position for the values of its indices for which the statement holds. */
const inParts = ({ builder: { ir, parts } }: Frame, a: Affine): Affine =>
  a.indices.some((index) => parts.has(index))
    ? substituteAffine(ir, a, (index) => parts.get(index)?.value)
    : a;

/** Proved for the values of indices, and the extents, for which the statement holds. */
const isInside = ({ builder: { ir, parts, premises } }: Frame, a: Affine, extent: Affine): boolean => {
  const dims = premises.flatMap(({ least }) => [...least]);
  const isPart = a.indices.some((index) => parts.has(index));
  if (dims.length === 0 && !isPart) return provablyInRange(ir, a, extent);
  const known = new Map(dims.map(([name, least]) => [name, dim(ir, name, least)]));
  const map: AffineMap = {
    index: (index) => parts.get(index)?.value,
    dim: (name) => known.get(name),
    data: (node) => ofData(ir, node),
  };
  const [position, end] = [mapAffine(ir, a, map, division(ir)), mapAffine(ir, extent, map, division(ir))];
  return provablyInRange(ir, position, end);
};

const targetOf = (frame: Frame, e: ReadExpression): Value | undefined => {
  const { text, span } = e.target;
  const binding = frame.names.get(text);
  if (binding === undefined) {
    // the error for an unknown name is the same as without indices
    frame.evaluate(frame, { kind: "name", text, span });
    return undefined;
  }
  frame.used.add(text);
  const { value } = binding;
  if (value === undefined) return undefined;
  if (value.shape.length > 0) return { ...value, declared: binding.span };
  if (e.indices.length === 0 && binding.role !== "index") return value;
  // an array of leading dimensions only may have none where it is called with a single element
  if (e.indices.every((index) => index.kind === "ellipsis")) return value;
  frame.report(
    diagnostic("GS0302", e.span, `${binding.role} \`${text}\` is a single number`, {
      hint: "use it without indices",
      related: [{ span: binding.span, message: `\`${text}\` is declared here` }],
    }),
  );
  return undefined;
};

const leadingAt = (frame: Frame, e: ReadExpression): readonly Affine[] | undefined => {
  const ellipsis = e.indices.find((index) => index.kind === "ellipsis");
  const binding = frame.names.get(ELLIPSIS);
  if (ellipsis === undefined) return [];
  if (binding?.indices !== undefined) return binding.indices.map((index) => ofIndex(frame.builder.ir, index));
  frame.report(
    diagnostic("GS0303", ellipsis.span, "`...` is not bound here", {
      fill: { advice: "bind it on the left, as in y[..., c] = x[..., c], or use the array without indices" },
    }),
  );
  return undefined;
};

const positionsOf = (
  frame: Frame,
  e: ReadExpression,
  target: Value | undefined,
): readonly Affine[] | undefined => {
  const leading = leadingAt(frame, e);
  const parts = e.indices.map((index) => (index.kind === "ellipsis" ? leading : one(indexOf(frame, index))));
  if (target === undefined || parts.some((part) => part === undefined)) return undefined;
  const at = parts.flatMap((part) => part ?? []);
  if (at.length === target.shape.length) return at;
  const shape = shapeText(frame, target.shape);
  const count = at.length === 1 ? "1 index" : `${at.length} indices`;
  frame.report(
    diagnostic("GS0302", e.span, `\`${e.target.text}\` has shape ${shape}, and is read with ${count}`, {
      fill: { shape },
      ...(target.declared && {
        related: [{ span: target.declared, message: `\`${e.target.text}\` is declared here` }],
      }),
    }),
  );
  return undefined;
};

const one = (a: Affine | undefined): readonly Affine[] | undefined => a && [a];

// ---- data-dependent positions

/** The int read that a position is, if it is nothing else. */
const soleData = (a: Affine): Read | undefined => {
  const [term, ...others] = a.terms;
  const [atom, ...factors] = term?.atoms ?? [];
  if (others.length > 0 || factors.length > 0 || a.constant !== 0 || term?.coefficient !== 1)
    return undefined;
  return atom?.kind === "data" && atom.node.kind === "read" ? atom.node : undefined;
};

/** A position that is an input's value: in range if the input fits, which is checked when a kernel is called. */
const requireData = (frame: Frame, a: Affine, extent: Affine): boolean => {
  const data = soleData(a);
  if (data === undefined) return false;
  const { tensor } = data;
  if (tensor.role === "defined") return positionFits(frame, data, extent);
  const requirement: Requirement = { kind: "range", tensor, extent };
  frame.builder.requirements.set(`${tensor.id} ${extent.id}`, requirement);
  return true;
};

/** An argmax lies within the product of the extents that it ran over. */
const positionFits = (frame: Frame, data: Read, extent: Affine): boolean => {
  const definition = frame.builder.definitions.find((each) => each.tensor === data.tensor);
  if (definition?.reduction === undefined) return false;
  const { ir } = frame.builder;
  const size = definition.reduction.indices.reduce(
    (total, index) => times(ir, total, index.extent),
    fixed(ir, 1),
  );
  return provablyNonNegative(ir, minus(ir, extent, size));
};

// ---- the error

const lastOf = (frame: Frame, extent: Affine): Affine =>
  minus(frame.builder.ir, extent, fixed(frame.builder.ir, 1));

/** The least (-1) or greatest (1) value of a position over its indices, where it is linear in each. */
const extreme = (frame: Frame, a: Affine, sign: 1 | -1): Affine | undefined => {
  const { ir } = frame.builder;
  let value = a;
  for (const index of a.indices) {
    const split = linearIn(ir, value, index);
    if (split === undefined) return undefined;
    const up = provablyNonNegative(ir, scale(ir, split.coefficient, sign));
    if (!up && !provablyNonNegative(ir, scale(ir, split.coefficient, -sign))) return undefined;
    value = up ? plus(ir, split.rest, times(ir, split.coefficient, lastOf(frame, index.extent))) : split.rest;
  }
  return value;
};

const reportOutside = (frame: Frame, e: ReadExpression, target: Value, k: number, a: Affine): void => {
  const extent = target.shape[k];
  if (extent === undefined) return;
  const fill = { read: textOf(e.span) };
  frame.report(
    diagnostic(
      "GS0305",
      e.span,
      `${outsideText(frame, a, extent)} in dimension ${k + 1} of \`${e.target.text}\``,
      {
        fill,
        ...(target.node.dtype === "int" && {
          hint: `narrow the range of the index, or, in what is no index itself, give a value for outside reads: (${fill.read} ?? 0)`,
        }),
        ...(target.declared && {
          related: [
            {
              span: target.declared,
              message: `\`${e.target.text}\` has shape ${shapeText(frame, target.shape)}`,
            },
          ],
        }),
      },
    ),
  );
};

const outsideText = (frame: Frame, a: Affine, extent: Affine): string => {
  const { ir } = frame.builder;
  const position = affineText(frame, a);
  if (soleData(a) !== undefined || a.terms.some((term) => term.atoms.some((atom) => atom.kind === "data")))
    return `index \`${position}\` is computed from data and may lie outside of 0 … ${affineText(frame, lastOf(frame, extent))}`;
  if (a.terms.length === 0 && a.constant >= 0 && extent.terms.length > 0)
    return `there is no element \`${position}\` where ${affineText(frame, extent)} is ${a.constant === 0 ? "0" : `at most ${a.constant}`},`;
  const within = inParts(frame, a);
  const [low, high] = [extreme(frame, within, -1), extreme(frame, within, 1)];
  if (low !== undefined && !provablyNonNegative(ir, low))
    return `index \`${position}\` can be as low as ${affineText(frame, low)}`;
  if (high !== undefined) {
    const over = minus(ir, high, lastOf(frame, extent));
    if (over.terms.length > 0)
      return `index \`${position}\` reaches ${affineText(frame, high)}, which may be past the last element ${affineText(frame, lastOf(frame, extent))}`;
    return `index \`${position}\` reaches ${affineText(frame, high)}, which is ${affineText(frame, over)} past the last element ${affineText(frame, lastOf(frame, extent))}`;
  }
  return `index \`${position}\` is not provably below ${affineText(frame, extent)}`;
};
