/**
 * x − n π/2 for the trigonometric functions, in f64 lanes: n and the remainder as head + tail.
 * Up to `FAST_LIMIT` by π/2 in three parts; beyond by multiplying with as many bits of 2/π as count (Payne and Hanek),
 * lane by lane in integers.
 */
import { roundedProduct } from "./bits.ts";
import { twoProduct, twoSum } from "./double-double.ts";
import type { Algebra, Vector } from "./graph.ts";
import type { Expression, WasmTarget } from "./lanes.ts";

export interface ReducedAngle {
  readonly head: Vector;
  readonly tail: Vector;
  /** A bit pattern whose two low bits are n mod 4. */
  readonly quadrant: Vector;
}

/** Up to here n has at most 20 bits, so that its products with the first two parts of π/2 are exact. */
export const FAST_LIMIT = 2 ** 20;

/** π/2 = the first 33 bits + the next 32 + the rest; and = a rounded head + the rest. */
const HALF_PI_PARTS = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;
const HALF_PI_AFTER_FIRST = 6.077100506506192e-11;
const HALF_PI = { head: Math.PI / 2, tail: 6.123233995736766e-17 };

/** For |x| ≤ FAST_LIMIT, to far below the last bit of the head. */
export function reduceFast(v: Algebra, x: Vector): ReducedAngle {
  const n = roundedProduct(v, x, 2 / Math.PI, 0);
  const times = (part: number) => v.mul(n.value, v.constant(part));
  const [first, second, third] = HALF_PI_PARTS;
  const { head, tail } = twoSum(v, v.sub(x, times(first)), v.neg(times(second)));
  const low = v.sub(tail, times(third));
  const r = v.add(head, low);
  return { head: r, tail: v.add(v.sub(head, r), low), quadrant: n.bits };
}

/** The same for an x that is an f32 number, to 2⁻⁵⁰ or so of the remainder, and without a tail. */
export function reduceSingle(v: Algebra, x: Vector): { readonly head: Vector; readonly quadrant: Vector } {
  const n = roundedProduct(v, x, 2 / Math.PI, 0);
  const times = (part: number) => v.mul(n.value, v.constant(part));
  const head = v.sub(v.sub(x, times(HALF_PI_PARTS[0])), times(HALF_PI_AFTER_FIRST));
  return { head, quadrant: n.bits };
}

/** For every finite x; a NaN where x is infinite. Uses the function that `addHugeReduction` adds. */
export function reduceAny(v: Algebra, x: Vector): ReducedAngle {
  const low = v.call(TURNS, v.firsts(x, x));
  const high = v.call(TURNS, v.seconds(x, x));
  const turns = { head: v.firsts(low, high), tail: v.seconds(low, high) };
  const n = roundedProduct(v, turns.head, 1, 0);
  const fraction = twoSum(v, v.sub(turns.head, n.value), turns.tail);
  const product = twoProduct(v, fraction.head, v.constant(HALF_PI.head));
  const cross = v.mulAdd(
    fraction.head,
    v.constant(HALF_PI.tail),
    v.mul(fraction.tail, v.constant(HALF_PI.head)),
  );
  const isHuge = v.gt(v.abs(x), v.constant(FAST_LIMIT));
  const fast = reduceFast(v, x);
  return {
    head: v.select(isHuge, v.add(product.head, v.sub(x, x)), fast.head),
    tail: v.select(isHuge, v.add(product.tail, cross), fast.tail),
    quadrant: v.select(isHuge, n.bits, fast.quadrant),
  };
}

const TURNS = "quarter_turns";
const MULTIPLY_HIGH = "multiply_high_u64";
const TWO_OVER_PI = "two_over_pi_word";

/** One word of zeros, then enough of 2/π for the largest exponent and 192 bits more. */
const TABLE_WORDS = 22;

