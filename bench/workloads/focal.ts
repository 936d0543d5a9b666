import { bits, normal, workload } from "../workload.ts";

const N = 262_144;

export const focal = workload({
  name: "focal",
  title: "binary focal loss + gradient, 262,144",
  definition: `
    import { focal_with_logits } from "../../src/library/losses.grad"
    fn loss(logits: [N], target: [N]) { return focal_with_logits(logits, target) }
    derive loss { grad(logits) }`,
  kernels: ["loss_grad"],
  inputs: { logits: normal(2, N), target: bits(N) },
  outputs: { out: [], d_logits: [N] },
  target: { jax: 15, tfjs: 15 },
  loops: ({ logits, target }, { out, d_logits }) => {
    let sum = 0;
    for (let i = 0; i < logits.length; i++) {
      const [x, t] = [logits[i] ?? 0, target[i] ?? 0];
      const e = Math.exp(-Math.abs(x));
      const p = x < 0 ? e / (1 + e) : 1 / (1 + e);
      const ce = Math.max(x, 0) - x * t + Math.log1p(e);
      const miss = p + t - 2 * p * t;
      const weight = 0.75 - 0.5 * t;
      sum += weight * miss * miss * ce;
      const slope = (1 - 2 * t) * p * (1 - p);
      d_logits[i] = (weight * miss * (miss * (p - t) + 2 * ce * slope)) / logits.length;
    }
    out[0] = sum / logits.length;
  },
  tfjs: (tf, { logits, target }) => {
    const loss = tf.valueAndGrad((x: typeof logits) => {
      const p = x.sigmoid();
      const ce = x.softplus().sub(target.mul(x));
      const pt = target.mul(p).add(tf.sub(1, target).mul(tf.sub(1, p)));
      const weight = target.mul(0.25).add(tf.sub(1, target).mul(0.75));
      return weight.mul(tf.sub(1, pt).square()).mul(ce).mean();
    });
    return {
      run: () => {
        const { value, grad } = loss(logits);
        return { out: value, d_logits: grad };
      },
    };
  },
  jax:
    ({ valueAndGrad, nn, numpy }) =>
    ({ logits, target }) => {
      const [out, d_logits] = valueAndGrad((x: typeof logits, t: typeof target) => {
        const p = nn.sigmoid(x.ref);
        const ce = nn.softplus(x.ref).sub(t.ref.mul(x));
        const pt = t.ref.mul(p.ref).add(numpy.subtract(1, t.ref).mul(numpy.subtract(1, p)));
        const weight = t.ref.mul(0.25).add(numpy.subtract(1, t).mul(0.75));
        return weight
          .mul(numpy.square(numpy.subtract(1, pt)))
          .mul(ce)
          .mean();
      })(logits, target);
      return { out, d_logits };
    },
  vectorised: {
    file: "kernels.wasm",
    run: (kernels, at) => kernels["focal"]?.(at.logits, at.target, at.d_logits, N),
  },
});
