/**
 * In: a kernel in phases. Out: a function that every thread calls, `name.thread(thread, threads, control, spins, …)`
 * with the arguments of the kernel after these, and `name.work(…)`: the operations between two barriers, about.
 * Terminates: one pass over the phases.
 *
 * Threads take parts of a split loop as they come to it, so that a thread which the system holds up delays the others by
 * one part at most. Which thread computes an element does not change it.
 */

import type { Expr, Kernel, Local, Stmt } from "../../src/loop/types.ts";
import { foldExpr, operands } from "../../src/loop/fold.ts";
import { CONTROL, threadExport, workExport } from "../../src/runtime/control.ts";
import type { Parallel, Phase } from "../../src/schedule/parallel.ts";
import { parametersOf, scratchExport, temporariesOf } from "./abi.ts";
import type { Parameter } from "./abi.ts";
import { isMath } from "./arithmetic.ts";
import type { Binaryen, Ref, WasmModule } from "./binaryen.ts";
import type { Calls, Frame, MathLibrary } from "./frame.ts";
import { after, bytesOf, define, NO_CALLS, openKernel, placeBuffers } from "./kernel.ts";
import { emitScalar, slotOf } from "./scalar.ts";
import { bind, get, scalarType } from "./scope.ts";
import type { Sequence, Slot } from "./scope.ts";
import { emitStatements } from "./statements.ts";

const BARRIER = "threads.barrier";

const WORDS = ["thread", "threads", "control", "spins"] as const;

type Word = (typeof WORDS)[number];

interface Threads {
  readonly frame: Frame;
  readonly word: (name: Word) => Ref;
}

const wordParameters = WORDS.map((name): Parameter => ({ kind: "word", name }));

/**
 * Waits until all threads have come here. The last one resets the parts; the others look so many times before they go to
 * sleep, or without end where `spins` is negative, as in a page's main thread.
 */
export function addBarrier(binaryen: Binaryen, module: WasmModule): void {
  const { i32 } = binaryen;
  const [threads, control, spins, seen, left] = [0, 1, 2, 3, 4];
  const local = (index: number): Ref => module.local.get(index, i32);
  const set = (index: number, value: Ref): Ref => module.local.set(index, value);
  const barriers = (): Ref => module.i32.atomic.load(CONTROL.barriers, local(control));
  const isSame = (): Ref => module.i32.eq(barriers(), local(seen));
  const address = module.i32.add(local(control), module.i32.const(CONTROL.barriers));
  const everybody = module.i32.const(-1);
  const open = [
    module.i32.atomic.store(CONTROL.arrived, local(control), module.i32.const(0)),
    module.i32.atomic.store(CONTROL.part, local(control), module.i32.const(0)),
    module.drop(module.i32.atomic.rmw.add(CONTROL.barriers, local(control), module.i32.const(1))),
    module.drop(module.memory.atomic.notify(address, everybody)),
  ];
  const sleep = module.drop(
    module.memory.atomic.wait32(
      module.i32.add(local(control), module.i32.const(CONTROL.barriers)),
      local(seen),
      module.i64.const(-1n),
    ),
  );
  const wait = module.loop(
    "again",
    module.if(
      isSame(),
      module.block(null, [
        module.if(
          module.i32.eqz(local(left)),
          sleep,
          set(left, module.i32.sub(local(left), module.i32.const(1))),
        ),
        module.br("again"),
      ]),
    ),
  );
  const arrived = module.i32.add(
    module.i32.atomic.rmw.add(CONTROL.arrived, local(control), module.i32.const(1)),
    module.i32.const(1),
  );
  module.addFunction(
    BARRIER,
    binaryen.createType([i32, i32, i32]),
    binaryen.none,
    [i32, i32],
    module.block(null, [
      set(seen, barriers()),
      set(left, local(spins)),
      module.if(module.i32.eq(arrived, local(threads)), module.block(null, open), wait),
    ]),
  );
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
  };
  if (scratch !== undefined) placeTemporaries(threads, kernel, own, scratch);
  const body: Sequence = [];
  emitPhases(threads, phases, body);
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

function emitPhases(threads: Threads, phases: readonly Phase[], sequence: Sequence): void {
  for (const phase of phases) {
    switch (phase.kind) {
      case "all":
        emitEach(threads.frame, phase.body, sequence);
        break;
      case "one":
        emitOne(threads, phase, sequence);
        break;
      case "split":
        emitSplit(threads, phase, sequence);
        break;
      case "if":
        emitIf(threads, phase, sequence);
        break;
    }
  }
}

/** One by one: their locals last until the end of the function. */
function emitEach(frame: Frame, body: readonly Stmt[], sequence: Sequence): void {
  for (const stmt of body) emitStatements(frame, [stmt], sequence);
}

function barrier({ frame, word }: Threads): Ref {
  const { module, binaryen } = frame.scope;
  return module.call(BARRIER, [word("threads"), word("control"), word("spins")], binaryen.none);
}

