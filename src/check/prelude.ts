/** Functions that every file knows, written in the language; a file's own function of the same name comes first. */
import type { Source } from "../diagnostics/index.ts";

/** Formulas that lose no digits where the result has them; the primitives are in builtins.ts. */
const TEXT = `
/// The square.
fn square(x) { return x^2 }

/// One over x.
fn reciprocal(x) { return 1 / x }

/// One over the square root.
fn rsqrt(x) { return x^(-1/2) }

/// The logarithm to base 2.
fn log2(x) { return log(x) / log(2) }

/// The logarithm to base 10.
fn log10(x) { return log(x) / log(10) }

/// Two to the power of x.
fn exp2(x) { return 2^x }

/// The logarithm of the odds; where they are even, log p and log(1 - p) would cancel.
fn logit(p) { return abs(p - 0.5) < 0.25 ? 2 * atanh(2 * p - 1) : log(p) - log1p(-p) }

/// log(sigmoid(x)); for very negative x this is x itself, where sigmoid(x) is 0.
fn log_sigmoid(x) { return -softplus(-x) }

/// x log(y), which is 0 where both are 0, with gradient 0.
fn xlogy(x, y) { return x == 0 && y == 0 ? 0 : x * log(y) }

/// x kept within [low, high]; at the bounds the gradient passes.
fn clip(x, low, high) { return x < low ? low : x > high ? high : x }

fn sec(x) { return 1 / cos(x) }
fn csc(x) { return 1 / sin(x) }
fn cot(x) { return 1 / tan(x) }
fn asec(x) { return acos(1 / x) }
fn acsc(x) { return asin(1 / x) }
fn acot(x) { return atan(1 / x) }
fn sech(x) { return 1 / cosh(x) }
fn csch(x) { return 1 / sinh(x) }
fn coth(x) { return 1 / tanh(x) }
fn asech(x) { return acosh(1 / x) }
fn acsch(x) { return asinh(1 / x) }
fn acoth(x) { return atanh(1 / x) }

/// The mean squared distance from the mean, of all elements.
fn variance(x: [...]) {
  center = mean(x)
  return mean((x - center)^2)
}

/// The root of the variance.
fn std(x: [...]) { return sqrt(variance(x)) }

/// The Euclidean norm of all elements; its gradient at zero is zero.
fn norm(x: [...]) {
  squares = sum[...](x[...]^2)
  return squares == 0 ? 0 : sqrt(squares)
}

/// The logarithm of the sum of exponentials of all elements; the shift only keeps exp from overflowing, and is finite.
fn logsumexp(x: [...]) {
  largest = max(x)
  shift = stop_gradient(abs(largest) < inf ? largest : 0)
  return shift + log(sum(exp(x - shift)))
}

/// Exponentials over the last dimension, scaled to add up to one.
fn softmax(x: [..., C]) {
  shift[...] = stop_gradient(max[c](x[..., c]))
  e[..., c] = exp(x[..., c] - shift[...])
  y[..., c] = e[..., c] / sum[k](e[..., k])
  return y
}

/// The logarithm of softmax, over the last dimension.
fn log_softmax(x: [..., C]) {
  shift[...] = stop_gradient(max[c](x[..., c]))
  d[..., c] = x[..., c] - shift[...]
  y[..., c] = d[..., c] - log(sum[k](exp(x[..., k] - shift[...])))
  return y
}
`;

export const preludeSource: Source = { name: "prelude.grad", text: TEXT };
