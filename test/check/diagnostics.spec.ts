import { describe, expect, it } from "vitest";
import { check, errorsOf, pointedAt, warningsOf } from "./compile.ts";

interface Case {
  readonly text: string;
  readonly code: string;
  /** The text under the caret. */
  readonly at: string;
  readonly message: string;
  readonly hint: string;
  /** The texts that notes point at. */
  readonly related?: readonly string[];
}

const NAMES: readonly Case[] = [
  {
    text: "fn f(logits: [N]) { p = sigmoid(logitss) return p }",
    code: "GS0201",
    at: "logitss",
    message: "there is no `logitss` here",
    hint: "did you mean logits?",
  },
  {
    text: "fn f(x: [N]) { return x + sigmoid }",
    code: "GS0201",
    at: "sigmoid",
    message: "there is no `sigmoid` here",
    hint: "`sigmoid` is a function: call it, as sigmoid(x)",
  },
  {
    text: "fn f(x: [N]) { return x + q }",
    code: "GS0201",
    at: "q",
    message: "there is no `q` here",
    hint: "known here: N, x",
  },
  {
    text: "fn f(x: [N]) { return sigmiod(x) }",
    code: "GS0202",
    at: "sigmiod",
    message: "there is no function `sigmiod`",
    hint: "did you mean sigmoid?",
  },
  {
    text: "fn f(x: [N]) { return logsunexp[n](x[n]) }",
    code: "GS0202",
    at: "logsunexp",
    message: "there is no function `logsunexp`",
    hint: "did you mean logsumexp?",
  },
  {
    text: "fn f(x: [N]) { return x(3) }",
    code: "GS0202",
    at: "x",
    message: "there is no function `x`",
    hint: "`x` is a parameter; to read an element write x[…], to multiply write x * (…)",
  },
  {
    text: "fn f(x: [N]) { return x }\nfn f(y: [N]) { return y }",
    code: "GS0203",
    at: "f",
    message: "function `f` is defined twice",
    hint: "give one of the two another name",
    related: ["f"],
  },
  {
    text: "fn f(x: [N]) { y = x  y = 2 * x return y }",
    code: "GS0203",
    at: "y",
    message: "`y` is a definition already",
    hint: "give one of the two another name",
    related: ["y"],
  },
  {
    text: "fn f(x: [N]) { y[N < 3] = 1 return y }",
    code: "GS0203",
    at: "N",
    message: "`N` is a dimension already",
    hint: "give one of the two another name",
    related: ["N"],
  },
  {
    text: "fn f(x: [N]) { y[n] = sum[n](x[n]) return y }",
    code: "GS0203",
    at: "n",
    message: "`n` is an index already",
    hint: "give one of the two another name",
    related: ["n"],
  },
  {
    text: "fn g(x; alpha = 1) { return x * alpha } fn f(x: [N]) { return g(x; alpah = 2) }",
    code: "GS0204",
    at: "alpah",
    message: "`g` has no option `alpah`",
    hint: "did you mean alpha?",
  },
  {
    text: "fn g(x; s) { return x * s } fn f(x: [N]) { return g(x) }",
    code: "GS0204",
    at: "g(x)",
    message: "option `s` of `g` has no default, and is not given",
    hint: "write g(…; s = …)",
  },
  {
    text: "fn f(x: [N]) { return sum(x; axis = 1) }",
    code: "GS0204",
    at: "axis",
    message: "`sum` has no option `axis`",
    hint: "sum has no options",
  },
  {
    text: "fn g(x: [N], y: [N]; a = 1) { return x * y * a } fn f(x: [N]) { return g(x) }",
    code: "GS0205",
    at: "g(x)",
    message: "`g` takes 2 arguments, and is given 1",
    hint: "g(x: [N], y: [N]; a = 1)",
  },
  {
    text: "fn f(x: [N]) { return max(x, 0) }",
    code: "GS0205",
    at: "max(x, 0)",
    message: "`max` takes 1 argument, and is given 2",
    hint: "the larger or smaller of two is maximum(a, b)",
  },
  {
    text: "fn f(x: [N]) { return exp(x, 2) }",
    code: "GS0205",
    at: "exp(x, 2)",
    message: "`exp` takes 1 argument, and is given 2",
    hint: "exp(x)",
  },
  {
    text: 'import { a } from "./b.grad"\nfn f(x: [N]) { return x }',
    code: "GS0206",
    at: '"./b.grad"',
    message: 'there is no file "./b.grad"',
    hint: "write the path from the importing file, for example ./losses.grad",
  },
  {
    text: "fn g(x: [N]) { return f(x) } fn f(x: [N]) { return g(x) }",
    code: "GS0208",
    at: "g",
    message: "`g` calls itself: g → f → g",
    hint: "write the repetition as a reduction over an index, or as a recurrence",
  },
  {
    text: "fn f(x: [N]) { y = x }",
    code: "GS0209",
    at: "f",
    message: "function `f` returns nothing",
    hint: "end the function with: return y",
  },
  {
    text: "fn f(x: [N]) { y = z + 1  z = x return y }",
    code: "GS0211",
    at: "z",
    message: "`z` is used before its definition",
    hint: "move the definition above its first use",
    related: ["z"],
  },
];

