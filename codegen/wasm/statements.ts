/**
 * In: statements of the loop IR. Out: WebAssembly instructions, appended to a sequence.
 * Terminates: one visit for each statement; the depth of the recursion is the depth of the loop nest.
 */

import type { Expr, Stmt } from "../../src/loop/types.ts";
import type { Ref } from "./binaryen.ts";
import { emitCall } from "./call.ts";
import type { Frame } from "./frame.ts";
import { lastUses } from "./lifetimes.ts";
import { combine, countedLoop, repeated } from "./loops.ts";
import { address, addressOf, emitScalar, loadElement, slotOf, storeElement } from "./scalar.ts";
import { bind, define, get, hold, scalarType } from "./scope.ts";
import type { Sequence } from "./scope.ts";
import { emitVectorPart } from "./vectorise.ts";

type Statements = {
  readonly [K in Stmt["kind"]]: (frame: Frame, s: Extract<Stmt, { kind: K }>, sequence: Sequence) => void;
};

const statements: Statements = {
  for: emitLoop,
  let: declare,
  init: declare,
  accumulate: (frame, s, sequence) => {
    const slot = slotOf(frame, s.local);
    const value = emitScalar(frame, s.value, sequence);
    const sum = combine(frame, s.local.type, s.op, get(frame.scope, slot), value, sequence);
    sequence.push(frame.scope.module.local.set(slot.index, sum));
  },
  assign: (frame, s, sequence) => {
    const value = emitScalar(frame, s.value, sequence);
    sequence.push(frame.scope.module.local.set(slotOf(frame, s.local).index, value));
  },
  store: (frame, s, sequence) => {
    const { pointer, bytes } = addressOf(frame, s.buffer, s.offset, emitScalar(frame, s.offset, sequence));
    sequence.push(storeElement(frame, s.buffer, pointer, emitScalar(frame, s.value, sequence), bytes));
  },
  accumulateAt: (frame, s, sequence) => {
    const { scope } = frame;
    const to = hold(scope, sequence, scope.binaryen.i32, address(frame, s.buffer, emitScalar(frame, s.offset, sequence))); // prettier-ignore
    const value = emitScalar(frame, s.value, sequence);
    const sum = combine(
      frame,
      s.buffer.type,
      s.op,
      loadElement(frame, s.buffer, get(scope, to)),
      value,
      sequence,
    );
    sequence.push(storeElement(frame, s.buffer, get(scope, to), sum));
  },
  if: (frame, s, sequence) => {
    const { module } = frame.scope;
    const test = emitScalar(frame, s.test, sequence);
    const otherwise = s.else.length === 0 ? undefined : block(frame, s.else);
    sequence.push(module.if(test, block(frame, s.then), otherwise));
  },
};

export function emitStatements(frame: Frame, body: readonly Stmt[], sequence: Sequence): void {
  const ends = lastUses(body);
  body.forEach((s, i) => {
    const call = frame.calls.get(s);
    const row = statements[s.kind] as (frame: Frame, s: Stmt, sequence: Sequence) => void;
    if (call === undefined) row(frame, s, sequence);
    else emitCall(frame, call, sequence);
    frame.scope.endStatement();
    for (const local of ends[i] ?? []) frame.scope.release(slotOf(frame, local));
  });
}

function block(frame: Frame, body: readonly Stmt[]): Ref {
  const sequence: Sequence = [];
  emitStatements(frame, body, sequence);
  return frame.scope.module.block(null, sequence);
}

function declare(frame: Frame, s: Extract<Stmt, { kind: "let" | "init" }>, sequence: Sequence): void {
  const value = emitScalar(frame, s.value, sequence);
  frame.locals.set(s.local, define(frame.scope, sequence, scalarType(frame.scope, s.local.type), value));
}

function emitLoop(frame: Frame, s: Extract<Stmt, { kind: "for" }>, sequence: Sequence): void {
  const { scope } = frame;
  const to = emitBound(frame, s.to, sequence);
  const counter = bind(scope, sequence, scope.binaryen.i32, emitScalar(frame, s.from, sequence));
  // What a vector loop leaves over, or all of it.
  if (s.mode === "vector" && emitVectorPart(frame, s, counter, to, sequence) === "none left") return;
  frame.locals.set(s.local, counter);
  const body: Sequence = [];
  emitStatements(frame, s.body, body);
  const looped = s.mode === "serial" && isEntered(s) ? repeated : countedLoop;
  sequence.push(looped(frame, counter, s.step, to, body));
}

/** Whether it is known that there is an iteration. */
function isEntered({ from, to }: Extract<Stmt, { kind: "for" }>): boolean {
  return from.kind === "const" && to.kind === "const" && from.value < to.value;
}

/** A value computed once before a loop: a constant is its own best place. */
function emitBound(frame: Frame, expr: Expr, sequence: Sequence): () => Ref {
  const { module, binaryen } = frame.scope;
  if (expr.kind === "const") return () => module.i32.const(expr.value);
  const slot = bind(frame.scope, sequence, binaryen.i32, emitScalar(frame, expr, sequence));
  return () => get(frame.scope, slot);
}
