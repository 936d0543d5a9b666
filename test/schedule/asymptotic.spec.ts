import { describe, expect, it } from "vitest";
import { build, createArena, operandsOf, type Arena, type Node } from "../../src/ir/index.ts";
import { asymptoticOf, numberAt, valueAt } from "../../src/schedule/asymptotic.ts";

const ir: Arena = createArena();
const x = build.option(ir, "x");
const c = (value: number): Node => build.constant(ir, value);
const sum = (...args: Node[]): Node => build.sum(ir, args);
const product = (...args: Node[]): Node => build.product(ir, args);
const square = (a: Node): Node => product(a, a);
const density = (rate: number): Node => build.unary(ir, "exp", product(c(-rate), square(x)));
const erfc = (slope: number): Node => build.unary(ir, "erfc", product(c(slope), x));

/** The nodes over x, operands first. */
const nodesOf = (root: Node): readonly Node[] => {
  const found = new Set<Node>([root]);
  for (const node of found) {
    if (node === x || node.kind === "constant") continue;
    for (const operand of operandsOf(node)) found.add(operand);
  }
  return [...found].filter((node) => node !== x && node.kind !== "constant").sort((a, b) => a.id - b.id);
};

const splitOf = (root: Node) => asymptoticOf(nodesOf(root), x);

const FORMS: Readonly<Record<string, Node>> = {
  "a density": density(0.5),
  "erfc of either sign": sum(erfc(0.7), product(c(3), erfc(-0.7))),
  "the derivative of x erfc(-x)": sum(erfc(-1), product(c(1.1), x, density(1))),
  "a product of two": product(x, erfc(-0.5), sum(c(2), density(0.25))),
  "a power": product(square(erfc(0.5)), x),
};

describe("c(x) + e^(-κx²) h(x)", () => {
  it.each(Object.entries(FORMS))("is the same number for %s", (_, root) => {
    const found = splitOf(root);
    if (found === undefined) throw new Error("there is no such form");
    const { rate, below, above, slow } = found;
    for (const at of [-6, -1.5, -0.25, 0.125, 0.75, 2, 5]) {
      const value = valueAt(at < 0 ? below : above, at) + Math.exp(-rate * at * at) * slow(at);
      const exact = numberAt(nodesOf(root), x, at);
      expect(Math.abs(value - exact)).toBeLessThanOrEqual(1e-14 * Math.max(1, Math.abs(exact)));
    }
  });

  it("keeps the digits of what decays", () => {
    const { rate, slow } = splitOf(erfc(1)) ?? { rate: NaN, slow: Math.sin };
    // e^(u²) erfc(u) = 1/(√π u) (1 − 1/(2u²) + …)
    expect(slow(10) * Math.sqrt(Math.PI) * 10).toBeCloseTo(1 - 1 / 200 + 3 / 40_000 - 15 / 8_000_000, 6);
    expect(rate).toBe(1);
  });

  it("has the polynomial that the function tends to", () => {
    expect(splitOf(product(x, erfc(-1)))).toMatchObject({ below: [], above: [0, 2] });
    expect(splitOf(sum(c(1), density(1)))).toMatchObject({ below: [1], above: [1] });
  });

  it.each([
    ["two rates", sum(density(1), density(0.5))],
    ["what grows", density(-1)],
    ["another function", product(build.unary(ir, "sigmoid", x), density(1))],
    ["a shifted argument", build.unary(ir, "erfc", sum(x, c(1)))],
    ["no exponential", square(x)],
  ])("is not found for %s", (_, root) => {
    expect(splitOf(root)).toBeUndefined();
  });
});