const SHAPES: readonly Case[] = [
  {
    text: "fn f(a: [N], b: [N]) { return a[i] * b }",
    code: "GS0201",
    at: "i",
    message: "there is no index `i` here",
    hint: "bind it on the left, as in y[i] = …, or in a reduction, as in sum[i](…)",
  },
  {
    text: "fn f(x: [N, C], w: [K]) { return x * w }",
    code: "GS0301",
    at: "w",
    message: "shapes [N, C] and [K] do not combine",
    hint: "give equal dimensions one name, and write 1 for a dimension that is repeated: one that is 1 only at run time is not repeated",
    related: ["[N, C]", "[K]"],
  },
  {
    text: "fn f(x: [3], y: [4]) { return x + 2 * y }",
    code: "GS0301",
    at: "2 * y",
    message: "shapes [3] and [4] do not combine",
    hint: "reshape one of them with an indexed definition, for example y[i, j] = a[i] * b[j]",
    related: ["[3]", "2 * y"],
  },
  {
    text: "fn g(a: [N], b: [N]) { return a * b } fn f(x: [N], y: [M]) { return g(x, y) }",
    code: "GS0301",
    at: "y",
    message: "`b` of `g` needs dimension N to be N, as in `x`; it is given [M]",
    hint: "call it as g(a, b) with the declared shapes",
    related: ["[N]", "[M]", "[N]"],
  },
  {
    text: "fn g(a: [N, C]) { return a } fn f(x: [N]) { return g(x) }",
    code: "GS0301",
    at: "x",
    message: "`a` of `g` needs 2 dimensions; it is given [N]",
    hint: "call it as g(a) with the declared shapes",
    related: ["[N, C]", "[N]"],
  },
  {
    text: "fn g(a: [N, 2*N]) { return a } fn f(x: [A, B]) { return g(x) }",
    code: "GS0301",
    at: "x",
    message: "`a` of `g` needs shape [A, 2*A]; it is given [A, B]",
    hint: "call it as g(a) with the declared shapes",
    related: ["[N, 2*N]", "[A, B]"],
  },
  {
    text: "fn g(x: [..., C], y: [...]) { return sum(x) * sum(y) } fn f(x: [A, B], y: [B]) { return g(x, y) }",
    code: "GS0301",
    at: "y",
    message: "`y` of `g` needs leading dimensions [A] elsewhere; it is given [B]",
    hint: "call it as g(x, y) with the declared shapes",
    related: ["[...]", "[B]"],
  },
  {
    text: "fn f(x: [N, C]) { y[n] = x[n] return y }",
    code: "GS0302",
    at: "x[n]",
    message: "`x` has shape [N, C], and is read with 1 index",
    hint: "write one index for each dimension of [N, C]",
    related: ["[N, C]"],
  },
  {
    text: "fn f(x: [N], a: []) { y[n] = x[n] * a[n] return y }",
    code: "GS0302",
    at: "a[n]",
    message: "parameter `a` is a single number",
    hint: "use it without indices",
    related: ["[]"],
  },
  {
    text: "fn f(x: [N]) { y[n] = x[n + 1] return y }",
    code: "GS0303",
    at: "n",
    message: "nothing says how far index `n` runs",
    hint: "write n < N: x[n + 1] does not say where n ends, only a read with n alone in one dimension does",
    related: ["x[n + 1]"],
  },
  {
    text: "fn f(x: [N]) { y[n, k] = x[n] return y }",
    code: "GS0303",
    at: "k",
    message: "nothing says how far index `k` runs",
    hint: "write k < extent, or read a tensor with k alone in one dimension, as x[k]",
  },
  {
    text: "fn f(x: [N]) { return sum(sum(x)) }",
    code: "GS0303",
    at: "sum(sum(x))",
    message: "`sum(x)` is a single number: there is nothing to reduce",
    hint: "say over which indices: sum[i](…)",
  },
  {
    text: "fn f(x: [N]) { y[..., n] = x[n] return y }",
    code: "GS0303",
    at: "...",
    message: "`...` stands for no dimensions here",
    hint: "declare a parameter with leading dimensions, for example x: [..., C]",
  },
  {
    text: "fn f(x: [..., N]) { y[n] = x[..., n] return y }",
    code: "GS0303",
    at: "...",
    message: "`...` is not bound here",
    hint: "bind it on the left, as in y[..., c] = x[..., c], or use the array without indices",
  },
  {
    text: "fn f(x: [N, C], w: [K]) { y[n, c] = x[n, c] * w[c] return y }",
    code: "GS0304",
    at: "c",
    message: "index `c` has the ranges C and K",
    hint: "use two indices, or state the range: c < extent",
    related: ["x[n, c]", "w[c]"],
  },
  {
    text: "fn f(x: [N]) { y[n < N] = x[n + 1] return y }",
    code: "GS0305",
    at: "x[n + 1]",
    message: "index `n + 1` reaches N, which is 1 past the last element N - 1 in dimension 1 of `x`",
    hint: "give a value for outside reads: (x[n + 1] ?? 0), or narrow the range of the index",
    related: ["[N]"],
  },
  {
    text: "fn f(x: [N, C]) { y[n, c] = x[n, c] - x[n, c - 2] return y }",
    code: "GS0305",
    at: "x[n, c - 2]",
    message: "index `c - 2` can be as low as -2 in dimension 2 of `x`",
    hint: "give a value for outside reads: (x[n, c - 2] ?? 0), or narrow the range of the index",
    related: ["[N, C]"],
  },
  {
    text: "fn f(x: [N]) { y[n] = x[n] - x[0] return y }",
    code: "GS0305",
    at: "x[0]",
    message: "there is no element `0` where N is 0, in dimension 1 of `x`",
    hint: "give a value for outside reads: (x[0] ?? 0), or narrow the range of the index",
    related: ["[N]"],
  },
  {
    text: "fn f(x: [N]) { return x[3] }",
    code: "GS0305",
    at: "x[3]",
    message: "there is no element `3` where N is at most 3, in dimension 1 of `x`",
    hint: "give a value for outside reads: (x[3] ?? 0), or narrow the range of the index",
    related: ["[N]"],
  },
  {
    text: "fn f(x: [N]; s = 2) { y[n < N] = x[n*s] return y }",
    code: "GS0305",
    at: "x[n*s]",
    message: "index `s*n` reaches s*N - s, which may be past the last element N - 1 in dimension 1 of `x`",
    hint: "give a value for outside reads: (x[n*s] ?? 0), or narrow the range of the index",
    related: ["[N]"],
  },
  {
    text: "fn f(x: [N], i: int[N]) { y[n] = x[i[n] + 1] return y }",
    code: "GS0305",
    at: "x[i[n] + 1]",
    message: "index `i[n] + 1` is computed from data and may lie outside of 0 … N - 1 in dimension 1 of `x`",
    hint: "give a value for outside reads: (x[i[n] + 1] ?? 0), or narrow the range of the index",
    related: ["[N]"],
  },
  {
    text: "fn f(x: [N], k: [N]) { y[n] = x[k[n]] return y }",
    code: "GS0306",
    at: "k[n]",
    message: "`k[n]` is not a whole number",
    hint: "declare `k` as int[…] to use its values as indices",
  },
  {
    text: "fn f(x: [N]) { y[n < N] = x[n/2] return y }",
    code: "GS0306",
    at: "n/2",
    message: "`n/2` is not a whole number",
    hint: "only an extent is divided by /; use // for the whole part of a division",
  },
  {
    text: "fn f(x: [V], k: int[N]) { y[n < N] = x[k[n - 1] ?? 0] return y }",
    code: "GS0306",
    at: "k[n - 1] ?? 0",
    message: "`k[n - 1] ?? 0` is not a whole number",
    hint: "a read that is an index has no default: narrow the range of what it is read at",
  },
  {
    text: "fn f(x: [V], k: int[N]) { y[n < N] = x[k[n - 1]] return y }",
    code: "GS0305",
    at: "k[n - 1]",
    message: "index `n - 1` can be as low as -1 in dimension 1 of `k`",
    hint: "narrow the range of the index, or, in what is no index itself, give a value for outside reads: (k[n - 1] ?? 0)",
    related: ["int[N]"],
  },
  {
    text: "fn f(x: [9]) { y[n < 9 / 2] = x[n] return y }",
    code: "GS0309",
    at: "9 / 2",
    message: "`9 / 2` is 9 / 2, which is not whole",
    hint: "choose numbers of which one divides the other, or use // for the whole part of a division",
  },
  {
    text: "fn f(x: [N]) { y[n < N^32] = x[n % N] return y }",
    code: "GS0306",
    at: "N^32",
    message: "`N^32` is not a whole number",
    hint: "an index is made of whole numbers, dimensions, whole options, indices and reads of int tensors with + - * // %, and extents with /",
  },
  {
    text: "fn g(x: [C]; r = 2) { y[k < C / r^2] = x[k * r^2] return y }\nfn f(x: [18]) { return g(x; r = 2) }",
    code: "GS0309",
    at: "C / r^2",
    message: "`C / r^2` is 9 / 2, which is not whole",
    hint: "choose numbers of which one divides the other, or use // for the whole part of a division",
    related: ["g(x; r = 2)"],
  },
  {
    text: "fn g(x: [C]; groups = 1) { K = C / groups\n y[k < K] = sum[g < groups](x[g*K + k]) return y }\nfn f(x: [10]) { return g(x; groups = 4) }",
    code: "GS0309",
    at: "K",
    message: "`K` is 5 / 2, which is not whole",
    hint: "choose numbers of which one divides the other, or use // for the whole part of a division",
    related: ["g(x; groups = 4)"],
  },
  {
    text: "fn f(x: [N + 1]) { return x }",
    code: "GS0307",
    at: "N",
    message: "dimension `N` cannot be determined from the arguments",
    hint: "use N alone as a dimension of some parameter, or make it an option",
  },
];

