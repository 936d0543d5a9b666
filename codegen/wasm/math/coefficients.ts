/**
 * Polynomial coefficients, in ascending order. Each is a minimax fit by the Remez exchange in 60-digit arithmetic
 * with the stated weight; the leading coefficients are rounded to the lane's type one by one, and the rest is fitted
 * again after each. "Error" is the largest weighted error of the rounded polynomial.
 */
import type { LaneType } from "./lanes.ts";

export type PerLaneType<T> = { readonly [K in LaneType]: T };
export type Coefficients = PerLaneType<readonly number[]>;

/**
 * (eʳ − 1 − r) / r² on |r| ≤ ½ ln 2 · 1.0001, relative to eʳ after multiplication by r².
 * Error: f32 2⁻²⁷·⁷, f64 2⁻⁶⁰·⁶.
 */
export const EXP_TAIL: Coefficients = {
  f32: [0.49999994, 0.16666521, 0.04166816, 0.008368461, 0.0013823606],
  f64: [
    0.5, 0.16666666666666677, 0.04166666666666669, 0.008333333333321813, 0.001388888888888385,
    0.00019841269884724708, 2.4801587285845303e-5, 2.7557246339730766e-6, 2.755734308979743e-7,
    2.5108117023493273e-8, 2.0883172407159453e-9,
  ],
};

/** As `EXP_TAIL.f64`, for what is rounded to f32 after sums that may cancel; error 2⁻⁵¹·⁶. */
export const EXP_TAIL_WIDE: readonly number[] = [
  0.49999999999998324, 0.16666666666611513, 0.04166666666813764, 0.008333333370891222, 0.0013888888515992644,
  0.00019841185204171196, 2.4801931873242375e-5, 2.7635005621839413e-6, 2.7476774142002593e-7,
];

/** The same function on the same interval, relative to eʳ − 1. Error: f32 2⁻³⁰·⁸, f64 2⁻⁶⁰·⁶. */
export const EXPM1_TAIL: Coefficients = {
  f32: [0.5, 0.16666666, 0.041666497, 0.008333532, 0.0013932213, 0.0001978111],
  f64: EXP_TAIL.f64,
};

/**
 * f32: (log(1 + f) − f + f²/2) / f³ on √½ − 1 ≤ f ≤ √2 − 1, relative to log(1 + f) after multiplication by f³;
 * error 2⁻²⁸·⁷.
 */
export const LOG_TAIL_F32: readonly number[] = [
  0.33333313, -0.25000015, 0.2000203, -0.16667296, 0.14219895, -0.124138676, 0.11898742, -0.11674189,
  0.06748169,
];

/** f32: (log(1 + e) − e) / e² on 0 ≤ e ≤ 1, relative to log(1 + e) after multiplication by e²; error 2⁻²⁷·⁵. */
export const LOG1P_TAIL_F32: readonly number[] = [
  -0.4999993, 0.33330464, -0.24958019, 0.19692102, -0.1534488, 0.10661128, -0.05745723, 0.020086242,
  -0.0032904686,
];

/**
 * f64: (2 artanh(s) − 2s) / s³ in z = s² on 0 ≤ z ≤ ((√2 − 1)/(√2 + 1))² · 1.0001, relative to 2s after
 * multiplication by s³; error 2⁻⁶⁶·⁶.
 */
export const LOG_ARTANH_TAIL: readonly number[] = [
  0.6666666666666666, 0.40000000000004926, 0.2857142856940978, 0.2222222260723767, 0.18181778330055492,
  0.1538699007353534, 0.1325211876170624, 0.1323505463300027,
];

/** ln 2 as a head with enough trailing zeros that its product with any exponent is exact, and the rest. */
export const LN2: PerLaneType<{ readonly head: number; readonly tail: number }> = {
  f32: { head: 0.693145751953125, tail: 1.428606765330187e-6 },
  f64: { head: 0.6931471805601177, tail: -1.7239444525614835e-13 },
};

/** f64: (tanh x − x) / x³ in z = x² on 0 ≤ z ≤ 0.625², relative to tanh x after x³. Error: 2⁻⁶⁰·⁹. */
export const TANH_TAIL_F64: readonly number[] = [
  -0.33333333333333315, 0.1333333333332996, -0.053968253966149474, 0.021869488470700374,
  -0.008863234338776638, 0.0035921142226802076, -0.0014557272114446222, 0.0005894566260582608,
  -0.0002370240098892188, 9.157835057415142e-5, -3.0205917507789037e-5, 6.0501727068495385e-6,
];

