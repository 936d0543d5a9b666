const TWO_52 = 4503599627370496;

/**
 * To the nearest integer, halves to even, like wasm's `nearest`: adding 2⁵² leaves no bit below one, and the addition
 * itself rounds so. Zeros keep their sign.
 */
export function round(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude < TWO_52)) return x;
  const rounded = magnitude + TWO_52 - TWO_52;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}
