import fc from "fast-check";
import { expect, it } from "vitest";
import { parts, visitAll } from "../../src/syntax/walk.ts";
import { arbitraryExpression } from "./arbitrary.ts";
import { parsedExpression } from "./helpers.ts";

it("visits every expression once, with its depth", () => {
  const seen: string[] = [];
  visitAll([parsedExpression("f(a, sum[i < n](x[i]); k = -b)")], (expression, depth) => {
    seen.push(`${depth} ${expression.kind === "name" ? expression.text : expression.kind}`);
  });
  expect(seen.sort()).toEqual(["1 call", "2 a", "2 negate", "2 reduce", "3 b", "3 n", "3 read", "4 i"]);
});

it("agrees with recursion on any tree", () => {
  fc.assert(
    fc.property(arbitraryExpression, (root) => {
      const count = (of: typeof root): number => parts(of).reduce((sum, part) => sum + count(part), 1);
      let visited = 0;
      visitAll([root], () => {
        visited += 1;
      });
      expect(visited).toBe(count(root));
    }),
  );
});
