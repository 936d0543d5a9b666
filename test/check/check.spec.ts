import { describe, expect, it } from "vitest";
import { dumpOf, programOf } from "./compile.ts";

const body = (text: string, name?: string): readonly string[] => dumpOf(text, name).slice(1);

describe("elementwise definitions", () => {
  it("keeps the user's definitions, options and whole-array reductions", () => {
    expect(
      dumpOf(`fn focal(logits: [N], target: [N]; alpha = 0.25, gamma = 2) {
        p  = sigmoid(logits)
        ce = softplus(logits) - target * logits
        pt = target * p + (1 - target) * (1 - p)
        at = target * alpha + (1 - target) * (1 - alpha)
        return mean(at * (1 - pt)^gamma * ce)
      }`),
    ).toEqual([
      "focal(logits: [N]; target: [N]; N >= 0; alpha = 0.25; gamma = 2)",
      "  p[n<N] = sigmoid(logits[n])",
      "  ce[n<N] = (softplus(logits[n]) - logits[n]*target[n])",
      "  pt[n<N] = ((1 - p[n])*(1 - target[n]) + p[n]*target[n])",
      "  at[n<N] = ((1 - alpha)*(1 - target[n]) + alpha*target[n])",
      "  out.sum[] = sum[n<N] at[n]*ce[n]*pow((1 - pt[n]), gamma)",
      "  out[] = out.sum[]/{N}",
      "  return out",
    ]);
  });

  it("broadcasts from the last dimension, and the literal 1", () => {
    expect(body("fn f(x: [N, C], b: [C], s: [N, 1]) { return x * s + b }")).toEqual([
      "  out[n<N, c<C] = (b[c] + s[n, 0]*x[n, c])",
      "  return out",
    ]);
  });

  it("applies a scalar function to the elements of one dimension at the top", () => {
    expect(dumpOf("fn relu(x) { return x > 0 ? x : 0 }")).toEqual([
      "relu(x: [N]; N >= 0)",
      "  out[n<N] = (0 < x[n] ? x[n] : 0)",
      "  return out",
    ]);
  });

  it("calls that dimension something else where N is taken", () => {
    expect(dumpOf("fn f(N) { return N + 1 }")[0]).toBe("f(N: [M]; M >= 0)");
  });

  it("inlines a scalar function as an expression, its definitions too", () => {
    expect(
      body(`fn g(x) { p = sigmoid(x)  return p * (1 - p) }
            fn f(x: [N, C], b: [C]) { return g(x + b) }`),
    ).toEqual([
      "  out[n<N, c<C] = (1 - sigmoid((b[c] + x[n, c])))*sigmoid((b[c] + x[n, c]))",
      "  return out",
    ]);
  });

  it("keeps literals exact", () => {
    expect(body("fn f(x: [N]) { return 0.1 * x + x * 2 / 3 + x^(1/2) + x^2.5 + x^-1 }")[0]).toBe(
      "  out[n<N] = (1/10*x[n] + 2/3*x[n] + x[n]^(1/2) + x[n]^(5/2) + x[n]^-1)",
    );
  });

  it("has the constants pi and inf, which a parameter may shadow", () => {
    expect(body("fn f(x: [N]) { return x * pi }")[0]).toContain("3.14159");
    expect(body("fn f(pi: [N]) { return pi + inf }")[0]).toBe("  out[n<N] = (Infinity + pi[n])");
  });

  it("evaluates a chain of comparisons and connectives", () => {
    expect(body("fn f(x: [N]) { return !(0 <= x < 1) || x > 2 && x != 3 ? x : -x }")[0]).toBe(
      "  out[n<N] = ((!((0 <= x[n] && x[n] < 1)) || (2 < x[n] && 3 != x[n])) ? x[n] : -x[n])",
    );
  });

  it("takes any name that is not a keyword", () => {
    const text = `fn constructor(__proto__: [hasOwnProperty], class; toString = 1) {
      valueOf = __proto__ * class + toString
      return valueOf
    }`;
    expect(dumpOf(text)).toEqual([
      "constructor(__proto__: [hasOwnProperty]; class: []; hasOwnProperty >= 0; toString = 1)",
      "  valueOf[hasownproperty<hasOwnProperty] = (__proto__[hasownproperty]*class[] + toString)",
      "  return valueOf",
    ]);
  });
});

