/** Random programs of the language: a list of steps, each of which defines a tensor from earlier ones. */
import fc from "fast-check";

/** Extents of x [N, C], y [C] and z [N]; small, and not multiples of a vector's width. */
export const EXTENTS = { N: 3, C: 5 } as const;

type Shape = "NC" | "C" | "N" | "";

interface Value {
  readonly name: string;
  readonly shape: Shape;
}

interface Step {
  readonly form: number;
  readonly first: number;
  readonly second: number;
}

/** What a form makes of its operands: the text of a definition's right side (or of all of it), and the shape. */
type Form = (
  a: Value,
  b: Value,
  name: string,
) => { readonly text: string; readonly shape: Shape } | undefined;

const whole = (text: (a: string) => string): Form => {
  return (a, _b, name) => ({ text: `${name} = ${text(a.name)}`, shape: a.shape });
};

/** Shapes that broadcast against each other as NumPy's do. */
const joined = (a: Shape, b: Shape): Shape | undefined => {
  if (a === b || b === "") return a;
  if (a === "") return b;
  return a !== "N" && b !== "N" ? "NC" : undefined;
};

const pair =
  (text: (a: string, b: string) => string): Form =>
  (a, b, name) => {
    const shape = joined(a.shape, b.shape);
    return shape === undefined ? undefined : { text: `${name} = ${text(a.name, b.name)}`, shape };
  };

const rows =
  (text: (a: string) => string): Form =>
  (a, _b, name) =>
    a.shape === "NC" ? { text: `${name}[n] = ${text(a.name)}`, shape: "N" } : undefined;

const columns =
  (text: (a: string) => string): Form =>
  (a, _b, name) =>
    a.shape === "NC" ? { text: `${name}[c] = ${text(a.name)}`, shape: "C" } : undefined;

const along =
  (text: (a: string) => string): Form =>
  (a, _b, name) =>
    a.shape === "C" ? { text: `${name}[c < C] = ${text(a.name)}`, shape: "C" } : undefined;

/** Values stay of moderate size: what grows is squashed, what could divide by zero does not. */
const FORMS: readonly Form[] = [
  whole((a) => `sin(${a})`),
  whole((a) => `tanh(${a})`),
  whole((a) => `sigmoid(${a}) - 0.25`),
  whole((a) => `exp(-${a}^2)`),
  whole((a) => `log(1 + ${a}^2)`),
  whole((a) => `sqrt(1 + ${a}^2)`),
  whole((a) => `${a} > 0.1 ? ${a}^2 : 0.5 * ${a}`),
  whole((a) => `softplus(${a}) / 2`),
  whole((a) => `erf(${a}) + 1`),
  whole((a) => `(2 + sin(${a}))^1.5`),
  pair((a, b) => `${a} + ${b}`),
  pair((a, b) => `${a} - 0.5 * ${b}`),
  pair((a, b) => `tanh(${a}) * ${b}`),
  pair((a, b) => `${a} / (1 + ${b}^2)`),
  pair((a, b) => `maximum(${a}, ${b})`),
  pair((a, b) => `atan2(${a}, 2 + sin(${b}))`),
  rows((a) => `sum[c](${a}[n, c])`),
  rows((a) => `mean[c](${a}[n, c]^2)`),
  rows((a) => `max[c](${a}[n, c])`),
  rows((a) => `logsumexp[c](${a}[n, c])`),
  rows((a) => `prod[c](0.5 + sigmoid(${a}[n, c]))`),
  rows((a) => `${a}[n, label[n]]`),
  columns((a) => `sum[n](${a}[n, c] * sin(${a}[n, c]))`),
  columns((a) => `min[n](${a}[n, c])`),
  along((a) => `(${a}[c - 1] ?? 0) - 0.5 * ${a}[c]`),
  along((a) => `sum[k < 3](0.3 * (${a}[c + k - 1] ?? 0))`),
  along((a) => `${a}[C - 1 - c]`),
  (a, b, name) =>
    a.shape === "NC" && b.shape === "C"
      ? { text: `${name}[n] = sum[c](${a.name}[n, c] * ${b.name}[c])`, shape: "N" }
      : undefined,
  (a, b, name) =>
    a.shape === "NC" && b.shape === "N"
      ? { text: `${name}[n, c] = ${a.name}[n, c] * tanh(${b.name}[n])`, shape: "NC" }
      : undefined,
  (a, b, name) =>
    a.shape === "NC" && b.shape === "NC"
      ? { text: `${name}[n, c] = sum[m < N](tanh(${a.name}[n, c] * ${b.name}[m, c]))`, shape: "NC" }
      : undefined,
];

const PARAMETERS: readonly Value[] = [
  { name: "x", shape: "NC" },
  { name: "y", shape: "C" },
  { name: "z", shape: "N" },
];

const at = <T>(list: readonly T[], position: number): T => {
  const item = list[position % list.length];
  if (item === undefined) throw new Error("an empty list");
  return item;
};

const sourceOf = (steps: readonly Step[]): string => {
  const values = [...PARAMETERS];
  const lines: string[] = [];
  for (const { form, first, second } of steps) {
    const made = at(FORMS, form)(at(values, first), at(values, second), `t${lines.length}`);
    if (made === undefined) continue;
    values.push({ name: `t${lines.length}`, shape: made.shape });
    lines.push(`  ${made.text}`);
  }
  const used = values.slice(-3).map(({ name }) => `mean(${name})`);
  return [
    "fn f(x: [N, C], y: [C], z: [N], label: int[N]) {",
    ...lines,
    `  return ${used.join(" + ")}`,
    "}",
    "",
  ].join("\n");
};

const number = fc.nat({ max: 1000 });

export interface RandomProgram {
  readonly source: string;
  readonly inputs: ReadonlyMap<
    string,
    { readonly shape: readonly number[]; readonly data: readonly number[] }
  >;
}

const EXTENT_OF: { readonly [S in Shape]: readonly number[] } = {
  NC: [EXTENTS.N, EXTENTS.C],
  C: [EXTENTS.C],
  N: [EXTENTS.N],
  "": [],
};

const valuesFor = (shape: readonly number[]): fc.Arbitrary<readonly number[]> => {
  const count = shape.reduce((a, b) => a * b, 1);
  // multiples of 1/64 are the same in f32 and f64, and ties between them are rare
  const value = fc.integer({ min: -127, max: 127 }).map((k) => (k === 0 ? 1 : k) / 64);
  return fc.array(value, { minLength: count, maxLength: count });
};

/** The formats of operands show in the source only through shapes; a failure shrinks to few steps and small numbers. */
export const randomProgram: fc.Arbitrary<RandomProgram> = fc
  .record({
    steps: fc.array(fc.record({ form: number, first: number, second: number }), {
      minLength: 1,
      maxLength: 9,
    }),
    data: fc.tuple(...PARAMETERS.map(({ shape }) => valuesFor(EXTENT_OF[shape]))),
    label: fc.array(fc.nat({ max: EXTENTS.C - 1 }), { minLength: EXTENTS.N, maxLength: EXTENTS.N }),
  })
  .map(({ steps, data, label }) => ({
    source: sourceOf(steps),
    inputs: new Map([
      ...PARAMETERS.map(
        ({ name, shape }, k) => [name, { shape: EXTENT_OF[shape], data: data[k] ?? [] }] as const,
      ),
      ["label", { shape: [EXTENTS.N], data: label }] as const,
    ]),
  }));
