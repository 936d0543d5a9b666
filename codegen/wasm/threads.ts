/**
 * In: a kernel in phases. Out: a function that every thread calls, `name.thread(thread, threads, control, spins, …)`
 * with the arguments of the kernel after these, and `name.work(…)`: the operations between two waits, about.
 * Terminates: one pass over the phases.
 *
 * Threads take parts of a phase as they come to it, so that a thread which the system holds up delays the others by one part
 * at most, and by none if it has not begun. Which thread computes an element does not change it.
 */

import type { Expr, Kernel, Local, Stmt } from "../../src/loop/types.ts";
import { foldExpr, operands } from "../../src/loop/fold.ts";
import { CONTROL, threadExport, workExport } from "../../src/runtime/control.ts";
import type { Parallel, Phase } from "../../src/schedule/parallel.ts";
import { parametersOf, scratchExport, temporariesOf } from "./abi.ts";
import type { Parameter } from "./abi.ts";
import { isMath } from "./arithmetic.ts";
import type { Binaryen, Ref, WasmModule } from "./binaryen.ts";
import { lookUp } from "./frame.ts";
import type { Calls, Frame, MathLibrary } from "./frame.ts";
import { after, bytesOf, define, NO_CALLS, openKernel, placeBuffers } from "./kernel.ts";
import { emitScalar, slotOf } from "./scalar.ts";
import { bind, get, scalarType } from "./scope.ts";
import type { Sequence, Slot } from "./scope.ts";
import { emitStatements } from "./statements.ts";

const [TAKE, DONE, WAIT] = ["threads.take", "threads.done", "threads.wait"];

const WORDS = ["thread", "threads", "control", "spins"] as const;

type Word = (typeof WORDS)[number];

interface Threads {
  readonly frame: Frame;
  readonly word: (name: Word) => Ref;
  /** The number of the phase, as in the state. */
  readonly phase: Slot;
  /** Where the values begin that the thread of a phase hands to the others. */
  readonly results: ReadonlyMap<Phase, number>;
}

/** Whether others come after a phase: after the last one nobody but the caller waits. */
type Place = "inner" | "last";

const wordParameters = WORDS.map((name): Parameter => ({ kind: "word", name }));

/** The number of a phase is in the upper bits of the state, that of its next part in these. */
const PART_BITS = 16;
const NEXT_PHASE = 1 << PART_BITS;

/**
 * What threads do at a phase. A phase is over when all of its parts are done, whoever did them: a thread that wakes up late
 * finds it over, and goes on to where the others are.
 */
export function addPhases(binaryen: Binaryen, module: WasmModule): void {
  addTake(binaryen, module);
  addDone(binaryen, module);
  addWait(binaryen, module);
}

interface Words {
  readonly local: (index: number) => Ref;
  readonly state: () => Ref;
  /** Whether the phase is not over, by the state in a local. */
  readonly isCurrent: (state: number) => Ref;
}

/** Of functions whose first parameters are the control words and the phase. */
const wordsOf = ({ i32 }: Binaryen, module: WasmModule): Words => {
  const local = (index: number): Ref => module.local.get(index, i32);
  const phaseOf = (state: Ref): Ref => module.i32.and(state, module.i32.const(-NEXT_PHASE));
  return {
    local,
    state: () => module.i32.atomic.load(CONTROL.state, local(0)),
    isCurrent: (state) => module.i32.eq(phaseOf(local(state)), local(1)),
  };
};

/** (control, phase, parts) → the next part, or −1 where none is left. */
function addTake(binaryen: Binaryen, module: WasmModule): void {
  const { i32 } = binaryen;
  const { local, state, isCurrent } = wordsOf(binaryen, module);
  const [parts, seen, part] = [2, 3, 4];
  const partOf = module.i32.and(local(seen), module.i32.const(NEXT_PHASE - 1));
  const next = module.i32.add(local(seen), module.i32.const(1));
  const changed = module.i32.atomic.rmw.cmpxchg(CONTROL.state, local(0), local(seen), next);
  const isLeft = module.i32.lt_s(module.local.tee(part, partOf, i32), local(parts));
  const take = module.if(isLeft, module.block(null, [
    module.br_if("again", module.i32.ne(changed, local(seen))),
    module.return(local(part)),
  ])); // prettier-ignore
  const body = module.block(null, [module.local.set(seen, state()), module.if(isCurrent(seen), take)]);
  const types = binaryen.createType([i32, i32, i32]);
  const all = module.block(null, [module.loop("again", body), module.i32.const(-1)], i32);
  module.addFunction(TAKE, types, i32, [i32, i32], all);
}

