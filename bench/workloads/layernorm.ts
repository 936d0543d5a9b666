import { normal, workload } from "../workload.ts";

const [N, C] = [1024, 768];
const EPS = 1e-5;

export const layerNorm = workload({
  name: "layer_norm",
  title: "layer norm backward, 1024 × 768",
  definition: `
    import { layer_norm } from "../../src/library/layers.grad"
    fn layer(x: [N, C], gamma: [C], beta: [C]) { y = layer_norm(x, gamma, beta)  return y }
    derive layer { vjp(x, gamma, beta) }`,
  kernels: ["layer_vjp"],
  dims: { N, C },
  inputs: { x: normal(1, N, C), gamma: normal(1, C), beta: normal(1, C), d_y: normal(1, N, C) },
  outputs: { d_x: [N, C], d_gamma: [C], d_beta: [C] },
  target: { jax: 6 },
  note: "TensorFlow.js and jax-js run the forward pass as well",
  loops: ({ x, gamma, d_y }, { d_x, d_gamma, d_beta }) => {
    d_gamma.fill(0);
    d_beta.fill(0);
    for (let n = 0; n < N; n++) {
      let [sum, squares, first, second] = [0, 0, 0, 0];
      for (let c = 0; c < C; c++) sum += x[n * C + c] ?? 0;
      const mean = sum / C;
      for (let c = 0; c < C; c++) squares += ((x[n * C + c] ?? 0) - mean) ** 2;
      const scale = 1 / Math.sqrt(squares / C + EPS);
      for (let c = 0; c < C; c++) {
        const h = ((x[n * C + c] ?? 0) - mean) * scale;
        const d = d_y[n * C + c] ?? 0;
        first += d * (gamma[c] ?? 0);
        second += d * (gamma[c] ?? 0) * h;
        d_gamma[c] = (d_gamma[c] ?? 0) + d * h;
        d_beta[c] = (d_beta[c] ?? 0) + d;
      }
      for (let c = 0; c < C; c++) {
        const h = ((x[n * C + c] ?? 0) - mean) * scale;
        d_x[n * C + c] = scale * ((d_y[n * C + c] ?? 0) * (gamma[c] ?? 0) - (first + h * second) / C);
      }
    }
  },
  tfjs: (tf, { x, gamma, beta, d_y }) => {
    const layer = tf.grads((v: typeof x, g: typeof x, b: typeof x) => {
      const { mean, variance } = tf.moments(v, 1, true);
      return v.sub(mean).div(variance.add(EPS).sqrt()).mul(g).add(b);
    });
    return {
      run: () => {
        const [d_x, d_gamma, d_beta] = layer([x, gamma, beta], d_y) as [typeof x, typeof x, typeof x];
        return { d_x, d_gamma, d_beta };
      },
    };
  },
  jax:
    ({ vjp, numpy }) =>
    ({ x, gamma, beta, d_y }) => {
      const [y, pull] = vjp(
        (v: typeof x, g: typeof x, b: typeof x) => {
          const centred = v.ref.sub(numpy.mean(v, 1, { keepdims: true }));
          const variance = numpy.mean(numpy.square(centred.ref), 1, { keepdims: true });
          return centred
            .div(numpy.sqrt(variance.add(EPS)))
            .mul(g)
            .add(b);
        },
        [x, gamma, beta],
      );
      y.dispose();
      const [d_x, d_gamma, d_beta] = pull(d_y);
      pull.dispose();
      return { d_x, d_gamma, d_beta };
    },
  vectorised: {
    file: "kernels.wasm",
    run: ({ layer_norm }, at) =>
      void layer_norm?.(at.x, at.gamma, at.d_y, at.d_x, at.d_gamma, at.d_beta, N, C, EPS),
  },
});
