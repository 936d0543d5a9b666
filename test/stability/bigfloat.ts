/**
 * Numbers of 1,400 bits with exponents of any size, and the elementary functions of them: what the values of formulas are
 * compared with. Enough bits for 1 + x - 1 to have the digits of any double x.
 */

import type { BinaryOp, UnaryOp } from "../../src/ir/index.ts";

/** mantissa · 2^exponent */
export interface Big {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** Infinities and NaN are plain numbers; there is one zero. */
export type Extended = Big | number;

const BITS = 1400;

const bitLength = (n: bigint): number => {
  const digits = (n < 0n ? -n : n).toString(16);
  return n === 0n ? 0 : 4 * (digits.length - 1) + (32 - Math.clz32(parseInt(digits[0] ?? "0", 16)));
};

/** To BITS bits: the last one may be off. */
const normal = (mantissa: bigint, exponent: number): Big => {
  const excess = bitLength(mantissa) - BITS;
  return excess > 0
    ? { mantissa: mantissa >> BigInt(excess), exponent: exponent + excess }
    : { mantissa, exponent };
};

const ZERO: Big = { mantissa: 0n, exponent: 0 };
const ONE: Big = { mantissa: 1n, exponent: 0 };
const HALF: Big = { mantissa: 1n, exponent: -1 };

/** x as it is; infinities and NaN stay numbers. */
export const fromNumber = (x: number): Extended => {
  if (!Number.isFinite(x)) return x;
  if (x === 0) return ZERO;
  const scale = Math.min(1074, 52 - Math.floor(Math.log2(Math.abs(x))));
  // in two steps: 2^1074 alone is no double
  const whole = x * 2 ** Math.trunc(scale / 2) * 2 ** (scale - Math.trunc(scale / 2));
  return Number.isInteger(whole)
    ? { mantissa: BigInt(whole), exponent: -scale }
    : { mantissa: BigInt(whole * 4), exponent: -scale - 2 };
};

/** The nearest double, but for the last bit. */
export const toNumber = (x: Extended): number => {
  if (typeof x === "number") return x;
  const excess = Math.max(0, bitLength(x.mantissa) - 64);
  const [top, exponent] = [Number(x.mantissa >> BigInt(excess)), x.exponent + excess];
  const steps = Math.trunc(exponent / 3);
  if (Math.abs(exponent) > 4000) return exponent > 0 && top !== 0 ? top * Infinity : 0 * top;
  return top * 2 ** steps * 2 ** steps * 2 ** (exponent - 2 * steps);
};

const sizeOf = ({ mantissa, exponent }: Big): number => bitLength(mantissa) + exponent;

// ---- arithmetic

const addBig = (a: Big, b: Big): Big => {
  if (a.mantissa === 0n) return b;
  if (b.mantissa === 0n) return a;
  const [high, low] = a.exponent >= b.exponent ? [a, b] : [b, a];
  // what is smaller than the last bit of the other is nothing
  if (sizeOf(high) - sizeOf(low) > BITS + 8) return high;
  if (sizeOf(low) - sizeOf(high) > BITS + 8) return low;
  return normal((high.mantissa << BigInt(high.exponent - low.exponent)) + low.mantissa, low.exponent);
};

const negateBig = ({ mantissa, exponent }: Big): Big => ({ mantissa: -mantissa, exponent });
const subtractBig = (a: Big, b: Big): Big => addBig(a, negateBig(b));
const timesBig = (a: Big, b: Big): Big => normal(a.mantissa * b.mantissa, a.exponent + b.exponent);
const scaled = (a: Big, by: number): Big => ({ mantissa: a.mantissa, exponent: a.exponent + by });

const overBig = (a: Big, b: Big): Big => {
  const shift = Math.max(0, BITS + bitLength(b.mantissa) - bitLength(a.mantissa) + 2);
  return normal((a.mantissa << BigInt(shift)) / b.mantissa, a.exponent - shift - b.exponent);
};

/** A whole number. */
const floorBig = ({ mantissa, exponent }: Big): Big => ({
  mantissa: exponent >= 0 ? mantissa << BigInt(exponent) : mantissa >> BigInt(-exponent),
  exponent: 0,
});

const isZero = (a: Big): boolean => a.mantissa === 0n;
const isNegative = (a: Big): boolean => a.mantissa < 0n;
const absBig = (a: Big): Big => (isNegative(a) ? negateBig(a) : a);

const sqrtBig = (a: Big): Big => {
  if (isZero(a)) return a;
  const shift = Math.max(0, 2 * BITS - bitLength(a.mantissa));
  const even = (a.exponent - shift) % 2 === 0 ? shift : shift + 1;
  const n = a.mantissa << BigInt(even);
  let root = 1n << BigInt(Math.ceil(bitLength(n) / 2));
  for (let next = (root + n / root) >> 1n; next < root; next = (root + n / root) >> 1n) root = next;
  return normal(root, (a.exponent - even) / 2);
};

// ---- elementary functions: argument reduction and series in fixed point

const FIXED = BITS + 64;
const UNIT = 1n << BigInt(FIXED);

const toFixed = ({ mantissa, exponent }: Big): bigint => {
  const shift = exponent + FIXED;
  return shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift);
};

