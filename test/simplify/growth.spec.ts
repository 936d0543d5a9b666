/** Work grows linearly with a program: nodes made and time used, from n to 10 n. */
import { describe, expect, test } from "vitest";
import { vjp } from "../../src/diff/index.ts";
import { affine, build as b, createArena, define } from "../../src/ir/index.ts";
import type { Arena, Node, Program } from "../../src/ir/index.ts";
import { simplify } from "../../src/simplify/index.ts";
import { grown, measured, slope, type Measured } from "../growth.ts";

const pointwise = (ir: Arena, value: (x: Node) => Node): Program => {
  const N = affine.dim(ir, "N", 1);
  const index = ir.index("n", N);
  const x = ir.tensor({ name: "x", shape: [N], dtype: "float", role: "input" });
  const y = ir.tensor({ name: "y", shape: [N], dtype: "float", role: "defined" });
  const body = value(b.read(ir, x, [affine.ofIndex(ir, index)]));
  return {
    name: "f",
    doc: "",
    inputs: [x],
    dims: [{ name: "N", min: 1, default: undefined }],
    options: [],
    requirements: [],
    definitions: [define(ir, { tensor: y, indices: [index], body })],
    outputs: [{ name: "y", tensor: y }],
  };
};

const constantOf = (ir: Arena, k: number): Node => b.exact(ir, { num: k + 2, den: 7919 });

const repeated = (n: number, start: Node, step: (value: Node, k: number) => Node): Node => {
  let value = start;
  for (let k = 0; k < n; k++) value = step(value, k);
  return value;
};

/** One definition for each step, each read by the next. */
const chainOfDefinitions = (ir: Arena, n: number): Program => {
  const first = pointwise(ir, (x) => x);
  const [x] = first.inputs;
  const [copy] = first.definitions;
  if (x === undefined || copy === undefined) throw new Error("no definition");
  const definitions = [copy];
  for (let k = 0; k < n; k++) {
    const tensor = ir.tensor({ ...copy.tensor, name: `y${k}` });
    const last = definitions.at(-1) ?? copy;
    const value = b.read(
      ir,
      last.tensor,
      last.indices.map((index) => affine.ofIndex(ir, index)),
    );
    const body = b.unary(ir, "sin", b.multiply(ir, value, b.add(ir, value, b.constant(ir, 1))));
    definitions.push({ ...copy, tensor, body });
  }
  return { ...first, definitions, outputs: [{ name: "y", tensor: (definitions.at(-1) ?? copy).tensor }] };
};

const FAMILIES: Readonly<Record<string, (ir: Arena, n: number) => Program>> = {
  "a chain of functions": (ir, n) =>
    pointwise(ir, (x) => repeated(n, x, (value) => b.unary(ir, "sin", value))),
  "nested sin(f)(f + 1)": (ir, n) =>
    pointwise(ir, (x) =>
      repeated(n, x, (f) => b.multiply(ir, b.unary(ir, "sin", f), b.add(ir, f, b.constant(ir, 1)))),
    ),
  "a sum of terms": (ir, n) =>
    pointwise(ir, (x) =>
      repeated(n, x, (sum, k) => b.add(ir, sum, b.unary(ir, "sin", b.multiply(ir, x, constantOf(ir, k))))),
    ),
  "a product of factors": (ir, n) =>
    pointwise(ir, (x) =>
      repeated(n, x, (product, k) => b.multiply(ir, product, b.add(ir, x, constantOf(ir, k)))),
    ),
  "a chain of definitions": chainOfDefinitions,
};

const workOf = async (make: (ir: Arena, n: number) => Program, n: number): Promise<Measured<number>> => {
  const ir = createArena();
  const forward = make(ir, n);
  const before = ir.size();
  const derivative = vjp(ir, simplify(ir, forward, { mode: "user" }), ["x"]);
  const { result, time } = await measured(() => simplify(ir, derivative));
  expect(result.definitions.length).toBeGreaterThan(0);
  return { result: ir.size() - before, time };
};

const SIZES = [120, 1200];
const STEEPEST = 1.1;

describe("growth", () => {
  test.each(Object.entries(FAMILIES))("%s: nodes and time by a slope of at most 1.1", async (_name, make) => {
    await workOf(make, SIZES[0] ?? 1); // the passes themselves are compiled on first use
    const works = await grown(SIZES, STEEPEST, (n) => workOf(make, n));
    const [nodes, times] = [works.map(({ result }) => result), works.map(({ time }) => time)];
    expect(slope(SIZES, nodes)).toBeLessThanOrEqual(STEEPEST);
    expect(slope(SIZES, times)).toBeLessThanOrEqual(STEEPEST);
  });

  test("depth is no limit", () => {
    const ir = createArena();
    const deep = FAMILIES["a chain of functions"]?.(ir, 50_000);
    expect(deep && simplify(ir, deep)).toBe(deep);
  });
});
