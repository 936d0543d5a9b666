/** pow(x, y) = e^(y log|x|) with the sign and the special cases of C99. */
import { powerOfTwo, signOf } from "./bits.ts";
import { ARTANH_REST, EXP_TAIL, LN2, LOG_ARTANH_TAIL_SINGLE, ONE_THIRD } from "./coefficients.ts";
import { type Double, fastTwoSum, twoProduct, twoSum } from "./double-double.ts";
import { clamp, expOfSum, reduce } from "./exponential.ts";
import { type Algebra, type Vector, widened } from "./graph.ts";
import { decomposeAny } from "./logarithm.ts";

/** |y| beyond this gives 0, 1 or ∞ for every x, since |log x| ≥ 2⁻⁵³ or x = 1. */
const LARGEST_EXPONENT = 2 ** 80;

/** a · b for sums of two lanes, to about 2⁻¹⁰². */
function product(v: Algebra, a: Double, b: Double): Double {
  const { head, tail } = twoProduct(v, a.head, b.head);
  const cross = v.mulAdd(a.head, b.tail, v.mul(a.tail, b.head));
  return fastTwoSum(v, head, v.add(tail, cross));
}

/** f / (2 + f) as a sum of two lanes: a quotient, and its remainder divided. */
function artanhArgument(v: Algebra, f: Vector): Double {
  const denominator = fastTwoSum(v, v.constant(2), f);
  const head = v.div(f, denominator.head);
  const back = twoProduct(v, head, denominator.head);
  const remainder = v.sub(v.sub(v.sub(f, back.head), back.tail), v.mul(head, denominator.tail));
  return { head, tail: v.div(remainder, denominator.head) };
}

/**
 * log a for a > 0 with relative error about 2⁻⁶⁴: with s = f / (2 + f), log(1 + f) = 2s + 2s · (z/3 + z² Q(z)), z = s²,
 * where only z² Q, at most 2⁻¹² of the whole, is rounded to one lane.
 */
function logDouble(v: Algebra, a: Vector): Double {
  const { mantissa, exponent } = decomposeAny(v, a);
  const s = artanhArgument(v, v.sub(mantissa, v.constant(1)));
  const z = product(v, s, s);
  const third = product(v, z, { head: v.constant(ONE_THIRD.head), tail: v.constant(ONE_THIRD.tail) });
  const rest = v.mul(v.mul(z.head, z.head), v.polynomial(z.head, ARTANH_REST));
  const factor = twoSum(v, third.head, rest);
  const correction = product(v, s, { head: factor.head, tail: v.add(factor.tail, third.tail) });
  const half = fastTwoSum(v, s.head, correction.head);
  const halfTail = v.add(half.tail, v.add(s.tail, correction.tail));
  const { head, tail } = LN2[v.dtype];
  const sum = fastTwoSum(v, v.mul(exponent, v.constant(head)), v.add(half.head, half.head));
  const low = v.add(v.mul(exponent, v.constant(tail)), v.add(halfTail, halfTail));
  return fastTwoSum(v, sum.head, v.add(sum.tail, low));
}

/** a^y for finite a > 0. */
function powerDouble(v: Algebra, a: Vector, y: Vector): Vector {
  const log = logDouble(v, a);
  const { head, tail } = twoProduct(v, y, log.head);
  const low = v.mulAdd(y, log.tail, tail);
  // Where the head is beyond the range of exp the tail is large as well, but says nothing.
  return expOfSum(v, head, clamp(v, low, -1, 1), (e) => e);
}

/** The same in f64 for the accuracy of f32: y log a to 2⁻³⁰ where the result is in range. */
function powerSingle(v: Algebra, a: Vector, y: Vector): Vector {
  const { mantissa, exponent } = decomposeAny(v, a);
  const f = v.sub(mantissa, v.constant(1));
  const s = v.div(f, v.add(f, v.constant(2)));
  const z = v.mul(s, s);
  const tail = v.mul(v.mul(s, z), v.polynomial(z, LOG_ARTANH_TAIL_SINGLE));
  const log = v.mulAdd(exponent, v.constant(Math.LN2), v.add(v.add(s, s), tail));
  const { n, r } = reduce(v, clamp(v, v.mul(y, log), -150, 130), v.format.bias);
  const e = v.mulAdd(v.mul(r, r), v.polynomial(r, EXP_TAIL.f32), v.add(r, v.constant(1)));
  return v.mul(e, powerOfTwo(v, n.bits));
}

interface Parity {
  readonly isInteger: Vector;
  readonly isOdd: Vector;
}

function parity(v: Algebra, y: Vector): Parity {
  const half = v.mul(y, v.constant(0.5));
  const isInteger = v.eq(v.trunc(y), y);
  return { isInteger, isOdd: v.and(isInteger, v.ne(v.trunc(half), half)) };
}

type Power = (v: Algebra, a: Vector, y: Vector) => Vector;

function powWith(v: Algebra, x: Vector, y: Vector, power: Power): Vector {
  const [zero, one, infinity] = [v.constant(0), v.constant(1), v.constant(Infinity)];
  const a = v.abs(x);
  const { isInteger, isOdd } = parity(v, y);
  const inside = power(v, a, clamp(v, y, -LARGEST_EXPONENT, LARGEST_EXPONENT));
  const isNotReal = v.andnot(v.lt(x, zero), isInteger);
  const isInfinite = v.eq(a, infinity);
  const isEnd = v.or(isInfinite, v.eq(a, zero));
  // At 0 and ∞ the result is the one or the other: ∞ if just one of "x is infinite" and "y < 0" holds.
  const end = v.and(v.xor(isInfinite, v.lt(y, zero)), infinity);
  const magnitude = v.select(isEnd, end, v.or(inside, isNotReal));
  const signed = v.or(magnitude, v.and(signOf(v, x), isOdd));
  const isNaN = v.or(v.ne(x, x), v.ne(y, y));
  return v.select(v.or(v.eq(y, zero), v.eq(x, one)), one, v.or(signed, isNaN));
}

export const powDouble = (v: Algebra, x: Vector, y: Vector): Vector => powWith(v, x, y, powerDouble);

export const powSingle = (v: Algebra, x: Vector, y: Vector): Vector =>
  widened(v, (wide, a, b) => powWith(wide, a, b, powerSingle), x, y);