function emitIf(threads: Threads, phase: Extract<Phase, { kind: "if" }>, sequence: Sequence): void {
  const { frame } = threads;
  const { module } = frame.scope;
  const test = emitScalar(frame, phase.test, sequence);
  const branch = (phases: readonly Phase[]): Ref => {
    const inner: Sequence = [];
    emitPhases(threads, phases, inner);
    return module.block(null, inner);
  };
  sequence.push(module.if(test, branch(phase.then), branch(phase.else)));
}

function emitOne(threads: Threads, phase: Extract<Phase, { kind: "one" }>, sequence: Sequence): void {
  const { frame, word } = threads;
  const { module } = frame.scope;
  const work: Sequence = [];
  emitEach(frame, phase.body, work);
  phase.results.forEach((local, k) => {
    work.push(module.f64.store(CONTROL.results + 8 * k, 8, word("control"), asDouble(frame, local)));
  });
  const isFirst = module.i32.eqz(word("thread"));
  sequence.push(module.if(isFirst, module.block(null, work)), barrier(threads));
  phase.results.forEach((local, k) => {
    const value = module.f64.load(CONTROL.results + 8 * k, 8, word("control"));
    sequence.push(module.local.set(slotOf(frame, local).index, fromDouble(frame, local, value)));
  });
  // nobody writes the results of the next phase before all have read these
  if (phase.results.length > 0) sequence.push(barrier(threads));
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
const PARTS = 8;

function emitSplit(threads: Threads, phase: Extract<Phase, { kind: "split" }>, sequence: Sequence): void {
  const { frame, word } = threads;
  const { scope } = frame;
  const { module, binaryen } = scope;
  const { loop, unit, overlaps } = phase;
  const { i32 } = module;
  const slot = (value: Ref): Slot => bind(scope, sequence, binaryen.i32, value);
  const number = (value: number): Ref => i32.const(value);
  const smaller = (a: Slot, b: Slot): Ref => module.select(i32.lt_s(get(scope, a), get(scope, b)), get(scope, a), get(scope, b)); // prettier-ignore
  const from = slot(emitScalar(frame, loop.from, sequence));
  const to = slot(emitScalar(frame, loop.to, sequence));
  const span = unit * loop.step;
  const length = i32.sub(get(scope, to), get(scope, from));
  const units = slot(i32.div_s(i32.add(length, number(span - 1)), number(span)));
  // the last unit goes with the one before it
  if (overlaps) {
    const joined = module.select(i32.gt_s(get(scope, units), number(1)), i32.sub(get(scope, units), number(1)), get(scope, units)); // prettier-ignore
    sequence.push(module.local.set(units.index, joined));
  }
  const parts = slot(i32.mul(word("threads"), number(PARTS)));
  const whole = i32.add(get(scope, units), i32.sub(get(scope, parts), number(1)));
  const size = slot(i32.div_s(whole, get(scope, parts)));
  const part: Sequence = [];
  const hold = (value: Ref): Slot => bind(scope, part, binaryen.i32, value);
  const first = hold(i32.mul(i32.atomic.rmw.add(CONTROL.part, word("control"), number(1)), get(scope, size)));
  const last = hold(i32.add(get(scope, first), get(scope, size)));
  const place = (at: Slot): Ref => i32.add(get(scope, from), i32.mul(get(scope, at), number(span)));
  const start = hold(place(first));
  const wanted = hold(place(last));
  const isEnd = i32.ge_s(get(scope, last), get(scope, units));
  const end = hold(module.select(isEnd, get(scope, to), smaller(wanted, to)));
  const [low, high] = [{ name: "from", type: "int" }, { name: "to", type: "int" }] as const satisfies readonly Local[]; // prettier-ignore
  frame.locals.set(low, start);
  frame.locals.set(high, end);
  const label = scope.label();
  const inner: Sequence = [];
  emitStatements(frame, [{ ...loop, from: use(low), to: use(high) }], inner);
  const isLeft = i32.lt_s(get(scope, first), get(scope, units));
  part.push(module.if(isLeft, module.block(null, [...inner, module.br(label)])));
  sequence.push(module.loop(label, module.block(null, part)), barrier(threads));
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
  const [operations, barriers] = [slotOfZero(frame), slotOfZero(frame)];
  countPhases({ frame, operations, barriers }, phases, sequence);
  const least = module.f64.max(get(scope, barriers), module.f64.const(1));
  sequence.push(module.f64.div(get(scope, operations), least));
  define(scope, workExport(kernel.name), types, binaryen.f64, [...scope.prologue, ...sequence]);
}

interface Count {
  readonly frame: Frame;
  readonly operations: Slot;
  readonly barriers: Slot;
}

const slotOfZero = ({ scope }: Frame): Slot =>
  bind(scope, scope.prologue, scope.binaryen.f64, scope.module.f64.const(0));

function countPhases(count: Count, phases: readonly Phase[], sequence: Sequence): void {
  const { frame, operations, barriers } = count;
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
      sequence.push(more(operations, workOf(frame, phase.loop, sequence)), more(barriers, f64.const(1)));
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
