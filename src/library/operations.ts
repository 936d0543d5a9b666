/**
 * The definitions of each file, in its order. The specs are tables typed by these names, so that one without a spec does
 * not compile; that the names are those of the files is checked where the library is built.
 */
export const OPERATIONS = {
  activations: [
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "sigmoid", "log_sigmoid", "tanh", "softplus",
    "swish", "mish", "gelu", "gelu_tanh", "hard_sigmoid", "hard_swish", "hard_tanh", "softmax",
    "log_softmax",
  ],
  arithmetic: [
    "add", "subtract", "multiply", "divide", "floor_divide", "modulo", "power", "negate", "abs", "sign",
    "clip", "maximum", "minimum",
  ],
  mathematics: [
    "exp", "expm1", "log", "log2", "log10", "log1p", "square", "sqrt", "rsqrt", "reciprocal", "hypot",
    "erf", "sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "atan2", "asec", "acsc",
    "acot", "sinh", "cosh", "sech", "csch", "coth", "asinh", "acosh", "atanh", "asech", "acsch", "acoth",
  ],
  reductions: [
    "sum", "mean", "prod", "max", "min", "variance", "std", "norm", "logsumexp", "cumsum", "percentile",
    "median",
  ],
  matrix: [
    "matmul", "batched_matmul", "matvec", "vecmat", "dot", "outer", "transpose",
  ],
  losses: [
    "mse", "mae", "bce", "bce_with_logits", "cross_entropy", "cross_entropy_labels", "nll", "kl_divergence",
    "hinge", "focal", "focal_with_logits", "huber", "smooth_l1", "cosine_similarity_loss", "log_cosh",
    "quantile_loss", "poisson_nll", "gaussian_nll", "triplet_margin", "dice",
  ],
  layers: [
    "linear", "linear_no_bias", "embedding", "conv2d", "conv2d_no_bias", "depthwise_conv2d",
    "depthwise_separable_conv2d", "maxpool2d", "avgpool2d", "global_avgpool2d", "batch_norm2d",
    "batch_norm2d_inference", "layer_norm", "rms_norm", "group_norm", "instance_norm", "dropout",
    "dropout2d", "attention", "attention_causal", "attention_masked", "multi_head_attention", "flatten",
    "concat",
  ],
} as const; // prettier-ignore

export type Category = keyof typeof OPERATIONS;

export type OperationName<C extends Category = Category> = (typeof OPERATIONS)[C][number];
