/**
 * Statements that define a name in terms of itself, or names in terms of each other: `h[0] = …`, `h[t] = f(h[t - 1])`. In:
 * the statements of one circle; out: a definition for each name, whose elements read strictly earlier ones.
 * Terminates: extents are found in rounds that each find one, and every statement is evaluated once.
 */
import { asConstant, fixed, minus, ofIndex, plus } from "../ir/affine.ts";
import { inRange, isZero, select } from "../ir/build.ts";
import { componentsBy } from "../ir/components.ts";
import { define } from "../ir/program.ts";
import { provablyNonNegative } from "../ir/range.ts";
import {
  componentsOf,
  distanceAlong,
  recurrenceOf,
  type Direction,
  type Distance,
} from "../ir/recurrence.ts";
import type { Affine, Index, Node, Tensor } from "../ir/types.ts";
import { substitute } from "../ir/walk.ts";
import { diagnostic, type Span } from "../diagnostics/index.ts";
import { binderParts, visitAll, type Binder, type Define, type Expression } from "../syntax/index.ts";
import {
  affineText, allocate, outermostFirst, uniqueLabels, valueOf, type Circle, type Circles, type Frame, type OpenRead,
} from "./frame.ts"; // prettier-ignore
import type { LinkedFunction } from "./link.ts";
import { alreadyNamed, checkExtents, extentOf, knownExtents, withExtents } from "./ranges.ts";
import { implicitIndices } from "./value.ts";

// ---- which statements

type Binders = readonly Binder[];

const isFixed = (binder: Binder): boolean => binder.kind === "fixed";

/** Names in expressions, also those that are read with indices. */
const mentioned = (expressions: readonly Expression[]): ReadonlySet<string> => {
  const names = new Set<string>();
  visitAll(expressions, (e) => {
    if (e.kind === "name") names.add(e.text);
    if (e.kind === "read") names.add(e.target.text);
  });
  return names;
};

const expressionsOf = ({ binders, value }: Define): readonly Expression[] => [
  value,
  ...(binders ?? []).flatMap(binderParts),
];

/** The statements of names that read each other in a circle, or that have more than one statement. */
export const circlesOf = (fn: LinkedFunction): Circles => {
  const byName = new Map<string, Define[]>();
  let isBack = false;
  for (const statement of fn.declaration.body) {
    if (statement.kind !== "define") continue;
    const known = byName.get(statement.name.text);
    if (known === undefined) byName.set(statement.name.text, [statement]);
    else known.push(statement);
    isBack ||= known !== undefined;
  }
  const place = new Map([...byName.keys()].map((name, k) => [name, k]));
  const reads = new Map(
    [...byName].map(([name, statements]): [string, readonly string[]] => {
      const names = [...mentioned(statements.flatMap(expressionsOf))].filter((each) => byName.has(each));
      isBack ||= names.some((each) => (place.get(each) ?? 0) >= (place.get(name) ?? 0));
      return [name, names];
    }),
  );
  const circles = new Map<Define, Circle>();
  if (!isBack) return circles;
  for (const { members, isCircle } of componentsBy([...byName.keys()], (name) => reads.get(name) ?? [])) {
    const statements = members.flatMap((name) => byName.get(name) ?? []);
    const isPieces = statements.length > 1 && statements.some(({ binders }) => binders?.some(isFixed));
    const isIndexed = statements.every(({ binders }) => binders !== undefined);
    if (!isIndexed || !(isCircle || isPieces)) continue;
    statements.sort((p, q) => p.span.start - q.span.start);
    for (const statement of statements) circles.set(statement, { statements });
  }
  return circles;
};

// ---- one name

/** A statement for one value of the recurrence index: the first ones, or the last. */
interface Single {
  readonly statement: Define;
  readonly binders: Binders;
  readonly at: Affine;
}

interface Entry {
  readonly general: Define;
  readonly binders: Binders;
  readonly singles: readonly Single[];
  /** The binder in whose place the single statements have a number. */
  readonly fixed: number;
}

