import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/eval/index.ts";
import { vjp } from "../../src/diff/index.ts";
import {
  affine, build, createArena, define, loopIndices, range, reachable, type Affine, type Arena, type Definition, type Index, type Program,
} from "../../src/ir/index.ts"; // prettier-ignore

/** y[outer…] = Σ inner… guard(read in range, x[at(loops)]) · w[outer…, inner…]; what is read and how often is the case. */
interface Case {
  readonly name: string;
  readonly shape: readonly number[];
  readonly outer: readonly number[];
  readonly inner: readonly number[];
  readonly at: (ir: Arena, v: readonly Affine[]) => readonly Affine[];
  /** The same in numbers. */
  readonly place: (v: readonly number[]) => readonly number[];
  /** Loops that the adjoint sums over, and whether it needs a divisibility guard. */
  readonly loops: number;
  readonly divides: boolean;
}

const n = (ir: Arena, value: number): Affine => affine.fixed(ir, value);
const k = (list: readonly Affine[], position: number): Affine => {
  const item = list[position];
  if (item === undefined) throw new Error("no such loop");
  return item;
};
const combination =
  (constant: number, ...coefficients: number[]) =>
  (ir: Arena, v: readonly Affine[]): Affine =>
    affine.plus(ir, n(ir, constant), ...coefficients.map((c, j) => affine.scale(ir, k(v, j), c)));
const value =
  (constant: number, ...coefficients: number[]) =>
  (v: readonly number[]): number =>
    coefficients.reduce((total, c, j) => total + c * (v[j] ?? 0), constant);

/** A case whose read is a combination of the loops: one row of [constant, …coefficients] for each dimension. */
const linear = (
  name: string,
  rows: readonly (readonly [number, ...number[]])[],
  sizes: Pick<Case, "shape" | "outer" | "inner" | "loops" | "divides">,
): Case => ({
  name,
  ...sizes,
  at: (ir, v) => rows.map((row) => combination(...row)(ir, v)),
  place: (v) => rows.map((row) => value(...row)(v)),
});

const CASES: readonly Case[] = [
  linear("identity", [[0, 1]], { shape: [5], outer: [5], inner: [], loops: 0, divides: false }),
  linear(
    "transpose",
    [
      [0, 0, 1],
      [0, 1],
    ],
    { shape: [4, 3], outer: [3, 4], inner: [], loops: 0, divides: false },
  ),
  linear("broadcast over the first loop", [[0, 0, 1]], {
    shape: [4],
    outer: [3, 4],
    inner: [],
    loops: 1,
    divides: false,
  }),
  linear(
    "reduction",
    [
      [0, 1],
      [0, 0, 1],
    ],
    { shape: [3, 4], outer: [3], inner: [4], loops: 0, divides: false },
  ),
  linear(
    "diagonal",
    [
      [0, 1],
      [0, 1],
    ],
    { shape: [4, 4], outer: [4], inner: [], loops: 0, divides: false },
  ),
  linear(
    "skewed A[i+j, i-j]",
    [
      [0, 1, 1],
      [0, 1, -1],
    ],
    { shape: [7, 4], outer: [4], inner: [3], loops: 0, divides: true },
  ),
  linear("window, stride 1", [[0, 1, 1]], { shape: [8], outer: [6], inner: [3], loops: 1, divides: false }),
  linear("window, padded", [[-1, 1, 1]], { shape: [6], outer: [6], inner: [3], loops: 1, divides: false }),
  linear("window, dilated and padded", [[-2, 1, 2]], {
    shape: [6],
    outer: [6],
    inner: [3],
    loops: 1,
    divides: false,
  }),
  linear("window, stride 2, overlapping", [[-1, 2, 1]], {
    shape: [7],
    outer: [4],
    inner: [3],
    loops: 1,
    divides: false,
  }),
  linear("window, stride 2, not overlapping", [[0, 2, 1]], {
    shape: [8],
    outer: [4],
    inner: [2],
    loops: 0,
    divides: false,
  }),
  linear("window, stride 3, gaps", [[0, 3, 1]], {
    shape: [12],
    outer: [4],
    inner: [2],
    loops: 1,
    divides: false,
  }),
  linear("stride 2 and dilation 3", [[0, 2, 3]], {
    shape: [14],
    outer: [4],
    inner: [3],
    loops: 1,
    divides: true,
  }),
  linear("only every third", [[1, 3]], { shape: [12], outer: [4], inner: [], loops: 0, divides: true }),
  linear("reversed", [[5, -1]], { shape: [6], outer: [6], inner: [], loops: 0, divides: false }),
  linear("a constant place", [[2]], { shape: [4], outer: [3], inner: [], loops: 1, divides: false }),
  linear("three digits of a flat index", [[0, 12, 4, 1]], {
    shape: [24],
    outer: [2, 3],
    inner: [4],
    loops: 0,
    divides: false,
  }),
  linear(
    "2-d window",
    [
      [-1, 2, 0, 1],
      [0, 0, 1, 0, 1],
    ],
    { shape: [6, 5], outer: [3, 4], inner: [3, 2], loops: 2, divides: false },
  ),
  {
    name: "flatten: the digits of one loop",
    shape: [2, 3, 4],
    outer: [24],
    inner: [],
    at: (ir, v) => [
      range.floordiv(ir, k(v, 0), n(ir, 12)),
      range.mod(ir, range.floordiv(ir, k(v, 0), n(ir, 4)), n(ir, 3)),
      range.mod(ir, k(v, 0), n(ir, 4)),
    ],
    place: ([i = 0]) => [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4],
    loops: 0,
    divides: false,
  },
  {
    name: "only a quotient",
    shape: [3],
    outer: [8],
    inner: [],
    at: (ir, v) => [range.floordiv(ir, k(v, 0), n(ir, 3))],
    place: ([i = 0]) => [Math.floor(i / 3)],
    loops: 1,
    divides: false,
  },
  {
    name: "only a remainder",
    shape: [3],
    outer: [8],
    inner: [],
    at: (ir, v) => [range.mod(ir, k(v, 0), n(ir, 3))],
    place: ([i = 0]) => [i % 3],
    loops: 1,
    divides: false,
  },
];

