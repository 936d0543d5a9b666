/** Programs in the IR to schedule, each with the extents that it is run at. */
import {
  affine as a, build as b, createArena, define, range,
  type Affine, type Arena, type Definition, type Index, type Node, type Program, type ReduceOp, type Requirement,
  type Tensor,
} from "../../src/ir/index.ts"; // prettier-ignore

export interface Builder {
  readonly ir: Arena;
  readonly dim: (name: string, min?: number) => Affine;
  readonly input: (name: string, ...shape: readonly Affine[]) => Tensor;
  readonly labels: (name: string, extent: Affine, ...shape: readonly Affine[]) => Tensor;
  readonly option: (name: string, value: number) => Node;
  /** T[i…] = body(i…) */
  readonly map: (
    name: string,
    over: readonly [string, Affine][],
    body: (...i: readonly Affine[]) => Node,
  ) => Tensor;
  /** T[i…] = op over r… of body(i…, r…) */
  readonly reduce: (
    name: string,
    over: readonly [string, Affine][],
    op: ReduceOp,
    along: readonly [string, Affine][],
    body: (...i: readonly Affine[]) => Node,
  ) => Tensor;
  readonly scatter: (
    name: string,
    shape: readonly Affine[],
    over: readonly [string, Affine][],
    target: (...i: readonly Affine[]) => readonly Affine[],
    body: (...i: readonly Affine[]) => Node,
  ) => Tensor;
  readonly done: (...outputs: readonly Tensor[]) => Program;
}

export const builder = (name: string): Builder => {
  const ir = createArena();
  const dims = new Map<string, number>();
  const options: { name: string; default: number }[] = [];
  const inputs: Tensor[] = [];
  const definitions: Definition[] = [];
  const requirements: Requirement[] = [];
  const loops = (over: readonly [string, Affine][]): readonly Index[] =>
    over.map(([label, extent]) => ir.index(label, extent));
  const values = (indices: readonly Index[]): readonly Affine[] => indices.map((i) => a.ofIndex(ir, i));
  const reduce: Builder["reduce"] = (tensorName, over, op, along, body) => {
    const [indices, reduced] = [loops(over), loops(along)];
    const dtype = op === "argmax" || op === "argmin" ? "int" : "float";
    const shape = indices.map((i) => i.extent);
    const tensor = ir.tensor({ name: tensorName, shape, dtype, role: "defined" });
    const reduction = { op, indices: reduced };
    definitions.push(
      define(ir, { tensor, indices, reduction, body: body(...values([...indices, ...reduced])) }),
    );
    return tensor;
  };
  return {
    ir,
    dim: (dimName, min = 0) => {
      dims.set(dimName, min);
      return a.dim(ir, dimName, min);
    },
    input: (tensorName, ...shape) => {
      const tensor = ir.tensor({ name: tensorName, shape, dtype: "float", role: "input" });
      inputs.push(tensor);
      return tensor;
    },
    labels: (tensorName, extent, ...shape) => {
      const tensor = ir.tensor({ name: tensorName, shape, dtype: "int", role: "input" });
      inputs.push(tensor);
      requirements.push({ kind: "range", tensor, extent });
      return tensor;
    },
    option: (optionName, value) => {
      options.push({ name: optionName, default: value });
      return b.option(ir, optionName);
    },
    map: (tensorName, over, body) => {
      const indices = loops(over);
      const shape = indices.map((i) => i.extent);
      const tensor = ir.tensor({ name: tensorName, shape, dtype: "float", role: "defined" });
      definitions.push(define(ir, { tensor, indices, body: body(...values(indices)) }));
      return tensor;
    },
    reduce,
    scatter: (tensorName, shape, over, target, body) => {
      const indices = loops(over);
      const tensor = ir.tensor({ name: tensorName, shape, dtype: "float", role: "defined" });
      const at = values(indices);
      definitions.push(define(ir, { tensor, indices, target: target(...at), body: body(...at) }));
      return tensor;
    },
    done: (...outputs) => ({
      name,
      doc: "",
      inputs,
      dims: [...dims].map(([dimName, min]) => ({ name: dimName, min, default: undefined })),
      options,
      requirements,
      definitions,
      outputs: outputs.map((tensor) => ({ name: tensor.name, tensor })),
    }),
  };
};

