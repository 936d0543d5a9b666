/** Unevaluated sums of two lanes, head + tail with |tail| ≤ ½ ulp(head), and the exact operations they rest on. */
import type { Algebra, Vector } from "./graph.ts";

export interface Double {
  readonly head: Vector;
  readonly tail: Vector;
}

/** a + b exactly (Knuth). */
export function twoSum(v: Algebra, a: Vector, b: Vector): Double {
  const head = v.add(a, b);
  const back = v.sub(head, a);
  return { head, tail: v.add(v.sub(a, v.sub(head, back)), v.sub(b, back)) };
}

/** a + b exactly where |a| ≥ |b| or a = 0 (Dekker). */
export function fastTwoSum(v: Algebra, a: Vector, b: Vector): Double {
  const head = v.add(a, b);
  return { head, tail: v.sub(b, v.sub(head, a)) };
}

/** a as two halves of its mantissa, whose products are exact (Veltkamp). */
function halves(v: Algebra, a: Vector): Double {
  const spread = v.mul(a, v.constant(2 ** Math.ceil((v.format.mantissaBits + 1) / 2) + 1));
  const head = v.sub(spread, v.sub(spread, a));
  return { head, tail: v.sub(a, head) };
}

/** a · b exactly, barring overflow and underflow (Dekker). */
export function twoProduct(v: Algebra, a: Vector, b: Vector): Double {
  const head = v.mul(a, b);
  const x = halves(v, a);
  const y = halves(v, b);
  const high = v.sub(v.mul(x.head, y.head), head);
  const middle = v.mulAdd(x.tail, y.head, v.mulAdd(x.head, y.tail, high));
  return { head, tail: v.mulAdd(x.tail, y.tail, middle) };
}
