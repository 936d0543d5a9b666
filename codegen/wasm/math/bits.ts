/** Formulas on the representation: powers of two, exponents, signs, exact sums. */
import type { PerLaneType } from "./coefficients.ts";
import type { Algebra, Vector } from "./graph.ts";

/**
 * 1.5 · 2^mantissaBits: adding it rounds a number below 2^(mantissaBits − 1) in magnitude to an integer (ties to even),
 * which then stands in the low bits of the sum.
 */
const roundingConstant = (v: Algebra): number => 1.5 * 2 ** v.format.mantissaBits;

export interface Rounded {
  /** The integer, as a floating-point number. */
  readonly value: Vector;
  /** A bit pattern whose low bits are the integer plus the offset. */
  readonly bits: Vector;
}

/** x · factor rounded to the nearest integer. */
export function roundedProduct(v: Algebra, x: Vector, factor: number, offset: number): Rounded {
  const magic = v.constant(roundingConstant(v) + offset);
  const sum = v.mulAdd(x, v.constant(factor), magic);
  return { value: v.sub(sum, magic), bits: sum };
}

/** 2ⁿ for an n whose 2ⁿ is a normal number, from the bits of n + bias. */
export const powerOfTwo = (v: Algebra, biased: Vector): Vector => v.shiftLeft(biased, v.format.mantissaBits);

/** 2⁻ⁿ for a floating-point integer n whose 2⁻ⁿ is a normal number. */
export const powerOfMinus = (v: Algebra, n: Vector): Vector =>
  powerOfTwo(v, v.sub(v.constant(roundingConstant(v) + v.format.bias), n));

/**
 * p · 2ⁿ for p near one, from the bits of n + 2 · bias, in two steps, so that the result may overflow or be a denormal:
 * the first product is exact, the second rounds once.
 */
export function scaleTwice(v: Algebra, p: Vector, doublyBiased: Vector): Vector {
  const half = v.shiftRight(doublyBiased, 1);
  const rest = v.subBits(doublyBiased, half);
  return v.mul(v.mul(p, powerOfTwo(v, half)), powerOfTwo(v, rest));
}

/** How far 2ⁿ is kept from underflow in `scaleDown`. */
export const HEADROOM: PerLaneType<number> = { f32: 32, f64: 64 };

/**
 * p · 2ⁿ for p near one and n ≤ 0, from the bits of n + bias + headroom: as `scaleTwice`, but by one power of two that
 * varies and one that does not.
 */
export const scaleDown = (v: Algebra, p: Vector, biased: Vector): Vector =>
  v.mul(v.mul(p, powerOfTwo(v, biased)), v.constant(2 ** -HEADROOM[v.dtype]));

export const signBit = (v: Algebra): Vector => v.constant(-0);
export const signOf = (v: Algebra, x: Vector): Vector => v.and(x, signBit(v));

/** x, not negative, with the sign of `sign`. */
export const withSign = (v: Algebra, x: Vector, sign: Vector): Vector => v.or(x, signOf(v, sign));

/** `mask ? a : 0`, lanewise. */
export const where = (v: Algebra, mask: Vector, a: Vector): Vector => v.and(mask, a);

export interface Either {
  readonly chosen: Vector;
  readonly other: Vector;
}

/** `mask ? a : b` and `mask ? b : a`. */
export function either(v: Algebra, mask: Vector, a: Vector, b: Vector): Either {
  const difference = v.and(mask, v.xor(a, b));
  return { chosen: v.xor(b, difference), other: v.xor(a, difference) };
}

/** x + x³ · tail(x²). */
export function oddPolynomial(v: Algebra, x: Vector, tail: readonly number[]): Vector {
  const z = v.mul(x, x);
  return v.mulAdd(v.mul(x, z), v.polynomial(z, tail), x);
}

export interface Decomposed {
  /** In [√½, √2). */
  readonly mantissa: Vector;
  /** An integer as a floating-point number. */
  readonly exponent: Vector;
}

/** x = mantissa · 2^exponent for a positive normal x. */
export function decompose(v: Algebra, x: Vector): Decomposed {
  const { mantissaBits, bias } = v.format;
  const sqrtHalfBits = v.bits(SQRT_HALF_BITS[v.dtype]);
  const shifted = v.subBits(x, sqrtHalfBits);
  const mantissa = v.addBits(v.and(shifted, v.bits((1n << BigInt(mantissaBits)) - 1n)), sqrtHalfBits);
  // The exponent, biased to be positive, goes into the low bits of 2^mantissaBits.
  const carrier = 2 ** mantissaBits;
  const biased = v.shiftRight(v.addBits(shifted, v.bits(BigInt(bias) << BigInt(mantissaBits))), mantissaBits);
  const exponent = v.sub(v.or(biased, v.constant(carrier)), v.constant(carrier + bias));
  return { mantissa, exponent };
}

const SQRT_HALF_BITS = { f32: 0x3f3504f3n, f64: 0x3fe6a09e667f3bcdn } as const;
