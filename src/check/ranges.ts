/**
 * Binders and the expressions that they range over → bound indices with extents: given (`i < extent`), or that of the
 * dimension that a read has the index alone in. Terminates: each expression is walked once per binder list.
 */
import { asConstant, ofIndex } from "../ir/affine.ts";
import { indexValue } from "../ir/build.ts";
import type { Affine, Index, Node } from "../ir/types.ts";
import { diagnostic, type Span } from "../diagnostics/index.ts";
import { parts, type Binder, type Expression } from "../syntax/index.ts";
import { affineText, excerpt, type Binding, type Frame } from "./frame.ts";
import { constants } from "./builtins.ts";
import { similar } from "./suggest.ts";
import { scalar } from "./value.ts";
import { asWhole } from "./whole.ts";

/** A read that has an index alone in one dimension; `weak` where a default covers what is outside. */
interface Candidate {
  readonly extent: Affine | undefined;
  readonly weak: boolean;
  readonly span: Span;
}

interface Evidence {
  readonly candidates: Candidate[];
  /** Reads that mention the index in some other way, in a dimension of that extent. */
  readonly other: { readonly span: Span; readonly extent: Affine | undefined }[];
}

export const ELLIPSIS = "...";

/** The positions that the indices of a read stand for: `...` spreads over what the others leave. */
export const spread = <T>(
  indices: readonly ({ readonly kind: "ellipsis" } | T)[],
  rank: number,
  isEllipsis: (index: { readonly kind: "ellipsis" } | T) => boolean,
): readonly number[] => {
  const hole = Math.max(0, rank - (indices.length - 1));
  let position = 0;
  return indices.map((index) => {
    const at = position;
    position += isEllipsis(index) ? hole : 1;
    return at;
  });
};

const gather = (
  frame: Frame,
  e: Expression,
  evidence: ReadonlyMap<string, Evidence>,
  covered: "weak" | "strong",
): void => {
  if (e.kind === "read") gatherRead(frame, e, evidence, covered);
  if (e.kind === "default") {
    gather(frame, e.value, evidence, "weak");
    gather(frame, e.fallback, evidence, covered);
    return;
  }
  for (const part of parts(e)) gather(frame, part, evidence, e.kind === "read" ? "strong" : covered);
};

const gatherRead = (
  frame: Frame,
  e: Extract<Expression, { kind: "read" }>,
  evidence: ReadonlyMap<string, Evidence>,
  covered: "weak" | "strong",
): void => {
  const shape = frame.names.get(e.target.text)?.value?.shape;
  const places = spread(e.indices, shape?.length ?? 0, (index) => index.kind === "ellipsis");
  for (const [k, index] of e.indices.entries()) {
    if (index.kind === "ellipsis") continue;
    const extent = shape?.[places[k] ?? k];
    if (index.kind === "name") {
      evidence.get(index.text)?.candidates.push({ extent, weak: covered === "weak", span: e.span });
      continue;
    }
    for (const part of parts(index))
      if (part.kind === "name") evidence.get(part.text)?.other.push({ span: e.span, extent });
  }
};

const distinct = (candidates: readonly Candidate[]): readonly Candidate[] => {
  const first = new Map(candidates.toReversed().map((each) => [each.extent, each]));
  return candidates.filter((each) => first.get(each.extent) === each);
};

const inferred = (frame: Frame, name: string, span: Span, evidence: Evidence): Affine | undefined => {
  const strong = evidence.candidates.filter((each) => !each.weak);
  const choices = distinct(strong.length > 0 ? strong : evidence.candidates);
  const [first, second] = choices;
  if (choices.some((each) => each.extent === undefined)) return undefined;
  if (first === undefined) {
    reportUnranged(frame, name, span, evidence);
    return undefined;
  }
  if (second === undefined) return first.extent;
  reportConflict(frame, name, span, choices);
  return undefined;
};