const fromFixed = (n: bigint): Big => normal(n, -FIXED);

/** Σ terms until they vanish, of next(term, k). */
const series = (first: bigint, next: (term: bigint, k: bigint) => bigint): bigint => {
  let sum = first;
  let k = 1n;
  for (let term = next(first, k); term !== 0n && term !== -1n; term = next(term, ++k)) sum += term;
  return sum;
};

/** 2·atanh(1/n) = log((n + 1) / (n - 1)) */
const twiceInverse = (n: bigint): bigint => {
  let power = (2n * UNIT) / n;
  let sum = power;
  for (let k = 3n; power !== 0n; k += 2n) {
    power /= n * n;
    sum += power / k;
  }
  return sum;
};

const LOG2 = twiceInverse(3n);

/** π by Machin's formula: 16 atan(1/5) - 4 atan(1/239). */
const inverseTangent = (n: bigint): bigint => {
  let power = UNIT / n;
  let sum = power;
  for (let k = 3n; power !== 0n; k += 2n) {
    power = -power / (n * n);
    sum += power / k;
  }
  return sum;
};
const PI: Big = fromFixed(16n * inverseTangent(5n) - 4n * inverseTangent(239n));

/** Of |x| < 2^60: beyond, the result has no meaning for doubles. */
const expBig = (x: Big): Big => {
  if (isZero(x)) return ONE;
  if (sizeOf(x) > 60) return isNegative(x) ? ZERO : { mantissa: 1n, exponent: 2 ** 40 };
  // a small x keeps its digits in 1 + x + x²/2 only as far as 1 + x has them
  const t = toFixed(x);
  const n = t / LOG2;
  const halvings = 24n;
  const r = (t - n * LOG2) >> halvings;
  let result = series(UNIT, (term, k) => (term * r) / UNIT / k);
  for (let k = 0n; k < halvings; k++) result = (result * result) >> BigInt(FIXED);
  return scaled(fromFixed(result), Number(n));
};

/** By Newton's method on exp from the double's logarithm: digits double with each step. */
const logBig = (x: Big): Big => {
  if (isZero(subtractBig(x, ONE))) return ZERO;
  const shift = sizeOf(x);
  const m = scaled(x, -shift);
  let y = toBig(Math.log(toNumber(m)));
  for (let digits = 40; digits < BITS; digits *= 2) {
    const e = expBig(negateBig(y));
    y = addBig(y, subtractBig(timesBig(m, e), ONE));
  }
  return addBig(y, normal(LOG2 * BigInt(shift), -FIXED));
};

const toBig = (x: number): Big => {
  const value = fromNumber(x);
  if (typeof value === "number") throw new RangeError(`${x} is not finite`);
  return value;
};

/** Σ (-1)^k x^(2k+1) / (k! (2k+1)) · 2/√π: terms up to exp(x²), which cancel, are within the bits for x² below 700. */
const erfSeries = (x: Big): Big => {
  const square = timesBig(x, x);
  let [power, sum] = [x, x];
  for (let k = 1; ; k++) {
    power = negateBig(overBig(timesBig(power, square), toBig(k)));
    const term = overBig(power, toBig(2 * k + 1));
    sum = addBig(sum, term);
    if (isZero(term) || (sizeOf(term) < sizeOf(sum) - BITS && k > 40)) break;
  }
  return overBig(scaled(sum, 1), sqrtBig(PI));
};

/** erfc for x ≥ 5 by its continued fraction (1/√π) e^{-x²} / (x + 1/2 / (x + 1 / (x + 3/2 / …))). */
const erfcTail = (x: Big): Big => {
  let t = x;
  for (let k = 300; k > 0; k--) t = addBig(x, overBig(scaled(toBig(k), -1), t));
  return overBig(expBig(negateBig(timesBig(x, x))), timesBig(sqrtBig(PI), t));
};

const erfcBig = (x: Big): Big => (toNumber(x) > 5 ? erfcTail(x) : subtractBig(ONE, erfBig(x)));

