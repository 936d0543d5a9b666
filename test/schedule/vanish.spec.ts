import { describe, expect, it } from "vitest";
import {
  affine,
  build,
  createArena,
  substitute,
  type Affine,
  type Index,
  type Node,
} from "../../src/ir/index.ts";
import { constants, positions } from "../../src/schedule/unroll.ts";
import { mayBeLeft } from "../../src/schedule/vanish.ts";

const ir = createArena();
const { fixed, ofIndex, minus, plus, scale } = affine;
const [i, j] = [ir.index("i", fixed(ir, 6)), ir.index("j", fixed(ir, 5))];
const [I, J] = [ofIndex(ir, i), ofIndex(ir, j)];
const N = affine.dim(ir, "N");
const x = ir.tensor({ name: "x", shape: [N], dtype: "float", role: "input" });
const value = build.read(ir, x, [I]);
const other = build.read(ir, x, [J]);

const isZero = (a: Affine): Node => build.isZero(ir, a);
const guard = (test: Node, a: Node): Node => build.guard(ir, test, a);
const both = (...tests: readonly Node[]): Node => build.and(ir, tests);
const diagonal = isZero(minus(ir, I, J));
const later = build.inRange(ir, minus(ir, J, I), fixed(ir, 2));
const even = build.divides(ir, fixed(ir, 2), plus(ir, I, J));
const positive = build.compare(ir, "<", build.constant(ir, 0), value);
const open = build.isZero(ir, minus(ir, I, N));

/** Whether substitution of numbers leaves something. */
const somethingAt = (body: Node, values: ReadonlyMap<Index, number>): boolean =>
  substitute(ir, body, constants(ir, values)).kind !== "zero";

const leftAt = (body: Node): readonly (readonly [found: boolean, left: boolean])[] => {
  const counters = new Float64Array(2);
  const decide = mayBeLeft(body, [i, j], counters);
  return positions([i, j]).map((place) => {
    counters.set([place.get(i) ?? 0, place.get(j) ?? 0]);
    return [decide?.() ?? true, somethingAt(body, place)];
  });
};

describe("what tests of indices leave", () => {
  it.each<readonly [string, Node]>([
    ["an equation", guard(diagonal, value)],
    ["a permutation", guard(isZero(minus(ir, affine.fixed(ir, 3), I)), value)],
    ["a range", guard(later, value)],
    ["a divisor", guard(even, value)],
    ["several tests", guard(both(later, even), value)],
    ["one of two", guard(build.or(ir, [diagonal, even]), value)],
    ["the opposite", guard(build.not(ir, both(later, even)), value)],
    ["a sum", build.sum(ir, [guard(diagonal, value), guard(even, other)])],
    ["a product", build.product(ir, [build.unary(ir, "exp", value), guard(later, other)])],
    ["a selection", build.select(ir, diagonal, guard(even, value), guard(later, other))],
    ["a multiple", guard(isZero(minus(ir, scale(ir, I, 2), J)), value)],
  ])("is what substitution leaves: %s", (_what, body) => {
    const places = leftAt(body);
    expect(places.map(([found]) => found)).toEqual(places.map(([, left]) => left));
    expect(new Set(places.map(([found]) => found)).size).toBe(2);
  });

  it.each<readonly [string, Node]>([
    ["a value", value],
    ["a test of a value", guard(positive, value)],
    ["a test of a dimension", guard(open, value)],
    ["a sum with a value", build.sum(ir, [guard(diagonal, value), other])],
  ])("says nothing of %s", (_what, body) => {
    expect(mayBeLeft(body, [i, j], new Float64Array(2))).toBeUndefined();
  });

  it("goes by the tests of indices among others", () => {
    const body = guard(both(positive, diagonal), value);
    for (const [found, left] of leftAt(body)) expect(found).toBe(left);
  });
});
