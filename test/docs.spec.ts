/** What the documentation shows is what happens: its examples, its tables and its command lines. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CallableKernel } from "../codegen/interface.ts";
import { instantiateTypeScript } from "../codegen/typescript/run.ts";
import { instantiateWasm } from "../codegen/wasm/run.ts";
import { elementwise, reducers } from "../src/check/builtins.ts";
import { preludeSource } from "../src/check/prelude.ts";
import { formatDiagnostics } from "../src/diagnostics/index.ts";
import { evaluate } from "../src/eval/index.ts";
import { createArena, type Program } from "../src/ir/index.ts";
import { compileModule, request, toKernel } from "../src/pipeline.ts";
import { parse } from "../src/syntax/index.ts";
import { command, temporaryFolder } from "./cli/command.ts";

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

interface Convention {
  readonly where: string;
  readonly formula: string;
  readonly x: readonly number[];
  readonly out: number;
  readonly d_x: readonly number[];
}

const numbers = (text: string): readonly number[] => (text === "" ? [] : text.split(",").map(Number));

const CONVENTIONS: readonly Convention[] = sectionOf("docs/language.md", "At kinks, ties and edges")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter((cells) => cells.length === 7 && cells[2]?.startsWith("`") === true)
  .map(([, where = "", formula = "", x = "", out = "", d_x = ""]) => ({
    where,
    formula: formula.replaceAll("`", ""),
    x: numbers(x),
    out: Number(out),
    d_x: numbers(d_x),
  }));

const gradientOf = (
  name: string,
  formula: string,
): { ir: ReturnType<typeof createArena>; program: Program } => {
  const text = `fn ${name}(x: [N]) { return ${formula} }\n`;
  const module = compileModule({ name: "convention.grad", text });
  const ir = createArena();
  const program = module.ok ? module.value.functions.get(name)?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error(`${formula} does not check`);
  return { ir, program: request(ir, program.value, { kind: "grad", wrt: ["x"] }) };
};

describe("the conventions", () => {
  const gradients = CONVENTIONS.map(({ formula }, k) => gradientOf(`f${k}`, formula));

  it("are a table of rows that can be checked", () => {
    expect(CONVENTIONS.length).toBeGreaterThan(15);
  });

  it.each(CONVENTIONS.map((convention, k) => ({ ...convention, k })))("$where", ({ k, x, out, d_x }) => {
    const program = gradients[k]?.program;
    if (program === undefined) throw new Error("no program");
    const results = evaluate(program, { tensors: new Map([["x", { shape: [x.length], data: x }]]) });
    expect([...(results.get("out")?.data ?? [])]).toEqual([out]);
    expect([...(results.get("d_x")?.data ?? [])].map((each) => each + 0)).toEqual(d_x);
  });

  it.each([
    ["TypeScript", "f64", instantiateTypeScript],
    ["WASM", "f64", instantiateWasm],
    ["WASM", "f32", instantiateWasm],
  ] as const)("hold on %s in %s", async (_name, dtype, instantiate) => {
    const kernels = await instantiate(gradients.map(({ ir, program }) => toKernel(ir, program, { dtype })));
    const array = dtype === "f64" ? Float64Array : Float32Array;
    const run = (kernel: CallableKernel | undefined, x: readonly number[]): object => {
      const { out, d_x } = kernel?.({ x: array.from(x) }) ?? {};
      return { out, d_x: [...(d_x as Float64Array)].map((each) => each + 0) };
    };
    const got = CONVENTIONS.map(({ where, x }, k) => ({ where, ...run(kernels.get(`f${k}_grad`), x) }));
    expect(got).toEqual(CONVENTIONS.map(({ where, out, d_x }) => ({ where, out, d_x })));
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
