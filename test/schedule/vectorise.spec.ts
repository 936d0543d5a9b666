import { expect, it } from "vitest";
import { specialise } from "../../src/ir/index.ts";
import { vectorise } from "../../src/schedule/vectorise.ts";
import { fused } from "./passes.ts";
import * as programs from "./programs.ts";

const modes = (
  make: Parameters<typeof programs.example>[0],
  sizes: Readonly<Record<string, number>> = {},
): Readonly<Record<string, readonly boolean[]>> => {
  const { ir, program } = programs.example(make, "f");
  const { items, locations } = fused(ir, specialise(ir, program, new Map(Object.entries(sizes))).definitions);
  const vector = vectorise(items);
  return Object.fromEntries(
    [...locations].map(([tensor, { path }]) => [tensor.name, path.map((loop) => vector.has(loop))]),
  );
};

it("takes innermost loops, and columns of the results of contractions", () => {
  expect(modes(programs.matmul)).toEqual({
    C: [false, true, false],
    gA: [false, true, false],
    gB: [false, true, false],
    bias: [false, true],
  });
});

it("leaves loops whose iterations depend on each other, or may meet at one element", () => {
  expect(modes(programs.recurrence)).toEqual({ y: [false] });
  expect(modes(programs.reductions)["argmin"]).toEqual([false, false]);
  expect(modes(programs.embedding)["gt"]).toEqual([false, false]);
});

it("leaves loops shorter than a vector", () => {
  expect(modes(programs.elementwise, { N: 3 })["gx"]).toEqual([false]);
  expect(modes(programs.elementwise, { N: 4 })["gx"]).toEqual([true]);
});