/** (sinh x − x) / x³ in z = x² on 0 ≤ z ≤ 1, relative to sinh x after x³. Error: f32 2⁻³¹·⁶, f64 2⁻⁶¹·⁷. */
export const SINH_TAIL: Coefficients = {
  f32: [0.16666667, 0.0083333105, 0.00019842894, 2.78223e-6],
  f64: [
    0.16666666666666669, 0.008333333333332912, 0.00019841269841593392, 2.7557319106769878e-6,
    2.5052130995275165e-8, 1.6056659545677733e-10, 7.776585307191532e-13,
  ],
};

/** (sin x − x) / x³ in z = x² on |x| ≤ π/4 · 1.0001, relative to sin x after x³. Error: f32 2⁻²⁷·⁹, f64 2⁻⁶³·². */
export const SIN_TAIL: Coefficients = {
  f32: [-0.16666655, 0.008332189, -0.00019518285],
  f64: [
    -0.16666666666666666, 0.008333333333333042, -0.00019841269840962478, 2.755731907398943e-6,
    -2.50520709252264e-8, 1.6054311953531657e-10, -7.389487065154947e-13,
  ],
};

/** (cos x − 1 + x²/2) / x⁴ in z = x² on the same interval, relative to cos x after x⁴. Error: f32 2⁻³³, f64 2⁻⁶³·⁹. */
export const COS_TAIL: Coefficients = {
  f32: [0.041666646, -0.001388731, 2.4432327e-5],
  f64: [
    0.041666666666666595, -0.0013888888888873338, 2.480158728899751e-5, -2.7557314215310373e-7,
    2.0875705115877836e-9, -1.1358732725916524e-11,
  ],
};

/** For f32: (tan x − x) / x³ in z = x² on the same interval, relative to tan x after x³; error 2⁻²⁹·⁵. */
export const TAN_TAIL_SINGLE: readonly number[] = [
  0.3333335, 0.13332675, 0.054058913, 0.021286208, 0.010827445, 9.8238976e-5, 0.004372704,
];

/**
 * (atan x − x) / x³ in z = x² on |x| ≤ (√2 − 1) · 1.0001, relative to atan x after x³. Error: f32 2⁻³⁰·⁴, f64 2⁻⁵⁹·⁴.
 */
export const ATAN_TAIL: Coefficients = {
  f32: [-0.33333316, 0.19998528, -0.14244391, 0.10599168, -0.060900457],
  f64: [
    -0.333333333333332, 0.19999999999953652, -0.14285714280196402, 0.11111110783299491, -0.09090897751159367,
    0.07692060085084725, -0.06663102553105797, 0.058478787499914066, -0.05039259836937581,
    0.03806350742755796, -0.017906162468617,
  ],
};

/** (asin x − x) / x³ in z = x² on z ≤ ¼ · 1.0001, relative to asin x after x³. Error: f32 2⁻³¹·⁷, f64 2⁻⁵⁹·⁸. */
export const ASIN_TAIL: Coefficients = {
  f32: [0.1666666, 0.07500522, 0.044513352, 0.03183952, 0.014312182, 0.037702158],
  f64: [
    0.1666666666666676, 0.07499999999970851, 0.044642857174584244, 0.03038194270845837, 0.02237221498173882,
    0.017351611939402486, 0.013980823181809347, 0.011398878688927519, 0.010780498862336592,
    0.0037052851033526797, 0.0217106058889223, -0.021004080974064754, 0.03263207839249184,
  ],
};

/** π and fractions of it, as a number of the type and what that leaves. */
export const PI: PerLaneType<{ readonly head: number; readonly tail: number }> = {
  f32: { head: 3.1415927410125732, tail: -8.742277657347586e-8 },
  f64: { head: Math.PI, tail: 1.2246467991473532e-16 },
};

