import { describe, expect, it } from "vitest";
import { jvp, vjp } from "../../src/diff/index.ts";
import { evaluate } from "../../src/eval/index.ts";
import {
  affine, build, createArena, define, type Arena, type BinaryOp, type Node, type Program, type ReduceOp, type UnaryOp,
} from "../../src/ir/index.ts"; // prettier-ignore

/** y[i] = f(x0[i], x1[i], …) over `count` points. */
const pointwise = (ir: Arena, arity: number, count: number, f: (args: readonly Node[]) => Node): Program => {
  const extent = affine.fixed(ir, count);
  const index = ir.index("i", extent);
  const at = [affine.ofIndex(ir, index)];
  const inputs = Array.from({ length: arity }, (_, k) =>
    ir.tensor({ name: `x${k}`, shape: [extent], dtype: "float", role: "input" }),
  );
  const y = ir.tensor({ name: "y", shape: [extent], dtype: "float", role: "defined" });
  const body = f(inputs.map((tensor) => build.read(ir, tensor, at)));
  return {
    name: "f", doc: "", inputs, dims: [], options: [], requirements: [],
    definitions: [define(ir, { tensor: y, indices: [index], body })], outputs: [{ name: "y", tensor: y }],
  }; // prettier-ignore
};

const run = (
  program: Program,
  inputs: Readonly<Record<string, readonly number[]>>,
): ReadonlyMap<string, Float64Array> => {
  const tensors = new Map(
    Object.entries(inputs).map(([name, data]) => [name, { shape: [data.length], data: [...data] }]),
  );
  return new Map([...evaluate(program, { tensors })].map(([name, { data }]) => [name, data]));
};

/** Two central differences and Richardson's extrapolation of them: error O(h⁴). */
const numerical = (f: (x: number) => number, x: number): number => {
  const central = (h: number): number => (f(x + h) - f(x - h)) / (2 * h);
  const h = 1e-3 * Math.max(Math.abs(x), 0.1);
  return (4 * central(h / 2) - central(h)) / 3;
};

const ALL = [-3.1, -1.2, -0.4, 0.3, 0.9, 2.6];
const UNIT = [-0.9, -0.4, 0.1, 0.7];
const POSITIVE = [0.05, 0.4, 1.3, 7];

const UNARY: { readonly [K in UnaryOp]: readonly number[] } = {
  exp: ALL, expm1: ALL, log: POSITIVE, log1p: POSITIVE, sin: ALL, cos: ALL, tan: UNIT, asin: UNIT, acos: UNIT, atan: ALL,
  sinh: ALL, cosh: ALL, tanh: ALL, asinh: ALL, acosh: [1.2, 3, 40], atanh: UNIT, erf: ALL, erfc: ALL, sigmoid: ALL,
  softplus: ALL, abs: ALL, sign: ALL, floor: ALL, ceil: ALL, round: ALL, trunc: ALL,
}; // prettier-ignore

const BINARY: { readonly [K in BinaryOp]: readonly (readonly [number, number])[] } = {
  pow: [[0.4, 2.5], [1.7, -1.3], [3, 0.2]],
  atan2: [[1, 2], [-0.3, -1], [2, -0.1]],
  hypot: [[3, 4], [-1, 0.5]],
  max: [[1, 2], [2, -1]],
  min: [[1, 2], [2, -1]],
  floordiv: [[7.3, 2], [-7.3, 2.1]],
  mod: [[7.3, 2], [-7.3, 2.1]],
}; // prettier-ignore

