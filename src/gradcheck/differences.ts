/**
 * In: a function of a step along a line; out: its derivative at 0 by central differences with two Richardson steps, and
 * an estimate of the error. A line on which a selection of the function changes has a kink: no derivative is given.
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
    const pairs = [h, h / 2, h / 4].map((t) => ({ t, right: along(t), left: along(-t) }));
    const samples = pairs.flatMap(({ right, left }) => [right, left]);
    if (samples.some(({ selections }) => selections !== centre.selections)) continue;
    const [far = NaN, middle = NaN, near = NaN] = pairs.map(
      ({ t, right, left }) => (right.value - left.value) / (2 * t),
    );
    // the error of central differences is c·h² + d·h⁴ + O(h⁶): the first combinations have no c, the last no d either
    const [wide, narrow] = [(4 * middle - far) / 3, (4 * near - middle) / 3];
    const value = (16 * narrow - wide) / 15;
    const rounded = (ROUNDINGS * roundoff * Math.max(...samples.map(({ scale }) => scale))) / h;
    if (Number.isFinite(value)) return { value, error: Math.abs(value - narrow) + rounded };
  }
  return undefined;
};

/** How many roundings a value of the function may have, four times over: the shortest step is a quarter. */
const ROUNDINGS = 64;
