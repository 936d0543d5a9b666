import { normal, workload } from "../workload.ts";

const N = 262_144;

export const huber = workload({
  name: "huber",
  title: "Huber + 0.1 log-cosh, loss + gradient, 262,144",
  definition: `
    fn loss(pred: [N], target: [N]) {
      r = pred - target
      a = abs(r)
      huber = a <= 1 ? 0.5 * r^2 : a - 0.5
      log_cosh = a + softplus(-2 * a) - log(2)
      return mean(huber + 0.1 * log_cosh)
    }
    derive loss { grad(pred) }`,
  kernels: ["loss_grad"],
  inputs: { pred: normal(2, N), target: normal(1, N) },
  outputs: { out: [], d_pred: [N] },
  target: { jax: 15, tfjs: 15 },
  loops: ({ pred, target }, { out, d_pred }) => {
    let sum = 0;
    for (let i = 0; i < pred.length; i++) {
      const r = (pred[i] ?? 0) - (target[i] ?? 0);
      const a = Math.abs(r);
      sum += a <= 1 ? 0.5 * r * r : a - 0.5;
      sum += 0.1 * (a + Math.log1p(Math.exp(-2 * a)) - Math.LN2);
      d_pred[i] = (Math.max(-1, Math.min(1, r)) + 0.1 * Math.tanh(r)) / pred.length;
    }
    out[0] = sum / pred.length;
  },
  tfjs: (tf, { pred, target }) => {
    const loss = tf.valueAndGrad((x: typeof pred) => {
      const r = x.sub(target);
      const a = r.abs();
      const inner = tf.minimum(a, 1);
      const huber = inner.mul(a.sub(inner.mul(0.5)));
      const logCosh = a.add(a.mul(-2).softplus()).sub(Math.LN2);
      return huber.add(logCosh.mul(0.1)).mean();
    });
    return {
      run: () => {
        const { value, grad } = loss(pred);
        return { out: value, d_pred: grad };
      },
    };
  },
  jax:
    ({ valueAndGrad, nn, numpy }) =>
    ({ pred, target }) => {
      const [out, d_pred] = valueAndGrad((x: typeof pred, t: typeof target) => {
        const r = x.sub(t);
        const a = numpy.abs(r.ref);
        const quadratic = numpy.square(r).mul(0.5);
        const huber = numpy.where(numpy.lessEqual(a.ref, 1), quadratic, a.ref.sub(0.5));
        const logCosh = a.ref.add(nn.softplus(a.mul(-2))).sub(Math.LN2);
        return huber.add(logCosh.mul(0.1)).mean();
      })(pred, target);
      return { out, d_pred };
    },
  vectorised: {
    file: "kernels.wasm",
    run: ({ huber_logcosh }, at) => huber_logcosh?.(at.pred, at.target, at.d_pred, N),
  },
});
