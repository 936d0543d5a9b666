import { expect, it } from "vitest";
import { affine as a, build as b, type Affine, type Node } from "../../src/ir/index.ts";
import { materialise } from "../../src/schedule/materialise.ts";
import { names, provableIn } from "./passes.ts";
import { builder, type Builder } from "./programs.ts";

const result = (make: (p: Builder, N: Affine, C: Affine) => void): readonly string[] => {
  const p = builder("f");
  make(p, p.dim("N"), p.dim("C"));
  const { definitions } = p.done();
  return names(materialise(p.ir, definitions, provableIn(p.ir)).definitions);
};

const exp = (p: Builder, x: Node): Node => b.unary(p.ir, "exp", x);

it("computes what is expensive in its own loops", () => {
  const made = result((p, N, C) => {
    const [x, s] = [p.input("x", N, C), p.input("s", C)];
    p.map("y", [["n", N], ["c", C]], (n = N, c = C) => b.multiply(p.ir, b.read(p.ir, x, [n, c]), exp(p, b.read(p.ir, s, [c])))); // prettier-ignore
  });
  expect(made).toEqual(["yPart", "y"]);
});

it("leaves what needs all loops, is cheap, or needs none", () => {
  const made = result((p, N, C) => {
    const [x, s] = [p.input("x", N, C), p.input("s", C)];
    const factors = (n: Affine, c: Affine): Node[] => [exp(p, b.read(p.ir, x, [n, c])), b.square(p.ir, b.read(p.ir, s, [c])), exp(p, b.indexValue(p.ir, N))]; // prettier-ignore
    p.map("y", [["n", N], ["c", C]], (n = N, c = C) => b.product(p.ir, factors(n, c))); // prettier-ignore
  });
  expect(made).toEqual(["y"]);
});

it("shares what several definitions compute", () => {
  const made = result((p, N, C) => {
    const x = p.input("x", N, C);
    const e = (n: Affine, c: Affine): Node => exp(p, b.read(p.ir, x, [n, c]));
    const s = p.reduce("s", [["n", N]], "sum", [["c", C]], (n = N, c = C) => e(n, c)); // prettier-ignore
    p.map("y", [["n", N], ["c", C]], (n = N, c = C) => b.divide(p.ir, e(n, c), b.read(p.ir, s, [n]))); // prettier-ignore
  });
  expect(made).toEqual(["sPart", "s", "y"]);
});

it("leaves what may read out of bounds", () => {
  const made = result((p, N, C) => {
    const s = p.input("s", C);
    p.map(
      "y",
      [
        ["n", N],
        ["c", C],
      ],
      (_ = N, c = C) => {
        // prettier-ignore
        const before = a.plus(p.ir, c, a.fixed(p.ir, -1));
        return b.guard(p.ir, b.inRange(p.ir, before, C), exp(p, b.read(p.ir, s, [before])));
      },
    );
  });
  expect(made).toEqual(["y"]);
});
