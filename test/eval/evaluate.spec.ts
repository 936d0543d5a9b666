import { describe, expect, it } from "vitest";
import { evaluate, evaluateWithError, type Inputs } from "../../src/eval/index.ts";
import {
  affine, build as b, createArena, define, type Affine, type Definition, type Node, type Program, type ReduceOp, type Tensor,
} from "../../src/ir/index.ts"; // prettier-ignore

const F32 = { unitRoundoff: 2 ** -24, underflow: 2 ** -149, largest: 3.4028234663852886e38 };

const program = (
  inputs: readonly Tensor[],
  definitions: readonly Definition[],
  rest: Partial<Program> = {},
): Program => ({
  name: "f",
  doc: "",
  inputs,
  dims: [],
  options: [],
  requirements: [],
  definitions,
  outputs: definitions.slice(-1).map(({ tensor }) => ({ name: tensor.name, tensor })),
  ...rest,
});

const given = (
  tensors: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>,
): Inputs => ({
  tensors: new Map(Object.entries(tensors).map(([name, [shape, data]]) => [name, { shape, data }])),
});

const result = (p: Program, inputs: Inputs): readonly number[] => [
  ...(evaluate(p, inputs).get(p.outputs[0]?.name ?? "")?.data ?? []),
];

const setUp = () => {
  const ir = createArena();
  const input = (name: string, shape: readonly Affine[], dtype: "float" | "int" = "float"): Tensor =>
    ir.tensor({ name, shape, dtype, role: "input" });
  const defined = (name: string, shape: readonly Affine[], dtype: "float" | "int" = "float"): Tensor =>
    ir.tensor({ name, shape, dtype, role: "defined" });
  const n = affine.dim(ir, "N", 1);
  const i = ir.index("i", n);
  const at = affine.ofIndex(ir, i);
  return { ir, input, defined, n, i, at };
};

/** y = op over i of x[i] */
const reduceAll = (op: ReduceOp, data: readonly number[]): number | undefined => {
  const { ir, input, defined, n, i, at } = setUp();
  const x = input("x", [n]);
  const y = define(ir, {
    tensor: defined("y", []),
    indices: [],
    reduction: { op, indices: [i] },
    body: b.read(ir, x, [at]),
  });
  const p = program([x], [y], { dims: [{ name: "N", min: 0, default: undefined }] });
  return result(p, given({ x: [[data.length], data] }))[0];
};

