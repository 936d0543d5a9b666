/**
 * In: an expression in the body of a vector loop. Out: its value in all lanes of one iteration.
 * Terminates: a fold over a finite expression.
 */

import type { BinaryOp, CompareOp, Expr } from "../../src/loop/types.ts";
import { operands } from "../../src/loop/fold.ts";
import {
  floatBinary,
  floatCompare,
  floatTypeOf,
  floatUnary,
  intBinary,
  isMath,
  narrowed,
  precisionOf,
  withoutSign,
} from "./arithmetic.ts";
import type { MathOp, Shared } from "./arithmetic.ts";
import type { Ref, WasmModule } from "./binaryen.ts";
import { byKind, fold } from "./fold.ts";
import type { Operand } from "./fold.ts";
import { constantOf } from "./forms.ts";
import { LANES, type MathPrecision } from "./math/index.ts";
import type { Affine } from "./forms.ts";
import { lookUp } from "./frame.ts";
import { gatherLanes, loadLanes, loadLanesClamped, loadOfGroup, placeOf } from "./lanememory.ts";
import { MAX_DEPTH, keep, get, hold } from "./scope.ts";
import type { Scope, Sequence, Slot } from "./scope.ts";
import { convertParts, extract, int32Lanes, laneCount, laneFloats, maskFor, maskFrom } from "./shape.ts";
import { homeAt, hoisted, hoistedSplat, levelOf } from "./vectorloop.ts";
import type { Copy, Loads, VectorLoop } from "./vectorloop.ts";

interface Context {
  readonly loop: VectorLoop;
  readonly copy: Copy;
  readonly sequence: Sequence;
  readonly loads: Loads;
  readonly branches: number;
}

interface Value {
  readonly parts: readonly Ref[];
  readonly depth: number;
}

const MAX_BRANCHES = 16;

/** Builds the lanes of an expression; what has to happen before goes to the end of `sequence`. */
export function emitLanes(loop: VectorLoop, copy: Copy, expr: Expr, sequence: Sequence): readonly Ref[] {
  const context: Context = { loop, copy, sequence, loads: "exact", branches: 0 };
  return fold<Context, Value>(expr, context, { enter, leave }).parts;
}

function enter(e: Expr, at: Context): readonly Operand<Context>[] {
  const { loop, loads } = at;
  const varies = (o: Expr) => loop.forms.of(o).kind === "varying";
  if (!varies(e)) return [];
  const same = (o: Expr): Operand<Context> => ({ expr: o, context: at });
  const guarded = (o: Expr): Operand<Context> => ({ expr: o, context: { ...at, loads: "clamped" } });
  if (e.kind === "load") return varies(e.offset) ? [same(e.offset)] : [];
  if (e.kind === "or") return [same(e.a), guarded(e.b)];
  if (e.kind === "and") {
    const first = deniedIn(loop, e.a);
    return [same(first ?? e.a), guarded(first === undefined ? (deniedIn(loop, e.b) ?? e.b) : e.b)];
  }
  if (e.kind === "unary" && isMath(e)) return [same(withoutSign(e.a).expr)];
  const narrow = narrowed(e, loop.frame.kernel);
  if (narrow !== undefined) return [same(narrow.a)];
  if (e.kind !== "select") return operands(e).map(same);
  if (loop.forms.of(e.test).kind === "invariant" && at.branches < MAX_BRANCHES) {
    const branch = (): Context => ({
      loop,
      copy: at.copy,
      sequence: [],
      loads,
      branches: at.branches + 1,
    });
    return [e.then, e.else].map((o) => ({ expr: o, context: branch() }));
  }
  return [same(e.test), guarded(e.then), guarded(e.else)];
}