/** (control, phase, parts): a part is done; after the last one comes the next phase. */
function addDone(binaryen: Binaryen, module: WasmModule): void {
  const { i32 } = binaryen;
  const { local } = wordsOf(binaryen, module);
  const parts = 2;
  const before = module.i32.atomic.rmw.add(CONTROL.done, local(0), module.i32.const(1));
  const isLast = module.i32.eq(module.i32.add(before, module.i32.const(1)), local(parts));
  const everybody = module.i32.const(-1);
  const open = [
    module.i32.atomic.store(CONTROL.done, local(0), module.i32.const(0)),
    module.i32.atomic.store(CONTROL.state, local(0), module.i32.add(local(1), module.i32.const(NEXT_PHASE))),
    module.drop(module.memory.atomic.notify(stateAddress(module, local(0)), everybody)),
  ];
  const types = binaryen.createType([i32, i32, i32]);
  module.addFunction(DONE, types, binaryen.none, [], module.if(isLast, module.block(null, open)));
}

const stateAddress = (module: WasmModule, control: Ref): Ref =>
  module.i32.add(control, module.i32.const(CONTROL.state));

/**
 * (control, phase, spins): until the phase is over, of which all parts are taken. Looks so many times before it goes to
 * sleep, or without end where `spins` is negative, as in a page's main thread.
 */
function addWait(binaryen: Binaryen, module: WasmModule): void {
  const { i32 } = binaryen;
  const { local, state, isCurrent } = wordsOf(binaryen, module);
  const [spins, seen] = [2, 3];
  const forever = module.i64.const(-1n);
  const sleep = module.drop(
    module.memory.atomic.wait32(stateAddress(module, local(0)), local(seen), forever),
  );
  const lessSpins = module.local.set(spins, module.i32.sub(local(spins), module.i32.const(1)));
  const look = module.block(null, [
    module.if(module.i32.eqz(local(spins)), sleep, lessSpins),
    module.br("again"),
  ]);
  const body = module.block(null, [module.local.set(seen, state()), module.if(isCurrent(seen), look)]);
  const types = binaryen.createType([i32, i32, i32]);
  module.addFunction(WAIT, types, binaryen.none, [i32], module.loop("again", body));
}

export function addThreads(
  binaryen: Binaryen,
  module: WasmModule,
  { kernel, phases, own }: Parallel,
  math: MathLibrary,
  calls: Calls,
): void {
  const parameters = [...wordParameters, ...parametersOf(kernel)];
  const { frame, types, scratch } = openKernel(binaryen, module, kernel, math, parameters, calls);
  const { scope } = frame;
  const threads: Threads = {
    frame,
    word: (name) => module.local.get(WORDS.indexOf(name), binaryen.i32),
    phase: bind(scope, scope.prologue, binaryen.i32, module.i32.const(0)),
    results: resultPlaces(phases),
  };
  if (scratch !== undefined) placeTemporaries(threads, kernel, own, scratch);
  const body: Sequence = [];
  emitPhases(threads, phases, "last", body);
  define(scope, threadExport(kernel.name), types, binaryen.none, [...scope.prologue, ...body]);
  addScratchSize(binaryen, module, kernel, own, math);
  addWork(binaryen, module, kernel, phases, math);
}

/** What threads share, and after it what each has for itself. */
function placeTemporaries(
  { frame, word }: Threads,
  kernel: Kernel,
  own: Parallel["own"],
  scratch: Slot,
): void {
  const { scope } = frame;
  const { module, binaryen, prologue } = scope;
  const [shared, others] = sharedAndOwn(kernel, own);
  const last = shared.at(-1);
  const end = placeBuffers(frame, shared, scratch);
  const behind = last === undefined ? get(scope, scratch) : after(frame, last, end);
  const start = bind(scope, prologue, binaryen.i32, behind);
  const mine = module.i32.mul(word("thread"), bytesOf(frame, others));
  placeBuffers(frame, others, bind(scope, prologue, binaryen.i32, module.i32.add(get(scope, start), mine)));
}

const sharedAndOwn = (kernel: Kernel, own: Parallel["own"]) => {
  const all = temporariesOf(kernel);
  return [all.filter((buffer) => !own.has(buffer)), all.filter((buffer) => own.has(buffer))] as const;
};