const erfBig = (x: Big): Big => {
  const size = toNumber(x);
  if (size > 5) return subtractBig(ONE, erfcTail(x));
  return size < -5 ? negateBig(subtractBig(ONE, erfcTail(negateBig(x)))) : erfSeries(x);
};

const sinCos = (x: Big): { sin: Big; cos: Big } => {
  const half = scaled(PI, -1);
  const quotient = overBig(x, half);
  const n = floorBig(addBig(quotient, HALF)).mantissa;
  const r = toFixed(subtractBig(x, timesBig({ mantissa: n, exponent: 0 }, half)));
  const square = (r * r) >> BigInt(FIXED);
  const sin = series(r, (term, k) => (-term * square) / UNIT / (2n * k) / (2n * k + 1n));
  const cos = series(UNIT, (term, k) => (-term * square) / UNIT / (2n * k - 1n) / (2n * k));
  const turns: readonly (readonly [bigint, bigint])[] = [
    [sin, cos],
    [cos, -sin],
    [-sin, -cos],
    [-cos, sin],
  ];
  const [s, c] = turns[Number(((n % 4n) + 4n) % 4n)] ?? [sin, cos];
  return { sin: fromFixed(s), cos: fromFixed(c) };
};

/** Halved by atan x = 2 atan(x / (1 + √(1 + x²))) until the series is short; beyond 1 by π/2 - atan(1/x). */
const atanBig = (x: Big): Big => {
  if (isZero(x)) return x;
  if (isNegative(x)) return negateBig(atanBig(negateBig(x)));
  if (sizeOf(x) > 1) return subtractBig(scaled(PI, -1), atanBig(overBig(ONE, x)));
  const halvings = sizeOf(x) > -20 ? 16 : 0;
  let r = x;
  for (let k = 0; k < halvings; k++) r = overBig(r, addBig(ONE, sqrtBig(addBig(ONE, timesBig(r, r)))));
  const square = timesBig(r, r);
  let [power, sum] = [r, r];
  for (let k = 3; sizeOf(power) > sizeOf(sum) - BITS; k += 2) {
    power = negateBig(timesBig(power, square));
    sum = addBig(sum, overBig(power, toBig(k)));
  }
  return scaled(sum, halvings);
};

const oneLess = (x: Big): Big => subtractBig(ONE, x);

/** 2 atan √((1 - x) / (1 + x)) */
const acosBig = (x: Big): Big =>
  isZero(addBig(ONE, x)) ? PI : scaled(atanBig(sqrtBig(overBig(oneLess(x), addBig(ONE, x)))), 1);

/** atan(x / √(1 - x²)) */
const asinBig = (x: Big): Big => {
  const cosine = sqrtBig(oneLess(timesBig(x, x)));
  if (!isZero(cosine)) return atanBig(overBig(x, cosine));
  return isNegative(x) ? negateBig(scaled(PI, -1)) : scaled(PI, -1);
};

/** f on [-1, 1], else nothing. */
const within =
  (f: (x: Big) => Big) =>
  (x: Big): Extended =>
    isNegative(oneLess(absBig(x))) ? NaN : f(x);

// ---- with infinities and NaN, as IEEE has them

const lift =
  (exact: (x: Big) => Extended, ieee: (x: number) => number) =>
  (x: Extended): Extended =>
    typeof x === "number" ? fromNumber(ieee(x)) : exact(x);

const lift2 =
  (exact: (x: Big, y: Big) => Extended, ieee: (x: number, y: number) => number) =>
  (x: Extended, y: Extended): Extended =>
    typeof x === "number" || typeof y === "number" ? fromNumber(ieee(toNumber(x), toNumber(y))) : exact(x, y);

export const add = lift2(addBig, (x, y) => x + y);
export const multiply = lift2(timesBig, (x, y) => x * y);
export const divide = lift2(
  (x, y) => (isZero(y) ? toNumber(x) / 0 : overBig(x, y)),
  (x, y) => x / y,
);
export const compare = (x: Extended, y: Extended): number =>
  typeof x === "number" || typeof y === "number"
    ? toNumber(x) - toNumber(y)
    : Number(subtractBig(x, y).mantissa > 0n) - Number(subtractBig(x, y).mantissa < 0n);

const sqrt = lift((x) => (isNegative(x) ? NaN : sqrtBig(x)), Math.sqrt);
const exp = lift(expBig, Math.exp);
const log = lift((x) => (isZero(x) ? -Infinity : isNegative(x) ? NaN : logBig(x)), Math.log);

