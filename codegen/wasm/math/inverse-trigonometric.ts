/** atan, atan2, asin, acos: arguments brought near zero by addition theorems, then an odd polynomial. */
import { signOf, withSign } from "./bits.ts";
import { ASIN_TAIL, ATAN_TAIL, PI } from "./coefficients.ts";
import { fastTwoSum } from "./double-double.ts";
import type { Algebra, Vector } from "./graph.ts";

const piTimes = (v: Algebra, factor: number): { readonly head: Vector; readonly tail: Vector } => ({
  head: v.constant(PI[v.dtype].head * factor),
  tail: v.constant(PI[v.dtype].tail * factor),
});

/**
 * The angle of a / b in [0, π/2] for a, b ≥ 0, not both zero or infinite: with tan(π/8) = √2 − 1 it is atan(a/b),
 * π/4 + atan((a − b)/(a + b)) or π/2 + atan(−b/a), one division in all.
 */
function angle(v: Algebra, a: Vector, b: Vector): Vector {
  const isLow = v.le(a, v.mul(b, v.constant(Math.SQRT2 - 1)));
  const isHigh = v.gt(a, v.mul(b, v.constant(Math.SQRT2 + 1)));
  const pick = (low: Vector, middle: Vector, high: Vector) =>
    v.select(isLow, low, v.select(isHigh, high, middle));
  const t = v.div(pick(a, v.sub(a, b), v.neg(b)), pick(b, v.add(a, b), a));
  const zero = v.constant(0);
  const [quarter, half] = [piTimes(v, 0.25), piTimes(v, 0.5)];
  const z = v.mul(t, t);
  const rest = v.mulAdd(
    v.mul(t, z),
    v.polynomial(z, ATAN_TAIL[v.dtype]),
    pick(zero, quarter.tail, half.tail),
  );
  return v.add(pick(zero, quarter.head, half.head), v.add(t, rest));
}

export const atan = (v: Algebra, x: Vector): Vector => withSign(v, angle(v, v.abs(x), v.constant(1)), x);

/** The angle of the point (x, y) as in C99, with its rules for zeros and infinities. */
export function atan2(v: Algebra, y: Vector, x: Vector): Vector {
  const one = v.constant(1);
  const infinity = v.constant(Infinity);
  const [a, b] = [v.abs(y), v.abs(x)];
  const areInfinite = v.and(v.eq(a, infinity), v.eq(b, infinity));
  const areZero = v.eq(v.or(a, b), v.constant(0));
  // A quarter of large arguments, so that their sum and their products with √2 ± 1 do not overflow.
  const isLarge = v.gt(v.pmax(a, b), v.constant(2 ** (v.format.bias - 3)));
  const scale = v.select(isLarge, v.constant(0.25), one);
  const scaledY = v.select(areInfinite, one, v.mul(a, scale));
  const scaledX = v.select(v.or(areInfinite, areZero), one, v.mul(b, scale));
  const right = angle(v, scaledY, scaledX);
  const pi = piTimes(v, 1);
  const left = v.sub(pi.head, v.sub(right, pi.tail));
  const isLeft = v.lt(v.or(signOf(v, x), one), v.constant(0));
  return withSign(v, v.select(isLeft, left, right), y);
}

interface HalfAngle {
  /** |x| > ½: here asin|x| = π/2 − 2 asin s with s = √((1 − |x|)/2). */
  readonly isOuter: Vector;
  /** asin s − s or asin|x| − |x|. */
  readonly rest: Vector;
  /** s or |x|. */
  readonly s: Vector;
}

function halfAngle(v: Algebra, x: Vector): HalfAngle {
  const a = v.abs(x);
  const half = v.constant(0.5);
  const isOuter = v.gt(a, half);
  const outerSquare = v.mul(v.sub(v.constant(1), a), half);
  const z = v.select(isOuter, outerSquare, v.mul(a, a));
  const s = v.select(isOuter, v.sqrt(outerSquare), a);
  return { isOuter, s, rest: v.mul(v.mul(s, z), v.polynomial(z, ASIN_TAIL[v.dtype])) };
}

export function asin(v: Algebra, x: Vector): Vector {
  const { isOuter, s, rest } = halfAngle(v, x);
  const halfPi = piTimes(v, 0.5);
  // π/2 − 2s exactly, and then what is small
  const { head, tail } = fastTwoSum(v, halfPi.head, v.neg(v.add(s, s)));
  const outer = v.add(head, v.add(tail, v.sub(halfPi.tail, v.add(rest, rest))));
  return withSign(v, v.select(isOuter, outer, v.add(s, rest)), x);
}

/** π/2 − asin x inside, 2 asin s or π − 2 asin s outside. */
export function acos(v: Algebra, x: Vector): Vector {
  const { isOuter, s, rest } = halfAngle(v, x);
  const sign = signOf(v, x);
  const halfPi = piTimes(v, 0.5);
  const inner = v.sub(halfPi.head, v.add(x, v.sub(v.xor(rest, sign), halfPi.tail)));
  const near = v.add(s, rest);
  const twice = v.add(near, near);
  const isLeft = v.lt(x, v.constant(0));
  const pi = piTimes(v, 1);
  const left = v.sub(pi.head, v.sub(twice, pi.tail));
  return v.select(isOuter, v.select(isLeft, left, twice), inner);
}
