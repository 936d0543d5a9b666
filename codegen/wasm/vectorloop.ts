/**
 * A vector loop under construction: where what does not vary between its iterations is computed, and what its copies
 * share. Before the loop: what is known there. A serial loop inside of it has an entry of its own, and what changes
 * with its counter is computed once in each pass, for all lanes and copies.
 */

import type { Buffer, Expr, Local, Stmt } from "../../src/loop/types.ts";
import { foldExpr, operands } from "../../src/loop/fold.ts";
import { formatExpr } from "../../src/loop/format.ts";
import type { Ref } from "./binaryen.ts";
import { int, int2 } from "./forms.ts";
import type { Forms } from "./forms.ts";
import { elementBytes, log2Bytes, lookUp } from "./frame.ts";
import type { Frame } from "./frame.ts";
import type { Inner } from "./innerloop.ts";
import { emitScalar } from "./scalar.ts";
import { keep, get, scalarType } from "./scope.ts";
import type { Sequence, Slot } from "./scope.ts";
import { constantParts, laneCount, splat } from "./shape.ts";
import type { Group, Groups } from "./strided.ts";

export type Loads = "exact" | "clamped";

/**
 * Which functions of the math library are in place: all, those that are short, or none, where a loop runs a few times
 * only. The others are called.
 */
export type Formulas = "all in place" | "short in place" | "called";

/** A place where invariants are computed, each once. */
export interface Home {
  readonly sequence: Sequence;
  readonly scalars: { readonly [K in Loads]: Map<Expr, Slot> };
  readonly splats: { readonly [K in Loads]: Map<Expr, readonly Slot[]> };
  /** Locals of the body that do not vary. */
  readonly defined: Map<Local, Slot>;
}

export interface VectorLoop {
  readonly frame: Frame;
  readonly forms: Forms;
  /** The loop's local in lane 0 of the first copy. */
  readonly counter: Slot;
  readonly step: number;
  /** By the level of a value: 0 runs before the loop, if it has an iteration at all; the last is where the code goes. */
  readonly homes: readonly Home[];
  /** How many of the loops inside have to be entered before a local has its value. */
  readonly levels: Map<Local, number>;
  /** The loop inside that the code goes to. */
  readonly inner: Inner | undefined;
  /** An invariant int times a constant: one expression, however often it is asked for. */
  readonly times: (expr: Expr, factor: number) => Expr;
  /** The address of an element of a buffer. */
  readonly pointer: (buffer: Buffer, offset: Expr) => Slot;
  /** Accesses that are made together. */
  readonly groups: Groups;
  /** What one pass over a sequence computes once: addresses, and the registers of a group of loads. */
  readonly known: (sequence: Sequence) => Map<string, readonly Slot[]>;
  readonly formulas: Formulas;
  /** How many offsets there are at which a whole vector is inside the buffer: 0 and up. */
  readonly wholeVectors: (buffer: Buffer) => Slot;
}

/** One of the copies that an unrolled vector loop makes of its body; `shift` is added to the loop's local. */
export interface Copy {
  readonly shift: number;
  /** Values of a group of stores, until all of them are there. */
  readonly waiting: Map<Group, Slot[]>;
  readonly locals: Map<Local, readonly Slot[]>;
}

export function createHome(sequence: Sequence): Home {
  return {
    sequence,
    scalars: { exact: new Map(), clamped: new Map() },
    splats: { exact: new Map(), clamped: new Map() },
    defined: new Map(),
  };
}

export function createVectorLoop(
  frame: Frame,
  forms: Forms,
  groups: Groups,
  counter: Slot,
  step: number,
): VectorLoop {
  const pointers = new Map<Buffer, Map<string, Slot>>();
  const known = new WeakMap<Sequence, Map<string, readonly Slot[]>>();
  const multiples = new Map<Expr, Map<number, Expr>>();
  const limits = new Map<Buffer, Slot>();
  const before = createHome([]);
  const bindBefore = (value: Ref): Slot =>
    keep(frame.scope, before.sequence, frame.scope.binaryen.i32, value);
  const loop: VectorLoop = {
    frame,
    forms,
    counter,
    step,
    homes: [before],
    levels: new Map(),
    inner: undefined,
    times: (expr, factor) =>
      remember(
        remember(multiples, expr, () => new Map<number, Expr>()),
        factor,
        () => int2("mul", expr, int(factor)),
      ),
    pointer: (buffer, offset) =>
      remember(
        remember(pointers, buffer, () => new Map<string, Slot>()),
        formatExpr(offset),
        () => bindBefore(elementPointer(loop, buffer, offset)),
      ),
    groups,
    formulas: "all in place",
    known: (sequence) => {
      const before = known.get(sequence);
      if (before !== undefined) return before;
      const fresh = new Map<string, readonly Slot[]>();
      known.set(sequence, fresh);
      return fresh;
    },
    wholeVectors: (buffer) => remember(limits, buffer, () => bindBefore(vectorsInside(frame, buffer))),
  };
  return loop;
}

export function remember<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}

/** How many of the loops inside have to be entered before the value is known. */
export function levelOf(loop: VectorLoop, root: Expr): number {
  if (loop.inner === undefined) return 0;
  return foldExpr<number>(root, (expr, of) =>
    expr.kind === "local" ? (loop.levels.get(expr.local) ?? 0) : Math.max(0, ...operands(expr).map(of)),
  );
}