/** `name.thread.scratch(threads, dims…)` */
function addScratchSize(
  binaryen: Binaryen,
  module: WasmModule,
  kernel: Kernel,
  own: Parallel["own"],
  math: MathLibrary,
): void {
  const parameters: readonly Parameter[] = [
    { kind: "word", name: "threads" },
    ...kernel.dims.map((dim): Parameter => ({ kind: "dim", dim })),
  ];
  const { frame, types } = openKernel(binaryen, module, kernel, math, parameters, NO_CALLS);
  const [shared, others] = sharedAndOwn(kernel, own);
  const threads = module.local.get(0, binaryen.i32);
  const total = module.i32.add(bytesOf(frame, shared), module.i32.mul(threads, bytesOf(frame, others)));
  const name = scratchExport({ ...kernel, name: threadExport(kernel.name) });
  define(frame.scope, name, types, binaryen.i32, [...frame.scope.prologue, total]);
}

// ---- phases

/** One after the other, in the control words. */
const resultPlaces = (phases: readonly Phase[]): ReadonlyMap<Phase, number> => {
  const places = new Map<Phase, number>();
  let next: number = CONTROL.results;
  const visit = (all: readonly Phase[]): void => {
    for (const phase of all) {
      if (phase.kind === "if") visit([...phase.then, ...phase.else]);
      if (phase.kind !== "one") continue;
      places.set(phase, next);
      next += 8 * phase.results.length;
    }
  };
  visit(phases);
  return places;
};

function emitPhases(threads: Threads, phases: readonly Phase[], place: Place, sequence: Sequence): void {
  phases.forEach((phase, k) => {
    const own = k < phases.length - 1 ? "inner" : place;
    switch (phase.kind) {
      case "all":
        emitEach(threads.frame, phase.body, sequence);
        break;
      case "one":
        emitOne(threads, phase, own, sequence);
        break;
      case "split":
        emitSplit(threads, phase, own, sequence);
        break;
      case "if":
        emitIf(threads, phase, own, sequence);
        break;
    }
  });
}

/** One by one: their locals last until the end of the function. */
function emitEach(frame: Frame, body: readonly Stmt[], sequence: Sequence): void {
  for (const stmt of body) emitStatements(frame, [stmt], sequence);
}

/** Takes parts until none is left, does each, and waits for those that others do. */
function emitParts(
  { frame, word, phase }: Threads,
  parts: () => Ref,
  place: Place,
  body: (part: Slot, sequence: Sequence) => void,
  sequence: Sequence,
): void {
  const { scope } = frame;
  const { module, binaryen } = scope;
  const { i32, none } = binaryen;
  const current = (): Ref => get(scope, phase);
  const work: Sequence = [];
  const part = bind(scope, work, i32, module.call(TAKE, [word("control"), current(), parts()], i32));
  const inner: Sequence = [];
  body(part, inner);
  const label = scope.label();
  inner.push(module.call(DONE, [word("control"), current(), parts()], none), module.br(label));
  const isTaken = module.i32.ge_s(get(scope, part), module.i32.const(0));
  work.push(module.if(isTaken, module.block(null, inner)));
  const wait = module.call(WAIT, [word("control"), current(), word("spins")], none);
  const isCaller = module.i32.eqz(word("thread"));
  const next = module.i32.add(current(), module.i32.const(NEXT_PHASE));
  sequence.push(
    module.loop(label, module.block(null, work)),
    place === "last" ? module.if(isCaller, wait) : wait,
    module.local.set(phase.index, next),
  );
}

function emitIf(
  threads: Threads,
  phase: Extract<Phase, { kind: "if" }>,
  place: Place,
  sequence: Sequence,
): void {
  const { frame } = threads;
  const { module } = frame.scope;
  const test = emitScalar(frame, phase.test, sequence);
  const branch = (phases: readonly Phase[]): Ref => {
    const inner: Sequence = [];
    emitPhases(threads, phases, place, inner);
    return module.block(null, inner);
  };
  sequence.push(module.if(test, branch(phase.then), branch(phase.else)));
}

function emitOne(
  threads: Threads,
  phase: Extract<Phase, { kind: "one" }>,
  place: Place,
  sequence: Sequence,
): void {
  const { frame, word, results } = threads;
  const { module } = frame.scope;
  const offset = (k: number): number => lookUp(results, phase, "a phase") + 8 * k;
  const work = (_: Slot, inner: Sequence): void => {
    emitEach(frame, phase.body, inner);
    phase.results.forEach((local, k) => {
      inner.push(module.f64.store(offset(k), 8, word("control"), asDouble(frame, local)));
    });
  };
  emitParts(threads, () => module.i32.const(1), place, work, sequence);
  phase.results.forEach((local, k) => {
    const value = module.f64.load(offset(k), 8, word("control"));
    sequence.push(module.local.set(slotOf(frame, local).index, fromDouble(frame, local, value)));
  });
}