export interface Example {
  readonly ir: Arena;
  readonly program: Program;
}

type Make = (p: Builder, ...extents: readonly (number | undefined)[]) => Program;

/** The program with the dims fixed that are given. */
export const example = (make: Make, name: string): Example => {
  const p = builder(name);
  return { ir: p.ir, program: make(p) };
};

const at =
  (p: Builder) =>
  (tensor: Tensor, ...index: readonly Affine[]): Node =>
    b.read(p.ir, tensor, index);

/** mean of f(x)·(x - y)², and its gradient. */
export const elementwise: Make = (p) => {
  const { ir } = p;
  const [N, read] = [p.dim("N"), at(p)];
  const [x, y] = [p.input("x", N), p.input("y", N)];
  const error = (i: Affine): Node => b.subtract(ir, read(x, i), read(y, i));
  const total = p.reduce("total", [], "sum", [["i", N]], (i = N) =>
    b.unary(ir, "softplus", b.square(ir, error(i))),
  );
  const loss = p.map("loss", [], () => b.divide(ir, read(total), b.indexValue(ir, N)));
  const gx = p.map("gx", [["i", N]], (i = N) =>
    b.divide(
      ir,
      b.product(ir, [b.constant(ir, 2), error(i), b.unary(ir, "sigmoid", b.square(ir, error(i)))]),
      b.indexValue(ir, N),
    ),
  );
  return p.done(loss, gx);
};

/** Softmax cross-entropy with class labels, and its gradient. */
export const crossEntropy: Make = (p) => {
  const { ir } = p;
  const [N, C, read] = [p.dim("N"), p.dim("C", 1), at(p)];
  const x = p.input("x", N, C);
  const label = p.labels("label", C, N);
  const m = p.reduce("m", [["n", N]], "max", [["c", C]], (n = N, c = C) => read(x, n, c));
  const e = p.map("e", [["n", N], ["c", C]], (n = N, c = C) =>
    b.unary(ir, "exp", b.subtract(ir, read(x, n, c), read(m, n)))); // prettier-ignore
  const s = p.reduce("s", [["n", N]], "sum", [["c", C]], (n = N, c = C) => read(e, n, c));
  const labelOf = (n: Affine): Affine => a.ofData(ir, read(label, n));
  const row = p.map("row", [["n", N]], (n = N) =>
    b.sum(ir, [b.unary(ir, "log", read(s, n)), read(m, n), b.negate(ir, read(x, n, labelOf(n)))]),
  );
  const loss = p.reduce("loss", [], "sum", [["n", N]], (n = N) =>
    b.divide(ir, read(row, n), b.indexValue(ir, N)),
  );
  const gx = p.map("gx", [["n", N], ["c", C]], (n = N, c = C) => {
    const hit = b.guard(ir, b.isZero(ir, a.minus(ir, c, labelOf(n))), b.constant(ir, 1));
    const p1 = b.divide(ir, read(e, n, c), read(s, n));
    return b.divide(ir, b.subtract(ir, p1, hit), b.indexValue(ir, N));
  }); // prettier-ignore
  return p.done(loss, gx);
};

export const matmul: Make = (p) => {
  const [I, J, K, read] = [p.dim("I"), p.dim("J"), p.dim("K"), at(p)];
  const [A, B, G] = [p.input("A", I, K), p.input("B", K, J), p.input("G", I, J)];
  const times = (x: Node, y: Node): Node => b.multiply(p.ir, x, y);
  const C = p.reduce("C", [["i", I], ["j", J]], "sum", [["k", K]], (i = I, j = J, k = K) => times(read(A, i, k), read(B, k, j))); // prettier-ignore
  const gA = p.reduce("gA", [["i", I], ["k", K]], "sum", [["j", J]], (i = I, k = K, j = J) => times(read(G, i, j), read(B, k, j))); // prettier-ignore
  const gB = p.reduce("gB", [["k", K], ["j", J]], "sum", [["i", I]], (k = K, j = J, i = I) => times(read(A, i, k), read(G, i, j))); // prettier-ignore
  const bias = p.reduce("bias", [["j", J]], "sum", [["i", I]], (j = J, i = I) => read(G, i, j));
  return p.done(C, gA, gB, bias);
};

