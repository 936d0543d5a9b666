/** The rows of the conventions as one writes them with TensorFlow.js; what it has no function for is left out. */
import type { Tensor, TensorFlow } from "../peers.ts";
import type { ByRow } from "./page.ts";

type Inputs = Readonly<Record<"x" | "y" | "index", Tensor>>;

/** Comparisons have no gradient there, not even 0: a condition is made of values that are not differentiated. */
const fixed = (tf: TensorFlow, tensor: Tensor): Tensor => tf.tensor(tensor.dataSync(), tensor.shape);

export const TENSORFLOW = (tf: TensorFlow): ByRow<(inputs: Inputs) => Tensor> => ({
  "relu at 0": ({ x }) => x.relu().sum(),
  "relu6 at 0 and 6": ({ x }) => tf.relu6(x).sum(),
  "leaky_relu and prelu at 0": ({ x }) =>
    tf
      .leakyRelu(x, 0.25)
      .sum()
      .add(tf.prelu(x, tf.scalar(0.5)).sum()),
  "abs at 0": ({ x }) => x.abs().sum(),
  "sign at 0": ({ x }) => x.sign().sum(),
  "round at a half": ({ x }) => x.mul(tf.round(x)).sum(),
  "clip at its bounds": ({ x }) => x.clipByValue(-1, 1).sum(),
  "huber at delta": ({ x, y }) => tf.losses.huberLoss(y, x, undefined, 1),
  "hinge at its margin": ({ x, y }) => tf.maximum(tf.sub(1, x.mul(y)), 0).mean(),
  floor_divide: ({ x, y }) => tf.floorDiv(x, y).sum(),
  modulo: ({ x, y }) => tf.mod(x, y).sum(),
  "maximum at a tie": ({ x, y }) => tf.maximum(x, y).sum(),
  "minimum at a tie": ({ x, y }) => tf.minimum(x, y).sum(),
  "max at ties": ({ x }) => x.max(),
  "min at ties": ({ x }) => x.min(),
  "max over an axis at ties": ({ x }) => x.max(1).sum(),
  "max pooling at ties": ({ x }) => tf.maxPool(x.as4D(1, 2, 4, 1), 2, 2, "valid").sum(),
  "a whole power of 0": ({ x }) => x.pow(2).sum().add(x.pow(1).sum()).add(x.pow(3).sum()),
  "0 to a variable power": ({ x, y }) => x.pow(y).sum(),
  "0 to the 0": ({ x, y }) => x.pow(y).sum(),
  "a negative base": ({ x, y }) => x.pow(y).sum(),
  "prod with one zero": ({ x }) => x.prod(),
  "prod with two zeros": ({ x }) => x.prod(),
  "norm at the zero vector": ({ x }) => x.norm(),
  "sqrt at 0": ({ x }) => x.sqrt().sum(),
  "log at 0": ({ x }) => x.log().sum(),
  "one over 0": ({ x }) => x.reciprocal().sum(),
  "a branch not taken": ({ x }) =>
    tf.where(fixed(tf, x).greater(0), x.log().add(x.sqrt()).add(x.reciprocal()), tf.zerosLike(x)).sum(),
  "the variance of equal numbers": ({ x }) => tf.moments(x).variance,
  "sum of nothing": ({ x }) => x.sum(),
  "prod of nothing": ({ x }) => x.prod(),
  "max of nothing": ({ x }) => x.max(),
  "min of nothing": ({ x }) => x.min(),
  "mean of nothing": ({ x }) => x.mean(),
  "logsumexp of nothing": ({ x }) => x.logSumExp(),
  "NaN where the value depends on it": ({ x }) => x.max().add(tf.maximum(x, 0).sum()),
  "NaN where the value does not depend on it": ({ x, y }) =>
    tf.where(fixed(tf, y).greater(0), x.mul(y), y).sum(),
  "relu of NaN": ({ x }) => x.relu().sum(),
  "logsumexp of large numbers": ({ x }) => x.logSumExp(),
  "logsumexp with -∞": ({ x }) => x.logSumExp(),
  "softplus of large numbers": ({ x }) => x.softplus().sum(),
  "softmax with -∞": ({ x, y }) => x.softmax().mul(y).sum(),
  "softmax with ∞": ({ x, y }) => x.softmax().mul(y).sum(),
  "swish at -∞": ({ x }) => x.mul(x.sigmoid()).sum(),
  "a row that is read twice": ({ x, index }) => tf.gather(x, index.toInt()).sum(),
});