const count = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

const unflatten = (flat: number, sizes: readonly number[]): readonly number[] =>
  sizes.map((size, j) => Math.floor(flat / count(sizes.slice(j + 1))) % size);

const flatten = (place: readonly number[], sizes: readonly number[]): number =>
  place.reduce((flat, p, j) => flat * (sizes[j] ?? 1) + p, 0);

const inside = (place: readonly number[], sizes: readonly number[]): boolean =>
  place.every((p, j) => p >= 0 && p < (sizes[j] ?? 0));

const reading = (ir: Arena, test: Case): Program => {
  const extents = (sizes: readonly number[]): Affine[] => sizes.map((size) => n(ir, size));
  const x = ir.tensor({ name: "x", shape: extents(test.shape), dtype: "float", role: "input" });
  const w = ir.tensor({
    name: "w",
    shape: extents([...test.outer, ...test.inner]),
    dtype: "float",
    role: "input",
  });
  const y = ir.tensor({ name: "y", shape: extents(test.outer), dtype: "float", role: "defined" });
  const outer = test.outer.map((size, j) => ir.index(`o${j}`, n(ir, size)));
  const inner = test.inner.map((size, j) => ir.index(`r${j}`, n(ir, size)));
  const loops = [...outer, ...inner].map((index) => affine.ofIndex(ir, index));
  const at = test.at(ir, loops);
  const there = build.and(
    ir,
    at.map((a, j) => build.inRange(ir, a, n(ir, test.shape[j] ?? 0))),
  );
  const body = build.guard(ir, there, build.multiply(ir, build.read(ir, x, at), build.read(ir, w, loops)));
  const reduction = inner.length === 0 ? undefined : { op: "sum" as const, indices: inner };
  const definition = define(ir, { tensor: y, indices: outer, reduction, body });
  return {
    name: "f", doc: "", inputs: [x, w], dims: [], options: [], requirements: [],
    definitions: [definition], outputs: [{ name: "y", tensor: y }],
  }; // prettier-ignore
};

const adjointOfX = (program: Program): Definition => {
  const output = program.outputs.find(({ name }) => name === "d_x");
  const definition = program.definitions.find(({ tensor }) => tensor === output?.tensor);
  if (definition === undefined) throw new Error("no adjoint");
  return definition;
};

