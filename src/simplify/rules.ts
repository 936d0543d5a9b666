/**
 * The table of node rules: what is rewritten to what, where, and how far it holds. `ieee` rules hold for every float,
 * infinities and NaN included (a NaN stays a NaN; the sign of zero is not kept); `real` rules hold for real numbers of
 * their domain, up to rounding. Every row is tested by itself at random points of its domain.
 */
import type { Arena, Node } from "../ir/index.ts";
import {
  call, call2, choose, instantiate, less, match, minus, number, plus, plusRest, raised, REST, times, timesRest, variable, type Pattern,
} from "./pattern.ts"; // prettier-ignore

export type Soundness = "ieee" | "real";

/**
 * `stability`: the right side is more accurate or defined where the left side is not, so it applies to a user's formula too;
 * `algebra`: it is cheaper, or brings together what cancels.
 */
export type Purpose = "stability" | "algebra";

export interface Rule {
  readonly name: string;
  readonly from: Pattern;
  readonly to: Pattern;
  readonly soundness: Soundness;
  readonly purpose: Purpose;
  /** The intervals that the variables are drawn from in its test, which are those where both sides are defined. */
  readonly domain: Readonly<Record<string, readonly [number, number]>>;
  /**
   * Values with other users: the rule would compute them twice, so it applies only where they have none. A user's formula is made
   * stable all the same: digits come before operations.
   */
  readonly unshared?: readonly Pattern[];
}

const x = variable("x");
const y = variable("y");
const t = variable("t");
const one = number(1);

const REAL_LINE = { x: [-4, 4] } as const;
const POSITIVE = { x: [0.05, 6] } as const;
const BOTH = { x: [-4, 4], y: [-4, 4] } as const;

const exp = (a: Pattern): Pattern => call("exp", a);
const log = (a: Pattern): Pattern => call("log", a);
const sigmoid = (a: Pattern): Pattern => call("sigmoid", a);
const softplus = (a: Pattern): Pattern => call("softplus", a);
const abs = (a: Pattern): Pattern => call("abs", a);
const less0 = less(x, number(0));
const mishNumerator = times(sigmoid(x), plus(number(2), minus(sigmoid(x))));

