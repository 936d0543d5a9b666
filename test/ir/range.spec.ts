import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { affine, build as b, createArena, range, type Affine, type Arena } from "../../src/ir/index.ts";

/** A random index expression over two indices and a dim, with what it is in numbers. */
interface Sample {
  readonly make: (ir: Arena, i: Affine, j: Affine, n: Affine) => Affine;
  readonly value: (i: number, j: number, n: number) => number;
}

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  fc.integer({ min: -4, max: 4 }).map((c): Sample => ({ make: (ir) => affine.fixed(ir, c), value: () => c })),
  fc.constant<Sample>({ make: (_ir, i) => i, value: (i) => i }),
  fc.constant<Sample>({ make: (_ir, _i, j) => j, value: (_i, j) => j }),
  fc.constant<Sample>({ make: (_ir, _i, _j, n) => n, value: (_i, _j, n) => n }),
);

const sample: fc.Arbitrary<Sample> = fc.letrec<{ node: Sample }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.tuple(tie("node"), tie("node")).map(([a, b]): Sample => ({
      make: (ir, i, j, n) => affine.plus(ir, a.make(ir, i, j, n), b.make(ir, i, j, n)),
      value: (i, j, n) => a.value(i, j, n) + b.value(i, j, n),
    })),
    fc.tuple(tie("node"), fc.integer({ min: -3, max: 3 })).map(([a, c]): Sample => ({
      make: (ir, i, j, n) => affine.scale(ir, a.make(ir, i, j, n), c),
      value: (i, j, n) => a.value(i, j, n) * c,
    })),
    fc.tuple(tie("node"), fc.integer({ min: 1, max: 5 })).map(([a, c]): Sample => ({
      make: (ir, i, j, n) => range.floordiv(ir, a.make(ir, i, j, n), affine.fixed(ir, c)),
      value: (i, j, n) => Math.floor(a.value(i, j, n) / c),
    })),
    fc.tuple(tie("node"), fc.integer({ min: 1, max: 5 })).map(([a, c]): Sample => ({
      make: (ir, i, j, n) => range.mod(ir, a.make(ir, i, j, n), affine.fixed(ir, c)),
      value: (i, j, n) => a.value(i, j, n) - c * Math.floor(a.value(i, j, n) / c),
    })),
  ),
})).node;

const J_EXTENT = 4;

/** All (i, j, n) with 0 ≤ i < n, 0 ≤ j < 4. */
const points = (): readonly (readonly [number, number, number])[] => {
  const all: [number, number, number][] = [];
  for (const n of [1, 2, 5])
    for (let i = 0; i < n; i++) for (let j = 0; j < J_EXTENT; j++) all.push([i, j, n]);
  return all;
};

describe("one range implies another", () => {
  const ir = createArena();
  const W = affine.dim(ir, "W", 0);
  const j = affine.ofIndex(ir, ir.index("j", W));
  const at = (c: number): Affine => affine.plus(ir, j, affine.fixed(ir, c));
  const upTo = (c: number): Affine => affine.plus(ir, W, affine.fixed(ir, c));
  const inside = (value: number, extent: number) => b.inRange(ir, at(value), upTo(extent));

  it("where it holds at every point, and only there", () => {
    const shifts = [-2, -1, 0, 1, 2];
    const cases = shifts.flatMap((v) => shifts.flatMap((e) => shifts.flatMap((w) => shifts.map((f) => [v, e, w, f] as const)))); // prettier-ignore
    for (const [v, e, w, f] of cases) {
      if (!b.implies(ir, inside(v, e), inside(w, f))) continue;
      for (let width = 0; width < 8; width++) {
        for (let k = 0; k < width; k++) {
          const given = 0 <= k + v && k + v < width + e;
          expect(!given || (0 <= k + w && k + w < width + f), String([v, e, w, f, width, k])).toBe(true);
        }
      }
    }
  });

  it("and the other is left out of what both guard", () => {
    expect(b.and(ir, [inside(-1, -1), inside(-1, 0)])).toBe(inside(-1, -1));
    expect(b.and(ir, [inside(1, 0), inside(2, 1)])).toBe(inside(1, 0));
    const both = b.and(ir, [inside(-1, 0), inside(1, 0)]);
    expect(both.kind).toBe("and");
  });
});

describe("range analysis", () => {
  it("proves only what is true at every point, and divides as numbers do", () => {
    fc.assert(
      fc.property(sample, ({ make, value }) => {
        const ir = createArena();
        const n = affine.dim(ir, "n", 1);
        const i = ir.index("i", n);
        const j = ir.index("j", affine.fixed(ir, J_EXTENT));
        const expression = make(ir, affine.ofIndex(ir, i), affine.ofIndex(ir, j), n);
        const [nonNegative, positive] = [
          range.provablyNonNegative(ir, expression),
          range.provablyPositive(ir, expression),
        ];
        for (const [a, b, c] of points()) {
          const put = affine.mapAffine(
            ir,
            expression,
            {
              index: (index) => affine.fixed(ir, index === i ? a : b),
              dim: () => affine.fixed(ir, c),
              data: (node) => affine.ofData(ir, node),
            },
            range.division(ir),
          );
          expect(affine.asConstant(put)).toBe(value(a, b, c) + 0);
          if (nonNegative) expect(value(a, b, c)).toBeGreaterThanOrEqual(0);
          if (positive) expect(value(a, b, c)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("proves what derivatives and layers need", () => {
    const ir = createArena();
    const [C, H, W, K] = ["C", "H", "W", "K"].map((name) => affine.dim(ir, name)) as [
      Affine,
      Affine,
      Affine,
      Affine,
    ];
    const flat = ir.index("k", affine.times(ir, C, affine.times(ir, H, W)));
    const k = affine.ofIndex(ir, flat);
    const plane = affine.times(ir, H, W);
    expect(range.provablyInRange(ir, range.floordiv(ir, k, plane), C)).toBe(true);
    // k // W % H needs its modulus, k // (H·W) does not
    expect(range.mod(ir, range.floordiv(ir, k, plane), C)).toBe(range.floordiv(ir, k, plane));
    // a window that fits: 0 ≤ i + u < H for i < H - K + 1, u < K
    const i = affine.ofIndex(
      ir,
      ir.index("i", affine.plus(ir, H, affine.scale(ir, K, -1), affine.fixed(ir, 1))),
    );
    const u = affine.ofIndex(ir, ir.index("u", K));
    expect(range.provablyInRange(ir, affine.plus(ir, i, u), H)).toBe(true);
    expect(range.provablyInRange(ir, affine.plus(ir, i, u, affine.fixed(ir, 1)), H)).toBe(false);
    // a strided one: i·s + u ≤ H - 1 for i < (H - K) // s + 1
    const s = affine.dim(ir, "s", 1);
    const steps = affine.plus(ir, range.floordiv(ir, affine.minus(ir, H, K), s), affine.fixed(ir, 1));
    const strided = affine.plus(ir, affine.times(ir, affine.ofIndex(ir, ir.index("p", steps)), s), u);
    expect(range.provablyInRange(ir, strided, H)).toBe(true);
  });
});
