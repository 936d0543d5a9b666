import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

it("the committed bundle is what the grammar generates", () => {
  const folder = mkdtempSync(join(tmpdir(), "gradsmith-grammar-"));
  try {
    cpSync("grammar/gradsmith.ohm", join(folder, "gradsmith.ohm"));
    const cli = join(process.cwd(), "node_modules/@ohm-js/cli/index.js");
    execFileSync(process.execPath, [cli, "generateBundles", "--withTypes", "--esm", "gradsmith.ohm"], {
      cwd: folder,
    });
    for (const end of ["js", "d.ts"]) {
      const generated = readFileSync(join(folder, `gradsmith.ohm-bundle.${end}`), "utf8");
      expect(readFileSync(`src/syntax/gradsmith.ohm-bundle.${end}`, "utf8")).toBe(generated);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
