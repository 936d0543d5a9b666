/** Members of the families, and parameters, beyond those that reference values exist for: against direct loops. */
import { beforeAll, describe, expect, it } from "vitest";
import { BACKENDS } from "../../src/cli/backends.ts";
import { floatInputs, gradcheck, type CheckedProgram } from "../../src/cli/gradcheck.ts";
import { compileFunctions, readLibrary, type Compiled } from "../../src/cli/library.ts";
import { evaluate } from "../../src/eval/index.ts";
import { formatReport, passes } from "../../src/gradcheck/index.ts";
import { sourceOf, type OperationCase, type Parameter } from "../../src/library/families.ts";
import { forward } from "../../src/pipeline.ts";

type Shape = readonly number[];

/** The element at an index: rows of a table, in row-major order. */
type Read = (...index: readonly number[]) => number;

interface Variant {
  readonly op: string;
  readonly shapes: readonly Shape[];
  readonly params?: Readonly<Record<string, Parameter>>;
  /** The shape of the result, and each element of it. */
  readonly shape: Shape;
  readonly element: (reads: readonly Read[], index: readonly number[]) => number;
}

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, k) => k);
const total = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0);
const sumOver = (n: number, term: (k: number) => number): number => total(range(n).map(term));
const NONE: Read = () => NaN;

/** With the first inputs named, as most loops have one or two. */
const loop =
  (element: (x: Read, w: Read, ...index: readonly number[]) => number): Variant["element"] =>
  ([x = NONE, w = NONE], index) =>
    element(x, w, ...index);

const sorted = (values: readonly number[]): readonly number[] => [...values].sort((p, q) => p - q);

const quantile = (values: readonly number[], part: number): number => {
  const [order, place] = [sorted(values), part * (values.length - 1)];
  const [low, high] = [order[Math.floor(place)] ?? NaN, order[Math.ceil(place)] ?? NaN];
  return low + (high - low) * (place - Math.floor(place));
};

const softmaxOf = (values: readonly number[], k: number): number =>
  Math.exp(values[k] ?? NaN) / total(values.map(Math.exp));

const squares = (values: readonly number[], ddof: number): number => {
  const mean = total(values) / values.length;
  return total(values.map((v) => (v - mean) ** 2)) / (values.length - ddof);
};

