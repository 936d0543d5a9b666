import { normal, workload, type Floats } from "../workload.ts";

const [N, C, H, W, K, S] = [8, 16, 32, 32, 32, 3];
const PAD = 1;
const OPERATIONS = 2 * N * K * C * H * W * S * S;

const definition = (derive: string): string => `
    import { conv2d } from "../../src/library/layers.grad"
    fn layer(x: [N, C, H, W], w: [K, C, KH, KW], b: [K]) { y = conv2d(x, w, b; pad = 1)  return y }
    derive layer { ${derive} }`;

const DIMS = { N, C, H, W, K, KH: S, KW: S };

/** Calls back for every product of the convolution with the places in y, x and w. */
const products = (each: (y: number, x: number, w: number) => void): void => {
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++)
      for (let c = 0; c < C; c++)
        for (let u = 0; u < S; u++)
          for (let v = 0; v < S; v++) {
            const w = ((k * C + c) * S + u) * S + v;
            const [left, right] = [Math.max(0, PAD - v), Math.min(W, W + PAD - v)];
            for (let i = Math.max(0, PAD - u); i < Math.min(H, H + PAD - u); i++) {
              const y = ((n * K + k) * H + i) * W;
              const x = ((n * C + c) * H + i + u - PAD) * W + v - PAD;
              for (let j = left; j < right; j++) each(y + j, x + j, w);
            }
          }
};

const sumChannels = (d_y: Floats, d_b: Floats): void => {
  d_b.fill(0);
  for (let at = 0; at < d_y.length; at++) {
    const k = Math.floor(at / (H * W)) % K;
    d_b[k] = (d_b[k] ?? 0) + (d_y[at] ?? 0);
  }
};

const forward = workload({
  name: "conv2d",
  title: "conv2d forward, 8×16×32×32 → 32, 3×3",
  definition: definition("value()"),
  kernels: ["layer"],
  dims: DIMS,
  inputs: { x: normal(1, N, C, H, W), w: normal(0.1, K, C, S, S), b: normal(0.1, K) },
  outputs: { y: [N, K, H, W] },
  operations: OPERATIONS,
  target: { tfjs: 1.1 },
  note: "TensorFlow.js gets its images with the channels last, as it likes them",
  loops: ({ x, w, b }, { y }) => {
    for (let at = 0; at < y.length; at++) y[at] = b[Math.floor(at / (H * W)) % K] ?? 0;
    products((yAt, xAt, wAt) => {
      y[yAt] = (y[yAt] ?? 0) + (x[xAt] ?? 0) * (w[wAt] ?? 0);
    });
  },
  tfjs: (tf, { x, w, b }) => {
    const [images, filters] = [
      tf.transpose(x.as4D(N, C, H, W), [0, 2, 3, 1]),
      tf.transpose(w.as4D(K, C, S, S), [2, 3, 1, 0]),
    ];
    return {
      run: () => ({ y: tf.conv2d(images, filters, 1, "same").add(b) }),
      read: ({ y }) => ({ y: tf.transpose(y, [0, 3, 1, 2]) }),
    };
  },
  jax:
    ({ lax }) =>
    ({ x, w, b }) => ({ y: lax.conv(x, w, [1, 1], "SAME").add(b.reshape([1, K, 1, 1])) }),
});

const backward = workload({
  name: "conv2d_backward",
  title: "conv2d backward (dx, dw, db)",
  definition: definition("vjp(x, w, b)"),
  kernels: ["layer_vjp"],
  dims: DIMS,
  inputs: {
    x: normal(1, N, C, H, W),
    w: normal(0.1, K, C, S, S),
    b: normal(0.1, K),
    d_y: normal(1, N, K, H, W),
  },
  outputs: { d_x: [N, C, H, W], d_w: [K, C, S, S], d_b: [K] },
  operations: 2 * OPERATIONS,
  target: { ceiling: 0.7 },
  loops: ({ x, w, d_y }, { d_x, d_w, d_b }) => {
    d_x.fill(0);
    d_w.fill(0);
    products((yAt, xAt, wAt) => {
      const d = d_y[yAt] ?? 0;
      d_x[xAt] = (d_x[xAt] ?? 0) + d * (w[wAt] ?? 0);
      d_w[wAt] = (d_w[wAt] ?? 0) + d * (x[xAt] ?? 0);
    });
    sumChannels(d_y, d_b);
  },
  tfjs: (tf, { x, w, b, d_y }) => {
    const images = tf.transpose(x.as4D(N, C, H, W), [0, 2, 3, 1]);
    const filters = tf.transpose(w.as4D(K, C, S, S), [2, 3, 1, 0]);
    const cotangent = tf.transpose(d_y.as4D(N, K, H, W), [0, 2, 3, 1]);
    const layer = tf.grads((v: typeof b, f: typeof b, s: typeof b) =>
      tf.conv2d(v.as4D(N, H, W, C), f.as4D(S, S, C, K), 1, "same").add(s),
    );
    return {
      run: () => {
        const [d_x, d_w, d_b] = layer([images, filters, b], cotangent) as [typeof b, typeof b, typeof b];
        return { d_x, d_w, d_b };
      },
      read: ({ d_x, d_w, d_b }) => ({
        d_x: tf.transpose(d_x, [0, 3, 1, 2]),
        d_w: tf.transpose(d_w, [3, 2, 0, 1]),
        d_b,
      }),
    };
  },
  jax:
    ({ lax, vjp }) =>
    ({ x, w, b, d_y }) => {
      type A = typeof x;
      const [y, pull] = vjp(
        (v: A, f: A, s: A) => lax.conv(v, f, [1, 1], "SAME").add(s.reshape([1, K, 1, 1])),
        [x, w, b],
      );
      y.dispose();
      const [d_x, d_w, d_b] = pull(d_y);
      pull.dispose();
      return { d_x, d_w, d_b };
    },
});

export const workloads = [forward, backward];
