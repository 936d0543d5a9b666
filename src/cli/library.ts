/** The library's files, and functions compiled with what they use of it. */
import { readdirSync, readFileSync } from "node:fs";
import type { CheckContext, CheckedModule } from "../check/index.ts";
import { formatDiagnostic, type Diagnostic, type Source } from "../diagnostics/index.ts";
import { createArena, type Arena, type Program } from "../ir/index.ts";
import { compileModule } from "../pipeline.ts";
import { parse } from "../syntax/index.ts";

export interface Library {
  readonly context: CheckContext;
  /** The file that declares a function. */
  readonly fileOf: ReadonlyMap<string, string>;
}

const FOLDER = new URL("../library/", import.meta.url);

export const readLibrary = (): Library => {
  const files = readdirSync(FOLDER)
    .filter((name) => name.endsWith(".grad"))
    .sort();
  const sources = new Map(
    files.map((name): [string, Source] => [
      `./${name}`,
      { name, text: readFileSync(new URL(name, FOLDER), "utf8") },
    ]),
  );
  const fileOf = new Map<string, string>();
  for (const [path, source] of sources) {
    const module = parse(source);
    if (!module.ok) throw new Error(module.diagnostics.map((each) => formatDiagnostic(each)).join("\n"));
    for (const { name } of module.value.functions) fileOf.set(name.text, path);
  }
  return { context: { resolve: (path) => sources.get(path) }, fileOf };
};

/** Text of a function of that name, and the functions of the library that it uses. */
export interface FunctionText {
  readonly name: string;
  readonly text: string;
  readonly uses: readonly string[];
}

/** A function as a program in an arena of its own, or why it is rejected. */
export type Compiled =
  | { readonly ok: true; readonly ir: Arena; readonly program: Program }
  | { readonly ok: false; readonly reason: string };

const importsOf = (functions: readonly FunctionText[], { fileOf }: Library): string =>
  [...new Set(functions.flatMap(({ uses }) => uses))]
    .sort()
    .map((name) => `import { ${name} } from "${fileOf.get(name) ?? "./"}"\n`)
    .join("");

/** Functions of one module, whose names are unique. Those with errors are rejected, and the others compiled without them. */
export const compileFunctions = (
  functions: readonly FunctionText[],
  library: Library,
): ReadonlyMap<string, Compiled> => {
  const results = new Map<string, Compiled>();
  let left = functions;
  // Every round rejects a function or is the last one.
  for (;;) {
    const parts = left.map(({ text }) => text);
    const header = importsOf(left, library);
    const source = { name: "functions.grad", text: header + parts.join("") };
    const module = compileModule(source, library.context);
    if (module.ok) return addPrograms(module.value, left, results);
    const rejected = blame(module.diagnostics, source, header.length, left);
    if (rejected.size === 0)
      throw new Error(module.diagnostics.map((each) => formatDiagnostic(each)).join("\n"));
    for (const [name, reason] of rejected) results.set(name, { ok: false, reason });
    left = left.filter(({ name }) => !rejected.has(name));
  }
};

/** The functions whose text the errors are in, with the first error of each. */
const blame = (
  diagnostics: readonly Diagnostic[],
  source: Source,
  start: number,
  functions: readonly FunctionText[],
): ReadonlyMap<string, string> => {
  const reasons = new Map<string, string>();
  for (const diagnostic of diagnostics.filter(
    ({ span, severity }) => severity === "error" && span.source === source,
  )) {
    let end = start;
    for (const { name, text } of functions) {
      end += text.length;
      if (diagnostic.span.start >= end) continue;
      if (!reasons.has(name)) reasons.set(name, formatDiagnostic(diagnostic));
      break;
    }
  }
  return reasons;
};

const addPrograms = (
  module: CheckedModule,
  functions: readonly FunctionText[],
  results: Map<string, Compiled>,
): ReadonlyMap<string, Compiled> => {
  for (const { name } of functions) {
    const ir = createArena();
    const program = module.functions.get(name)?.program(ir);
    if (program?.ok === true) results.set(name, { ok: true, ir, program: program.value });
    else {
      const reason = (program?.diagnostics ?? []).map((each) => formatDiagnostic(each)).join("\n");
      results.set(name, { ok: false, reason });
    }
  }
  return results;
};
