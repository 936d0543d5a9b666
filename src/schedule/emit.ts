/**
 * The schedule tree as statements. In: loops and steps; out: the body of a kernel. Ends because the tree is finite.
 */
import { affine, range, type Affine, type Node, type Tensor } from "../ir/index.ts";
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { compare, and, constant, convert, int, max, min, add, sub, use } from "./build.ts";
import { integer } from "./integer.ts";
import { blocked } from "./block.ts";
import { padded } from "./padded.ts";
import type { For } from "./jam.ts";
import { copySaved, placesOf, segmented, type Segmented, type Way } from "./saved.ts";
import { chainOf, named, newLocal, openBlock, type Block, type Operand } from "./scope.ts";
import type { Item, Loop, Plan, Schedule } from "./tree.ts";
import { hasShortInside } from "./tile.ts";
import { valueOf, type Source, type Values } from "./value.ts";
import {
  type Storage,
  type Emission,
  wholeOf,
  bindingOf,
  maskedOf,
  counterIn,
  siteOf,
  accumulatorsOf,
} from "./emission.ts";
import { CHUNK, isShortSum, STEPS } from "./accumulate.ts";
import { ROWS_OF_BLOCK } from "./steps.ts";
import { contractionOf, stepsIn, loopsIn, tiled } from "./contraction.ts";

export interface Emitted {
  readonly body: readonly Stmt[];
  /** Temporary buffers besides those of tensors. */
  readonly panels: readonly Buffer[];
}

export const emit = (schedule: Schedule, storage: Storage, values: Omit<Values, "source">): Emitted => {
  const scalars: Emission["scalars"] = new Map();
  const elements: Emission["known"] = new Map();
  const growing = new Set<Tensor>();
  const panels: Buffer[] = [];
  const source = (tensor: Tensor): Source => {
    const scalar = scalars.get(tensor);
    if (scalar !== undefined) return { kind: "scalar", ...scalar };
    const place = storage.places.get(tensor);
    if (place !== undefined && place.kind !== "buffer")
      throw new Error(`${tensor.name} is read before it is computed`);
    const kept = place ?? wholeOf(tensor);
    const known = elements.get(tensor) ?? [];
    return { kind: "buffer", buffer: storage.buffer(tensor), kept, known, growing: growing.has(tensor) };
  };
  const emission: Emission = {
    values: { ...values, source },
    storage,
    open: new Map(),
    accumulators: new Map(),
    scalars,
    known: elements,
    vector: schedule.vector,
    counters: new Map(),
    own: ownOf(storage),
    panels,
    terms: { kind: "exact" },
    growing,
    segments: segmented(values.names, values.ir, schedule, panels),
    only: undefined,
  };
  const top = openBlock(values.names, undefined, undefined);
  emitItems(emission, top, schedule.items);
  return { body: top.stmts, panels };
};

const ownOf = ({ places, buffer }: Storage): Emission["own"] => {
  const own = new Map<Loop, Buffer[]>();
  for (const [tensor, place] of places) {
    if (place.kind !== "buffer") continue;
    for (const loop of place.along) own.set(loop, [...(own.get(loop) ?? []), buffer(tensor)]);
  }
  return own;
};

const emitItems = (emission: Emission, block: Block, items: readonly Item[]): void => {
  for (const item of written(emission, items)) {
    if (item.kind === "loop") {
      emitLoop(emission, block, item);
      continue;
    }
    emission.growing.add(item.plan.definition.tensor);
    STEPS[item.kind](emission, block, item);
    emission.growing.delete(item.plan.definition.tensor);
  }
};

/** The items that are to be written. */
const written = ({ only }: Emission, items: readonly Item[]): readonly Item[] =>
  only === undefined ? items : items.filter((item) => hasStepOf(item, only));

const hasStepOf = (item: Item, tensors: ReadonlySet<Tensor>): boolean =>
  item.kind === "loop"
    ? [...item.before, ...item.body, ...item.after].some((each) => hasStepOf(each, tensors))
    : tensors.has(item.plan.definition.tensor);

