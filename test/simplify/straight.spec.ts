import * as fc from "fast-check";
import { expect, test } from "vitest";
import { build as b, createArena, type Arena, type Node } from "../../src/ir/index.ts";
import { shareCommon } from "../../src/simplify/index.ts";
import { straightOperations } from "../../src/simplify/cost.ts";
import { grown, measured, slope } from "../growth.ts";
import { scalar, valueOf } from "./evaluate.ts";

const NAMES = ["u", "v", "w", "x", "y", "z"];

const leaves = (ir: Arena): readonly Node[] => NAMES.map((name) => scalar(ir, name));

const counts = (ir: Arena, values: readonly Node[]): { before: number; after: number } => ({
  before: straightOperations(ir, values),
  after: straightOperations(ir, shareCommon(ir, values)),
});

test("a sum inside of a longer sum", () => {
  const ir = createArena();
  const [u, v, w, x] = leaves(ir) as [Node, Node, Node, Node];
  const values = [b.sum(ir, [u, v, w]), b.sum(ir, [u, v, x])];
  expect(counts(ir, values)).toEqual({ before: 4, after: 3 });
});

test("a difference and its opposite", () => {
  const ir = createArena();
  const [u, v, w] = leaves(ir) as [Node, Node, Node];
  const values = [b.multiply(ir, b.subtract(ir, u, v), w), b.subtract(ir, v, u)];
  expect(counts(ir, values)).toEqual({ before: 3, after: 2 });
});

test("a product inside of a longer product, and a square in a cube", () => {
  const ir = createArena();
  const [u, v, w, x] = leaves(ir) as [Node, Node, Node, Node];
  expect(counts(ir, [b.product(ir, [u, v, w]), b.product(ir, [u, v, x])])).toEqual({ before: 4, after: 3 });
  const powers = [b.power(ir, u, { num: 3, den: 1 }), b.power(ir, u, { num: 2, den: 1 })];
  expect(counts(ir, powers)).toEqual({ before: 3, after: 2 });
});

test("a factor of several terms", () => {
  const ir = createArena();
  const [u, v, w, x] = leaves(ir) as [Node, Node, Node, Node];
  const sum = b.sum(ir, [v, w, x].map((each) => b.multiply(ir, u, each))); // prettier-ignore
  expect(counts(ir, [sum])).toEqual({ before: 5, after: 3 });
});

test("a coefficient that all terms have, and pairs with coefficients", () => {
  const ir = createArena();
  const [u, v, w] = leaves(ir) as [Node, Node, Node];
  const double = (node: Node): Node => b.multiply(ir, b.constant(ir, 2), node);
  expect(counts(ir, [b.sum(ir, [double(u), double(v)])])).toEqual({ before: 3, after: 2 });
  const pairs = [b.sum(ir, [u, double(v)]), b.sum(ir, [b.negate(ir, double(v)), b.negate(ir, u), w])];
  expect(counts(ir, pairs).after).toBe(3);
});

/** A value made of earlier ones. */
type Step = readonly [kind: "sum" | "product" | "power" | "sin", operands: readonly [number, number][]];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom("sum", "sum", "product", "product", "power", "sin"),
  fc.array(fc.tuple(fc.nat(99), fc.constantFrom(1, 1, -1, 2, -3)), { minLength: 2, maxLength: 5 }),
);

const built = (ir: Arena, steps: readonly Step[]): readonly Node[] => {
  const values = [...leaves(ir)];
  for (const [kind, operands] of steps) {
    const args = operands.map(([place, factor]) =>
      b.multiply(ir, b.constant(ir, factor), values[place % values.length] ?? b.zero(ir)),
    );
    const first = args[0] ?? b.zero(ir);
    if (kind === "sum") values.push(b.sum(ir, args));
    if (kind === "product") values.push(b.product(ir, args));
    if (kind === "power") values.push(b.power(ir, first, { num: 2, den: 1 }));
    if (kind === "sin") values.push(b.unary(ir, "sin", first));
  }
  return values.slice(NAMES.length);
};

test("random values keep their values, and cost no more", () => {
  const scope = new Map(NAMES.map((name, k) => [name, 0.3 + 0.17 * k * (k % 2 === 0 ? 1 : -1)]));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const ir = createArena();
      const values = built(ir, steps);
      const shared = shareCommon(ir, values);
      expect(straightOperations(ir, shared)).toBeLessThanOrEqual(straightOperations(ir, values));
      values.forEach((value, k) => {
        const [before, after] = [valueOf(value, scope), valueOf(shared[k] ?? b.zero(ir), scope)];
        const scale = Math.max(1, Math.abs(before));
        if (scale < 1e12) expect(Math.abs(after - before) / scale).toBeLessThan(1e-9);
      });
    }),
    { numRuns: 200, seed: 5 },
  );
});

test("pairs of one long sum are found in linear time", async () => {
  const sizes = [500, 4000];
  const costs = await grown(sizes, 1.4, (n) => {
    const ir = createArena();
    const terms = Array.from({ length: n }, (_, k) => scalar(ir, `t${k}`));
    const pairs = Array.from({ length: n / 2 }, (_, k) => b.sum(ir, terms.slice(2 * k, 2 * k + 2)));
    return measured(() => counts(ir, [b.sum(ir, terms), ...pairs]).after);
  });
  // each pair, and their sum
  expect(costs.map(({ result }) => result)).toEqual(sizes.map((n) => n - 1));
  const times = costs.map(({ time }) => time);
  expect(slope(sizes, times)).toBeLessThan(1.4);
});
