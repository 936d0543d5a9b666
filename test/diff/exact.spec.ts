import { expect, it } from "vitest";
import { exactly } from "../../src/diff/exact.ts";
import { affine, build, createArena, range } from "../../src/ir/index.ts";

it("takes multiples of a quotient for multiples of what was divided, where there is no remainder", () => {
  const ir = createArena();
  const [i, k] = [affine.ofIndex(ir, ir.index("i", affine.dim(ir, "N"))), affine.dim(ir, "k", 1)];
  const place = affine.plus(ir, i, affine.dim(ir, "pad"));
  const quotient = range.floordiv(ir, place, k);
  const guard = build.divides(ir, k, place);
  const back = affine.minus(ir, affine.times(ir, affine.scale(ir, k, 3), quotient), affine.dim(ir, "pad"));
  const of = (a: typeof i) => build.inRange(ir, a, affine.dim(ir, "W"));
  const exact = affine.plus(ir, affine.scale(ir, i, 3), affine.scale(ir, affine.dim(ir, "pad"), 2));
  expect(exactly(ir, [guard], [of(back), of(quotient), guard])).toEqual([of(exact), of(quotient), guard]);
  expect(exactly(ir, [], [of(back)])).toEqual([of(back)]);
  // another divisor
  expect(exactly(ir, [build.divides(ir, affine.dim(ir, "m", 1), place)], [of(back)])).toEqual([of(back)]);
});