/** A padded, strided convolution with its three gradients, stride and padding known at run time. */
export const convolution: Make = (p) => {
  const { ir } = p;
  const [N, C, H, W, K] = [p.dim("N"), p.dim("C"), p.dim("H"), p.dim("W"), p.dim("K")];
  const [KH, KW, stride, pad] = [p.dim("KH", 1), p.dim("KW", 1), p.dim("stride", 1), p.dim("pad")];
  const read = at(p);
  const extent = (n: Affine, k: Affine): Affine =>
    a.plus(
      ir,
      range.floordiv(ir, a.minus(ir, a.plus(ir, n, a.scale(ir, pad, 2)), k), stride),
      a.fixed(ir, 1),
    );
  const [OH, OW] = [extent(H, KH), extent(W, KW)];
  const [x, w, g] = [p.input("x", N, C, H, W), p.input("w", K, C, KH, KW), p.input("g", N, K, OH, OW)];
  const place = (i: Affine, u: Affine): Affine => a.minus(ir, a.plus(ir, a.times(ir, i, stride), u), pad);
  const inside = (i: Affine, u: Affine, j: Affine, v: Affine): Node =>
    b.and(ir, [b.inRange(ir, place(i, u), H), b.inRange(ir, place(j, v), W)]);
  const y = p.reduce("y", [["n", N], ["k", K], ["i", OH], ["j", OW]], "sum", [["c", C], ["u", KH], ["v", KW]],
    (n = N, k = N, i = N, j = N, c = N, u = N, v = N) =>
      b.guard(ir, inside(i, u, j, v), b.multiply(ir, read(x, n, c, place(i, u), place(j, v)), read(w, k, c, u, v)))); // prettier-ignore
  const gw = p.reduce("gw", [["k", K], ["c", C], ["u", KH], ["v", KW]], "sum", [["n", N], ["i", OH], ["j", OW]],
    (k = N, c = N, u = N, v = N, n = N, i = N, j = N) =>
      b.guard(ir, inside(i, u, j, v), b.multiply(ir, read(x, n, c, place(i, u), place(j, v)), read(g, n, k, i, j)))); // prettier-ignore
  const from = (h: Affine, u: Affine): Affine => a.minus(ir, a.plus(ir, h, pad), u);
  const reached = (h: Affine, u: Affine, out: Affine): Node =>
    b.and(ir, [
      b.divides(ir, stride, from(h, u)),
      b.inRange(ir, range.floordiv(ir, from(h, u), stride), out),
    ]);
  const gx = p.reduce("gx", [["n", N], ["c", C], ["h", H], ["l", W]], "sum", [["k", K], ["u", KH], ["v", KW]],
    (n = N, c = N, h = N, l = N, k = N, u = N, v = N) =>
      b.guard(ir, b.and(ir, [reached(h, u, OH), reached(l, v, OW)]),
        b.multiply(ir, read(g, n, k, range.floordiv(ir, from(h, u), stride), range.floordiv(ir, from(l, v), stride)),
          read(w, k, c, u, v)))); // prettier-ignore
  return p.done(y, gw, gx);
};

/** 2×2 max pooling with its gradient to the first maximum of each window. */
export const pooling: Make = (p) => {
  const { ir } = p;
  const [N, H, W, two, read] = [p.dim("N"), p.dim("H"), p.dim("W"), a.fixed(p.ir, 2), at(p)];
  const [OH, OW] = [range.floordiv(ir, H, two), range.floordiv(ir, W, two)];
  const [x, g] = [p.input("x", N, H, W), p.input("g", N, OH, OW)];
  const over: readonly [string, Affine][] = [["n", N], ["i", OH], ["j", OW]]; // prettier-ignore
  const window: readonly [string, Affine][] = [["u", two], ["v", two]]; // prettier-ignore
  const tap = (n: Affine, i: Affine, j: Affine, u: Affine, v: Affine): Node =>
    read(x, n, a.plus(ir, a.scale(ir, i, 2), u), a.plus(ir, a.scale(ir, j, 2), v));
  const y = p.reduce("y", over, "maxfirst", window, (n = N, i = N, j = N, u = N, v = N) =>
    tap(n, i, j, u, v),
  );
  const first = p.reduce("first", over, "argmax", window, (n = N, i = N, j = N, u = N, v = N) =>
    tap(n, i, j, u, v),
  );
  const gx = p.map(
    "gx",
    [
      ["n", N],
      ["h", H],
      ["l", W],
    ],
    (n = N, h = N, l = N) => {
      const [i, j] = [range.floordiv(ir, h, two), range.floordiv(ir, l, two)];
      const offset = a.plus(ir, a.scale(ir, range.mod(ir, h, two), 2), range.mod(ir, l, two));
      const hit = b.isZero(ir, a.minus(ir, offset, a.ofData(ir, read(first, n, i, j))));
      return b.guard(ir, b.and(ir, [b.inRange(ir, i, OH), b.inRange(ir, j, OW), hit]), read(g, n, i, j));
    },
  );
  return p.done(y, first, gx);
};

