/**
 * The loops of a sweep that are run for every input, in WebAssembly: bit patterns in, and results compared. Results that are
 * correctly rounded or off by a finite error are judged here; NaN, infinities and zeros are only reported.
 */
import { loadBinaryen } from "../../codegen/wasm/binaryen.ts";
import { instantiate, type Heap } from "../../src/runtime/index.ts";

const COEFFICIENTS = ["$c7", "$c6", "$c5", "$c4", "$c3", "$c2", "$c1", "$c0"];

const HORNER = COEFFICIENTS.map((c) => `(f64x2.splat (local.get ${c}))`).reduce(
  (value, c) => `(f64x2.add ${c} (f64x2.mul ${value} (local.get $t)))`,
);

/**
 * `fill`: bit patterns from `first` on, `stride` apart. `widen`: f32 numbers in f64. `polynomial`: of degree 7, at `count`
 * evenly spaced t from -1 to 1, with the highest coefficient first.
 *
 * `scan`: the largest |a − e| / 2^E among results a that are not e rounded, where 2^E ≤ |e| is the power of two of the
 * exact result, within the exponents of f32: with biased exponents, 2^-E has 2046 less that of 2^E. `over_one` is how many are
 * over 2^-23, one ulp, and `special` whether there were any with a zero, an infinity or a NaN on one side (|bits| − 1,
 * unsigned, is at least that of the largest number).
 */
const TEXT = `(module
  (import "env" "memory" (memory 1))
  (global $over_one (mut i64) (i64.const 0))
  (global $special (mut i32) (i32.const 0))
  (func (export "over_one") (result f64) (f64.convert_i64_u (global.get $over_one)))
  (func (export "special") (result i32) (global.get $special))

  (func (export "fill") (param $f32 i32) (param $count i32) (param $first i32) (param $stride i32)
    (local $bits v128) (local $step v128) (local $end i32)
    (local.set $step (i32x4.mul (i32x4.splat (local.get $stride)) (v128.const i32x4 0 1 2 3)))
    (local.set $bits (i32x4.add (i32x4.splat (local.get $first)) (local.get $step)))
    (local.set $step (i32x4.splat (i32.shl (local.get $stride) (i32.const 2))))
    (local.set $end (i32.add (local.get $f32) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $f32) (local.get $bits))
      (local.set $bits (i32x4.add (local.get $bits) (local.get $step)))
      (br_if $next (i32.lt_u (local.tee $f32 (i32.add (local.get $f32) (i32.const 16))) (local.get $end)))))

  (func (export "widen") (param $f32 i32) (param $f64 i32) (param $count i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $f32) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $f64) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $f32))))
      (local.set $f64 (i32.add (local.get $f64) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $f32 (i32.add (local.get $f32) (i32.const 8))) (local.get $end)))))

  (func (export "polynomial") (param $f64 i32) (param $count i32) ${COEFFICIENTS.map((c) => `(param ${c} f64)`).join(" ")}
    (local $k v128) (local $t v128) (local $scale v128) (local $end i32)
    (local.set $k (v128.const f64x2 0 1))
    (local.set $scale (f64x2.splat (f64.div (f64.const 2)
      (f64.convert_i32_s (i32.sub (local.get $count) (i32.const 1))))))
    (local.set $end (i32.add (local.get $f64) (i32.shl (local.get $count) (i32.const 3))))
    (loop $next
      (local.set $t (f64x2.sub (f64x2.mul (local.get $k) (local.get $scale)) (f64x2.splat (f64.const 1))))
      (v128.store (local.get $f64) ${HORNER})
      (local.set $k (f64x2.add (local.get $k) (f64x2.splat (f64.const 2))))
      (br_if $next (i32.lt_u (local.tee $f64 (i32.add (local.get $f64) (i32.const 16))) (local.get $end)))))

  (func $is_special (param $bits v128) (result v128)
    (i32x4.ge_u
      (i32x4.sub (v128.and (local.get $bits) (i32x4.splat (i32.const 0x7fffffff))) (i32x4.splat (i32.const 1)))
      (i32x4.splat (i32.const 0x7f7fffff))))

  (func $error (param $a v128) (param $e v128) (result v128)
    (f64x2.mul
      (f64x2.abs (f64x2.sub (f64x2.promote_low_f32x4 (local.get $a)) (local.get $e)))
      (i64x2.sub
        (i64x2.splat (i64.const 0x7fe0000000000000))
        (f64x2.pmin
          (f64x2.pmax
            (v128.and (local.get $e) (i64x2.splat (i64.const 0x7ff0000000000000)))
            (f64x2.splat (f64.const 0x1p-126)))
          (f64x2.splat (f64.const 0x1p127))))))

  (func (export "scan") (param $actual i32) (param $exact i32) (param $count i32) (result f64)
    (local $a v128) (local $high v128) (local $e0 v128) (local $e1 v128) (local $r v128) (local $differ v128)
    (local $worst v128) (local $over v128) (local $any v128) (local $end i32)
    (local.set $end (i32.add (local.get $actual) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $a (v128.load (local.get $actual)))
      (local.set $e0 (v128.load (local.get $exact)))
      (local.set $e1 (v128.load offset=16 (local.get $exact)))
      (local.set $r
        (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          (f32x4.demote_f64x2_zero (local.get $e0))
          (f32x4.demote_f64x2_zero (local.get $e1))))
      (local.set $differ
        (v128.andnot
          (i32x4.ne (local.get $a) (local.get $r))
          (v128.and (f32x4.ne (local.get $a) (local.get $a)) (f32x4.ne (local.get $r) (local.get $r)))))
      (if (v128.any_true (local.get $differ)) (then
        (local.set $any
          (v128.or (local.get $any)
            (v128.and (local.get $differ)
              (v128.or (call $is_special (local.get $a)) (call $is_special (local.get $r))))))
        (local.set $high
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $a) (local.get $a)))
        (local.set $e0
          (v128.and (i64x2.extend_low_i32x4_s (local.get $differ)) (call $error (local.get $a) (local.get $e0))))
        (local.set $e1
          (v128.and (i64x2.extend_high_i32x4_s (local.get $differ)) (call $error (local.get $high) (local.get $e1))))
        (local.set $worst (f64x2.pmax (f64x2.pmax (local.get $worst) (local.get $e0)) (local.get $e1)))
        (local.set $over
          (i64x2.sub
            (i64x2.sub (local.get $over) (f64x2.gt (local.get $e0) (f64x2.splat (f64.const 0x1p-23))))
            (f64x2.gt (local.get $e1) (f64x2.splat (f64.const 0x1p-23)))))))
      (local.set $exact (i32.add (local.get $exact) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $actual (i32.add (local.get $actual) (i32.const 16))) (local.get $end))))
    (global.set $over_one
      (i64.add (i64x2.extract_lane 0 (local.get $over)) (i64x2.extract_lane 1 (local.get $over))))
    (global.set $special (v128.any_true (local.get $any)))
    (f64.max (f64x2.extract_lane 0 (local.get $worst)) (f64x2.extract_lane 1 (local.get $worst)))))
`;

