import { describe, expect, it } from "vitest";
import type { Row } from "../../bench/accuracy/functions.ts";
import { compileRows, instantiateRows } from "../../bench/accuracy/kernels.ts";
import { sweep } from "../../bench/accuracy/sweep.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { nodes, values } from "./expressions.ts";

const row = (name: string, expression: string, kind: Row["kind"]): Row => ({
  name,
  definition: { name, text: `fn ${name}(x: [N]) { return ${expression} }\n`, uses: [] },
  kind,
});

const SPECIAL = [
  row("gelu_scaled", "x * 0.5 * (1 + erf(0.3 * x))", "vjp"),
  row("gelu_steep", "x * (1 + erf(40 * x))", "vjp"),
  row("gelu_mirrored", "x * erfc(x)", "vjp"),
  row("hermite", "x * exp(-x^2 / 3)", "value"),
  row("bell", "exp(1 - 2 * x^2)", "value"),
];

const WIDE = [
  row("logistic", "x * sigmoid(x)", "vjp"),
  row("two_rates", "erfc(x) + exp(-x^2 / 2)", "value"),
  row("two_zeros", "(x^2 - 1) * (x^2 - 4) * exp(-x^2)", "value"),
];

const compiled = compileRows([...SPECIAL, ...WIDE]);
const pairs = await instantiateRows(compiled);

const operationsOf = (kernel: Kernel | undefined): readonly string[] =>
  values(kernel?.body ?? [])
    .flatMap(nodes)
    .flatMap((expr) => ("op" in expr ? [`${expr.type} ${expr.op}`] : []));

describe("a formula in f32", () => {
  it.each(SPECIAL)("is found for $name, with one exponential", ({ name }) => {
    const operations = operationsOf(compiled.find((each) => each.row.name === name)?.f32);
    expect(operations.filter((each) => each === "wide exp")).toHaveLength(1);
    expect(operations.filter((each) => each.startsWith("wide")).length).toBeLessThanOrEqual(5);
    expect(operations.join()).not.toContain("erfc");
  });

  it.each(SPECIAL)("is within 4 ulp for $name", ({ name }) => {
    const pair = pairs.find((each) => each.row.name === name);
    if (pair === undefined) throw new Error(`there is no ${name}`);
    const { worst, nan, infinite } = sweep(pair, 12345, 20_011);
    expect(worst).toBeLessThanOrEqual(4);
    expect([nan, infinite]).toEqual([0, 0]);
  });

  it.each(WIDE)("is not found for $name", ({ name }) => {
    const kernel = compiled.find((each) => each.row.name === name)?.f32;
    expect(operationsOf(kernel).filter((each) => each.startsWith("wide")).length).toBeGreaterThan(5);
  });

  it("is none in f64", () => {
    expect(operationsOf(compiled[0]?.f64).filter((each) => each === "float erfc")).toHaveLength(1);
  });
});
