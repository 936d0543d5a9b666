/**
 * In: a `for` with mode `vector`. Out: a loop on lanes that runs as long as whole vectors are left, with several
 * accumulators where it accumulates; the counter then stands at the first iteration left over.
 * Terminates: a fixed number of copies of the body.
 *
 *     if (a whole vector is left) { invariants; unrolled loop; loop; accumulators → locals }
 */

import type { AccumulateOp, Expr, Local, Stmt } from "../../src/loop/types.ts";
import { operands } from "../../src/loop/fold.ts";
import { statementsIn } from "../../src/loop/vectorise.ts";
import { accumulators, floatBinary, floatTypeOf, isMath, withoutSign } from "./arithmetic.ts";
import type { Floats, MathOp } from "./arithmetic.ts";
import type { Ref, WasmModule } from "./binaryen.ts";
import { fold } from "./fold.ts";
import { analyse, constantOf } from "./forms.ts";
import type { Forms } from "./forms.ts";
import { lookUp } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { enterLoop } from "./innerloop.ts";
import { isRelaxed, relaxedMulAdd } from "./math/relaxed.ts";
import { placeOf, storeGroup, storeLanes, updateLanes } from "./lanememory.ts";
import { lastUses } from "./lifetimes.ts";
import { combine, countedLoop, isBelow, repeated } from "./loops.ts";
import { slotOf } from "./scalar.ts";
import { keep, define, get, hold } from "./scope.ts";
import type { Scope, Sequence, Slot } from "./scope.ts";
import { constantParts, extract, laneCount, laneFloats, partCount, shuffle32 } from "./shape.ts";
import { groupsOf } from "./strided.ts";
import { emitLanes, intLane } from "./vector.ts";
import { createVectorLoop, defineBefore, hoisted, homeAt } from "./vectorloop.ts";
import type { Copy, For, VectorLoop } from "./vectorloop.ts";

type LaneStmt = Exclude<Stmt, { kind: "if" }>;
type Access = Extract<Stmt, { kind: "store" | "accumulateAt" }>;
type FloatLike = "float" | "wide";

/** Appends the loop on lanes, if it can run on them, and tells whether iterations may be left over. */
export function emitVectorPart(
  frame: Frame,
  s: For,
  counter: Slot,
  to: () => Ref,
  sequence: Sequence,
): "none left" | "some left" {
  const forms = analyse(s.local, s.body);
  const body = laneStatements(forms, s.body);
  if (body === undefined) return "some left";
  const { scope } = frame;
  const { module, binaryen } = scope;
  const lanes = laneCount(scope);
  const loop = createVectorLoop(frame, forms, groupsOf(frame, forms, s.body), counter, s.step);
  const sums = new Map<Local, Accumulator>();
  const trips = tripCount(s);
  if (trips !== undefined && trips < lanes) return "some left";
  const { functions } = costOf(statementsIn(body));
  const copies = dividing(trips, lanes, Math.min(copyCount(forms, body), Math.floor(mostTrips(s) / lanes)));
  if (copies === 0) return "some left";
  const sets = Math.min(copies, accumulatorSets(forms, body));

  /** The last iteration that starts `count` whole vectors. */
  const limit = (count: number, into: Sequence): (() => Ref) => {
    const span = module.i32.const((count * lanes - 1) * s.step);
    const slot = keep(scope, into, binaryen.i32, module.i32.sub(to(), span));
    return () => get(scope, slot);
  };
  const run = (count: number, end: () => Ref, looped = countedLoop): Ref => {
    const instructions: Sequence = [];
    const formulas = count < copies ? "called" : functions > 1 ? "short in place" : "all in place";
    const sites = Array.from({ length: count }, (_, index): Site => {
      const copy: Copy = { shift: index * lanes * s.step, locals: new Map(), waiting: new Map() };
      return { loop: { ...loop, formulas }, copy, index, sets, sums };
    });
    emitJammed(sites, body, instructions);
    return looped(frame, counter, count * lanes * s.step, end, instructions);
  };

  const lastVector = limit(1, sequence);
  const loops: Sequence = [];
  if (copies > 1) loops.push(run(copies, limit(copies, loops)));
  if (copies === 1) loops.push(run(1, lastVector, repeated));
  else if (trips === undefined || trips % (copies * lanes) >= lanes) loops.push(run(1, lastVector));
  const starts: Sequence = [];
  const ends: Sequence = [];
  for (const [local, sum] of sums) {
    starts.push(...startAccumulator(scope, local, sum));
    finishAccumulator(frame, local, sum, ends);
  }
  const before = homeAt(loop, 0);
  const whole = isBelow(frame, counter, lastVector);
  sequence.push(module.if(whole, module.block(null, [...before.sequence, ...starts, ...loops, ...ends])));
  scope.retire();
  return trips !== undefined && trips % lanes === 0 ? "none left" : "some left";
}

