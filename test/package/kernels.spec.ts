/** What the README says about the kernels in the package, from the packed package. */
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { afterAll, describe, expect, it } from "vitest";
import { build, type Rolldown } from "vite";
import { installed } from "./install.ts";

const app = installed("matrix");

afterAll(app.remove);

const ARGUMENTS = "{ a: Float32Array.of(1, 2, 3), b: Float32Array.of(4, 5, 6) }";

const PROGRAMS: Readonly<Record<string, string>> = {
  "wasm.ts": `import { load, type DotGradResults } from "gradsmith/ops/matrix/dot";
const { dot_grad } = await load();
const result: DotGradResults = dot_grad(${ARGUMENTS});
console.log(result.out, result.d_a.join());
`,
  "typescript.ts": `import { dot_grad, type DotGradResults } from "gradsmith/ops/ts/matrix/dot";
const result: DotGradResults = dot_grad(${ARGUMENTS});
console.log(result.out, result.d_a.join());
`,
  "wasm-index.ts": `import { dot } from "gradsmith/ops/matrix";
const { dot_grad } = await dot.load();
const result: dot.DotGradResults = dot_grad(${ARGUMENTS});
console.log(result.out, result.d_a.join());
`,
  "typescript-index.ts": `import { dot_grad } from "gradsmith/ops/ts/matrix";
const result = dot_grad(${ARGUMENTS});
console.log(result.out, result.d_a.join());
`,
};

const names = Object.keys(PROGRAMS);
const paths = names.map((name) => app.write(name, PROGRAMS[name] ?? ""));

const printed = (file: string): string => execFileSync(process.execPath, [file], { encoding: "utf8" });

const javascript = (text: string): string =>
  ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  }).outputText;

describe("kernels of the packed package", () => {
  it("have types", () => {
    const program = ts.createProgram({
      rootNames: paths,
      options: {
        strict: true,
        noEmit: true,
        skipDefaultLibCheck: true,
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.NodeNext,
        types: [],
      },
    });
    const messages = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    expect(messages).toEqual([]);
  });

  it.each(names)("are imported by Node: %s", (name) => {
    const file = app.write(name.replace(/ts$/, "js"), javascript(PROGRAMS[name] ?? ""));
    expect(printed(file)).toBe("32 4,5,6\n");
  });

  it.each(names)("come alone into a bundle, with the runtime: %s", async (name) => {
    const { output } = (await build({
      root: app.folder,
      base: "./",
      logLevel: "silent",
      configFile: false,
      build: {
        write: false,
        target: "es2022",
        assetsInlineLimit: 0,
        rolldownOptions: { input: join(app.folder, name) },
      },
    })) as Rolldown.RolldownOutput;
    const chunks = output.filter((each) => each.type === "chunk");
    const modules = chunks
      .flatMap((chunk) => Object.entries(chunk.modules))
      .filter(([id, { renderedLength }]) => id.includes("node_modules") && renderedLength > 0)
      .map(([id]) => relative(join(app.folder, "node_modules/gradsmith/dist"), id));
    const target = name.startsWith("wasm") ? "dot.wasm.js" : "dot.js";
    expect(modules.filter((id) => !id.startsWith("src/runtime/"))).toEqual([`generated/matrix/${target}`]);
    for (const each of output) {
      const path = join(app.folder, each.fileName.replace("assets/", ""));
      writeFileSync(path, each.type === "chunk" ? each.code : each.source);
    }
    const assets = output.filter((each) => each.type === "asset").map((each) => each.fileName);
    if (name === "wasm.ts") expect(assets).toEqual([expect.stringMatching(/\/dot-[^/]+\.wasm$/)]);
    const [entry] = chunks;
    expect(printed(join(app.folder, entry?.fileName.replace("assets/", "") ?? ""))).toBe("32 4,5,6\n");
  });

  it("depend on nothing outside of the package", () => {
    expect(readdirSync(join(app.folder, "node_modules"))).toEqual(["gradsmith"]);
  });
});
