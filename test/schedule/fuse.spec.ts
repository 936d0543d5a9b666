import { describe, expect, it } from "vitest";
import { affine as a, build as b, type Affine, type Node, type Tensor } from "../../src/ir/index.ts";
import { fused, paths } from "./passes.ts";
import { builder, type Builder } from "./programs.ts";

const result = (
  make: (p: Builder, N: Affine, C: Affine, read: (t: Tensor, ...at: readonly Affine[]) => Node) => void,
): Readonly<Record<string, readonly string[]>> => {
  const p = builder("f");
  make(p, p.dim("N"), p.dim("C"), (t, ...index) => b.read(p.ir, t, index));
  return paths(fused(p.ir, p.done().definitions));
};

describe("loops are shared", () => {
  it("by what is read at the same place", () => {
    const { t, y } = result((p, N, _, read) => {
      const x = p.input("x", N);
      const first = p.map("t", [["i", N]], (i = N) => b.unary(p.ir, "exp", read(x, i)));
      p.map("y", [["j", N]], (j = N) => read(first, j));
    });
    expect(y).toEqual(t);
  });

  it("by sums and maps over the same input", () => {
    const { s, y } = result((p, N, _, read) => {
      const x = p.input("x", N);
      p.reduce("s", [], "sum", [["i", N]], (i = N) => read(x, i));
      p.map("y", [["i", N]], (i = N) => b.square(p.ir, read(x, i)));
    });
    expect(y).toEqual(s);
  });

  it("in another order of the indices", () => {
    const { t, y } = result((p, N, C, read) => {
      const x = p.input("x", N, C);
      const first = p.reduce("t", [["n", N]], "sum", [["c", C]], (n = N, c = C) => read(x, n, c)); // prettier-ignore
      p.reduce("y", [["c", C]], "sum", [["n", N]], (c = C, n = N) =>
        b.multiply(p.ir, read(x, n, c), read(first, n)),
      );
    });
    expect(y?.[0]).toBe(t?.[0]);
    expect(y?.[1]).not.toBe(t?.[1]);
  });

  it("with a definition that only later ones connect", () => {
    const { m, s, y } = result((p, N, C, read) => {
      const [x, w] = [p.input("x", N, C), p.input("w", N, C)];
      const first = p.reduce("m", [["n", N]], "max", [["c", C]], (n = N, c = C) => read(x, n, c)); // prettier-ignore
      const second = p.reduce("s", [["n", N]], "sum", [["c", C]], (n = N, c = C) => read(w, n, c)); // prettier-ignore
      p.map("y", [["n", N], ["c", C]], (n = N, c = C) => b.product(p.ir, [read(x, n, c), read(first, n), read(second, n)])); // prettier-ignore
    });
    expect(new Set([m?.[0], s?.[0], y?.[0]]).size).toBe(1);
  });
});

describe("loops are not shared", () => {
  it("by what is read elsewhere", () => {
    const { t, y } = result((p, N, _, read) => {
      const x = p.input("x", N);
      const first = p.map("t", [["i", N]], (i = N) => b.unary(p.ir, "exp", read(x, i)));
      p.map("y", [["i", N]], (i = N) =>
        b.add(p.ir, read(first, i), read(first, a.minus(p.ir, a.plus(p.ir, N, a.fixed(p.ir, -1)), i))),
      );
    });
    expect(y).not.toEqual(t);
  });

  it("by what needs the whole sum", () => {
    const { s, y } = result((p, N, _, read) => {
      const x = p.input("x", N);
      const sum = p.reduce("s", [], "sum", [["i", N]], (i = N) => read(x, i));
      p.map("y", [["i", N]], (i = N) => b.divide(p.ir, read(x, i), read(sum)));
    });
    expect(y).not.toEqual(s);
  });

  it("by a large result that all iterations would walk over", () => {
    const { h, g } = result((p, N, C, read) => {
      const [x, w] = [p.input("x", N, C), p.input("w", C, C)];
      const hidden = p.reduce("h", [["n", N], ["k", C]], "sum", [["c", C]], (n = N, k = C, c = C) => b.multiply(p.ir, read(x, n, c), read(w, k, c))); // prettier-ignore
      p.reduce("g", [["k", C], ["c", C]], "sum", [["n", N]], (k = C, c = C, n = N) => b.multiply(p.ir, read(hidden, n, k), read(x, n, c))); // prettier-ignore
    });
    expect(g?.[0]).not.toBe(h?.[0]);
  });
});
