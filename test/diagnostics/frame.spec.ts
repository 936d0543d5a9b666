import { describe, expect, it } from "vitest";
import { diagnostic } from "../../src/diagnostics/diagnostic.ts";
import {
  formatDiagnostic,
  formatDiagnostics,
  plain,
  positionOf,
  visible,
} from "../../src/diagnostics/frame.ts";
import type { Source, Span } from "../../src/diagnostics/source.ts";

function spanOf(text: string, part: string): Span {
  const source: Source = { name: "a.grad", text };
  const start = text.indexOf(part);
  return { source, start, end: start + part.length };
}

function report(text: string, part: string): string[] {
  return formatDiagnostic(diagnostic("GS0203", spanOf(text, part), "say so")).split("\n");
}

describe("positions", () => {
  it.each([
    ["LF", "a\nb\ncd"],
    ["CRLF", "a\r\nb\r\ncd"],
    ["CR", "a\rb\rcd"],
  ])("count lines that end with %s", (_name, text) => {
    expect(positionOf({ name: "", text }, text.indexOf("d"))).toEqual({ line: 3, column: 2 });
    expect(positionOf({ name: "", text }, 0)).toEqual({ line: 1, column: 1 });
  });
});

describe("code frames", () => {
  it("show code, place, line, caret and hint", () => {
    expect(report("fn f(x) {\n  y = foo(x)\n}\n", "foo")).toEqual([
      "error GS0203: say so",
      "  --> a.grad:2:7",
      "   |",
      " 2 |   y = foo(x)",
      "   |       ^^^",
      "  hint: give one of the two another name",
    ]);
  });

  it("put the caret under the text after tabs", () => {
    const [, , , line, caret] = report("\t\ty =\tfoo", "foo");
    expect(line).toBe(" 1 |         y = foo");
    expect(caret?.indexOf("^")).toBe(line?.indexOf("foo"));
  });

  it("leave the carriage return of CRLF out of the frame", () => {
    expect(report("x = foo\r\ny = 1\r\n", "foo").slice(3, 5)).toEqual([" 1 | x = foo", "   |     ^^^"]);
  });

  it("underline wide characters by the columns they take", () => {
    expect(report("漢字 foo", "foo").at(4)).toBe("   |      ^^^");
    expect(report("漢字 foo", "漢字").at(4)).toBe("   | ^^^^");
    expect(report("𝛼𝛼 foo", "foo").at(4)).toBe("   |    ^^^");
    expect(report("e\u0301 foo", "foo").at(4)).toBe("   |   ^^^");
  });

  it("cut a line of a megabyte around the caret", () => {
    const lines = report(`${"a + ".repeat(250_000)}HERE${" + b".repeat(250_000)}`, "HERE");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(120);
    expect(lines[1]).toBe("  --> a.grad:1:1000001");
    expect(lines[3]).toContain("…a + a + ");
    expect(lines[4]?.indexOf("^^^^")).toBe(lines[3]?.indexOf("HERE"));
  });

  it("bound the underline of a long span and stop it at the end of its line", () => {
    const text = `${"x".repeat(1000)}\nyyy`;
    const long = report(text, text).at(4) ?? "";
    expect(long.length).toBeLessThan(110);
    expect(report("ab cd\nef", "cd\nef").at(4)).toBe("   |    ^^");
  });

  it("escape NUL, controls, direction marks and lone surrogates", () => {
    const [, , , line, caret] = report("a\0\u001b[31m\u202e\ud800 foo", "foo");
    expect(line).toBe(" 1 | a\\x00\\x1b[31m\\u202e\\ud800 foo");
    expect(caret?.indexOf("^")).toBe(line?.indexOf("foo"));
    expect(visible("\u{e0001}")).toBe("\\u{e0001}");
  });

  it("point behind the text at the end of the file", () => {
    const source: Source = { name: "a.grad", text: "fn" };
    const lines = formatDiagnostic(diagnostic("GS0203", { source, start: 2, end: 2 }, "end")).split("\n");
    expect(lines.slice(3, 5)).toEqual([" 1 | fn", "   |   ^"]);
  });

  it("name only the place when there is no text", () => {
    const source: Source = { name: "gone.grad", text: "" };
    expect(
      formatDiagnostic(diagnostic("GS0601", { source, start: 0, end: 0 }, "cannot read gone.grad")),
    ).toBe(
      "error GS0601: cannot read gone.grad\n  --> gone.grad:1:1\n  hint: check the path and its permissions",
    );
  });

  it("add a frame for each related span", () => {
    const text = "x = 1\nx = 2";
    const source: Source = { name: "a.grad", text };
    const twice = diagnostic("GS0203", { source, start: 6, end: 7 }, 'two definitions of "x"', {
      related: [{ span: { source, start: 0, end: 1 }, message: "the first one" }],
    });
    expect(formatDiagnostic(twice).split("\n").slice(5, 10)).toEqual([
      "  note: the first one",
      "  --> a.grad:1:1",
      "   |",
      " 1 | x = 1",
      "   | ^",
    ]);
  });

  it("colour through the functions given, and separate reports by an empty line", () => {
    const one = diagnostic("GS0203", spanOf("x", "x"), "m");
    const painted = formatDiagnostics([one, one], { ...plain, error: (text) => `<${text}>` });
    expect(painted.match(/<error GS0203:> m/g)).toHaveLength(2);
    expect(painted).toContain("name\n\n<error");
  });
});
