/**
 * How the values of one vector iteration lie in v128 registers. A kernel of f32 runs four iterations at once, one of
 * f64 two. `float`: one v128 of that many lanes. `wide`: f64 lanes, in f32 kernels two v128 (iterations 0 and 1, then
 * 2 and 3). `int`: i32 lanes, in f64 kernels the first two of four. `bool`: a mask in the layout of `float`.
 */

import type { Type } from "../../src/loop/types.ts";
import type { Floats, Shared } from "./arithmetic.ts";
import { floatTypeOf } from "./arithmetic.ts";
import type { Ref, WasmModule } from "./binaryen.ts";
import { laneOperations } from "./math/lanes.ts";
import { get } from "./scope.ts";
import type { Scope, Slot } from "./scope.ts";

export function laneCount(scope: Scope): 2 | 4 {
  return scope.dtype === "f32" ? 4 : 2;
}

export function partCount(scope: Scope, type: Type): 1 | 2 {
  return type === "wide" && scope.dtype === "f32" ? 2 : 1;
}

/** The float lanes of a kernel. */
export function laneFloats(scope: Scope, type: "float" | "wide"): Floats {
  const { module } = scope;
  const dtype = floatTypeOf(type, scope.dtype);
  return {
    ...(dtype === "f32" ? module.f32x4 : module.f64x2),
    constant: (value) => get(scope, floatConstant(scope, dtype, value)),
    select: (test, then, otherwise) => module.v128.bitselect(then, otherwise, test),
  };
}

function floatConstant(scope: Scope, dtype: "f32" | "f64", value: number): Slot {
  const key = `${dtype} ${Object.is(value, -0) ? "-0" : value}`;
  return scope.vectorConstant(key, () => laneOperations(scope.module, dtype).constant(value));
}

/** The same constant in each lane. */
export function constantParts(scope: Scope, type: Type, value: number): readonly Slot[] {
  const { v128 } = scope.module;
  switch (type) {
    case "float":
    case "wide": {
      const slot = floatConstant(scope, floatTypeOf(type, scope.dtype), value);
      return Array.from({ length: partCount(scope, type) }, () => slot);
    }
    case "int":
      return [
        scope.vectorConstant(`int ${value}`, () => v128.const(int32Lanes([value, value, value, value]))),
      ];
    case "bool":
      return [scope.vectorConstant(`bool ${value}`, () => v128.const(new Uint8Array(16).fill(value === 0 ? 0 : 255)))]; // prettier-ignore
  }
}

export function int32Lanes(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

/** The same scalar in each lane. */
export function splat(scope: Scope, type: Type, value: Shared): readonly Ref[] {
  const { module, dtype } = scope;
  switch (type) {
    case "float":
      return [dtype === "f32" ? module.f32x4.splat(value()) : module.f64x2.splat(value())];
    case "wide":
      return Array.from({ length: partCount(scope, type) }, () => module.f64x2.splat(value()));
    case "int":
      return [module.i32x4.splat(value())];
    case "bool":
      return [module.i32x4.splat(module.i32.sub(module.i32.const(0), value()))];
  }
}

/** The value of one lane as a scalar. */
export function extract(scope: Scope, type: Type, parts: readonly Shared[], lane: number): Ref {
  const { module, dtype } = scope;
  const perPart = laneCount(scope) / partCount(scope, type);
  const part = parts[Math.floor(lane / perPart)];
  if (part === undefined) throw new Error(`lane ${lane} is not there`);
  switch (type) {
    case "float":
      return dtype === "f32"
        ? module.f32x4.extract_lane(part(), lane)
        : module.f64x2.extract_lane(part(), lane);
    case "wide":
      return module.f64x2.extract_lane(part(), lane % perPart);
    case "int":
      return module.i32x4.extract_lane(part(), lane);
    case "bool": {
      const bit = module.i32x4.extract_lane(part(), dtype === "f32" ? lane : 2 * lane);
      return module.i32.and(bit, module.i32.const(1));
    }
  }
}

/** 32-bit lanes of two registers: 0 to 3 of the first, 4 to 7 of the second. */
export function shuffle32(module: WasmModule, a: Ref, b: Ref, lanes: readonly number[]): Ref {
  return module.i8x16.shuffle(
    a,
    b,
    lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
  );
}

function highHalf(module: WasmModule, a: Shared): Ref {
  return shuffle32(module, a(), a(), [2, 3, 2, 3]);
}

/** The mask in the layout of a type. */
export function maskFor(scope: Scope, type: Type, mask: Shared): readonly Ref[] {
  const { module, dtype } = scope;
  if (type === "wide" && dtype === "f32") {
    return [module.i64x2.extend_low_i32x4_s(mask()), module.i64x2.extend_high_i32x4_s(mask())];
  }
  if (type === "int" && dtype === "f64") return [shuffle32(module, mask(), mask(), [0, 2, 0, 2])];
  return [mask()];
}

/** The mask of a comparison of this type, in the common layout. */
export function maskFrom(scope: Scope, type: Type, parts: readonly Ref[]): Ref {
  const { module, dtype } = scope;
  const [first, second] = parts;
  if (first === undefined) throw new Error("a comparison gives a mask");
  if (second !== undefined) return shuffle32(module, first, second, [0, 2, 4, 6]);
  return type === "int" && dtype === "f64" ? module.i64x2.extend_low_i32x4_s(first) : first;
}

/** Conversion of lanes; each part of `value` may be used twice. */
export function convertParts(scope: Scope, from: Type, to: Type, value: readonly Shared[]): readonly Ref[] {
  const { module, dtype } = scope;
  const [a, b] = value;
  if (a === undefined) throw new Error("a value has at least one part");
  if (from === to) return value.map((part) => part());
  if (from === "bool") {
    const one = constantParts(scope, to, 1);
    return maskFor(scope, to, a).map((mask, i) => module.v128.and(mask, get(scope, one[i] ?? absent())));
  }
  if (to === "bool") throw new Error("the loop IR converts nothing to a condition");
  if (dtype === "f64") {
    if (from === "int") return [module.f64x2.convert_low_i32x4_s(a())];
    return [to === "int" ? module.i32x4.trunc_sat_f64x2_s_zero(a()) : a()];
  }
  switch (from) {
    case "int":
      return to === "float"
        ? [module.f32x4.convert_i32x4_s(a())]
        : [module.f64x2.convert_low_i32x4_s(a()), module.f64x2.convert_low_i32x4_s(highHalf(module, a))];
    case "float":
      return to === "int"
        ? [module.i32x4.trunc_sat_f32x4_s(a())]
        : [module.f64x2.promote_low_f32x4(a()), module.f64x2.promote_low_f32x4(highHalf(module, a))];
    case "wide": {
      const half = (part: Shared): Ref =>
        to === "int" ? module.i32x4.trunc_sat_f64x2_s_zero(part()) : module.f32x4.demote_f64x2_zero(part());
      return [shuffle32(module, half(a), half(b ?? absent()), [0, 1, 4, 5])];
    }
  }
}

function absent(): never {
  throw new Error("a part of a vector value is missing");
}
