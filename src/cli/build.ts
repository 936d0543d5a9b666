/** `gradsmith build FILE…`: kernel modules for what the files ask for. */
import { basename } from "node:path";
import { emitTypeScript, formatTypeScript } from "../../codegen/typescript/index.ts";
import { emitWasm, type EmitOptions } from "../../codegen/wasm/emit.ts";
import {
  emitLoader,
  type WasmLocation,
  type WasmLocations,
  type WasmPlace,
} from "../../codegen/wasm/loader.ts";
import { diagnostic } from "../diagnostics/index.ts";
import { affine, type Program } from "../ir/index.ts";
import type { FloatType, Kernel, MathMode } from "../loop/types.ts";
import { request, toSchedule } from "../pipeline.ts";
import { inParallel } from "../schedule/parallel.ts";
import { explainSchedule, type Scheduled, type States } from "../schedule/index.ts";
import { hashText } from "./hash.ts";
import { checkNames, functionOf, load, programOf, requestsOf, type Fixed, type Loaded } from "./compile.ts";
import { CommandError, Reported } from "./errors.ts";
import { writeAll } from "./files.ts";
import type { Target } from "./flags.ts";
import { report, type Output } from "./output.ts";

export interface BuildOptions {
  readonly files: readonly string[];
  readonly folder: string;
  readonly targets: readonly Target[];
  readonly dtype: FloatType;
  readonly fixed: Fixed;
  readonly math: MathMode;
  /** Operations that may be straight-line code. */
  readonly budget: number | undefined;
  readonly states: States;
  readonly variant: Variant;
  /** Whether to print the loops of the kernels, and why they are so. */
  readonly explain: "schedule" | "nothing";
}

/** What WebAssembly kernels may use of an engine. */
export interface Variant {
  /** Whether they run on one thread, or are split for several. */
  readonly threads: "one" | "several";
  /** `relaxed`: also modules that round as the host likes, for engines that have relaxed SIMD. */
  readonly simd: "strict" | "relaxed";
}

const STANDARD: Variant = { threads: "one", simd: "strict" };

const RUNTIME = "gradsmith/runtime";

const OPEN: Fixed = { dims: new Map(), options: new Map() };

/** Kernels find elements by numbers of 32 bits. */
const LARGEST_SIZE = 2 ** 31 - 1;

const checkSizes = ({ name, inputs, definitions }: Program): void => {
  for (const tensor of [...inputs, ...definitions.map((definition) => definition.tensor)]) {
    const size = tensor.shape.reduce((product, extent) => product * (affine.asConstant(extent) ?? 1), 1);
    if (size <= LARGEST_SIZE) continue;
    throw new CommandError(
      "GS0603",
      `${tensor.name} in ${name} has at least ${size} elements`,
      `a kernel's array has at most ${LARGEST_SIZE}`,
    );
  }
};

/** The kernels that a file asks for, in its order, with the decisions of their schedules. */
const schedulesOf = (
  loaded: Loaded,
  fixed: Fixed,
  { dtype, math, budget, states }: Pick<BuildOptions, "dtype" | "math" | "budget" | "states">,
): readonly Scheduled[] => {
  const { module, source } = loaded;
  const functions = [...module.functions.values()];
  const programs = new Map(functions.map((fn) => [fn.name, programOf(fn, OPEN).program]));
  checkNames([...programs.values()], fixed);
  const sourceHash = hashText(source.text);
  return [...requestsOf(module, programs)].flatMap(([name, requests]) =>
    requests.map((asked) => {
      const { ir, program } = programOf(functionOf(loaded, name), fixed);
      checkSizes(program);
      return toSchedule(ir, request(ir, program, asked), { dtype, sourceHash, math, budget, states });
    }),
  );
};

export const kernelsOf = (
  loaded: Loaded,
  fixed: Fixed,
  dtype: FloatType,
  math: MathMode = "accurate",
): readonly Kernel[] =>
  schedulesOf(loaded, fixed, { dtype, math, budget: undefined, states: "stored" }).map(
    ({ kernel }) => kernel,
  );

