/** What recurrences keep: lengths of temporaries by formula, and that the loops do not grow with the number of steps. */
import { describe, expect, it } from "vitest";
import { createArena } from "../../src/ir/index.ts";
import { countOperations, countsAt } from "../../src/loop/counts.ts";
import { formatExpr } from "../../src/loop/format.ts";
import type { Stmt } from "../../src/loop/types.ts";
import { request, toSchedule, type Request } from "../../src/pipeline.ts";
import type { Scheduled } from "../../src/schedule/index.ts";
import { check } from "../check/compile.ts";

const scheduled = (text: string, asked: Request): Scheduled => {
  const checked = check(text);
  const ir = createArena();
  const made = checked.ok ? checked.value.functions.get("f")?.program(ir) : undefined;
  if (made?.ok !== true) throw new Error(`rejected:\n${text}`);
  return toSchedule(ir, request(ir, made.value, asked), { dtype: "f64" });
};

const VALUE: Request = { kind: "value", wrt: [] };

const temporaries = ({ kernel }: Scheduled): Readonly<Record<string, string>> =>
  Object.fromEntries(
    kernel.buffers
      .filter(({ role }) => role === "temp")
      .map(({ name, shape }) => [name, `[${shape.map(formatExpr).join(", ")}]`]),
  );

const average = `fn f(x: [T], a: []) {
  h[0] = x[0]
  h[t] = a * h[t - 1] + (1 - a) * x[t]
  return h[T - 1] ?? 0
}`;

const cell = `fn f(x: [T, H], U: [H, H]) {
  c[t < T, j] = 0.5 * (c[t - 1, j] ?? 0) + sum[k](U[j, k] * (h[t - 1, k] ?? 0)) + (c[t - 3, j] ?? 0)
  h[t, j] = tanh(c[t, j]) * x[t, j]
  return sum(h)
}`;

describe("states", () => {
  it("are as many as a value looks back, in a power of two", () => {
    expect(temporaries(scheduled(average, VALUE))).toEqual({ h: "[2]" });
    expect(temporaries(scheduled(cell, VALUE))).toEqual({ c: "[4, H]", h: "[2, H]" });
  });

  it("are those of values and tangents together, where one loop makes both", () => {
    const tangent = scheduled(average, { kind: "jvp", wrt: ["x", "a"] });
    expect(temporaries(tangent)).toEqual({ h: "[2]", t_h: "[2]" });
    expect(loopsIn(tangent.kernel.body)).toBe(1);
  });

  it("are all kept for a recurrence in the other direction", () => {
    const gradient = scheduled(average, { kind: "grad", wrt: ["x", "a"] });
    expect(temporaries(gradient)).toEqual({ h: "[T]", d_h: "[T]" });
    const stored = gradient.decisions.filter(
      ({ decision }) => decision === "stored at all places of its recurrence",
    );
    expect(stored.map(({ subject }) => subject)).toEqual(["h", "d_h"]);
  });

  it("are all kept where a reader looks back as far as data or a dimension say", () => {
    const text = `fn f(x: [T], w: [K]) {
      h[t] = x[t] + sum[k](w[k] * (h[t - 1 - k] ?? 0))
      return sum(h)
    }`;
    expect(temporaries(scheduled(text, VALUE))).toMatchObject({ h: "[T]" });
  });

  it("of two recurrences that need each other's results are not made in one loop", () => {
    const text = `fn f(x: [T], a: []) {
      l[t] = x[t] + a * (l[t - 1] ?? 0)
      r[t] = x[t] + a * (r[t + 1] ?? 0)
      return sum[t](l[t] * r[t])
    }`;
    const gradient = scheduled(text, { kind: "grad", wrt: ["x", "a"] });
    expect(temporaries(gradient)).toMatchObject({ l: "[T]", r: "[T]" });
  });
});

const loopsIn = (body: readonly Stmt[]): number =>
  body.reduce((count, stmt) => count + (stmt.kind === "for" ? 1 + loopsIn(stmt.body) : 0), 0);

it("takes as many operations for each further step", () => {
  for (const asked of [VALUE, { kind: "grad", wrt: ["x", "U"] }] satisfies readonly Request[]) {
    const counts = countOperations(scheduled(cell, asked).kernel);
    const at = (T: number): number =>
      Object.values(countsAt(counts, { T, H: 8 })).reduce((total, each) => total + each, 0);
    expect(at(3000) - at(2000)).toBe(at(2000) - at(1000));
    expect(at(2000) - at(1000)).toBeGreaterThan(1000);
  }
});