/** The rows of a table by label, and the gradient of the table. */
export const embedding: Make = (p) => {
  const { ir } = p;
  const [V, D, T, read] = [p.dim("V"), p.dim("D"), p.dim("T"), at(p)];
  const [table, g] = [p.input("table", V, D), p.input("g", T, D)];
  const token = p.labels("token", V, T);
  const word = (t: Affine): Affine => a.ofData(ir, read(token, t));
  const y = p.map("y", [["t", T], ["d", D]], (t = T, d = D) => read(table, word(t), d)); // prettier-ignore
  const gt = p.scatter("gt", [V, D], [["t", T], ["d", D]], (t = T, d = D) => [word(t), d],
    (t = T, d = D) => read(g, t, d)); // prettier-ignore
  return p.done(y, gt);
};

/** One head of attention, its scores scaled by an option. */
export const attention: Make = (p) => {
  const { ir } = p;
  const [T, S, D, read] = [p.dim("T"), p.dim("S"), p.dim("D", 1), at(p)];
  const [q, k, v] = [p.input("q", T, D), p.input("k", S, D), p.input("v", S, D)];
  const scale = p.option("scale", 0.5);
  const score = p.reduce("score", [["t", T], ["s", S]], "sum", [["d", D]], (t = T, s = S, d = D) =>
    b.product(ir, [scale, read(q, t, d), read(k, s, d)])); // prettier-ignore
  const top = p.reduce("top", [["t", T]], "max", [["s", S]], (t = T, s = S) => read(score, t, s));
  const e = p.map("e", [["t", T], ["s", S]], (t = T, s = S) =>
    b.unary(ir, "exp", b.subtract(ir, read(score, t, s), read(top, t)))); // prettier-ignore
  const total = p.reduce("total", [["t", T]], "sum", [["s", S]], (t = T, s = S) => read(e, t, s));
  const y = p.reduce("y", [["t", T], ["d", D]], "sum", [["s", S]], (t = T, d = D, s = S) =>
    b.divide(ir, b.multiply(ir, read(e, t, s), read(v, s, d)), read(total, t))); // prettier-ignore
  return p.done(y);
};

