/** From file names and settings of a command line to checked functions and what is asked of them. */
import type { CheckedFunction, CheckedMatrix, CheckedModule } from "../check/index.ts";
import { showAffine } from "../check/show.ts";
import { compileModule, defaultRequests, type Request } from "../derivation.ts";
import { codes, nearest, type Source } from "../diagnostics/index.ts";
import { extentOf } from "../eval/indexing.ts";
import { createArena, specialise, type Arena, type Program, type Requirement } from "../ir/index.ts";
import { CommandError, Reported } from "./errors.ts";
import { IMPORTS, readSource } from "./files.ts";
import { report, type Output } from "./output.ts";

export interface Loaded {
  readonly source: Source;
  readonly module: CheckedModule;
}

/** `more` is text that is read as if it stood at the end of the file. */
export const load = (path: string, output: Output, more = ""): Loaded => {
  const file = readSource(path);
  const source = more === "" ? file : { ...file, text: file.text + more };
  const result = compileModule(source, IMPORTS);
  report(output, result.ok ? result.warnings : result.diagnostics);
  if (!result.ok) throw new Reported();
  return { source, module: result.value };
};

export const unknown = (what: string, name: string, known: readonly string[]): CommandError => {
  const near = nearest(name, known);
  const hint =
    near === undefined ? `there is: ${[...new Set(known)].join(", ") || "none"}` : `did you mean ${near}?`;
  return new CommandError("GS0603", `there is no ${what} ${name}`, hint);
};

export const functionOf = ({ module }: Loaded, name: string): CheckedFunction => {
  const fn = module.functions.get(name);
  if (fn === undefined) throw unknown("function", name, [...module.functions.keys()]);
  return fn;
};

/** `N=3`, any number of times. */
export const settings = (flag: string, given: readonly string[] | undefined): ReadonlyMap<string, number> =>
  new Map(
    (given ?? []).map((text): [string, number] => {
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

/** Every name has to be one that some function of the file leaves open. */
export const checkNames = (programs: readonly Program[], { dims, options }: Fixed): void => {
  const knownDims = programs.flatMap((program) => program.dims.map(({ name }) => name));
  const knownOptions = programs.flatMap((program) => program.options.map(({ name }) => name));
  for (const name of dims.keys()) if (!knownDims.includes(name)) throw unknown("dimension", name, knownDims);
  for (const name of options.keys())
    if (!knownOptions.includes(name)) throw unknown("option", name, knownOptions);
  for (const program of programs) {
    for (const { name, min } of program.dims) checkExtent(name, min, dims.get(name));
    for (const requirement of program.requirements) checkDivides(program, requirement, dims);
  }
};

/** What is fixed at build time fits together; the rest is checked where a kernel is called. */
const checkDivides = (
  { name }: Program,
  requirement: Requirement,
  dims: ReadonlyMap<string, number>,
): void => {
  if (requirement.kind !== "divides") return;
  const [by, value] = [extentOf(requirement.by, dims), extentOf(requirement.value, dims)];
  if (by === undefined || value === undefined || value % by === 0) return;
  const [divisor, dividend] = [requirement.by, requirement.value].map((extent) =>
    showAffine(extent, () => ""),
  );
  throw new CommandError(
    "GS0309",
    `${divisor} = ${by} does not divide ${dividend} = ${value} in ${name}`,
    codes.GS0309.hint,
  );
};

/** Kernels count in 32 bits. */
const LARGEST_EXTENT = 2 ** 31 - 1;

const checkExtent = (name: string, min: number, value: number | undefined): void => {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= LARGEST_EXTENT)) return;
  throw new CommandError(
    "GS0603",
    `${name}=${value} is not a whole number from ${min} to ${LARGEST_EXTENT}`,
    `write --dim ${name}=${Math.max(min, 1)}, for example`,
  );
};

export interface Specialised {
  readonly ir: Arena;
  /** As it is written. */
  readonly open: Program;
  /** With what is fixed at build time put in. */
  readonly program: Program;
}

/** The function's program in an arena of its own. */
export const programOf = (fn: CheckedFunction, { dims, options }: Fixed): Specialised => {
  const ir = createArena();
  const result = fn.program(ir);
  if (!result.ok) throw new Error(`${fn.name} was checked, and has errors all the same`);
  const names = (open: readonly { readonly name: string }[]): ReadonlySet<string> =>
    new Set(open.map(({ name }) => name));
  const [openDims, openOptions] = [names(result.value.dims), names(result.value.options)];
  const values = new Map([
    ...[...dims].filter(([name]) => openDims.has(name)),
    ...[...options].filter(([name]) => openOptions.has(name)),
  ]);
  return { ir, open: result.value, program: specialise(ir, result.value, values) };
};

/** Every pair of inputs once: a Hessian is symmetric. */
export const pairsOf = (inputs: readonly string[]): readonly CheckedMatrix[] =>
  inputs.flatMap((rows, k) => inputs.slice(k).map((columns) => ({ rows, columns })));

/** One kernel per kind: by all the inputs that it is asked for. */
const withRequest = (all: readonly Request[], { kind, wrt, matrices = [] }: Request): readonly Request[] => {
  const same = all.find((each) => each.kind === kind);
  if (same === undefined) return [...all, { kind, wrt, matrices }];
  const known = same.matrices ?? [];
  const added = matrices.filter(
    ({ rows, columns }) => !known.some((each) => each.rows === rows && each.columns === columns),
  );
  const merged = { kind, wrt: [...new Set([...same.wrt, ...wrt])], matrices: [...known, ...added] };
  return all.map((each) => (each === same ? merged : each));
};

/**
 * A Hessian is computed from the gradient, and a Jacobian from the value: where both are wanted, the kernel of the matrix
 * gives what it is computed from as well, and shares the work.
 */
const together = (requests: readonly Request[], program: Program | undefined): readonly Request[] => {
  const [value, gradient] = (["value", "grad"] as const).map((kind) =>
    requests.find((each) => each.kind === kind),
  );
  const outputs = (program?.outputs ?? []).map(({ name }) => name);
  const values = value === undefined && gradient === undefined ? [] : outputs;
  return requests.map((each) => {
    if (each.kind === "hessian") return { ...each, wrt: gradient?.wrt ?? [], values };
    if (each.kind !== "jacobian" || value === undefined) return each;
    return { ...each, values: [...new Set(each.matrices?.map(({ rows }) => rows))] };
  });
};

/** What a file asks for: its `derive` blocks; without any, the default of each function. */
export const requestsOf = (
  module: CheckedModule,
  programs: ReadonlyMap<string, Program>,
): ReadonlyMap<string, readonly Request[]> => {
  if (module.derives.length > 0) {
    const asked = new Map<string, readonly Request[]>();
    for (const { name, requests } of module.derives)
      asked.set(name, requests.reduce(withRequest, asked.get(name) ?? []));
    return new Map([...asked].map(([name, requests]) => [name, together(requests, programs.get(name))]));
  }
  return new Map([...programs].map(([name, program]) => [name, defaultRequests(program)]));
};