const emitLoop = (emission: Emission, block: Block, loop: Loop): void => {
  emitItems(emission, block, loop.before);
  const tests = (loop.bounds?.tests ?? []).map((test) => testOf(emission, block, loop, test));
  const [test, ...others] = tests;
  const segments = emission.segments.get(loop);
  if (segments !== undefined) emitSegments(emission, block, loop, segments);
  else if (test === undefined) emitRange(emission, block, loop);
  else {
    const inner = openBlock(emission.values.names, block, undefined);
    emitRange(emission, inner, loop);
    block.stmts.push({ kind: "if", test: others.reduce(and, test), then: inner.stmts, else: [] });
  }
  emitItems(emission, block, loop.after);
};

const testOf = (emission: Emission, block: Block, loop: Loop, test: Node): Expr =>
  valueOf(emission.values, block, counterIn(emission, bindingOf(loop)), test, "maybe").expr;

/** The loop without what comes before and after it. */
const emitRange = (
  emission: Emission,
  block: Block,
  loop: Loop,
  [from, to] = rangeOf(emission, block, loop),
): void => {
  const partial = emission.vector.has(loop) ? wideSums(emission, loop) : sumsOfLanes(emission, loop);
  const inBlocks = written(emission, loop.beforeBlock).length > 0;
  if (partial.length === 0 && !inBlocks) emitBody(emission, block, loop, from, to);
  else if (!inBlocks && isShort(loop)) emitPartial(emission, block, loop, partial, from, to);
  else emitChunks(emission, block, loop, partial, from, to);
};

const emitBody = (emission: Emission, block: Block, loop: Loop, from: Expr, to: Expr): void => {
  if (isMasked(loop)) emitMasked(emission, block, loop, from, to);
  else block.stmts.push(...tiled(emission, block, loop, loopOver(emission, block, loop, from, to)));
};

const loopOver = (emission: Emission, block: Block, loop: Loop, from: Expr, to: Expr): For => {
  const { names } = emission.values;
  const inner = openBlock(names, block, loop);
  const local = names.counter(loop.label);
  emission.open.set(loop, { local: placeOf(emission, inner, loop, local, from, to), block: inner });
  emission.counters.set(loop.id, local);
  emitItems(emission, inner, loop.body);
  emission.open.delete(loop);
  names.release(local);
  const mode = emission.vector.has(loop) ? "vector" : "serial";
  const own = emission.own.get(loop);
  const plain: For = { kind: "for", local, from, to, step: 1, mode, body: inner.stmts };
  return own === undefined ? plain : { ...plain, own };
};

/**
 * Forward, the places before each segment are saved; on the way back each segment but the last one, whose elements are
 * still there, begins with them and is computed again.
 */
const emitSegments = (emission: Emission, block: Block, loop: Loop, segments: Segmented): void => {
  const { names } = emission.values;
  const { forward, again } = segments;
  const isForward = loop === forward;
  const site = siteOf(emission, block, new Map());
  const value = (a: Affine): Expr => named(names, site.chain, integer(site, a), undefined).expr;
  const count = value(segments.count);
  const local = names.counter(`${loop.label}Segment`);
  const inner = openBlock(names, block, undefined);
  const places = placesOf(names, inner, use(local), {
    order: loop.order ?? "ascending",
    count,
    length: value(segments.length),
    extent: value(loop.extent),
  });
  const copies = (way: Way): readonly Stmt[] => copySaved(names, emission.storage, segments, places, way);
  if (!isForward) {
    const repeated = openBlock(names, inner, undefined);
    const begun = copies("restore");
    const isFirst = compare("==", use(local), sub(count, int(1)));
    if (begun.length > 0) repeated.stmts.push({ kind: "if", test: isFirst, then: [], else: begun });
    emitRange({ ...emission, only: again }, repeated, forward, [places.from, places.to]);
    inner.stmts.push({ kind: "if", test: compare("<", int(0), use(local)), then: repeated.stmts, else: [] });
  }
  emitRange(emission, inner, loop, [places.from, places.to]);
  if (isForward) inner.stmts.push(...copies("save"));
  names.release(local);
  block.stmts.push({
    kind: "for",
    local,
    from: int(0),
    to: count,
    step: 1,
    mode: "serial",
    body: inner.stmts,
  });
};