/** So many copies, or of three or more one or two fewer where that leaves no vector over. */
function dividing(trips: number | undefined, lanes: number, most: number): number {
  const vectors = trips === undefined ? 0 : Math.floor(trips / lanes);
  const fit = [most, most - 1, most - 2].find((count) => count > 1 && vectors % count === 0);
  return fit ?? most;
}

/** More than this it cannot be. */
function mostTrips(s: For): number {
  const { to } = s;
  const first = to.kind === "binary" && to.op === "min" ? tripCount({ ...s, to: to.a }) : undefined;
  return tripCount(s) ?? first ?? Infinity;
}

/** The number of iterations, where it is known. */
function tripCount({ from, to, step }: For): number | undefined {
  const isAbove = to.kind === "binary" && to.op === "add" && to.a.kind === "local" && from.kind === "local" && to.a.local === from.local; // prettier-ignore
  if (isAbove && to.b.kind === "const") return Math.max(0, Math.ceil(to.b.value / step));
  const [first, end] = [constantOf(from), constantOf(to)];
  if (first === undefined || end === undefined) return undefined;
  return Math.max(0, Math.ceil((end - first) / step));
}

/** The body, if each of its statements can run on lanes. */
function laneStatements(forms: Forms, body: readonly Stmt[]): readonly LaneStmt[] | undefined {
  const all = statementsIn(body);
  return all.every((s) => s.kind !== "if" && runsOnLanes(forms, s))
    ? (body as readonly LaneStmt[])
    : undefined;
}

function runsOnLanes(forms: Forms, s: LaneStmt): boolean {
  const inside = (local: Local) => forms.ofLocal(local).kind === "varying";
  switch (s.kind) {
    case "let":
    case "init":
      return true;
    case "for":
      return [s.from, s.to].every((bound) => forms.of(bound).kind === "invariant");
    case "assign":
      return inside(s.local);
    case "accumulate":
      return s.local.type === "float" || s.local.type === "wide";
    case "store":
    case "accumulateAt": {
      const form = forms.of(s.offset);
      return form.kind === "affine" && constantOf(form.stride) !== 0;
    }
  }
}

/**
 * How many times the body is repeated. A sum needs about four independent chains to hide the latency of an addition,
 * unless its terms take longer than that anyway; cheap bodies gain from fewer counter steps. A formula with an exponential
 * is one long chain, and a processor finds the next iteration's only as far as it looks ahead: copies side by side keep it
 * busy, as long as their values fit into registers. With a loop inside, what it loads for all lanes serves two vectors; its
 * accumulators have to fit into registers.
 */
function copyCount(forms: Forms, body: readonly LaneStmt[]): number {
  const all = statementsIn(body);
  if (all.length > body.length) return mostAccumulators(body) <= MAX_JAMMED ? 2 : 1;
  const { cost, functions } = costOf(all);
  if (functions > 0) return cost <= 60 ? 3 : cost <= 100 ? 2 : 1;
  if (sumsOf(forms, body).size > 0) return cost <= 24 ? 4 : cost <= 48 ? 2 : 1;
  return cost <= 16 ? 2 : 1;
}