interface Declared extends Entry {
  /** The dimension of that binder. */
  readonly axis: number;
  readonly extents: readonly Affine[];
  readonly tensor: Tensor;
  readonly free: readonly Index[];
}

/** The names of a circle, all known before any of its statements is evaluated. */
export const runCircle = (frame: Frame, { statements }: Circle): void => {
  const names = [...new Set(statements.map(({ name }) => name.text))];
  const entries = names.map((name) =>
    entryOf(
      frame,
      statements.filter((each) => each.name.text === name),
    ),
  );
  const declared = declareAll(
    frame,
    entries.filter((entry) => entry !== undefined),
    statements,
  );
  if (declared === undefined || entries.includes(undefined)) {
    abandon(frame, statements);
    return;
  }
  const before = frame.builder.open.length;
  const complete = declared.map((entry) => defineEntry(frame, entry));
  const reads = frame.builder.open.splice(before);
  for (const { tensor } of declared) frame.builder.pending.delete(tensor);
  if (complete.some((each) => !each) || !isSound(frame, declared, reads)) abandon(frame, statements);
};

/** Names whose error is reported. */
const abandon = (frame: Frame, statements: readonly Define[]): void => {
  for (const { name } of statements)
    frame.names.set(name.text, { role: "definition", value: undefined, span: name.span });
};

const entryOf = (frame: Frame, statements: readonly Define[]): Entry | undefined => {
  const generals = statements.filter(({ binders }) => !binders?.some(isFixed));
  const [general, second] = generals;
  const singles = statements.filter((each) => !generals.includes(each));
  const [first] = singles;
  const { binders } = general ?? {};
  if (general === undefined || binders === undefined) {
    const name = first?.name.text ?? "";
    const advice = `add a statement for all other places, as ${name}[t] = …`;
    report(frame, first?.span, `nothing says what \`${name}\` is elsewhere`, advice);
    return undefined;
  }
  if (second !== undefined) {
    frame.names.set(general.name.text, { role: "definition", value: undefined, span: general.name.span });
    alreadyNamed(frame, second.name.text, second.name.span);
    return undefined;
  }
  if (alreadyNamed(frame, general.name.text, general.name.span)) return undefined;
  const place = first?.binders?.findIndex(isFixed) ?? 0;
  const placed = singles.map((statement) => singleOf(frame, statement, binders, place));
  const sound = placed.filter((each) => each !== undefined);
  return sound.length < placed.length ? undefined : { general, binders, singles: sound, fixed: place };
};

const report = (frame: Frame, span: Span | undefined, message: string, advice: string): void => {
  if (span !== undefined) frame.report(diagnostic("GS0308", span, message, { fill: { advice } }));
};

const singleOf = (frame: Frame, statement: Define, general: Binders, place: number): Single | undefined => {
  const { binders = [], name, span } = statement;
  const binder = binders[place];
  if (binders.length !== general.length || binder?.kind !== "fixed" || binders.filter(isFixed).length > 1) {
    report(
      frame,
      span,
      `the statements of \`${name.text}\` do not agree in their dimensions`,
      "give each the same number of indices, and a number in one dimension, the same for all",
    );
    return undefined;
  }
  const at = extentOf(frame, binder.value);
  return at && { statement, binders, at };
};

// ---- extents

/** Binds all names of the circle to tensors, once their extents are found; reads of one tell those of another. */
const declareAll = (
  frame: Frame,
  entries: readonly Entry[],
  statements: readonly Define[],
): readonly Declared[] | undefined => {
  const free = freeOf(frame, statements);
  const found = new Map<Entry, Declared>();
  const rounds = (least: "weak" | "strong"): void => {
    for (let count = -1; count < found.size;) {
      count = found.size;
      for (const entry of entries) {
        const extents = found.has(entry) ? undefined : extentsOf(frame, entry, least);
        if (extents !== undefined) found.set(entry, declare(frame, entry, extents, free));
      }
    }
  };
  rounds("strong");
  rounds("weak");
  const missing = entries.find((entry) => !found.has(entry));
  if (missing === undefined) return entries.flatMap((entry) => found.get(entry) ?? []);
  const extents = extentsSoFar(frame, missing, "weak");
  const unknown = missing.binders.find((binder, k) => binder.kind === "index" && extents[k] === undefined);
  if (unknown?.kind === "index") {
    const { text, span } = unknown.name;
    const advice = `write ${text} < extent, or read a tensor with ${text} alone in one dimension, as x[${text}]`;
    const message = `nothing says how far index \`${text}\` runs`;
    frame.report(diagnostic("GS0303", span, message, { fill: { advice } }));
  }
  return undefined;
};