/** Where a value of this level is computed. */
export function homeAt(loop: VectorLoop, level: number): Home {
  const home = loop.homes[level];
  if (home === undefined) throw new Error("a value is used outside of the loop that it changes in");
  return home;
}

export function elementPointer(loop: VectorLoop, buffer: Buffer, offset: Expr): Ref {
  const { frame } = loop;
  const { scope } = frame;
  const bytes = scope.module.i32.shl(
    hoisted(loop, offset, "exact"),
    scope.module.i32.const(log2Bytes[elementBytes(frame, buffer)]),
  );
  return scope.module.i32.add(get(scope, lookUp(frame.pointers, buffer, buffer.name)), bytes);
}

/** length − (lanes − 1), but not below 0. */
function vectorsInside(frame: Frame, buffer: Buffer): Ref {
  const { scope } = frame;
  const { module } = scope;
  const rest = module.i32.const(laneCount(scope) - 1);
  const length = () => get(scope, frame.length(buffer));
  const enough = module.i32.lt_s(rest, length());
  return module.select(
    enough,
    module.i32.sub(length(), module.i32.const(laneCount(scope) - 1)),
    module.i32.const(0),
  );
}

/** An invariant as a scalar. Before a loop that may be empty, what it loads may be out of bounds. */
export function hoisted(loop: VectorLoop, expr: Expr, loads: Loads): Ref {
  const { frame } = loop;
  const { scope } = frame;
  const level = levelOf(loop, expr);
  const home = homeAt(loop, level);
  if (operands(expr).length === 0) return emitScalar(frame, expr, home.sequence);
  const wanted = level < loop.homes.length - 1 ? "clamped" : loads;
  // What is read without a guard elsewhere in the body needs none here.
  const kind = home.scalars.exact.has(expr) ? "exact" : wanted;
  const slot = remember(home.scalars[kind], expr, () => {
    const value = emitScalar(frame, expr, home.sequence, kind);
    return keep(scope, home.sequence, scalarType(scope, expr.type), value);
  });
  return get(scope, slot);
}

/** An invariant in every lane. */
export function hoistedSplat(loop: VectorLoop, expr: Expr, loads: Loads): readonly Ref[] {
  const { scope } = loop.frame;
  return splatSlots(loop, expr, loads).map((slot) => get(scope, slot));
}

/** Constants and parameters are the same in all loops of the kernel. */
function splatSlots(loop: VectorLoop, expr: Expr, loads: Loads): readonly Slot[] {
  const { scope } = loop.frame;
  const parts = () => splat(scope, expr.type, () => hoisted(loop, expr, loads));
  switch (expr.kind) {
    case "const":
      return constantParts(scope, expr.type, expr.value);
    case "dim":
    case "option":
      return parts().map((part) => scope.vectorConstant(`${expr.kind} ${expr.name}`, () => part));
    case "local":
    case "load":
    case "unary":
    case "binary":
    case "compare":
    case "and":
    case "or":
    case "not":
    case "select":
    case "convert": {
      const level = levelOf(loop, expr);
      const { sequence, splats } = homeAt(loop, level);
      const kind = splats.exact.has(expr) ? "exact" : loads;
      return remember(splats[kind], expr, () => {
        const everywhere = loadEverywhere(loop, expr, kind, level);
        const made = everywhere === undefined ? parts() : [everywhere];
        return made.map((part) => keep(scope, sequence, scope.binaryen.v128, part));
      });
    }
  }
}

/** A load into all lanes, in a loop inside: its address advances with the loop. */
function loadEverywhere(loop: VectorLoop, expr: Expr, loads: Loads, level: number): Ref | undefined {
  const { frame, inner } = loop;
  const isHere = inner !== undefined && level === loop.homes.length - 1;
  if (!isHere || expr.kind !== "load" || expr.type !== "float" || loads !== "exact") return undefined;
  const { slot, bytes } = inner.address(loop, expr.buffer, expr.offset, int(0));
  const pointer = get(frame.scope, slot);
  const { v128 } = frame.scope.module;
  return elementBytes(frame, expr.buffer) === 4
    ? v128.load32_splat(bytes, 4, pointer)
    : v128.load64_splat(bytes, 8, pointer);
}

/** Gives an invariant local of the body its value, before the loop if it can be known there. */
export function defineBefore(loop: VectorLoop, local: Local, value: Expr): void {
  const { frame } = loop;
  const level = levelOf(loop, value);
  loop.levels.set(local, level);
  const { sequence, defined } = homeAt(loop, level);
  remember(defined, local, () => {
    const loads = level < loop.homes.length - 1 ? "clamped" : "exact";
    const ref = emitScalar(frame, value, sequence, loads);
    const slot = keep(frame.scope, sequence, scalarType(frame.scope, local.type), ref);
    frame.locals.set(local, slot);
    return slot;
  });
}

/** An invariant int times the number of iterations from lane 0 of the first copy to a lane of this copy. */
export function advanced(loop: VectorLoop, copy: Copy, stride: Expr, lane: number): Expr {
  return loop.times(stride, copy.shift + lane * loop.step);
}

export type For = Extract<Stmt, { kind: "for" }>;