function leave(e: Expr, at: Context, values: readonly Value[], given: readonly Operand<Context>[]): Value {
  const form = at.loop.forms.of(e);
  switch (form.kind) {
    case "invariant":
      // it is computed whichever branch is taken
      return { parts: hoistedSplat(at.loop, e, at.branches > 0 ? "clamped" : at.loads), depth: 1 };
    case "affine":
      return { parts: [affineLanes(at, form)], depth: 4 };
    case "varying": {
      const ready = values.map((v, i) => shallow(at.loop.frame.scope, v, given[i]));
      return {
        parts: byKind(emitters, e, { at, values: ready, given }),
        depth: 1 + Math.max(0, ...values.map((v) => (v.depth < MAX_DEPTH ? v.depth : 0))),
      };
    }
  }
}

function shallow(scope: Scope, value: Value, given: Operand<Context> | undefined): readonly Ref[] {
  if (given === undefined || value.depth < MAX_DEPTH) return value.parts;
  return value.parts.map((part) =>
    get(scope, hold(scope, given.context.sequence, scope.binaryen.v128, part)),
  );
}

/** base + stride·i in each lane. */
function affineLanes({ loop, copy, loads }: Context, { base, stride }: Affine): Ref {
  const { scope } = loop.frame;
  const { module } = scope;
  const moved = module.i32.mul(get(scope, loop.counter), hoisted(loop, stride, loads));
  const zero = module.i32.add(hoisted(loop, base, loads), moved);
  return module.i32x4.add(module.i32x4.splat(zero), get(scope, laneOffsets(loop, copy, stride, loads)));
}

/** stride times the distance of each lane from lane 0 of the first copy. */
function laneOffsets(loop: VectorLoop, copy: Copy, stride: Expr, loads: Loads): Slot {
  const { scope } = loop.frame;
  const { module, binaryen } = scope;
  const distances = [0, 1, 2, 3].map((lane) => copy.shift + lane * loop.step);
  const constants = (values: readonly number[]) =>
    scope.vectorConstant(`int lanes ${values.join()}`, () => module.v128.const(int32Lanes(values)));
  const known = constantOf(stride);
  if (known !== undefined) return constants(distances.map((d) => Math.imul(d, known)));
  const product = module.i32x4.mul(
    module.i32x4.splat(hoisted(loop, stride, loads)),
    get(scope, constants(distances)),
  );
  return keep(scope, homeAt(loop, levelOf(loop, stride)).sequence, binaryen.v128, product);
}

interface Given {
  readonly at: Context;
  readonly values: readonly (readonly Ref[])[];
  readonly given: readonly Operand<Context>[];
}

type Emitters = {
  readonly [K in Expr["kind"]]: (e: Extract<Expr, { kind: K }>, given: Given) => readonly Ref[];
};

const emitters: Emitters = {
  const: (e, { at }) => hoistedSplat(at.loop, e, at.loads),
  dim: (e, { at }) => hoistedSplat(at.loop, e, at.loads),
  option: (e, { at }) => hoistedSplat(at.loop, e, at.loads),
  local: (e, { at }) =>
    lookUp(at.copy.locals, e.local, e.local.name).map((slot) => get(at.loop.frame.scope, slot)),
  load: (e, { at, values }) => {
    const [offset] = values;
    if (offset !== undefined) {
      return [gatherLanes(at.loop, e.buffer, shared(at, single(offset)), at.loads)];
    }
    const member = at.loads === "exact" ? at.loop.groups.ofLoad(e) : undefined;
    if (member !== undefined) {
      const { loop, copy, sequence } = at;
      return [loadOfGroup({ loop, copy, buffer: e.buffer, affine: member.group.first, sequence }, member)];
    }
    const place = placeOf(at.loop, at.copy, e.buffer, e.offset, at.sequence);
    if (place === undefined) throw new Error("a varying load has an affine or a varying offset");
    return [at.loads === "exact" ? loadLanes(place) : loadLanesClamped(place)];
  },
  unary: (e, given) => unary(e, given),
  binary: (e, given) => binary(e, given),
  compare: (e, given) => [compare(e, given)],
  and: (e, { at, values }) => [both(at.loop, e, single(values[0]), single(values[1]))],
  or: (_, { at, values }) => [at.loop.frame.scope.module.v128.or(single(values[0]), single(values[1]))],
  not: (_, { at, values }) => [at.loop.frame.scope.module.v128.not(single(values[0]))],
  select: (e, given) => (given.values.length === 2 ? choose(e, given) : select(e, given)),
  convert: (e, { at, values }) => {
    const narrow = narrowed(e, at.loop.frame.kernel);
    if (narrow !== undefined) {
      const halves = (values[0] ?? []).map((value) => ({ value, sign: "+" }) as const);
      return [mathLanes(at, narrow.op, "narrow", halves)];
    }
    return convertParts(
      at.loop.frame.scope,
      e.a.type,
      e.type,
      (values[0] ?? []).map((part) => shared(at, part)),
    );
  },
};