const TYPES: readonly Case[] = [
  {
    text: "fn f(x: [N]) { y[n] = x[n] * x return y }",
    code: "GS0401",
    at: "x[n] * x",
    message: "one element is needed, and this has shape [N]",
    hint: "give every array on the right its indices, or define the whole array without indices",
  },
  {
    text: "fn f(t: [V], i: int[N]) { y[n < N] = t[i] return y }",
    code: "GS0401",
    at: "i",
    message: "`i` is an array, and an index is one number",
    hint: "give it indices of its own, for example i[n]",
  },
  {
    text: "fn f(x: [N]) { y = x > 0 return y }",
    code: "GS0401",
    at: "y",
    message: "a condition cannot be returned",
    hint: "write (y ? 1 : 0)",
  },
  {
    text: "fn f(x: [N]) { return x ? 1 : 0 }",
    code: "GS0401",
    at: "x",
    message: "`x` is a number, and a condition is needed",
    hint: "compare it with something: x != 0",
  },
  {
    text: "fn f(x: [N]) { return (x > 0) + 1 }",
    code: "GS0401",
    at: "x > 0",
    message: "`x > 0` is a condition, and a number is needed",
    hint: "write (x > 0 ? 1 : 0)",
  },
  {
    text: "fn f(x: [N]) { return mean(x > 0) }",
    code: "GS0401",
    at: "x > 0",
    message: "`x > 0` is a condition, and a number is needed",
    hint: "write (x > 0 ? 1 : 0)",
  },
  {
    text: "fn f(x: [N]) { y[n] = (x[n] * 2) ?? 0 return y }",
    code: "GS0401",
    at: "x[n] * 2",
    message: "a default belongs to a read",
    hint: "put it next to the read that may fall outside: (x[i - 1] ?? 0)",
  },
  {
    text: "fn g(x: [N], k: int[N]) { y[n] = x[k[n]] return y } fn f(x: [N]) { return g(x, x) }",
    code: "GS0401",
    at: "x",
    message: "`k` of `g` is int, and `x` is not",
    hint: "give an int parameter, declared as int[…]",
    related: ["int[N]"],
  },
  {
    text: "fn f(x: [N]; pad = 0.5) { y[n < N + pad] = x[n] ?? 0 return y }",
    code: "GS0401",
    at: "0.5",
    message: "`pad` is used in an index or an extent, and 0.5 is not a whole number of at least 0",
    hint: "give `pad` a whole default of at least 0",
  },
  {
    text: "fn f(x: [N]; s = 0) { y[n < N] = x[n*s] ?? 0 return y }",
    code: "GS0401",
    at: "0",
    message: "`s` is used in an index or an extent, and 0 is not a whole number of at least 1",
    hint: "give `s` a whole default of at least 1",
  },
  {
    text: "fn f(x: [N]; s = N) { return x * s }",
    code: "GS0201",
    at: "N",
    message: "there is no `N` here",
    hint: "declare it as a parameter or define it above",
  },
  {
    text: "fn g(x: [N]; s = 1) { y[n < N] = x[n*s] ?? 0 return y } fn f(x: [N]) { return g(x; s = 1.5) }",
    code: "GS0401",
    at: "1.5",
    message: "option `s` is a whole number of at least 1",
    hint: "it is used in an index or an extent: give a whole number, a dimension or a whole option",
  },
  {
    text: "fn g(x: [N]) { return x, 2 * x } fn f(x: [N]) { return g(x) }",
    code: "GS0401",
    at: "g(x)",
    message: "`g` returns 2 values, and a call has one",
    hint: "split the function, so that each part returns one value",
  },
  {
    text: "fn f(x: [N]) { return softmax[n](x[n]) }",
    code: "GS0401",
    at: "softmax[n](x[n])",
    message: "`softmax` gives an array, and one number is needed over indices",
    hint: "call softmax(…) with a whole array, or use a function from one vector to a number",
  },
  {
    text: "fn f(x: [N]) { return sum[3](x) }",
    code: "GS0401",
    at: "3",
    message: "an index to reduce over has a name",
    hint: "write sum[i](…) or sum[i < 3](…)",
  },
  {
    text: "fn f(x: [N, N]) { y[i] = sum[j < i](x[i, j]) return y }",
    code: "GS0403",
    at: "i",
    message: "a range that depends on another index or on data is not supported",
    hint: "range over all, and select inside: (j <= i ? x[i, j] : 0)",
  },
  {
    text: "fn f(x: [N]) { h[0] = 1\n return h }",
    code: "GS0308",
    at: "0",
    message: "nothing says what `h` is elsewhere",
    hint: "add a statement for all other places, as h[t] = …",
  },
  {
    text: "fn f(x: [N]) { h[1] = 1\n h[t] = h[t - 1] + x[t]\n return h }",
    code: "GS0308",
    at: "1",
    message: "the places of `h` with a statement of their own are neither its first ones nor its last",
    hint: "start at h[0], h[1], … or, for a recurrence from the end, at the last element",
  },
  {
    text: "fn f(x: [N]) { h[0] = 1\n h[t] = h[t - 2] + x[t]\n return h }",
    code: "GS0305",
    at: "h[t - 2]",
    message: "index `t - 2` can be as low as -1 in dimension 1 of `h`",
    hint: "give a value for outside reads: (h[t - 2] ?? 0), or narrow the range of the index",
    related: ["h"],
  },
  {
    text: "fn f(x: [N, M]) { h[i, j] = x[i, j] + (h[i - 1, j] ?? 0) * (h[i, j - 1] ?? 1)\n return h }",
    code: "GS0308",
    at: "h[i - 1, j]",
    message: "`h[i - 1, j]` is not provably an earlier element than the one that is defined with it",
    hint: "of a grid take the diagonals one by one: with h[d, i] for the element (i, d - i), what was h[i - 1, j] and h[i, j - 1] is h[d - 1, i - 1] and h[d - 1, i]",
  },
  {
    text: "fn f(x: [N]) { h[t] = h[t] + x[t]\n return h }",
    code: "GS0308",
    at: "h[t]",
    message: "`h[t]` is not provably an earlier element than the one that is defined with it",
    hint: "read elements before it along one dimension, as h[t - 1] or h[t - 1 - k], or after it, as h[t + 1], in all statements in the same direction",
  },
  {
    text: "fn f(x: [N]) { h[t] = (h[t - 1] ?? 0) + (h[t + 1] ?? 0) + x[t]\n return h }",
    code: "GS0308",
    at: "h[t + 1]",
    message: "`h[t + 1]` is not provably an earlier element than the one that is defined with it",
    hint: "read elements before it along one dimension, as h[t - 1] or h[t - 1 - k], or after it, as h[t + 1], in all statements in the same direction",
  },
  {
    text: "fn f(x: [N]) { h[t] = (h[N - 1 - t] ?? 0) + x[t]\n return h }",
    code: "GS0308",
    at: "h[N - 1 - t]",
    message: "`h[N - t - 1]` is not provably an earlier element than the one that is defined with it",
    hint: "read elements before it along one dimension, as h[t - 1] or h[t - 1 - k], or after it, as h[t + 1], in all statements in the same direction",
  },
  {
    text: "fn f(x: [N]) { h[0] = 1\n h[0, t] = x[t]\n h[t] = h[t - 1] + x[t]\n return h }",
    code: "GS0308",
    at: "h[0, t] = x[t]",
    message: "the statements of `h` do not agree in their dimensions",
    hint: "give each the same number of indices, and a number in one dimension, the same for all",
  },
  {
    text: "fn f(x: [N]) { h[t] = g[t] + (h[t - 1] ?? 0)\n g[s] = h[s]\n return h }",
    code: "GS0303",
    at: "t",
    message: "nothing says how far index `t` runs",
    hint: "write t < extent, or read a tensor with t alone in one dimension, as x[t]",
  },
  {
    text: "fn f(x: [N]) { h = h + x\n return h }",
    code: "GS0403",
    at: "h",
    message: "`h` is read inside of its own definition",
    hint: "give its elements indices, as h[t] = … h[t - 1] …",
    related: ["h"],
  },
];

