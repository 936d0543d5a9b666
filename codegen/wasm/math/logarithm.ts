/** log and its relatives: log x = e ln 2 + log m with m in [√½, √2). */
import { decompose, type Decomposed, powerOfMinus, where, withSign } from "./bits.ts";
import { LN2, LOG1P_TAIL_F32, LOG_ARTANH_TAIL, LOG_TAIL_F32, type PerLaneType } from "./coefficients.ts";
import { expMinusAbs, expMinusAbsFast } from "./exponential.ts";
import type { Algebra, Vector } from "./graph.ts";

/** log(1 + f) − f, negated, for 1 + f in [√½, √2); `extra` is added in the same place. */
type LogTail = (v: Algebra, f: Vector, extra: Vector) => Vector;

const logTail: PerLaneType<LogTail> = {
  f32: (v, f, extra) => {
    const square = v.mul(f, f);
    const cubic = v.mul(v.mul(square, f), v.polynomialInPairs(f, LOG_TAIL_F32));
    return v.sub(v.mul(square, v.constant(0.5)), v.add(cubic, extra));
  },
  // With s = f / (2 + f): log(1 + f) = 2 artanh s = f − (f²/2 − s (f²/2 + R(s²))), where R = 2 artanh(s)/s − 2.
  f64: (v, f, extra) => {
    const s = v.div(f, v.add(f, v.constant(2)));
    const z = v.mul(s, s);
    const halfSquare = v.mul(v.mul(f, f), v.constant(0.5));
    const tail = v.mul(z, v.polynomial(z, LOG_ARTANH_TAIL));
    return v.sub(halfSquare, v.mulAdd(s, v.add(halfSquare, tail), extra));
  },
};

/** e ln 2 + log(1 + f). */
function assemble(v: Algebra, exponent: Vector, f: Vector): Vector {
  const { head, tail } = LN2[v.dtype];
  const rest = logTail[v.dtype](v, f, v.mul(exponent, v.constant(tail)));
  return v.mulAdd(exponent, v.constant(head), v.sub(f, rest));
}

/** The logarithm where x is not a positive finite number: −∞ at zero, NaN below (the mask itself), else x. */
const logOutside = (v: Algebra, x: Vector): Vector => {
  const zero = v.constant(0);
  return v.select(v.eq(x, zero), v.constant(-Infinity), v.or(x, v.lt(x, zero)));
};

/** x = mantissa · 2^exponent for any positive finite x. */
export function decomposeAny(v: Algebra, x: Vector): Decomposed {
  const lift = v.format.mantissaBits + 2;
  const isSmall = v.lt(x, v.constant(v.format.minNormal));
  const { mantissa, exponent } = decompose(v, v.select(isSmall, v.mul(x, v.constant(2 ** lift)), x));
  return { mantissa, exponent: v.sub(exponent, where(v, isSmall, v.constant(lift))) };
}

export function log(v: Algebra, x: Vector): Vector {
  const { mantissa, exponent } = decomposeAny(v, x);
  const value = assemble(v, exponent, v.sub(mantissa, v.constant(1)));
  const isInside = v.and(v.gt(x, v.constant(0)), v.lt(x, v.constant(Infinity)));
  return v.select(isInside, value, logOutside(v, x));
}

/** Scaling of the correction in `log1pInside` stops here: beyond, it is far below the last bit. */
const LAST_VISIBLE_EXPONENT = 64;

/**
 * log(1 + x) for −1 < x < ∞: of the rounded sum u = 2ᵉ m, with what the sum lost, scaled by 2⁻ᵉ, added to m − 1.
 * For e = 0 that gives back x itself.
 */
function log1pInside(v: Algebra, x: Vector): Vector {
  const one = v.constant(1);
  const u = v.add(one, x);
  const back = v.sub(u, one);
  const lost = v.add(v.sub(one, v.sub(u, back)), v.sub(x, back));
  const { mantissa, exponent } = decompose(v, u);
  const scale = powerOfMinus(v, v.pmin(exponent, v.constant(LAST_VISIBLE_EXPONENT)));
  return assemble(v, exponent, v.mulAdd(lost, scale, v.sub(mantissa, one)));
}

export function log1p(v: Algebra, x: Vector): Vector {
  const isInside = v.and(v.gt(x, v.constant(-1)), v.lt(x, v.constant(Infinity)));
  const value = v.select(isInside, log1pInside(v, x), logOutside(v, v.add(x, v.constant(1))));
  return withSign(v, value, x);
}

/** log(1 + e) for 0 ≤ e ≤ 1. */
const log1pUnit: PerLaneType<(v: Algebra, e: Vector) => Vector> = {
  f32: (v, e) => v.mulAdd(v.mul(e, e), v.polynomialInPairs(e, LOG1P_TAIL_F32), e),
  f64: log1pInside,
};

/** log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|). */
const softplusFrom = (v: Algebra, x: Vector, exponential: Vector): Vector =>
  v.add(v.pmax(x, v.constant(0)), log1pUnit[v.dtype](v, exponential));

export const softplus = (v: Algebra, x: Vector): Vector => softplusFrom(v, x, expMinusAbs(v, x));

export const softplusFast = (v: Algebra, x: Vector): Vector => softplusFrom(v, x, expMinusAbsFast(v, x));

/** Beyond this, x² ± 1 is x² and log(2x) is log(1 + x) + ln 2, to the last bit; and x² does not overflow. */
const LARGE: PerLaneType<number> = { f32: 2 ** 30, f64: 2 ** 60 };

/** log(1 + near), or log(1 + a) + ln 2 where a is large. */
function log1pOrDouble(v: Algebra, a: Vector, near: Vector): Vector {
  const isLarge = v.gt(a, v.constant(LARGE[v.dtype]));
  const extra = where(v, isLarge, v.constant(Math.LN2));
  return v.add(log1p(v, v.select(isLarge, a, near)), extra);
}

/** log(a + √(a² + 1)) = log(1 + a + a² / (1 + √(a² + 1))), a = |x|. */
export function asinh(v: Algebra, x: Vector): Vector {
  const one = v.constant(1);
  const a = v.abs(x);
  const square = v.mul(a, a);
  const near = v.add(a, v.div(square, v.add(one, v.sqrt(v.add(square, one)))));
  return withSign(v, log1pOrDouble(v, a, near), x);
}

/** log(x + √(x² − 1)) = log(1 + t + √(2t + t²)), t = x − 1. */
export function acosh(v: Algebra, x: Vector): Vector {
  const one = v.constant(1);
  const t = v.sub(x, one);
  const near = v.add(t, v.sqrt(v.mulAdd(t, t, v.add(t, t))));
  return v.or(log1pOrDouble(v, x, near), v.lt(x, one));
}

/** ½ log((1 + a) / (1 − a)) = ½ log(1 + 2a / (1 − a)), a = |x|. */
export function atanh(v: Algebra, x: Vector): Vector {
  const a = v.abs(x);
  const ratio = v.div(v.add(a, a), v.sub(v.constant(1), a));
  return withSign(v, v.mul(v.constant(0.5), log1p(v, ratio)), x);
}
