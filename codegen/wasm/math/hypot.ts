/** √(x² + y²) without needless overflow or underflow; an infinite argument gives +∞ even beside a NaN. */
import { type Algebra, type Vector, widened } from "./graph.ts";

const squareRootOfSum = (v: Algebra, x: Vector, y: Vector): Vector => v.sqrt(v.mulAdd(x, x, v.mul(y, y)));

function orInfinite(v: Algebra, x: Vector, y: Vector, value: Vector): Vector {
  const infinity = v.constant(Infinity);
  return v.select(v.or(v.eq(v.abs(x), infinity), v.eq(v.abs(y), infinity)), infinity, value);
}

/** In f64, where no square of an f32 number overflows, or underflows unless it is zero. */
export const hypotSingle = (v: Algebra, x: Vector, y: Vector): Vector =>
  orInfinite(v, x, y, widened(v, squareRootOfSum, x, y));

/** Arguments outside 2^±450 are scaled by a power of two first; what then underflows is below the last bit. */
export function hypotDouble(v: Algebra, x: Vector, y: Vector): Vector {
  const largest = v.pmax(v.abs(x), v.abs(y));
  const isLarge = v.gt(largest, v.constant(2 ** 450));
  const isSmall = v.lt(largest, v.constant(2 ** -450));
  const power = (large: number, small: number) =>
    v.select(isLarge, v.constant(large), v.select(isSmall, v.constant(small), v.constant(1)));
  const scale = power(2 ** -600, 2 ** 600);
  const root = squareRootOfSum(v, v.mul(x, scale), v.mul(y, scale));
  return orInfinite(v, x, y, v.mul(root, power(2 ** 600, 2 ** -600)));
}
