/** The commands of the repository: flags and files are looked at before anything is done. */
import { expect, it } from "vitest";
import { catalogueChecks } from "../../src/cli/catalogue.ts";
import type { Output } from "../../src/cli/output.ts";
import { readLibrary } from "../../src/cli/library.ts";
import { rubiChecks } from "../../src/cli/rubi-cases.ts";
import { runWith, type Runner } from "../../src/cli/runner.ts";

const plain = (text: string): string => text;

/** What a command with the flag --fast prints, how it ends, and how often it does anything. */
const outcome = async (files: Runner<Record<string, never>>["files"], ...args: string[]) => {
  const [lines, calls]: [string[], unknown[]] = [[], []];
  const output: Output = {
    out: (text) => lines.push(text),
    err: (text) => lines.push(text),
    paint: { error: plain, warning: plain, location: plain, caret: plain, hint: plain },
  };
  const flags = { fast: { type: "boolean" } } as const;
  const main = (values: { readonly fast?: boolean }, given: readonly string[]): Promise<number> => {
    calls.push([values.fast, ...given]);
    return Promise.resolve(0);
  };
  const code = await runWith({ name: "count", about: "Count", flags, files, main }, args, output);
  return { code, text: lines.join("\n"), calls };
};

it("help is printed, and nothing is done", async () => {
  expect(await outcome("none", "--help")).toEqual({
    code: 0,
    text: "Count.\n\nUsage:\n  npm run count",
    calls: [],
  });
  expect((await outcome("one or more", "a", "-h")).calls).toEqual([]);
});

it.each([
  ["none", ["--slow"], "Unknown option '--slow'"],
  ["none", ["a"], "count takes no files, and a is given"],
  ["one or more", ["--fast"], "count: no file is given"],
  ["one or more", ["a", "--fast=1"], "does not take an argument"],
] as const)("of files: %s, %j is an error, and nothing is done", async (files, args, message) => {
  const { code, text, calls } = await outcome(files, ...args);
  expect({ code, calls }).toEqual({ code: 2, calls: [] });
  expect(text).toContain("error GS0603");
  expect(text).toContain(message);
  expect(text).toContain("hint:");
});

it("flags and files are handed on", async () => {
  expect((await outcome("one or more", "a", "--fast", "b")).calls).toEqual([[true, "a", "b"]]);
});

it.each(["", "{", "{}", "[]", '{ "cases": [{ "op": 1 }] }'])("%j is no file of cases", (text) => {
  const library = readLibrary();
  expect(() => catalogueChecks({ name: "a.json", text }, "symbolic", library)).toThrow("cannot use a.json");
  if (text !== "")
    expect(() => rubiChecks({ name: "b.jsonl", text }, library)).toThrow("cannot use b.jsonl: ");
});
