/**
 * The error function and its complement, in doubles, within 2 ulp.
 *
 * The coefficients are fits of this project's own, computed with 60 digits: a polynomial or a rational function that
 * interpolates its target at Chebyshev nodes (the linear system p(tᵢ) = f(tᵢ) q(tᵢ), q(0) = 1), rounded to doubles.
 * Errors of the fits before that rounding: small 3e-19, middle 3e-19, tail 2e-17, each relative to 1, where the
 * fitted quantity is a correction to a leading term.
 */

/** erf(x) / x − 1 in z = x², for z ≤ 3/4. */
const SMALL = [
  0.1283791670955126, -0.3761263890318374, 0.11283791670954493, -0.026866170644973524, 0.00522397762340871,
  -0.0008548326868599297, 0.00012055325494924972, -1.4925411533551613e-5, 1.6457013907764837e-6,
  -1.6293444273884912e-7, 1.4147272175166887e-8, -8.727804892971983e-10,
];

/** x exp(x² + 9/16) erfc(x) − 1 in x − 1, for √(3/4) ≤ x ≤ 5/2. */
const MIDDLE_P = [
  -0.24956745342801245, -0.24784323988514367, -0.12122943081044446, -0.03531715223052927,
  -0.00668339483363203, -0.0008579323369333528, -7.690566857160061e-5, -4.063289753891391e-6,
];
const MIDDLE_Q = [
  1, 2.078691593985367, 1.906654668056624, 1.002595352581339, 0.32728969172894556, 0.06654160739107257,
  0.007832962029805431, 0.0004139713551760943,
];

/** The same quantity in 1 / x², for x ≥ 5/2. */
const TAIL_P = [
  -0.009816443986018993, -0.808801128973422, -18.740503290240547, -182.50837285980785, -822.2005491138301,
  -1665.6934024649995, -1303.036497597803, -255.71857053850286,
];
const TAIL_Q = [
  1, 31.957534868364665, 372.9688880947849, 2009.9761092436734, 5218.23935273185, 6197.703802906427,
  2860.4931950362698, 332.08768657509427,
];

const horner = (coefficients: readonly number[], t: number): number =>
  coefficients.reduceRight((sum, coefficient) => sum * t + coefficient, 0);

/** erf(x) = x + x · correction, for x² ≤ 3/4. */
const smallCorrection = (x: number): number => x * horner(SMALL, x * x);

/**
 * erfc(x) for x ≥ √(3/4), as exp(−x² − 9/16) (1 + w) / x. With s = x rounded to 24 bits, s² + 9/16 is exact; the rest
 * of the exponent, d = s² − x² = (s − x)(s + x), is below 1e-4 and joins the fitted correction.
 */
function erfcTail(x: number): number {
  if (x > 28) return 0;
  const t = 1 / (x * x);
  const fit =
    x < 2.5 ? horner(MIDDLE_P, x - 1) / horner(MIDDLE_Q, x - 1) : horner(TAIL_P, t) / horner(TAIL_Q, t);
  const s = Math.fround(x);
  const d = (s - x) * (s + x);
  const expm1d = d * (1 + d * (0.5 + d / 6));
  const w = fit + expm1d + fit * expm1d;
  const scale = Math.exp(-s * s - 0.5625);
  return (scale + scale * w) / x;
}

/** The error function. */
export function erf(x: number): number {
  if (x * x < 0.75) return x + smallCorrection(x);
  if (x < 0) return erfcTail(-x) - 1;
  return x === x ? 1 - erfcTail(x) : x;
}

/** 1 − erf(x) without cancellation. */
export function erfc(x: number): number {
  if (x * x < 0.75) return x < 0.25 ? 1 - (x + smallCorrection(x)) : 0.5 - x + (0.5 - smallCorrection(x));
  if (x < 0) return 2 - erfcTail(-x);
  return x === x ? erfcTail(x) : x;
}
