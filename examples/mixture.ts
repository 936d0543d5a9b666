/** Gaussian mixtures: what the kernel needs besides its parameters, and a fit by gradient ascent. */
import type { CallableKernel, PortValue } from "../codegen/interface.ts";

export interface Sizes {
  readonly components: number;
  readonly dimensions: number;
  readonly points: number;
}

/** [dimensions, dimensions]: strict lower triangles are stored column by column. What is not in them is never looked up. */
export const placesOf = (dimensions: number): Int32Array => {
  const places = new Int32Array(dimensions * dimensions);
  let next = 0;
  for (let column = 0; column < dimensions; column++)
    for (let row = column + 1; row < dimensions; row++) places[row * dimensions + column] = next++;
  return places;
};

/** log Γ(twice / 2), from Γ(1/2) = √π and Γ(1) = 1 by Γ(a + 1) = a Γ(a). */
const logGammaOfHalf = (twice: number): number => {
  let value = twice % 2 === 0 ? 0 : Math.log(Math.PI) / 2;
  for (let a = twice % 2 === 0 ? 1 : 0.5; a < twice / 2; a++) value += Math.log(a);
  return value;
};

/** The logarithm of the multivariate gamma function at (dimensions + m + 1) / 2, for a whole m. */
export const logGamma = (dimensions: number, m: number): number => {
  let value = ((dimensions * (dimensions - 1)) / 4) * Math.log(Math.PI);
  for (let j = 0; j < dimensions; j++) value += logGammaOfHalf(dimensions + m + 1 - j);
  return value;
};

const PARAMETERS = ["alpha", "mu", "q", "l"] as const;

export type Mixture = { readonly [K in (typeof PARAMETERS)[number]]: Float64Array };

const floats = (value: PortValue | undefined): Float64Array => {
  if (value instanceof Float64Array) return value;
  throw new TypeError("the kernel gives no array of float64");
};

/**
 * Ascent along the gradient: each number has a step of its own, which grows while the sign of its slope stays and shrinks
 * where it turns (Riedmiller and Braun, 1993). `kernel` is `mixture_grad` in f64; the objective after each step is returned.
 */
export const climb = (
  kernel: CallableKernel,
  start: Mixture,
  data: Readonly<Record<string, PortValue>>,
  steps: number,
): { readonly mixture: Mixture; readonly objectives: readonly number[] } => {
  const mixture = { ...start };
  const state = Object.fromEntries(
    PARAMETERS.map((name) => [name, { step: start[name].map(() => 0.01), slope: start[name].map(() => 0) }]),
  );
  const objectives: number[] = [];
  for (let k = 0; k < steps; k++) {
    const results = kernel({ ...data, ...mixture });
    objectives.push(Number(results["out"]));
    for (const name of PARAMETERS) {
      const slopes = floats(results[`d_${name}`]);
      const { step = slopes, slope = slopes } = state[name] ?? {};
      mixture[name] = mixture[name].map((value, j) => {
        const [now, before] = [slopes[j] ?? 0, slope[j] ?? 0];
        step[j] = Math.min(1, (step[j] ?? 0) * (now * before > 0 ? 1.2 : now * before < 0 ? 0.5 : 1));
        slope[j] = now;
        return value + Math.sign(now) * (step[j] ?? 0);
      });
    }
  }
  return { mixture, objectives };
};
