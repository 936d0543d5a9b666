import { describe, expect, it } from "vitest";
import { createArena } from "../../src/ir/index.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { compileModule, forward, request, toKernel } from "../../src/pipeline.ts";
import { parallel, type Phase } from "../../src/schedule/parallel.ts";

const kernelOf = (text: string, kind: "value" | "grad" | "vjp", wrt: readonly string[] = []): Kernel => {
  const module = compileModule({ name: "parallel.grad", text });
  const [fn] = module.ok ? module.value.functions.values() : [];
  const ir = createArena();
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error(text);
  const derived = kind === "value" ? forward(ir, program.value) : request(ir, program.value, { kind, wrt });
  return toKernel(ir, derived, { dtype: "f32" });
};

/** Such as `all, split n, one`. */
const told = (phases: readonly Phase[]): string =>
  phases
    .map((phase) => {
      if (phase.kind === "split")
        return `split ${phase.loop.local.name}${phase.overlaps ? " overlapping" : ""}`;
      return phase.kind === "if" ? `if (${told(phase.then)}) else (${told(phase.else)})` : phase.kind;
    })
    .join(", ");

const phasesOf = (...args: Parameters<typeof kernelOf>): string | undefined => {
  const found = parallel(kernelOf(...args));
  return found && told(found.phases);
};

describe("a kernel in phases", () => {
  it("splits what is elementwise", () => {
    expect(phasesOf("fn f(x: [N]) { return exp(x) }", "value")).toBe("split n");
  });

  it("keeps the blocks of a sum, and adds them in their order", () => {
    const found = parallel(kernelOf("fn f(x: [N]) { return sum(exp(x)) }", "value"));
    expect(found && told(found.phases)).toBe("all, split nFrom, all, all, one");
    const parts = found?.kernel.buffers.filter(({ name }) => name.endsWith("Parts"));
    expect(parts?.map(({ role, shape }) => [role, shape.length])).toEqual([["temp", 1]]);
  });

  it("keeps the rows that blocks add to one row, also beside other results", () => {
    const text = `fn norm(x: [N, C], gamma: [C], beta: [C]) {
      mu[n] = sum[c](x[n, c]) / C
      y[n, c] = gamma[c] * (x[n, c] - mu[n]) + beta[c]
      return y
    }`;
    const found = parallel(kernelOf(text, "vjp", ["x", "gamma", "beta"]));
    expect(found && told(found.phases)).toBe("split c, split c, all, split block, split c, split c");
    const rows = found?.kernel.buffers.filter(({ name }) => name.endsWith("Rows"));
    expect(rows?.map(({ name, shape }) => [name, shape.length])).toEqual([
      ["d_gammaPartRows", 2],
      ["d_betaPartRows", 2],
    ]);
  });

  it("gives each thread a row of its own", () => {
    const text = "fn f(x: [N, C]) { e[n, c] = exp(x[n, c])  y[n, c] = e[n, c] / sum[k](e[n, k])  return y }";
    const found = parallel(kernelOf(text, "value"));
    expect(found && told(found.phases)).toBe("split n");
    expect([...(found?.own ?? [])].map(({ shape }) => shape.length)).toEqual([1]);
  });

  it("gives each thread the half of a matrix that a guard leaves", () => {
    const text = `fn f(q: [B, N, D], k: [B, N, D], v: [B, N, D]) {
      s[b, i, j] = j <= i ? sum[d](q[b, i, d] * k[b, j, d]) : -inf
      p[b, i, j] = exp(s[b, i, j]) / sum[l](exp(s[b, i, l]))
      y[b, i, d] = sum[j](p[b, i, j] * v[b, j, d])
      return y
    }`;
    const found = parallel(kernelOf(text, "vjp", ["q", "k", "v"]));
    expect(found && told(found.phases)).toBe("all, split b");
    expect([...(found?.own ?? [])].filter(({ shape }) => shape.length === 2)).not.toEqual([]);
  });

  it("splits blocks of columns of a contraction, of which the last two overlap", () => {
    const text = "fn f(a: [M, K], b: [K, N]) { y[i, j] = sum[k](a[i, k] * b[k, j])  return y }";
    expect(phasesOf(text, "value")).toMatch(/^if \(.*split \w+ overlapping\) else \(split \w+\)$/);
  });

  it.each([
    ["a recurrence", "fn f(x: [T]) { h[t] = x[t] + 0.5 * (h[t - 1] ?? 0)  return h }", "value"],
    ["a scatter", "fn f(x: [V], at: int[N]) { y[n] = x[at[n]]  return y }", "vjp"],
  ] as const)("does not split %s", (_, text, kind) => {
    expect(phasesOf(text, kind, ["x"]) ?? "").not.toMatch(/split [nt]\b/);
  });

  it("splits beside what it cannot", () => {
    const text =
      "fn f(x: [T]) { h[t] = x[t] + 0.5 * (h[t - 1] ?? 0)  y[t, u < T] = exp(h[t] - h[u])  return y }";
    expect(phasesOf(text, "value")).toMatch(/one, split/);
  });
});