/** arctan(1/k) · 2^bits by its series. */
function arctanInverse(k: bigint, bits: bigint): bigint {
  let sum = 0n;
  let power = (1n << bits) / k;
  for (let odd = 1n; power !== 0n; odd += 2n) {
    sum += odd % 4n === 1n ? power / odd : -(power / odd);
    power /= k * k;
  }
  return sum;
}

/** The words of 2/π after the binary point, preceded by one word of zeros; π by Machin's formula. */
function twoOverPiWords(): bigint[] {
  const guard = 64n;
  const bits = BigInt(64 * (TABLE_WORDS - 1));
  const pi = 4n * (4n * arctanInverse(5n, bits + guard) - arctanInverse(239n, bits + guard));
  const quotient = (1n << (2n * bits + guard + 1n)) / pi;
  return Array.from({ length: TABLE_WORDS }, (_, i) =>
    BigInt.asUintN(64, quotient >> (64n * BigInt(TABLE_WORDS - 1 - i))),
  );
}

/** Word `index` of the table; zero outside. */
function addTwoOverPi({ binaryen, module }: WasmTarget): void {
  const { i32, i64, local } = module;
  const words = twoOverPiWords().map((word, i) =>
    module.if(i32.eq(local.get(0, binaryen.i32), i32.const(i)), module.return(i64.const(word))),
  );
  const body = module.block(null, [...words, i64.const(0n)], binaryen.i64);
  module.addFunction(TWO_OVER_PI, binaryen.i32, binaryen.i64, [], body);
}

/** The upper 64 bits of a · b for a < 2⁵³ and any unsigned b, from four products of half words. */
function addMultiplyHigh({ binaryen, module }: WasmTarget): void {
  const { i64, local } = module;
  const low = (i: number) => i64.and(local.get(i, binaryen.i64), i64.const(0xffffffffn));
  const high = (i: number) => i64.shr_u(local.get(i, binaryen.i64), i64.const(32n));
  const middle = () => local.get(2, binaryen.i64);
  const carried = i64.shr_u(i64.mul(low(0), low(1)), i64.const(32n));
  const cross = i64.add(i64.mul(low(0), high(1)), i64.and(middle(), i64.const(0xffffffffn)));
  const body = module.block(
    null,
    [
      local.set(2, i64.add(i64.mul(high(0), low(1)), carried)),
      i64.add(
        i64.add(i64.mul(high(0), high(1)), i64.shr_u(middle(), i64.const(32n))),
        i64.shr_u(cross, i64.const(32n)),
      ),
    ],
    binaryen.i64,
  );
  const pair = binaryen.createType([binaryen.i64, binaryen.i64]);
  module.addFunction(MULTIPLY_HIGH, pair, binaryen.i64, [binaryen.i64], body);
}

/**
 * From the first lane of its argument x, |x| > FAST_LIMIT: x · 2/π modulo 4 as a sum of two lanes.
 *
 * x = ±M 2ᴱ. Bits of 2/π whose product with M 2ᴱ is a multiple of 4 do not count; the 192 bits W after them give
 * 4 · (M W mod 2¹⁹²) / 2¹⁹². Its upper 128 bits, read as a signed number, split into the nearest integer and a fraction.
 */