/** erf(x)/x − 1 in z = x² on 0 ≤ z ≤ 0.9², relative to erf(x)/x. Error: f32 2⁻²⁹·⁹, f64 2⁻⁵⁶·². */
export const ERF_TAIL: Coefficients = {
  f32: [0.12837917, -0.37612632, 0.11283701, -0.026860787, 0.0052061332, -0.0008212827, 8.70236e-5],
  f64: [
    0.1283791670955126, -0.3761263890318411, 0.11283791670972038, -0.026866170648259927, 0.005223977655067259,
    -0.000854832865146353, 0.00012055388186206018, -1.4926828877777796e-5, 1.6477615436678197e-6,
    -1.647948865166902e-7, 1.50970332678908e-8, -1.0821825206533339e-9,
  ],
};

/** For f32: −log(erfc a)/a on 0.9 ≤ a ≤ 3.95, weighted with a · erfc a / erf a; error 2⁻²⁸·³. */
export const ERFC_EXPONENT_SINGLE: readonly number[] = [
  1.1285199, 0.63569957, 0.1052866, -0.02290588, 0.0032199365, -0.00021459196,
];

/** From here on erfc is zero in f64. */
export const ERFC_IS_ZERO = 27.3;

/**
 * e^(a²) erfc(a) (a + k) in u = (a − k)/(a + k) − ¼ with k = 5/2 on 0.89 ≤ a ≤ 27.3, relative error 2⁻⁵⁷·⁹ before the
 * coefficients are rounded (each once, without refitting), 2⁻⁵⁵ after.
 */
export const ERFCX: readonly number[] = [
  0.8786804822948567, -0.6078964963145127, 0.337136245799061, -0.1391710935973516, 0.034288356237530224,
  0.0012030374200244103, -0.0043776603624805215, 0.000877327539673965, 0.0005081584917539912,
  -0.00021554514535764414, -7.517180935245248e-5, 4.588377782657028e-5, 1.595647240075769e-5,
  -9.699737260071291e-6, -4.506176815960244e-6, 1.9124719338491633e-6, 1.3928087131000509e-6,
  -2.734259749813518e-7, -3.642619263267879e-7, 5.537060310152469e-9, 4.8170283051475405e-8,
];

/**
 * For what is rounded to f32 after sums that may cancel: e^(a²) erfc(a) (a + k) / 2k in u = (a − k)/(a + k) with k = 11/4
 * on 0 ≤ a ≤ 10.2, where erfc is below all numbers of f32; relative error 2⁻⁴⁹·⁶ up to a = 0.95, where erfc may cancel, and 2⁻³¹·⁴
 * beyond. Weighted least squares with the weights of Lawson's iteration, which tends to the minimax fit; each coefficient rounded once.
 */
export const ERFCX_WIDE: readonly number[] = [
  0.1936620963256022, -0.15414490999654423, 0.0957455204644859, -0.043992086071065854, 0.0128417086240506,
  -0.0008412179099990171, -0.001032882505530779, 0.0003119510744029897, 8.125822494002235e-5,
  -5.1702266163374856e-5, -1.0266356397455247e-5, 9.187815470920662e-6, 4.402209806013517e-6,
  6.143408545791839e-7,
];

/**
 * For f32 by `--math fast`: e^(a²) erfc(a) in y = a / (a + 2) on 0 ≤ a ≤ 4.1, where it is 1 at 0, weighted with e^(−a²);
 * error 2⁻²⁶·⁷.
 */
export const ERFCX_FAST: readonly number[] = [
  1, -2.2567573, 1.7432005, -0.27430916, -0.31275964, 0.006522973, 0.10282153,
];

/** For f32, evaluated in f64: as `LOG_ARTANH_TAIL`; error 2⁻³⁷·⁶. */
export const LOG_ARTANH_TAIL_SINGLE: readonly number[] = [
  0.6666666564515943, 0.40000335297563877, 0.2853730057081051, 0.23582316590636745,
];

/** (artanh(s)/s − 1 − z/3) / z² in z = s² on the same interval, weighted with z²; error 2⁻⁷¹·⁸. */
export const ARTANH_REST: readonly number[] = [
  0.1999999999999999, 0.1428571428572192, 0.11111111108894599, 0.09090909422040164, 0.07692279210705268,
  0.06668132405987168, 0.05837886829917542, 0.059909086986830624,
];

export const ONE_THIRD = { head: 1 / 3, tail: 1.850371707708594e-17 } as const;
