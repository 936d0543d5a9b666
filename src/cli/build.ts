/** `gradsmith build FILE…`: kernel modules for what the files ask for. */
import { basename } from "node:path";
import { emitTypeScript, formatTypeScript } from "../../codegen/typescript/index.ts";
import { emitWasm } from "../../codegen/wasm/emit.ts";
import { emitLoader } from "../../codegen/wasm/loader.ts";
import type { FloatType, Kernel } from "../loop/types.ts";
import { request, toKernel } from "../pipeline.ts";
import { hashText } from "./hash.ts";
import { checkNames, functionOf, load, programOf, requestsOf, type Fixed, type Loaded } from "./compile.ts";
import { writeAll } from "./files.ts";
import type { Output } from "./output.ts";

export const TARGETS = ["ts", "wasm", "wasm-inline"] as const;
export type Target = (typeof TARGETS)[number];

export interface BuildOptions {
  readonly files: readonly string[];
  readonly folder: string;
  readonly targets: readonly Target[];
  readonly dtype: FloatType;
  readonly fixed: Fixed;
}

const RUNTIME = "gradsmith/runtime";

const OPEN: Fixed = { dims: new Map(), options: new Map() };

/** The kernels that a file asks for, in its order. */
export const kernelsOf = (loaded: Loaded, fixed: Fixed, dtype: FloatType): readonly Kernel[] => {
  const { module, source } = loaded;
  const functions = [...module.functions.values()];
  const programs = new Map(functions.map((fn) => [fn.name, programOf(fn, OPEN).program]));
  checkNames([...programs.values()], fixed);
  const sourceHash = hashText(source.text);
  return [...requestsOf(module, programs)].flatMap(([name, requests]) =>
    requests.map((asked) => {
      const { ir, program } = programOf(functionOf(loaded, name), fixed);
      return toKernel(ir, request(ir, program, asked), { dtype, sourceHash });
    }),
  );
};

type Emitted = ReadonlyMap<string, string | Uint8Array>;

const EMIT: { readonly [K in Target]: (kernels: readonly Kernel[], stem: string) => Promise<Emitted> } = {
  ts: async (kernels, stem) =>
    new Map([[`${stem}.ts`, await formatTypeScript(emitTypeScript(kernels, RUNTIME))]]),
  wasm: async (kernels, stem) => {
    const name = `${stem}.wasm`;
    const loader = emitLoader(kernels, { kind: "file", name }, RUNTIME);
    return new Map<string, string | Uint8Array>([
      [name, await emitWasm(kernels)],
      [`${stem}.wasm.ts`, await formatTypeScript(loader)],
    ]);
  },
  "wasm-inline": async (kernels, stem) => {
    const loader = emitLoader(kernels, { kind: "inline", bytes: await emitWasm(kernels) }, RUNTIME);
    return new Map([[`${stem}.wasm.ts`, await formatTypeScript(loader)]]);
  },
};

export const build = async (options: BuildOptions, output: Output): Promise<void> => {
  const written = new Map<string, string | Uint8Array>();
  for (const [k, file] of options.files.entries()) {
    output.err(`[${k + 1}/${options.files.length}] ${file}`);
    const kernels = kernelsOf(load(file, output), options.fixed, options.dtype);
    const stem = basename(file).replace(/\.grad$/, "");
    for (const target of options.targets) {
      for (const [name, content] of await EMIT[target](kernels, stem)) written.set(name, content);
    }
  }
  writeAll(options.folder, written);
  for (const [name, content] of written) output.out(`${options.folder}/${name}  ${content.length} bytes`);
};
