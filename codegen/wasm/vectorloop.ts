/** A vector loop under construction: what is computed once before it, and what its copies share. */

import type { Buffer, Expr, Local } from "../../src/loop/types.ts";
import { operands } from "../../src/loop/fold.ts";
import type { Ref } from "./binaryen.ts";
import { int, int2 } from "./forms.ts";
import type { Forms } from "./forms.ts";
import { elementBytes, log2Bytes, lookUp } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { emitScalar } from "./scalar.ts";
import { bind, get, scalarType } from "./scope.ts";
import type { Sequence, Slot } from "./scope.ts";
import { constantParts, laneCount, splat } from "./shape.ts";

export type Loads = "exact" | "clamped";

export interface VectorLoop {
  readonly frame: Frame;
  readonly forms: Forms;
  /** The loop's local in lane 0 of the first copy. */
  readonly counter: Slot;
  readonly step: number;
  /** Runs before the loop, if it has an iteration at all. */
  readonly before: Sequence;
  readonly defined: Map<Local, Slot>;
  readonly scalars: { readonly [K in Loads]: Map<Expr, Slot> };
  readonly splats: { readonly [K in Loads]: Map<Expr, readonly Slot[]> };
  /** An invariant int times a constant: one expression, however often it is asked for. */
  readonly times: (expr: Expr, factor: number) => Expr;
  /** The address of an element of a buffer. */
  readonly pointer: (buffer: Buffer, offset: Expr) => Slot;
  /** How many offsets there are at which a whole vector is inside the buffer: 0 and up. */
  readonly wholeVectors: (buffer: Buffer) => Slot;
}

/** One of the copies that an unrolled vector loop makes of its body; `shift` is added to the loop's local. */
export interface Copy {
  readonly shift: number;
  readonly locals: Map<Local, readonly Slot[]>;
}

export function createVectorLoop(frame: Frame, forms: Forms, counter: Slot, step: number): VectorLoop {
  const pointers = new Map<Expr, Map<Buffer, Slot>>();
  const multiples = new Map<Expr, Map<number, Expr>>();
  const limits = new Map<Buffer, Slot>();
  const loop: VectorLoop = {
    frame,
    forms,
    counter,
    step,
    before: [],
    defined: new Map(),
    scalars: { exact: new Map(), clamped: new Map() },
    splats: { exact: new Map(), clamped: new Map() },
    times: (expr, factor) =>
      remember(
        remember(multiples, expr, () => new Map<number, Expr>()),
        factor,
        () => int2("mul", expr, int(factor)),
      ),
    pointer: (buffer, offset) =>
      remember(
        remember(pointers, offset, () => new Map<Buffer, Slot>()),
        buffer,
        () => bindBefore(loop, elementPointer(loop, buffer, offset)),
      ),
    wholeVectors: (buffer) => remember(limits, buffer, () => bindBefore(loop, vectorsInside(frame, buffer))),
  };
  return loop;
}

function remember<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}

function bindBefore(loop: VectorLoop, value: Ref): Slot {
  const { scope } = loop.frame;
  return bind(scope, loop.before, scope.binaryen.i32, value);
}

function elementPointer(loop: VectorLoop, buffer: Buffer, offset: Expr): Ref {
  const { frame } = loop;
  const { scope } = frame;
  const bytes = scope.module.i32.shl(
    hoisted(loop, offset, "exact"),
    scope.module.i32.const(log2Bytes[elementBytes(frame, buffer)]),
  );
  return scope.module.i32.add(get(scope, lookUp(frame.pointers, buffer.name, buffer.name)), bytes);
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

/** An invariant as a scalar, computed before the loop. */
export function hoisted(loop: VectorLoop, expr: Expr, loads: Loads): Ref {
  const { frame } = loop;
  const { scope } = frame;
  if (operands(expr).length === 0) return emitScalar(frame, expr, loop.before);
  // What is read without a guard elsewhere in the body needs none here.
  const kind = loop.scalars.exact.has(expr) ? "exact" : loads;
  const slot = remember(loop.scalars[kind], expr, () => {
    const value = emitScalar(frame, expr, loop.before, loads);
    return bind(scope, loop.before, scalarType(scope, expr.type), value);
  });
  return get(scope, slot);
}

/** An invariant in every lane, made before the loop. */
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
      const kind = loop.splats.exact.has(expr) ? "exact" : loads;
      return remember(loop.splats[kind], expr, () =>
        parts().map((part) => bind(scope, loop.before, scope.binaryen.v128, part)),
      );
    }
  }
}

/** Gives an invariant local of the body its value before the loop. */
export function defineBefore(loop: VectorLoop, local: Local, value: Expr): void {
  const { frame } = loop;
  remember(loop.defined, local, () => {
    const ref = emitScalar(frame, value, loop.before);
    const slot = bind(frame.scope, loop.before, scalarType(frame.scope, local.type), ref);
    frame.locals.set(local, slot);
    return slot;
  });
}

/** An invariant int times the number of iterations from lane 0 of the first copy to a lane of this copy. */
export function advanced(loop: VectorLoop, copy: Copy, stride: Expr, lane: number): Expr {
  return loop.times(stride, copy.shift + lane * loop.step);
}
