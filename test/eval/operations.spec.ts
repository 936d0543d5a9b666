import { describe, expect, it } from "vitest";
import { BINARY, UNARY } from "../../src/eval/operations.ts";

describe("the tables", () => {
  it("propagate NaN through every operation", () => {
    for (const [op, f] of Object.entries(UNARY)) expect(f(NaN), op).toBeNaN();
    for (const [op, f] of Object.entries(BINARY)) {
      expect(f(NaN, 2), op).toBeNaN();
      expect(f(2, NaN), op).toBeNaN();
    }
  });

  it("take signs as IEEE does", () => {
    expect([UNARY.sign(-0), UNARY.sign(-3), UNARY.abs(-0), UNARY.neg(0)]).toEqual([-0, -1, 0, -0]);
    expect([BINARY.max(-0, 0), BINARY.min(-0, 0), BINARY.hypot(3, -4), BINARY.atan2(-0, -1)]).toEqual([
      0,
      -0,
      5,
      -Math.PI,
    ]);
    expect([BINARY.add(1, 2), BINARY.sub(1, 2), BINARY.mul(3, 2), BINARY.div(1, 2)]).toEqual([3, -1, 6, 0.5]);
  });
});