/** Of the 16 vector registers, two copies of so many accumulators leave enough. */
const MAX_JAMMED = 6;

/** In one of the loops. */
const mostAccumulators = (body: readonly Stmt[]): number =>
  Math.max(accumulatorsIn(body).size, ...body.map((s) => (s.kind === "for" ? mostAccumulators(s.body) : 0)));

const accumulatorsIn = (body: readonly Stmt[]): ReadonlySet<Local> =>
  new Set(body.flatMap((s) => (s.kind === "accumulate" ? [s.local] : [])));

/** The locals from outside that the iterations accumulate into. */
const sumsOf = (forms: Forms, body: readonly Stmt[]): ReadonlySet<Local> =>
  new Set([...accumulatorsIn(body)].filter((local) => forms.ofLocal(local).kind === "invariant"));

/**
 * Copies share their accumulators where there are several sums, and where terms take longer than an addition: an engine that
 * orders operations by their users then puts the copies side by side, and not one after the other.
 */
function accumulatorSets(forms: Forms, body: readonly Stmt[]): number {
  if (costOf(statementsIn(body)).functions > 0) return 1;
  return Math.max(1, Math.floor(CHAINS / Math.max(1, sumsOf(forms, statementsIn(body)).size)));
}

const CHAINS = 4;

/** Of a function of the math library, and of another one of the same argument or its negative, which shares most of it. */
const MATH_COST = { first: 20, next: 8 } as const;

/** Those that reduce their arguments by more than a few operations, or have two branches. */
const LONG_COST: { readonly [K in MathOp]?: number } = {
  sinh: 64,
  sin: 80,
  cos: 80,
  tan: 100,
  pow: 100,
  atan2: 60,
};

const isMathOp = (e: Expr): e is Extract<Expr, { kind: "unary" | "binary" }> => isMath(e);

interface Cost {
  readonly cost: number;
  /** Calls of the math library. */
  readonly functions: number;
}

/** Operations on registers; one of f64 in a kernel of f32 takes two. */
function costOf(statements: readonly Stmt[]): Cost {
  const known = new Set<Expr | Local>();
  let functions = 0;
  const own = (e: Expr): number => {
    if (e.kind === "local" || e.kind === "const") return 0;
    const registers = e.type === "wide" ? 2 : 1;
    if (!isMathOp(e)) return registers;
    functions += 1;
    const long = LONG_COST[e.op];
    if (long !== undefined) return registers * long;
    const argument = e.kind === "unary" ? withoutSign(e.a).expr : e;
    const key = argument.kind === "local" ? argument.local : argument;
    const isNext = known.has(key);
    known.add(key);
    return registers * (isNext ? MATH_COST.next : MATH_COST.first);
  };
  const ofValue = (value: Expr): number =>
    fold<undefined, number>(value, undefined, {
      enter: (x) => (x.kind === "load" ? [] : operands(x).map((o) => ({ expr: o, context: undefined }))),
      leave: (x, _, parts) => parts.reduce((sum, n) => sum + n, own(x)),
    });
  const cost = statements.reduce(
    (sum, s) => sum + 1 + (s.kind === "for" || s.kind === "if" ? 0 : ofValue(s.value)),
    0,
  );
  return { cost, functions };
}

/** Lanes that collect a sum (or product, maximum, minimum): one set for each copy of the body. */
interface Accumulator {
  readonly op: AccumulateOp;
  readonly type: FloatLike;
  readonly copies: readonly (readonly Slot[])[];
  /** For maxima and minima: lanes in which a NaN was met. The fast instructions for them lose it. */
  readonly nans: readonly Slot[] | undefined;
}

interface Site {
  readonly loop: VectorLoop;
  readonly copy: Copy;
  /** Which of the sets of accumulators, modulo their number. */
  readonly index: number;
  readonly sets: number;
  readonly sums: Map<Local, Accumulator>;
}