const ramp = (length: number, step: number): Float64Array =>
  Float64Array.from({ length }, (_, j) => Math.sin(1 + j * step));

describe("gather", () => {
  it.each(CASES)("$name: equals the scattered sum, with the fewest loops", (test) => {
    const ir = createArena();
    const derived = vjp(ir, reading(ir, test), ["x"]);
    const w = ramp(count([...test.outer, ...test.inner]), 0.7);
    const dy = ramp(count(test.outer), 1.3);
    const expected = new Float64Array(count(test.shape));
    w.forEach((weight, flat) => {
      const loops = unflatten(flat, [...test.outer, ...test.inner]);
      const place = test.place(loops);
      if (!inside(place, test.shape)) return;
      const target = flatten(place, test.shape);
      expected[target] = (expected[target] ?? 0) + weight * (dy[Math.floor(flat / count(test.inner))] ?? 0);
    });
    const outputs = evaluate(derived, {
      tensors: new Map([
        ["x", { shape: test.shape, data: ramp(count(test.shape), 0.4) }],
        ["w", { shape: [...test.outer, ...test.inner], data: w }],
        ["d_y", { shape: test.outer, data: dy }],
      ]),
    });
    const got = outputs.get("d_x")?.data ?? new Float64Array();
    expect(got.length).toBe(expected.length);
    expected.forEach((e, j) => {
      expect(got[j]).toBeCloseTo(e, 12);
    });
    const adjoint = adjointOfX(derived);
    const kinds = new Set(reachable([adjoint.body]).map((node) => node.kind));
    expect(adjoint.target).toBeUndefined();
    expect(loopIndices(adjoint).length - adjoint.indices.length).toBe(test.loops);
    expect(kinds.has("divides")).toBe(test.divides);
    expect(kinds.has("delta")).toBe(false);
  });
});

const labelled = (ir: Arena, summed: boolean): Program => {
  const [N, C] = [affine.dim(ir, "N"), affine.dim(ir, "C")];
  const x = ir.tensor({ name: "x", shape: summed ? [C] : [N, C], dtype: "float", role: "input" });
  const label = ir.tensor({ name: "label", shape: [N], dtype: "int", role: "input" });
  const y = ir.tensor({ name: "y", shape: [N], dtype: "float", role: "defined" });
  const row: Index = ir.index("n", N);
  const i = affine.ofIndex(ir, row);
  const chosen = affine.ofData(ir, build.read(ir, label, [i]));
  const body = build.square(ir, build.read(ir, x, summed ? [chosen] : [i, chosen]));
  const definition = define(ir, { tensor: y, indices: [row], body });
  return {
    name: "f", doc: "", inputs: [x, label], dims: [], options: [], requirements: [{ kind: "range", tensor: label, extent: C }],
    definitions: [definition], outputs: [{ name: "y", tensor: y }],
  }; // prettier-ignore
};

describe("gather through data", () => {
  const label = { shape: [3], data: [1, 0, 1] };
  const dy = { shape: [3], data: [1, 10, 100] };

  it("a label becomes an equality guard, without a scatter", () => {
    const ir = createArena();
    const derived = vjp(ir, labelled(ir, false), ["x"]);
    expect(adjointOfX(derived).target).toBeUndefined();
    const x = { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] };
    const outputs = evaluate(derived, {
      tensors: new Map([
        ["x", x],
        ["label", label],
        ["d_y", dy],
      ]),
    });
    expect([...(outputs.get("d_x")?.data ?? [])]).toEqual([0, 4, 60, 0, 0, 1200]);
  });

  it("an embedding is the one scatter, and repeated rows add", () => {
    const ir = createArena();
    const derived = vjp(ir, labelled(ir, true), ["x"]);
    expect(adjointOfX(derived).target).toHaveLength(1);
    const x = { shape: [2], data: [2, 3] };
    const outputs = evaluate(derived, {
      tensors: new Map([
        ["x", x],
        ["label", label],
        ["d_y", dy],
      ]),
    });
    expect([...(outputs.get("d_x")?.data ?? [])]).toEqual([40, 606]);
  });
});