/** An f64 holds every value of every type. */
function asDouble(frame: Frame, local: Local): Ref {
  const { module, binaryen } = frame.scope;
  const value = get(frame.scope, slotOf(frame, local));
  const type = scalarType(frame.scope, local.type);
  if (type === binaryen.f64) return value;
  return type === binaryen.f32 ? module.f64.promote(value) : module.f64.convert_s.i32(value);
}

function fromDouble(frame: Frame, local: Local, value: Ref): Ref {
  const { module, binaryen } = frame.scope;
  const type = scalarType(frame.scope, local.type);
  if (type === binaryen.f64) return value;
  return type === binaryen.f32 ? module.f32.demote(value) : module.i32.trunc_s_sat.f64(value);
}

/** Parts of a split loop for each thread: more of them even out the work, fewer cost less. */
const PARTS = 16;

function emitSplit(
  threads: Threads,
  phase: Extract<Phase, { kind: "split" }>,
  place: Place,
  sequence: Sequence,
): void {
  const { frame, word } = threads;
  const { scope } = frame;
  const { module, binaryen } = scope;
  const { loop, unit, overlaps } = phase;
  const { i32 } = module;
  const slot = (value: Ref): Slot => bind(scope, sequence, binaryen.i32, value);
  const number = (value: number): Ref => i32.const(value);
  const smaller = (a: Slot, b: Slot): Ref => module.select(i32.lt_s(get(scope, a), get(scope, b)), get(scope, a), get(scope, b)); // prettier-ignore
  const larger = (a: Slot, b: number): Ref => module.select(i32.gt_s(get(scope, a), number(b)), get(scope, a), number(b)); // prettier-ignore
  const quotient = (a: Ref, b: () => Ref): Ref => i32.div_s(i32.add(a, i32.sub(b(), number(1))), b());
  const from = slot(emitScalar(frame, loop.from, sequence));
  const to = slot(emitScalar(frame, loop.to, sequence));
  const span = unit * loop.step;
  const length = i32.sub(get(scope, to), get(scope, from));
  // one at least, so that somebody ends the phase; it has no iterations where there are none
  const wanted = slot(quotient(length, () => number(span)));
  const units = slot(larger(wanted, 1));
  // the last unit goes with the one before it
  if (overlaps) {
    const fewer = slot(i32.sub(get(scope, units), number(1)));
    sequence.push(module.local.set(units.index, larger(fewer, 1)));
  }
  const most = slot(i32.mul(word("threads"), number(PARTS)));
  const size = slot(quotient(get(scope, units), () => get(scope, most)));
  const parts = slot(quotient(get(scope, units), () => get(scope, size)));
  const run = (part: Slot, inner: Sequence): void => {
    const hold = (value: Ref): Slot => bind(scope, inner, binaryen.i32, value);
    const first = hold(i32.mul(get(scope, part), get(scope, size)));
    const last = hold(i32.add(get(scope, first), get(scope, size)));
    const at = (unitAt: Slot): Ref => i32.add(get(scope, from), i32.mul(get(scope, unitAt), number(span)));
    const start = hold(at(first));
    const whole = hold(at(last));
    const isEnd = i32.ge_s(get(scope, last), get(scope, units));
    const end = hold(module.select(isEnd, get(scope, to), smaller(whole, to)));
    const [low, high] = [{ name: "from", type: "int" }, { name: "to", type: "int" }] as const satisfies readonly Local[]; // prettier-ignore
    frame.locals.set(low, start);
    frame.locals.set(high, end);
    emitStatements(frame, [{ ...loop, from: use(low), to: use(high) }], inner);
  };
  emitParts(threads, () => get(scope, parts), place, run, sequence);
}

const use = (local: Local): Expr => ({ kind: "local", type: local.type, local });

// ---- work

const WORK_OF_MATH = 20;

/** Trips of a loop whose bounds depend on data. */
const UNKNOWN_TRIPS = 16;

function addWork(
  binaryen: Binaryen,
  module: WasmModule,
  kernel: Kernel,
  phases: readonly Phase[],
  math: MathLibrary,
): void {
  const { frame, types } = openKernel(binaryen, module, kernel, math, parametersOf(kernel), NO_CALLS);
  const { scope } = frame;
  const sequence: Sequence = [];
  const [operations, waits] = [slotOfZero(frame), slotOfZero(frame)];
  countPhases({ frame, operations, waits }, phases, sequence);
  const least = module.f64.max(get(scope, waits), module.f64.const(1));
  sequence.push(module.f64.div(get(scope, operations), least));
  define(scope, workExport(kernel.name), types, binaryen.f64, [...scope.prologue, ...sequence]);
}

