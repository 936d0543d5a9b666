/** Long sums in f32: good to 1e-6, along either axis. */
import { expect, it } from "vitest";
import { build as b } from "../../src/ir/index.ts";
import { builder } from "./programs.ts";
import { compiled, kernelOf } from "./run.ts";

const ROWS = 500_000;
const COLUMNS = 2;

it("sums a million elements, and half a million rows", async () => {
  const p = builder("sums");
  const [N, C] = [p.dim("N"), p.dim("C")];
  const x = p.input("x", N, C);
  const total = p.reduce("total", [], "sum", [["n", N], ["c", C]], (n = N, c = C) => b.read(p.ir, x, [n, c])); // prettier-ignore
  const columns = p.reduce("columns", [["c", C]], "sum", [["n", N]], (c = C, n = N) =>
    b.read(p.ir, x, [n, c]),
  );
  const kernel = kernelOf(p.ir, p.done(total, columns), "f32");
  const data = Float32Array.from({ length: ROWS * COLUMNS }, (_, k) => 0.1 + ((k * 7919) % 1000) / 1000);
  const exact = [0, 0];
  data.forEach((value, k) => (exact[k % COLUMNS] = (exact[k % COLUMNS] ?? 0) + value));
  const results = (await compiled(kernel))({ x: data, N: ROWS, C: COLUMNS });
  const found = [results["total"], ...(results["columns"] as Float32Array)] as readonly number[];
  const wanted = [exact.reduce((sum, each) => sum + each, 0), ...exact];
  wanted.forEach((value, k) => {
    expect(Math.abs((found[k] ?? Number.NaN) / value - 1)).toBeLessThan(1e-6);
  });
});
