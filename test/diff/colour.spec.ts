import { describe, expect, it } from "vitest";
import { productsFor, starColours } from "../../src/diff/index.ts";
import { evaluate, extentOf } from "../../src/eval/index.ts";
import { matricesOf } from "../../src/gradcheck/matrix.ts";
import { affine, createArena, type Affine, type Tensor } from "../../src/ir/index.ts";
import { compileModule, request, waysTo, type Ways } from "../../src/pipeline.ts";
import { csr, dense } from "../../src/runtime/index.ts";
import { polynomialText } from "../../src/simplify/index.ts";

const found = (text: string): { products: readonly (string | undefined)[]; ways: readonly Ways[] } => {
  const ir = createArena();
  const module = compileModule({ name: "colour.grad", text });
  const [derive] = module.ok ? module.value.derives : [];
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  const asked = derive?.requests[0];
  if (program?.ok !== true || asked === undefined) throw new Error("nothing is asked for");
  const derived = request(ir, program.value, asked);
  const products = (derived.matrices ?? []).map((matrix) => {
    const number = productsFor(ir, matrix);
    return number && polynomialText(number);
  });
  return { products, ways: waysTo(ir, program.value, asked, derived) };
};

const ROWS: readonly (readonly [text: string, products: string | undefined])[] = [
  // tridiagonal: every third column
  ["fn f(x: [N]) { return sum[i < N - 1]((x[i + 1] - x[i]^2)^2) } derive f { hessian(x) }", "3"],
  ["fn f(x: [N]) { y[i < N - 3] = x[i] * x[i + 3] return y } derive f { jacobian(x) }", "2"],
  // the five points of a stencil tile the plane
  [
    "fn f(u: [H, W]) { return sum[i < H - 1, j < W](exp(u[i + 1, j] - u[i, j])) + sum[i < H, j < W - 1](exp(u[i, j + 1] - u[i, j])) } derive f { hessian(u) }",
    "5",
  ],
  [
    "fn f(x: [T, C]) { y[t < T - 1] = sum[c](x[t, c] * x[t + 1, c]) return sum(y^3) } derive f { hessian(x) }",
    "3·C",
  ],
  ["fn f(x: [V], k: int[N]) { y[n] = exp(x[k[n]]) return y } derive f { jacobian(x) }", undefined],
  ["fn f(x: [N]) { return sum(exp(x)) } derive f { hessian(x) }", undefined],
];

describe("colours of the columns of sparse matrices", () => {
  it.each(ROWS)("%s: %s", (text, products) => {
    expect(found(text).products).toEqual([products]);
  });
});

interface Shape {
  readonly text: string;
  readonly products: string | undefined;
  /** Sizes at which the ways are compared. */
  readonly dims: Readonly<Record<string, number>>;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  band: {
    text: "fn f(x: [12]) { return sum[i < 11](100 * (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2) }",
    products: "3",
    dims: {},
  },
  arrow: { text: "fn f(x: [12]) { return sum[n]((x[n] * x[0])^2) }", products: "2", dims: {} },
  "arrow of three": {
    text: "fn f(x: [40]) { return sum[n](exp(x[n] * x[0] * x[1] * x[2])) }",
    products: "4",
    dims: {},
  },
  reversal: { text: "fn f(x: [12]) { return sum[n](exp(x[n] * x[11 - n])) }", products: "2", dims: {} },
  grid: {
    text: "fn f(u: [6, 5]) { return sum[i < 5, j < 4](sqrt(1 + (u[i + 1, j] - u[i, j])^2 + (u[i, j + 1] - u[i, j])^2)) }",
    products: "7",
    dims: {},
  },
  chain: {
    text: "fn f(x: [N]) { a[i < N - 2] = sin(x[i] + 2 * x[i + 1] * x[i + 2]) b[i < N - 4] = sin(a[i] + 2 * a[i + 1] * a[i + 2]) return sum(b) }",
    products: "9",
    dims: { N: 1000 },
  },
  graph: {
    text: "fn f(x: [V], a: int[E], b: int[E]) { return sum[e](exp(x[a[e]] * x[b[e]])) }",
    products: undefined,
    dims: { V: 1000, E: 3000 },
  },
  springs: {
    text: "fn f(x: [V, 3], a: int[E], b: int[E], l: [E]) { return sum[e]((sqrt(sum[d]((x[a[e], d] - x[b[e], d])^2)) - l[e])^2) }",
    products: undefined,
    dims: { V: 1000, E: 3000 },
  },
};