const DERIVES: readonly Case[] = [
  {
    text: "fn loss(x: [N]) { return sum(x) } derive los { grad(x) }",
    code: "GS0202",
    at: "los",
    message: "there is no function `los` in this file",
    hint: "did you mean loss?",
  },
  {
    text: "fn f(logits: [N]) { return sum(logits) } derive f { grad(logit) }",
    code: "GS0201",
    at: "logit",
    message: "`f` has no parameter `logit`",
    hint: "did you mean logits?",
  },
  {
    text: "fn f(x: [V], k: int[N]) { return sum[n](x[k[n]]) } derive f { grad(k) }",
    code: "GS0501",
    at: "k",
    message: "`k` is an int tensor",
    hint: "derivatives are taken by float parameters",
    related: ["int[N]"],
  },
  {
    text: "fn f(x: [N]) { return x } derive f { grad(x) }",
    code: "GS0503",
    at: "grad",
    message: "`f` returns an array, and has no gradient",
    hint: "a gradient needs a scalar result; ask for vjp(x) instead",
  },
  {
    text: "fn f(x: [N]) { return sum(x) } derive f { hesian(x) }",
    code: "GS0502",
    at: "hesian",
    message: "`hesian` is not a derivative",
    hint: "did you mean hessian?",
  },
  {
    text: "fn f(x: [N], y: [N]) { return sum(x * y) } derive f { grad(x, y, x) }",
    code: "GS0203",
    at: "x",
    message: "`x` is asked for twice",
    hint: "remove one",
  },
  {
    text: "fn f(x: [N], y: [N]) { return sum(x * y) } derive f { value(x) }",
    code: "GS0205",
    at: "value",
    message: "`value` takes no names, not 1",
    hint: "value(), of all results",
  },
  {
    text: "fn f(x: [N], y: [N]) { return sum(x * y) } derive f { hessian(x, y, x) }",
    code: "GS0205",
    at: "hessian",
    message: "`hessian` takes at most two names, not 3",
    hint: "hessian(x) or hessian(x, y), with one or two parameters",
  },
  {
    text: "fn f(x: [N]) { rate = exp(x) return rate } derive f { jacobian(rates, x) }",
    code: "GS0201",
    at: "rates",
    message: "there is no float result `rates`",
    hint: "did you mean rate?",
  },
  {
    text: "fn f(x: [V], k: int[N]) { return sum[n](x[k[n]]) } derive f { hessian(x, k) }",
    code: "GS0501",
    at: "k",
    message: "`k` is an int tensor",
    hint: "derivatives are taken by float parameters",
    related: ["int[N]"],
  },
];

