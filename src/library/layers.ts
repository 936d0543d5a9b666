import { choice, distinct, index, interval, type Specs } from "./spec.ts";

const [x, w, b] = [interval(-2, 2), interval(-1, 1), interval(-1, 1)];
const [gamma, beta, mask] = [interval(0.5, 2), interval(-1, 1), choice(0, 1)];
const image = { N: 2, C: 3, H: 5, W: 4 };
const kernel = { KH: 3, KW: 2 };
const statistics = { N: 2, C: 4, H: 3, W: 2 };
const heads = { B: 2, L: 3, S: 4, D: 4, E: 3 };

export const LAYERS: Specs<"layers"> = {
  linear: { inputs: { x, w, b }, smoothness: "smooth", reference: "Rosenblatt, 1958" },
  linear_no_bias: { inputs: { x, w }, smoothness: "smooth", reference: "Rosenblatt, 1958" },
  embedding: {
    inputs: { w, index }, smoothness: "smooth", conventions: ["a row that is read twice"],
    reference: "Bengio et al., 2003",
  },
  conv2d_no_bias: {
    inputs: { x, w }, dims: { ...image, ...kernel, K: 2 }, options: { stride: 2, pad: 1 }, smoothness: "smooth",
    reference: "LeCun et al., 1989; Dumoulin and Visin, 2016",
  },
  conv2d: {
    inputs: { x, w, b }, dims: { ...image, ...kernel, K: 2 }, options: { pad: 2, dilation: 2 }, smoothness: "smooth",
    reference: "LeCun et al., 1989; Dumoulin and Visin, 2016",
  },
  depthwise_conv2d: {
    inputs: { x, w, b }, dims: { ...image, ...kernel }, options: { stride: 2, pad: 1 }, smoothness: "smooth",
    reference: "Sifre, 2014",
  },
  depthwise_separable_conv2d: {
    inputs: { x, dw: w, pw: w, b }, dims: { ...image, ...kernel, K: 2 }, options: { pad: 1 }, smoothness: "smooth",
    reference: "Chollet, 2017",
  },
  maxpool2d: {
    inputs: { x: distinct(-2, 2) }, dims: image, options: { kernel: 3, stride: 2, pad: 1 }, smoothness: "piecewise",
    conventions: ["max pooling at ties"], reference: "Riesenhuber and Poggio, 1999",
  },
  avgpool2d: {
    inputs: { x }, dims: image, options: { kernel: 3, stride: 2, pad: 1 }, smoothness: "smooth",
    reference: "LeCun et al., 1989",
  },
  global_avgpool2d: { inputs: { x }, dims: image, smoothness: "smooth", reference: "Lin, Chen and Yan, 2014" },
  batch_norm2d: {
    inputs: { x, gamma, beta }, dims: statistics, smoothness: "smooth", reference: "Ioffe and Szegedy, 2015, algorithm 1",
  },
  batch_norm2d_inference: {
    inputs: { x, gamma, beta, mu: beta, var: gamma }, dims: statistics, smoothness: "smooth",
    reference: "Ioffe and Szegedy, 2015, algorithm 2",
  },
  layer_norm: { inputs: { x, gamma, beta }, smoothness: "smooth", reference: "Ba et al., 2016, equation 4" },
  rms_norm: { inputs: { x, gamma }, smoothness: "smooth", reference: "Zhang and Sennrich, 2019, equation 4" },
  group_norm: {
    inputs: { x, gamma, beta }, dims: statistics, options: { groups: 2 }, smoothness: "smooth",
    reference: "Wu and He, 2018, equation 7",
  },
  instance_norm: {
    inputs: { x, gamma, beta }, dims: statistics, smoothness: "smooth", reference: "Ulyanov et al., 2016, equation 2",
  },
  dropout: { inputs: { x, mask }, options: { p: 0.3 }, smoothness: "smooth", reference: "Srivastava et al., 2014" },
  dropout2d: { inputs: { x, mask }, dims: statistics, smoothness: "smooth", reference: "Tompson et al., 2015" },
  attention: { inputs: { q: x, k: x, v: x }, dims: heads, smoothness: "smooth", reference: "Vaswani et al., 2017, equation 1" },
  attention_causal: {
    inputs: { q: x, k: x, v: x }, dims: heads, smoothness: "smooth", reference: "Vaswani et al., 2017, 3.2.3",
  },
  attention_masked: {
    inputs: { q: x, k: x, v: x, mask: choice(0, 1, 1) }, dims: heads, smoothness: "smooth",
    reference: "Vaswani et al., 2017, 3.2.3",
  },
  multi_head_attention: {
    inputs: { x, wq: w, wk: w, wv: w, wo: w }, dims: heads, options: { heads: 2 }, smoothness: "smooth",
    reference: "Vaswani et al., 2017, 3.2.2",
  },
  flatten: { inputs: { x }, dims: image, smoothness: "smooth", reference: "row-major order" },
  concat: { inputs: { a: x, b: x }, smoothness: "smooth", reference: "the columns of a, then those of b" },
}; // prettier-ignore