const extentsSoFar = (
  frame: Frame,
  { binders, general, singles }: Entry,
  least: "weak" | "strong",
): readonly (Affine | undefined)[] => {
  const own = knownExtents(frame, binders, [general.value], least);
  const others = singles.map((single) =>
    knownExtents(frame, single.binders, [single.statement.value], least),
  );
  return own.map((extent, k) => extent ?? others.map((each) => each[k]).find((each) => each !== undefined));
};

const extentsOf = (frame: Frame, entry: Entry, least: "weak" | "strong"): readonly Affine[] | undefined => {
  const extents = extentsSoFar(frame, entry, least);
  const all = entry.binders.flatMap((binder, k): readonly (Affine | undefined)[] =>
    binder.kind === "ellipsis" ? (frame.ellipsis ?? []) : [extents[k]],
  );
  const known = all.filter((extent) => extent !== undefined);
  return known.length < all.length ? undefined : known;
};

/** Indices from around that values of these statements may depend on: leading dimensions of all their names. */
const freeOf = (frame: Frame, statements: readonly Define[]): readonly Index[] => {
  const { builder, depth } = frame;
  const found = new Set<Index>();
  for (const name of mentioned(statements.flatMap(expressionsOf))) {
    const value = frame.names.get(name)?.value;
    if (value === undefined) continue;
    const own = new Set(implicitIndices(builder.ir, depth, value.shape));
    for (const index of value.node.indices) if (!own.has(index)) found.add(index);
  }
  return outermostFirst(builder, [...found]);
};

const declare = (
  frame: Frame,
  entry: Entry,
  extents: readonly Affine[],
  free: readonly Index[],
): Declared => {
  const { builder, prefix } = frame;
  const { text, span } = entry.general.name;
  const name = prefix === "" ? text : allocate(builder, `${prefix}${text}`);
  const shape = [...free.map((index) => index.extent), ...extents];
  const tensor = builder.ir.tensor({ name, shape, dtype: "float", role: "defined" });
  frame.names.set(text, { role: "definition", value: valueOf(frame, tensor, free), span });
  builder.pending.add(tensor);
  return { ...entry, axis: dimensionOf(frame, entry.binders, entry.fixed), extents, tensor, free };
};

/** The dimension of a binder: `...` may stand for several before it, or for none. */
const dimensionOf = (frame: Frame, binders: Binders, place: number): number => {
  const hole = binders.findIndex((binder) => binder.kind === "ellipsis");
  return hole >= 0 && place > hole ? place + (frame.ellipsis?.length ?? 0) - 1 : place;
};

// ---- bodies

const defineEntry = (frame: Frame, entry: Declared): boolean => {
  const { ir } = frame.builder;
  if (!isCovered(frame, entry)) return false;
  const at: Frame = { ...frame, owner: `${frame.prefix}${entry.general.name.text}.` };
  const starts = entry.singles.map((single) => startOf(at, entry, single));
  const general = elementOf(at, entry, entry.general, entry.binders);
  if (general === undefined) return false;
  const { indices } = general;
  const index = indices[entry.axis];
  let { node } = general;
  for (const [k, single] of entry.singles.entries()) {
    const start = starts[k];
    if (start === undefined || index === undefined) return false;
    const others = indices.filter((each) => each !== index);
    const names = new Map(start.indices.map((each, n) => [each, ofIndex(ir, others[n] ?? each)]));
    const test = isZero(ir, minus(ir, ofIndex(ir, index), single.at));
    node = select(ir, test, substitute(ir, start.node, names), node);
  }
  const all = [...entry.free, ...indices];
  const labels = uniqueLabels(frame.builder, all);
  frame.builder.definitions.push(define(ir, { tensor: entry.tensor, indices: all, body: node, labels }));
  return true;
};