const reportUnranged = (frame: Frame, name: string, span: Span, evidence: Evidence): void => {
  const [mention] = evidence.other;
  const advice =
    mention === undefined
      ? `write ${name} < extent, or read a tensor with ${name} alone in one dimension, as x[${name}]`
      : `write ${name} < ${mention.extent ? affineText(frame, mention.extent) : "extent"}: ${excerpt(mention.span)} does not say where ${name} ends, only a read with ${name} alone in one dimension does`;
  frame.report(
    diagnostic("GS0303", span, `nothing says how far index \`${name}\` runs`, {
      fill: { advice },
      related: evidence.other.slice(0, 2).map((read) => ({ span: read.span, message: "it is read here" })),
    }),
  );
};

const reportConflict = (frame: Frame, name: string, span: Span, choices: readonly Candidate[]): void => {
  const extents = choices.map((each) => each.extent).filter((extent) => extent !== undefined);
  const texts = extents.map((extent) => affineText(frame, extent));
  frame.report(
    diagnostic("GS0304", span, `index \`${name}\` has the ranges ${texts.slice(0, 3).join(" and ")}`, {
      fill: { index: name },
      related: choices.slice(0, 3).map((each, k) => ({
        span: each.span,
        message: `here ${name} runs to ${texts[k] ?? ""}`,
      })),
    }),
  );
};

// ---- index expressions

const notWhole = (e: Expression): string => {
  if (e.kind === "product" && e.factors.some((factor) => factor.op === "/"))
    return "only an extent is divided by /; use // for the whole part of a division";
  if (e.kind === "default")
    return "a read that is an index has no default: narrow the range of what it is read at";
  if (e.kind === "read") return `declare \`${e.target.text}\` as int[…] to use its values as indices`;
  return "an index is made of whole numbers, dimensions, whole options, indices and reads of int tensors with + - * // %, and extents with /";
};

const reportFraction = (frame: Frame, e: Expression, node: Node): void => {
  const isQuotient = node.kind === "constant" && node.exact !== undefined && e.kind !== "number";
  frame.report(
    isQuotient
      ? diagnostic(
          "GS0309",
          e.span,
          `\`${excerpt(e.span)}\` is ${node.exact.num} / ${node.exact.den}, which is not whole`,
        )
      : diagnostic("GS0306", e.span, `\`${excerpt(e.span)}\` is not a whole number`, {
          fill: { advice: notWhole(e) },
        }),
  );
};

/** Not even a name that is defined further down. */
const isUnbound = (frame: Frame, name: string): boolean =>
  !frame.names.has(name) &&
  !constants.has(name) &&
  !frame.fn.declaration.body.some((each) => each.kind === "define" && each.name.text === name);

const unboundAdvice = (frame: Frame, name: string): string => {
  const near = similar(name, [...frame.names.keys()]);
  return near === undefined
    ? `bind it on the left, as in y[${name}] = …, or in a reduction, as in sum[${name}](…)`
    : `did you mean ${near}?`;
};

/** An expression as a whole number; an error where it is not provably one. */
export const indexOf = (frame: Frame, e: Expression): Affine | undefined => {
  if (e.kind === "name" && isUnbound(frame, e.text)) {
    frame.report(
      diagnostic("GS0201", e.span, `there is no index \`${e.text}\` here`, {
        fill: { advice: unboundAdvice(frame, e.text) },
      }),
    );
    return undefined;
  }
  const value = frame.evaluate(frame, e);
  if (value === undefined) return undefined;
  if (value.shape.length > 0) {
    frame.report(
      diagnostic("GS0401", e.span, `\`${excerpt(e.span)}\` is an array, and an index is one number`, {
        fill: { advice: `give it indices of its own, for example ${excerpt(e.span)}[n]` },
      }),
    );
    return undefined;
  }
  const affine = asWhole(frame, value.node);
  if (affine === undefined) reportFraction(frame, e, value.node);
  return affine;
};

const hasData = (a: Affine): boolean =>
  a.terms.some((term) =>
    term.atoms.some((atom) => {
      switch (atom.kind) {
        case "data":
          return true;
        case "floordiv":
        case "mod":
          return hasData(atom.value) || hasData(atom.by);
        case "dim":
        case "index":
          return false;
      }
    }),
  );

