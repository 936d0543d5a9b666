import { interval, type Domain, type OperationSpec, type Specs } from "./spec.ts";

/** An elementary function on an interval inside of its domain, without kinks there. */
const elementary = (x: Domain, section: string): OperationSpec => ({
  inputs: { x },
  smoothness: "smooth",
  reference: `Abramowitz and Stegun, ${section}`,
});

const [near, positive, inside, above] = [
  interval(-3, 3), interval(0.1, 9), interval(-0.9, 0.9), interval(1.2, 5),
]; // prettier-ignore

export const MATHEMATICS: Specs<"mathematics"> = {
  exp: elementary(interval(-9, 9), "4.2.1"),
  expm1: elementary(interval(-9, 9), "4.2.1"),
  log: { ...elementary(positive, "4.1.1"), conventions: ["log at 0"] },
  log2: elementary(positive, "4.1.18"),
  log10: elementary(positive, "4.1.18"),
  log1p: elementary(interval(-0.9, 9), "4.1.24"),
  square: elementary(near, "3.1"),
  sqrt: { ...elementary(positive, "3.7"), conventions: ["sqrt at 0"] },
  rsqrt: elementary(positive, "3.7"),
  reciprocal: { ...elementary(positive, "3.6"), conventions: ["one over 0"] },
  hypot: {
    inputs: { a: near, b: near }, smoothness: "piecewise", conventions: ["hypot at the origin"], reference: "C99, 7.12.7.3",
  },
  erf: elementary(near, "7.1.1"),
  sin: elementary(interval(-9, 9), "4.3.1"),
  cos: elementary(interval(-9, 9), "4.3.2"),
  tan: elementary(interval(-1.4, 1.4), "4.3.3"),
  sec: elementary(interval(-1.4, 1.4), "4.3.5"),
  csc: elementary(interval(0.2, 2.9), "4.3.4"),
  cot: elementary(interval(0.2, 2.9), "4.3.6"),
  asin: elementary(inside, "4.4.1"),
  acos: elementary(inside, "4.4.2"),
  atan: elementary(interval(-9, 9), "4.4.3"),
  atan2: { inputs: { a: near, b: interval(0.2, 3) }, smoothness: "smooth", reference: "C99, 7.12.4.4" },
  asec: elementary(above, "4.4.8"),
  acsc: elementary(above, "4.4.6"),
  acot: elementary(above, "4.4.9"),
  sinh: elementary(near, "4.5.1"),
  cosh: elementary(near, "4.5.2"),
  sech: elementary(near, "4.5.5"),
  csch: elementary(interval(0.2, 3), "4.5.4"),
  coth: elementary(interval(0.2, 3), "4.5.6"),
  asinh: elementary(near, "4.6.1"),
  acosh: elementary(above, "4.6.2"),
  atanh: elementary(inside, "4.6.3"),
  asech: elementary(interval(0.1, 0.9), "4.6.8"),
  acsch: elementary(interval(0.2, 3), "4.6.7"),
  acoth: elementary(above, "4.6.6"),
}; // prettier-ignore
