import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import ts from "typescript";
import { expect, it } from "vitest";

it("is at most 5 KB gzipped, comments aside", () => {
  const code = readdirSync("src/runtime").map(
    (file) =>
      ts.transpileModule(readFileSync(`src/runtime/${file}`, "utf8"), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, removeComments: true },
      }).outputText,
  );
  expect(gzipSync(code.join("\n")).length).toBeLessThan(5 * 1024);
});

it("has no effect when imported, and depends on nothing", () => {
  for (const file of readdirSync("src/runtime")) {
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
