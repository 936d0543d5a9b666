/**
 * Calling compiled kernels: instantiation, and the way of arrays into the memory and back. Arrays that are on the heap
 * are used where they are, others are copied.
 */

import type { TensorData } from "./boundary.ts";
import { isOnHeap } from "./heap.ts";
import type { Heap } from "./heap.ts";

export type WasmFunction = (...args: readonly number[]) => number;

/** The functions of a module, by name. */
export type WasmExports = (name: string) => WasmFunction;

/** Bytes, or where they are; text is base64. */
export type WasmSource = URL | string | Uint8Array;

/** How a module of kernels is loaded. */
export interface LoadOptions {
  /** Modules that are given the same heap share its memory and arrays. By default each has its own. */
  readonly heap?: Heap;
  /** Where the compiled module is, if not where the build put it. */
  readonly source?: WasmSource;
}

interface NodeProcess {
  readonly getBuiltinModule?: (name: "node:fs/promises") => {
    readonly readFile: (file: URL) => Promise<Uint8Array<ArrayBuffer>>;
  };
}

/** Compiles while the bytes still arrive, where the server says that they are WebAssembly. */
async function download(url: URL, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`${url.href} cannot be loaded: ${response.status} ${response.statusText}`);
  if (response.headers.get("Content-Type") === "application/wasm") {
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  }
  return (await WebAssembly.instantiate(await response.arrayBuffer(), imports)).instance;
}

async function instantiateFrom(
  source: WasmSource,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.Instance> {
  const bytes = async (): Promise<Uint8Array | URL> => {
    if (typeof source === "string") return Uint8Array.from(atob(source), (c) => c.charCodeAt(0));
    if (source instanceof Uint8Array || source.protocol !== "file:") return source;
    // Not an import: bundlers for browsers would look for it.
    const { process } = globalThis as { readonly process?: NodeProcess };
    return process?.getBuiltinModule?.("node:fs/promises").readFile(source) ?? source;
  };
  const found = await bytes();
  if (found instanceof URL) return download(found, imports);
  return (await WebAssembly.instantiate(found as Uint8Array<ArrayBuffer>, imports)).instance;
}

/** Loads a module of kernels, which works on the heap's memory. */
export async function instantiate(heap: Heap, source: WasmSource): Promise<WasmExports> {
  const { exports } = await instantiateFrom(source, { env: { memory: heap.memory } });
  return (name) => {
    const value = exports[name];
    if (typeof value !== "function") throw new Error(`the WebAssembly module has no function ${name}`);
    return value as WasmFunction;
  };
}

/** One call of a kernel: checked arguments, in the order of its parameters. */
export interface Call<Outputs extends readonly TensorData[], Results> {
  readonly inputs: readonly TensorData[];
  readonly outputs: readonly [...Outputs];
  /** Bytes of memory that the kernel needs for itself; absent if it takes none. */
  readonly scratch?: number;
  /** Dimensions, then options. */
  readonly scalars: readonly number[];
  /** The results of the public interface. The arrays are those of `outputs`, or new views of the same memory. */
  readonly results: (...outputs: Outputs) => Results;
}

/** An array and its address, if it is on the heap. */
interface Located {
  readonly data: TensorData;
  readonly address: number | undefined;
  readonly length: number;
  readonly bytes: number;
}

function locate(heap: Heap, data: TensorData): Located {
  const address = isOnHeap(heap, data) ? data.byteOffset : undefined;
  return { data, address, length: data.length, bytes: data.byteLength };
}

const bytesOf = (data: TensorData): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const bytesAt = (heap: Heap, { bytes }: Located, at: number): Uint8Array =>
  new Uint8Array(heap.memory.buffer, at, bytes);

/** A result: the array itself, filled; or a new view of the same memory, if that has grown. */
function finish(heap: Heap, located: Located, at: number): TensorData {
  const { data, address, length } = located;
  if (address === undefined) bytesOf(data).set(bytesAt(heap, located, at));
  if (address === undefined || isOnHeap(heap, data)) return data;
  const { buffer } = heap.memory;
  if (data instanceof Float32Array) return new Float32Array(buffer, at, length);
  return data instanceof Float64Array
    ? new Float64Array(buffer, at, length)
    : new Int32Array(buffer, at, length);
}

/** Finds or allocates the memory of a call; running it copies what is not on the heap. */
function arrange<O extends readonly TensorData[], R>(
  heap: Heap,
  run: WasmFunction,
  call: Call<O, R>,
): () => R {
  // Arrays on the heap first: an allocation may detach them.
  const inputs = call.inputs.map((data) => locate(heap, data));
  const outputs = call.outputs.map((data) => locate(heap, data));
  const place = ({ address, bytes }: Located): number => address ?? heap.allocate(bytes);
  const from = inputs.map(place);
  const to = outputs.map(place);
  const scratch = call.scratch === undefined ? [] : [heap.allocate(call.scratch)];
  const args = [...from, ...to, ...scratch, ...call.scalars];
  return () => {
    inputs.forEach((input, i) => {
      if (input.address === undefined) bytesAt(heap, input, from[i] ?? 0).set(bytesOf(input.data));
    });
    run(...args);
    const filled = outputs.map((output, i) => finish(heap, output, to[i] ?? 0));
    return call.results(...(filled as readonly TensorData[] as O));
  };
}

/** A kernel with its public interface. */
export interface WasmKernel<Args extends readonly unknown[], Results> {
  (...args: Args): Results;
  /**
   * Checks the arguments and finds the memory once; each call of the result then runs the kernel on the same arrays.
   * For loops on arrays of the heap, whose content the caller changes in place.
   */
  readonly prepare: (...args: Args) => () => Results;
}

/** Makes a kernel callable. `check` turns the arguments of the public interface into those of the module's function. */
export function createKernel<Args extends readonly unknown[], Outputs extends readonly TensorData[], Results>(
  heap: Heap,
  run: WasmFunction,
  check: (...args: Args) => Call<Outputs, Results>,
): WasmKernel<Args, Results> {
  const once = (...args: Args): Results => {
    const top = heap.top();
    try {
      return arrange(heap, run, check(...args))();
    } finally {
      heap.release(top);
    }
  };
  return Object.assign(once, { prepare: (...args: Args) => arrange(heap, run, check(...args)) });
}
