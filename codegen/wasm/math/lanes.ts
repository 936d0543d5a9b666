/**
 * The operations on the lanes of one v128, per floating-point type: binaryen's instructions under one set of names, so
 * that code which works on f32x4 and on f64x2 is written once.
 */
import type binaryen from "binaryen";

export type LaneType = "f32" | "f64";
export type WasmModule = binaryen.Module;
export type Expression = binaryen.ExpressionRef;

/** Where code is added: a module, and the library it comes from (loaded by the caller, since it is large). */
export interface WasmTarget {
  readonly binaryen: typeof binaryen;
  readonly module: WasmModule;
}

export const LANE_TYPES = ["f32", "f64"] as const satisfies readonly LaneType[];

/** What the formulas must know of a format. `bias` and `mantissaBits` are those of IEEE 754. */
export interface LaneFormat {
  readonly lanes: 2 | 4;
  readonly bytes: 4 | 8;
  readonly mantissaBits: 23 | 52;
  readonly bias: 127 | 1023;
  readonly minNormal: number;
  readonly vectorName: "f32x4" | "f64x2";
}

export const LANE_FORMAT: { readonly [T in LaneType]: LaneFormat } = {
  f32: { lanes: 4, bytes: 4, mantissaBits: 23, bias: 127, minNormal: 2 ** -126, vectorName: "f32x4" },
  f64: { lanes: 2, bytes: 8, mantissaBits: 52, bias: 1023, minNormal: 2 ** -1022, vectorName: "f64x2" },
};

type Unary = (a: Expression) => Expression;
type Binary = (a: Expression, b: Expression) => Expression;

export type UnaryLaneOperation = "abs" | "neg" | "sqrt" | "ceil" | "floor" | "trunc" | "nearest" | "not";

/**
 * Comparisons give masks of all ones or all zeros per lane. `pmin(a, b)` is `b < a ? b : a` and `pmax(a, b)` is
 * `a < b ? b : a`: one instruction each on x86, and a NaN in `a` stays. `andnot(a, b)` is `a & ~b`.
 * `addBits` and `subBits` are integer operations on the lanes' bit patterns.
 */
export type BinaryLaneOperation =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "min"
  | "max"
  | "pmin"
  | "pmax"
  | "eq"
  | "ne"
  | "lt"
  | "gt"
  | "le"
  | "ge"
  | "and"
  | "or"
  | "xor"
  | "andnot"
  | "addBits"
  | "subBits";

export interface LaneOperations {
  readonly dtype: LaneType;
  readonly format: LaneFormat;
  readonly unary: { readonly [K in UnaryLaneOperation]: Unary };
  readonly binary: { readonly [K in BinaryLaneOperation]: Binary };
  /** The same number in every lane (rounded to the lane's type). */
  constant(value: number): Expression;
  /** The same bit pattern in every lane. */
  bits(pattern: bigint): Expression;
  splat(scalar: Expression): Expression;
  extractLane(vector: Expression, lane: number): Expression;
  replaceLane(vector: Expression, lane: number, scalar: Expression): Expression;
  /** Lanewise `mask ? a : b`, for a mask as comparisons make them. */
  select(mask: Expression, a: Expression, b: Expression): Expression;
  /** Logical shifts of the lanes' bit patterns. */
  shiftLeft(vector: Expression, count: number): Expression;
  shiftRight(vector: Expression, count: number): Expression;
  /** Loads and stores of one vector, declared as aligned to the lane only. */
  load(pointer: Expression, offset: number): Expression;
  store(pointer: Expression, offset: number, value: Expression): Expression;
}

/** The bytes of a v128 whose lanes all have this pattern, little-endian. */
function splatBytes(pattern: bigint, laneBytes: number): number[] {
  return Array.from({ length: 16 }, (_, i) => Number((pattern >> BigInt(8 * (i % laneBytes))) & 0xffn));
}

/** The bit pattern of a number in a lane's format. */
export function laneBits(value: number, dtype: LaneType): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (dtype === "f32") {
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0));
  }
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

export function laneOperations(module: WasmModule, dtype: LaneType): LaneOperations {
  const format = LANE_FORMAT[dtype];
  const { v128 } = module;
  const float = dtype === "f32" ? module.f32x4 : module.f64x2;
  const integer = dtype === "f32" ? module.i32x4 : module.i64x2;
  const bits = (pattern: bigint) => v128.const(splatBytes(pattern, format.bytes));
  return {
    dtype,
    format,
    unary: {
      abs: (a) => float.abs(a),
      neg: (a) => float.neg(a),
      sqrt: (a) => float.sqrt(a),
      ceil: (a) => float.ceil(a),
      floor: (a) => float.floor(a),
      trunc: (a) => float.trunc(a),
      nearest: (a) => float.nearest(a),
      not: (a) => v128.not(a),
    },
    binary: {
      add: (a, b) => float.add(a, b),
      sub: (a, b) => float.sub(a, b),
      mul: (a, b) => float.mul(a, b),
      div: (a, b) => float.div(a, b),
      min: (a, b) => float.min(a, b),
      max: (a, b) => float.max(a, b),
      pmin: (a, b) => float.pmin(a, b),
      pmax: (a, b) => float.pmax(a, b),
      eq: (a, b) => float.eq(a, b),
      ne: (a, b) => float.ne(a, b),
      lt: (a, b) => float.lt(a, b),
      gt: (a, b) => float.gt(a, b),
      le: (a, b) => float.le(a, b),
      ge: (a, b) => float.ge(a, b),
      and: (a, b) => v128.and(a, b),
      or: (a, b) => v128.or(a, b),
      xor: (a, b) => v128.xor(a, b),
      andnot: (a, b) => v128.andnot(a, b),
      addBits: (a, b) => integer.add(a, b),
      subBits: (a, b) => integer.sub(a, b),
    },
    constant: (value) => bits(laneBits(value, dtype)),
    bits,
    splat: (scalar) => float.splat(scalar),
    extractLane: (vector, lane) => float.extract_lane(vector, lane),
    replaceLane: (vector, lane, scalar) => float.replace_lane(vector, lane, scalar),
    select: (mask, a, b) => v128.bitselect(a, b, mask),
    shiftLeft: (vector, count) => integer.shl(vector, module.i32.const(count)),
    shiftRight: (vector, count) => integer.shr_u(vector, module.i32.const(count)),
    load: (pointer, offset) => v128.load(offset, format.bytes, pointer),
    store: (pointer, offset, value) => v128.store(offset, format.bytes, pointer, value),
  };
}