describe("indexed definitions", () => {
  it("infers ranges from reads, and takes given ones", () => {
    expect(
      dumpOf(`fn conv2d(x: [N, C, H, W], w: [K, C, KH, KW], b: [K]; stride = 1, pad = 0, dilation = 1) {
        y[n, k, i < (H + 2*pad - dilation*(KH - 1) - 1) // stride + 1,
                j < (W + 2*pad - dilation*(KW - 1) - 1) // stride + 1] =
          b[k] + sum[c, u, v](
            (x[n, c, i*stride + u*dilation - pad, j*stride + v*dilation - pad] ?? 0) * w[k, c, u, v])
        return y
      }`),
    ).toEqual([
      "conv2d(x: [N, C, H, W]; w: [K, C, KH, KW]; b: [K]; N >= 0; C >= 0; H >= 0; W >= 0; K >= 0; KH >= 0; KW >= 0; stride >= 1 = 1; pad >= 0 = 0; dilation >= 1 = 1)",
      "  y.sum[n<N, k<K, i<(2*pad + dilation + H - dilation*KH - 1) // stride + 1, j<(2*pad + dilation + W - dilation*KW - 1) // stride + 1] = sum[c<C, u<KH, v<KW] [(0 <= stride*i + dilation*u - pad < H && 0 <= stride*j + dilation*v - pad < W)]*(w[k, c, u, v]*x[n, c, stride*i + dilation*u - pad, stride*j + dilation*v - pad])",
      "  y[n<N, k<K, i<(2*pad + dilation + H - dilation*KH - 1) // stride + 1, j<(2*pad + dilation + W - dilation*KW - 1) // stride + 1] = (b[k] + y.sum[n, k, i, j])",
      "  return y",
    ]);
  });

  it("makes a definition that is a reduction that reduction", () => {
    expect(body("fn matmul(a: [M, K], b: [K, N]) { c[m, n] = sum[k](a[m, k] * b[k, n])  return c }")).toEqual(
      ["  c[m<M, n<N] = sum[k<K] a[m, k]*b[k, n]", "  return c"],
    );
  });

  it("flattens leading dimensions into one", () => {
    expect(
      dumpOf(`fn softmax(x: [..., C]) {
        e[..., c] = exp(x[..., c] - max[k](x[..., k]))
        y[..., c] = e[..., c] / sum[k](e[..., k])
        return y
      }`),
    ).toEqual([
      "softmax(x: [rows, C]; rows >= 0; C >= 0)",
      "  e.max[r<rows] = max[k<C] x[r, k]",
      "  e[r<rows, c<C] = exp((x[r, c] - e.max[r]))",
      "  y.sum[r<rows] = sum[k<C] e[r, k]",
      "  y[r<rows, c<C] = e[r, c]/y.sum[r]",
      "  return y",
    ]);
  });

  it("proves reads with floor division and modulo", () => {
    const text = `fn shuffle(x: [N, C, H, W]; r = 2) {
      y[n, c < C // (r*r), i < H*r, j < W*r] = x[n, c*r*r + i % r * r + j % r, i // r, j // r]
      return y
    }`;
    expect(body(text)[0]).toBe(
      "  y[n<N, c<C // (r*r), i<r*H, j<r*W] = x[n, r*r*c + r*(i % r) + j % r, i // r, j // r]",
    );
    expect(
      body("fn flat(x: [C, H, W]) { y[k < C*H*W] = x[k // (H*W), k // W % H, k % W]  return y }")[0],
    ).toBe("  y[k<C*H*W] = x[k // (H*W), (k // W) % H, k % W]");
  });

  it("uses indices and dimensions as numbers, and whole definitions in extents", () => {
    expect(
      body(`fn f(x: [N, E]; heads = 2) {
        D = (E // heads)
        q[n, h < heads, d < D] = x[n, h*D + d] * n / N + D
        return q
      }`)[0],
    ).toBe("  q[n<N, h<heads, d<E // heads] = (x[n, (E // heads)*h + d]*{n}/{N} + {E // heads})");
  });

  it("selects another default, and drops a default that is never needed", () => {
    expect(body("fn f(x: [N]) { y[i < N] = (x[i - 1] ?? -inf) + (x[i] ?? 0)  return y }")[0]).toBe(
      "  y[i<N] = ((0 <= i - 1 < N ? x[i - 1] : -Infinity) + x[i])",
    );
  });

  it("compares whole numbers by their difference", () => {
    expect(body("fn f(label: int[N]; C = 10) { y[n, c < C] = c == label[n] ? 1 : 0  return y }")).toEqual([
      "  y[n<N, c<C] = (c - label[n] == 0 ? 1 : 0)",
      "  return y",
    ]);
  });

  it("inlines conditions that have a name", () => {
    expect(
      body("fn f(s: [T, T]) { m[i < T, j < T] = j <= i  y[i, j] = m[i, j] ? s[i, j] : -inf  return y }"),
    ).toEqual(["  y[i<T, j<T] = ({j} <= {i} ? s[i, j] : -Infinity)", "  return y"]);
  });
});

