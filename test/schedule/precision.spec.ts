import { describe, expect, it } from "vitest";
import { createArena } from "../../src/ir/index.ts";
import type { FloatType } from "../../src/loop/types.ts";
import { compileModule, request, toKernel, type Request } from "../../src/pipeline.ts";
import { nodes, values } from "./expressions.ts";

const VALUE: Request = { kind: "value", wrt: [] };

/** The operations of `fn f(parameters) { return expression }`, with their types: `wide exp`. */
const operationsOf = (
  parameters: string,
  expression: string,
  asked: Request = VALUE,
  dtype: FloatType = "f32",
): readonly string[] => {
  const module = compileModule({ name: "f.grad", text: `fn f(${parameters}) { return ${expression} }` });
  if (!module.ok) throw new Error(module.diagnostics.map(({ message }) => message).join("\n"));
  const ir = createArena();
  const program = module.value.functions.get("f")?.program(ir);
  if (program?.ok !== true) throw new Error("there is no f");
  return values(toKernel(ir, request(ir, program.value, asked), { dtype }).body)
    .flatMap(nodes)
    .flatMap((expr) => ("op" in expr ? [`${expr.type} ${expr.op}`] : []));
};

const isWide = (operations: readonly string[]): boolean => operations.some((each) => each.startsWith("wide"));

describe("in f64 is", () => {
  it.each([
    ["the square in an exponent", "exp(-x^2 / 2)"],
    ["an argument of erfc with any scale", "erfc(0.7 * x)"],
    ["a polynomial with an option", "sigmoid(x * alpha + x^3)"],
    ["a product with what may underflow", "x * sigmoid(x)"],
    ["a power of what may overflow", "1 / cosh(x)^2"],
  ])("%s", (_, expression) => {
    expect(isWide(operationsOf("x: [N]; alpha = 2", expression))).toBe(true);
  });

  it("what belongs to one read of a product, and the rest is not", () => {
    const operations = operationsOf("x: [N]", "x * sigmoid(x)", { kind: "vjp", wrt: ["x"] });
    expect(operations.filter((each) => each.startsWith("float"))).toEqual(["float mul"]);
    expect(operations.filter((each) => each === "wide sigmoid")).toHaveLength(2);
  });
});

describe("in f32 is", () => {
  it.each([
    ["a function of a read", "x: [N]", "exp(x)"],
    ["a function of -x or 2x, which are exact", "x: [N]", "exp(-x) + sigmoid(2 * x)"],
    ["a polynomial alone", "x: [N]", "x^3 / 7 + x"],
    ["a function that magnifies nothing", "x: [N]", "tanh(x^2 / 3)"],
    ["what several reads go into", "x: [N], y: [N]", "exp(x * y / 3)"],
    ["a sum of functions", "x: [N]", "1 + exp(x)"],
  ])("%s", (_, parameters, expression) => {
    expect(isWide(operationsOf(parameters, expression))).toBe(false);
  });

  it("what is used elsewhere too", () => {
    const operations = operationsOf("x: [N], y: [N]", "x * sigmoid(x) + (y + 1) * sigmoid(x) * y");
    expect(operations.filter((each) => each.endsWith("sigmoid"))).toEqual(["float sigmoid"]);
  });
});

it("nothing changes in an f64 kernel", () => {
  expect(isWide(operationsOf("x: [N]", "x * erfc(-x / sqrt(2))", VALUE, "f64"))).toBe(false);
});

it("values with several users in f64 are computed once", () => {
  const operations = operationsOf("x: [N]", "x * tanh(softplus(x))");
  expect(operations.filter((each) => each.endsWith("sigmoid"))).toEqual(["wide sigmoid"]);
});
