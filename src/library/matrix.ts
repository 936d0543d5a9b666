import { interval, type Specs } from "./spec.ts";

const [a, b] = [interval(-2, 2), interval(-2, 2)];
const reference = "Golub and Van Loan, Matrix Computations, 1.1";

export const MATRIX: Specs<"matrix"> = {
  matmul: { inputs: { a, b }, smoothness: "smooth", reference },
  batched_matmul: { inputs: { a, b }, smoothness: "smooth", reference },
  matvec: { inputs: { a, b }, smoothness: "smooth", reference },
  vecmat: { inputs: { a, b }, smoothness: "smooth", reference },
  dot: { inputs: { a, b }, smoothness: "smooth", reference },
  outer: { inputs: { a, b }, smoothness: "smooth", reference },
  transpose: { inputs: { x: interval(-2, 2) }, smoothness: "smooth", reference },
}; // prettier-ignore
