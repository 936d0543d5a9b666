/** Kernels that use every statement and most expressions, with what they compute stated beside them. */
import type { Expr, Kernel } from "../../src/loop/types.ts";
import {
  accumulate,
  add,
  bind,
  buffer,
  compare,
  convert,
  dim,
  div,
  init,
  int,
  kernel,
  load,
  local,
  loop,
  mul,
  option,
  select,
  store,
  sub,
  unary,
  use,
  constant,
  float,
  accumulateAt,
  assign,
  when,
  and,
} from "./build.ts";

/** loss = mean of alpha (x − t)²; x̄ = 2 alpha (x − t) / N. */
export function squaredError(dtype: Kernel["dtype"] = "f32"): Kernel {
  const N = dim("N");
  const x = buffer("x", "input", [N]);
  const t = buffer("t", "input", [N]);
  const loss = buffer("loss", "output", []);
  const dx = buffer("x", "output", [N]);
  const [i, d, sum] = [local("i", "int"), local("d", "float"), local("sum", "wide")];
  const alpha = option("alpha");
  const count = convert("float", N);
  return kernel(dtype, {
    name: "squared_error",
    dims: [{ name: "N", min: 1 }],
    options: [{ name: "alpha", type: "float", default: 0.5 }],
    buffers: [x, t, loss, dx],
    body: [
      init(sum, constant("wide", 0)),
      loop(
        i,
        int(0),
        N,
        [
          bind(d, sub(load(x, use(i)), load(t, use(i)))),
          accumulate(sum, "sum", convert("wide", mul(alpha, mul(use(d), use(d))))),
          store(dx, use(i), div(mul(mul(float(2), alpha), use(d)), count)),
        ],
        "vector",
      ),
      store(loss, int(0), div(convert("float", use(sum)), count)),
    ],
  });
}

/** y = x W + b with a temporary row, and a label per row that picks the element z[n] = y[n, label[n]]. */
export function linearPick(): Kernel {
  const [N, C, K] = [dim("N"), dim("C"), dim("K")];
  const x = buffer("x", "input", [N, C]);
  const w = buffer("w", "input", [C, K]);
  const b = buffer("b", "input", [K]);
  const label = buffer("label", "input", [N], "int");
  const z = buffer("z", "output", [N]);
  const row = buffer("row", "temp", [K]);
  const [n, c, k] = [local("n", "int"), local("c", "int"), local("k", "int")];
  const at = (a: Expr, extent: Expr, rest: Expr): Expr => add(mul(a, extent), rest);
  return kernel("f64", {
    name: "linear_pick",
    dims: ["N", "C", "K"].map((name) => ({ name, min: 0 })),
    buffers: [x, w, b, label, z, row],
    requirements: [{ kind: "range", buffer: label, extent: K }],
    body: [
      loop(n, int(0), N, [
        loop(k, int(0), K, [store(row, use(k), load(b, use(k)))], "vector"),
        loop(c, int(0), C, [
          loop(k, int(0), K, [
            accumulateAt(
              row,
              use(k),
              "sum",
              mul(load(x, at(use(n), C, use(c))), load(w, at(use(c), K, use(k)))),
            ),
          ]),
        ]),
        store(z, use(n), load(row, load(label, use(n)))),
      ]),
    ],
  });
}

/** A running maximum of the part of x after its border, and how often x is below it: `if`, `assign`, bools. */
export function interior(): Kernel {
  const N = dim("N");
  const x = buffer("x", "input", [N]);
  const best = buffer("best", "output", []);
  const below = buffer("below", "output", [], "int");
  const [i, j, top, count] = [
    local("i", "int"),
    local("j", "int"),
    local("top", "float"),
    local("count", "int"),
  ];
  const isBelow = local("isBelow", "bool");
  return kernel("f64", {
    name: "interior",
    dims: [{ name: "N", min: 0 }],
    buffers: [x, best, below],
    body: [
      init(top, float(-Infinity)),
      init(count, int(0)),
      loop(i, int(1), sub(N, int(1)), [accumulate(top, "max", load(x, use(i)))]),
      loop(j, int(0), N, [
        bind(isBelow, compare("<", load(x, use(j)), use(top))),
        when(
          and(use(isBelow), compare("!=", use(j), int(0))),
          [assign(count, add(use(count), int(1)))],
          [accumulate(count, "sum", convert("int", compare("==", use(j), int(-1))))],
        ),
      ]),
      store(best, int(0), select(compare("==", N, int(0)), unary("neg", float(1)), use(top))),
      store(below, int(0), use(count)),
    ],
  });
}
