/** The arithmetic of a kernel, for error bounds. */
export interface Arithmetic {
  /** Half the distance from 1 to the next number. */
  readonly unitRoundoff: number;
  /** What an operation may be off near zero, where numbers have fewer digits or none. */
  readonly underflow: number;
  /** The largest finite number. */
  readonly largest: number;
}

/** Whether c has no more digits than the arithmetic (by Veltkamp's splitting), apart from its range. */
export const isRepresentable = (c: number, { unitRoundoff }: Arithmetic): boolean => {
  const spare = unitRoundoff / 2 ** -53;
  if (spare <= 1) return true;
  const scaled = c * (spare + 1);
  return !Number.isFinite(scaled) || scaled - (scaled - c) === c;
};

/** What rounding adds to the error of a result: `roundings` times half a unit in its last place. */
export const rounding = (result: number, roundings: number, arithmetic: Arithmetic): number => {
  const size = Math.abs(result);
  if (size > arithmetic.largest) return size === Infinity ? 0 : Infinity;
  return size === 0 ? 0 : size * arithmetic.unitRoundoff * roundings + arithmetic.underflow;
};

/** Whether sums and products of it with others of its kind are exact, as long as they are of its kind too. */
export const isSmallWhole = (x: number, { unitRoundoff }: Arithmetic): boolean =>
  Number.isInteger(x) && Math.abs(x) <= 1 / unitRoundoff;

/** |derivative| · error, where no error is none even next to an infinite derivative. */
export const propagated = (derivative: number, error: number): number =>
  error === 0 || derivative === 0 ? 0 : Math.abs(derivative) * error;

/** A partial product and its error, times one factor more. */
export const productError = (
  product: number,
  error: number,
  factor: number,
  factorError: number,
  arithmetic: Arithmetic,
): [product: number, error: number] => {
  const carried =
    propagated(product, factorError) + propagated(factor, error) + propagated(error, factorError);
  const next = product * factor;
  const isExact = [product, factor, next].every((x) => isSmallWhole(x, arithmetic));
  return [next, carried + (isExact || (product === 1 && error === 0) ? 0 : rounding(next, 1, arithmetic))];
};