/** One operand that is `not x` comes as x: an instruction does both. */
function both(loop: VectorLoop, e: Extract<Expr, { kind: "and" | "or" }>, a: Ref, b: Ref): Ref {
  const { v128 } = loop.frame.scope.module;
  if (deniedIn(loop, e.a) !== undefined) return v128.andnot(b, a);
  return deniedIn(loop, e.b) === undefined ? v128.and(a, b) : v128.andnot(a, b);
}

/** The x of `not x` in lanes. */
function deniedIn({ forms }: VectorLoop, e: Expr): Expr | undefined {
  return e.kind === "not" && forms.of(e.a).kind === "varying" ? e.a : undefined;
}

function single(parts: readonly Ref[] | undefined): Ref {
  const [part] = parts ?? [];
  if (part === undefined) throw new Error("an operand is missing");
  return part;
}

function shared({ loop, sequence }: Pick<Context, "loop" | "sequence">, value: Ref): Shared {
  const { scope } = loop.frame;
  const slot = hold(scope, sequence, scope.binaryen.v128, value);
  return () => get(scope, slot);
}

function unary(e: Extract<Expr, { kind: "unary" }>, { at, values }: Given): readonly Ref[] {
  const { scope } = at.loop.frame;
  const parts = values[0] ?? [];
  const { type } = e;
  if (type === "bool") throw new Error(`the loop IR has no operation ${e.op} on conditions`);
  if (type === "int") return [intUnary(at, e.op, single(parts))];
  const row = floatUnary[e.op];
  if (row.by === "math") {
    const { sign } = withoutSign(e.a);
    const precision = precisionOf(type, at.loop.frame.kernel);
    return parts.map((a) => mathLanes(at, e.op, precision, [{ value: a, sign }]));
  }
  const floats = laneFloats(scope, type);
  return parts.map((a) => (row.by === "instruction" ? row.emit(floats, a) : row.emit(floats, shared(at, a))));
}

/** A formula of the math library in place, where that pays: its constants are loaded once, at the entry of the kernel. */
function mathLanes(
  at: Context,
  op: MathOp,
  precision: MathPrecision,
  operands: readonly { readonly value: Ref; readonly sign: "+" | "-" }[],
): Ref {
  const { scope, math } = at.loop.frame;
  if (isCalled(at.loop, op) || !at.loop.frame.mayInline("lanes")) {
    const { neg } = laneFloats(scope, LANES[precision].argument === "f32" ? "float" : "wide");
    return scope.module.call(
      math.functionName(op, precision),
      operands.map(({ value, sign }) => (sign === "-" ? neg(value) : value)),
      scope.binaryen.v128,
    );
  }
  const inLocal = (value: Ref): Slot => hold(scope, at.sequence, scope.binaryen.v128, value);
  const locals = operands.map(({ value, sign }) => ({ local: inLocal(value).index, sign }));
  return math.inline(op, precision, locals, {
    bind: (value) => inLocal(value).index,
    constant: (key, make) => scope.vectorConstant(key, make).index,
  });
}

/** Of more than a kilobyte: beside other functions a call of it costs little. */
const LONG: ReadonlySet<MathOp> = new Set<MathOp>(["pow"]);