/** Layer normalisation's gradients, as derived by hand. */
export const layerNorm: Make = (p) => {
  const { ir } = p;
  const [N, C, read] = [p.dim("N"), p.dim("C", 1), at(p)];
  const [x, gamma, g] = [p.input("x", N, C), p.input("gamma", C), p.input("g", N, C)];
  const size = b.indexValue(ir, C);
  const mean = p.reduce("mean", [["n", N]], "sum", [["c", C]], (n = N, c = C) =>
    b.divide(ir, read(x, n, c), size),
  );
  const centred = (n: Affine, c: Affine): Node => b.subtract(ir, read(x, n, c), read(mean, n));
  const variance = p.reduce("variance", [["n", N]], "sum", [["c", C]], (n = N, c = C) =>
    b.divide(ir, b.square(ir, centred(n, c)), size),
  );
  const inverse = p.map("inverse", [["n", N]], (n = N) =>
    b.power(ir, b.add(ir, read(variance, n), b.constant(ir, 1e-5)), { num: -1, den: 2 }),
  );
  const hat = p.map("hat", [["n", N], ["c", C]], (n = N, c = C) => b.multiply(ir, centred(n, c), read(inverse, n))); // prettier-ignore
  const scaled = p.map("scaled", [["n", N], ["c", C]], (n = N, c = C) => b.multiply(ir, read(g, n, c), read(gamma, c))); // prettier-ignore
  const s1 = p.reduce("s1", [["n", N]], "sum", [["c", C]], (n = N, c = C) =>
    b.divide(ir, read(scaled, n, c), size),
  );
  const s2 = p.reduce("s2", [["n", N]], "sum", [["c", C]], (n = N, c = C) =>
    b.divide(ir, b.multiply(ir, read(scaled, n, c), read(hat, n, c)), size),
  );
  const gx = p.map("gx", [["n", N], ["c", C]], (n = N, c = C) =>
    b.multiply(ir, read(inverse, n), b.subtract(ir, b.subtract(ir, read(scaled, n, c), read(s1, n)),
      b.multiply(ir, read(hat, n, c), read(s2, n))))); // prettier-ignore
  const ggamma = p.reduce("ggamma", [["c", C]], "sum", [["n", N]], (c = C, n = N) =>
    b.multiply(ir, read(g, n, c), read(hat, n, c)),
  );
  const gbeta = p.reduce("gbeta", [["c", C]], "sum", [["n", N]], (c = C, n = N) => read(g, n, c));
  return p.done(gx, ggamma, gbeta);
};

/** Differences of neighbours with a default outside, used twice. */
export const neighbours: Make = (p) => {
  const { ir } = p;
  const [N, read] = [p.dim("N"), at(p)];
  const x = p.input("x", N);
  const y = p.map("y", [["i", N]], (i = N) => {
    const before = a.plus(ir, i, a.fixed(ir, -1));
    const value = read(x, before);
    const first = b.select(ir, b.inRange(ir, before, N), b.unary(ir, "exp", value), b.constant(ir, 7));
    const second = b.select(ir, b.inRange(ir, before, N), b.power(ir, value, { num: 5, den: 2 }), read(x, i));
    return b.subtract(ir, first, second);
  });
  const z = p.map("z", [["i", N]], (i = N) =>
    b.divide(ir, read(x, i), b.add(ir, read(x, a.fixed(ir, 0)), read(y, i))),
  );
  return p.done(y, z);
};

/** Products, minima and positions, over rows and over everything. */
export const reductions: Make = (p) => {
  const { ir } = p;
  const [N, C, read] = [p.dim("N"), p.dim("C"), at(p)];
  const x = p.input("x", N, C);
  const body = (n = N, c = C): Node => b.sum(ir, [read(x, n, c), b.unary(ir, "cos", read(x, n, c))]);
  const rows: readonly [string, Affine][] = [["n", N]]; // prettier-ignore
  const columns: readonly [string, Affine][] = [["c", C]]; // prettier-ignore
  const outputs = [
    p.reduce("prod", rows, "prod", columns, body),
    p.reduce("min", rows, "min", columns, body),
    p.reduce("max", columns, "max", rows, (c = C, n = N) => body(n, c)),
    p.reduce("argmin", rows, "argmin", columns, body),
    p.reduce("argmax", [], "argmax", [...rows, ...columns], body),
    p.reduce("sum", [], "sum", [...rows, ...columns], body),
  ];
  return p.done(...outputs);
};

/** y[t] = x[t] + y[t - 1] / 2 */
export const recurrence: Make = (p) => {
  const { ir } = p;
  const T = p.dim("T");
  const x = p.input("x", T);
  const tensor = ir.tensor({ name: "y", shape: [T], dtype: "float", role: "defined" });
  const t = ir.index("t", T);
  const before = a.plus(ir, a.ofIndex(ir, t), a.fixed(ir, -1));
  const previous = b.guard(ir, b.inRange(ir, before, T), b.read(ir, tensor, [before]));
  const body = b.sum(ir, [b.read(ir, x, [a.ofIndex(ir, t)]), b.multiply(ir, b.constant(ir, 0.5), previous)]);
  const program = p.done(tensor);
  return { ...program, definitions: [define(ir, { tensor, indices: [t], body })] };
};
