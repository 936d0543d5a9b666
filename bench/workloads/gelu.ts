import { erf } from "../../src/runtime/index.ts";
import { normal, workload } from "../workload.ts";

const N = 1_048_576;
const note = "TensorFlow.js and jax-js run the forward pass as well";

export const erfForm = workload({
  name: "gelu_erf",
  title: "gelu (erf) backward, 1,048,576",
  definition: `
    import { gelu } from "../../src/library/activations.grad"
    fn layer(x: [N]) { y = gelu(x)  return y }
    derive layer { vjp(x) }`,
  kernels: ["layer_vjp"],
  inputs: { x: normal(2, N), d_y: normal(1, N) },
  outputs: { d_x: [N] },
  target: { jax: 10, tfjs: 18, hand: 1.35 },
  note,
  loops: ({ x, d_y }, { d_x }) => {
    for (let i = 0; i < x.length; i++) {
      const v = x[i] ?? 0;
      const cdf = 0.5 * (1 + erf(v * Math.SQRT1_2));
      d_x[i] = (d_y[i] ?? 0) * (cdf + (v * Math.exp(-0.5 * v * v)) / Math.sqrt(2 * Math.PI));
    }
  },
  tfjs: (tf, { x, d_y }) => ({
    run: () => ({ d_x: tf.grad((v: typeof x) => v.mul(0.5).mul(v.mul(Math.SQRT1_2).erf().add(1)))(x, d_y) }),
  }),
  jax:
    ({ vjp, nn }) =>
    ({ x, d_y }) => {
      const [y, pull] = vjp((v: typeof x) => nn.gelu(v, { approximate: false }), [x]);
      y.dispose();
      const [d_x] = pull(d_y);
      pull.dispose();
      return { d_x };
    },
  vectorised: {
    file: "kernels.wasm",
    run: ({ gelu_erf }, at) => void gelu_erf?.(at.x, at.d_y, at.d_x, N),
  },
  hand: { file: "simd.wasm", run: ({ gelu_x2 }, at) => void gelu_x2?.(at.x, at.d_y, at.d_x, N) },
});

const SLOPE = Math.sqrt(2 / Math.PI);

export const tanhForm = workload({
  name: "gelu_tanh",
  title: "gelu (tanh) backward, 1,048,576",
  definition: `
    import { gelu_tanh } from "../../src/library/activations.grad"
    fn layer(x: [N]) { y = gelu_tanh(x)  return y }
    derive layer { vjp(x) }`,
  kernels: ["layer_vjp"],
  inputs: { x: normal(2, N), d_y: normal(1, N) },
  outputs: { d_x: [N] },
  note,
  loops: ({ x, d_y }, { d_x }) => {
    for (let i = 0; i < x.length; i++) {
      const v = x[i] ?? 0;
      const t = Math.tanh(SLOPE * (v + 0.044715 * v * v * v));
      const inner = SLOPE * (1 + 3 * 0.044715 * v * v);
      d_x[i] = (d_y[i] ?? 0) * 0.5 * (1 + t + v * (1 - t * t) * inner);
    }
  },
  tfjs: (tf, { x, d_y }) => ({
    run: () => ({
      d_x: tf.grad((v: typeof x) =>
        v.mul(0.5).mul(v.add(v.mul(v).mul(v).mul(0.044715)).mul(SLOPE).tanh().add(1)),
      )(x, d_y),
    }),
  }),
  jax:
    ({ vjp, nn }) =>
    ({ x, d_y }) => {
      const [y, pull] = vjp((v: typeof x) => nn.gelu(v, { approximate: true }), [x]);
      y.dispose();
      const [d_x] = pull(d_y);
      pull.dispose();
      return { d_x };
    },
  vectorised: {
    file: "kernels.wasm",
    run: ({ gelu_tanh }, at) => void gelu_tanh?.(at.x, at.d_y, at.d_x, N),
  },
});
