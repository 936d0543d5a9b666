/** From file names and settings of a command line to checked functions and what is asked of them. */
import type { CheckedFunction, CheckedModule } from "../check/index.ts";
import { nearest, type Source } from "../diagnostics/index.ts";
import { createArena, specialise, type Arena, type Program } from "../ir/index.ts";
import { compileModule, defaultRequests, type Request } from "../pipeline.ts";
import { CommandError, Reported } from "./errors.ts";
import { IMPORTS, readSource } from "./files.ts";
import { report, type Output } from "./output.ts";

export interface Loaded {
  readonly source: Source;
  readonly module: CheckedModule;
}

export const load = (path: string, output: Output): Loaded => {
  const source = readSource(path);
  const result = compileModule(source, IMPORTS);
  report(output, result.ok ? result.warnings : result.diagnostics);
  if (!result.ok) throw new Reported();
  return { source, module: result.value };
};

const unknown = (what: string, name: string, known: readonly string[]): CommandError => {
  const near = nearest(name, known);
  const hint = near === undefined ? `there is: ${known.join(", ") || "none"}` : `did you mean ${near}?`;
  return new CommandError("GS0603", `there is no ${what} ${name}`, hint);
};

export const functionOf = ({ module }: Loaded, name: string): CheckedFunction => {
  const fn = module.functions.get(name);
  if (fn === undefined) throw unknown("function", name, [...module.functions.keys()]);
  return fn;
};

/** `N=3` or a list of those, as `cac` gives options that may repeat. */
export const settings = (
  flag: string,
  given: string | readonly string[] | undefined,
): ReadonlyMap<string, number> =>
  new Map(
    [given ?? []].flat().map((text): [string, number] => {
      const [name = "", value = ""] = text.split("=");
      const number = Number(value);
      if (name === "" || value.trim() === "" || Number.isNaN(number)) {
        throw new CommandError(
          "GS0603",
          `${flag} ${text} is not a name and a number`,
          `write ${flag} NAME=NUMBER`,
        );
      }
      return [name, number];
    }),
  );

export interface Fixed {
  readonly dims: ReadonlyMap<string, number>;
  readonly options: ReadonlyMap<string, number>;
}

/** The names that a program leaves open, all of which may be fixed. */
const openNames = (program: Program): readonly string[] => [
  ...program.dims.map(({ name }) => name),
  ...program.options.map(({ name }) => name),
];

/** Every name has to be one that some function of the file leaves open. */
export const checkNames = (programs: readonly Program[], { dims, options }: Fixed): void => {
  const known = programs.flatMap(openNames);
  for (const name of dims.keys()) if (!known.includes(name)) throw unknown("dimension", name, known);
  for (const name of options.keys()) if (!known.includes(name)) throw unknown("option", name, known);
  for (const { dims: own } of programs)
    for (const { name, min } of own) checkExtent(name, min, dims.get(name));
};

const checkExtent = (name: string, min: number, value: number | undefined): void => {
  if (value === undefined || (Number.isInteger(value) && value >= min)) return;
  throw new CommandError(
    "GS0603",
    `${name}=${value} is not a whole number of at least ${min}`,
    "fix the extent",
  );
};

/** The function's program in an arena of its own, with what is fixed at build time put in. */
export const programOf = (fn: CheckedFunction, { dims, options }: Fixed): { ir: Arena; program: Program } => {
  const ir = createArena();
  const result = fn.program(ir);
  if (!result.ok) throw new Error(`${fn.name} was checked, and has errors all the same`);
  const open = new Set(openNames(result.value));
  const values = new Map([...dims, ...options].filter(([name]) => open.has(name)));
  return { ir, program: specialise(ir, result.value, values) };
};

/** What a file asks for: its `derive` blocks; without any, the default of each function. */
export const requestsOf = (
  module: CheckedModule,
  programs: ReadonlyMap<string, Program>,
): ReadonlyMap<string, readonly Request[]> => {
  if (module.derives.length > 0) {
    const asked = new Map<string, Request[]>();
    for (const { name, requests } of module.derives)
      asked.set(name, [...(asked.get(name) ?? []), ...requests]);
    return asked;
  }
  return new Map([...programs].map(([name, program]) => [name, defaultRequests(program)]));
};
