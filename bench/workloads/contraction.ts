import { normal, workload } from "../workload.ts";

const [I, J, K] = [256, 256, 256];

/** Multiplications and additions that an exponential costs, about, in a vector kernel. */
const EXP = 20;

const definition = (derive: string): string => `
    fn weighted(a: [I, J], b: [J, K], c: [J], d: [I, J]) {
      t[i, k] = sum[j](a[i, j] * b[j, k] * c[j] * exp(d[i, j]))
      return t
    }
    derive weighted { ${derive} }`;

const INPUTS = { a: normal(1, I, J), b: normal(1, J, K), c: normal(1, J), d: normal(0.5, I, J) } as const;
const DIMS = { I, J, K };

const forward = workload({
  name: "contraction",
  title: "T[i,k] = Σⱼ A[i,j]·B[j,k]·c[j]·exp(D[i,j]), 256³",
  definition: definition("value()"),
  kernels: ["weighted"],
  dims: DIMS,
  inputs: INPUTS,
  outputs: { t: [I, K] },
  operations: 2 * I * J * K + (2 + EXP) * I * J,
  target: { ceiling: 0.6 },
  loops: ({ a, b, c, d }, { t }) => {
    t.fill(0);
    for (let i = 0; i < I; i++)
      for (let j = 0; j < J; j++) {
        const w = (a[i * J + j] ?? 0) * (c[j] ?? 0) * Math.exp(d[i * J + j] ?? 0);
        for (let k = 0; k < K; k++) t[i * K + k] = (t[i * K + k] ?? 0) + w * (b[j * K + k] ?? 0);
      }
  },
  tfjs: (tf, { a, b, c, d }) => ({ run: () => ({ t: tf.matMul(a.mul(c).mul(d.exp()), b) }) }),
  jax:
    ({ numpy }) =>
    ({ a, b, c, d }) => ({ t: numpy.matmul(a.mul(c).mul(numpy.exp(d)), b) }),
});

const backward = workload({
  name: "contraction_backward",
  title: "the weighted contraction: gradients by A, B, c and D",
  definition: definition("vjp(a, b, c, d)"),
  kernels: ["weighted_vjp"],
  dims: DIMS,
  inputs: { ...INPUTS, d_t: normal(1, I, K) },
  outputs: { d_a: [I, J], d_b: [J, K], d_c: [J], d_d: [I, J] },
  operations: 4 * I * J * K + (7 + EXP) * I * J,
  target: { ceiling: 0.6 },
  loops: ({ a, b, c, d, d_t }, { d_a, d_b, d_c, d_d }) => {
    d_b.fill(0);
    d_c.fill(0);
    for (let i = 0; i < I; i++)
      for (let j = 0; j < J; j++) {
        const e = Math.exp(d[i * J + j] ?? 0);
        const [x, y] = [a[i * J + j] ?? 0, c[j] ?? 0];
        let dot = 0;
        for (let k = 0; k < K; k++) {
          const t = d_t[i * K + k] ?? 0;
          dot += t * (b[j * K + k] ?? 0);
          d_b[j * K + k] = (d_b[j * K + k] ?? 0) + x * y * e * t;
        }
        d_a[i * J + j] = dot * y * e;
        d_c[j] = (d_c[j] ?? 0) + dot * x * e;
        d_d[i * J + j] = dot * x * y * e;
      }
  },
  tfjs: (tf, { a, b, c, d, d_t }) => {
    type T = typeof a;
    const gradients = tf.grads((a_: T, b_: T, c_: T, d_: T) => tf.matMul(a_.mul(c_).mul(d_.exp()), b_));
    return {
      run: () => {
        const [d_a, d_b, d_c, d_d] = gradients([a, b, c, d], d_t) as [T, T, T, T];
        return { d_a, d_b, d_c, d_d };
      },
    };
  },
  jax:
    ({ vjp, numpy }) =>
    ({ a, b, c, d, d_t }) => {
      type A = typeof a;
      const [t, pull] = vjp(
        (a_: A, b_: A, c_: A, d_: A) => numpy.matmul(a_.mul(c_).mul(numpy.exp(d_)), b_),
        [a, b, c, d],
      );
      t.dispose();
      const [d_a, d_b, d_c, d_d] = pull(d_t);
      pull.dispose();
      return { d_a, d_b, d_c, d_d };
    },
});

export const workloads = [forward, backward];
