import { normal, workload, type Floats } from "../workload.ts";

const [B, L, D] = [8, 128, 64];
const SCALE = 1 / Math.sqrt(D);

/** out[i, j] += factor · Σ_k a[i, k] b[j, k] for arrays of rows of the given width. */
const dotRows = (a: Floats, aAt: number, b: Floats, bAt: number, width: number): number => {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += (a[aAt + k] ?? 0) * (b[bAt + k] ?? 0);
  return sum;
};

const addRow = (to: Floats, toAt: number, factor: number, from: Floats, fromAt: number): void => {
  for (let k = 0; k < D; k++) to[toAt + k] = (to[toAt + k] ?? 0) + factor * (from[fromAt + k] ?? 0);
};

type Inputs = Readonly<Record<"q" | "k" | "v" | "d_y", Floats>>;
type Outputs = Readonly<Record<"y" | "d_q" | "d_k" | "d_v", Floats>>;

/** A row sees the places before `end`. */
const loopsWith =
  (end: (row: number) => number) =>
  ({ q, k, v, d_y }: Inputs, { y, d_q, d_k, d_v }: Outputs): void => {
    for (const array of [y, d_q, d_k, d_v]) array.fill(0);
    const weight = new Float64Array(L);
    const d_weight = new Float64Array(L);
    for (let b = 0; b < B; b++)
      for (let l = 0; l < L; l++) {
        const row = (b * L + l) * D;
        let [largest, sum, dot] = [-Infinity, 0, 0];
        for (let s = 0; s < end(l); s++) {
          weight[s] = SCALE * dotRows(q, row, k, (b * L + s) * D, D);
          largest = Math.max(largest, weight[s] ?? 0);
        }
        for (let s = 0; s < end(l); s++) {
          weight[s] = Math.exp((weight[s] ?? 0) - largest);
          sum += weight[s] ?? 0;
        }
        for (let s = 0; s < end(l); s++) {
          const at = (b * L + s) * D;
          weight[s] = (weight[s] ?? 0) / sum;
          addRow(y, row, weight[s] ?? 0, v, at);
          addRow(d_v, at, weight[s] ?? 0, d_y, row);
          d_weight[s] = dotRows(d_y, row, v, at, D);
          dot += (d_weight[s] ?? 0) * (weight[s] ?? 0);
        }
        for (let s = 0; s < end(l); s++) {
          const at = (b * L + s) * D;
          const d_score = SCALE * (weight[s] ?? 0) * ((d_weight[s] ?? 0) - dot);
          addRow(d_q, row, d_score, k, at);
          addRow(d_k, at, d_score, q, row);
        }
      }
  };

const INPUTS = {
  q: normal(1, B, L, D),
  k: normal(1, B, L, D),
  v: normal(1, B, L, D),
  d_y: normal(1, B, L, D),
};
const OUTPUTS = { y: [B, L, D], d_q: [B, L, D], d_k: [B, L, D], d_v: [B, L, D] };

export const attention = workload({
  name: "attention",
  title: "attention 8 heads, T 128, d 64, out + gradients",
  definition: `
    import { attention } from "../../src/library/layers.grad"
    fn layer(q: [B, L, D], k: [B, S, D], v: [B, S, E]) { y = attention(q, k, v)  return y }
    derive layer { value(), vjp(q, k, v) }`,
  kernels: ["layer", "layer_vjp"],
  dims: { B, L, D, S: L, E: D },
  inputs: INPUTS,
  outputs: OUTPUTS,
  operations: 12 * B * L * L * D,
  target: { jax: 3 },
  note: "gradsmith calls two kernels, one for the output and one for the gradients",
  loops: loopsWith(() => L),
  tfjs: (tf, { q, k, v, d_y }) => {
    type T = typeof q;
    const layer = (a: T, b: T, c: T): T => tf.matMul(tf.softmax(tf.matMul(a, b, false, true).mul(SCALE)), c);
    return {
      run: () => {
        const outputs: T[] = [];
        const gradients = tf.grads((a: T, b: T, c: T) => {
          const y = layer(a, b, c);
          outputs.push(tf.keep(y));
          return y;
        });
        const [d_q, d_k, d_v] = gradients([q, k, v], d_y) as [T, T, T];
        const [kept] = outputs as [T];
        const y = tf.clone(kept);
        kept.dispose();
        return { y, d_q, d_k, d_v };
      },
    };
  },
  jax:
    ({ vjp, nn, numpy }) =>
    ({ q, k, v, d_y }) => {
      type A = typeof q;
      const layer = (a: A, b: A, c: A): A => {
        const score = numpy.matmul(a, numpy.transpose(b, [0, 2, 1])).mul(SCALE);
        return numpy.matmul(nn.softmax(score, -1), c);
      };
      const [y, pull] = vjp(layer, [q, k, v]);
      const [d_q, d_k, d_v] = pull(d_y);
      pull.dispose();
      return { y, d_q, d_k, d_v };
    },
});

export const causal = workload({
  name: "attention_causal",
  title: "causal attention 8 heads, T 128, d 64, out + gradients",
  definition: `
    import { attention_causal } from "../../src/library/layers.grad"
    fn layer(q: [B, L, D], k: [B, L, D], v: [B, L, E]) { y = attention_causal(q, k, v)  return y }
    derive layer { value(), vjp(q, k, v) }`,
  kernels: ["layer", "layer_vjp"],
  dims: { B, L, D, E: D },
  inputs: INPUTS,
  outputs: OUTPUTS,
  operations: 6 * B * L * (L + 1) * D,
  note: "gradsmith calls two kernels, one for the output and one for the gradients",
  loops: loopsWith((l) => l + 1),
});
