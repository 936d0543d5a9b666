/**
 * The schedule tree as statements. In: loops and steps; out: the body of a kernel. Ends because the tree is finite.
 */
import {
  affine, reductionDtype, type Affine, type Definition, type Index, type Node, type ReduceOp, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { AccumulateOp, Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { compare, and, constant, convert, int, max, min, mul, or, add, sub, use } from "./build.ts";
import { extentExpr, integer, type Counter, type Site } from "./integer.ts";
import { blocked } from "./block.ts";
import { jam, type For } from "./jam.ts";
import { ROWS, type Contraction, type Needed } from "./panel.ts";
import { copySaved, placesOf, segmented, type Segmented, type Way } from "./saved.ts";
import { chainOf, named, newLocal, openBlock, type Block, type Operand } from "./scope.ts";
import type { Binding, Item, Kept, Loop, Masked, Place, Plan, Schedule, Step } from "./tree.ts";
import { hasShortInside } from "./tile.ts";
import { elementOffset, valueOf, type Known, type Source, type Values } from "./value.ts";

export interface Storage {
  readonly buffer: (tensor: Tensor) => Buffer;
  readonly places: ReadonlyMap<Tensor, Place>;
}

interface Accumulators {
  readonly value: Local;
  /** Of argmax and argmin. */
  readonly position: Local | undefined;
}

interface Emission {
  readonly values: Values;
  readonly storage: Storage;
  readonly open: Map<Loop, Counter>;
  readonly accumulators: Map<Tensor, Accumulators>;
  readonly scalars: Map<Tensor, { readonly expr: Expr; readonly block: Block }>;
  readonly known: Map<Tensor, Known[]>;
  readonly vector: ReadonlySet<Loop>;
  /** Of each loop so far, by its number. */
  readonly counters: Map<number, Local>;
  /** Temporary buffers of contractions. */
  readonly panels: Buffer[];
  /** How terms of guarded contractions are written. */
  readonly terms: Terms;
  /** The tensors of the step being written. */
  readonly growing: Set<Tensor>;
  /** Recurrences in segments, by either of their loops. */
  readonly segments: ReadonlyMap<Loop, Segmented>;
  /** Of the steps in a loop those that are written; all of them without it. */
  readonly only: ReadonlySet<Tensor> | undefined;
}

/**
 * With the guard in the panel, counting the sums that are no numbers, since 0·∞ may have been added to them; or with the
 * guard around each.
 */
type Terms = { readonly kind: "panel"; readonly count: Local } | { readonly kind: "exact" };

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

const wholeOf = ({ shape }: Tensor): Kept => ({ axes: [...shape.keys()], ring: undefined });

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

const bindingOf = (loop: Loop): Binding => loop.bounds?.binding ?? new Map<Index, Loop>();

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
  return { kind: "for", local, from, to, step: 1, mode, body: inner.stmts };
};

// ---- recurrences in segments

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

const maskedOf = ({ tile }: Plan): Masked | undefined => (tile?.kind === "lanes" ? tile.masked : undefined);

const NONE: ReadonlySet<Loop> = new Set();

/** In blocks, and where a sum is no number by that, once more with the guard around the terms. */
const emitMasked = (emission: Emission, block: Block, loop: Loop, from: Expr, to: Expr): void => {
  const { names } = emission.values;
  const zero = constant("float", 0);
  const count = newLocal(names, "float", "noNumber");
  const counting: Emission = { ...emission, terms: { kind: "panel", count } };
  const made = loopOver(counting, block, loop, from, to);
  block.stmts.push({ kind: "init", local: count, value: zero });
  block.stmts.push(...blocked(contractionOf(counting, block, loop), made));
  const again = openBlock(names, block, undefined);
  const exact: Emission = { ...emission, terms: { kind: "exact" }, vector: NONE };
  again.stmts.push(loopOver(exact, again, loop, from, to));
  block.stmts.push({ kind: "if", test: compare("!=", use(count), zero), then: again.stmts, else: [] });
};

/** Of dot products that are computed at once. */
const COLUMNS = 2;

/** What the schedule knows of the loops of a contraction. */
const contractionOf = (emission: Emission, block: Block, rows: Loop): Contraction => {
  const { names, dtype } = emission.values;
  const lanes = rows.body.find((item) => item.kind === "loop");
  const loops = lanes === undefined ? [] : loopsIn(lanes);
  const site = siteOf(emission, block, new Map());
  const isAlongSum = stepsIn(loops.at(-1)).every(
    ({ plan: { tile } }) => tile?.kind === "lanes" && tile.along !== undefined,
  );
  const summed = loops.map(({ extent, id }) => ({
    local: emission.counters.get(id) ?? never(),
    extent: integer(site, extent).expr,
    size: extentExpr(extent),
  }));
  return {
    names,
    width: dtype === "f32" ? 8 : 4,
    summed: loops.every((loop) => loop.bounds === undefined) ? summed : undefined,
    alongSum: isAlongSum,
    chunk: CHUNK,
    half: neededOf(emission, rows, lanes),
    count: emission.terms.kind === "panel" ? emission.terms.count : undefined,
    rows: extentExpr(rows.extent),
    outside: (locals) => {
      const chain = chainOf(block);
      const levels = [...locals].map((local) => chain.findIndex((each) => declares(emission, each, local)));
      const level = Math.max(0, ...levels);
      return levels.includes(-1) || level >= block.depth ? undefined : chain[level]?.stmts;
    },
    buffer: (name, shape) => {
      const made: Buffer = { name: names.fresh(name), role: "temp", type: "float", shape };
      emission.panels.push(made);
      return made;
    },
  };
};

const neededOf = (emission: Emission, rows: Loop, lanes: Loop | undefined): Needed | undefined => {
  const [own, inner] = [rows.triangle, lanes?.triangle];
  if (own !== undefined && inner?.outer === rows) return { of: "both", side: own.side };
  const other = outerOf(emission, own);
  if (own !== undefined && other !== undefined) return { of: "rows", side: own.side, other };
  const around = outerOf(emission, inner);
  return inner && around && { of: "lanes", side: inner.side, other: around };
};

/** The index of the loop around on the other side. */
const outerOf = (emission: Emission, triangle: Loop["triangle"]): Expr | undefined => {
  const outer = triangle?.outer && emission.open.get(triangle.outer);
  return outer && use(outer.local);
};

const stepsIn = (loop: Loop | undefined): readonly Step[] =>
  (loop?.body ?? []).flatMap((item) => (item.kind === "loop" ? [] : [item]));

const declares = (emission: Emission, { stmts, loop }: Block, local: Local): boolean =>
  (loop !== undefined && emission.open.get(loop)?.local === local) ||
  stmts.some((stmt) => (stmt.kind === "let" || stmt.kind === "init") && stmt.local === local);

/** One in the other. */
const loopsIn = (loop: Loop): readonly Loop[] => {
  const inner = loop.body.find((item) => item.kind === "loop");
  return inner === undefined ? [] : [inner, ...loopsIn(inner)];
};

const tiled = (emission: Emission, block: Block, loop: Loop, made: For): readonly Stmt[] => {
  const { names } = emission.values;
  if (loop.role !== "rows") return [made];
  const columns = loop.body.find((item): item is Loop => item.kind === "loop" && item.role === "columns");
  if (columns === undefined) return blocked(contractionOf(emission, block, loop), made);
  const first = newLocal(names, "int", `${made.local.name}First`);
  const isBoth = columns.triangle?.outer === loop;
  const other = isBoth ? use(first) : outerOf(emission, columns.triangle);
  const needed = {
    ...inHalf(made, loop.triangle, outerOf(emission, loop.triangle), 1),
    body: made.body.map((stmt) =>
      stmt.kind === "for" && stmt.local === emission.counters.get(columns.id)
        ? inHalf(stmt, columns.triangle, other, isBoth ? ROWS : 1)
        : stmt,
    ),
  };
  const body = needed.body.flatMap((stmt) => (stmt.kind === "for" ? jam(names, stmt, COLUMNS) : [stmt]));
  const bound: Stmt = { kind: "let", local: first, value: use(made.local) };
  return jam(names, needed, ROWS, { ...needed, body }).map((stmt) =>
    stmt.kind === "for" && isBoth ? { ...stmt, body: [bound, ...stmt.body] } : stmt,
  );
};

/** The loop as far as the half goes that is needed for the indices from `other` on, which are `count`. */
const inHalf = (loop: For, triangle: Loop["triangle"], other: Expr | undefined, count: number): For => {
  if (triangle === undefined || other === undefined) return loop;
  return triangle.side === "column"
    ? { ...loop, from: max(loop.from, other) }
    : { ...loop, to: min(loop.to, add(other, int(count))) };
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

/** So many terms are added in f32 before they go into an f64. */
const CHUNK = 1024;

const isShort = (loop: Loop): boolean =>
  isNarrowed(loop) || (affine.asConstant(loop.extent) ?? Infinity) <= chunkOf(loop);

/** Of a loop with others inside a few iterations are many terms. */
const chunkOf = (loop: Loop): number => {
  if (!loop.body.some((item) => item.kind === "loop")) return CHUNK;
  const begun = loop.before.find((item) => item.kind === "begin");
  if (begun?.kind !== "begin") return CHUNK;
  const { definition, reads } = begun.plan;
  return hasShortInside(definition, reads) ? CHUNK / 16 : 1;
};

/** A guard leaves few of the values of its index. */
const isNarrowed = ({ bounds }: Loop): boolean => bounds !== undefined && bounds.upper.length > 0;

const emitChunks = (
  emission: Emission,
  block: Block,
  loop: Loop,
  sums: readonly Tensor[],
  from: Expr,
  to: Expr,
): void => {
  const { names } = emission.values;
  const end = named(names, chainOf(block), known(to, block), undefined).expr;
  const chunk = openBlock(names, block, undefined);
  const start = names.counter(`${loop.label}From`);
  const last = names.counter(`${loop.label}To`);
  chunk.stmts.push({ kind: "let", local: last, value: min(add(use(start), int(chunkOf(loop))), end) });
  emitItems(emission, chunk, loop.beforeBlock);
  const [low, high] =
    loop.order === "descending" ? mirror(from, end, use(start), use(last)) : [use(start), use(last)];
  emitPartial(emission, chunk, loop, sums, low, high);
  emitItems(emission, chunk, loop.afterBlock);
  names.release(start);
  names.release(last);
  block.stmts.push({
    kind: "for",
    local: start,
    from,
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
  const site = siteOf(emission, block, bindingOf(loop));
  const value = (a: Affine): Expr => integer(site, a).expr;
  const lower = (loop.bounds?.lower ?? []).map(value);
  const upper = (loop.bounds?.upper ?? []).map(value);
  return [lower.reduce(max, int(0)), upper.reduce(min, value(loop.extent))];
};

const counterIn =
  (emission: Emission, binding: ReadonlyMap<Index, Loop>) =>
  (index: Index): Counter => {
    const loop = binding.get(index);
    const counter = loop && emission.open.get(loop);
    if (counter === undefined) throw new Error(`the loop over ${index.name} is not open`);
    return counter;
  };

/** For index expressions outside of a body: without data. */
const siteOf = (emission: Emission, block: Block, binding: ReadonlyMap<Index, Loop>): Site => ({
  names: emission.values.names,
  block,
  chain: chainOf(block),
  counter: counterIn(emission, binding),
  data: (node) => {
    const operand = valueOf(emission.values, block, counterIn(emission, binding), node, "maybe");
    return { ...operand, expr: convert("int", operand.expr) };
  },
});

const bodyOf = (emission: Emission, block: Block, step: Step): Operand =>
  valueOf(emission.values, block, counterIn(emission, step.binding), step.body, "always");

const offsetOf = (emission: Emission, block: Block, step: Step): Expr => {
  const { tensor } = step;
  const place = emission.storage.places.get(tensor);
  const kept = place?.kind === "buffer" ? place : wholeOf(tensor);
  const site = siteOf(emission, block, step.binding);
  return elementOffset(emission.values.ir, site, tensor, kept, step.element).expr;
};

/** The value of the tensor's current element is known: it goes where the tensor is. */
const place = (emission: Emission, block: Block, step: Step, operand: Operand): void => {
  const { tensor } = step.plan.definition;
  const value = { ...operand, expr: convert(tensor.dtype, operand.expr) };
  const { names } = emission.values;
  const where = emission.storage.places.get(tensor);
  if (where === undefined) return;
  const { expr } = named(names, chainOf(block), { ...value, level: block.depth }, tensor.name);
  if (where.kind === "scalar") {
    emission.scalars.set(tensor, { expr, block });
    return;
  }
  if (where.kind === "element") {
    const { of, at } = where.element;
    const site = siteOf(emission, block, step.binding);
    const { expr: offset } = elementOffset(emission.values.ir, site, of, wholeOf(of), at);
    block.stmts.push({ kind: "store", buffer: emission.storage.buffer(of), offset, value: expr });
    return;
  }
  const offset = offsetOf(emission, block, step);
  block.stmts.push({ kind: "store", buffer: emission.storage.buffer(tensor), offset, value: expr });
  const counters = step.plan.definition.indices.map(
    (index) => counterIn(emission, step.binding)(index).block,
  );
  const before = emission.known.get(tensor) ?? [];
  emission.known.set(tensor, [...before, { block, counters, expr }]);
};

// ---- reductions

interface Folding {
  readonly op: AccumulateOp;
  readonly start: number;
}

const FOLDING: { readonly [K in ReduceOp]: Folding } = {
  sum: { op: "sum", start: 0 },
  prod: { op: "prod", start: 1 },
  max: { op: "max", start: -Infinity },
  min: { op: "min", start: Infinity },
  maxfirst: { op: "max", start: -Infinity },
  minfirst: { op: "min", start: Infinity },
  argmax: { op: "max", start: -Infinity },
  argmin: { op: "min", start: Infinity },
};

const foldingOf = (step: Step): Folding => FOLDING[step.plan.definition.reduction?.op ?? "sum"];

const isPlace = (op: ReduceOp | undefined): boolean => op !== undefined && reductionDtype(op) === "int";

const begin = (emission: Emission, block: Block, step: Step): void => {
  const { definition } = step.plan;
  const { names, dtype } = emission.values;
  const { op, start } = foldingOf(step);
  const isLong = op === "sum" && dtype === "f32" && !isShortSum(definition);
  const type = isLong && step.plan.tile?.kind !== "lanes" ? "wide" : "float";
  const { name } = definition.tensor;
  const isPosition = isPlace(definition.reduction?.op);
  const position = isPosition ? newLocal(names, "int", name) : undefined;
  const suffix = isPosition ? "Value" : type === "wide" ? "Sum" : "";
  const value = newLocal(names, type, `${name}${suffix}`);
  block.stmts.push({ kind: "init", local: value, value: constant(type, start) });
  if (position !== undefined) block.stmts.push({ kind: "init", local: position, value: int(0) });
  emission.accumulators.set(definition.tensor, { value, position });
};

/** Few enough terms for an f32. */
const isShortSum = ({ reduction }: Definition): boolean =>
  (reduction?.indices ?? []).reduce(
    (count, index) => count * (affine.asConstant(index.extent) ?? Infinity),
    1,
  ) <= CHUNK;

const accumulatorsOf = (emission: Emission, tensor: Tensor): Accumulators => {
  const found = emission.accumulators.get(tensor);
  if (found === undefined) throw new Error(`${tensor.name} has no accumulator`);
  return found;
};

const accumulate = (emission: Emission, block: Block, step: Step): void => {
  const { value: local, position } = accumulatorsOf(emission, step.plan.definition.tensor);
  const exact = emission.terms.kind === "exact" ? maskedOf(step.plan)?.exact : undefined;
  const operand = bodyOf(emission, block, exact === undefined ? step : { ...step, body: exact });
  const value = convert(local.type, convert("float", operand.expr));
  if (position === undefined) {
    block.stmts.push({ kind: "accumulate", local, op: foldingOf(step).op, value });
    return;
  }
  const candidate = named(emission.values.names, chainOf(block), { ...operand, expr: value }, undefined).expr;
  const better =
    foldingOf(step).op === "max" ? compare("<", use(local), candidate) : compare("<", candidate, use(local));
  // the first NaN wins, and keeps winning
  const nan = and(compare("!=", candidate, candidate), compare("==", use(local), use(local)));
  block.stmts.push({
    kind: "if",
    test: or(better, nan),
    then: [
      { kind: "assign", local, value: candidate },
      { kind: "assign", local: position, value: rowMajor(emission, block, step) },
    ],
    else: [],
  });
};

/** The position among the reduced elements. */
const rowMajor = (emission: Emission, block: Block, step: Step): Expr => {
  const site = siteOf(emission, block, step.binding);
  return (step.plan.definition.reduction?.indices ?? []).reduce<Expr>(
    (total, index) => add(mul(total, integer(site, index.extent).expr), use(site.counter(index).local)),
    int(0),
  );
};

const finish = (emission: Emission, block: Block, step: Step): void => {
  const { value, position } = accumulatorsOf(emission, step.plan.definition.tensor);
  if (emission.terms.kind === "panel" && maskedOf(step.plan) !== undefined) {
    const isNone = convert("float", compare("!=", use(value), use(value)));
    block.stmts.push({ kind: "accumulate", local: emission.terms.count, op: "sum", value: isNone });
  }
  const result = position === undefined ? convert("float", use(value)) : use(position);
  place(emission, block, step, { expr: result, level: block.depth, nesting: 1, conditional: false });
};

const fill = (emission: Emission, block: Block, step: Step): void => {
  const { tensor } = step;
  const value = constant(tensor.dtype, foldingOf(step).start);
  const offset = offsetOf(emission, block, step);
  block.stmts.push({ kind: "store", buffer: emission.storage.buffer(tensor), offset, value });
};

/** What is scattered, under the test that it is made under: where that fails, its place may be outside of the array. */
const addAt = (emission: Emission, block: Block, step: Step): void => {
  const { tensor, plan } = step;
  const { expr } = bodyOf(emission, block, step);
  const offset = offsetOf(emission, block, step);
  const isTested =
    plan.form === "scatter" && expr.kind === "select" && expr.else.kind === "const" && expr.else.value === 0;
  const value = convert(tensor.dtype, isTested ? expr.then : expr);
  const { op } = foldingOf(step);
  const added: Stmt = { kind: "accumulateAt", buffer: emission.storage.buffer(tensor), offset, op, value };
  block.stmts.push(isTested ? { kind: "if", test: expr.test, then: [added], else: [] } : added);
};

const STEPS: {
  readonly [K in Step["kind"]]: (emission: Emission, block: Block, step: Step) => void;
} = {
  compute: (emission, block, step) => {
    place(emission, block, step, bodyOf(emission, block, step));
  },
  begin,
  accumulate,
  finish,
  fill,
  add: addAt,
};

const never = (): never => {
  throw new Error("a loop of a contraction has no counter");
};
