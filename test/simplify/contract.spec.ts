import { describe, expect, test } from "vitest";
import { createArena, verify } from "../../src/ir/index.ts";
import { operationCount, orderSums } from "../../src/simplify/index.ts";
import { programOf } from "../check/compile.ts";
import { expectAgreement } from "./agree.ts";

const CASES: readonly (readonly [name: string, text: string, before: string, after: string])[] = [
  ["a bilinear form", "f(q: [T, D], k: [S, D], m: [D, D]) { a[t, s] = sum[i, j](q[t, i] * m[i, j] * k[s, j])\n return a }", "2·T·D·D·S + T·D·D", "2·T·D·D + 2·T·D·S"],
  ["a chain of matrices", "f(a: [N, K], b: [K, L], c: [L, M]) { y[n, m] = sum[k, l](a[n, k] * b[k, l] * c[l, m])\n return y }", "2·N·K·L·M + N·K·L", "2·N·K·L + 2·N·L·M"],
  ["a trace of four", "f(a: [N, N], b: [N, N], c: [N, N], d: [N, N]) { return sum[i, j, k, l](a[i, j] * b[j, k] * c[k, l] * d[l, i]) }", "3·N·N·N·N + N·N·N", "4·N·N·N + 2·N·N"],
  ["a filter whose guard ties both sums", "f(x: [H, W], u: [3], v: [3]) { y[h < H, w < W] = sum[r, s]((x[h + r - 1, w + s - 1] ?? 0) * u[r] * v[s])\n return y }", "18·H·W + 9", "18·H·W + 9"],
  ["one sum", "f(a: [N, K], b: [K, M]) { y[n, m] = sum[k](a[n, k] * b[k, m])\n return y }", "2·N·K·M", "2·N·K·M"],
]; // prettier-ignore

describe("sums over several indices", () => {
  test.each(CASES)("%s", (_name, text, before, after) => {
    const ir = createArena();
    const program = programOf(`fn ${text}`, "f", undefined, ir);
    const ordered = orderSums(ir, program);
    verify(ordered);
    expectAgreement(program, ordered);
    expect([operationCount(ir, program).text, operationCount(ir, ordered).text]).toEqual([before, after]);
    expect(orderSums(ir, ordered)).toBe(ordered);
  });
});
