/** erf and erfc: near zero an odd polynomial, beyond it e^(−x²) times a slowly varying factor. */
import { withSign } from "./bits.ts";
import {
  ERF_TAIL,
  ERFC_EXPONENT_SINGLE,
  ERFC_IS_ZERO,
  ERFCX,
  ERFCX_FAST,
  ERFCX_WIDE,
} from "./coefficients.ts";
import { expFast, expNormal, expOfSum, expWide } from "./exponential.ts";
import { type Algebra, type Vector, widened } from "./graph.ts";

/** Up to here both follow from the polynomial; erfc(0.9) ≈ 0.2, so that 1 − erfc is accurate beyond. */
const NEAR = 0.9;

/** erfc(3.95) < 2⁻²⁵. */
const ERF_IS_ONE_SINGLE = 3.95;

/** e^(−x²) is 0 in f32 from here on. */
const FAST_LIMIT = 16;

/** erf x − x. */
const erfNearRest = (v: Algebra, x: Vector): Vector => v.mul(x, v.polynomial(v.mul(x, x), ERF_TAIL[v.dtype]));

/** e^(−a²) · rest. The square is head + tail: the head is that of a with half its mantissa, and exact. */
function timesGaussian(v: Algebra, a: Vector, rest: Vector): Vector {
  const short = v.and(a, v.bits(0xfffffffff8000000n));
  const tail = v.mul(v.sub(a, short), v.add(a, short));
  return expOfSum(v, v.neg(v.mul(short, short)), v.neg(tail), (e) => v.mul(e, rest));
}

/** erfc a for a = |x| ≥ 0.9, in f64: e^(−a²) · p(u) / (a + k) with u = (a − k)/(a + k) − ¼ and k = 5/2. */
function farDouble(v: Algebra, x: Vector): Vector {
  const a = v.pmin(v.abs(x), v.constant(ERFC_IS_ZERO));
  // (a − k)/(a + k) − ¼ = ¾ − 2k/(a + k)
  const inverse = v.div(v.constant(1), v.add(a, v.constant(2.5)));
  const u = v.sub(v.constant(0.75), v.mul(inverse, v.constant(5)));
  return timesGaussian(v, a, v.mul(v.polynomial(u, ERFCX), inverse));
}

/** From that of |x|. */
const ofBothSigns = (v: Algebra, x: Vector, far: Vector): Vector =>
  v.select(v.lt(x, v.constant(0)), v.sub(v.constant(2), far), far);

/** Near zero as (1 − x) − (erf x − x): where it counts, 1 − x is exact and the rest is small. */
export function erfcDouble(v: Algebra, x: Vector): Vector {
  const near = v.sub(v.sub(v.constant(1), x), erfNearRest(v, x));
  return v.select(v.lt(v.abs(x), v.constant(NEAR)), near, ofBothSigns(v, x, farDouble(v, x)));
}

/**
 * In f64 lanes to the accuracy of f32: e^(−x²) · p(u) · 2k/(a + k) with u = 1 − 2k/(a + k), for all a = |x|. The square is not of
 * |x|, so that the exponential is the same as a density's beside it.
 */
export function erfcWide(v: Algebra, x: Vector): Vector {
  const quotient = v.div(v.constant(5.5), v.add(v.abs(x), v.constant(2.75)));
  const factor = v.mul(v.polynomialInHalves(v.sub(v.constant(1), quotient), ERFCX_WIDE), quotient);
  return ofBothSigns(v, x, v.mul(expWide(v, v.neg(v.mul(x, x))), factor));
}

export const erfcSingle = (v: Algebra, x: Vector): Vector => widened(v, erfcWide, x);

function erfFrom(v: Algebra, x: Vector, erfc: Vector): Vector {
  const far = v.sub(v.constant(1), erfc);
  return v.select(v.lt(v.abs(x), v.constant(NEAR)), v.add(x, erfNearRest(v, x)), withSign(v, far, x));
}

export const erfDouble = (v: Algebra, x: Vector): Vector => erfFrom(v, x, farDouble(v, x));

/** In f32 erfc a = e^(−q(a)) for a polynomial q is enough. */
export function erfSingle(v: Algebra, x: Vector): Vector {
  const a = v.pmin(v.abs(x), v.constant(ERF_IS_ONE_SINGLE));
  const exponent = v.mul(a, v.polynomial(a, ERFC_EXPONENT_SINGLE));
  return erfFrom(v, x, expNormal(v, v.neg(exponent)));
}

/** erfc |x| as e^(−x²) P(y), y = |x| / (|x| + 2), in f32 with an absolute error of 2e-7; 1 at 0. */
function erfcOfMagnitudeFast(v: Algebra, x: Vector): Vector {
  const a = v.pmin(v.abs(x), v.constant(FAST_LIMIT));
  const y = v.div(a, v.add(a, v.constant(2)));
  return v.mul(v.polynomial(y, ERFCX_FAST), expFast(v, v.neg(v.mul(x, x))));
}

export function erfcFast(v: Algebra, x: Vector): Vector {
  return ofBothSigns(v, x, erfcOfMagnitudeFast(v, x));
}

export const erfFast = (v: Algebra, x: Vector): Vector =>
  withSign(v, v.sub(v.constant(1), erfcOfMagnitudeFast(v, x)), x);
