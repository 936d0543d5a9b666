import { distinct, interval, type Specs } from "./spec.ts";

const [x, ranked] = [interval(-2, 2), distinct(-2, 2)];

export const REDUCTIONS: Specs<"reductions"> = {
  sum: { inputs: { x }, smoothness: "smooth", conventions: ["sum of nothing"], reference: "Σ x" },
  mean: { inputs: { x }, smoothness: "smooth", conventions: ["mean of nothing"], reference: "Σ x / N" },
  prod: {
    inputs: { x }, smoothness: "smooth", conventions: ["prod with one zero", "prod with two zeros", "prod of nothing"],
    reference: "Π x",
  },
  max: {
    inputs: { x: ranked }, smoothness: "piecewise",
    conventions: ["max at ties", "max over an axis at ties", "max of nothing"], reference: "the largest element",
  },
  min: {
    inputs: { x: ranked }, smoothness: "piecewise", conventions: ["min at ties", "min of nothing"],
    reference: "the smallest element",
  },
  variance: {
    inputs: { x },
    options: { ddof: 1 }, smoothness: "smooth", conventions: ["the variance of equal numbers"],
    reference: "Welford, 1962, in two passes",
  },
  std: { inputs: { x }, smoothness: "smooth", reference: "the root of the variance" },
  norm: {
    inputs: { x }, smoothness: "smooth", conventions: ["norm at the zero vector"], reference: "Abramowitz and Stegun, 3.2",
  },
  logsumexp: {
    inputs: { x }, smoothness: "smooth",
    conventions: ["logsumexp of large numbers", "logsumexp with -∞", "logsumexp of nothing"],
    reference: "Blanchard, Higham and Higham, 2021",
  },
  cumsum: { inputs: { x }, smoothness: "smooth", reference: "yᵢ = Σ xₖ over k ≤ i" },
  percentile: {
    inputs: { x: ranked }, options: { p: 30 }, smoothness: "piecewise", conventions: ["median and percentile at ties"],
    reference: "Hyndman and Fan, 1996, definition 7",
  },
  median: {
    inputs: { x: ranked }, smoothness: "piecewise", conventions: ["median and percentile at ties"],
    reference: "Hyndman and Fan, 1996, definition 7",
  },
}; // prettier-ignore