const STABILITY: readonly Rule[] = [
  {
    name: "log(1 + exp(x)) is softplus(x)",
    from: log(plus(one, exp(x))),
    to: softplus(x),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "log1p(exp(x)) is softplus(x)",
    from: call("log1p", exp(x)),
    to: softplus(x),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "log(1 - sigmoid(x)) is -softplus(x)",
    from: log(plus(one, minus(sigmoid(x)))),
    to: minus(softplus(x)),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "log1p(-sigmoid(x)) is -softplus(x)",
    from: call("log1p", minus(sigmoid(x))),
    to: minus(softplus(x)),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "log(sigmoid(x)) is -softplus(-x)",
    from: log(sigmoid(x)),
    to: minus(softplus(minus(x))),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "log(c ? sigmoid(x) : y) is c ? -softplus(-x) : log(y)",
    from: log(choose(variable("c"), sigmoid(x), y)),
    to: choose(variable("c"), minus(softplus(minus(x))), log(y)),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], y: [0.05, 6], c: [0, 1] },
  },
  {
    name: "log(c ? y : sigmoid(x)) is c ? log(y) : -softplus(-x)",
    from: log(choose(variable("c"), y, sigmoid(x))),
    to: choose(variable("c"), log(y), minus(softplus(minus(x)))),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], y: [0.05, 6], c: [0, 1] },
  },
  {
    name: "1 - (c ? sigmoid(x) : sigmoid(y)) is c ? sigmoid(-x) : sigmoid(-y)",
    from: plusRest(one, minus(choose(variable("c"), sigmoid(x), sigmoid(y)))),
    to: plus(choose(variable("c"), sigmoid(minus(x)), sigmoid(minus(y))), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], y: [-4, 4], c: [0, 1], "…": [-2, 2] },
    unshared: [sigmoid(x), sigmoid(y)],
  },
  {
    name: "log(exp(x) + exp(y)) is shifted by the larger",
    from: log(plus(exp(x), exp(y))),
    to: plus(call2("max", x, y), softplus(minus(abs(plus(x, minus(y)))))),
    soundness: "real",
    purpose: "stability",
    domain: BOTH,
  },
  {
    name: "log(1 + x) is log1p(x)",
    from: log(plusRest(one)),
    to: call("log1p", REST),
    soundness: "real",
    purpose: "stability",
    domain: { "…": [-0.9, 5] },
  },
  {
    name: "exp(x) - 1 is expm1(x)",
    from: plusRest(number(-1), exp(x)),
    to: plus(call("expm1", x), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [exp(x)],
  },
  {
    name: "1 - exp(x) is -expm1(x)",
    from: plusRest(one, minus(exp(x))),
    to: plus(minus(call("expm1", x)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [exp(x)],
  },
  {
    name: "1 / (1 + exp(x)) is sigmoid(-x)",
    from: raised(plus(one, exp(x)), -1),
    to: sigmoid(minus(x)),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "1 / (1 + exp(x))^2 is sigmoid(-x)^2",
    from: raised(plus(one, exp(x)), -2),
    to: raised(sigmoid(minus(x)), 2),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "exp(x)·sigmoid(-x) is sigmoid(x)",
    from: timesRest(exp(x), sigmoid(minus(x))),
    to: times(sigmoid(x), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "exp(-x)·sigmoid(x) is sigmoid(-x)",
    from: timesRest(sigmoid(x), exp(minus(x))),
    to: times(sigmoid(minus(x)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [sigmoid(x)],
  },
  {
    name: "exp(-x)·sigmoid(x)^2 is sigmoid(x)·(1 - sigmoid(x))",
    from: timesRest(raised(sigmoid(x), 2), exp(minus(x))),
    to: times(sigmoid(x), plus(one, minus(sigmoid(x))), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "exp(x)·sigmoid(-x)^2 is sigmoid(-x)·(1 - sigmoid(-x))",
    from: timesRest(exp(x), raised(sigmoid(minus(x)), 2)),
    to: times(sigmoid(minus(x)), plus(one, minus(sigmoid(minus(x)))), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "1 - sigmoid(x) is sigmoid(-x)",
    from: plusRest(one, minus(sigmoid(x))),
    to: plus(sigmoid(minus(x)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [sigmoid(x)],
  },
  {
    name: "1 - tanh(x)^2 is 1 / cosh(x)^2",
    from: plusRest(one, minus(raised(call("tanh", x), 2))),
    to: plus(raised(call("cosh", x), -2), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
    unshared: [call("tanh", x)],
  },
  {
    name: "1 + tanh(x) is 2·sigmoid(2x)",
    from: plusRest(one, call("tanh", x)),
    to: plus(times(number(2), sigmoid(times(number(2), x))), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
    unshared: [call("tanh", x)],
  },
  {
    name: "1 - tanh(x) is 2·sigmoid(-2x)",
    from: plusRest(one, minus(call("tanh", x))),
    to: plus(times(number(2), sigmoid(times(number(-2), x))), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
    unshared: [call("tanh", x)],
  },
  {
    name: "1 - cos(x) is 2·sin(x/2)²",
    from: plusRest(one, minus(call("cos", x))),
    to: plus(times(number(2), raised(call("sin", times(number(1, 2), x)), 2)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [call("cos", x)],
  },
  {
    name: "cosh(x) - 1 is 2·sinh(x/2)²",
    from: plusRest(number(-1), call("cosh", x)),
    to: plus(times(number(2), raised(call("sinh", times(number(1, 2), x)), 2)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
    unshared: [call("cosh", x)],
  },
  {
    name: "log(cosh(x)) without overflow, and without 1 + what is small",
    from: log(call("cosh", x)),
    to: choose(
      less(abs(x), one),
      call("log1p", times(number(2), raised(call("sinh", times(number(1, 2), x)), 2))),
      plus(abs(x), softplus(times(number(-2), abs(x))), minus(log(number(2)))),
    ),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    // with s = sigmoid(x) = e^x / (1 + e^x): ((1 + e^x)^2 - 1) / ((1 + e^x)^2 + 1), where no term cancels or overflows
    name: "tanh(softplus(x)) is s(2 - s) / (2 - s(2 - s)) with s = sigmoid(x)",
    from: call("tanh", softplus(x)),
    to: times(mishNumerator, raised(plus(number(2), minus(mishNumerator)), -1)),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "exp(x) - exp(-x) is 2·sinh(x)",
    from: plus(exp(x), minus(exp(minus(x)))),
    to: times(number(2), call("sinh", x)),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3] },
  },
  {
    name: "exp(x) + exp(-x) is 2·cosh(x)",
    from: plus(exp(x), exp(minus(x))),
    to: times(number(2), call("cosh", x)),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3] },
  },
  {
    name: "sinh(x) / cosh(x) is tanh(x)",
    from: timesRest(call("sinh", x), raised(call("cosh", x), -1)),
    to: times(call("tanh", x), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
    unshared: [call("sinh", x), raised(call("cosh", x), -1)],
  },
  {
    name: "sinh(x) / (2·cosh(x)) is tanh(x)/2",
    from: timesRest(call("sinh", x), raised(times(number(2), call("cosh", x)), -1)),
    to: times(number(1, 2), call("tanh", x), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
  },
  {
    name: "sinh(x) / cosh(x)³ is tanh(x) / cosh(x)²",
    from: timesRest(call("sinh", x), raised(call("cosh", x), -3)),
    to: times(call("tanh", x), raised(call("cosh", x), -2), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
  },
  {
    name: "sinh(x) / cosh(x)² is tanh(x) / cosh(x)",
    from: timesRest(call("sinh", x), raised(call("cosh", x), -2)),
    to: times(call("tanh", x), raised(call("cosh", x), -1), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
  },
  {
    name: "cosh(x) / sinh(x)² is 1 / (sinh(x)·tanh(x))",
    from: timesRest(call("cosh", x), raised(call("sinh", x), -2)),
    to: times(raised(times(call("sinh", x), call("tanh", x)), -1), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0.1, 3], "…": [-2, 2] },
  },
  {
    name: "1 / (x²·(y + 1/x²)) is 1 / (1 + x²·y)",
    from: timesRest(raised(x, -2), raised(plus(y, raised(x, -2)), -1)),
    to: times(raised(plus(one, times(raised(x, 2), y)), -1), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0.1, 4], y: [0.1, 4], "…": [-2, 2] },
  },
  {
    name: "1 / (x²·(y + 1/x)) is 1 / (x·(1 + x·y))",
    from: timesRest(raised(x, -2), raised(plus(y, raised(x, -1)), -1)),
    to: times(raised(x, -1), raised(plus(one, times(x, y)), -1), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0.1, 4], y: [0.1, 4], "…": [-2, 2] },
  },
  {
    name: "1 / (x·(y - 1/x)) is 1 / (x·y - 1)",
    from: timesRest(raised(x, -1), raised(plus(y, minus(raised(x, -1))), -1)),
    to: times(raised(plus(number(-1), times(x, y)), -1), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [1.1, 4], y: [1.1, 4], "…": [-2, 2] },
  },
  {
    name: "1 / (x²·hypot(y, 1/x)) is 1 / (|x|·hypot(1, x·y))",
    from: timesRest(raised(x, -2), raised(call2("hypot", y, raised(x, -1)), -1)),
    to: times(raised(times(abs(x), call2("hypot", one, times(x, y))), -1), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0.1, 4], y: [0.1, 4], "…": [-2, 2] },
  },
  {
    name: "1 / (x²·√(1/x - 1)·√(1/x + 1)) is 1 / (√x·√(x·(1 - x))·√(1 + x))",
    from: timesRest(
      raised(x, -2),
      raised(plus(number(-1), raised(x, -1)), -1, 2),
      raised(plus(one, raised(x, -1)), -1, 2),
    ),
    to: times(
      raised(x, -1, 2),
      raised(times(x, plus(one, minus(x))), -1, 2),
      raised(plus(one, x), -1, 2),
      REST,
    ),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0.05, 0.95], "…": [-2, 2] },
  },
  {
    name: "1/x + 1/(1 - x) is 1 / (x·(1 - x))",
    from: plusRest(raised(x, -1), raised(plus(one, minus(x)), -1)),
    to: plus(raised(times(x, plus(one, minus(x))), -1), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0.05, 0.95], "…": [-2, 2] },
  },
  {
    name: "t/x + t/(1 - x) is t / (x·(1 - x))",
    from: plusRest(times(t, raised(x, -1)), times(t, raised(plus(one, minus(x)), -1))),
    to: plus(times(t, raised(times(x, plus(one, minus(x))), -1)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0.05, 0.95], t: [-2, 2], "…": [-2, 2] },
  },
  {
    name: "(exp(x) - 1) / (exp(x) + 1) is tanh(x/2)",
    from: timesRest(call("expm1", x), sigmoid(minus(x))),
    to: times(call("tanh", times(number(1, 2), x)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "x·x is x²",
    from: timesRest(x, x),
    to: times(raised(x, 2), REST),
    soundness: "ieee",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "sigmoid(x) - sigmoid(-x) is tanh(x/2)",
    from: plusRest(sigmoid(x), minus(sigmoid(minus(x)))),
    to: plus(call("tanh", times(number(1, 2), x)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "1 - (1 - x) is x",
    from: plusRest(one, minus(plus(one, minus(x)))),
    to: plus(x, REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "1 - (t·x + (1 - t)·y) is t·(1 - x) + (1 - t)·(1 - y)",
    from: plusRest(one, minus(plus(times(plus(one, minus(t)), y), times(t, x)))),
    to: plus(times(t, plus(one, minus(x))), times(plus(one, minus(t)), plus(one, minus(y))), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [0, 1], y: [0, 1], t: [0, 1], "…": [-2, 2] },
  },
  {
    name: "1 + erf(x) is erfc(-x)",
    from: plus(one, call("erf", x)),
    to: call("erfc", minus(x)),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3] },
    unshared: [call("erf", x)],
  },
  {
    name: "1 - erf(x) is erfc(x)",
    from: plus(one, minus(call("erf", x))),
    to: call("erfc", x),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3] },
    unshared: [call("erf", x)],
  },
  {
    name: "1 - erfc(x) is erf(x)",
    from: plusRest(one, minus(call("erfc", x))),
    to: plus(call("erf", x), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-3, 3], "…": [-2, 2] },
    unshared: [call("erfc", x)],
  },
  {
    name: "softplus(x) - x is softplus(-x)",
    from: plusRest(softplus(x), minus(x)),
    to: plus(softplus(minus(x)), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [softplus(x)],
  },
  {
    name: "softplus(x) - softplus(-x) is x",
    from: plusRest(softplus(x), minus(softplus(minus(x)))),
    to: plus(x, REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "softplus(-x) - softplus(x) is -x",
    from: plusRest(softplus(minus(x)), minus(softplus(x))),
    to: plus(minus(x), REST),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "x - (y + log(t)) is (x - y) - log(t)",
    from: plus(x, minus(plus(y, log(t)))),
    to: plus(plus(x, minus(y)), minus(log(t))),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], y: [-4, 4], t: [0.05, 6] },
    unshared: [plus(y, log(t))],
  },
  {
    name: "(y + log(t)) - x is (y - x) + log(t)",
    from: plus(plus(y, log(t)), minus(x)),
    to: plus(plus(y, minus(x)), log(t)),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], y: [-4, 4], t: [0.05, 6] },
    unshared: [plus(y, log(t))],
  },
  {
    name: "√(x²) is |x|",
    from: raised(raised(x, 2), 1, 2),
    to: abs(x),
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "log(exp(x)) is x",
    from: log(exp(x)),
    to: x,
    soundness: "real",
    purpose: "stability",
    domain: REAL_LINE,
  },
  {
    name: "log(exp(x)·y) is x + log(y)",
    from: log(timesRest(exp(x))),
    to: plus(x, log(REST)),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [0.05, 6] },
  },
  {
    name: "log(y / exp(x)) is log(y) - x",
    from: log(timesRest(raised(exp(x), -1))),
    to: plus(log(REST), minus(x)),
    soundness: "real",
    purpose: "stability",
    domain: { x: [-4, 4], "…": [0.05, 6] },
  },
  {
    name: "log(1 / x) is -log(x)",
    from: log(raised(x, -1)),
    to: minus(log(x)),
    soundness: "real",
    purpose: "stability",
    domain: POSITIVE,
  },
  {
    name: "log(√x) is log(x) / 2",
    from: log(raised(x, 1, 2)),
    to: times(number(1, 2), log(x)),
    soundness: "real",
    purpose: "stability",
    domain: POSITIVE,
  },
];

const ALGEBRA: readonly Rule[] = [
  {
    name: "exp(log(x)) is x",
    from: exp(log(x)),
    to: x,
    soundness: "real",
    purpose: "algebra",
    domain: POSITIVE,
  },
  {
    name: "exp(-log(x)) is 1 / x",
    from: exp(minus(log(x))),
    to: raised(x, -1),
    soundness: "real",
    purpose: "algebra",
    domain: POSITIVE,
  },
  {
    name: "exp(log1p(x)) is 1 + x",
    from: exp(call("log1p", x)),
    to: plus(one, x),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-0.9, 5] },
  },
  {
    name: "exp(-softplus(x)) is sigmoid(-x)",
    from: exp(minus(softplus(x))),
    to: sigmoid(minus(x)),
    soundness: "real",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "exp(x - softplus(x)) is sigmoid(x)",
    from: exp(plus(x, minus(softplus(x)))),
    to: sigmoid(x),
    soundness: "real",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "expm1(log(x)) is x - 1",
    from: call("expm1", log(x)),
    to: plus(number(-1), x),
    soundness: "real",
    purpose: "algebra",
    domain: POSITIVE,
  },
  {
    name: "1 + expm1(x) is exp(x)",
    from: plusRest(one, call("expm1", x)),
    to: plus(exp(x), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [call("expm1", x)],
  },
  {
    name: "sin(x)² + cos(x)² is 1",
    from: plusRest(raised(call("sin", x), 2), raised(call("cos", x), 2)),
    to: plus(one, REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "cosh(x)² - sinh(x)² is 1",
    from: plusRest(raised(call("cosh", x), 2), minus(raised(call("sinh", x), 2))),
    to: plus(one, REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-3, 3], "…": [-2, 2] },
  },
  {
    name: "sin(x) / cos(x) is tan(x)",
    from: timesRest(call("sin", x), raised(call("cos", x), -1)),
    to: times(call("tan", x), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-1.4, 1.4], "…": [-2, 2] },
    unshared: [call("sin", x), raised(call("cos", x), -1)],
  },
  {
    name: "sin(x)·cos(x) is sin(2x)/2",
    from: timesRest(call("sin", x), call("cos", x)),
    to: times(number(1, 2), call("sin", times(number(2), x)), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [call("sin", x), call("cos", x)],
  },
  {
    name: "sinh(x)·cosh(x) is sinh(2x)/2",
    from: timesRest(call("sinh", x), call("cosh", x)),
    to: times(number(1, 2), call("sinh", times(number(2), x)), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-2, 2], "…": [-2, 2] },
  },
  {
    name: "1 + 2·sinh(x)² is cosh(2x)",
    from: plusRest(one, times(number(2), raised(call("sinh", x), 2))),
    to: plus(call("cosh", times(number(2), x)), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-2, 2], "…": [-2, 2] },
  },
  {
    name: "1 - 2·sigmoid(x) is -tanh(x/2)",
    from: plusRest(one, times(number(-2), sigmoid(x))),
    to: plus(minus(call("tanh", times(number(1, 2), x))), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [sigmoid(x)],
  },
  {
    name: "t - 2·t·sigmoid(x) is -t·tanh(x/2)",
    from: plusRest(t, times(number(-2), t, sigmoid(x))),
    to: plus(minus(times(t, call("tanh", times(number(1, 2), x)))), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], t: [-2, 2], "…": [-2, 2] },
    unshared: [sigmoid(x)],
  },
  {
    name: "tanh(|x|)·sign(x) is tanh(x)",
    from: timesRest(call("tanh", abs(x)), call("sign", x)),
    to: times(call("tanh", x), REST),
    soundness: "ieee",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "sigmoid(x) + sigmoid(-x) is 1",
    from: plusRest(sigmoid(x), sigmoid(minus(x))),
    to: plus(one, REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "-sigmoid(x) - sigmoid(-x) is -1",
    from: plusRest(minus(sigmoid(x)), minus(sigmoid(minus(x)))),
    to: plus(number(-1), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "|x|² is x²",
    from: raised(abs(x), 2),
    to: raised(x, 2),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "|(-1)·x| is |x|",
    from: abs(minus(x)),
    to: abs(x),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "||x|| is |x|",
    from: abs(abs(x)),
    to: abs(x),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "|x²| is x²",
    from: abs(raised(x, 2)),
    to: raised(x, 2),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "|exp(x)| is exp(x)",
    from: abs(exp(x)),
    to: exp(x),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "x·sign(x) is |x|",
    from: timesRest(call("sign", x), x),
    to: times(abs(x), REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
    unshared: [call("sign", x)],
  },
  {
    name: "|x|·sign(x) is x",
    from: timesRest(call("sign", x), abs(x)),
    to: times(x, REST),
    soundness: "real",
    purpose: "algebra",
    domain: { x: [-4, 4], "…": [-2, 2] },
  },
  {
    name: "cos((-1)·x) is cos(x)",
    from: call("cos", minus(x)),
    to: call("cos", x),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "cosh((-1)·x) is cosh(x)",
    from: call("cosh", minus(x)),
    to: call("cosh", x),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  ...(["sin", "tan", "sinh", "tanh", "erf", "asin", "atan", "asinh", "sign"] as const).map((op): Rule => ({
    name: `${op}((-1)·x) is -${op}(x)`,
    from: call(op, minus(x)),
    to: minus(call(op, x)),
    soundness: "ieee",
    purpose: "algebra",
    domain: op === "asin" ? { x: [-1, 1] } : REAL_LINE,
  })),
  {
    name: "x < 0 ? -x : x is |x|",
    from: choose(less0, minus(x), x),
    to: abs(x),
    soundness: "ieee",
    purpose: "algebra",
    domain: REAL_LINE,
  },
  {
    name: "a selection between equal factors",
    from: choose(variable("c"), times(x, t), times(y, t)),
    to: times(t, choose(variable("c"), x, y)),
    soundness: "ieee",
    purpose: "algebra",
    domain: { x: [-4, 4], y: [-4, 4], t: [-2, 2], c: [0, 1] },
    unshared: [times(x, t), times(y, t)],
  },
];

export const RULES: readonly Rule[] = [...STABILITY, ...ALGEBRA];

/** The names of the rules that make a formula more accurate. */
export const STABILITY_RULES: ReadonlySet<string> = new Set(STABILITY.map(({ name }) => name));

/** What is left out, and a point where the two sides differ. */
export interface RejectedRule {
  readonly name: string;
  readonly from: Pattern;
  readonly to: Pattern;
  readonly reason: string;
  readonly counterexample: Readonly<Record<string, number>>;
}

export const REJECTED: readonly RejectedRule[] = [
  {
    name: "0·x is 0",
    from: times(number(0), x),
    to: number(0),
    reason: "x may be infinite or NaN; only the structural zero absorbs",
    counterexample: { x: Infinity },
  },
  {
    name: "√(x²) is x",
    from: raised(raised(x, 2), 1, 2),
    to: x,
    reason: "wrong for negative x",
    counterexample: { x: -2 },
  },
  {
    name: "log(x²) is 2·log(x)",
    from: log(raised(x, 2)),
    to: times(number(2), log(x)),
    reason: "not defined for negative x",
    counterexample: { x: -2 },
  },
  {
    name: "log(x·y) is log(x) + log(y)",
    from: log(times(x, y)),
    to: plus(log(x), log(y)),
    reason: "not defined for two negative factors",
    counterexample: { x: -2, y: -3 },
  },
  {
    name: "√x·√y is √(x·y)",
    from: times(raised(x, 1, 2), raised(y, 1, 2)),
    to: raised(times(x, y), 1, 2),
    reason: "defined for two negative factors, where the left side is not",
    counterexample: { x: -2, y: -3 },
  },
  {
    name: "atan(tan(x)) is x",
    from: call("atan", call("tan", x)),
    to: x,
    reason: "only within (-π/2, π/2)",
    counterexample: { x: 3 },
  },
  {
    name: "|x| / x is sign(x)",
    from: times(abs(x), raised(x, -1)),
    to: call("sign", x),
    reason: "NaN at 0",
    counterexample: { x: 0 },
  },
  {
    name: "(x - y)² is x² - 2xy + y²",
    from: raised(plus(x, minus(y)), 2),
    to: plus(raised(x, 2), times(number(-2), x, y), raised(y, 2)),
    reason: "loses every digit where x is close to y; so a variance is never expanded",
    counterexample: { x: 100000001, y: 100000000 },
  },
  {
    name: "min(x, y) + max(x, y) with one side selected twice",
    from: choose(less(x, y), x, y),
    to: call2("min", x, y),
    reason: "a tie's derivative is split by min and not by a selection, and NaN is lost by one of them",
    counterexample: { x: NaN, y: 1 },
  },
];

// ---- applying

/** What a rule may ask about the program around a node. */
export interface Surroundings {
  readonly ir: Arena;
  /** Some node besides the one in hand uses it. */
  readonly shared: (node: Node) => boolean;
}

/** The kind, and for functions the name, that a node must have to match. */
const rootOf = (part: Node | Pattern): string =>
  part.kind === "unary" || part.kind === "binary" ? part.op : part.kind;

export type RuleIndex = ReadonlyMap<string, readonly Rule[]>;

export const indexRules = (rules: readonly Rule[]): RuleIndex => {
  const index = new Map<string, Rule[]>();
  for (const rule of rules) {
    const root = rootOf(rule.from);
    index.set(root, [...(index.get(root) ?? []), rule]);
  }
  return index;
};

export interface Rewrite {
  readonly rule: string;
  readonly node: Node;
}

export const rewriteOnce = (rules: RuleIndex, node: Node, around: Surroundings): Rewrite | undefined => {
  for (const rule of rules.get(rootOf(node)) ?? []) {
    const bindings = match(around.ir, rule.from, node);
    if (bindings === undefined) continue;
    const twice =
      rule.unshared?.some((part) => around.shared(instantiate(around.ir, part, bindings))) ?? false;
    if (twice) continue;
    const result = instantiate(around.ir, rule.to, bindings);
    if (result !== node) return { rule: rule.name, node: result };
  }
  return undefined;
};