interface Count {
  readonly frame: Frame;
  readonly operations: Slot;
  readonly waits: Slot;
}

const slotOfZero = ({ scope }: Frame): Slot =>
  bind(scope, scope.prologue, scope.binaryen.f64, scope.module.f64.const(0));

function countPhases(count: Count, phases: readonly Phase[], sequence: Sequence): void {
  const { frame, operations, waits } = count;
  const { scope } = frame;
  const { f64 } = scope.module;
  const more = (slot: Slot, value: Ref): Ref => scope.module.local.set(slot.index, f64.add(get(scope, slot), value)); // prettier-ignore
  for (const phase of phases) {
    if (phase.kind === "all" || phase.kind === "one") {
      for (const stmt of phase.body) declare(frame, stmt, sequence);
    } else if (phase.kind === "if") {
      if (!isKnown(frame, phase.test)) continue;
      const test = emitScalar(frame, phase.test, sequence);
      const [then, otherwise] = [phase.then, phase.else].map((branch) => {
        const inner: Sequence = [];
        countPhases(count, branch, inner);
        return scope.module.block(null, inner);
      });
      if (then !== undefined) sequence.push(scope.module.if(test, then, otherwise));
    } else {
      sequence.push(more(operations, workOf(frame, phase.loop, sequence)), more(waits, f64.const(1)));
    }
  }
}

/** Ints that bounds may need, as long as they do not depend on data. */
function declare(frame: Frame, stmt: Stmt, sequence: Sequence): void {
  if (stmt.kind !== "let" || stmt.local.type !== "int" || !isKnown(frame, stmt.value)) return;
  const value = emitScalar(frame, stmt.value, sequence);
  frame.locals.set(stmt.local, bind(frame.scope, sequence, frame.scope.binaryen.i32, value));
}

/** Whether it depends on nothing but arguments and locals that have a value here. */
const isKnown = (frame: Frame, root: Expr): boolean =>
  foldExpr<boolean>(
    root,
    (expr, of) =>
      expr.kind !== "load" &&
      (expr.kind !== "local" || frame.locals.has(expr.local)) &&
      operands(expr).every(of),
  );

/** Operations of a loop: those of an iteration in its middle, times their number. */
function workOf(frame: Frame, loop: Extract<Stmt, { kind: "for" }>, sequence: Sequence): Ref {
  const { scope } = frame;
  const { module, binaryen } = scope;
  const { i32, f64 } = module;
  const known = isKnown(frame, loop.from) && isKnown(frame, loop.to);
  const trips = bind(scope, sequence, binaryen.f64, f64.const(UNKNOWN_TRIPS));
  if (known) {
    const from = bind(scope, sequence, binaryen.i32, emitScalar(frame, loop.from, sequence));
    const to = bind(scope, sequence, binaryen.i32, emitScalar(frame, loop.to, sequence));
    const length = (): Ref => i32.sub(get(scope, to), get(scope, from));
    const count = f64.div(f64.convert_s.i32(length()), f64.const(loop.step));
    sequence.push(module.local.set(trips.index, f64.max(count, f64.const(0))));
    const middle = i32.add(get(scope, from), i32.div_s(length(), i32.const(2)));
    frame.locals.set(loop.local, bind(scope, sequence, binaryen.i32, middle));
  }
  const lanes = loop.mode === "vector" ? 4 : 1;
  const once = workOfBody(frame, loop.body, sequence);
  return f64.div(f64.mul(get(scope, trips), once), f64.const(lanes));
}

function workOfBody(frame: Frame, body: readonly Stmt[], sequence: Sequence): Ref {
  const { f64 } = frame.scope.module;
  let total = f64.const(1);
  for (const stmt of body) {
    if (stmt.kind === "for") total = f64.add(total, workOf(frame, stmt, sequence));
    else if (stmt.kind === "if") total = f64.add(total, workOfBody(frame, stmt.then, sequence));
    else {
      declare(frame, stmt, sequence);
      total = f64.add(total, f64.const(workOfValue(stmt.value)));
    }
  }
  return total;
}

const workOfValue = (root: Expr): number => {
  let total = 1;
  foldExpr<undefined>(root, (expr) => {
    if (expr.kind !== "const" && expr.kind !== "local") total += isMath(expr) ? WORK_OF_MATH : 1;
    return undefined;
  });
  return total;
};
