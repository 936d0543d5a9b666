/** The emitters as functions that load them when they are first called, so that a page loads no emitter that it does not use. */
import type { Kernel } from "../src/loop/types.ts";
import type { Heap } from "../src/runtime/heap.ts";
import type { CallableKernel } from "./interface.ts";
import type { EmitOptions } from "./wasm/emit.ts";
import type { WasmLocations } from "./wasm/loader.ts";
import type { WasmRun } from "./wasm/run.ts";

/** The text of a module of kernels, unformatted; `runtime` is the specifier it imports the runtime by. */
export const emitTypeScript = async (kernels: readonly Kernel[], runtime: string): Promise<string> =>
  (await import("./typescript/emit.ts")).emitTypeScript(kernels, runtime);

/** TypeScript as a person would lay it out. */
export const formatTypeScript = async (text: string): Promise<string> =>
  (await import("./typescript/format.ts")).formatTypeScript(text);

/** Kernels by name, as compiled by the TypeScript back end. */
export const instantiateTypeScript = async (
  kernels: readonly Kernel[],
): Promise<Map<string, CallableKernel>> =>
  (await import("./typescript/run.ts")).instantiateTypeScript(kernels);

/** The bytes of one WebAssembly module of kernels. */
export const emitWasm = async (kernels: readonly Kernel[], options?: EmitOptions): Promise<Uint8Array> =>
  (await import("./wasm/emit.ts")).emitWasm(kernels, options);

/** The TypeScript module that loads a WebAssembly module, unformatted. */
export const emitLoader = async (
  kernels: readonly Kernel[],
  locations: WasmLocations,
  runtime: string,
): Promise<string> => (await import("./wasm/loader.ts")).emitLoader(kernels, locations, runtime);

/** Kernels by name, as compiled by the WebAssembly back end. */
export const instantiateWasm = async (
  kernels: readonly Kernel[],
  options?: EmitOptions,
): Promise<Map<string, CallableKernel>> => (await import("./wasm/run.ts")).instantiateWasm(kernels, options);

/** As `instantiateWasm`, on a heap of the caller's. */
export const runWasm = async (
  kernels: readonly Kernel[],
  heap: Heap,
  options?: EmitOptions,
): Promise<WasmRun> => (await import("./wasm/run.ts")).runWasm(kernels, heap, options);
