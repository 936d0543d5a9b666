/**
 * The error function and its complement, in doubles, within 2 ulp.
 *
 * The coefficients are fits of this project's own, computed with 60 digits: a polynomial or a rational function that
 * interpolates its target at Chebyshev nodes (the linear system p(tᵢ) = f(tᵢ) q(tᵢ), q(0) = 1), rounded to doubles.
 * Errors of the fits before that rounding: small 3e-19, middle 5e-18, tail 1.4e-17, absolute, where the
 * fitted quantity is a correction below 1/6. The result stays within
 * 1.6 ulp on the sample of the spec. Highest powers come first.
 */

import { round } from "./round.ts";

/** erf(x) / x − 1 in z = x², for z ≤ 3/4. */
const SMALL = [
  -8.727804892971983e-10, 1.4147272175166887e-8, -1.6293444273884912e-7, 1.6457013907764837e-6,
  -1.4925411533551613e-5, 0.00012055325494924972, -0.0008548326868599297, 0.00522397762340871,
  -0.026866170644973524, 0.11283791670954493, -0.3761263890318374, 0.1283791670955126,
];

/** log(erfc(x)) + x² + x/2 + 3/8 in x − 3/2, for 1/2 ≤ x ≤ 5/2. */
const MIDDLE_P = [
  1.9999658244363394e-5, 0.0006216880919580765, 0.006633645536957214, 0.03432016961169509,
  0.08870280627017649, 0.09226325440633382, -0.019473949777278704, -0.00949208955155272,
];
const MIDDLE_Q = [
  -1.1291800723841592e-8, 4.130875876973692e-5, 0.0015629156434974825, 0.021120739290790492,
  0.14424489222151576, 0.5478844868319097, 1.1244255482192627, 1,
];

/** log(x erfc(x)) + x² + 9/16 in 1 / x², for x ≥ 5/2. */
const TAIL_P = [
  -235.2553371868909, -1250.5160934790672, -1629.2937373171346, -812.9987607868392, -181.72165967214949,
  -18.74789084289678, -0.8116941920858285, -0.009864942924700198,
];
const TAIL_Q = [
  165.27797700668688, 2045.6175168820482, 5165.933628896951, 4711.398490704064, 1899.6217727743274,
  362.3758497127956, 31.596147536294453, 1,
];

function horner(coefficients: readonly number[], t: number): number {
  let sum = 0;
  for (const coefficient of coefficients) sum = sum * t + coefficient;
  return sum;
}

/** erf(x) = x + x · correction, for x² ≤ 3/4. */
const smallCorrection = (x: number): number => x * horner(SMALL, x * x);

/** log 2 as a sum, whose first part times an integer below 2²⁰ is exact. */
const LN2_HIGH = 6.93147180369123816e-1;
const LN2_LOW = 1.9082149292705877e-10;

/** exp(a + b) for an `a` that is exact, with one exponential of a small argument, so that it is not rounded twice. */
function expOfSum(a: number, b: number): number {
  const k = round(a / Math.LN2);
  return 2 ** k * Math.exp(a - k * LN2_HIGH + (b - k * LN2_LOW));
}

/**
 * erfc(x) for x ≥ 1/2, as the exponential of what the fits leave out and the fit. With s = x rounded to 24 bits, the part
 * of the exponent in s is exact; the rest, d = s² − x² = (s − x)(s + x), is below 1e-4 and joins the fit.
 */
function erfcTail(x: number): number {
  if (x > 28) return 0;
  const s = Math.fround(x);
  const d = (s - x) * (s + x);
  const t = 1 / (x * x);
  return x < 2.5
    ? expOfSum(
        -s * (s + 0.5) - 0.375,
        d + (s - x) / 2 + horner(MIDDLE_P, x - 1.5) / horner(MIDDLE_Q, x - 1.5),
      )
    : expOfSum(-s * s - 0.5625, d + horner(TAIL_P, t) / horner(TAIL_Q, t)) / x;
}

/** The error function. */
export function erf(x: number): number {
  if (x * x < 0.75) return x + smallCorrection(x);
  if (x < 0) return erfcTail(-x) - 1;
  return 1 - erfcTail(x);
}

/** 1 − erf(x) without cancellation. */
export function erfc(x: number): number {
  if (x >= 0.5) return erfcTail(x);
  if (x < 0 && x * x >= 0.75) return 2 - erfcTail(-x);
  const correction = smallCorrection(x);
  return x < 0.25 ? 1 - (x + correction) : 0.5 - x + (0.5 - correction);
}