/** The rows of contractions whose guard is in the panel. */
const isMasked = (loop: Loop): boolean =>
  loop.role === "rows" && loopsIn(loop).some((inner) => stepsIn(inner).some(({ plan }) => maskedOf(plan)));

const NONE: ReadonlySet<Loop> = new Set();

/** In blocks, and where a sum is no number by that, once more with the guard around the terms. */
const emitMasked = (emission: Emission, block: Block, loop: Loop, from: Expr, to: Expr): void => {
  const { names } = emission.values;
  const zero = constant("float", 0);
  const count = newLocal(names, "float", "noNumber");
  const counting: Emission = { ...emission, terms: { kind: "panel", count } };
  const made = loopOver(counting, block, loop, from, to);
  const contraction = contractionOf(counting, block, loop);
  const inPanels = padded(contraction, made, count);
  if (inPanels !== undefined) {
    block.stmts.push(...inPanels);
    return;
  }
  block.stmts.push({ kind: "init", local: count, value: zero });
  block.stmts.push(...blocked(contraction, made));
  const again = openBlock(names, block, undefined);
  const exact: Emission = { ...emission, terms: { kind: "exact" }, vector: NONE };
  again.stmts.push(loopOver(exact, again, loop, from, to));
  block.stmts.push({ kind: "if", test: compare("!=", use(count), zero), then: again.stmts, else: [] });
};

/** Loops count upwards: the place of one that runs downwards is from + to - 1 - its counter. */
const placeOf = (
  { values }: Emission,
  block: Block,
  loop: Loop,
  counter: Local,
  from: Expr,
  to: Expr,
): Local => {
  if (loop.order !== "descending") return counter;
  const local = newLocal(values.names, "int", `${loop.label}Down`);
  const value = sub(add(from, sub(to, int(1))), use(counter));
  block.stmts.push({ kind: "let", local, value });
  return local;
};

const isShort = (loop: Loop): boolean =>
  isNarrowed(loop) || (affine.asConstant(loop.extent) ?? Infinity) <= chunkOf(loop);

/** Of a loop with others inside a few iterations are many terms. */
const chunkOf = (loop: Loop): number => {
  if (loop.beforeBlock.length > 0) return ROWS_OF_BLOCK;
  if (!loop.body.some((item) => item.kind === "loop")) return CHUNK;
  const begun = loop.before.find((item) => item.kind === "begin");
  if (begun?.kind !== "begin") return CHUNK;
  const { definition, reads } = begun.plan;
  return hasShortInside(definition, reads) ? CHUNK / 16 : 1;
};

/** A guard leaves few of the values of its index. */
const isNarrowed = (loop: Loop): boolean =>
  loop.bounds !== undefined && loop.bounds.upper.length > 0 && !isOfBlock(loop) && !isTriangle(loop);

/** Up to an index of the same extent: half of the values, on average. */
const isTriangle = ({ bounds, extent }: Loop): boolean =>
  bounds?.lower.length === 0 &&
  bounds.upper.every((end) => end.indices.some((index) => index.extent === extent));

/** A sum whose bounds differ between the rows of a block. */
const isOfBlock = (loop: Loop): boolean =>
  loop.bounds !== undefined &&
  [loop, ...loopsIn(loop)].some((each) => stepsIn(each).some(({ plan: { tile } }) => tile?.kind === "lanes"));

const emitChunks = (
  emission: Emission,
  block: Block,
  loop: Loop,
  sums: readonly Tensor[],
  from: Expr,
  to: Expr,
): void => {
  const { names } = emission.values;
  // chunks are the same for all rows of a block
  const [first, after] = isOfBlock(loop)
    ? rangeOf(emission, block, { ...loop, bounds: undefined })
    : [from, to];
  const end = named(names, chainOf(block), known(after, block), undefined).expr;
  const chunk = openBlock(names, block, undefined);
  const start = names.counter(`${loop.label}From`);
  const last = names.counter(`${loop.label}To`);
  chunk.stmts.push({ kind: "let", local: last, value: min(add(use(start), int(chunkOf(loop))), end) });
  emitItems(emission, chunk, loop.beforeBlock);
  const [low, high] =
    loop.order === "descending" ? mirror(first, end, use(start), use(last)) : [use(start), use(last)];
  const inner = isOfBlock(loop) ? within(emission, chunk, loop, low, high) : ([low, high] as const);
  emitPartial(emission, chunk, loop, sums, ...inner);
  emitItems(emission, chunk, loop.afterBlock);
  names.release(start);
  names.release(last);
  block.stmts.push({
    kind: "for",
    local: start,
    from: first,
    to: end,
    step: chunkOf(loop),
    mode: "serial",
    body: chunk.stmts,
  });
};

