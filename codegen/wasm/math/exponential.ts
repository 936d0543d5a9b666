/** exp and its relatives: eˣ = 2ⁿ · eʳ with n = round(x / ln 2), r = x − n ln 2. */
import {
  either,
  HEADROOM,
  oddPolynomial,
  powerOfMinus,
  powerOfTwo,
  roundedProduct,
  type Rounded,
  scaleDown,
  scaleTwice,
  signBit,
  withSign,
} from "./bits.ts";
import {
  EXP_TAIL,
  EXP_TAIL_WIDE,
  EXPM1_TAIL,
  LN2,
  type PerLaneType,
  SINH_TAIL,
  TANH_TAIL_F64,
} from "./coefficients.ts";
import type { Algebra, Vector } from "./graph.ts";

/**
 * Beyond `low` eˣ/2 is 0, beyond `high` it is +∞, and n stays in the range of two-step scaling. Below `minusOne`
 * eˣ − 1 is −1.
 */
const RANGE: PerLaneType<Readonly<Record<"low" | "high" | "minusOne", number>>> = {
  f32: { low: -108, high: 91, minusOne: -18 },
  f64: { low: -750, high: 712, minusOne: -38 },
};

/** In f64 tanh is 1 above it. */
const TANH_ONE = 20;

/** 2⁻ⁿ is added to eʳ − 1 for n up to this; beyond it is far below the last bit. */
const LAST_VISIBLE_POWER = 64;

/** x limited to an interval; NaN stays. */
export const clamp = (v: Algebra, x: Vector, low: number, high: number): Vector =>
  v.pmin(v.pmax(x, v.constant(low)), v.constant(high));

export interface Reduced {
  readonly n: Rounded;
  readonly r: Vector;
  /** What r lost by rounding: r + rest is the reduced argument. */
  readonly rest: Vector;
}

export function reduce(v: Algebra, x: Vector, offset: number): Reduced {
  const n = roundedProduct(v, x, Math.LOG2E, offset);
  const { head, tail } = LN2[v.dtype];
  const exact = v.sub(x, v.mul(n.value, v.constant(head)));
  const small = v.mul(n.value, v.constant(tail));
  const r = v.sub(exact, small);
  return { n, r, rest: v.sub(v.sub(exact, r), small) };
}

/** eʳ − 1 for |r| ≤ ½ ln 2, to the precision that the sum with 1 needs. */
const expReducedMinusOne = (v: Algebra, r: Vector): Vector =>
  v.mulAdd(v.mul(r, r), v.polynomialInPairs(r, EXP_TAIL[v.dtype]), r);

const expReduced = (v: Algebra, r: Vector): Vector => v.add(expReducedMinusOne(v, r), v.constant(1));

/** eˣ · 2^shift with gradual underflow, and overflow to +∞. */
function expShifted(v: Algebra, x: Vector, shift: number): Vector {
  const { low, high } = RANGE[v.dtype];
  const { n, r } = reduce(v, clamp(v, x, low, high), 2 * v.format.bias + shift);
  return scaleTwice(v, expReduced(v, r), n.bits);
}

export const exp = (v: Algebra, x: Vector): Vector => expShifted(v, x, 0);

/**
 * `finish(eʳ) · 2ⁿ` for eʳ · 2ⁿ = e^(head + tail), |tail| far below |head|. Over- and underflow as in exp; it is
 * rounded once more where it underflows.
 */
export function expOfSum(v: Algebra, head: Vector, tail: Vector, finish: (e: Vector) => Vector): Vector {
  const { low, high } = RANGE[v.dtype];
  const { n, r } = reduce(v, clamp(v, head, low, high), 2 * v.format.bias);
  return scaleTwice(v, finish(expReduced(v, v.add(r, tail))), n.bits);
}

/** eˣ where it is known to be a normal number. */
export function expNormal(v: Algebra, x: Vector): Vector {
  const { n, r } = reduce(v, x, v.format.bias);
  return v.mul(expReduced(v, r), powerOfTwo(v, n.bits));
}

/** eˣ − 1 = 2ⁿ ((eʳ − 1) + (1 − 2⁻ⁿ)), where 1 − 2⁻ⁿ is exact as long as it matters. */
export function expm1(v: Algebra, x: Vector): Vector {
  const { minusOne, high } = RANGE[v.dtype];
  const { n, r, rest } = reduce(v, clamp(v, x, minusOne, high), 2 * v.format.bias);
  const tail = v.polynomialInPairs(r, EXPM1_TAIL[v.dtype]);
  const reduced = v.add(r, v.mulAdd(v.mul(r, r), tail, rest));
  const inverse = powerOfMinus(v, v.pmin(n.value, v.constant(LAST_VISIBLE_POWER)));
  const scaled = scaleTwice(v, v.add(reduced, v.sub(v.constant(1), inverse)), n.bits);
  return withSign(v, scaled, x);
}