const hessianOf = (text: string): string =>
  `${text} derive f { hessian(${text.includes("u:") ? "u" : "x"}) }`;

describe("entries one by one", () => {
  it.each(Object.entries(SHAPES))(
    "of a %s cost less than any colouring's products",
    (_, { text, products, dims }) => {
      const { ways } = found(hessianOf(text));
      const [way] = ways;
      const at = (each: Affine | undefined): number =>
        (each && extentOf(each, new Map(Object.entries(dims)))) ?? NaN;
      expect(way?.products && polynomialText(way.products)).toBe(products);
      const least = Math.ceil(at(way?.stored) / at(way?.rows));
      expect(least).toBeGreaterThan(0);
      expect(at(way?.direct)).toBeLessThan(Math.max(2, least) * at(way?.product));
      if (products !== undefined) expect(at(way?.products)).toBeGreaterThanOrEqual(Math.min(2, least));
    },
  );

  it.each(
    Object.entries(SHAPES).filter(
      ([, { products, dims }]) => products !== undefined && Object.keys(dims).length === 0,
    ),
  )("of a %s are what star colours recover from products", (_, { text }) => {
    const ir = createArena();
    const module = compileModule({ name: "colour.grad", text: hessianOf(text) });
    const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
    if (program?.ok !== true) throw new Error("rejected");
    const [{ name, shape }] = program.value.inputs as readonly [Tensor];
    const hessian = request(ir, program.value, {
      kind: "hessian",
      wrt: [],
      matrices: [{ rows: name, columns: name }],
    });
    const product = request(ir, program.value, { kind: "hvp", wrt: [name] });
    const extents = shape.map((extent) => affine.asConstant(extent) ?? NaN);
    const size = extents.reduce((a, b) => a * b, 1);
    const x = {
      shape: extents,
      data: Float64Array.from({ length: size }, (__, k) => Math.sin(3 * k + 1) + 0.5),
    };
    const inputs = { tensors: new Map([[name, x]]) };
    const outputs = new Map([...evaluate(hessian, inputs)].map(([key, array]) => [key, array.data]));
    const matrix = matricesOf(hessian, inputs, outputs).get(`h_${name}_${name}`);
    if (matrix === undefined) throw new Error("no Hessian");
    const expected = dense(matrix);
    const { indptr, indices } = csr(matrix);
    const pattern = Array.from({ length: size }, (__, row) => [
      ...indices.slice(indptr[row], indptr[row + 1]),
    ]);
    const colours = starColours(pattern);
    const products = Array.from({ length: 1 + Math.max(...colours) }, (__, colour) => {
      const direction = {
        shape: extents,
        data: Float64Array.from(colours, (each) => (each === colour ? 1 : 0)),
      };
      const tensors = new Map([...inputs.tensors, [`t_${name}`, direction] as const]);
      return evaluate(product, { tensors }).get(`hv_${name}`)?.data ?? new Float64Array();
    });
    // h[i, j] stands alone in row i of the product with the colour of j, or in row j of that with the colour of i
    const aloneIn = (row: number, column: number): boolean =>
      (pattern[row] ?? []).filter((each) => colours[each] === colours[column]).length === 1;
    const recovered = new Float64Array(size * size);
    pattern.forEach((columns, row) => {
      for (const column of columns) {
        const [from, to] = aloneIn(row, column) ? [row, column] : [column, row];
        expect(aloneIn(from, to)).toBe(true);
        recovered[row * size + column] = products[colours[to] ?? -1]?.[from] ?? NaN;
      }
    });
    const largest = expected.reduce((most, each) => Math.max(most, Math.abs(each)), 1);
    recovered.forEach((value, k) => {
      expect(Math.abs(value - (expected[k] ?? NaN))).toBeLessThan(1e-12 * largest);
    });
  });
});
