import { labels, normal, sizeOf, workload, type Floats } from "../workload.ts";

const [N, D, H, C] = [64, 784, 128, 10];

/** y = x · wᵀ + b, for rows of x and of w. */
const linear = (x: Floats, w: Floats, b: Floats, y: Floats, width: number): void => {
  const out = b.length;
  for (let n = 0; n < x.length / width; n++)
    for (let k = 0; k < out; k++) {
      let sum = b[k] ?? 0;
      for (let d = 0; d < width; d++) sum += (x[n * width + d] ?? 0) * (w[k * width + d] ?? 0);
      y[n * out + k] = sum;
    }
};

/** From the cotangent of `linear`: those of w and b. */
const linearBackward = (x: Floats, dy: Floats, dw: Floats, db: Floats, width: number): void => {
  const out = db.length;
  dw.fill(0);
  db.fill(0);
  for (let n = 0; n < x.length / width; n++)
    for (let k = 0; k < out; k++) {
      const d = dy[n * out + k] ?? 0;
      db[k] = (db[k] ?? 0) + d;
      for (let i = 0; i < width; i++)
        dw[k * width + i] = (dw[k * width + i] ?? 0) + d * (x[n * width + i] ?? 0);
    }
};

const softmaxGradient = (scores: Floats, label: Floats): number => {
  let total = 0;
  for (let n = 0; n < N; n++) {
    let [largest, sum] = [-Infinity, 0];
    for (let c = 0; c < C; c++) largest = Math.max(largest, scores[n * C + c] ?? 0);
    for (let c = 0; c < C; c++) sum += Math.exp((scores[n * C + c] ?? 0) - largest);
    const at = n * C + (label[n] ?? 0);
    total += largest + Math.log(sum) - (scores[at] ?? 0);
    for (let c = 0; c < C; c++) scores[n * C + c] = Math.exp((scores[n * C + c] ?? 0) - largest) / sum / N;
    scores[at] = (scores[at] ?? 0) - 1 / N;
  }
  return total / N;
};

export const mlp = workload({
  name: "mlp",
  title: "MLP 64×784→128→10, loss + all gradients",
  definition: `
    import { linear } from "../../src/library/layers.grad"
    import { relu } from "../../src/library/activations.grad"
    import { cross_entropy_labels } from "../../src/library/losses.grad"
    fn loss(x: [N, D], w1: [H, D], b1: [H], w2: [C, H], b2: [C], label: int[N]) {
      return cross_entropy_labels(linear(relu(linear(x, w1, b1)), w2, b2), label)
    }
    derive loss { grad(w1, b1, w2, b2) }`,
  kernels: ["loss_grad"],
  dims: { N, D, H, C },
  inputs: {
    x: normal(1, N, D),
    w1: normal(0.05, H, D),
    b1: normal(0.1, H),
    w2: normal(0.1, C, H),
    b2: normal(0.1, C),
    label: labels(C, N),
  },
  outputs: { out: [], d_w1: [H, D], d_b1: [H], d_w2: [C, H], d_b2: [C] },
  operations: 4 * N * D * H + 6 * N * H * C,
  target: { jax: 1.8, tfjs: 9 },
  loops: ({ x, w1, b1, w2, b2, label }, { out, d_w1, d_b1, d_w2, d_b2 }) => {
    const like = (...shape: readonly number[]): Floats =>
      x instanceof Float64Array ? new Float64Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
    const [hidden, scores, d_hidden] = [like(N, H), like(N, C), like(N, H)];
    linear(x, w1, b1, hidden, D);
    for (let k = 0; k < hidden.length; k++) hidden[k] = Math.max(hidden[k] ?? 0, 0);
    linear(hidden, w2, b2, scores, H);
    out[0] = softmaxGradient(scores, label);
    linearBackward(hidden, scores, d_w2, d_b2, H);
    for (let n = 0; n < N; n++)
      for (let h = 0; h < H; h++) {
        let sum = 0;
        for (let c = 0; c < C; c++) sum += (scores[n * C + c] ?? 0) * (w2[c * H + h] ?? 0);
        d_hidden[n * H + h] = (hidden[n * H + h] ?? 0) > 0 ? sum : 0;
      }
    linearBackward(x, d_hidden, d_w1, d_b1, D);
  },
  tfjs: (tf, { x, w1, b1, w2, b2, label }) => {
    const target = tf.oneHot(label.as1D(), C);
    const layer = (v: typeof x, w: typeof x, b: typeof x): typeof x => tf.matMul(v, w, false, true).add(b);
    const loss = tf.valueAndGrads((w1_: typeof x, b1_: typeof x, w2_: typeof x, b2_: typeof x) => {
      const scores = layer(layer(x, w1_, b1_).relu(), w2_, b2_);
      return target.mul(tf.logSoftmax(scores)).sum().div(-N);
    });
    return {
      run: () => {
        const { value, grads } = loss([w1, b1, w2, b2]);
        const [d_w1, d_b1, d_w2, d_b2] = grads as [typeof x, typeof x, typeof x, typeof x];
        return { out: value, d_w1, d_b1, d_w2, d_b2 };
      },
    };
  },
  jax:
    ({ valueAndGrad, nn, numpy }) =>
    ({ x, w1, b1, w2, b2, label }) => {
      type A = typeof x;
      const layer = (v: A, w: A, b: A): A => numpy.matmul(v, numpy.transpose(w)).add(b);
      const [out, [d_w1, d_b1, d_w2, d_b2]] = valueAndGrad(
        (w1_: A, b1_: A, w2_: A, b2_: A, v: A, t: A) => {
          const scores = layer(nn.relu(layer(v, w1_, b1_)), w2_, b2_);
          return nn
            .oneHot(t, C)
            .mul(nn.logSoftmax(scores, -1))
            .sum()
            .mul(-1 / N);
        },
        { argnums: [0, 1, 2, 3] },
      )(w1, b1, w2, b2, x, label);
      return { out, d_w1, d_b1, d_w2, d_b2 };
    },
});
