import { describe, expect, it } from "vitest";
import { codes } from "../../src/diagnostics/codes.ts";
import { diagnostic } from "../../src/diagnostics/diagnostic.ts";
import { createCollector, fail, ok } from "../../src/diagnostics/result.ts";
import type { Span } from "../../src/diagnostics/source.ts";

const span: Span = { source: { name: "a.grad", text: "x" }, start: 0, end: 1 };

describe("diagnostics", () => {
  it("fill the holes of the hint of their code", () => {
    const made = diagnostic("GS0102", span, "m", { fill: { close: ")" } });
    expect(made).toEqual({
      code: "GS0102",
      severity: "error",
      message: "m",
      span,
      hint: 'add the missing ")"',
    });
  });

  it("take a hint of their own, and none at all when it is empty", () => {
    expect(diagnostic("GS0201", span, "m", { hint: 'did you mean "y"?' }).hint).toBe('did you mean "y"?');
    expect(diagnostic("GS0203", span, "m", { hint: "" })).not.toHaveProperty("hint");
  });

  it("do not treat names as properties of an object", () => {
    expect(diagnostic("GS0209", span, "m", { fill: { name: "{constructor}" } }).hint).toContain(
      "{constructor}",
    );
  });

  it("have a title and a hint for every code", () => {
    for (const [code, entry] of Object.entries(codes)) {
      expect(code).toMatch(/^GS0[1-8]\d\d$/);
      expect(entry.title).not.toBe("");
      expect(entry.hint).not.toBe("");
    }
  });
});

describe("the collector", () => {
  const error = diagnostic("GS0203", span, "e");
  const warning = diagnostic("GS0210", span, "w");

  it("succeeds with the warnings when no error was reported", () => {
    const collector = createCollector();
    expect(collector.take(ok(7, [warning]))).toBe(7);
    expect(collector.hasErrors()).toBe(false);
    expect(collector.finish("v")).toEqual({ ok: true, value: "v", warnings: [warning] });
  });

  it("fails with everything reported, in order", () => {
    const collector = createCollector();
    collector.report(warning);
    expect(collector.take(fail([error]))).toBeUndefined();
    expect(collector.finish("v")).toEqual({ ok: false, diagnostics: [warning, error] });
  });
});
