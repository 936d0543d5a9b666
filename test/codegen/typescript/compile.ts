/** What the TypeScript compiler says about emitted modules, under the strictest settings. */
import { readFileSync } from "node:fs";
import { Project, ts } from "ts-morph";
import { emitTypeScript } from "../../../codegen/typescript/index.ts";
import type { Kernel } from "../../../src/loop/types.ts";

const RUNTIME = [
  "runtime/index",
  "runtime/boundary",
  "runtime/heap",
  "runtime/matrix",
  "runtime/wasm",
  "runtime/scalar",
  "runtime/erf",
  "runtime/round",
  "loop/matrix",
  "loop/types",
];

function createProject(): Project {
  const project = new Project({
    useInMemoryFileSystem: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noImplicitReturns: true,
      noPropertyAccessFromIndexSignature: true,
      noUnusedLocals: true,
      noUnusedParameters: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      isolatedModules: true,
      types: [],
    },
  });
  for (const name of RUNTIME) {
    const path = `src/${name}.ts`;
    project.createSourceFile(`/${path}`, readFileSync(path, "utf8"));
  }
  return project;
}

const project = createProject();

/** The messages of the compiler, with the lines they are about. */
export function diagnosticsOf(text: string): readonly string[] {
  const file = project.createSourceFile("/kernels/module.ts", text, { overwrite: true });
  const lines = text.split("\n");
  return file.getPreEmitDiagnostics().map((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.compilerObject.messageText, " ");
    return `${message}: ${lines[(diagnostic.getLineNumber() ?? 1) - 1] ?? ""}`;
  });
}

export function emitted(...kernels: readonly Kernel[]): string {
  return emitTypeScript(kernels, "../src/runtime/index.ts");
}
