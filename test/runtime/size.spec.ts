import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import ts from "typescript";
import { expect, it } from "vitest";

const gzipped = (files: readonly string[]): number => {
  const code = files.map(
    (file) =>
      ts.transpileModule(readFileSync(`src/runtime/${file}`, "utf8"), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, removeComments: true },
      }).outputText,
  );
  return gzipSync(code.join("\n")).length;
};

const THREADS = ["control.ts", "threads.ts", "worker.js"];

it("is at most 5 KB gzipped for kernels, comments aside, and 2 KB more for who expands matrices", () => {
  const files = readdirSync("src/runtime").filter((file) => !THREADS.includes(file));
  expect(gzipped(files.filter((file) => file !== "matrix.ts"))).toBeLessThan(5 * 1024);
  expect(gzipped(["matrix.ts"])).toBeLessThan(2 * 1024);
});

it("is at most 4 KB gzipped more for who uses threads", () => {
  expect(gzipped(THREADS)).toBeLessThan(4 * 1024);
});

it("has no effect when imported, and depends on nothing", () => {
  for (const file of readdirSync("src/runtime").filter((each) => each !== "worker.js")) {
    const source = ts.createSourceFile(
      file,
      readFileSync(`src/runtime/${file}`, "utf8"),
      ts.ScriptTarget.ES2022,
      true,
    );
    for (const statement of source.statements) {
      expect(ts.isExpressionStatement(statement), statement.getText()).toBe(false);
      if (ts.isImportDeclaration(statement))
        expect(statement.moduleSpecifier.getText()).toMatch(/^"\.{1,2}\//u);
    }
  }
});