/** An expression as an extent: a whole number of dimensions and whole options only. */
export const extentOf = (frame: Frame, e: Expression): Affine | undefined => {
  const extent = indexOf(frame, e);
  if (extent === undefined) return undefined;
  if (extent.indices.length === 0 && !hasData(extent)) return countable(frame, e, extent);
  frame.report(
    diagnostic("GS0403", e.span, "a range that depends on another index or on data is not supported", {
      fill: { advice: "range over all, and select inside: (j <= i ? x[i, j] : 0)" },
    }),
  );
  return undefined;
};

/** Kernels count in 32 bits. */
const LARGEST_EXTENT = 2 ** 31 - 1;

const countable = (frame: Frame, e: Expression, extent: Affine): Affine | undefined => {
  const constant = asConstant(extent) ?? 0;
  if (constant >= 0 && constant <= LARGEST_EXTENT) return extent;
  frame.report(
    diagnostic("GS0307", e.span, `an extent of ${constant} is not possible`, {
      fill: { advice: `extents go from 0 to ${LARGEST_EXTENT}` },
    }),
  );
  return undefined;
};

// ---- binding

export const alreadyNamed = (frame: Frame, name: string, span: Span): boolean => {
  const other = frame.names.get(name);
  if (other === undefined) return false;
  const article = other.role === "option" || other.role === "index" ? "an" : "a";
  frame.report(
    diagnostic("GS0203", span, `\`${name}\` is ${article} ${other.role} already`, {
      related: [{ span: other.span, message: `the ${other.role} \`${name}\`` }],
    }),
  );
  return true;
};

export const bindName = (frame: Frame, name: { text: string; span: Span }, binding: Binding): void => {
  if (!alreadyNamed(frame, name.text, name.span)) frame.names.set(name.text, binding);
};

const makeIndex = (frame: Frame, name: string, label: string, extent: Affine): Index => {
  const index = frame.builder.ir.index(`${name}'${frame.depth}`, extent);
  frame.builder.labels.set(index, label);
  return index;
};

const indexBinding = (frame: Frame, index: Index | undefined, span: Span): Binding => ({
  role: "index",
  span,
  value: index && scalar(indexValue(frame.builder.ir, ofIndex(frame.builder.ir, index))),
});

const ellipsisIndices = (frame: Frame, span: Span): readonly Index[] | undefined => {
  if (frame.ellipsis === undefined) {
    frame.report(
      diagnostic("GS0303", span, "`...` stands for no dimensions here", {
        fill: { advice: "declare a parameter with leading dimensions, for example x: [..., C]" },
      }),
    );
    return undefined;
  }
  const { ir } = frame.builder;
  return frame.ellipsis.map((extent, k) => ir.index(`...${k}'${frame.depth}`, extent));
};

/** The extents of binders that give none, by name. */
const inferAll = (
  frame: Frame,
  binders: readonly Binder[],
  scanned: readonly Expression[],
): ReadonlyMap<string, Affine | undefined> => {
  const unranged = binders.filter((each) => each.kind === "index" && each.extent === undefined);
  const evidence = new Map<string, Evidence>();
  for (const each of unranged)
    if (each.kind === "index") evidence.set(each.name.text, { candidates: [], other: [] });
  if (evidence.size === 0) return new Map();
  for (const e of scanned) gather(frame, e, evidence, "strong");
  const extents = new Map<string, Affine | undefined>();
  for (const each of unranged) {
    if (each.kind !== "index") continue;
    const found = evidence.get(each.name.text);
    if (found && !frame.names.has(each.name.text))
      extents.set(each.name.text, inferred(frame, each.name.text, each.name.span, found));
  }
  return extents;
};

/** The extents that reads tell of, or that binders give, without a word where there is none or more than one. */
export const knownExtents = (
  frame: Frame,
  binders: readonly Binder[],
  scanned: readonly Expression[],
  least: "weak" | "strong",
): readonly (Affine | undefined)[] => {
  const quiet: Frame = { ...frame, report: () => undefined };
  const evidence = new Map<string, Evidence>();
  for (const each of binders)
    if (each.kind === "index") evidence.set(each.name.text, { candidates: [], other: [] });
  for (const e of scanned) gather(quiet, e, evidence, "strong");
  return binders.map((binder) => {
    if (binder.kind !== "index") return undefined;
    if (binder.extent !== undefined) return extentOf(quiet, binder.extent);
    const known =
      evidence.get(binder.name.text)?.candidates.filter((each) => each.extent !== undefined) ?? [];
    const strong = known.find((each) => !each.weak);
    return (strong ?? (least === "weak" ? known[0] : undefined))?.extent;
  });
};