describe("reductions", () => {
  it("shares equal ones, whatever their indices are called", () => {
    expect(
      body(`fn f(x: [N, C]) {
        y[n, c] = x[n, c] / sum[k](x[n, k]) + sum[j](x[n, j])
        return y
      }`),
    ).toEqual([
      "  y.sum[n<N] = sum[k<C] x[n, k]",
      "  y[n<N, c<C] = (x[n, c]/y.sum[n] + y.sum[n])",
      "  return y",
    ]);
  });

  it("orders free indices from the outside in", () => {
    expect(body("fn f(x: [A, B, C]) { y[b, a] = 1 + sum[c](x[a, b, c])  return y }")[0]).toBe(
      "  y.sum[b<B, a<A] = sum[c<C] x[a, b, c]",
    );
  });

  it("uses a function of a vector over an index, or flattened over several", () => {
    const total = "fn total(x: [N]) { return sum(x * x) }\n";
    expect(body(`${total}fn f(x: [A, B]) { y[a] = total[b](x[a, b])  return y }`)[0]).toBe(
      "  y[a<A] = sum[b<B] x[a, b]*x[a, b]",
    );
    expect(body(`${total}fn f(x: [A, B, C]) { y[a] = total[b, c](x[a, b, c])  return y }`)[0]).toBe(
      "  y[a<A] = sum[b<B*C] x[a, b // C, b % C]*x[a, b // C, b % C]",
    );
  });

  it("keeps the dimensions where the function takes any number of them", () => {
    expect(body("fn f(x: [A, B, C]) { y[b] = variance[a, c](x[a, b, c])  return y }")).toEqual([
      "  variance.center.sum[b<B] = sum[a<A, c<C] x[a, b, c]",
      "  variance.center[b<B] = variance.center.sum[b]/{A*C}",
      "  variance.sum[b<B] = sum[a<A, c<C] (x[a, b, c] - variance.center[b])^2",
      "  y[b<B] = variance.sum[b]/{A*C}",
      "  return y",
    ]);
  });

  it("gives argmax as whole numbers that index", () => {
    expect(
      body("fn f(x: [N, C], t: [C, D]) { k[n] = argmax[c](x[n, c])  y[n, d] = t[k[n], d]  return y, k }"),
    ).toEqual(["  k[n<N] = argmax[c<C] x[n, c]", "  y[n<N, d<D] = t[k[n], d]", "  return y, k"]);
  });
});

describe("calls", () => {
  it("requires labels to fit, through calls", () => {
    expect(
      dumpOf(`fn nll(logits: [N, C], label: int[N]) {
          return mean[n](logsumexp[c](logits[n, c]) - logits[n, label[n]])
        }
        fn net(x: [N, I], w: [I, O], label: int[N]) {
          h[n, o] = sum[i](x[n, i] * w[i, o])
          return nll(h, label)
        }`),
    ).toEqual([
      "net(x: [N, I]; w: [I, O]; label: int[N]; N >= 0; I >= 0; O >= 0)",
      "  require label < O",
      "  h[n<N, o<O] = sum[i<I] w[i, o]*x[n, i]",
      "  logsumexp.largest[n<N] = max[o<O] h[n, o]",
      "  logsumexp.shift[n<N] = stop((abs(logsumexp.largest[n]) < Infinity ? logsumexp.largest[n] : 0))",
      "  logsumexp.sum[n<N] = sum[o<O] exp((h[n, o] - logsumexp.shift[n]))",
      "  nll.sum[] = sum[n<N] ((log(logsumexp.sum[n]) + logsumexp.shift[n]) - h[n, label[n]])",
      "  out[] = nll.sum[]/{N}",
      "  return out",
    ]);
  });

  it("instantiates leading dimensions with those of the argument", () => {
    expect(
      body(
        `fn scale(x: [..., C], w: [C]) { y[..., c] = x[..., c] * w[c]  return y }
            fn f(x: [A, B, C], v: [C], w: [C]) { y[a, b, c] = scale(x, w)[a, b, c]  return y }`.replace(
          "y[a, b, c] = scale(x, w)[a, b, c]",
          "s = scale(v, w)  y = scale(x, w) * s",
        ),
      ),
    ).toEqual([
      "  s[c<C] = v[c]*w[c]",
      "  scale.y[a<A, b<B, c<C] = w[c]*x[a, b, c]",
      "  y[a<A, b<B, c<C] = s[c]*scale.y[a, b, c]",
      "  return y",
    ]);
  });

  it("names what is inlined after the function, with numbers for the second call", () => {
    expect(
      body(`fn half(x: [N]) { h[n] = x[n] / 2 + 1  return h * h }
            fn f(a: [N], b: [N]) { return half(a) + half(b) + half(a) }`),
    ).toEqual([
      "  half.h[n<N] = (1 + 1/2*a[n])",
      "  half.h.2[n<N] = (1 + 1/2*b[n])",
      "  out[n<N] = (half.h.2[n]*half.h.2[n] + half.h[n]*half.h[n] + half.h[n]*half.h[n])",
      "  return out",
    ]);
  });

  it("passes an expression as a definition, and options by name", () => {
    expect(
      body(`fn leaky(x: [N]; slope = 0.01) { y[n] = x[n] > 0 ? x[n] : slope * x[n]  return y }
            fn f(x: [N]; a) { return sum(leaky(2 * x; slope = a)) }`),
    ).toEqual([
      "  leaky.x[n<N] = 2*x[n]",
      "  leaky.y[n<N] = (0 < leaky.x[n] ? leaky.x[n] : a*leaky.x[n])",
      "  out[] = sum[n<N] leaky.y[n]",
      "  return out",
    ]);
  });

  it("makes an option whole where it is passed on as one", () => {
    const text = `fn shift(x: [N]; by = 1) { y[n < N] = x[n - by] ?? 0  return y }
      fn f(x: [N]; k, a = 0.5) { return shift(x; by = k + 1) * a }`;
    expect(dumpOf(text)[0]).toBe("f(x: [N]; N >= 0; k >= 0; a = 0.5)");
  });

  it("does not confuse indices of the caller with those of the function", () => {
    expect(
      body(`fn rows(x: [N]) { y[n] = x[n] * sum[m](x[m])  return sum[n](y[n]) }
            fn f(x: [N, N]) { y[n] = rows[m](x[m, n] + x[n, m])  return y }`),
    ).toEqual([
      "  rows.x[n<N, n2<N] = (x[n, n2] + x[n2, n])",
      "  rows.y.sum[n<N] = sum[m<N] rows.x[n, m]",
      "  rows.y[n<N, n2<N] = rows.x[n, n2]*rows.y.sum[n]",
      "  y[n<N] = sum[n2<N] rows.y[n, n2]",
      "  return y",
    ]);
  });

  it("prefers a function of the file to the prelude's", () => {
    expect(body("fn square(x) { return x + 1 }\nfn f(x: [N]) { return square(x) }")[0]).toBe(
      "  out[n<N] = (1 + x[n])",
    );
  });
});