const whole = (x: Extended, n: number): Extended => {
  let result: Extended = ONE;
  for (let k = 0; k < Math.abs(n); k++) result = multiply(result, x);
  return n < 0 ? divide(ONE, result) : result;
};

/** x^(num/den) */
export const power = (x: Extended, num: number, den: number): Extended => {
  if (den === 1) return whole(x, num);
  return den === 2 ? whole(sqrt(x), num) : exp(multiply(log(x), divide(toBig(num), toBig(den))));
};

/** (e^x ± e^-x) / 2 */
const hyperbolic = (x: Big, sign: 1 | -1): Big => {
  if (isNegative(x))
    return sign === 1 ? hyperbolic(negateBig(x), sign) : negateBig(hyperbolic(negateBig(x), sign));
  const [e, inverse] = [expBig(x), expBig(negateBig(x))];
  return scaled(sign === 1 ? addBig(e, inverse) : subtractBig(e, inverse), -1);
};

const sigmoidBig = (x: Big): Big => overBig(ONE, addBig(ONE, expBig(negateBig(x))));
const unknown = (): Extended => {
  throw new RangeError("no formula here has this function");
};

export const UNARY: { readonly [Op in UnaryOp]: (x: Extended) => Extended } = {
  exp,
  expm1: lift((x) => subtractBig(expBig(x), ONE), Math.expm1),
  log,
  log1p: (x) => log(add(ONE, x)),
  sin: lift((x) => sinCos(x).sin, Math.sin),
  cos: lift((x) => sinCos(x).cos, Math.cos),
  tan: lift((x) => overBig(sinCos(x).sin, sinCos(x).cos), Math.tan),
  asin: lift(within(asinBig), Math.asin),
  acos: lift(within(acosBig), Math.acos),
  atan: lift(atanBig, Math.atan),
  sinh: lift((x) => hyperbolic(x, -1), Math.sinh),
  cosh: lift((x) => hyperbolic(x, 1), Math.cosh),
  tanh: lift((x) => overBig(hyperbolic(x, -1), hyperbolic(x, 1)), Math.tanh),
  // log(x + √(x² + 1))
  asinh: lift((x) => (isNegative(x) ? negateBig(asinhBig(negateBig(x))) : asinhBig(x)), Math.asinh),
  // log(x + √(x² - 1))
  acosh: (x) => (compare(x, ONE) < 0 ? NaN : log(add(x, sqrt(add(multiply(x, x), negateBig(ONE)))))),
  // log((1 + x) / (1 - x)) / 2
  atanh: (x) => multiply(HALF, log(divide(add(ONE, x), add(ONE, multiply(x, negateBig(ONE)))))),
  erf: lift(erfBig, Math.sign),
  erfc: lift(erfcBig, (x) => 1 - Math.sign(x)),
  sigmoid: lift(sigmoidBig, (x) => 1 / (1 + Math.exp(-x))),
  softplus: lift(
    (x) => (sizeOf(x) > 60 && !isNegative(x) ? x : logBig(addBig(ONE, expBig(x)))),
    (x) => Math.max(x, 0),
  ),
  abs: lift(absBig, Math.abs),
  sign: lift((x) => toBig(Math.sign(Number(x.mantissa))), Math.sign),
  floor: lift(floorBig, Math.floor),
  ceil: lift((x) => negateBig(floorBig(negateBig(x))), Math.ceil),
  // to the nearest whole number, of two the even one
  round: lift((x) => {
    const up = floorBig(addBig(x, HALF));
    const isTie = isZero(subtractBig(subtractBig(up, x), HALF));
    return isTie && up.mantissa % 2n !== 0n ? subtractBig(up, ONE) : up;
  }, Math.round),
  trunc: lift((x) => (isNegative(x) ? negateBig(floorBig(negateBig(x))) : floorBig(x)), Math.trunc),
};

const asinhBig = (x: Big): Big => logBig(addBig(x, sqrtBig(addBig(timesBig(x, x), ONE))));

export const BINARY: { readonly [Op in BinaryOp]: (x: Extended, y: Extended) => Extended } = {
  pow: (x, y) => exp(multiply(y, log(x))),
  atan2: unknown,
  hypot: (x, y) => sqrt(add(multiply(x, x), multiply(y, y))),
  max: lift2((x, y) => (compare(x, y) < 0 ? y : x), Math.max),
  min: lift2((x, y) => (compare(x, y) < 0 ? x : y), Math.min),
  floordiv: lift2(
    (x, y) => floorBig(overBig(x, y)),
    (x, y) => Math.floor(x / y),
  ),
  mod: unknown,
};
