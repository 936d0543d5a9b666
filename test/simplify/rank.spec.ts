import { expect, it } from "vitest";
import { evaluate } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, request, type Request } from "../../src/pipeline.ts";
import { operationCount } from "../../src/simplify/index.ts";

const derived = (text: string): { ir: Arena; program: Program } => {
  const module = compileModule({ name: "rank.grad", text });
  const [derive] = module.ok ? module.value.derives : [];
  const ir = createArena();
  const made = module.ok ? module.value.functions.get(derive?.name ?? "")?.program(ir) : undefined;
  const asked: Request | undefined = derive?.requests[0];
  if (made?.ok !== true || asked === undefined) throw new Error("rejected");
  return { ir, program: request(ir, made.value, asked) };
};

const ROWS: readonly (readonly [text: string, operations: string])[] = [
  // W Wᵀ is the same for each n
  [
    "fn f(x: [N, C], w: [C, O]) { return sum[n, o](sum[c](x[n, c] * w[c, o])^2) } derive f { hessian(x) }",
    "C·C·O + 2·C·O",
  ],
  // through two layers
  [
    "fn f(x: [N, C], w: [C, H], v: [H, O]) { z[n, h] = sum[c](x[n, c] * w[c, h]) y[n, o] = sum[h](z[n, h] * v[h, o]) return y } derive f { jacobian(x) }",
    "2·C·H·O",
  ],
  // an index that nothing depends on counts once for each of its values
  [
    "fn f(x: [N], w: [O]) { t[n, o] = exp(x[n]) + 0 * w[o] return sum[n, o](t[n, o]^2) } derive f { hessian(x) }",
    "3·N + 1",
  ],
  // one that something depends on stays
  [
    "fn f(x: [N, C], w: [C, O]) { return sum[n, o](exp(sum[c](x[n, c] * w[c, o]))) } derive f { hessian(w) }",
    "N·C·C·O + 4·N·C·O + N·O",
  ],
];

it.each(ROWS)("what does not depend on an index is computed without it: %s", (text, operations) => {
  const { ir, program } = derived(text);
  expect(operationCount(ir, program).text).toBe(operations);
});

it("is read at all places, and not where there is none", () => {
  const { program } = derived(ROWS[0]?.[0] ?? "");
  const at = (rows: number): readonly number[] => {
    const tensors = new Map([
      ["x", { shape: [rows, 2], data: new Float64Array(rows * 2) }],
      ["w", { shape: [2, 2], data: [1, 2, 3, 5] }],
    ]);
    return [...(evaluate(program, { tensors }).get("h_x_x")?.data ?? [])];
  };
  const block = [10, 26, 26, 68];
  expect(at(2)).toEqual([...block, ...block]);
  expect(at(0)).toEqual([]);
});