/** Each statement for all copies, so that these share the loops inside. */
function emitJammed(sites: readonly Site[], body: readonly Stmt[], sequence: Sequence): void {
  const unused = lastUses(body);
  body.forEach((s, n) => {
    if (s.kind === "if") throw new Error("a vector loop has no if");
    if (s.kind === "for") emitInner(sites, s, sequence);
    for (const site of sites) {
      if (s.kind !== "for") emitLaneStmt(site, s, sequence);
      const { scope } = site.loop.frame;
      scope.endStatement();
      for (const local of unused[n] ?? []) site.copy.locals.get(local)?.forEach(scope.release);
    }
  });
}

/** A loop inside, once for all lanes and copies. */
function emitInner(sites: readonly Site[], s: For, sequence: Sequence): void {
  const [first] = sites;
  if (first === undefined) return;
  const { loop } = first;
  const { frame } = loop;
  const { scope } = frame;
  const { module, binaryen } = scope;
  const counter = scope.lasting(binaryen.i32);
  const from = hoisted(loop, s.from, "exact");
  const to = scope.lasting(binaryen.i32);
  sequence.push(module.local.set(counter.index, from));
  sequence.push(module.local.set(to.index, hoisted(loop, s.to, "exact")));
  frame.locals.set(s.local, counter);
  const inner = enterLoop(loop, s);
  emitJammed(
    sites.map((site) => ({ ...site, loop: inner.loop })),
    s.body,
    inner.body,
  );
  const end = () => get(scope, to);
  const passes = repeated(frame, counter, s.step, end, [...inner.body, ...inner.advance]);
  const some = isBelow(frame, counter, end);
  sequence.push(module.if(some, module.block(null, [...inner.entry, passes])));
}

function emitLaneStmt(site: Site, s: Exclude<LaneStmt, { kind: "for" }>, sequence: Sequence): void {
  const { loop, copy } = site;
  const { scope } = loop.frame;
  const value = () => emitLanes(loop, copy, s.value, sequence);
  switch (s.kind) {
    case "let":
      emitLet(site, s, sequence);
      return;
    case "init":
      copy.locals.set(s.local, defineParts(scope, value(), sequence));
      return;
    case "assign":
      setParts(scope, lookUp(copy.locals, s.local, s.local.name), value(), sequence);
      return;
    case "accumulate":
      emitAccumulate(site, s, sequence);
      return;
    case "store":
    case "accumulateAt":
      emitAccess(site, s, sequence);
      return;
  }
}

/** What does not vary is a scalar before the loop, what is affine needs no code until it is used. */
function emitLet({ loop, copy }: Site, s: Extract<Stmt, { kind: "let" }>, sequence: Sequence): void {
  const { frame } = loop;
  switch (loop.forms.ofLocal(s.local).kind) {
    case "invariant":
      defineBefore(loop, s.local, s.value);
      return;
    case "affine":
      return;
    case "varying":
      copy.locals.set(s.local, defineParts(frame.scope, emitLanes(loop, copy, s.value, sequence), sequence));
  }
}

function holdParts(scope: Scope, parts: readonly Ref[], sequence: Sequence): readonly Slot[] {
  return parts.map((part) => hold(scope, sequence, scope.binaryen.v128, part));
}

function defineParts(scope: Scope, parts: readonly Ref[], sequence: Sequence): readonly Slot[] {
  return parts.map((part) => define(scope, sequence, scope.binaryen.v128, part));
}

function setParts(scope: Scope, slots: readonly Slot[], parts: readonly Ref[], sequence: Sequence): void {
  const fresh = holdParts(scope, parts, sequence);
  slots.forEach((slot, i) => {
    sequence.push(scope.module.local.set(slot.index, get(scope, partAt(fresh, i))));
  });
}

function partAt<T>(parts: readonly T[], i: number): T {
  const part = parts[i];
  if (part === undefined) throw new Error("a part of a vector value is missing");
  return part;
}