function addQuarterTurns({ binaryen, module }: WasmTarget): void {
  const { i32, i64, f64, f64x2, local } = module;
  const X = 0;
  const [BITS, M, W0, W1, W2, TOP, NEXT, N] = [1, 2, 3, 4, 5, 6, 7, 8] as const;
  const [START, SHIFT] = [9, 10] as const;
  const [HEAD, TAIL, SUM] = [11, 12, 13] as const;
  const long = (i: number) => local.get(i, binaryen.i64);
  const int = (i: number) => local.get(i, binaryen.i32);
  const real = (i: number) => local.get(i, binaryen.f64);
  const word = (offset: number) =>
    module.call(TWO_OVER_PI, [i32.add(i32.shr_s(int(START), i32.const(6)), i32.const(offset))], binaryen.i64);
  const window = (offset: number): Expression =>
    i64.or(
      i64.shl(word(offset), long(SHIFT)),
      // In two shifts, because a shift by 64 is a shift by 0.
      i64.shr_u(i64.shr_u(word(offset + 1), i64.const(1n)), i64.sub(i64.const(63n), long(SHIFT))),
    );
  const highProduct = (w: number) => module.call(MULTIPLY_HIGH, [long(M), long(w)], binaryen.i64);
  const carry = i64.extend_u(i64.lt_u(long(NEXT), i64.mul(long(M), long(W1))));
  const biasedExponent = i64.and(i64.shr_u(long(BITS), i64.const(52n)), i64.const(0x7ffn));
  const rounded = i64.trunc_s.f64(f64.convert_s.i64(long(TOP)));
  const body = [
    local.set(BITS, i64.reinterpret(f64x2.extract_lane(local.get(X, binaryen.v128), 0))),
    local.set(M, i64.or(i64.and(long(BITS), i64.const((1n << 52n) - 1n)), i64.const(1n << 52n))),
    // E = biased − 1075; the window starts at bit E − 2 of 2/π, after 64 zeros.
    local.set(START, i32.sub(i32.wrap(biasedExponent), i32.const(1075 - 62))),
    local.set(SHIFT, i64.and(i64.extend_u(int(START)), i64.const(63n))),
    local.set(W0, window(0)),
    local.set(W1, window(1)),
    local.set(W2, window(2)),
    local.set(NEXT, i64.add(i64.mul(long(M), long(W1)), highProduct(W2))),
    local.set(TOP, i64.add(i64.add(i64.mul(long(M), long(W0)), highProduct(W1)), carry)),
    local.set(N, i64.shr_s(i64.add(long(TOP), i64.const(1n << 61n)), i64.const(62n))),
    local.set(TOP, i64.sub(long(TOP), i64.shl(long(N), i64.const(62n)))),
    // TOP + NEXT/2⁶⁴ in units of 2⁻⁶²: what the head loses of TOP goes to the tail.
    local.set(HEAD, f64.mul(f64.convert_s.i64(long(TOP)), f64.const(2 ** -62))),
    local.set(
      TAIL,
      f64.add(
        f64.mul(f64.convert_s.i64(i64.sub(long(TOP), rounded)), f64.const(2 ** -62)),
        f64.mul(f64.convert_u.i64(long(NEXT)), f64.const(2 ** -126)),
      ),
    ),
    // The integer joins: N + HEAD, with what that loses (|HEAD| ≤ ½, N is an integer or zero) in the tail.
    local.set(SUM, f64.add(f64.convert_s.i64(long(N)), real(HEAD))),
    local.set(TAIL, f64.add(f64.sub(real(HEAD), f64.sub(real(SUM), f64.convert_s.i64(long(N)))), real(TAIL))),
    signed(f64x2.replace_lane(f64x2.splat(real(SUM)), 1, real(TAIL))),
  ];
  function signed(value: Expression): Expression {
    const sign = f64x2.splat(f64.reinterpret(i64.and(long(BITS), i64.const(1n << 63n))));
    return module.v128.xor(value, sign);
  }
  const locals = [
    ...Array.from({ length: 8 }, () => binaryen.i64),
    binaryen.i32,
    binaryen.i64,
    ...Array.from({ length: 3 }, () => binaryen.f64),
  ];
  module.addFunction(TURNS, binaryen.v128, binaryen.v128, locals, module.block(null, body, binaryen.v128));
}

/** Adds the scalar functions behind `reduceAny`, unless they are there. */
export function addHugeReduction(target: WasmTarget): void {
  if (target.module.getFunction(TURNS) !== 0) return;
  addTwoOverPi(target);
  addMultiplyHigh(target);
  addQuarterTurns(target);
}
