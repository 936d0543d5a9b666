import { between, normal, workload } from "../workload.ts";

const [N, C] = [1024, 1000];

export const softmaxCrossEntropy = workload({
  name: "softmax_ce",
  title: "softmax cross-entropy + gradient, 1024 × 1000",
  definition: `
    import { cross_entropy } from "../../src/library/losses.grad"
    fn loss(logits: [N, C], target: [N, C]) { return cross_entropy(logits, target) }
    derive loss { grad(logits) }`,
  kernels: ["loss_grad"],
  dims: { N, C },
  inputs: { logits: normal(2, N, C), target: between(0, 2 / C, N, C) },
  outputs: { out: [], d_logits: [N, C] },
  target: { jax: 12, hand: 1.2 },
  loops: ({ logits, target }, { out, d_logits }) => {
    let total = 0;
    for (let n = 0; n < N; n++) {
      let [largest, sum, mass, dot] = [-Infinity, 0, 0, 0];
      for (let k = n * C; k < (n + 1) * C; k++) largest = Math.max(largest, logits[k] ?? 0);
      for (let k = n * C; k < (n + 1) * C; k++) {
        const [x, t] = [(logits[k] ?? 0) - largest, target[k] ?? 0];
        const e = Math.exp(x);
        d_logits[k] = e;
        sum += e;
        mass += t;
        dot += t * x;
      }
      total += mass * Math.log(sum) - dot;
      for (let k = n * C; k < (n + 1) * C; k++)
        d_logits[k] = (((d_logits[k] ?? 0) * mass) / sum - (target[k] ?? 0)) / N;
    }
    out[0] = total / N;
  },
  tfjs: (tf, { logits, target }) => {
    const loss = tf.valueAndGrad((x: typeof logits) => target.mul(tf.logSoftmax(x)).sum().div(-N));
    return {
      run: () => {
        const { value, grad } = loss(logits);
        return { out: value, d_logits: grad };
      },
    };
  },
  jax:
    ({ valueAndGrad, nn }) =>
    ({ logits, target }) => {
      const [out, d_logits] = valueAndGrad((x: typeof logits, t: typeof target) =>
        t
          .mul(nn.logSoftmax(x, -1))
          .sum()
          .mul(-1 / N),
      )(logits, target);
      return { out, d_logits };
    },
  vectorised: {
    file: "kernels.wasm",
    run: ({ softmax_ce }, at) => softmax_ce?.(at.logits, at.target, at.d_logits, N, C),
  },
  hand: {
    file: "simd.wasm",
    run: ({ softmax_ce }, at) => softmax_ce?.(at.logits, at.target, at.d_logits, N, C),
  },
});