const VARIANTS: readonly Variant[] = [
  {
    op: "sum", shapes: [[2, 3, 4]], params: { axis: -1 }, shape: [2, 3],
    element: loop((x, _w, i = 0, j = 0) => sumOver(4, (k) => x(i, j, k))),
  },
  {
    op: "mean", shapes: [[2, 3, 4]], params: { axis: [-3, 1], keepdims: true }, shape: [1, 1, 4],
    element: loop((x, _w, _i, _j, k = 0) => sumOver(2, (i) => sumOver(3, (j) => x(i, j, k))) / 6),
  },
  {
    op: "max", shapes: [[3, 1, 5]], params: { axis: 1 }, shape: [3, 5],
    element: loop((x, _w, i = 0, k = 0) => x(i, 0, k)),
  },
  {
    op: "prod", shapes: [[2, 3]], shape: [],
    element: loop((x) => range(2).reduce((p, i) => p * x(i, 0) * x(i, 1) * x(i, 2), 1)),
  },
  {
    op: "variance", shapes: [[3, 5]], params: { axis: 1, ddof: 1 }, shape: [3],
    element: loop((x, _w, i = 0) => squares(range(5).map((k) => x(i, k)), 1)),
  },
  {
    op: "std", shapes: [[3, 5, 2]], params: { axis: [1, 2], ddof: 1, keepdims: true }, shape: [3, 1, 1],
    element: loop((x, _w, i = 0) => Math.sqrt(squares(range(10).map((k) => x(i, k >> 1, k % 2)), 1))),
  },
  {
    op: "percentile", shapes: [[3, 4]], params: { p: 35 }, shape: [],
    element: loop((x) => quantile(range(12).map((k) => x(k >> 2, k % 4)), 0.35)),
  },
  {
    op: "percentile", shapes: [[3, 4, 2]], params: { axis: [0, 2], p: 100 }, shape: [4],
    element: loop((x, _w, j = 0) => quantile(range(6).map((k) => x(k >> 1, j, k % 2)), 1)),
  },
  {
    op: "median", shapes: [[4, 3]], params: { axis: 0 }, shape: [3],
    element: loop((x, _w, j = 0) => quantile(range(4).map((i) => x(i, j)), 0.5)),
  },
  {
    op: "cumsum", shapes: [[3, 2, 4]], params: { axis: -3 }, shape: [3, 2, 4],
    element: loop((x, _w, i = 0, j = 0, k = 0) => sumOver(i + 1, (n) => x(n, j, k))),
  },
  {
    op: "softmax", shapes: [[3, 2, 4]], params: { axis: 0 }, shape: [3, 2, 4],
    element: loop((x, _w, i = 0, j = 0, k = 0) => softmaxOf(range(3).map((n) => x(n, j, k)), i)),
  },
  {
    op: "log_softmax", shapes: [[5]], shape: [5],
    element: loop((x, _w, i = 0) => Math.log(softmaxOf(range(5).map((n) => x(n)), i))),
  },
  {
    op: "matmul", shapes: [[2, 1, 3, 4], [5, 4, 2]], shape: [2, 5, 3, 2],
    element: loop((a, b, n = 0, h = 0, i = 0, j = 0) => sumOver(4, (k) => a(n, 0, i, k) * b(h, k, j))),
  },
  {
    op: "matmul", shapes: [[3, 2, 4], [4, 2]], shape: [3, 2, 2],
    element: loop((a, b, n = 0, i = 0, j = 0) => sumOver(4, (k) => a(n, i, k) * b(k, j))),
  },
  {
    op: "transpose", shapes: [[2, 3, 4, 5]], params: { axes: [-1, 0, 2, 1] }, shape: [5, 2, 4, 3],
    element: loop((x, _w, i = 0, j = 0, k = 0, l = 0) => x(j, l, k, i)),
  },
  {
    op: "concat", shapes: [[2, 3], [1, 3], [4, 3]], params: { axis: 0 }, shape: [7, 3],
    element: ([a = NONE, b = NONE, c = NONE], [i = 0, j = 0]) =>
      i < 2 ? a(i, j) : i < 3 ? b(i - 2, j) : c(i - 3, j),
  },
  {
    op: "flatten", shapes: [[2, 3, 4]], shape: [2, 12],
    element: loop((x, _w, n = 0, k = 0) => x(n, Math.floor(k / 4), k % 4)),
  },
  {
    op: "prelu", shapes: [[2, 3], [1]], shape: [2, 3],
    element: loop((x, a, i = 0, j = 0) => (x(i, j) > 0 ? x(i, j) : a(0) * x(i, j))),
  },
  {
    op: "power", shapes: [[4]], params: { b: -1.5 }, shape: [4],
    element: loop((x, _w, i = 0) => x(i) ** -1.5),
  },
  {
    op: "clip", shapes: [[6]], params: { lo: 0.8 }, shape: [6],
    element: loop((x, _w, i = 0) => Math.max(x(i), 0.8)),
  },
  {
    op: "add", shapes: [[3, 1, 2], [4, 1]], shape: [3, 4, 2],
    element: loop((a, b, i = 0, j = 0, k = 0) => a(i, 0, k) + b(j, 0)),
  },
  {
    op: "layer_norm", shapes: [[2, 3, 4], [4], [4]], params: { eps: 0.01 }, shape: [2, 3, 4],
    element: ([x = NONE, g = NONE, b = NONE], [i = 0, j = 0, c = 0]) => {
      const row = range(4).map((k) => x(i, j, k));
      return (g(c) * (x(i, j, c) - total(row) / 4)) / Math.sqrt(squares(row, 0) + 0.01) + b(c);
    },
  },
  {
    op: "linear", shapes: [[2, 3, 4], [5, 4], [5]], shape: [2, 3, 5],
    element: ([x = NONE, w = NONE, b = NONE], [i = 0, j = 0, o = 0]) =>
      b(o) + sumOver(4, (k) => x(i, j, k) * w(o, k)),
  },
  {
    op: "maxpool2d", shapes: [[1, 2, 7, 6]], params: { kernel: 3 }, shape: [1, 2, 2, 2],
    element: loop((x, _w, n = 0, c = 0, i = 0, j = 0) =>
      Math.max(...range(9).map((k) => x(n, c, 3 * i + Math.floor(k / 3), 3 * j + (k % 3)))),
    ),
  },
  {
    op: "avgpool2d", shapes: [[1, 1, 5, 4]], params: { kernel: 3, stride: 2, pad: 1 }, shape: [1, 1, 3, 2],
    element: loop((x, _w, _n, _c, i = 0, j = 0) => {
      const at = (r: number, s: number): number => (r < 0 || s < 0 || r > 4 || s > 3 ? 0 : x(0, 0, r, s));
      return sumOver(9, (k) => at(2 * i + Math.floor(k / 3) - 1, 2 * j + (k % 3) - 1)) / 9;
    }),
  },
  {
    op: "conv2d_no_bias", shapes: [[1, 2, 6, 5], [3, 2, 2, 3]], params: { stride: 2, pad: 1, dilation: 2 },
    shape: [1, 3, 3, 2],
    element: loop((x, w, _n, o = 0, i = 0, j = 0) => {
      const at = (c: number, r: number, s: number): number =>
        r < 0 || s < 0 || r > 5 || s > 4 ? 0 : x(0, c, r, s);
      return sumOver(2, (c) =>
        sumOver(6, (k) => {
          const [u, v] = [Math.floor(k / 3), k % 3];
          return at(c, 2 * i + 2 * u - 1, 2 * j + 2 * v - 1) * w(o, c, u, v);
        }),
      );
    }),
  },
]; // prettier-ignore

