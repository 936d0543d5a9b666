/**
 * In: an expression of the loop IR. Out: a WebAssembly scalar.
 * Terminates: a fold over a finite expression.
 */

import type { Buffer, Expr, Local, Type } from "../../src/loop/types.ts";
import { operands } from "../../src/loop/fold.ts";
import {
  floatBinary,
  floatCompare,
  floatTypeOf,
  floatUnary,
  intBinary,
  intCompare,
  intUnary,
  isMath,
  narrowed,
  precisionOf,
  scalarFloats,
  withoutSign,
} from "./arithmetic.ts";
import type { MathOp, Shared } from "./arithmetic.ts";
import type { Ref } from "./binaryen.ts";
import { byKind, fold } from "./fold.ts";
import type { Operand } from "./fold.ts";
import { LANES, type MathPrecision } from "./math/index.ts";
import { elementBytes, log2Bytes, lookUp } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { MAX_DEPTH, get, hold, scalarType } from "./scope.ts";
import type { Sequence } from "./scope.ts";

interface Context {
  readonly sequence: Sequence;
  /** Loads: as they are, or with an offset outside of the buffer replaced by 0, because their value may be unused. */
  readonly loads: "exact" | "clamped";
  /** How many lazily evaluated branches are around this expression. */
  readonly branches: number;
}

interface Value {
  readonly ref: Ref;
  readonly depth: number;
}

const MAX_BRANCHES = 16;

/** Builds the value of an expression; what has to happen before it goes to the end of `sequence`. */
export function emitScalar(
  frame: Frame,
  expr: Expr,
  sequence: Sequence,
  loads: "exact" | "clamped" = "exact",
): Ref {
  const context: Context = { sequence, loads, branches: 0 };
  return fold<Context, Value>(expr, context, {
    enter: (e, at) => enter(frame, e, at),
    leave: (e, at, values, parts) => ({
      ref: leave(frame, e, at, shallow(frame, values, parts), parts),
      depth: 1 + Math.max(0, ...values.map((v) => (v.depth < MAX_DEPTH ? v.depth : 0))),
    }),
  }).ref;
}

/** Operands ready to be put under one more instruction: those that are too deep are in locals. */
function shallow(frame: Frame, values: readonly Value[], parts: readonly Operand<Context>[]): Ref[] {
  return values.map((value, i) => {
    const part = parts[i];
    if (part === undefined || value.depth < MAX_DEPTH) return value.ref;
    const type = scalarType(frame.scope, part.expr.type);
    return get(frame.scope, hold(frame.scope, part.context.sequence, type, value.ref));
  });
}

function enter(frame: Frame, expr: Expr, at: Context): readonly Operand<Context>[] {
  if (expr.kind === "unary" && isMath(expr)) return [{ expr: withoutSign(expr.a).expr, context: at }];
  const narrow = narrowed(expr, frame.kernel);
  if (narrow !== undefined) return [{ expr: narrow.a, context: at }];
  if (!isLazy(frame, expr)) return operands(expr).map((e) => ({ expr: e, context: at }));
  // Branches inside so many others are evaluated always, which is right and does not nest any further.
  const branch = (): Context =>
    at.branches < MAX_BRANCHES
      ? { sequence: [], loads: at.loads, branches: at.branches + 1 }
      : { ...at, loads: "clamped" };
  return operands(expr).map((e, i) => ({ expr: e, context: i === 0 ? at : branch() }));
}

/** Whether this expression evaluates its second (and third) operand only when the first asks for it. */
function isLazy(frame: Frame, expr: Expr): boolean {
  if (expr.kind === "select") return frame.costly(expr.then) || frame.costly(expr.else);
  return (expr.kind === "and" || expr.kind === "or") && frame.costly(expr.b);
}

function leave(
  frame: Frame,
  expr: Expr,
  at: Context,
  values: readonly Ref[],
  parts: readonly Operand<Context>[],
): Ref {
  return byKind(emitters, expr, { frame, at, values, parts });
}

interface Given {
  readonly frame: Frame;
  readonly at: Context;
  readonly values: readonly Ref[];
  readonly parts: readonly Operand<Context>[];
}

type Emitters = { readonly [K in Expr["kind"]]: (e: Extract<Expr, { kind: K }>, given: Given) => Ref };