/** A function may be called what the derivative of another is called, unless both are asked for. */
const checkDistinct = (kernels: readonly Kernel[], { module }: Loaded, output: Output): void => {
  const names = kernels.map(({ name }) => name);
  const twice = [...module.functions.values()].filter(
    ({ name }) => names.indexOf(name) !== names.lastIndexOf(name),
  );
  if (twice.length === 0) return;
  report(
    output,
    twice.map(({ name, declaration }) =>
      diagnostic("GS0203", declaration.name.span, `\`${name}\` is what a derivative is called`),
    ),
  );
  throw new Reported();
};

/** Files by name. */
export type Emitted = ReadonlyMap<string, string | Uint8Array>;

type Emit = (kernels: readonly Kernel[], stem: string, variant?: Variant) => Promise<Emitted>;

/** The modules of kernels for a target, named after `stem`. */
export const EMIT: { readonly [K in Target]: Emit } = {
  ts: async (kernels, stem) =>
    new Map([[`${stem}.ts`, await formatTypeScript(emitTypeScript(kernels, RUNTIME))]]),
  wasm: (kernels, stem, variant = STANDARD) =>
    emitModules(kernels, stem, variant, (name) => ({ kind: "file", name })),
  "wasm-inline": (kernels, stem, variant = STANDARD) =>
    emitModules(kernels, stem, variant, (_name, bytes) => ({ kind: "inline", bytes })),
};

/** The loader, and the compiled modules that it does not hold itself. */
const emitModules = async (
  kernels: readonly Kernel[],
  stem: string,
  { threads, simd }: Variant,
  place: (name: string, bytes: Uint8Array) => WasmPlace,
): Promise<Emitted> => {
  const files = new Map<string, string | Uint8Array>();
  const put = async (name: string, options: EmitOptions): Promise<WasmPlace> => {
    const bytes = await emitWasm(built, { ...options, optimize: "size" });
    const found = place(`${name}.wasm`, bytes);
    if (found.kind === "file") files.set(found.name, bytes);
    return found;
  };
  const modules = async (name: string, options: EmitOptions): Promise<WasmLocation> => {
    const strict = await put(name, options);
    if (simd === "strict") return strict;
    return { kind: "relaxed", strict, relaxed: await put(`${name}.relaxed`, { ...options, simd }) };
  };
  const split = threads === "several" ? inParallel(kernels) : undefined;
  const built = split?.kernels ?? kernels;
  const serial = await modules(stem, {});
  const locations: WasmLocations =
    split === undefined
      ? serial
      : {
          kind: "threads",
          threads: await modules(`${stem}.threads`, { parallel: split.parallel }),
          serial,
        };
  files.set(`${stem}.wasm.ts`, await formatTypeScript(emitLoader(built, locations, RUNTIME)));
  return files;
};

/** Adds files to those to be written. Two of one name would be one on disk, also where case does not tell names apart. */
const collect = (all: Map<string, string | Uint8Array>, emitted: Emitted, file: string): void => {
  const taken = new Set([...all.keys()].map((name) => name.toLowerCase()));
  for (const [name, content] of emitted) {
    if (taken.has(name.toLowerCase())) {
      throw new CommandError(
        "GS0603",
        `${name} would be written twice, the second time for ${file}`,
        "rename one of the files, build them into folders of their own, or drop one of the targets",
      );
    }
    all.set(name, content);
  }
};

export const build = async (options: BuildOptions, output: Output): Promise<void> => {
  const written = new Map<string, string | Uint8Array>();
  for (const [k, file] of options.files.entries()) {
    output.err(`[${k + 1}/${options.files.length}] ${file}`);
    const loaded = load(file, output);
    const schedules = schedulesOf(loaded, options.fixed, options);
    if (options.explain === "schedule")
      for (const schedule of schedules) output.out(explainSchedule(schedule));
    const kernels = schedules.map(({ kernel }) => kernel);
    if (kernels.length === 0) {
      throw loaded.module.functions.size === 0
        ? new CommandError("GS0603", `${file} has no functions`, "write one: fn name(x) { return … }")
        : new CommandError("GS0603", `${file} asks for nothing`, "name what to build: derive f { grad(x) }");
    }
    checkDistinct(kernels, loaded, output);
    const stem = basename(file).replace(/\.grad$/, "");
    for (const target of options.targets) {
      collect(written, await EMIT[target](kernels, stem, options.variant), file);
    }
  }
  writeAll(options.folder, written);
  for (const [name, content] of written) output.out(`${options.folder}/${name}  ${content.length} bytes`);
};