function isCalled({ formulas }: VectorLoop, op: MathOp): boolean {
  return formulas === "called" || (formulas === "short in place" && LONG.has(op));
}

function intUnary(at: Context, op: string, a: Ref): Ref {
  const { module } = at.loop.frame.scope;
  switch (op) {
    case "neg":
      return module.i32x4.neg(a);
    case "abs":
      return module.i32x4.abs(a);
    case "sign": {
      // A mask is −1 as an int.
      const value = shared(at, a);
      const zero = () => module.i32x4.splat(module.i32.const(0));
      return module.i32x4.sub(module.i32x4.lt_s(value(), zero()), module.i32x4.gt_s(value(), zero()));
    }
    default:
      throw new Error(`the loop IR has no operation ${op} on ints`);
  }
}

function binary(e: Extract<Expr, { kind: "binary" }>, { at, values }: Given): readonly Ref[] {
  const { scope } = at.loop.frame;
  const pairs = (values[0] ?? []).map((a, i): readonly [Ref, Ref] => [a, single(values[1]?.slice(i))]);
  const { type } = e;
  if (type === "bool") throw new Error(`the loop IR has no operation ${e.op} on conditions`);
  if (type === "int") return pairs.map(([a, b]) => intLanes(at, e.op, a, b));
  const row = floatBinary[e.op];
  if (row.by === "math") {
    const precision = precisionOf(type, at.loop.frame.kernel);
    return pairs.map((pair) => mathLanes(at, e.op, precision, pair.map((value) => ({ value, sign: "+" })))); // prettier-ignore
  }
  const floats = laneFloats(scope, type);
  const bound = boundOf(e);
  return pairs.map(([a, b]) => {
    if (bound !== undefined) return clamp(scope, type, bound, a, b);
    return row.by === "instruction" ? row.emit(floats, a, b) : row.emit(floats, shared(at, a), shared(at, b));
  });
}

interface Bound {
  readonly op: "max" | "min";
  readonly value: number;
  readonly operand: "a" | "b";
}

/** The constant of max(x, c) or min(x, c), where c is a number and not −0. */
function boundOf(e: Extract<Expr, { kind: "binary" }>): Bound | undefined {
  if (e.op !== "max" && e.op !== "min") return undefined;
  const operand = constantOf(e.b) === undefined ? "a" : "b";
  const value = constantOf(e[operand]);
  if (value === undefined || Number.isNaN(value) || Object.is(value, -0)) return undefined;
  return { op: e.op, value, operand };
}

/**
 * `pmax(x, c)` is `x < c ? c : x`: one instruction where `max` is ten, and right for NaN. It keeps x = −0 against 0,
 * which adding 0 mends.
 */
function clamp(scope: Scope, type: "float" | "wide", bound: Bound, a: Ref, b: Ref): Ref {
  const { module } = scope;
  const lanes = floatTypeOf(type, scope.dtype) === "f32" ? module.f32x4 : module.f64x2;
  const [x, c] = bound.operand === "b" ? [a, b] : [b, a];
  if (bound.op === "min") return lanes.pmin(x, c);
  const largest = lanes.pmax(x, c);
  return bound.value === 0 ? lanes.add(largest, laneFloats(scope, type).constant(0)) : largest;
}

/** The operations that int lanes have an instruction for. */
export const intLane: { readonly [K in BinaryOp]?: (m: WasmModule, a: Ref, b: Ref) => Ref } = {
  add: (m, a, b) => m.i32x4.add(a, b),
  sub: (m, a, b) => m.i32x4.sub(a, b),
  mul: (m, a, b) => m.i32x4.mul(a, b),
  max: (m, a, b) => m.i32x4.max_s(a, b),
  min: (m, a, b) => m.i32x4.min_s(a, b),
};

