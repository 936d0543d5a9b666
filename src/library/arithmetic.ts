import { interval, type Specs } from "./spec.ts";

const [a, b] = [interval(-2, 2), interval(-2, 2)];
const reference = "IEEE 754";

export const ARITHMETIC: Specs<"arithmetic"> = {
  add: { inputs: { a, b }, smoothness: "smooth", reference },
  subtract: { inputs: { a, b }, smoothness: "smooth", reference },
  multiply: { inputs: { a, b }, smoothness: "smooth", reference },
  divide: {
    inputs: { a, b: interval(0.5, 2) }, smoothness: "smooth", conventions: ["one over 0"], reference,
  },
  floor_divide: {
    inputs: { a: interval(-9, 9), b: interval(0.5, 2) }, smoothness: "piecewise", conventions: ["floor_divide"],
    reference: "Knuth, The Art of Computer Programming, 1.2.4",
  },
  modulo: {
    inputs: { a: interval(-9, 9), b: interval(0.5, 2) }, smoothness: "piecewise", conventions: ["modulo"],
    reference: "Knuth, The Art of Computer Programming, 1.2.4",
  },
  power: {
    inputs: { a: interval(0.2, 3), b: interval(-2, 3) }, smoothness: "smooth",
    conventions: ["a whole power of 0", "0 to a variable power", "0 to the 0", "a negative base"],
    reference: "C99, 7.12.7.4",
  },
  negate: { inputs: { x: interval(-2, 2) }, smoothness: "smooth", reference },
  abs: { inputs: { x: interval(-2, 2) }, smoothness: "piecewise", conventions: ["abs at 0"], reference },
  sign: { inputs: { x: interval(-2, 2) }, smoothness: "piecewise", conventions: ["sign at 0"], reference },
  clip: {
    inputs: { x: interval(-1, 2) }, options: { lo: -0.5, hi: 0.8 }, smoothness: "piecewise",
    conventions: ["clip at its bounds"], reference: "min(max(x, lo), hi)",
  },
  maximum: { inputs: { a, b }, smoothness: "piecewise", conventions: ["maximum at a tie"], reference },
  minimum: { inputs: { a, b }, smoothness: "piecewise", conventions: ["minimum at a tie"], reference },
}; // prettier-ignore
