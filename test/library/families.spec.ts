import { describe, expect, it } from "vitest";
import { isDefined, sourceOf, type OperationCase } from "../../src/library/families.ts";

const library = new Set(["gelu", "matvec", "prelu", "std", "huber", "sum"]);

const operation = (
  op: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  params: Readonly<Record<string, number | readonly number[]>> = {},
): OperationCase => ({
  op,
  inputs: Object.entries(shapes).map(([name, shape]) => ({ name, shape, dtype: "f64" })),
  params: new Map(Object.entries(params)),
});

const lines = (each: OperationCase): readonly string[] =>
  sourceOf("f", each, "symbolic").text.trimEnd().split("\n");

describe("sourceOf", () => {
  it("calls a function of the library with the parameters as options", () => {
    const huber = operation("huber", { pred: [3, 7], target: [3, 7] }, { delta: 0.5 });
    expect(sourceOf("f", huber, "fixed")).toEqual({
      name: "f",
      text: "fn f(pred: [3, 7], target: [3, 7]) {\n  return huber(pred, target; delta = 0.5)\n}\n",
      uses: ["huber"],
    });
  });

  it("gives equal sizes one dimension, and leaves a broadcast 1 a number", () => {
    expect(lines(operation("atan2", { a: [3, 1], b: [1, 3] }))).toEqual([
      "fn f(a: [N3, 1], b: [1, N3]) {",
      "  return atan2(a, b)",
      "}",
    ]);
  });

  it("reduces over the axes asked for", () => {
    expect(lines(operation("std", { x: [3, 7, 5] }, { axis: [0, 2] }))[1]).toBe(
      "  y[i1] = std[i0, i2](x[i0, i1, i2])",
    );
    expect(lines(operation("sum", { x: [3] }, { axis: [0] }))[1]).toBe("  return sum[i0](x[i0])");
  });

  it("permutes by the axes asked for, and reverses without any", () => {
    expect(lines(operation("transpose", { x: [2, 3, 4] }, { axes: [2, 0, 1] }))[1]).toBe(
      "  y[i2, i0, i1] = x[i0, i1, i2]",
    );
    expect(lines(operation("transpose", { x: [2, 3] }))[1]).toBe("  y[i1, i0] = x[i0, i1]");
  });

  it("takes the product for the ranks, and none for ranks without one", () => {
    expect(sourceOf("f", operation("matmul", { a: [2, 3], b: [3] }), "fixed").uses).toEqual(["matvec"]);
    expect(() => lines(operation("matmul", { a: [2, 3, 4], b: [4] }))).toThrow(
      "no product of arrays of ranks 3,1",
    );
  });
});

describe("isDefined", () => {
  it("is true of families and of the library", () => {
    expect(["concat", "gelu"].map((op) => isDefined(op, library))).toEqual([true, true]);
    expect(isDefined("lstm_cell", library)).toBe(false);
  });
});
