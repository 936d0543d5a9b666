import { normal, workload } from "../workload.ts";

const [N, C, H, W] = [8, 32, 32, 32];
const [I, J] = [H / 2, W / 2];

export const maxPool = workload({
  name: "maxpool",
  title: "max pool 2×2 backward, 8×32×32×32",
  definition: `
    import { maxpool2d } from "../../src/library/layers.grad"
    fn layer(x: [N, C, H, W]) { y = maxpool2d(x)  return y }
    derive layer { vjp(x) }`,
  kernels: ["layer_vjp"],
  dims: { N, C, H, W },
  inputs: { x: normal(1, N, C, H, W), d_y: normal(1, N, C, I, J) },
  outputs: { d_x: [N, C, H, W] },
  target: { tfjs: 40, jax: 40, hand: 1.5 },
  note: "TensorFlow.js and jax-js run the forward pass as well; TensorFlow.js gets its images with the channels last",
  loops: ({ x, d_y }, { d_x }) => {
    d_x.fill(0);
    for (let p = 0; p < N * C; p++)
      for (let i = 0; i < I; i++)
        for (let j = 0; j < J; j++) {
          const first = (p * H + 2 * i) * W + 2 * j;
          let at = first;
          for (const each of [first + 1, first + W, first + W + 1])
            if ((x[each] ?? 0) > (x[at] ?? 0)) at = each;
          d_x[at] = d_y[(p * I + i) * J + j] ?? 0;
        }
  },
  tfjs: (tf, { x, d_y }) => {
    const images = tf.transpose(x.as4D(N, C, H, W), [0, 2, 3, 1]);
    const cotangent = tf.transpose(d_y.as4D(N, C, I, J), [0, 2, 3, 1]);
    const pool = tf.grad((v: typeof x) => tf.maxPool(v.as4D(N, H, W, C), 2, 2, "valid"));
    return {
      run: () => ({ d_x: pool(images, cotangent) }),
      read: ({ d_x }) => ({ d_x: tf.transpose(d_x, [0, 3, 1, 2]) }),
    };
  },
  jax:
    ({ lax, numpy, vjp }) =>
    ({ x, d_y }) => {
      type A = typeof x;
      const [y, pull] = vjp(
        (v: A) => lax.reduceWindow(v, (window: A) => numpy.max(window), [2, 2], [2, 2]),
        [x],
      );
      y.dispose();
      const [d_x] = pull(d_y);
      pull.dispose();
      return { d_x };
    },
  vectorised: {
    file: "kernels.wasm",
    run: ({ maxpool_bwd }, at) => void maxpool_bwd?.(at.x, at.d_y, at.d_x, N * C, W),
  },
  hand: {
    file: "simd.wasm",
    run: ({ maxpool_bwd }, at) => void maxpool_bwd?.(at.x, at.d_y, at.d_x, N * C, W),
  },
});