describe("partials", () => {
  it.each(Object.entries(UNARY) as [UnaryOp, readonly number[]][])("%s", (op, points) => {
    const ir = createArena();
    const program = pointwise(ir, 1, points.length, ([x]) => build.unary(ir, op, x ?? build.zero(ir)));
    const gradient = run(vjp(ir, program, ["x0"]), { x0: points, d_y: points.map(() => 1) }).get("d_x0");
    points.forEach((x, k) => {
      const f = (at: number): number => run(program, { x0: points.map(() => at) }).get("y")?.[0] ?? NaN;
      const expected = numerical(f, x);
      expect(Math.abs((gradient?.[k] ?? NaN) - expected)).toBeLessThan(
        1e-7 * Math.max(1, Math.abs(expected)),
      );
    });
  });

  it.each(Object.entries(BINARY) as [BinaryOp, readonly (readonly [number, number])[]][])(
    "%s",
    (op, points) => {
      const ir = createArena();
      const program = pointwise(ir, 2, 1, ([x, y]) =>
        build.binary(ir, op, x ?? build.zero(ir), y ?? build.zero(ir)),
      );
      const derived = vjp(ir, program, ["x0", "x1"]);
      for (const [x, y] of points) {
        const value = (a: number, b: number): number =>
          run(program, { x0: [a], x1: [b] }).get("y")?.[0] ?? NaN;
        const got = run(derived, { x0: [x], x1: [y], d_y: [1] });
        expect(got.get("d_x0")?.[0]).toBeCloseTo(
          numerical((a) => value(a, y), x),
          7,
        );
        expect(got.get("d_x1")?.[0]).toBeCloseTo(
          numerical((b) => value(x, b), y),
          7,
        );
      }
    },
  );

  it("powers, long products, selections and stopped gradients", () => {
    const ir = createArena();
    const program = pointwise(ir, 6, 1, (args) => {
      const [a, b = build.zero(ir), c = build.zero(ir)] = args;
      const long = build.product(ir, args);
      const root = build.power(ir, a ?? b, { num: 3, den: 2 });
      const chosen = build.select(ir, build.compare(ir, "<", b, c), build.square(ir, b), build.square(ir, c));
      return build.sum(ir, [long, root, chosen, build.stopGradient(ir, long)]);
    });
    const at = [0.7, 1.1, 1.9, -0.6, 2.2, 0.8];
    const [a, b, c, d, e, f] = at as [number, number, number, number, number, number];
    const inputs = Object.fromEntries(at.map((x, k) => [`x${k}`, [x]]));
    const names = at.map((_, k) => `x${k}`);
    const got = run(vjp(ir, program, names), { ...inputs, d_y: [1] });
    const expected = [
      b * c * d * e * f + 1.5 * Math.sqrt(a), a * c * d * e * f + 2 * b, a * b * d * e * f, a * b * c * e * f,
      a * b * c * d * f, a * b * c * d * e,
    ]; // prettier-ignore
    expected.forEach((value, k) => {
      expect(got.get(`d_x${k}`)?.[0]).toBeCloseTo(value, 12);
    });
  });

  it("a selection not taken contributes nothing, not even NaN", () => {
    const ir = createArena();
    const program = pointwise(ir, 1, 2, ([x = build.zero(ir)]) =>
      build.select(
        ir,
        build.compare(ir, "<", build.constant(ir, 0), x),
        build.sqrt(ir, x),
        build.constant(ir, 0),
      ),
    );
    const got = run(vjp(ir, program, ["x0"]), { x0: [-4, 4], d_y: [1, 1] });
    expect([...(got.get("d_x0") ?? [])]).toEqual([0, 0.25]);
  });
});

/** y = reduce over i of x[i]², with or without ties. */
const reducing = (ir: Arena, op: ReduceOp, count: number): Program => {
  const extent = affine.fixed(ir, count);
  const index = ir.index("i", extent);
  const x = ir.tensor({ name: "x", shape: [extent], dtype: "float", role: "input" });
  const y = ir.tensor({ name: "y", shape: [], dtype: "float", role: "defined" });
  const body = build.square(ir, build.read(ir, x, [affine.ofIndex(ir, index)]));
  return {
    name: "f", doc: "", inputs: [x], dims: [], options: [], requirements: [],
    definitions: [define(ir, { tensor: y, indices: [], reduction: { op, indices: [index] }, body })],
    outputs: [{ name: "y", tensor: y }],
  }; // prettier-ignore
};

const scalarRun = (
  program: Program,
  tensors: Readonly<Record<string, readonly number[]>>,
): ReadonlyMap<string, Float64Array> => {
  const given = new Map(
    Object.entries(tensors).map(([name, data]) => [
      name,
      { shape: name === "d_y" ? [] : [data.length], data: [...data] },
    ]),
  );
  return new Map([...evaluate(program, { tensors: given })].map(([name, { data }]) => [name, data]));
};

const X = [1, -3, 2, 3];
const REDUCTIONS: { readonly [K in Exclude<ReduceOp, "argmax" | "argmin">]: readonly number[] } = {
  sum: [2, -6, 4, 6],
  // d Π x_j² / d x_i = 2 x_i · Π of the other squares
  prod: X.map((x) => (2 * 324) / x),
  max: [0, -3, 0, 3],
  min: [2, 0, 0, 0],
  maxfirst: [0, -6, 0, 0],
  minfirst: [2, 0, 0, 0],
};

describe("reductions", () => {
  it.each(Object.entries(REDUCTIONS) as ["sum", readonly number[]][])("%s: vjp and jvp", (op, expected) => {
    const ir = createArena();
    const program = reducing(ir, op, X.length);
    const gradient = scalarRun(vjp(ir, program, ["x"]), { x: X, d_y: [1] }).get("d_x");
    expected.forEach((value, k) => {
      expect(gradient?.[k]).toBeCloseTo(value, 12);
      const direction = X.map((_, j) => (j === k ? 1 : 0));
      const tangent = scalarRun(jvp(ir, program, ["x"]), { x: X, t_x: direction }).get("t_y");
      expect(tangent?.[0]).toBeCloseTo(value, 12);
    });
  });

  it("the product's gradient is exact where elements are zero", () => {
    const ir = createArena();
    const program = reducing(ir, "prod", 3);
    const second = vjp(ir, program, ["x"]);
    expect([...(scalarRun(second, { x: [2, 0, 3], d_y: [1] }).get("d_x") ?? [])]).toEqual([0, 0, 0]);
  });

  it("a gradient is a program, and can be differentiated again", () => {
    const ir = createArena();
    const twice = vjp(ir, vjp(ir, reducing(ir, "sum", 3), ["x"]), ["x"]);
    const given = new Map([
      ["x", { shape: [3], data: [1, 2, 3] }],
      ["d_y", { shape: [], data: [1] }],
      ["d_d_x", { shape: [3], data: [1, 10, 100] }],
    ]);
    expect([...(evaluate(twice, { tensors: given }).get("d_x")?.data ?? [])]).toEqual([2, 20, 200]);
  });
});
