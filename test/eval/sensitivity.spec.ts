import { describe, expect, it } from "vitest";
import { BINARY_SENSITIVITY, UNARY_SENSITIVITY } from "../../src/eval/sensitivity.ts";
import { BINARY, UNARY } from "../../src/eval/operations.ts";
import type { BinaryOp, UnaryOp } from "../../src/ir/index.ts";

const H = 2 ** -17;

/** Inside of every function's domain, but acosh's and, for the others, beyond 1. */
const POINTS: { readonly [K in UnaryOp]?: readonly number[] } = { acosh: [1.5, 3] };

describe("the sensitivity of a function", () => {
  it.each(Object.entries(UNARY_SENSITIVITY) as [UnaryOp, (typeof UNARY_SENSITIVITY)[UnaryOp]][])(
    "%s is the size of its slope",
    (op, sensitivity) => {
      const f = UNARY[op];
      for (const x of POINTS[op] ?? [-0.7, 0.3, 0.9]) {
        const slope = (f(x + H) - f(x - H)) / (2 * H);
        if (Number.isNaN(slope)) continue;
        if (sensitivity === "jumps") expect(slope).toBe(0);
        else expect(Math.abs(sensitivity.derivative(x, f(x)))).toBeCloseTo(Math.abs(slope), 7);
      }
    },
  );

  it.each(Object.entries(BINARY_SENSITIVITY) as [BinaryOp, (typeof BINARY_SENSITIVITY)[BinaryOp]][])(
    "%s is at least the size of its slopes",
    (op, sensitivity) => {
      if (sensitivity === "jumps") {
        expect(["floordiv", "mod"]).toContain(op);
        return;
      }
      const f = BINARY[op];
      for (const [a, b] of [
        [0.7, 1.3],
        [1.9, -0.4],
        [2.5, 2],
      ] as const) {
        // prettier-ignore
        const z = f(a, b);
        const [first, second] = [
          (f(a + H, b) - f(a - H, b)) / (2 * H),
          (f(a, b + H) - f(a, b - H)) / (2 * H),
        ];
        expect(Math.abs(sensitivity.first(a, b, z))).toBeGreaterThanOrEqual(Math.abs(first) - 1e-7);
        expect(Math.abs(sensitivity.second(a, b, z))).toBeGreaterThanOrEqual(Math.abs(second) - 1e-7);
      }
    },
  );
});