const emitters: Emitters = {
  const: (e, { frame }) => constant(frame, e.type, e.value),
  local: (e, { frame }) => get(frame.scope, slotOf(frame, e.local)),
  dim: (e, { frame }) => get(frame.scope, lookUp(frame.dims, e.name, e.name)),
  option: (e, { frame }) => get(frame.scope, lookUp(frame.options, e.name, e.name)),
  load: (e, { frame, at, values }) => load(frame, e, at, operand(values, 0)),
  unary: (e, given) => unary(e, given),
  binary: (e, given) => binary(e, given),
  compare: (e, { frame, values }) => {
    const { module, dtype } = frame.scope;
    const [a, b] = [operand(values, 0), operand(values, 1)];
    const type = e.a.type;
    if (type === "int" || type === "bool") return intCompare[e.op](module, a, b);
    return floatCompare[e.op](scalarFloats(module, floatTypeOf(type, dtype)), a, b);
  },
  and: (_, given) => {
    const { module } = given.frame.scope;
    return choice(
      given,
      (a, b) => module.i32.and(a, b),
      (b) => [b, module.i32.const(0)],
    );
  },
  or: (_, given) => {
    const { module } = given.frame.scope;
    return choice(
      given,
      (a, b) => module.i32.or(a, b),
      (b) => [module.i32.const(1), b],
    );
  },
  not: (_, { frame, values }) => frame.scope.module.i32.eqz(operand(values, 0)),
  select: (_, given) => {
    const { module } = given.frame.scope;
    const [test, then, otherwise] = [
      operand(given.values, 0),
      operand(given.values, 1),
      operand(given.values, 2),
    ];
    if (!isBranch(given, 1)) return module.select(test, then, otherwise);
    return module.if(test, branch(given, 1, then), branch(given, 2, otherwise));
  },
  convert: (e, { frame, at, values }) => {
    const narrow = narrowed(e, frame.kernel);
    if (narrow === undefined) return convert(frame, e.a.type, e.type, operand(values, 0));
    const half = share(frame, at, "wide", operand(values, 0));
    return mathScalar(frame, at, narrow.op, "narrow", [
      { value: half(), sign: "+" },
      { value: half(), sign: "+" },
    ]);
  },
};

function operand(values: readonly Ref[], i: number): Ref {
  const value = values[i];
  if (value === undefined) throw new Error(`operand ${i} is missing`);
  return value;
}

export function slotOf(frame: Frame, local: Local) {
  return lookUp(frame.locals, local, local.name);
}

export function constant(frame: Frame, type: Type, value: number): Ref {
  const { module, dtype } = frame.scope;
  if (type === "int" || type === "bool") return module.i32.const(value);
  return module[floatTypeOf(type, dtype)].const(value);
}

/** Whether an operand has a sequence of its own, to be run only when it is needed. */
function isBranch({ at, parts }: Given, i: number): boolean {
  return parts[i]?.context.sequence !== at.sequence;
}

function branch({ frame, parts }: Given, i: number, value: Ref): Ref {
  const part = parts[i];
  if (part === undefined || part.context.sequence.length === 0) return value;
  const type = scalarType(frame.scope, part.expr.type);
  return frame.scope.module.block(null, [...part.context.sequence, value], type);
}

function choice(
  given: Given,
  eager: (a: Ref, b: Ref) => Ref,
  lazy: (b: Ref) => readonly [then: Ref, otherwise: Ref],
): Ref {
  const [a, b] = [operand(given.values, 0), operand(given.values, 1)];
  if (!isBranch(given, 1)) return eager(a, b);
  const [then, otherwise] = lazy(branch(given, 1, b));
  return given.frame.scope.module.if(a, then, otherwise);
}

/** The address of an element: of the buffer, if the offset is a constant, which is then part of the instruction. */
export interface Address {
  readonly pointer: Ref;
  readonly bytes: number;
}

/** `value` is the value of `offset`. */
export function addressOf(frame: Frame, buffer: Buffer, offset: Expr, value: Ref): Address {
  if (offset.kind !== "const") return { pointer: address(frame, buffer, value), bytes: 0 };
  const pointer = get(frame.scope, lookUp(frame.pointers, buffer, buffer.name));
  return { pointer, bytes: offset.value * elementBytes(frame, buffer) };
}

/** The buffer's pointer and the offset in bytes. */
export function address(frame: Frame, buffer: Buffer, offset: Ref): Ref {
  const { module } = frame.scope;
  const pointer = get(frame.scope, lookUp(frame.pointers, buffer, buffer.name));
  const shift = module.i32.const(log2Bytes[elementBytes(frame, buffer)]);
  return module.i32.add(pointer, module.i32.shl(offset, shift));
}

/** An offset into the buffer: `offset`, or 0 where that is outside. */
export function clampOffset(frame: Frame, buffer: Buffer, offset: Shared): Ref {
  const { module } = frame.scope;
  const inside = module.i32.lt_u(offset(), get(frame.scope, frame.length(buffer)));
  return module.select(inside, offset(), module.i32.const(0));
}

function load(frame: Frame, e: Extract<Expr, { kind: "load" }>, at: Context, offset: Ref): Ref {
  if (at.loads === "exact") {
    const { pointer, bytes } = addressOf(frame, e.buffer, e.offset, offset);
    return loadElement(frame, e.buffer, pointer, bytes);
  }
  const place = clampOffset(frame, e.buffer, share(frame, at, "int", offset));
  return loadElement(frame, e.buffer, address(frame, e.buffer, place));
}

export function loadElement(frame: Frame, buffer: Buffer, pointer: Ref, bytes = 0): Ref {
  const { module, dtype } = frame.scope;
  return module[buffer.type === "int" ? "i32" : dtype].load(bytes, elementBytes(frame, buffer), pointer);
}

