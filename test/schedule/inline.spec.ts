import { expect, it } from "vitest";
import { build as b, type Affine, type Node } from "../../src/ir/index.ts";
import { inline } from "../../src/schedule/inline.ts";
import { names, outputsOf } from "./passes.ts";
import { builder, type Builder } from "./programs.ts";

const left = (make: (p: Builder, x: (i: Affine) => Node, N: Affine) => Node): readonly string[] => {
  const p = builder("f");
  const N = p.dim("N");
  const x = p.input("x", N);
  const t = p.map("t", [["i", N]], (i = N) => make(p, (at) => b.read(p.ir, x, [at]), i));
  const y = p.map("y", [["i", N]], (i = N) => b.sum(p.ir, [b.read(p.ir, t, [i]), b.read(p.ir, t, [N])]));
  const program = p.done(y);
  return names(inline(p.ir, program.definitions, outputsOf(program)).definitions);
};

it("inlines what is cheap", () => {
  expect(left((p, x, i) => b.square(p.ir, x(i)))).toEqual(["y"]);
});

it("leaves divisions, functions, and long sums", () => {
  expect(left((p, x, i) => b.reciprocal(p.ir, x(i)))).toEqual(["t", "y"]);
  expect(left((p, x, i) => b.unary(p.ir, "exp", x(i)))).toEqual(["t", "y"]);
  const power = (p: Builder, x: Node, k: number): Node => b.power(p.ir, x, { num: k, den: 1 });
  expect(
    left((p, x, i) =>
      b.sum(
        p.ir,
        [2, 3, 4, 5, 6].map((k) => power(p, x(i), k)),
      ),
    ),
  ).toEqual(["t", "y"]);
});

it("keeps outputs, and uses the body of single values instead", () => {
  const p = builder("f");
  const N = p.dim("N", 1);
  const x = p.input("x", N);
  const s = p.map("s", [], () => b.unary(p.ir, "exp", b.indexValue(p.ir, N)));
  const y = p.map("y", [["i", N]], (i = N) => b.multiply(p.ir, b.read(p.ir, x, [i]), b.read(p.ir, s, [])));
  const program = p.done(s, y);
  const { definitions } = inline(p.ir, program.definitions, outputsOf(program));
  expect(names(definitions)).toEqual(["s", "y"]);
  expect(JSON.stringify(definitions[1]?.body.kind)).toBe('"product"');
  expect(b.read(p.ir, s, []).id).not.toBe(definitions[1]?.body.id);
});
