import { normal, workload, type Floats, type Target, type Workload } from "../workload.ts";

const definition = (derive: string): string => `
    import { matmul } from "../../src/library/matrix.grad"
    fn product(a: [M, K], b: [K, N]) { y = matmul(a, b)  return y }
    derive product { ${derive} }`;

const productLoops = (a: Floats, b: Floats, y: Floats, n: number): void => {
  y.fill(0);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const v = a[i * n + k] ?? 0;
      for (let j = 0; j < n; j++) y[i * n + j] = (y[i * n + j] ?? 0) + v * (b[k * n + j] ?? 0);
    }
};

const adjointLoops = (a: Floats, b: Floats, d_y: Floats, d_a: Floats, d_b: Floats, n: number): void => {
  d_b.fill(0);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += (d_y[i * n + j] ?? 0) * (b[k * n + j] ?? 0);
      d_a[i * n + k] = sum;
      const v = a[i * n + k] ?? 0;
      for (let j = 0; j < n; j++) d_b[k * n + j] = (d_b[k * n + j] ?? 0) + v * (d_y[i * n + j] ?? 0);
    }
};

const forward = (n: number, target: Target): Workload =>
  workload({
    name: `matmul${n}`,
    title: `matmul ${n}³`,
    definition: definition("value()"),
    kernels: ["product"],
    dims: { M: n, K: n, N: n },
    inputs: { a: normal(1, n, n), b: normal(1, n, n) },
    outputs: { y: [n, n] },
    operations: 2 * n ** 3,
    target,
    loops: ({ a, b }, { y }) => {
      productLoops(a, b, y, n);
    },
    tfjs: (tf, { a, b }) => ({ run: () => ({ y: tf.matMul(a, b) }) }),
    jax:
      ({ numpy }) =>
      ({ a, b }) => ({ y: numpy.matmul(a, b) }),
    vectorised: { file: "kernels.wasm", run: ({ mm }, at) => void mm?.(at.a, at.b, at.y, n, n, n) },
    hand: {
      file: "mm_4x8.wasm",
      run: ({ gemm, direct }, at) =>
        n > 128
          ? void gemm?.(at.a, n, 1, at.b, n, 1, at.y, n, n, n)
          : void direct?.(at.a, n, 1, at.b, at.y, n, n, n),
    },
  });

const backward = (n: number, target: Target): Workload =>
  workload({
    name: `matmul${n}_backward`,
    title: `matmul ${n}³, both backward products`,
    definition: definition("vjp(a, b)"),
    kernels: ["product_vjp"],
    dims: { M: n, K: n, N: n },
    inputs: { a: normal(1, n, n), b: normal(1, n, n), d_y: normal(1, n, n) },
    outputs: { d_a: [n, n], d_b: [n, n] },
    operations: 4 * n ** 3,
    target,
    loops: ({ a, b, d_y }, { d_a, d_b }) => {
      adjointLoops(a, b, d_y, d_a, d_b, n);
    },
    tfjs: (tf, { a, b, d_y }) => ({
      run: () => ({ d_a: tf.matMul(d_y, b, false, true), d_b: tf.matMul(a, d_y, true, false) }),
    }),
    jax:
      ({ numpy }) =>
      ({ a, b, d_y }) => ({
        d_a: numpy.matmul(d_y.ref, numpy.transpose(b)),
        d_b: numpy.matmul(numpy.transpose(a), d_y),
      }),
    vectorised: {
      file: "kernels.wasm",
      run: ({ mm_nt, mm_tn }, at) => {
        mm_nt?.(at.d_y, at.b, at.d_a, n, n, n);
        mm_tn?.(at.a, at.d_y, at.d_b, n, n, n);
        return undefined;
      },
    },
    hand: {
      file: "mm_4x8.wasm",
      run: ({ gemm, direct, transpose }, at) => {
        if (n > 128) {
          gemm?.(at.d_y, n, 1, at.b, 1, n, at.d_a, n, n, n);
          gemm?.(at.a, 1, n, at.d_y, n, 1, at.d_b, n, n, n);
        } else {
          transpose?.(at.b, at.scratch, n, n);
          direct?.(at.d_y, n, 1, at.scratch, at.d_a, n, n, n);
          direct?.(at.a, 1, n, at.d_y, at.d_b, n, n, n);
        }
        return undefined;
      },
    },
  });

export const products: readonly Workload[] = [
  { n: 512, target: { ceiling: 0.9, tfjs: 1, jax: 1 } },
  { n: 128, target: { ceiling: 0.85, tfjs: 1, jax: 1 } },
  { n: 32, target: { ceiling: 0.7, tfjs: 3 } },
].flatMap(({ n, target }) => [forward(n, target), backward(n, target)]);
