import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../../src/diagnostics/nearest.ts";

/** The textbook table, without a band. */
function fullTable(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number): number => table[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const row = table[i] ?? [];
      row[j] = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return at(a.length, b.length);
}

describe("edit distance", () => {
  it("equals the full table up to the limit", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 4 }), (a, b, limit) => {
        expect(editDistance(a, b, limit)).toBe(Math.min(limit + 1, fullTable(a, b)));
      }),
    );
  });
});

describe("nearest", () => {
  it("finds misspelt names", () => {
    const names = ["softplus", "sigmoid", "logits", "x"];
    expect(nearest("sigmiod", names)).toBe("sigmoid");
    expect(nearest("logit", names)).toBe("logits");
    expect(nearest("Logits", names)).toBe("logits");
    expect(nearest("constructor", names)).toBeUndefined();
    expect(nearest("weights", names)).toBeUndefined();
  });

  it("takes the first of equally near names and never the name itself", () => {
    expect(nearest("cat", ["cat", "bat", "rat"])).toBe("bat");
  });

  it("stays fast on very long names", () => {
    expect(nearest("a".repeat(200_000), ["a".repeat(200_001)])).toBe("a".repeat(200_001));
  });
});
