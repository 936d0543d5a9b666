import { expect, it } from "vitest";
import { supportsOf } from "../../src/diff/support.ts";
import { affine, build, createArena } from "../../src/ir/index.ts";

it("tells where an expression is nothing", () => {
  const ir = createArena();
  const N = affine.dim(ir, "N");
  const t = affine.ofIndex(ir, ir.index("t", N));
  const [a, b] = [build.option(ir, "a"), build.option(ir, "b")];
  const p = build.inRange(ir, affine.plus(ir, t, affine.fixed(ir, -1)), N);
  const q = build.compare(ir, "<", a, b);
  const r = build.compare(ir, "<", b, a);
  const when = (tests: readonly Parameters<typeof build.not>[1][], value = a) =>
    build.guard(ir, build.and(ir, tests), value);
  const rows = [
    [a, build.boolean(ir, true)],
    [build.zero(ir), build.boolean(ir, false)],
    [when([p]), p],
    // a branch of a selection or the other: only what is around both is left
    [build.sum(ir, [when([p, q]), when([p, build.not(ir, q)], b)]), p],
    [build.sum(ir, [when([p, q]), when([p, r], b)]), build.and(ir, [p, build.or(ir, [q, r])])],
    [build.product(ir, [b, build.sum(ir, [when([q]), when([r], b)])]), build.or(ir, [q, r])],
    [build.sum(ir, [b, when([p])]), build.boolean(ir, true)],
  ] as const;
  const supports = supportsOf(
    ir,
    rows.map(([node]) => node),
  );
  for (const [node, expected] of rows) expect(supports.get(node) ?? build.boolean(ir, true)).toBe(expected);
});