/** The element of a single statement, which is there if its place is within the extent. */
const startOf = (frame: Frame, entry: Declared, { statement, binders, at }: Single): Element | undefined => {
  const { builder } = frame;
  const { ir } = builder;
  const extent = entry.extents[entry.axis] ?? fixed(ir, 0);
  const [count = 0] = [asConstant(at)];
  const [term, ...others] = extent.terms;
  const [atom, ...factors] = term?.atoms ?? [];
  const isPlain = atom?.kind === "dim" && others.length + factors.length === 0 && term?.coefficient === 1;
  const least = new Map(isPlain ? [[atom.name, Math.max(atom.min, count + 1 - extent.constant)]] : []);
  builder.premises.push({ test: inRange(ir, at, extent), least });
  const element = elementOf(frame, entry, statement, binders);
  builder.premises.pop();
  return element;
};

interface Element {
  readonly indices: readonly Index[];
  readonly node: Node;
}

/** The right-hand side of one statement, over that statement's indices. */
const elementOf = (
  frame: Frame,
  entry: Declared,
  { value: e, name }: Define,
  binders: Binders,
): Element | undefined => {
  const extents = perBinder(frame, binders, entry.extents);
  if (!checkExtents(frame, binders, [e], extents)) return undefined;
  const isPart = binders === entry.binders && entry.singles.length > 0;
  // what is made for a part of an index is not to be found again where all of the index is meant
  const rename = (binder: Binder, text: string): string =>
    isPart && binder === binders[entry.fixed] ? `${text}>${name.text}` : text;
  return withExtents(
    frame,
    binders,
    extents,
    (indices) => {
      if (indices === undefined) return undefined;
      const index = indices[entry.axis];
      if (isPart && index !== undefined) restrict(frame, entry, index);
      const value = frame.evaluate(frame, e);
      if (value === undefined || !isElement(frame, e, value)) return undefined;
      return { indices, node: value.node };
    },
    rename,
  );
};

const perBinder = (
  frame: Frame,
  binders: Binders,
  extents: readonly Affine[],
): readonly (Affine | undefined)[] =>
  binders.map((binder, k) => (binder.kind === "index" ? extents[dimensionOf(frame, binders, k)] : undefined));

const isElement = (
  frame: Frame,
  e: Expression,
  value: { readonly shape: readonly Affine[]; readonly node: Node },
): boolean => {
  if (value.shape.length === 0 && value.node.dtype !== "bool") return true;
  const what = value.shape.length > 0 ? "one element is needed, and this is an array" : "a number is needed, and this is a condition"; // prettier-ignore
  const advice = value.shape.length > 0 ? "give every array on the right its indices" : "write (… ? 1 : 0)";
  frame.report(diagnostic("GS0401", e.span, what, { fill: { advice } }));
  return false;
};

/** The first places 0 … n - 1, or the last ones. */
interface Ends {
  readonly from: "start" | "end";
  readonly count: number;
}

const endsOf = (frame: Frame, { singles, extents, axis }: Declared): Ends | undefined => {
  const { ir } = frame.builder;
  const extent = extents[axis];
  const count = singles.length;
  const covers = (place: (at: Affine) => number | undefined): boolean => {
    const places = new Set(singles.map(({ at }) => place(at)));
    return places.size === count && Array.from({ length: count }, (_, k) => k).every((k) => places.has(k));
  };
  if (covers((at) => asConstant(at))) return { from: "start", count };
  const last = extent && plus(ir, extent, fixed(ir, -1));
  if (last !== undefined && covers((at) => asConstant(minus(ir, last, at)))) return { from: "end", count };
  return undefined;
};