/** From h = e^|x| / 2, which overflows where the result does: h − 1/(4h); near zero a polynomial. */
export function sinh(v: Algebra, x: Vector): Vector {
  const a = v.abs(x);
  const h = expShifted(v, a, -1);
  const large = v.sub(h, v.div(v.constant(0.25), h));
  const near = oddPolynomial(v, a, SINH_TAIL[v.dtype]);
  return withSign(v, v.select(v.lt(a, v.constant(1)), near, large), x);
}

export function cosh(v: Algebra, x: Vector): Vector {
  const h = expShifted(v, v.abs(x), -1);
  return v.add(h, v.div(v.constant(0.25), h));
}

/** −|x|, the same node for x and −x. */
const minusAbs = (v: Algebra, x: Vector): Vector => v.or(v.unsigned(x), signBit(v));

/** e^−|x| = (1 + minusOne) · power. */
interface Parts {
  readonly minusOne: Vector;
  readonly power: Vector;
}

/** e^−|x|. */
export function expMinusAbs(v: Algebra, x: Vector): Vector {
  const { n, r } = reduceMinusAbs(v, x);
  return scaleDown(v, expReduced(v, r), n.bits);
}

function reduceMinusAbs(v: Algebra, x: Vector): Reduced {
  const limited = v.pmax(minusAbs(v, x), v.constant(RANGE[v.dtype].low));
  return reduce(v, limited, v.format.bias + HEADROOM[v.dtype]);
}

/** By the steps of `expMinusAbs`, which an engine then makes once for both. */
function partsOfExpMinusAbs(v: Algebra, x: Vector): Parts {
  const { n, r } = reduceMinusAbs(v, x);
  const power = v.mul(powerOfTwo(v, n.bits), v.constant(2 ** -HEADROOM[v.dtype]));
  return { minusOne: expReducedMinusOne(v, r), power };
}

/** (1 − e) / (1 + e) with e = e^−2|x|, both from eʳ − 1, which has all digits where e is near one. */
function tanhFrom(v: Algebra, x: Vector, { minusOne, power }: Parts): Vector {
  const one = v.constant(1);
  const rest = v.mul(minusOne, power);
  const quotient = v.div(v.sub(v.sub(one, power), rest), v.add(v.add(one, power), rest));
  return withSign(v, quotient, x);
}

const minusTwice = (v: Algebra, x: Vector): Vector => v.mul(v.constant(-2), x);

/** With softplus(−2x) it shares the exponential. */
export const tanhSingle = (v: Algebra, x: Vector): Vector =>
  tanhFrom(v, x, partsOfExpMinusAbs(v, minusTwice(v, x)));

/** 1 − 2 / (e^2|x| + 1), which loses digits only where the polynomial takes over. */
export function tanhDouble(v: Algebra, x: Vector): Vector {
  const a = v.abs(x);
  const limited = v.pmin(a, v.constant(TANH_ONE));
  const e = expNormal(v, v.add(limited, limited));
  const large = v.sub(v.constant(1), v.div(v.constant(2), v.add(e, v.constant(1))));
  const near = oddPolynomial(v, a, TANH_TAIL_F64);
  return withSign(v, v.select(v.lt(a, v.constant(0.625)), near, large), x);
}

/** e for x < 0 and 1 else, from e = e^−|x|; for −x from the same parts. */
function sideOf(v: Algebra, x: Vector, e: Vector): Vector {
  const positive = v.unsigned(x);
  const sides = either(v, v.lt(positive, v.constant(0)), e, v.constant(1));
  return positive === x ? sides.chosen : sides.other;
}

/**
 * 1 / (1 + e⁻ˣ) from e = e^−|x|, so that nothing overflows: p = e / (1 + e) is right but for its last digits, which count
 * less in s − s p with s = e for negative x, else 1. With −x and with softplus it shares all but the last steps.
 */
export function sigmoid(v: Algebra, x: Vector): Vector {
  const e = expMinusAbs(v, x);
  const p = v.div(e, v.add(e, v.constant(1)));
  const side = sideOf(v, x, e);
  return v.sub(side, v.mul(side, p));
}