function floatLike(local: Local): FloatLike {
  if (local.type !== "float" && local.type !== "wide") throw new Error(`${local.name} is no float`);
  return local.type;
}

function emitAccumulate(site: Site, s: Extract<Stmt, { kind: "accumulate" }>, sequence: Sequence): void {
  const { loop, copy, index } = site;
  const { scope } = loop.frame;
  const type = floatLike(s.local);
  if (emitFused(site, s, sequence)) return;
  const parts = holdParts(scope, emitLanes(loop, copy, s.value, sequence), sequence);
  const inner = copy.locals.get(s.local);
  const floats = laneFloats(scope, type);
  if (inner !== undefined) {
    const sums = inner.map((slot, i) => step(floats, s.op, get(scope, slot), get(scope, partAt(parts, i))));
    setParts(scope, inner, sums, sequence);
    return;
  }
  const sum = site.sums.get(s.local) ?? createAccumulator(scope, s.op, type, site.sets);
  site.sums.set(s.local, sum);
  partAt(sum.copies, index % site.sets).forEach((slot, i) => {
    const part = partAt(parts, i);
    const next = fastStep(scope, type, s.op, get(scope, slot), get(scope, part));
    sequence.push(scope.module.local.set(slot.index, next));
    const nan = sum.nans?.[index % site.sets];
    if (nan === undefined) return;
    const isNan = floats.ne(get(scope, part), get(scope, part));
    sequence.push(scope.module.local.set(nan.index, scope.module.v128.or(get(scope, nan), isNan)));
  });
}

/** A product that is added to a sum of the iteration, in one instruction where the module may round it as it likes. */
function emitFused(
  { loop, copy }: Site,
  { local, op, value }: Extract<Stmt, { kind: "accumulate" }>,
  sequence: Sequence,
): boolean {
  const { scope } = loop.frame;
  const inner = copy.locals.get(local);
  const isProduct = op === "sum" && value.kind === "binary" && value.op === "mul";
  if (inner === undefined || !isProduct || !isRelaxed(scope)) return false;
  const [a, b] = [value.a, value.b].map((factor) =>
    holdParts(scope, emitLanes(loop, copy, factor, sequence), sequence),
  );
  if (a === undefined || b === undefined) return false;
  const type = floatTypeOf(floatLike(local), scope.dtype);
  const sums = inner.map((slot, i) =>
    relaxedMulAdd(scope, type, get(scope, partAt(a, i)), get(scope, partAt(b, i)), get(scope, slot)),
  );
  inner.forEach((slot, i) => {
    sequence.push(scope.module.local.set(slot.index, partAt(sums, i)));
  });
  return true;
}

function createAccumulator(scope: Scope, op: AccumulateOp, type: FloatLike, copies: number): Accumulator {
  const vector = () => scope.lasting(scope.binaryen.v128);
  const times = <T>(n: number, make: () => T): readonly T[] => Array.from({ length: n }, make);
  return {
    op,
    type,
    copies: times(copies, () => times(partCount(scope, type), vector)),
    nans: op === "max" || op === "min" ? times(copies, vector) : undefined,
  };
}

function step(floats: Floats, op: AccumulateOp, a: Ref, b: Ref): Ref {
  const row = floatBinary[accumulators[op].op];
  if (row.by !== "instruction") throw new Error(`${op} is no instruction`);
  return row.emit(floats, a, b);
}

function intStep(module: WasmModule, op: AccumulateOp, a: Ref, b: Ref): Ref {
  const row = intLane[accumulators[op].op];
  if (row === undefined) throw new Error(`${op} is no instruction`);
  return row(module, a, b);
}

/** As `step`; a maximum or minimum keeps `a` where `b` is NaN. */
function fastStep(scope: Scope, type: FloatLike, op: AccumulateOp, a: Ref, b: Ref): Ref {
  const lanes = floatTypeOf(type, scope.dtype) === "f32" ? scope.module.f32x4 : scope.module.f64x2;
  if (op === "max") return lanes.pmax(a, b);
  if (op === "min") return lanes.pmin(a, b);
  return step(laneFloats(scope, type), op, a, b);
}

