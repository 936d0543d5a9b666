import { choice, index, interval, type Specs } from "./spec.ts";

const [pred, target, logits] = [interval(-2, 2), interval(-2, 2), interval(-5, 5)];
const [prob, label] = [interval(0.05, 0.95), choice(0, 1)];

export const LOSSES: Specs<"losses"> = {
  mse: { inputs: { pred, target }, smoothness: "smooth", reference: "Gauss, 1809" },
  mae: { inputs: { pred, target }, smoothness: "piecewise", conventions: ["abs at 0"], reference: "Laplace, 1774" },
  bce: { inputs: { prob, target: prob }, smoothness: "smooth", reference: "Bishop, 2006, 4.90" },
  bce_with_logits: { inputs: { logits, target: prob }, smoothness: "smooth", reference: "Bishop, 2006, 4.90, of σ" },
  cross_entropy: { inputs: { logits, target: prob }, smoothness: "smooth", reference: "Bishop, 2006, 4.108" },
  cross_entropy_labels: { inputs: { logits, label: index }, smoothness: "smooth", reference: "Bishop, 2006, 4.108" },
  nll: { inputs: { logp: interval(-5, 0), label: index }, smoothness: "smooth", reference: "Fisher, 1922" },
  kl_divergence: { inputs: { p: prob, q: prob }, smoothness: "smooth", reference: "Kullback and Leibler, 1951" },
  hinge: {
    inputs: { pred, target: choice(-1, 1) }, smoothness: "piecewise", conventions: ["hinge at its margin"],
    reference: "Cortes and Vapnik, 1995",
  },
  focal: { inputs: { prob, target: prob }, smoothness: "smooth", reference: "Lin et al., 2017, equation 5" },
  focal_with_logits: {
    inputs: { logits, target: label }, options: { gamma: 1.5 }, smoothness: "smooth",
    reference: "Lin et al., 2017, equation 5, of σ",
  },
  huber: {
    inputs: { pred, target }, options: { delta: 0.7 }, smoothness: "piecewise", conventions: ["huber at delta"],
    reference: "Huber, 1964",
  },
  smooth_l1: { inputs: { pred, target }, options: { beta: 0.7 }, smoothness: "piecewise", reference: "Girshick, 2015, 3" },
  cosine_similarity_loss: { inputs: { pred, target }, smoothness: "smooth", reference: "1 - p·t / (|p| |t|)" },
  log_cosh: { inputs: { pred, target }, smoothness: "smooth", reference: "Green, 1990" },
  quantile_loss: {
    inputs: { pred, target }, options: { q: 0.9 }, smoothness: "piecewise", reference: "Koenker and Bassett, 1978",
  },
  poisson_nll: {
    inputs: { pred, target: choice(0, 1, 2, 5) }, smoothness: "smooth", reference: "McCullagh and Nelder, 1989, 6.2",
  },
  gaussian_nll: {
    inputs: { mu: pred, target, var: interval(0.5, 2) }, smoothness: "smooth", reference: "Nix and Weigend, 1994",
  },
  triplet_margin: {
    inputs: { anchor: pred, positive: pred, negative: pred }, smoothness: "piecewise", reference: "Schroff et al., 2015",
  },
  dice: { inputs: { prob, target: label }, smoothness: "smooth", reference: "Milletari et al., 2016" },
}; // prettier-ignore
