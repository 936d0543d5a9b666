/** The library's specs, as settings of checks, and the names of its definitions against those that have one. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Source } from "../diagnostics/index.ts";
import type { CheckSettings } from "../gradcheck/index.ts";
import type { OperationSpec } from "../library/spec.ts";
import { specOf, SPECS } from "../library/specs.ts";
import { parse } from "../syntax/index.ts";
import { CommandError } from "./errors.ts";

const FOLDER = fileURLToPath(new URL("../library/", import.meta.url));

const EXTENSION = ".grad";

const entries = (record: Readonly<Record<string, number>> = {}): ReadonlyMap<string, number> =>
  new Map(Object.entries(record));

const settingsOf = ({ inputs, dims, options }: OperationSpec): CheckSettings => ({
  domains: new Map(Object.entries(inputs)),
  dims: entries(dims),
  options: entries(options),
});

const isOfLibrary = (source: Source, category: string): boolean =>
  category in SPECS && readFileSync(join(FOLDER, `${category}${EXTENSION}`), "utf8") === source.text;

/** Where the inputs of a function are sampled, if its file is one of the library's (any copy of it). */
export const settingsFor = (source: Source, name: string): CheckSettings | undefined => {
  const category = basename(source.name, EXTENSION);
  const spec = isOfLibrary(source, category) ? specOf(category, name) : undefined;
  return spec && settingsOf(spec);
};

const missing = (name: string, file: string, problem: string): CommandError =>
  new CommandError(
    "GS0603",
    `${file}: ${name} ${problem}`,
    "write the same names in src/library/operations.ts and, with its inputs, in the spec beside the definition",
  );

/** Every definition of a file has a spec for its inputs, and every spec a definition. */
export const requireSpecs = (file: string, text: string): void => {
  const category = basename(file, EXTENSION);
  const module = parse({ name: file, text });
  if (!module.ok) return;
  const functions = new Map(module.value.functions.map((each) => [each.name.text, each]));
  for (const [name, declaration] of functions) {
    const spec = specOf(category, name);
    if (spec === undefined) throw missing(name, file, "has no spec");
    const params = declaration.params.map((each) => each.name.text);
    const known = Object.keys(spec.inputs);
    if (params.join() !== known.join())
      throw missing(name, file, `has the inputs ${params.join(", ")}, and its spec ${known.join(", ")}`);
    const options = declaration.options.map((each) => each.name.text);
    for (const option of Object.keys(spec.options ?? {}))
      if (!options.includes(option)) throw missing(name, file, `has no option ${option}, as in its spec`);
  }
  for (const name of Object.keys((SPECS as Readonly<Record<string, object>>)[category] ?? {}))
    if (!functions.has(name)) throw missing(name, file, "has a spec, and no definition");
};

/** All files of the library; where one lacks a spec, it is not built. */
export const requireAllSpecs = (folder: string = FOLDER): void => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(EXTENSION)))
    requireSpecs(file, readFileSync(join(folder, file), "utf8"));
};
