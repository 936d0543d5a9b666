import { expect, it } from "vitest";
import { build as b, createArena } from "../../src/ir/index.ts";
import { costOf, costWithin, isExpensive } from "../../src/schedule/cost.ts";

const ir = createArena();
const x = b.option(ir, "x");

it("orders operations by what they cost", () => {
  const square = b.square(ir, x);
  const quotient = b.reciprocal(ir, x);
  const exponential = b.unary(ir, "exp", x);
  expect(costOf(square)).toBeLessThan(costOf(quotient));
  expect(costOf(quotient)).toBeLessThan(costOf(exponential));
  expect([square, quotient, exponential].map(isExpensive)).toEqual([false, false, true]);
});

it("counts what is shared once, and stops at its limit", () => {
  const square = b.square(ir, x);
  const sum = b.sum(ir, [square, b.multiply(ir, square, b.option(ir, "y"))]);
  expect(costWithin(sum, 10)).toBe(3);
  expect(costWithin(sum, 2)).toBe(Infinity);
});