export function storeElement(frame: Frame, buffer: Buffer, pointer: Ref, value: Ref, bytes = 0): Ref {
  const { module, dtype } = frame.scope;
  const align = elementBytes(frame, buffer);
  return module[buffer.type === "int" ? "i32" : dtype].store(bytes, align, pointer, value);
}

function share(frame: Frame, at: Context, type: Type, value: Ref): Shared {
  const slot = hold(frame.scope, at.sequence, scalarType(frame.scope, type), value);
  return () => get(frame.scope, slot);
}

function unary(e: Extract<Expr, { kind: "unary" }>, { frame, at, values }: Given): Ref {
  const { module } = frame.scope;
  const a = operand(values, 0);
  if (e.type === "bool") throw new Error(`the loop IR has no operation ${e.op} on conditions`);
  if (e.type === "int") {
    const row = intUnary.get(e.op);
    if (row === undefined) throw new Error(`the loop IR has no operation ${e.op} on ints`);
    return row(module, share(frame, at, "int", a));
  }
  const dtype = floatTypeOf(e.type, frame.scope.dtype);
  const row = floatUnary[e.op];
  if (row.by === "math")
    return mathScalar(frame, at, e.op, precisionOf(e.type, frame.kernel), [
      { value: a, sign: withoutSign(e.a).sign },
    ]);
  const floats = scalarFloats(module, dtype);
  return row.by === "instruction" ? row.emit(floats, a) : row.emit(floats, share(frame, at, e.type, a));
}

/** k where an expression is the constant 2^k. */
function bitsOf(expr: Expr): number | undefined {
  const bits = expr.kind === "const" ? Math.log2(expr.value) : NaN;
  return Number.isInteger(bits) && bits >= 0 && bits < 31 ? bits : undefined;
}

function binary(e: Extract<Expr, { kind: "binary" }>, { frame, at, values }: Given): Ref {
  const { module } = frame.scope;
  const [a, b] = [operand(values, 0), operand(values, 1)];
  const shared = (value: Ref): Shared => share(frame, at, e.type, value);
  if (e.type === "bool") throw new Error(`the loop IR has no operation ${e.op} on conditions`);
  if (e.type === "int") {
    const bits = bitsOf(e.b);
    // towards -inf, as the bits of a negative number are those of two's complement
    if (e.op === "mod" && bits !== undefined) return module.i32.and(a, module.i32.const(2 ** bits - 1));
    if (e.op === "floordiv" && bits !== undefined) return module.i32.shr_s(a, module.i32.const(bits));
    const row = intBinary[e.op];
    if (row.by === "nothing") throw new Error(`the loop IR has no operation ${e.op} on ints`);
    return row.by === "instruction" ? row.emit(module, a, b) : row.emit(module, shared(a), shared(b));
  }
  const dtype = floatTypeOf(e.type, frame.scope.dtype);
  const row = floatBinary[e.op];
  if (row.by === "math") {
    const operands = [a, b].map((value): SignedOperand => ({ value, sign: "+" }));
    return mathScalar(frame, at, e.op, precisionOf(e.type, frame.kernel), operands);
  }
  const floats = scalarFloats(module, dtype);
  return row.by === "instruction" ? row.emit(floats, a, b) : row.emit(floats, shared(a), shared(b));
}

interface SignedOperand {
  readonly value: Ref;
  readonly sign: "+" | "-";
}

/** A scalar goes through the same formula as lanes do, so that a result does not depend on its position. */
function mathScalar(
  frame: Frame,
  at: Context,
  op: MathOp,
  precision: MathPrecision,
  operands: readonly SignedOperand[],
): Ref {
  const { math, scope } = frame;
  const { module, binaryen } = scope;
  const { argument, result } = LANES[precision];
  const inLocal = (value: Ref): number => hold(scope, at.sequence, binaryen.v128, value).index;
  const splat = (value: Ref): Ref => (argument === "f32" ? module.f32x4 : module.f64x2).splat(value);
  const first = (value: Ref): Ref => (result === "f32" ? module.f32x4 : module.f64x2).extract_lane(value, 0);
  if (frame.mayInline("scalar")) {
    const locals = operands.map(({ value, sign }) => ({ local: inLocal(splat(value)), sign }));
    return first(math.inline(op, precision, locals, { bind: inLocal }));
  }
  const { neg } = scalarFloats(module, argument);
  const call = module.call(
    math.functionName(op, precision),
    operands.map(({ value, sign }) => splat(sign === "-" ? neg(value) : value)),
    binaryen.v128,
  );
  return first(call);
}

function convert(frame: Frame, from: Type, to: Type, value: Ref): Ref {
  const { module, dtype } = frame.scope;
  const [source, target] = [numeric(from), numeric(to)];
  if (source === target) return value;
  if (source === "i32") return module[target === "f32" ? "f32" : "f64"].convert_s.i32(value);
  if (target === "i32") return module.i32.trunc_s_sat[source](value);
  return target === "f64" ? module.f64.promote(value) : module.f32.demote(value);

  function numeric(type: Type): "i32" | "f32" | "f64" {
    return type === "int" || type === "bool" ? "i32" : floatTypeOf(type, dtype);
  }
}