/** Arrays on the heap, of as many numbers as are looked at, a multiple of four. */
export interface Results {
  readonly actual: Float32Array;
  readonly exact: Float64Array;
}

export interface Scanned {
  /** The largest error in ulp of those that are not correctly rounded. */
  readonly worst: number;
  readonly overOne: number;
  /** Whether some result differs and it or what is exact is zero, infinite or a NaN; then the other two mean nothing. */
  readonly isSpecial: boolean;
}

export interface Scan {
  /** The bit patterns first, first + stride, … as numbers. */
  readonly fill: (into: Float32Array, first: number, stride: number) => void;
  readonly widen: (from: Float32Array, into: Float64Array) => void;
  /** At evenly spaced t from -1 to 1; eight coefficients, the highest first. */
  readonly polynomial: (coefficients: readonly number[], into: Float64Array) => void;
  readonly scan: (results: Results) => Scanned;
}

/** All work on arrays of this heap, of an even number of elements. */
export const createScan = async (heap: Heap): Promise<Scan> => {
  const binaryen = await loadBinaryen();
  const module = binaryen.parseText(TEXT);
  module.setFeatures(binaryen.Features.SIMD128);
  module.optimize();
  const wasm = await instantiate(heap, module.emitBinary());
  module.dispose();
  const [fill, widen, polynomial] = [wasm("fill"), wasm("widen"), wasm("polynomial")];
  const [scan, overOne, special] = [wasm("scan"), wasm("over_one"), wasm("special")];
  return {
    fill: (into, first, stride) => void fill(into.byteOffset, into.length, first | 0, stride | 0),
    widen: (from, into) => void widen(from.byteOffset, into.byteOffset, from.length),
    polynomial: (coefficients, into) => void polynomial(into.byteOffset, into.length, ...coefficients),
    scan: ({ actual, exact }) => ({
      worst: scan(actual.byteOffset, exact.byteOffset, actual.length) * 2 ** 23,
      overOne: overOne(),
      isSpecial: special() !== 0,
    }),
  };
};
