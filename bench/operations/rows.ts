/** Small programs whose derivatives have published operation counts, or counts that can be worked out by hand. */
import { isScalarValued } from "../../src/diff/index.ts";
import { createArena, specialise, type Program } from "../../src/ir/index.ts";
import { compileModule, gradient, request, toSchedule } from "../../src/pipeline.ts";

export interface CountRow {
  readonly name: string;
  readonly source: string;
  readonly output: string;
  readonly wrt: readonly string[];
  readonly dims: Readonly<Record<string, number>>;
  /** The same at an extent that is counted in a moment. */
  readonly small: Readonly<Record<string, number>>;
  /** At most: the derivative's operations over the function's, or the operations. */
  readonly limit: { readonly ratio: number } | { readonly operations: number };
  /** Counted: the derivative alone, or what it adds to a kernel that computes the function too. */
  readonly rule: "alone" | "added";
  /** Where the limit is from. */
  readonly reference: string;
}

const PUBLISHED = "a published figure, taken as the target";

/** A 6 × 6 determinant by the minors of its last rows. */
export const DETERMINANT = `fn f(a: [6, 6]) {
  m2[i < 6, j < 6] = a[4, i] * a[5, j] - a[4, j] * a[5, i]
  m3[i < 6, j < 6, k < 6] = a[3, i] * m2[j, k] - a[3, j] * m2[i, k] + a[3, k] * m2[i, j]
  m4[i < 6, j < 6, k < 6, l < 6] =
    a[2, i] * m3[j, k, l] - a[2, j] * m3[i, k, l] + a[2, k] * m3[i, j, l] - a[2, l] * m3[i, j, k]
  m5[i < 6, j < 6, k < 6, l < 6, m < 6] =
    a[1, i] * m4[j, k, l, m] - a[1, j] * m4[i, k, l, m] + a[1, k] * m4[i, j, l, m] -
    a[1, l] * m4[i, j, k, m] + a[1, m] * m4[i, j, k, l]
  return a[0, 0] * m5[1, 2, 3, 4, 5] - a[0, 1] * m5[0, 2, 3, 4, 5] + a[0, 2] * m5[0, 1, 3, 4, 5] -
    a[0, 3] * m5[0, 1, 2, 4, 5] + a[0, 4] * m5[0, 1, 2, 3, 5] - a[0, 5] * m5[0, 1, 2, 3, 4]
}`;