describe("outputs", () => {
  it("are named after the definition returned, else out, out1", () => {
    expect(body("fn f(x: [N]) { a = x + 1  b = a * 2  return b, a, x, b + 1 }")).toEqual([
      "  a[n<N] = (1 + x[n])",
      "  b[n<N] = 2*a[n]",
      "  out[n<N] = x[n]",
      "  out1[n<N] = (1 + b[n])",
      "  return b, a, out, out1",
    ]);
  });

  it("are as many as are returned, also of constants and of the same thing twice", () => {
    expect(body("fn f(x: [N]) { c = 3  a = x + c  return a, a, c, N }")).toEqual([
      "  a[n<N] = (3 + x[n])",
      "  out[n<N] = a[n]",
      "  c[] = 3",
      "  out1[] = {N}",
      "  return a, out, c, out1",
    ]);
  });
});

describe("imports", () => {
  const files = new Map([
    ["lib/a.grad", 'import { half } from "./b.grad"\nfn quarter(x) { return half(half(x)) }'],
    ["lib/b.grad", "fn half(x) { return x / 2 }"],
  ]);
  const context = {
    resolve: (path: string, from: string) => {
      const folder = from.includes("/") ? from.slice(0, from.lastIndexOf("/") + 1) : "";
      const name = `${folder}${path.replace("./", "")}`;
      const text = files.get(name);
      return text === undefined ? undefined : { name, text };
    },
  };

  it("brings functions of other files, with their own imports", () => {
    const text = 'import { quarter } from "./lib/a.grad"\nfn f(x: [N]) { return quarter(x) }';
    expect(dumpOf(text, "f", context)[1]).toBe("  out[n<N] = 1/2*1/2*x[n]");
  });
});

describe("size", () => {
  const range = (n: number): readonly number[] => Array.from({ length: n }, (_, k) => k);

  it("takes a sum of many terms as one node", () => {
    const terms = range(3000).map((k) => `x * ${k}`);
    const { definitions } = programOf(`fn f(x: [N]) { return ${terms.join(" + ")} }`);
    expect(definitions[0]?.body.kind).toBe("sum");
  });

  it("takes many statements", () => {
    const lines = range(1000).map((k) => `y${k + 1} = sin(y${k})`);
    const { definitions } = programOf(`fn f(x: [N]) {\ny0 = x\n${lines.join("\n")}\nreturn y1000 }`);
    expect(definitions).toHaveLength(1000);
  });

  it("shares what is called twice, at any depth of calls", () => {
    const chain = range(60).map((k) => `fn f${k + 1}(x) { return sin(f${k}(x)) * (f${k}(x) + 1) }`);
    const { definitions } = programOf(`fn f0(x) { return sin(x) }\n${chain.join("\n")}`);
    expect(definitions).toHaveLength(1);
  });
});