const isCovered = (frame: Frame, entry: Declared): boolean => {
  if (endsOf(frame, entry) !== undefined) return true;
  const [single] = entry.singles;
  const { text } = entry.general.name;
  report(
    frame,
    single?.binders[entry.fixed]?.span,
    `the places of \`${text}\` with a statement of their own are neither its first ones nor its last`,
    `start at ${text}[0], ${text}[1], … or, for a recurrence from the end, at the last element`,
  );
  return false;
};

/** Where the general statement holds. */
const restrict = (frame: Frame, entry: Declared, index: Index): void => {
  const { builder } = frame;
  const { ir } = builder;
  const ends = endsOf(frame, entry);
  if (ends === undefined) return;
  const extent = plus(ir, index.extent, fixed(ir, -ends.count));
  const rest = ofIndex(ir, ir.index(`${index.name}'`, extent));
  const skipped = fixed(ir, ends.from === "start" ? ends.count : 0);
  const test = inRange(ir, minus(ir, ofIndex(ir, index), skipped), extent);
  builder.parts.set(index, { test, value: plus(ir, rest, skipped) });
};

// ---- is it a recurrence?

const isSound = (frame: Frame, declared: readonly Declared[], reads: readonly OpenRead[]): boolean => {
  const { builder } = frame;
  const tensors = new Set(declared.map(({ tensor }) => tensor));
  const proof = (a: Affine): boolean => provablyNonNegative(builder.ir, a);
  const broken = componentsOf(builder.definitions).find(
    ({ members, isCircle }) =>
      isCircle &&
      members.some(({ tensor }) => tensors.has(tensor)) &&
      recurrenceOf(members, proof) === undefined,
  );
  if (broken === undefined) return true;
  const found = guilty(frame, reads);
  const name = found?.tensor.name ?? declared[0]?.general.name.text ?? "";
  const at = found?.at.map((a) => affineText(frame, a)).join(", ") ?? "";
  frame.report(
    diagnostic("GS0308", found?.span ?? declared[0]?.general.span ?? frame.fn.declaration.name.span,
      `\`${name}[${at}]\` is not provably an earlier element than the one that is defined with it`, {
      fill: { advice: isGrid(frame, reads) ? ALONG_DIAGONALS : ALONG_ONE_DIMENSION },
    }),
  ); // prettier-ignore
  return false;
};

const ALONG_ONE_DIMENSION =
  "read elements before it along one dimension, as h[t - 1] or h[t - 1 - k], or after it, as h[t + 1], in all statements in the same direction";

const ALONG_DIAGONALS =
  "of a grid take the diagonals one by one: with h[d, i] for the element (i, d - i), what was h[i - 1, j] and h[i, j - 1] is h[d - 1, i - 1] and h[d - 1, i]";

/** Each read lies before the element, or each after it, but not all along the same dimension. */
const isGrid = (frame: Frame, reads: readonly OpenRead[]): boolean =>
  (["ascending", "descending"] as const).some((direction) =>
    reads.every((each) => goes(frame, each, direction) === "before"),
  );

/** How far back a read lies along the dimension in which it looks back, if there is one. */
const goes = (frame: Frame, { at, scope }: OpenRead, direction: Direction): Distance | undefined => {
  const proof = (a: Affine): boolean => provablyNonNegative(frame.builder.ir, a);
  const all = at.flatMap((a) => scope.map((index) => distanceAlong(a, index, direction, proof)));
  return all.find((distance) => distance === "before") ?? all.find((distance) => distance === "here");
};

/** The read that is least like one of an earlier element. */
const guilty = (frame: Frame, reads: readonly OpenRead[]): OpenRead | undefined => {
  const isFar = (each: OpenRead, direction: Direction): boolean => goes(frame, each, direction) === "before";
  const isLost = (each: OpenRead, direction: Direction): boolean =>
    goes(frame, each, direction) === undefined;
  const isAhead = reads.some((each) => isFar(each, "ascending"));
  return (
    reads.find((each) => isLost(each, "ascending") && isLost(each, "descending")) ??
    reads.find((each) => isAhead && isLost(each, "ascending")) ??
    reads.find((each) => !isFar(each, "ascending") && !isFar(each, "descending")) ??
    reads[0]
  );
};
