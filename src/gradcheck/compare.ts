/** In: an array and what it should be, with the error allowed per element; out: the worst element, if any is off. */

export interface Mismatch {
  readonly output: string;
  readonly index: readonly number[];
  readonly expected: number;
  readonly got: number;
  readonly allowed: number;
}

export interface Expected {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  readonly allowed: (element: number) => number;
}

/** Where a row-major position is. */
export const unravel = (position: number, shape: readonly number[]): readonly number[] => {
  const index: number[] = [];
  let rest = position;
  for (const extent of shape.toReversed()) {
    index.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return index;
};

/** How far off, in multiples of what is allowed: above 1 is wrong. A number that is not finite has to be the same one. */
export const excess = (expected: number, got: number, allowed: number): number => {
  if (Object.is(expected, got) || expected === got) return 0;
  if (!Number.isFinite(expected) || Number.isNaN(got)) return Infinity;
  const off = Math.abs(got - expected);
  return off === 0 || allowed === Infinity ? 0 : off / allowed;
};

export interface Comparison {
  /** The largest error in multiples of what is allowed. */
  readonly worst: number;
  readonly mismatch: Mismatch | undefined;
}

export const compare = (
  output: string,
  expected: Expected,
  got: ArrayLike<number> | undefined,
): Comparison => {
  const count = expected.data.length;
  if (got?.length !== count) return { worst: Infinity, mismatch: missing(output, expected, got?.length) };
  let [worst, at] = [0, -1];
  for (let k = 0; k < count; k++) {
    const off = excess(expected.data[k] ?? NaN, got[k] ?? NaN, expected.allowed(k));
    if (off > worst) [worst, at] = [off, k];
  }
  if (worst <= 1) return { worst, mismatch: undefined };
  return {
    worst,
    mismatch: {
      output,
      index: unravel(at, expected.shape),
      expected: expected.data[at] ?? NaN,
      got: got[at] ?? NaN,
      allowed: expected.allowed(at),
    },
  };
};

const missing = (output: string, { shape, data }: Expected, count: number | undefined): Mismatch => ({
  output: `${output} (${count ?? "no"} elements instead of ${data.length})`,
  index: unravel(0, shape),
  expected: data[0] ?? NaN,
  got: NaN,
  allowed: 0,
});

export const formatMismatch = ({ output, index, expected, got, allowed }: Mismatch): string =>
  `${output}${index.length === 0 ? "" : `[${index.join(", ")}]`}: expected ${expected}, got ${got}, ` +
  `off by ${Math.abs(got - expected).toExponential(2)}, allowed ${allowed.toExponential(2)}`;