/** The chunk as far from the end as this one is from the start. */
const mirror = (from: Expr, end: Expr, start: Expr, last: Expr): readonly [Expr, Expr] => [
  add(from, sub(end, last)),
  add(from, sub(end, start)),
];

/** Sums of a vector loop: in f32 within it, added to the f64 after it. */
const emitPartial = (
  emission: Emission,
  block: Block,
  loop: Loop,
  sums: readonly Tensor[],
  from: Expr,
  to: Expr,
): void => {
  const whole = sums.map((tensor) => ({ tensor, ...accumulatorsOf(emission, tensor) }));
  for (const { tensor } of whole) {
    const value = newLocal(emission.values.names, "float", `${tensor.name}Part`);
    block.stmts.push({ kind: "init", local: value, value: constant("float", 0) });
    emission.accumulators.set(tensor, { value, position: undefined });
  }
  emitBody(emission, block, loop, from, to);
  for (const { tensor, value, position } of whole) {
    const part = convert(value.type, use(accumulatorsOf(emission, tensor).value));
    block.stmts.push({ kind: "accumulate", local: value, op: "sum", value: part });
    emission.accumulators.set(tensor, { value, position });
  }
};

const wideSums = (emission: Emission, loop: Loop): readonly Tensor[] =>
  written(emission, loop.body)
    .flatMap((item) => (item.kind === "accumulate" ? [item.plan.definition.tensor] : []))
    .filter((tensor) => accumulatorsOf(emission, tensor).value.type === "wide");

/** Sums whose terms are in this loop, the reduction's outermost, while their elements are lanes of a vector. */
const sumsOfLanes = (emission: Emission, loop: Loop): readonly Tensor[] =>
  written(emission, loop.before)
    .filter((item) => item.kind === "begin" && isLongInLanes(emission, item.plan))
    .flatMap((item) => (item.kind === "loop" ? [] : [item.tensor]));

const isLongInLanes = (emission: Emission, { definition, tile }: Plan): boolean =>
  tile?.kind === "lanes" &&
  definition.reduction?.op === "sum" &&
  emission.values.dtype === "f32" &&
  !isShortSum(definition);

const known = (expr: Expr, block: Block): Operand => ({
  expr,
  level: block.depth,
  nesting: 1,
  conditional: false,
});

const rangeOf = (emission: Emission, block: Block, loop: Loop): readonly [Expr, Expr] => {
  const { ir } = emission.values;
  const { lower, upper } = endsOf(emission, block, loop);
  const isShorter = (loop.bounds?.upper ?? []).some((end) =>
    range.provablyNonNegative(ir, affine.minus(ir, loop.extent, end)),
  );
  const extent = integer(siteOf(emission, block, bindingOf(loop)), loop.extent).expr;
  const [first = extent, ...others] = isShorter ? upper : [extent, ...upper];
  return [lower.reduce(max, int(0)), others.reduce(min, first)];
};

/** What the bounds leave of a range. */
const within = (
  emission: Emission,
  block: Block,
  loop: Loop,
  from: Expr,
  to: Expr,
): readonly [Expr, Expr] => {
  const { lower, upper } = endsOf(emission, block, loop);
  return [lower.reduce(max, from), upper.reduce(min, to)];
};

const endsOf = (
  emission: Emission,
  block: Block,
  loop: Loop,
): { readonly lower: readonly Expr[]; readonly upper: readonly Expr[] } => {
  const site = siteOf(emission, block, bindingOf(loop));
  const value = (a: Affine): Expr => integer(site, a).expr;
  return { lower: (loop.bounds?.lower ?? []).map(value), upper: (loop.bounds?.upper ?? []).map(value) };
};
