import { describe, expect, it } from "vitest";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import { readsOf, specialise, type Definition } from "../../src/ir/index.ts";
import { tileOf } from "../../src/schedule/tile.ts";
import * as programs from "./programs.ts";
import { expectSame, kernelOf } from "./run.ts";

const tiles = (make: Parameters<typeof programs.example>[0]): Readonly<Record<string, string>> => {
  const { ir, program } = programs.example(make, "f");
  const text = (definition: Definition): string => {
    const tile = tileOf(ir, definition, readsOf([definition.body]));
    if (tile === undefined) return "none";
    const along = tile.kind === "dots" ? [tile.rows, tile.columns, tile.lanes] : [tile.rows, tile.lanes];
    return [tile.kind, ...along.map(({ name }) => name)].join(" ");
  };
  return Object.fromEntries(program.definitions.map((each) => [each.tensor.name, text(each)]));
};

describe("a contraction", () => {
  it("has its vectors where one factor is walked in order: along the result, or along the sum", () => {
    expect(tiles(programs.matmul)).toEqual({
      C: "lanes i0 i1",
      gA: "lanes i0 i1",
      gB: "lanes i0 i1",
      bias: "none",
    });
  });

  it("is a sum in which a factor is used for several elements", () => {
    expect(tiles(programs.crossEntropy)).toMatchObject({ loss: "none" });
    expect(tiles(programs.attention)).toMatchObject({
      score: "lanes i0 i1",
      top: "none",
      y: "lanes i0 i1",
    });
  });
});

const EXTENTS = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 19, 23, 33];

/** Each extent for each loop, and one long sum. */
const SIZES = EXTENTS.map((I, k) => {
  const [J = 0, K = 0] = [5 * k + 3, 3 * k + 1].map((n) => EXTENTS[n % EXTENTS.length]);
  return { I, J, K };
});

it.each(["f32", "f64"] as const)("gives the same for all extents in %s", async (dtype) => {
  const { ir, program } = programs.example(programs.matmul, "f");
  const kernel = kernelOf(ir, program, dtype);
  for (const run of [
    (await instantiateTypeScript([kernel])).get(kernel.name),
    (await instantiateWasm([kernel])).get(kernel.name),
  ]) {
    if (run === undefined) throw new Error("no kernel");
    for (const sizes of [...SIZES, { I: 2, J: 9, K: 2100 }]) expectSame(program, kernel, run, sizes);
  }
});

it.each(["f32", "f64"] as const)("gives the same for padded windows in %s", async (dtype) => {
  const { ir, program } = programs.example(programs.convolution, "f");
  const fixed = specialise(ir, program, new Map([["stride", 1]]));
  const kernel = kernelOf(ir, fixed, dtype);
  for (const run of [
    (await instantiateTypeScript([kernel])).get(kernel.name),
    (await instantiateWasm([kernel])).get(kernel.name),
  ]) {
    if (run === undefined) throw new Error("no kernel");
    for (const [C, W, K] of [
      [9, 11, 5],
      [8, 8, 4],
      [3, 9, 6],
      [9, 5, 2],
    ] as const)
      // prettier-ignore
      expectSame(fixed, kernel, run, { N: 2, C, H: 3, W, K, KH: 3, KW: 2, pad: 1 });
  }
});