const operationOf = ({
  op,
  shapes,
  params = {},
}: Pick<Variant, "op" | "shapes" | "params">): OperationCase => ({
  op,
  inputs: shapes.map((shape, k) => ({ name: `in${k}`, shape, dtype: "f64" })),
  params: new Map(Object.entries(params)),
});

const size = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

/** Numbers without ties, some way from each other and from the kinks of these operations. */
const dataOf = (shape: Shape, k: number): Float64Array =>
  Float64Array.from({ length: size(shape) }, (_, n) =>
    Math.fround(0.3 + ((((n + 3 * k) * 37) % 61) / 61) * 1.5),
  );

const readOf =
  (shape: Shape, data: ArrayLike<number>): Read =>
  (...index) =>
    data[index.reduce((position, at, k) => position * (shape[k] ?? 1) + at, 0)] ?? NaN;

const unravel = (position: number, shape: Shape): readonly number[] =>
  shape.reduceRight<readonly number[]>(
    (index, extent, k) => [Math.floor(position / size(shape.slice(k + 1))) % extent, ...index],
    [],
  );

const compileAll = (): ReadonlyMap<string, Compiled> =>
  compileFunctions(
    VARIANTS.map((variant, k) => sourceOf(`f${k}`, operationOf(variant), k % 2 === 0 ? "symbolic" : "fixed")),
    readLibrary(),
  );

describe("variants", () => {
  const programs: CheckedProgram[] = [];

  beforeAll(() => {
    const compiled = compileAll();
    for (const k of VARIANTS.keys()) {
      const made = compiled.get(`f${k}`);
      if (made?.ok !== true) throw new Error(made?.reason ?? "not compiled");
      const dims = new Map(made.program.dims.map(({ name }) => [name, Number(name.slice(1))]));
      programs.push({ ...made, wrt: floatInputs(made.program), settings: { dims } });
    }
  });

  it.each(VARIANTS.map((variant, k) => ({ ...variant, k })))("$op of $shapes, $params", (variant) => {
    const each = programs[variant.k];
    if (each === undefined) throw new Error("not compiled");
    const data = variant.shapes.map(dataOf);
    const tensors = new Map(
      variant.shapes.map((shape, k) => [`in${k}`, { shape, data: data[k] ?? [] }] as const),
    );
    const [output] = [...evaluate(forward(each.ir, each.program), { tensors }).values()];
    const reads = variant.shapes.map((shape, k) => readOf(shape, data[k] ?? []));
    expect(output?.shape).toEqual(variant.shape);
    range(size(variant.shape)).forEach((k) => {
      expect(output?.data[k]).toBeCloseTo(variant.element(reads, unravel(k, variant.shape)), 12);
    });
  });

  it("have the derivatives of their values, in WASM f32 too", async () => {
    const reports = await gradcheck(
      programs,
      BACKENDS.filter(({ dtype }) => dtype === "f32"),
    );
    expect(reports.filter((report) => !passes(report)).flatMap(formatReport)).toEqual([]);
  });
});

describe("parameters", () => {
  const refused: readonly (readonly [
    string,
    readonly Shape[],
    Readonly<Record<string, Parameter>>,
    string,
  ])[] = [
    ["sum", [[2, 3]], { keepdim: 1 }, "sum has no parameter keepdim; there is: axis, keepdims"],
    ["sum", [[2, 3]], { axis: 2 }, "sum of 2 dimensions cannot be along the axes 2"],
    ["sum", [[2, 3]], { axis: [0, -2] }, "sum of 2 dimensions cannot be along the axes 0, -2"],
    ["transpose", [[2, 3]], { axes: [1] }, "transpose needs all axes"],
    ["conv2d", [[1, 1, 3, 3], [1, 1, 2, 2], [1]], { stride: [1, 2] }, "conv2d needs stride as a number"],
    ["mse", [[3], [3]], { reduction: "sum" }, "mse needs reduction as a number"],
    ["matmul", [[2, 3, 4], [4]], {}, "no product of arrays of ranks 3,1"],
    ["cumsum", [[3]], {}, "cumsum needs the number axis"],
  ];

  it.each(refused)(
    "are refused where they are not known: %s of %j with %j",
    (op, shapes, params, message) => {
      expect(() => sourceOf("f", operationOf({ op, shapes, params }), "fixed")).toThrow(message);
    },
  );

  it("that are not options of the function are refused where it is called", () => {
    const source = sourceOf(
      "f",
      operationOf({ op: "mse", shapes: [[3], [3]], params: { weight: 2 } }),
      "fixed",
    );
    const made = compileFunctions([source], readLibrary()).get("f");
    expect(made?.ok === false && made.reason).toContain("`mse` has no option `weight`");
  });
});