describe("evaluate", () => {
  it("multiplies matrices, with dims from the shapes", () => {
    const { ir, input, defined } = setUp();
    const [M, K, N] = [affine.dim(ir, "M"), affine.dim(ir, "K"), affine.dim(ir, "N")];
    const [i, j, k] = [ir.index("i", M), ir.index("j", N), ir.index("k", K)];
    const [ai, aj, ak] = [affine.ofIndex(ir, i), affine.ofIndex(ir, j), affine.ofIndex(ir, k)];
    const [a, c] = [input("a", [M, K]), input("b", [K, N])];
    const body = b.multiply(ir, b.read(ir, a, [ai, ak]), b.read(ir, c, [ak, aj]));
    const y = define(ir, {
      tensor: defined("y", [M, N]),
      indices: [i, j],
      reduction: { op: "sum", indices: [k] },
      body,
    });
    const p = program([a, c], [y]);
    expect(result(p, given({ a: [[1, 2], [1, 2]], b: [[2, 3], [1, 2, 3, 4, 5, 6]] }))).toEqual([9, 12, 15]); // prettier-ignore
    expect(() => result(p, given({ a: [[1, 2], [1, 2]], b: [[3, 1], [1, 2, 3]] }))).toThrow(/should be/); // prettier-ignore
  });

  it("has no output of a negative extent", () => {
    const { ir, input, defined } = setUp();
    const N = affine.dim(ir, "N");
    const shorter = affine.plus(ir, N, affine.fixed(ir, -2));
    const [i, x] = [ir.index("i", shorter), input("x", [N])];
    const body = b.read(ir, x, [affine.ofIndex(ir, i)]);
    const p = program([x], [define(ir, { tensor: defined("y", [shorter]), indices: [i], body })]);
    expect(result(p, given({ x: [[2], [1, 2]] }))).toEqual([]);
    expect(() => result(p, given({ x: [[1], [1]] }))).toThrow("an extent of y is -1");
  });

  it.each<[ReduceOp, readonly number[], number]>([
    ["sum", [], 0],
    ["prod", [], 1],
    ["max", [], -Infinity],
    ["min", [], Infinity],
    ["sum", [1, 1e100, 1, -1e100], 2],
    ["max", [1, NaN, 3], NaN],
    ["maxfirst", [1, 3, 2], 3],
    ["argmax", [1, 3, 3, 2], 1],
    ["argmin", [4, 1, 3, 1], 1],
    ["argmax", [1, NaN, 7, NaN], 1],
    ["sum", [Infinity, 1], Infinity],
  ])("reduces by %s over %j", (op, data, expected) => {
    expect(reduceAll(op, data)).toEqual(expected);
  });

  it("does not read in the branch that is not taken, also where a node is shared by two branches", () => {
    const { ir, input, defined, n, i, at } = setUp();
    const x = input("x", [n]);
    const before = affine.minus(ir, at, affine.fixed(ir, 1));
    const [inside, value] = [b.inRange(ir, before, n), b.read(ir, x, [before])];
    const body = b.sum(ir, [
      b.guard(ir, inside, b.unary(ir, "exp", value)),
      b.guard(
        ir,
        b.and(ir, [b.compare(ir, "<", b.constant(ir, 1), value), inside]),
        b.unary(ir, "exp", value),
      ),
      b.select(ir, inside, value, b.constant(ir, 7)),
    ]);
    const p = program([x], [define(ir, { tensor: defined("y", [n]), indices: [i], body })]);
    expect(result(p, given({ x: [[3], [0, 2, 5]] }))).toEqual([7, 1, 2 * Math.exp(2) + 2]);
  });

  it("names a read that is out of bounds", () => {
    const { ir, input, defined, n, i, at } = setUp();
    const x = input("x", [n]);
    const body = b.read(ir, x, [affine.plus(ir, at, affine.fixed(ir, 1))]);
    const p = program([x], [define(ir, { tensor: defined("y", [n]), indices: [i], body })]);
    expect(() => result(p, given({ x: [[2], [1, 2]] }))).toThrow("x[2] is read, but its shape is [2]");
  });

  it("runs a recurrence in row-major order", () => {
    const { ir, input, defined, n, i, at } = setUp();
    const [x, y] = [input("x", [n]), defined("y", [n])];
    const before = affine.minus(ir, at, affine.fixed(ir, 1));
    const earlier = b.select(ir, b.inRange(ir, before, n), b.read(ir, y, [before]), b.constant(ir, 0));
    const body = b.add(ir, b.read(ir, x, [at]), earlier);
    const p = program([x], [define(ir, { tensor: y, indices: [i], body })]);
    expect(result(p, given({ x: [[4], [1, 2, 3, 4]] }))).toEqual([1, 3, 6, 10]);
  });

  it("scatters by data, and refuses labels outside of their range", () => {
    const { ir, input, defined, n, i, at } = setUp();
    const [g, label] = [input("g", [n]), input("label", [n], "int")];
    const V = affine.dim(ir, "V");
    const target = [affine.ofData(ir, b.read(ir, label, [at]))];
    const y = define(ir, { tensor: defined("y", [V]), indices: [i], target, body: b.read(ir, g, [at]) });
    const p = program([g, label], [y], { requirements: [{ kind: "range", tensor: label, extent: V }] });
    const inputs = given({ g: [[3], [1, 2, 4]], label: [[3], [2, 0, 2]] });
    expect(result(p, { ...inputs, dims: new Map([["V", 4]]) })).toEqual([2, 0, 5, 0]);
    expect(() => result(p, { ...inputs, dims: new Map([["V", 2]]) })).toThrow(
      "label[0] is 2, outside of 0 … 1",
    );
  });

  it("evaluates a chain of 100,000 nodes with a branch that is not taken at its end", () => {
    const { ir, input, defined } = setUp();
    const x = input("x", []);
    let deep: Node = b.read(ir, x, []);
    for (let k = 0; k < 100_000; k++) deep = b.unary(ir, "sin", deep);
    const short = input("short", [affine.fixed(ir, 0)]);
    const lazy = b.guard(
      ir,
      b.compare(ir, "<", deep, b.constant(ir, -2)),
      b.read(ir, short, [affine.fixed(ir, 0)]),
    );
    const p = program(
      [x, short],
      [define(ir, { tensor: defined("y", []), indices: [], body: b.add(ir, deep, lazy) })],
    );
    let expected = 1;
    for (let k = 0; k < 100_000; k++) expected = Math.sin(expected);
    expect(result(p, given({ x: [[], [1]], short: [[0], []] }))).toEqual([expected]);
  });
});

describe("evaluateWithError", () => {
  const boundOf = (make: (ir: ReturnType<typeof createArena>, x: Node) => Node, value: number) => {
    const { ir, input, defined } = setUp();
    const x = input("x", []);
    const y = define(ir, { tensor: defined("y", []), indices: [], body: make(ir, b.read(ir, x, [])) });
    const bounded = evaluateWithError(program([x], [y]), given({ x: [[], [value]] }), F32).get("y");
    return { value: bounded?.data[0] ?? NaN, error: bounded?.error[0] ?? NaN };
  };

  it("bounds what cancellation does in f32", () => {
    const x = Math.fround(1.2345e-3);
    const { value, error } = boundOf((ir, a) => b.subtract(ir, b.unary(ir, "exp", a), b.constant(ir, 1)), x);
    const inF32 = Math.fround(Math.fround(Math.exp(x)) - 1);
    expect(Math.abs(inF32 - value)).toBeLessThanOrEqual(error);
    expect(error).toBeLessThan(1e-6);
    expect(error).toBeGreaterThan(1e-9);
  });

  it("counts a comparison that rounding may turn, and not one of exact numbers", () => {
    const step = (ir: ReturnType<typeof createArena>, a: Node, test: Node): Node =>
      b.select(ir, b.compare(ir, "<", a, test), b.constant(ir, 10), b.constant(ir, 20));
    const third = b.constant;
    expect(boundOf((ir, a) => step(ir, a, third(ir, 1)), 1).error).toBe(0);
    expect(boundOf((ir, a) => step(ir, b.unary(ir, "exp", a), b.constant(ir, Math.E)), 1).error).toBe(10);
  });
});
