/** Scheduling time and kernel size grow with the size of the program, and no faster. */
import { describe, expect, it } from "vitest";
import { affine as a, build as b, type Affine, type Node, type Tensor } from "../../src/ir/index.ts";
import type { Stmt } from "../../src/loop/types.ts";
import { grown, measured, slope } from "../growth.ts";
import { builder, type Builder } from "./programs.ts";
import { kernelOf } from "./run.ts";

type Family = (p: Builder, n: number) => Tensor;

const at = (p: Builder, tensor: Tensor, ...index: readonly Affine[]): Node => b.read(p.ir, tensor, index);

const FAMILIES: Readonly<Record<string, { readonly sizes: readonly number[]; readonly make: Family }>> = {
  "a chain of operations": {
    sizes: [1000, 8000],
    make: (p, n) => {
      const N = p.dim("N");
      const x = p.input("x", N);
      return p.map("y", [["i", N]], (i = N) => {
        let y = at(p, x, i);
        for (let k = 0; k < n; k++) y = b.unary(p.ir, k % 2 === 0 ? "sin" : "atan", y);
        return y;
      });
    },
  },
  "a shared chain": {
    sizes: [1000, 8000],
    make: (p, n) => {
      const N = p.dim("N");
      const x = p.input("x", N);
      return p.map("y", [["i", N]], (i = N) => {
        let y = at(p, x, i);
        for (let k = 0; k < n; k++)
          y = b.multiply(p.ir, b.unary(p.ir, "sin", y), b.add(p.ir, y, b.constant(p.ir, 1)));
        return y;
      });
    },
  },
  "a sum of terms": {
    sizes: [1000, 8000],
    make: (p, n) => {
      const N = p.dim("N");
      const x = p.input("x", N);
      return p.map("y", [["i", N]], (i = N) =>
        b.sum(
          p.ir,
          Array.from({ length: n }, (_, k) =>
            b.multiply(p.ir, b.constant(p.ir, k + 2), b.power(p.ir, at(p, x, i), { num: k + 1, den: 3 })),
          ),
        ),
      );
    },
  },
  "definitions in a row": {
    sizes: [100, 800],
    make: (p, n) => {
      const [N, C] = [p.dim("N"), p.dim("C")];
      let last = p.input("x", N, C);
      for (let k = 0; k < n; k++) {
        const before = last;
        last =
          k % 3 === 0
            ? p.map(`e${k}`, [["n", N], ["c", C]], (i = N, c = C) => b.unary(p.ir, "exp", b.unary(p.ir, "sin", at(p, before, i, c)))) // prettier-ignore
            : p.reduce(`r${k}`, [["n", N], ["c", C]], "sum", [["k", C]], (i = N, c = C, r = C) => b.multiply(p.ir, at(p, before, i, r), b.indexValue(p.ir, a.plus(p.ir, r, c)))); // prettier-ignore
      }
      return last;
    },
  },
  "single values that many others need": {
    sizes: [200, 1600],
    make: (p, n) => {
      const inputs = Array.from({ length: n }, (_, k) => p.input(`x${k}`));
      let product = p.map("p", [], () => b.constant(p.ir, 1));
      inputs.forEach((x, k) => {
        const before = product;
        product = p.map(`p${k}`, [], () => b.multiply(p.ir, at(p, before), b.unary(p.ir, "sin", at(p, x))));
      });
      return product;
    },
  },
  "independent definitions": {
    sizes: [100, 800],
    make: (p, n) => {
      const N = p.dim("N");
      const x = p.input("x", N);
      const parts = Array.from({ length: n }, (_, k) =>
        p.reduce(`s${k}`, [], "sum", [["i", N]], (i = N) =>
          b.unary(p.ir, "sin", b.multiply(p.ir, b.constant(p.ir, k + 2), at(p, x, i))),
        ),
      );
      return p.map("y", [], () =>
        b.sum(
          p.ir,
          parts.map((part) => at(p, part)),
        ),
      );
    },
  },
};

const statements = (body: readonly Stmt[]): number => {
  let count = 0;
  for (const stmt of body) {
    count++;
    if (stmt.kind === "for") count += statements(stmt.body);
    if (stmt.kind === "if") count += statements(stmt.then) + statements(stmt.else);
  }
  return count;
};

/** Of the time: noise included, and far below 2. */
const STEEPEST = 1.4;

describe("in the size of the program", () => {
  it.each(Object.entries(FAMILIES))("%s", async (_name, { sizes, make }) => {
    const works = await grown(sizes, STEEPEST, (n) => {
      const p = builder("f");
      const program = p.done(make(p, n));
      return measured(() => statements(kernelOf(p.ir, program).body));
    });
    const [counts, times] = [works.map(({ result }) => result), works.map(({ time }) => time)];
    expect(slope(sizes, counts)).toBeLessThan(1.1);
    expect(slope(sizes, times)).toBeLessThan(STEEPEST);
  });
});
