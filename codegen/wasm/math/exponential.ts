/** exp and its relatives: eˣ = 2ⁿ · eʳ with n = round(x / ln 2), r = x − n ln 2. */
import { roundedProduct, scaleTwice } from "./bits.ts";
import { EXP_TAIL, LN2, type PerLaneType } from "./coefficients.ts";
import type { Algebra, Vector } from "./graph.ts";

/** Beyond these the results are 0 and +∞ in the type, and n stays in the range of two-step scaling. */
const EXP_RANGE: PerLaneType<{ readonly low: number; readonly high: number }> = {
  f32: { low: -104.5, high: 89 },
  f64: { low: -746, high: 710 },
};

/** x limited to an interval; NaN stays. */
const clamp = (v: Algebra, x: Vector, low: number, high: number): Vector =>
  v.pmin(v.pmax(x, v.constant(low)), v.constant(high));

interface Reduced {
  readonly r: Vector;
  /** The bits of n + offset. */
  readonly bits: Vector;
}

function reduce(v: Algebra, x: Vector, offset: number): Reduced {
  const n = roundedProduct(v, x, Math.LOG2E, offset);
  const { head, tail } = LN2[v.dtype];
  const r = v.sub(v.sub(x, v.mul(n.value, v.constant(head))), v.mul(n.value, v.constant(tail)));
  return { r, bits: n.bits };
}

/** eʳ for |r| ≤ ½ ln 2. */
function expReduced(v: Algebra, r: Vector): Vector {
  const tail = v.polynomial(r, EXP_TAIL[v.dtype]);
  return v.add(v.mulAdd(v.mul(r, r), tail, r), v.constant(1));
}

/** eˣ with gradual underflow, and overflow to +∞. */
export function exp(v: Algebra, x: Vector): Vector {
  const { low, high } = EXP_RANGE[v.dtype];
  const { r, bits } = reduce(v, clamp(v, x, low, high), 2 * v.format.bias);
  return scaleTwice(v, expReduced(v, r), bits);
}