/** What has no instruction on int lanes is done lane by lane; lanes not in use repeat the first, and divide safely. */
function intLanes(at: Context, op: BinaryOp, a: Ref, b: Ref): Ref {
  const { scope } = at.loop.frame;
  const { module, binaryen } = scope;
  const row = intLane[op];
  if (row !== undefined) return row(module, a, b);
  const scalar = intBinary[op];
  if (scalar.by !== "shared") throw new Error(`the loop IR has no operation ${op} on ints`);
  const [x, y] = [shared(at, a), shared(at, b)];
  const lane = (value: Shared, i: number): Shared => {
    const slot = hold(scope, at.sequence, binaryen.i32, extract(scope, "int", [value], i));
    return () => get(scope, slot);
  };
  let result = module.i32x4.splat(scalar.emit(module, lane(x, 0), lane(y, 0)));
  for (let i = 1; i < laneCount(scope); i++) {
    result = module.i32x4.replace_lane(result, i, scalar.emit(module, lane(x, i), lane(y, i)));
  }
  return result;
}

function compare(e: Extract<Expr, { kind: "compare" }>, { at, values }: Given): Ref {
  const { scope } = at.loop.frame;
  const { module } = scope;
  const pairs = (values[0] ?? []).map((a, i): readonly [Ref, Ref] => [a, single(values[1]?.slice(i))]);
  const { type } = e.a;
  if (type === "bool") {
    const differ = pairs.map(([a, b]) => module.v128.xor(a, b));
    return e.op === "!=" ? single(differ) : module.v128.not(single(differ));
  }
  const one = (a: Ref, b: Ref): Ref =>
    type === "int" ? intMask[e.op](module, a, b) : floatCompare[e.op](laneFloats(scope, type), a, b);
  const masks = pairs.map(([a, b]) => one(a, b));
  return maskFrom(scope, type, masks);
}

const intMask: { readonly [K in CompareOp]: (m: WasmModule, a: Ref, b: Ref) => Ref } = {
  "<": (m, a, b) => m.i32x4.lt_s(a, b),
  "<=": (m, a, b) => m.i32x4.le_s(a, b),
  "==": (m, a, b) => m.i32x4.eq(a, b),
  "!=": (m, a, b) => m.i32x4.ne(a, b),
};

function select(e: Extract<Expr, { kind: "select" }>, { at, values }: Given): readonly Ref[] {
  const { scope } = at.loop.frame;
  const [test, then, otherwise] = values;
  const masks = maskFor(scope, e.type, shared(at, single(test)));
  return masks.map((mask, i) =>
    blend(scope.module, e, mask, single(then?.slice(i)), single(otherwise?.slice(i))),
  );
}

/** A branch that is 0 needs a mask only. */
function blend(
  module: WasmModule,
  e: Extract<Expr, { kind: "select" }>,
  mask: Ref,
  then: Ref,
  otherwise: Ref,
): Ref {
  if (isZero(e.else)) return module.v128.and(then, mask);
  if (isZero(e.then)) return module.v128.andnot(otherwise, mask);
  return module.v128.bitselect(then, otherwise, mask);
}

function isZero(e: Expr): boolean {
  return Object.is(constantOf(e), 0);
}

/** A selection by an invariant condition: only the branch taken is run. */
function choose(e: Extract<Expr, { kind: "select" }>, { at, values, given }: Given): readonly Ref[] {
  const { scope } = at.loop.frame;
  const { module, binaryen } = scope;
  const results = (values[0] ?? []).map(() => scope.temporary(binaryen.v128));
  const branch = (i: 0 | 1): Ref => {
    const sets = (values[i] ?? []).map((part, k) => module.local.set(slotAt(results, k).index, part));
    return module.block(null, [...(given[i]?.context.sequence ?? []), ...sets]);
  };
  at.sequence.push(module.if(hoisted(at.loop, e.test, at.loads), branch(0), branch(1)));
  return results.map((slot) => get(scope, slot));
}

function slotAt(slots: readonly Slot[], i: number): Slot {
  const slot = slots[i];
  if (slot === undefined) throw new Error("both branches of a selection have the same parts");
  return slot;
}
