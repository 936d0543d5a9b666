/** sin, cos and tan: the argument reduced to |r| ≤ π/4, a polynomial each for sin r and cos r, and the quadrant. */
import { FAST_LIMIT, type ReducedAngle, reduceAny, reduceFast, reduceSingle } from "./argument-reduction.ts";
import { oddPolynomial, signBit } from "./bits.ts";
import { COS_TAIL, SIN_TAIL, TAN_TAIL_SINGLE } from "./coefficients.ts";
import { type Algebra, type Formula, type Vector, widened } from "./graph.ts";

export type TrigonometricFunction = "sin" | "cos" | "tan";

/** A mask of the odd quadrants. */
const isOdd = (v: Algebra, quadrant: Vector): Vector => v.subBits(v.bits(0n), v.and(quadrant, v.bits(1n)));

/** The sign bit, set in quadrants 2 and 3. */
const secondBitAsSign = (v: Algebra, quadrant: Vector): Vector =>
  v.and(v.shiftLeft(quadrant, 8 * v.format.bytes - 2), signBit(v));

const nextQuadrant = (v: Algebra, quadrant: Vector): Vector => v.addBits(quadrant, v.bits(1n));

interface SinCos {
  readonly sin: Vector;
  readonly cos: Vector;
}

/** sin and cos of head + tail, |head| ≤ π/4. 1 − x²/2 is rounded, and what it loses is put back. */
function sinCosReduced(v: Algebra, head: Vector, tail: Vector): SinCos {
  const one = v.constant(1);
  const z = v.mul(head, head);
  const half = v.mul(z, v.constant(0.5));
  const cosHead = v.sub(one, half);
  const sinRest = v.mulAdd(v.mul(head, z), v.polynomial(z, SIN_TAIL[v.dtype]), v.mul(tail, cosHead));
  const lost = v.sub(v.sub(one, cosHead), half);
  const cosRest = v.sub(v.mul(v.mul(z, z), v.polynomial(z, COS_TAIL[v.dtype])), v.mul(head, tail));
  return { sin: v.add(head, sinRest), cos: v.add(cosHead, v.add(lost, cosRest)) };
}

/** The functions from sin r, cos r and the quadrant n: the angle is r + n π/2. */
const FROM_QUADRANT: {
  readonly [K in TrigonometricFunction]: (v: Algebra, reduced: SinCos, quadrant: Vector) => Vector;
} = {
  sin: (v, { sin, cos }, quadrant) =>
    v.xor(v.select(isOdd(v, quadrant), cos, sin), secondBitAsSign(v, quadrant)),
  cos: (v, { sin, cos }, quadrant) =>
    v.xor(v.select(isOdd(v, quadrant), sin, cos), secondBitAsSign(v, nextQuadrant(v, quadrant))),
  tan: (v, { sin, cos }, quadrant) => {
    const odd = isOdd(v, quadrant);
    const ratio = v.div(v.select(odd, cos, sin), v.select(odd, sin, cos));
    return v.xor(ratio, v.and(odd, signBit(v)));
  },
};

const fromReduced = (
  v: Algebra,
  name: TrigonometricFunction,
  { head, tail, quadrant }: ReducedAngle,
): Vector => FROM_QUADRANT[name](v, sinCosReduced(v, head, tail), quadrant);

/** The odd functions of a zero are that zero, with its sign. */
const keepZero = (v: Algebra, name: TrigonometricFunction, x: Vector, value: Vector): Vector =>
  name === "cos" ? value : v.select(v.eq(x, v.constant(0)), x, value);

/** For any argument; slow. */
export const hugeFormula =
  (name: TrigonometricFunction): Formula =>
  (v, x) =>
    keepZero(v, name, x, fromReduced(v, name, reduceAny(v, x)));

export const hugeName = (name: TrigonometricFunction): string => `${name}_huge_f64x2`;

const isHuge = (v: Algebra, x: Vector): Vector => v.gt(v.abs(x), v.constant(FAST_LIMIT));

export const doubleFormula =
  (name: TrigonometricFunction): Formula =>
  (v, x) =>
    v.whenAny(
      isHuge(v, x),
      v.call(hugeName(name), x),
      keepZero(v, name, x, fromReduced(v, name, reduceFast(v, x))),
    );

/** The low bits of f64 lanes as the low bits of f32 lanes. */
const narrowQuadrant = (v: Algebra, x: Vector): Vector =>
  v.evenWords(
    reduceSingle(v.of("f64"), v.promoteLow(x)).quadrant,
    reduceSingle(v.of("f64"), v.promoteHigh(x)).quadrant,
  );

/** sin and cos with the reduction in f64 and the polynomials in f32. */
function singleSinCos(v: Algebra, name: "sin" | "cos", x: Vector): Vector {
  const r = widened(v, (wide, part) => reduceSingle(wide, part).head, x);
  return FROM_QUADRANT[name](v, sinCosReduced(v, r, v.constant(0)), narrowQuadrant(v, x));
}

/** tan r in f64, and −1 / tan r in f32 for the odd quadrants. */
function singleTan(v: Algebra, x: Vector): Vector {
  const t = widened(
    v,
    (wide, part) => oddPolynomial(wide, reduceSingle(wide, part).head, TAN_TAIL_SINGLE),
    x,
  );
  return v.select(isOdd(v, narrowQuadrant(v, x)), v.div(v.constant(-1), t), t);
}

export const singleFormula =
  (name: TrigonometricFunction): Formula =>
  (v, x) =>
    v.whenAny(
      isHuge(v, x),
      widened(v, (wide, part) => wide.call(hugeName(name), part), x),
      keepZero(v, name, x, name === "tan" ? singleTan(v, x) : singleSinCos(v, name, x)),
    );