export const ROWS: readonly CountRow[] = [
  {
    name: "Rosenbrock, gradient",
    source: `fn f(x: [N]) {
  y[j < 1] = sum[i < N - 1](100 * (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2)
  return y
}`,
    output: "f",
    wrt: ["x"],
    dims: { N: 100 },
    small: { N: 20 },
    limit: { ratio: 1.13 },
    rule: "alone",
    reference: PUBLISHED,
  },
  {
    name: "spherical harmonics to order L, Jacobian by x, y, z",
    source: `fn f(r: [3], norm: [L, L]) {
  c[m < L] = m == 0 ? 1 : r[0] * (c[m - 1] ?? 0) - r[1] * (s[m - 1] ?? 0)
  s[m < L] = m == 0 ? 0 : r[0] * (s[m - 1] ?? 0) + r[1] * (c[m - 1] ?? 0)
  p[l < L, m < L] =
    m > l ? 0 :
    (l == m ? (m == 0 ? 1 : (1 - 2 * m) * (p[l - 1, m - 1] ?? 0)) :
    ((2 * l - 1) * r[2] * (p[l - 1, m] ?? 0) - (l + m - 1) * (p[l - 2, m] ?? 0)) / (l - m))
  y[l, m, k < 2] = k == 0 ? norm[l, m] * p[l, m] * c[m] : norm[l, m] * p[l, m] * s[m]
  return y
}`,
    output: "f",
    wrt: ["r"],
    dims: { L: 40 },
    small: { L: 8 },
    limit: { ratio: 2.4 },
    rule: "alone",
    reference: PUBLISHED,
  },
  {
    name: "(A + B)(AB)ᵀ, Jacobian by A and B",
    source: `fn f(a: [N, N], b: [N, N]) {
  c[i, j] = a[i, j] + b[i, j]
  d[i, j] = sum[k](a[i, k] * b[k, j])
  y[i, j] = sum[k](c[i, k] * d[j, k])
  return y
}`,
    output: "f",
    wrt: ["a", "b"],
    dims: { N: 10 },
    small: { N: 3 },
    limit: { ratio: 3.5 },
    rule: "added",
    reference: PUBLISHED,
  },
  {
    name: "inverse of a pose composed with another, Jacobian by both (quaternions and positions)",
    source: `fn f(p: [4], t: [3], q: [4], u: [3]) {
  // the conjugate of p times q; the fourth component is the real one
  r[i < 4] =
    i == 0 ? p[3] * q[0] - p[0] * q[3] - p[1] * q[2] + p[2] * q[1] :
    (i == 1 ? p[3] * q[1] - p[1] * q[3] - p[2] * q[0] + p[0] * q[2] :
    (i == 2 ? p[3] * q[2] - p[2] * q[3] - p[0] * q[1] + p[1] * q[0] :
              p[3] * q[3] + p[0] * q[0] + p[1] * q[1] + p[2] * q[2]))
  // d turned back by p: d + 2 v × (v × d) - 2 w v × d
  d[i] = u[i] - t[i]
  c[i < 3] =
    i == 0 ? p[1] * d[2] - p[2] * d[1] : (i == 1 ? p[2] * d[0] - p[0] * d[2] : p[0] * d[1] - p[1] * d[0])
  e[i < 3] =
    i == 0 ? p[1] * c[2] - p[2] * c[1] : (i == 1 ? p[2] * c[0] - p[0] * c[2] : p[0] * c[1] - p[1] * c[0])
  s[i < 3] = d[i] + 2 * (e[i] - p[3] * c[i])
  y[k < 7] = k < 4 ? (r[k] ?? 0) : (s[k - 4] ?? 0)
  return y
}`,
    output: "f",
    wrt: ["p", "t", "q", "u"],
    dims: {},
    small: {},
    limit: { operations: 91 },
    rule: "alone",
    reference: PUBLISHED,
  },
  {
    name: "determinant of a 6 × 6 matrix by minors, gradient",
    source: DETERMINANT,
    output: "f",
    wrt: ["a"],
    dims: {},
    small: {},
    limit: { ratio: 4 },
    rule: "alone",
    reference: "the cheap gradient principle (Griewank and Walther, Evaluating Derivatives, 2008)",
  },
  {
    name: "an arm of three joints in the plane, Jacobian of the hand by the angles",
    source: `fn f(q: [3], l: [3]) {
  angle[j < 3] = sum[k < 3](k <= j ? q[k] : 0)
  y[i < 2] = i == 0 ? sum[j](l[j] * cos(angle[j])) : sum[j](l[j] * sin(angle[j]))
  return y
}`,
    output: "f",
    wrt: ["q"],
    dims: {},
    small: {},
    // two sums of angles, six functions, six products, four sums
    limit: { operations: 18 },
    rule: "alone",
    reference: "by hand: the partial sums from the hand inwards are the Jacobian",
  },
];

export interface Counts {
  readonly value: number;
  readonly derivative: number;
  readonly ratio: number;
}

const BUDGET = 100_000;

const countOf = (ir: ReturnType<typeof createArena>, program: Program): number =>
  Number(toSchedule(ir, program, { dtype: "f64", budget: BUDGET }).kernel.about.operations);

export const countsOf = (row: CountRow, dims: Readonly<Record<string, number>>): Counts => {
  const ir = createArena();
  const module = compileModule({ name: "f.grad", text: row.source });
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error(`${row.name} has errors`);
  const f = specialise(ir, program.value, new Map(Object.entries(dims)));
  const value = request(ir, f, { kind: "value", wrt: [] });
  const matrices = row.wrt.map((columns) => ({ rows: f.outputs[0]?.name ?? row.output, columns }));
  const jacobian = isScalarValued(f)
    ? gradient(ir, f, row.wrt)
    : request(ir, f, { kind: "jacobian", wrt: [], matrices });
  const counted = countOf(ir, value);
  const derivative =
    row.rule === "alone" ? countOf(ir, jacobian) : countOf(ir, together(value, jacobian)) - counted;
  return { value: counted, derivative, ratio: derivative / counted };
};

/** One program with the outputs of both; definitions that they share are the same objects. */
const together = (value: Program, derivative: Program): Program => ({
  ...derivative,
  definitions: [...new Set([...value.definitions, ...derivative.definitions])],
  outputs: [...value.outputs, ...derivative.outputs],
});

export const isWithin = ({ limit }: CountRow, { derivative, ratio }: Counts): boolean =>
  "ratio" in limit ? ratio <= limit.ratio : derivative <= limit.operations;
