import { between, bits, normal, workload } from "../workload.ts";

const P = 6;
const places = Array.from({ length: P }, (_, k) => k);

const definition = (derive: string): string => `
    fn logistic(w: [P], x: [P], t: []) {
      z = sum(w * x)
      return softplus(z) - t * z
    }
    derive logistic { ${derive} }`;

const LOSS = `log(1 + exp(z)) - t * z`.replaceAll("z", `(${places.map((k) => `w${k} * x${k}`).join(" + ")})`);

export const gradient = workload({
  name: "logistic",
  title: "6-parameter logistic loss: gradient",
  definition: definition("vjp(w)"),
  kernels: ["logistic_vjp"],
  dims: { P },
  inputs: { w: normal(1, P), x: normal(1, P), t: bits(), d_out: between(1, 1) },
  outputs: { d_w: [P] },
  target: { loops: 1.5 },
  note: "one call with one sample; without the loss, as the loops do: by gradsmith's vjp, whose d_out is 1",
  loops: ({ w, x, t }, { d_w }) => {
    let z = 0;
    for (let k = 0; k < P; k++) z += (w[k] ?? 0) * (x[k] ?? 0);
    const residual = 1 / (1 + Math.exp(-z)) - (t[0] ?? 0);
    for (let k = 0; k < P; k++) d_w[k] = residual * (x[k] ?? 0);
  },
  tfjs: (tf, { w, x, t }) => {
    const loss = tf.grad((v: typeof w) => {
      const z = v.mul(x).sum();
      return z.softplus().sub(t.mul(z));
    });
    return { run: () => ({ d_w: loss(w) }) };
  },
  jax:
    ({ grad, nn }) =>
    ({ w, x, t, d_out }) => {
      type A = typeof w;
      d_out.dispose();
      const loss = (v: A, x_: A, t_: A): A => {
        const z = v.mul(x_).sum();
        return nn.softplus(z.ref).sub(t_.mul(z));
      };
      return { d_w: grad(loss)(w, x, t) };
    },
  mathjs: (math, { w, x, t }) => {
    const parts = places.map((k) => math.derivative(LOSS, `w${k}`).compile());
    const pairs = places.flatMap((k): [string, number][] => [
      [`w${k}`, w[k] ?? 0],
      [`x${k}`, x[k] ?? 0],
    ]);
    const scope = { ...Object.fromEntries(pairs), t: t[0] ?? 0 };
    return () => ({ d_w: parts.map((part) => Number(part.evaluate(scope))) });
  },
});

export const hessian = workload({
  name: "logistic_hessian",
  title: "6-parameter logistic loss: gradient + full Hessian",
  definition: definition("grad(w), hessian(w)"),
  kernels: ["logistic_hessian"],
  dims: { P },
  inputs: { w: normal(1, P), x: normal(1, P), t: bits() },
  outputs: { d_w: [P], h_w_w: [P, P] },
  stored: { h_w_w_left: [P], h_w_w_right: [P] },
  target: { loops: 3 },
  note: "one call with one sample; gradsmith gives the two factors of the Hessian, which is of rank one, the others its 36 entries",
  loops: ({ w, x, t }, { d_w, h_w_w }) => {
    let z = 0;
    for (let k = 0; k < P; k++) z += (w[k] ?? 0) * (x[k] ?? 0);
    const p = 1 / (1 + Math.exp(-z));
    const residual = p - (t[0] ?? 0);
    for (let k = 0; k < P; k++) {
      d_w[k] = residual * (x[k] ?? 0);
      for (let l = 0; l < P; l++) h_w_w[k * P + l] = p * (1 - p) * (x[k] ?? 0) * (x[l] ?? 0);
    }
  },
  tfjs: (tf, { w, x, t }) => {
    const loss = (v: typeof w): typeof w => {
      const z = v.mul(x).sum();
      return z.softplus().sub(t.mul(z));
    };
    const slope = tf.grad(loss);
    const rows = places.map((k) => tf.grad((v: typeof w) => slope(v).slice([k], [1]).sum()));
    return {
      run: () => ({
        d_w: slope(w),
        h_w_w: tf.stack(rows.map((row) => row(w))),
      }),
    };
  },
  jax:
    ({ grad, hessian: hessianOf, nn }) =>
    ({ w, x, t }) => {
      type A = typeof w;
      const loss = (v: A): A => {
        const z = v.mul(x.ref).sum();
        return nn.softplus(z.ref).sub(t.ref.mul(z));
      };
      const [d_w, h_w_w] = [grad(loss)(w.ref), hessianOf(loss)(w)];
      x.dispose();
      t.dispose();
      return { d_w, h_w_w };
    },
  mathjs: (math, { w, x, t }) => {
    const slopes = places.map((k) => math.derivative(LOSS, `w${k}`, { simplify: false }));
    const parts = slopes.map((slope) => slope.compile());
    const second = slopes.map((slope) =>
      places.map((l) => math.derivative(slope, `w${l}`, { simplify: false }).compile()),
    );
    const pairs = places.flatMap((k): [string, number][] => [
      [`w${k}`, w[k] ?? 0],
      [`x${k}`, x[k] ?? 0],
    ]);
    const scope = { ...Object.fromEntries(pairs), t: t[0] ?? 0 };
    return () => ({
      d_w: parts.map((part) => Number(part.evaluate(scope))),
      h_w_w: second.flatMap((row) => row.map((part) => Number(part.evaluate(scope)))),
    });
  },
});
