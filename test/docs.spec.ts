/** What the documentation shows is what happens: its examples, its tables and its command lines. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { elementwise, reducers } from "../src/check/builtins.ts";
import { preludeSource } from "../src/check/prelude.ts";
import { formatDiagnostics } from "../src/diagnostics/index.ts";
import { CONVENTIONS, type Nested } from "../src/library/conventions.ts";
import { compileModule } from "../src/pipeline.ts";
import { parse } from "../src/syntax/index.ts";
import { command, localCopy, temporaryFolder } from "./cli/command.ts";

const PAGES = ["README.md", ...readdirSync("docs").map((name) => join("docs", name))].filter((path) =>
  path.endsWith(".md"),
);

interface Block {
  readonly label: string;
  /** What follows the language: `error=GS0301` where the example is wrong. */
  readonly info: string;
  readonly text: string;
}

const blocksOf = (page: string, language: string): readonly Block[] =>
  [...readFileSync(page, "utf8").matchAll(/^```(\w+)(.*)\n([^]*?)^```$/gm)]
    .map(([, word, info = "", text = ""], k) => ({
      word,
      label: `${page}, block ${k + 1}`,
      info: info.trim(),
      text,
    }))
    .filter(({ word }) => word === language);

const EXAMPLES = PAGES.flatMap((page) => blocksOf(page, "grad"));
const RIGHT = EXAMPLES.filter(({ info }) => info === "");
const WRONG = EXAMPLES.filter(({ info }) => info !== "");

const codesOf = (text: string): readonly string[] => {
  const result = compileModule({ name: "example.grad", text });
  return (result.ok ? result.warnings : result.diagnostics).map(({ code }) => code);
};

/** The part of a page below a title, up to the next title. */
const sectionOf = (page: string, title: string): string => {
  const [, after = ""] = readFileSync(page, "utf8").split(`## ${title}\n`);
  return after.split(/^## /m)[0] ?? "";
};

describe("examples", () => {
  it("are there", () => {
    expect(RIGHT.length).toBeGreaterThan(10);
    expect(WRONG.length).toBeGreaterThan(3);
  });

  it.each(RIGHT)("check without errors or warnings: $label", ({ text }) => {
    expect(codesOf(text)).toEqual([]);
  });

  it.each(WRONG)("have the error that is stated: $label", ({ info, text }) => {
    expect(codesOf(text).map((code) => `error=${code}`)).toEqual([info]);
  });
});

describe("the module with threads", () => {
  const folder = temporaryFolder();

  it("does what the example does", async () => {
    const [shown] = blocksOf("docs/threads.md", "ts");
    const [built] = blocksOf("docs/threads.md", "sh");
    const [program, ...args] = built?.text.trim().replace("--out kernels", `--out ${folder.path("kernels")}`).split(" ") ?? []; // prettier-ignore
    expect(program).toBe("gradsmith");
    expect(await command(...args)).toMatchObject({ code: 0 });
    const local = localCopy(folder.path("kernels/losses.wasm.ts"));
    const example = folder.write(
      "example.ts",
      [
        "const [logits, target] = [Float32Array.of(0.3, -1.2), Float32Array.of(1, 0)];",
        shown?.text.replace('"./kernels/losses.wasm.ts"', JSON.stringify(local)),
        "export { out, d_logits };",
      ].join("\n"),
    );
    const { out, d_logits } = (await import(/* @vite-ignore */ example)) as {
      readonly out: number;
      readonly d_logits: Float32Array;
    };
    const loss = (logit: number, is: number): number => {
      const p = 1 / (1 + Math.exp(-logit));
      return -(is * 0.25 * (1 - p) ** 2 * Math.log(p) + (1 - is) * 0.75 * p ** 2 * Math.log(1 - p));
    };
    expect(out).toBeCloseTo((loss(0.3, 1) + loss(-1.2, 0)) / 2, 6);
    expect(d_logits).toHaveLength(2);
  });
});

describe("the formula that is shown", () => {
  const folder = temporaryFolder();

  it("is what is printed", async () => {
    const [source] = blocksOf("README.md", "grad");
    const [shown] = blocksOf("README.md", "text");
    const file = folder.write("losses.grad", source?.text ?? "");
    const { out } = await command("derive", file, "softmax_cross_entropy", "--wrt", "logits", "--order", "2");
    expect(out.slice(out.indexOf(shown?.text.split("\n")[0] ?? "none"))).toBe(shown?.text);
  });
});

describe("the error that is shown", () => {
  it("is what is printed", () => {
    const [shown] = blocksOf("docs/language.md", "text");
    const text = "fn mse(pred: [N], target: [N]) {\n  r = pred - targets\n  return mean(r^2)\n}\n";
    const result = compileModule({ name: "losses.grad", text });
    expect(`${result.ok ? "" : formatDiagnostics(result.diagnostics)}\n`).toBe(shown?.text);
  });
});

describe("the list of functions", () => {
  it("is complete", () => {
    const prelude = parse(preludeSource);
    if (!prelude.ok) throw new Error("the prelude does not parse");
    const known = [
      ...elementwise.keys(),
      ...reducers,
      ...prelude.value.functions.map(({ name }) => name.text),
    ];
    const text = sectionOf("docs/language.md", "Functions that every file knows").replace(
      /^```[^]*?^```$/gm,
      "",
    );
    const listed = [...text.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
    expect([...new Set(listed)].sort()).toEqual([...known].sort());
  });
});

/** Numbers as they are nested. */
const nestedText = (nested: Nested): string =>
  typeof nested === "number" ? String(nested) : `[${nested.map(nestedText).join(", ")}]`;

const namedText = (arrays: Readonly<Record<string, Nested>>): string =>
  Object.entries(arrays)
    .map(([name, nested]) => `${name} = ${nestedText(nested)}`)
    .join("; ");

describe("the conventions", () => {
  it("are a table of the rows that the back ends are held to", () => {
    const table = readFileSync("docs/conventions.md", "utf8")
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .map((line) => line.split(" | ").map((cell) => cell.replace(/^\||\|$/g, "").trim()))
      .slice(2);
    const rows = CONVENTIONS.map(({ where, what, formula, inputs, value, gradient }) => [
      where,
      what,
      `\`${formula}\``,
      namedText(inputs),
      String(value),
      namedText(gradient),
    ]);
    expect(table.map((cells) => cells.slice(0, 6))).toEqual(rows);
  });
});

describe("command lines", () => {
  const folder = temporaryFolder();
  const copies = readdirSync("examples").filter((name) => name.endsWith(".grad"));
  mkdirSync(folder.path("examples"));
  for (const name of copies) copyFileSync(join("examples", name), folder.path(join("examples", name)));

  /** Words of the line, with files and folders in a temporary folder, and no comment. */
  const wordsOf = (line: string): readonly string[] =>
    (line.split("#")[0] ?? "")
      .trim()
      .split(/\s+/)
      .slice(1)
      .map((word, k, all) => (word.includes("/") || all[k - 1] === "--out" ? folder.path(word) : word));

  const lines = PAGES.flatMap((page) => blocksOf(page, "sh"))
    .flatMap(({ text }) => text.split("\n"))
    .filter((line) => line.startsWith("gradsmith "));

  it("are there", () => {
    expect(lines.length).toBeGreaterThan(4);
  });

  it.each(lines)("%s", async (line) => {
    const { code, out } = await command(...wordsOf(line));
    expect(code).toBe(0);
    expect(out).not.toBe("");
  });
});