const verifyCase = ({ text, code, at, message, hint, related }: Case): void => {
  const [error, ...others] = errorsOf(text);
  expect(others).toEqual([]);
  expect(error).toBeDefined();
  if (error === undefined) return;
  const notes = (error.related ?? []).map((each) =>
    each.span.source.text.slice(each.span.start, each.span.end),
  );
  expect({ code: error.code, at: pointedAt(error), message: error.message, hint: error.hint, notes }).toEqual(
    {
      code,
      at,
      message,
      hint,
      notes: related ?? [],
    },
  );
};

describe("errors in names", () => {
  it.each(NAMES)("$code $message", verifyCase);
});

describe("errors in shapes and indices", () => {
  it.each(SHAPES)("$code $message", verifyCase);
});

describe("errors in types and options", () => {
  it.each(TYPES)("$code $message", verifyCase);
});

describe("errors in derive blocks", () => {
  it.each(DERIVES)("$code $message", verifyCase);
});

describe("errors of a file", () => {
  it("are all reported in one run, in the order of the text, and none that follows from another", () => {
    const text = `fn f(x: [N]) {
      a = b + x
      c = a * 2 + unknown(a)
      d[n] = x[n + 1]
      return d + c
    }
    fn g(x: [N]) { return f(x) + nothing }
    fn h(x: [N], y: [M]) { return x + y }`;
    expect(errorsOf(text).map((each) => `${each.code} ${pointedAt(each)}`)).toEqual([
      "GS0201 b",
      "GS0202 unknown",
      "GS0303 n",
      "GS0201 nothing",
      "GS0301 y",
    ]);
  });

  it("bound how deep calls go, and show the calls", () => {
    const chain = Array.from({ length: 400 }, (_, k) => `fn f${k + 1}(x) { return sin(f${k}(x)) }`);
    const errors = errorsOf(`fn f0(x) { return x }\n${chain.join("\n")}`);
    expect(errors.map((each) => each.code)).toEqual(["GS0403"]);
    expect(errors[0]?.related?.[0]?.message).toBe("in this call of `f1`");
    expect(errors[0]?.related?.length).toBeLessThan(10);
  });

  it("stop after a hundred of one function", () => {
    const lines = Array.from({ length: 500 }, (_, k) => `y${k} = missing${k}`);
    const errors = errorsOf(`fn f(x: [N]) {\n${lines.join("\n")}\nreturn x }`);
    expect(errors.length).toBeGreaterThan(90);
    expect(errors.length).toBeLessThan(120);
  });

  it("name an import circle", () => {
    const files = new Map([
      ["a.grad", 'import { b } from "b.grad"\nfn a(x) { return x }'],
      ["b.grad", 'import { a } from "a.grad"\nfn b(x) { return x }'],
    ]);
    const resolve = (name: string): { name: string; text: string } | undefined => {
      const text = files.get(name);
      return text === undefined ? undefined : { name, text };
    };
    const [error] = errorsOf('import { a } from "a.grad"\nfn f(x) { return a(x) }', { resolve });
    expect(error?.code).toBe("GS0207");
    expect(error?.message).toBe("imports form a circle: a.grad → b.grad → a.grad");
  });

  it("reports an unknown name of an imported file with the nearest", () => {
    const resolve = (): { name: string; text: string } => ({
      name: "b.grad",
      text: "fn huber(x) { return x }",
    });
    const [error] = errorsOf('import { hubr } from "b.grad"\nfn f(x) { return x }', { resolve });
    expect([error?.code, error?.hint]).toEqual(["GS0206", "did you mean huber?"]);
  });
});

describe("warnings", () => {
  it("name what is not used", () => {
    const warnings = warningsOf("fn f(x: [N], y: [N]; a = 1, b = 2) { c = x * a  return x }");
    expect(warnings.map((each) => `${each.code} ${each.message}`)).toEqual([
      "GS0210 parameter `y` is not used",
      "GS0210 option `b` is not used",
      "GS0210 definition `c` is not used",
    ]);
  });
});

describe("derive blocks", () => {
  it("are validated requests; without parameters, all that are float", () => {
    const checked = check(`fn f(x: [V], w: [N], k: int[N]) { return sum[n](x[k[n]] * w[n]) }
      derive f { value(), grad(), vjp(w) }`);
    expect(
      checked.ok &&
        checked.value.derives.map(({ name, requests }) => ({
          name,
          requests: requests.map(({ kind, wrt }) => ({ kind, wrt })),
        })),
    ).toEqual([
      {
        name: "f",
        requests: [
          { kind: "value", wrt: [] },
          { kind: "grad", wrt: ["x", "w"] },
          { kind: "vjp", wrt: ["w"] },
        ],
      },
    ]);
  });
});