/** Reports indices of which the reads, or the binders themselves, say something else than these extents. */
export const checkExtents = (
  frame: Frame,
  binders: readonly Binder[],
  scanned: readonly Expression[],
  extents: readonly (Affine | undefined)[],
): boolean => {
  const inferredExtents = inferAll(
    frame,
    binders.filter((_, k) => extents[k] === undefined),
    scanned,
  );
  const evidence = new Map<string, Evidence>();
  for (const each of binders)
    if (each.kind === "index") evidence.set(each.name.text, { candidates: [], other: [] });
  for (const e of scanned) gather(frame, e, evidence, "strong");
  return binders.every((binder, k) => {
    if (binder.kind !== "index") return true;
    const extent = extents[k];
    if (extent === undefined) return inferredExtents.get(binder.name.text) !== undefined;
    const given = binder.extent && extentOf(frame, binder.extent);
    if (binder.extent !== undefined && given === undefined) return false;
    const stated =
      given === undefined || binder.extent === undefined
        ? []
        : [{ extent: given, weak: false, span: binder.extent.span }];
    const reads = binder.extent === undefined ? (evidence.get(binder.name.text)?.candidates ?? []) : [];
    const strong = reads.filter((each) => !each.weak && each.extent !== undefined);
    const choices = distinct([{ extent, weak: false, span: binder.span }, ...stated, ...strong]);
    if (choices.length < 2) return true;
    reportConflict(frame, binder.name.text, binder.span, choices);
    return false;
  });
};

/**
 * Runs `body` with the binders' indices bound; it receives them in order, or undefined where one has an error. A binder
 * that is a number is not an index: `body` is told about it by its absence, so callers reject it first.
 */
export const withIndices = <T>(
  frame: Frame,
  binders: readonly Binder[],
  scanned: readonly Expression[],
  body: (indices: readonly Index[] | undefined) => T,
): T => {
  const inferredExtents = inferAll(frame, binders, scanned);
  const extents = binders.map((binder) => {
    if (binder.kind !== "index") return undefined;
    return binder.extent === undefined
      ? inferredExtents.get(binder.name.text)
      : extentOf(frame, binder.extent);
  });
  return withExtents(frame, binders, extents, body);
};

/** As `withIndices`, with the extents known; `name` is what an index is called inside of the compiler. */
export const withExtents = <T>(
  frame: Frame,
  binders: readonly Binder[],
  extents: readonly (Affine | undefined)[],
  body: (indices: readonly Index[] | undefined) => T,
  name: (binder: Binder, text: string) => string = (_, text) => text,
): T => {
  const bound: string[] = [];
  const indices: Index[] = [];
  let sound = true;
  const bind = (text: string, binding: Binding): void => {
    frame.names.set(text, binding);
    bound.push(text);
  };
  for (const [k, binder] of binders.entries()) {
    if (binder.kind === "fixed") continue;
    if (binder.kind === "ellipsis") {
      if (alreadyNamed(frame, ELLIPSIS, binder.span)) sound = false;
      const leading = ellipsisIndices(frame, binder.span);
      bind(ELLIPSIS, { role: "index", value: undefined, span: binder.span, indices: leading ?? [] });
      if (leading === undefined) sound = false;
      else indices.push(...leading);
      continue;
    }
    const { text, span } = binder.name;
    if (alreadyNamed(frame, text, span)) {
      sound = false;
      continue;
    }
    const extent = extents[k];
    const index = extent && makeIndex(frame, name(binder, text), text, extent);
    bind(text, indexBinding(frame, index, span));
    if (index === undefined) sound = false;
    else indices.push(index);
  }
  frame.builder.scope.push(...indices);
  const result = body(sound ? indices : undefined);
  frame.builder.scope.length -= indices.length;
  for (const each of bound) frame.names.delete(each);
  return result;
};
