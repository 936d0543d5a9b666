import { interval, type Specs } from "./spec.ts";

const x = interval(-4, 4);

export const ACTIVATIONS: Specs<"activations"> = {
  relu: {
    inputs: { x }, smoothness: "piecewise", conventions: ["relu at 0", "relu of NaN"], reference: "Nair and Hinton, 2010",
  },
  relu6: {
    inputs: { x: interval(-3, 9) }, smoothness: "piecewise", conventions: ["relu6 at 0 and 6"], reference: "Krizhevsky, 2010",
  },
  leaky_relu: {
    inputs: { x }, options: { alpha: 0.2 }, smoothness: "piecewise", conventions: ["leaky_relu and prelu at 0"],
    reference: "Maas et al., 2013",
  },
  prelu: {
    inputs: { x, a: interval(-1, 1) }, smoothness: "piecewise", conventions: ["leaky_relu and prelu at 0"],
    reference: "He et al., 2015",
  },
  elu: { inputs: { x }, options: { alpha: 0.7 }, smoothness: "piecewise", reference: "Clevert et al., 2016" },
  selu: { inputs: { x }, smoothness: "piecewise", reference: "Klambauer et al., 2017" },
  sigmoid: { inputs: { x: interval(-20, 20) }, smoothness: "smooth", reference: "Verhulst, 1838" },
  log_sigmoid: { inputs: { x: interval(-20, 20) }, smoothness: "smooth", reference: "log of the logistic function" },
  tanh: { inputs: { x: interval(-8, 8) }, smoothness: "smooth", reference: "Abramowitz and Stegun, 4.5.3" },
  softplus: {
    inputs: { x: interval(-20, 20) }, smoothness: "smooth", conventions: ["softplus of large numbers"],
    reference: "Dugas et al., 2001",
  },
  swish: { inputs: { x }, smoothness: "smooth", reference: "Ramachandran et al., 2017" },
  mish: { inputs: { x }, smoothness: "smooth", reference: "Misra, 2019" },
  gelu: { inputs: { x }, smoothness: "smooth", reference: "Hendrycks and Gimpel, 2016, section 2" },
  gelu_tanh: { inputs: { x }, smoothness: "smooth", reference: "Hendrycks and Gimpel, 2016, section 2" },
  hard_sigmoid: {
    inputs: { x }, smoothness: "piecewise", conventions: ["hard_sigmoid at -3 and 3"], reference: "Howard et al., 2019",
  },
  hard_swish: { inputs: { x }, smoothness: "piecewise", reference: "Howard et al., 2019, section 5.2" },
  hard_tanh: {
    inputs: { x: interval(-2, 2) }, smoothness: "piecewise", conventions: ["hard_tanh at its bounds"],
    reference: "Collobert, 2004",
  },
  softmax: {
    inputs: { x }, smoothness: "smooth", conventions: ["softmax with -∞"], reference: "Bridle, 1990",
  },
  log_softmax: { inputs: { x }, smoothness: "smooth", reference: "log of softmax, shifted by the largest element" },
}; // prettier-ignore
