import { describe, expect, it } from "vitest";
import { formulas } from "../../src/explain/index.ts";
import {
  affine,
  build,
  createArena,
  define,
  type Arena,
  type Node,
  type Program,
  type Reduction,
} from "../../src/ir/index.ts";

interface Scene {
  readonly ir: Arena;
  readonly x: Node;
  readonly label: Node;
  readonly alpha: Node;
  readonly here: { readonly n: Node; readonly isLabel: Node };
}

/** y[n] = body, or y[n] = Σ_c body, over x[n, c] and label[n]. */
const programOf = (body: (scene: Scene) => Node, op?: Reduction["op"]): Program => {
  const ir = createArena();
  const [N, C] = [affine.dim(ir, "N"), affine.dim(ir, "C")];
  const [n, c] = [ir.index("n", N), ir.index("c", C)];
  const [i, j] = [affine.ofIndex(ir, n), affine.ofIndex(ir, c)];
  const x = ir.tensor({ name: "x", shape: [N, C], dtype: "float", role: "input" });
  const label = ir.tensor({ name: "label", shape: [N], dtype: "int", role: "input" });
  const tag = build.read(ir, label, [i]);
  const scene: Scene = {
    ir,
    x: build.read(ir, x, [i, op === undefined ? affine.fixed(ir, 0) : j]),
    label: tag,
    alpha: build.option(ir, "alpha"),
    here: {
      n: build.indexValue(ir, i),
      isLabel: build.isZero(ir, affine.minus(ir, j, affine.ofData(ir, tag))),
    },
  };
  const y = ir.tensor({ name: "y", shape: [N], dtype: "float", role: "defined" });
  const reduction = op && { op, indices: [c] };
  return {
    name: "f", doc: "", inputs: [x, label], dims: [], options: [], requirements: [],
    definitions: [define(ir, { tensor: y, indices: [n], reduction, body: body(scene) })],
    outputs: [{ name: "y", tensor: y }],
  }; // prettier-ignore
};

const CASES: readonly (readonly [
  string,
  Reduction["op"] | undefined,
  (scene: Scene) => Node,
  string,
  string,
])[] = [
  [
    "decimals, and fractions that are none",
    undefined,
    ({ ir, x }) => {
      const of = (num: number, den: number): Node => build.exact(ir, { num, den });
      return build.sum(ir, [
        of(1, 1e12),
        build.multiply(ir, of(3, 10), x),
        build.multiply(ir, of(3, 8), build.unary(ir, "exp", x)),
        build.multiply(ir, of(1, 10), build.unary(ir, "sin", x)),
        build.multiply(ir, of(7, 1e12), build.unary(ir, "cos", x)),
      ]);
    },
    "y[n] = 1e-12 + 0.3 · x[n, 0] + 3 · exp(x[n, 0]) / 8 + sin(x[n, 0]) / 10 + 7e-12 · cos(x[n, 0])",
    "y_{n} &= 10^{-12} +0.3 \\, x_{n, 0} +\\frac{3 \\, \\exp\\left(x_{n, 0}\\right)}{8} +\\frac{\\sin\\left(x_{n, 0}\\right)}{10} +7 \\cdot 10^{-12} \\, \\cos\\left(x_{n, 0}\\right)",
  ],
  [
    "a quotient with signs and roots",
    undefined,
    ({ ir, x, alpha }) =>
      build.product(ir, [build.constant(ir, -2), build.power(ir, x, { num: -1, den: 2 }), alpha]),
    "y[n] = -2 · alpha / sqrt(x[n, 0])",
    "y_{n} &= -\\frac{2 \\, \\alpha}{\\sqrt{x_{n, 0}}}",
  ],
  [
    "a difference in a power",
    undefined,
    ({ ir, x, alpha }) => build.square(ir, build.subtract(ir, x, alpha)),
    "y[n] = (x[n, 0] - alpha)^2",
    "y_{n} &= {\\left(x_{n, 0} -\\alpha\\right)}^{2}",
  ],
  [
    "a guard as an indicator in a sum",
    "sum",
    ({ ir, x, here }) => build.guard(ir, here.isLabel, build.unary(ir, "exp", x)),
    "y[n] = Σ[c] [c = label[n]] · exp(x[n, c])",
    "y_{n} &= \\sum_{c} \\left[c = \\mathrm{label}_{n}\\right] \\, \\exp\\left(x_{n, c}\\right)",
  ],
  [
    "a selection",
    undefined,
    ({ ir, x }) =>
      build.select(
        ir,
        build.compare(ir, "<", x, build.constant(ir, 0)),
        build.negate(ir, x),
        build.exact(ir, { num: 1, den: 3 }),
      ),
    "y[n] = (x[n, 0] < 0 ? -x[n, 0] : 1 / 3)",
    "y_{n} &= \\begin{cases} -x_{n, 0} & x_{n, 0} < 0 \\\\ \\frac{1}{3} & \\text{otherwise} \\end{cases}",
  ],
  [
    "numbers from indices and data",
    undefined,
    ({ ir, label, here }) =>
      build.add(ir, label, build.product(ir, [build.exact(ir, { num: 1, den: 2 }), here.n])),
    "y[n] = label[n] + n / 2",
    "y_{n} &= \\mathrm{label}_{n} +\\frac{n}{2}",
  ],
];

