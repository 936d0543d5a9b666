/** log and its relatives: log x = e ln 2 + log m with m in [√½, √2). */
import { decompose, where } from "./bits.ts";
import { LN2, LOG_ARTANH_TAIL, LOG_TAIL_F32, type PerLaneType } from "./coefficients.ts";
import type { Algebra, Vector } from "./graph.ts";

/** log(1 + f) − f, negated, for 1 + f in [√½, √2); `extra` is added in the same place. */
type LogTail = (v: Algebra, f: Vector, extra: Vector) => Vector;

const logTail: PerLaneType<LogTail> = {
  f32: (v, f, extra) => {
    const square = v.mul(f, f);
    const cubic = v.mul(v.mul(square, f), v.polynomial(f, LOG_TAIL_F32));
    return v.sub(v.mul(square, v.constant(0.5)), v.add(cubic, extra));
  },
  // With s = f / (2 + f): log(1 + f) = 2 artanh s = f − (f²/2 − s (f²/2 + R(s²))), where R = 2 artanh(s)/s − 2.
  f64: (v, f, extra) => {
    const s = v.div(f, v.add(f, v.constant(2)));
    const z = v.mul(s, s);
    const halfSquare = v.mul(v.mul(f, f), v.constant(0.5));
    const tail = v.mul(z, v.polynomial(z, LOG_ARTANH_TAIL));
    return v.sub(halfSquare, v.mulAdd(s, v.add(halfSquare, tail), extra));
  },
};

/** e ln 2 + log(1 + f). */
function assemble(v: Algebra, exponent: Vector, f: Vector): Vector {
  const { head, tail } = LN2[v.dtype];
  const rest = logTail[v.dtype](v, f, v.mul(exponent, v.constant(tail)));
  return v.mulAdd(exponent, v.constant(head), v.sub(f, rest));
}

/** The result where x is not a positive finite number: −∞ at zero, NaN below (the mask itself), else x. */
const logOutside = (v: Algebra, x: Vector): Vector => {
  const zero = v.constant(0);
  return v.select(v.eq(x, zero), v.constant(-Infinity), v.or(x, v.lt(x, zero)));
};

export function log(v: Algebra, x: Vector): Vector {
  const lift = v.format.mantissaBits + 2;
  const isSmall = v.lt(x, v.constant(v.format.minNormal));
  const normal = v.select(isSmall, v.mul(x, v.constant(2 ** lift)), x);
  const { mantissa, exponent } = decompose(v, normal);
  const e = v.sub(exponent, where(v, isSmall, v.constant(lift)));
  const value = assemble(v, e, v.sub(mantissa, v.constant(1)));
  const isInside = v.and(v.gt(x, v.constant(0)), v.lt(x, v.constant(Infinity)));
  return v.select(isInside, value, logOutside(v, x));
}