/**
 * In f32: the exponents, −127 and 128, whose bits are those of the factors 0 and ∞. There is no denormal result, and what
 * is above 2^127.5 is ∞.
 */
const FAST = { low: -127 * Math.LN2, high: 128 * Math.LN2 };

/** eˣ, and 0 for what is not a normal number. */
export const expFast = (v: Algebra, x: Vector): Vector => expNormal(v, clamp(v, x, FAST.low, FAST.high));

const limitFast = (v: Algebra, x: Vector): Vector => v.pmax(minusAbs(v, x), v.constant(FAST.low));

const reduceMinusAbsFast = (v: Algebra, x: Vector): Reduced => reduce(v, limitFast(v, x), v.format.bias);

/** e^−|x|, and 0 for what is not a normal number. */
export const expMinusAbsFast = (v: Algebra, x: Vector): Vector => expNormal(v, limitFast(v, x));

/** With softplus(−2x) it shares the exponential. */
export function tanhFast(v: Algebra, x: Vector): Vector {
  const { n, r } = reduceMinusAbsFast(v, minusTwice(v, x));
  return tanhFrom(v, x, { minusOne: expReducedMinusOne(v, r), power: powerOfTwo(v, n.bits) });
}

/** With −x and with softplus it shares all but the last steps. */
export function sigmoidFast(v: Algebra, x: Vector): Vector {
  const e = expMinusAbsFast(v, x);
  return v.mul(sideOf(v, x, e), v.div(v.constant(1), v.add(e, v.constant(1))));
}

/**
 * e to the one is far below the range of f32, and its exponent, −1023, has the bits of the factor 0; e to the other is far
 * beyond the range of f32, and a normal number of f64.
 */
const WIDE = { low: -1023 * Math.LN2, high: 700 };

/** For an x that is not too small. */
function expWideAbove(v: Algebra, x: Vector): Vector {
  const n = roundedProduct(v, x, Math.LOG2E, v.format.bias);
  const r = v.sub(x, v.mul(n.value, v.constant(Math.LN2)));
  const reduced = v.mulAdd(v.mul(r, r), v.polynomialInHalves(r, EXP_TAIL_WIDE), v.add(r, v.constant(1)));
  return v.mul(reduced, powerOfTwo(v, n.bits));
}

/** eˣ in f64 lanes to the accuracy of f32, for what is rounded to f32 in the end; 0 where that is far below its range. */
export const expWide = (v: Algebra, x: Vector): Vector => expWideAbove(v, clamp(v, x, WIDE.low, WIDE.high));

/**
 * eˣ in f32 lanes of an x in f64 lanes, two vectors: what magnifies errors is the argument, which is reduced in f64, while eʳ
 * needs no more than f32.
 */
export function expNarrow(v: Algebra, low: Vector, high: Vector): Vector {
  const single = v.of("f32");
  const parts = (x: Vector): { readonly n: Rounded; readonly r: Vector } => {
    const limited = clamp(v, x, RANGE.f32.low, RANGE.f32.high);
    const n = roundedProduct(v, limited, Math.LOG2E, 2 * single.format.bias);
    return { n, r: v.sub(limited, v.mul(n.value, v.constant(Math.LN2))) };
  };
  const [a, b] = [parts(low), parts(high)];
  return scaleTwice(single, expReduced(single, v.demote(a.r, b.r)), v.evenWords(a.n.bits, b.n.bits));
}

/** The same for the logistic function; for x and −x but the last step is the same. */
export function sigmoidWide(v: Algebra, x: Vector): Vector {
  const one = v.constant(1);
  const e = expWideAbove(v, v.pmax(minusAbs(v, x), v.constant(WIDE.low)));
  return v.mul(sideOf(v, x, e), v.div(one, v.add(e, one)));
}

/** The same for the hyperbolic cosine. */
export function coshWide(v: Algebra, x: Vector): Vector {
  const e = expWide(v, v.abs(x));
  return v.mul(v.add(e, v.div(v.constant(1), e)), v.constant(0.5));
}

/** The same for the hyperbolic sine. */
export function sinhWide(v: Algebra, x: Vector): Vector {
  const a = v.abs(x);
  const e = expWide(v, a);
  const large = v.mul(v.sub(e, v.div(v.constant(1), e)), v.constant(0.5));
  const near = oddPolynomial(v, a, SINH_TAIL.f64);
  return withSign(v, v.select(v.lt(a, v.constant(1)), near, large), x);
}
