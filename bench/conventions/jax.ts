/** The rows of the conventions as one writes them with jax-js; what it has no function for is left out. */
import type { Jax, JaxArray } from "../peers.ts";
import type { ByRow } from "./page.ts";

type Inputs = Readonly<Record<"x" | "y" | "index", JaxArray>>;

/** Functions consume what they are given: `ref` where it is used again. */
export const JAX_JS = ({ lax, nn, numpy: np }: Jax): ByRow<(inputs: Inputs) => JaxArray> => ({
  "relu at 0": ({ x }) => nn.relu(x).sum(),
  "relu6 at 0 and 6": ({ x }) => nn.relu6(x).sum(),
  "leaky_relu and prelu at 0": ({ x }) => nn.leakyRelu(x.ref, 0.25).sum().add(nn.leakyRelu(x, 0.5).sum()),
  "abs at 0": ({ x }) => np.abs(x).sum(),
  "sign at 0": ({ x }) => np.sign(x).sum(),
  "floor, ceil, trunc at whole numbers": ({ x }) =>
    np.floor(x.ref).add(np.ceil(x.ref).mul(10)).add(np.trunc(x).mul(100)).sum(),
  "round at a half": ({ x }) => x.ref.mul(np.round(x)).sum(),
  "clip at its bounds": ({ x }) => np.clip(x, -1, 1).sum(),
  "hard_tanh at its bounds": ({ x }) => nn.hardTanh(x).sum(),
  "hard_sigmoid at -3 and 3": ({ x }) => nn.hardSigmoid(x).sum().mul(6),
  "hinge at its margin": ({ x, y }) => np.maximum(np.subtract(1, x.mul(y)), 0).mean(),
  floor_divide: ({ x, y }) => np.floorDivide(x, y).sum(),
  modulo: ({ x, y }) => np.remainder(x, y).sum(),
  "maximum at a tie": ({ x, y }) => np.maximum(x, y).sum(),
  "minimum at a tie": ({ x, y }) => np.minimum(x, y).sum(),
  "max at ties": ({ x }) => np.max(x),
  "min at ties": ({ x }) => np.min(x),
  "max over an axis at ties": ({ x }) => np.max(x, 1).sum(),
  "max pooling at ties": ({ x }) =>
    lax.reduceWindow(x, (window: JaxArray) => np.max(window), [2, 2], [2, 2]).sum(),
  "median and percentile at ties": ({ x }) => np.sort(x).slice(1),
  "a whole power of 0": ({ x }) =>
    np.power(x.ref, 2).sum().add(np.power(x.ref, 1).sum()).add(np.power(x, 3).sum()),
  "0 to a variable power": ({ x, y }) => np.power(x, y).sum(),
  "0 to the 0": ({ x, y }) => np.power(x, y).sum(),
  "a negative base": ({ x, y }) => np.power(x, y).sum(),
  "prod with one zero": ({ x }) => np.prod(x),
  "prod with two zeros": ({ x }) => np.prod(x),
  "norm at the zero vector": ({ x }) => np.linalg.norm(x),
  "hypot at the origin": ({ x, y }) => np.hypot(x, y).sum(),
  "sqrt at 0": ({ x }) => np.sqrt(x).sum(),
  "log at 0": ({ x }) => np.log(x).sum(),
  "one over 0": ({ x }) => np.reciprocal(x).sum(),
  "a branch not taken": ({ x }) =>
    np.where(np.greater(x.ref, 0), np.log(x.ref).add(np.sqrt(x.ref)).add(np.reciprocal(x)), 0).sum(),
  "the variance of equal numbers": ({ x }) => np.var_(x),
  "sum of nothing": ({ x }) => np.sum(x),
  "prod of nothing": ({ x }) => np.prod(x),
  "max of nothing": ({ x }) => np.max(x),
  "min of nothing": ({ x }) => np.min(x),
  "mean of nothing": ({ x }) => np.mean(x),
  "logsumexp of nothing": ({ x }) => nn.logsumexp(x),
  "NaN where the value depends on it": ({ x }) => np.max(x.ref).add(np.maximum(x, 0).sum()),
  "NaN where the value does not depend on it": ({ x, y }) =>
    np.where(np.greater(y.ref, 0), x.mul(y.ref), y).sum(),
  "relu of NaN": ({ x }) => nn.relu(x).sum(),
  "logsumexp of large numbers": ({ x }) => nn.logsumexp(x),
  "logsumexp with -∞": ({ x }) => nn.logsumexp(x),
  "softplus of large numbers": ({ x }) => nn.softplus(x).sum(),
  "softmax with -∞": ({ x, y }) => nn.softmax(x).mul(y).sum(),
  "softmax with ∞": ({ x, y }) => nn.softmax(x).mul(y).sum(),
  "swish at -∞": ({ x }) => nn.silu(x).sum(),
  "gelu at -∞": ({ x }) => nn.gelu(x).sum(),
  "a row that is read twice": ({ x, index }) => np.take(x, index.astype(np.int32), 0).sum(),
});