describe("formulas", () => {
  it.each(CASES)("%s", (_name, op, body, text, latex) => {
    const program = programOf(body, op);
    expect(formulas(program, "text")).toEqual([text]);
    expect(formulas(program, "latex")).toEqual([`\\begin{aligned}\n  ${latex}\n\\end{aligned}`]);
  });

  it("names a part that is used again, and so stays linear in depth", () => {
    const program = programOf(({ ir, x }) => {
      let f = x;
      for (let k = 0; k < 200; k++)
        f = build.multiply(ir, build.unary(ir, "sin", f), build.add(ir, f, build.constant(ir, 1)));
      return f;
    });
    const [text = ""] = formulas(program, "text");
    expect(text.split("\n").length).toBeGreaterThan(50);
    expect(text.length).toBeLessThan(200 * 60);
  });

  it.each([
    [1, 0, "[n + 1 < N]"],
    [-1, 0, "[n ≥ 1]"],
    [-1, -1, "[n ≥ 1]"],
    [0, -1, "[n < N - 1]"],
    [-1, -2, "[0 ≤ n - 1 < N - 2]"],
    [-2, 1, "[n ≥ 2]"],
  ])("writes of 0 ≤ n + (%i) < N + (%i) what the range of n does not say", (shift, more, text) => {
    const program = programOf(({ ir, x, here }) => {
      const [n] = here.n.kind === "index" ? here.n.value.indices : [];
      if (n === undefined) throw new Error("no index");
      const value = affine.plus(ir, affine.ofIndex(ir, n), affine.fixed(ir, shift));
      return build.guard(ir, build.inRange(ir, value, affine.plus(ir, n.extent, affine.fixed(ir, more))), x);
    });
    expect(formulas(program, "text")).toEqual([`y[n] = ${text} · x[n, 0]`]);
  });

  it("writes conditions with parentheses, numbers on the right, and equalities that do not hold as such", () => {
    const program = programOf(({ ir, x, alpha }) => {
      const [zero, one] = [build.constant(ir, 0), build.constant(ir, 1)];
      const isPositive = build.compare(ir, "<", zero, x);
      const isZero = build.compare(ir, "==", x, zero);
      const isOne = build.compare(ir, "==", alpha, one);
      const either = build.or(ir, [isPositive, isOne]);
      const neither = build.not(ir, build.and(ir, [isZero, isOne]));
      return build.guard(ir, build.and(ir, [either, neither]), x);
    });
    const nested = ({ ir, x, alpha, label }: Scene): Node => {
      const isOrigin = build.and(ir, [
        build.compare(ir, "==", x, build.constant(ir, 0)),
        build.compare(ir, "==", alpha, build.constant(ir, 1)),
      ]);
      const isAbove = build.compare(ir, "<", build.constant(ir, 2), label);
      return build.guard(ir, build.or(ir, [build.not(ir, isOrigin), isAbove]), x);
    };
    const [text = ""] = formulas(program, "text");
    const [latex = ""] = formulas(program, "latex");
    expect(formulas(programOf(nested), "text")).toEqual([
      "y[n] = [label[n] > 2 or alpha ≠ 1 or x[n, 0] ≠ 0] · x[n, 0]",
    ]);
    expect(text).toBe("y[n] = [(alpha = 1 or x[n, 0] > 0) and (alpha ≠ 1 or x[n, 0] ≠ 0)] · x[n, 0]");
    expect(latex).toContain(
      "\\left[\\left(\\alpha = 1 \\vee x_{n, 0} > 0\\right) \\wedge \\left(\\alpha \\ne 1 \\vee x_{n, 0} \\ne 0\\right)\\right]",
    );
  });

  it("lets no name act as a command", () => {
    const ir = createArena();
    const y = ir.tensor({ name: "\\input{x}_%", shape: [], dtype: "float", role: "defined" });
    const program: Program = {
      name: "f", doc: "", inputs: [], dims: [], options: [], requirements: [],
      definitions: [define(ir, { tensor: y, indices: [], body: build.constant(ir, 1) })], outputs: [{ name: "y", tensor: y }],
    }; // prettier-ignore
    expect(formulas(program, "latex")[0]).toContain("\\mathrm{\\backslash{}input\\{x\\}\\_\\%} &= 1");
  });
});
