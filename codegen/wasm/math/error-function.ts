/** erf and erfc: near zero an odd polynomial, beyond it e^(−x²) times a slowly varying factor. */
import { withSign } from "./bits.ts";
import { ERF_TAIL, ERFC_EXPONENT_SINGLE, ERFCX, type ErfcxTable } from "./coefficients.ts";
import { expNormal, expOfSum, expWide } from "./exponential.ts";
import { type Algebra, type Vector, widened } from "./graph.ts";

/** Up to here both follow from the polynomial; erfc(0.9) ≈ 0.2, so that 1 − erfc is accurate beyond. */
const NEAR = 0.9;

/** erfc(3.95) < 2⁻²⁵. */
const ERF_IS_ONE_SINGLE = 3.95;

/** erf x − x. */
const erfNearRest = (v: Algebra, x: Vector): Vector => v.mul(x, v.polynomial(v.mul(x, x), ERF_TAIL[v.dtype]));

/** How e^(−a²) is multiplied with what the rest of erfc gives. */
type TimesGaussian = (v: Algebra, a: Vector, rest: Vector) => Vector;

/** In f64. The square is head + tail: the head is that of a with half its mantissa, and exact. */
const timesGaussian: TimesGaussian = (v, a, rest) => {
  const x = v.pmin(a, v.constant(ERFCX.f64.last));
  const short = v.and(x, v.bits(0xfffffffff8000000n));
  const tail = v.mul(v.sub(x, short), v.add(x, short));
  return expOfSum(v, v.neg(v.mul(short, short)), v.neg(tail), (e) => v.mul(e, rest));
};

/** In f64 to the accuracy of f32. */
const timesGaussianWide: TimesGaussian = (v, a, rest) => v.mul(expWide(v, v.neg(v.mul(a, a))), rest);

/** erfc a for a ≥ 0.9, in f64: e^(−a²) · p(u) / (a + k) with u = (a − k)/(a + k) − ¼ and k = 5/2. */
function erfcFar(v: Algebra, a: Vector, { last, polynomial }: ErfcxTable, times: TimesGaussian): Vector {
  const x = v.pmin(a, v.constant(last));
  const denominator = v.add(x, v.constant(2.5));
  const u = v.div(v.sub(v.mul(x, v.constant(0.75)), v.constant(3.125)), denominator);
  return times(v, a, v.div(v.polynomial(u, polynomial), denominator));
}

/** From the value at |x| ≥ 0.9; near zero as (1 − x) − (erf x − x): where it counts, 1 − x is exact and the rest is small. */
function erfcFrom(v: Algebra, x: Vector, far: Vector): Vector {
  const outer = v.select(v.lt(x, v.constant(0)), v.sub(v.constant(2), far), far);
  const near = v.sub(v.sub(v.constant(1), x), erfNearRest(v, x));
  return v.select(v.lt(v.abs(x), v.constant(NEAR)), near, outer);
}

const farDouble = (v: Algebra, x: Vector): Vector => erfcFar(v, v.abs(x), ERFCX.f64, timesGaussian);

export const erfcDouble = (v: Algebra, x: Vector): Vector => erfcFrom(v, x, farDouble(v, x));

/** In f64 lanes to the accuracy of f32. */
export const erfcWide = (v: Algebra, x: Vector): Vector =>
  erfcFrom(v, x, erfcFar(v, v.abs(x), ERFCX.f32, timesGaussianWide));

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