function startAccumulator(scope: Scope, local: Local, sum: Accumulator): Sequence {
  const { module } = scope;
  const identity = constantParts(scope, local.type, accumulators[sum.op].identity);
  const none = constantParts(scope, "bool", 0);
  return [
    ...sum.copies.flatMap((parts) =>
      parts.map((slot, i) => module.local.set(slot.index, get(scope, partAt(identity, i)))),
    ),
    ...(sum.nans ?? []).map((slot) => module.local.set(slot.index, get(scope, partAt(none, 0)))),
  ];
}

/** Adds the lanes of all copies to the local, in pairs. */
function finishAccumulator(frame: Frame, local: Local, sum: Accumulator, sequence: Sequence): void {
  const { scope } = frame;
  const { module, binaryen } = scope;
  const { op, type } = sum;
  const pair = (a: Slot, b: Slot): Slot =>
    keep(scope, sequence, binaryen.v128, fastStep(scope, type, op, get(scope, a), get(scope, b)));
  const vector = pairwise(sum.copies.flat(), pair);
  const swapped = (of: Slot, lanes: readonly number[]): Slot =>
    keep(scope, sequence, binaryen.v128, shuffle32(module, get(scope, of), get(scope, of), lanes));
  const halves = pair(vector, swapped(vector, [2, 3, 0, 1]));
  const isF32 = floatTypeOf(type, scope.dtype) === "f32";
  const total = isF32 ? pair(halves, swapped(halves, [1, 0, 3, 2])) : halves;
  const first = extract(scope, type, [() => get(scope, total), () => get(scope, total)], 0);
  const result = sum.nans === undefined ? first : orNan(frame, type, sum.nans, first);
  const slot = slotOf(frame, local);
  const next = combine(frame, local.type, op, get(scope, slot), result, sequence);
  sequence.push(module.local.set(slot.index, next));
}

function pairwise<T>(items: readonly T[], pair: (a: T, b: T) => T): T {
  let level = items;
  while (level.length > 1) {
    const next: T[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [partAt(level, i), level[i + 1]];
      next.push(b === undefined ? a : pair(a, b));
    }
    level = next;
  }
  return partAt(level, 0);
}

function orNan(frame: Frame, type: FloatLike, nans: readonly Slot[], value: Ref): Ref {
  const { scope } = frame;
  const { module } = scope;
  const any = nans.map((slot) => get(scope, slot)).reduce((a, b) => module.v128.or(a, b));
  const nan = module[floatTypeOf(type, scope.dtype)].const(NaN);
  return module.select(module.v128.any_true(any), nan, value);
}

function emitAccess({ loop, copy }: Site, s: Access, sequence: Sequence): void {
  const { frame } = loop;
  const { scope } = frame;
  const member = loop.groups.ofStore(s);
  if (member !== undefined) {
    const value = partAt(defineParts(scope, emitLanes(loop, copy, s.value, sequence), sequence), 0);
    storeGroup({ loop, copy, buffer: s.buffer, affine: member.group.first, sequence }, member, value);
    return;
  }
  const place = placeOf(loop, copy, s.buffer, s.offset, sequence);
  if (place === undefined) throw new Error("a vector loop stores at affine offsets");
  const lanes = partAt(holdParts(scope, emitLanes(loop, copy, s.value, sequence), sequence), 0);
  const value = () => get(scope, lanes);
  if (s.kind === "store") {
    storeLanes(place, value);
    return;
  }
  const { type } = s.buffer;
  updateLanes(place, {
    whole: (old) =>
      type === "int"
        ? intStep(scope.module, s.op, old, value())
        : step(laneFloats(scope, type), s.op, old, value()),
    lane: (old, lane) => combine(frame, type, s.op, old, extract(scope, type, [value], lane), sequence),
  });
}
