/**
 * In: a function of a step along a line; out: its derivative at 0 by central differences with one Richardson step, and an
 * estimate of the error. A line on which a selection of the function changes has a kink: no derivative is given.
 */
export interface Sample {
  readonly value: number;
  /** The magnitudes that were summed: what rounding is relative to. */
  readonly scale: number;
  /** Which way the selections went. */
  readonly selections: string;
}

export interface Slope {
  readonly value: number;
  readonly error: number;
}

/** Steps are tried down to the first by this factor to this power. */
const [SHRINK, ATTEMPTS] = [8, 3];

export const slope = (along: (step: number) => Sample, step: number, roundoff: number): Slope | undefined => {
  const centre = along(0);
  for (let attempt = 0, h = step; attempt < ATTEMPTS; attempt++, h /= SHRINK) {
    const samples = [along(h), along(-h), along(h / 2), along(-h / 2)] as const;
    if (samples.some(({ selections }) => selections !== centre.selections)) continue;
    const [farRight, farLeft, nearRight, nearLeft] = samples;
    const far = (farRight.value - farLeft.value) / (2 * h);
    const near = (nearRight.value - nearLeft.value) / h;
    // the error of central differences is c·h² + O(h⁴): the combination has no c
    const value = (4 * near - far) / 3;
    const rounded = (ROUNDINGS * roundoff * Math.max(...samples.map(({ scale }) => scale))) / h;
    if (Number.isFinite(value)) return { value, error: Math.abs(value - near) + rounded };
  }
  return undefined;
};

/** How many roundings a value of the function may have, in its last place. */
const ROUNDINGS = 16;
