/**
 * Calling compiled kernels: instantiation, and the way of arrays into the memory and back. Arrays that are on the heap
 * are used where they are, others are copied.
 */

import { overlap, type TensorData } from "./boundary.ts";
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
async function download(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`${url.href} cannot be loaded: ${response.status} ${response.statusText}`);
  if (response.headers.get("Content-Type") === "application/wasm")
    return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** The module at its place, compiled. */
export async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  const bytes = async (): Promise<Uint8Array | URL> => {
    if (typeof source === "string") return Uint8Array.from(atob(source), (c) => c.charCodeAt(0));
    if (source instanceof Uint8Array || source.protocol !== "file:") return source;
    // Not an import: bundlers for browsers would look for it.
    const { process } = globalThis as { readonly process?: NodeProcess };
    return process?.getBuiltinModule?.("node:fs/promises").readFile(source) ?? source;
  };
  const found = await bytes();
  return found instanceof URL ? download(found) : WebAssembly.compile(found as Uint8Array<ArrayBuffer>);
}

/** Loads a module of kernels, which works on the heap's memory. */
export async function instantiate(heap: Heap, source: WasmSource): Promise<WasmExports> {
  const module = await compile(source);
  return exportsOf(await WebAssembly.instantiate(module, importsOf(heap)));
}

/** The same of a compiled module, at once. */
export function instantiateModule(heap: Heap, module: WebAssembly.Module): WasmExports {
  return exportsOf(new WebAssembly.Instance(module, importsOf(heap)));
}

const importsOf = ({ memory }: Heap): WebAssembly.Imports => ({ env: { memory } });

const exportsOf =
  ({ exports }: WebAssembly.Instance): WasmExports =>
  (name) => {
    const value = exports[name];
    if (typeof value !== "function") throw new Error(`the WebAssembly module has no function ${name}`);
    return value as WasmFunction;
  };

/** A number among the arguments or results: an array of it that belongs to the call. */
export interface Cell<A extends TensorData = TensorData> {
  readonly cell: A;
}

/** The same object, for those who fill it. */
export type Writable<T> = T extends TensorData | number | string | boolean
  ? T
  : { -readonly [K in keyof T]: Writable<T[K]> };

type Slots = readonly (TensorData | Cell)[];

/** The arrays themselves. */
type Filled<List extends Slots> = {
  [K in keyof List]: List[K] extends Cell<infer A> ? A : List[K];
};

/** One call of a kernel: checked arguments, in the order of its parameters. */
export interface Call<Inputs extends Slots, Outputs extends Slots, Results> {
  readonly inputs: readonly [...Inputs];
  readonly outputs: readonly [...Outputs];
  /** Bytes of memory that the kernel needs for itself; absent if it takes none. */
  readonly scratch?: number;
  /** Dimensions, then options. */
  readonly scalars: readonly number[];
  /** Checks the values that the kernel goes by, before each run; absent if it goes by none. */
  readonly require?: (...inputs: Filled<Inputs>) => void;
  /** The results of the public interface. The arrays are those of `outputs`, or views of the same memory. */
  readonly results: (...outputs: Filled<Outputs>) => Results;
  /** What writes the numbers among the results, after each run; absent if there are none. */
  readonly refresh?: (results: Writable<Results>, ...outputs: Filled<Outputs>) => () => void;
}

/** An array and its address, if it is on the heap. Arrays on the heap may lose their length while a call is arranged. */
interface Located {
  readonly data: TensorData;
  readonly length: number;
  readonly bytes: number;
  readonly address: number | undefined;
  /** The same if the kernel may use it there. */
  readonly home: number | undefined;
  readonly isCell: boolean;
}

interface Placed extends Located {
  readonly at: number;
}

/** From an array to another of the same type and length. */
interface Copy {
  readonly from: TensorData;
  readonly to: TensorData;
}

/** What a call holds of the memory: worth nothing once that has grown. */
interface Attached<R> {
  /** Has no bytes once the memory has grown. */
  readonly probe: Uint8Array;
  readonly require: () => void;
  readonly before: readonly Copy[];
  readonly after: readonly Copy[];
  readonly results: R;
  readonly refresh: (() => void) | undefined;
}

/** An input that shares memory with an output is copied, as what is not on the heap. */
function locate(buffer: ArrayBufferLike, each: TensorData | Cell, outputs: readonly Located[] = []): Located {
  const isCell = "cell" in each;
  const data = isCell ? each.cell : each;
  // A short array has no buffer before somebody asks for it.
  const address = !isCell && data.buffer === buffer ? data.byteOffset : undefined;
  const isShared =
    address !== undefined &&
    outputs.some((output) => output.address !== undefined && overlap(data, output.data));
  return {
    data,
    length: data.length,
    bytes: data.byteLength,
    address,
    home: isShared ? undefined : address,
    isCell,
  };
}

/** The array itself if it is there, else a view of this memory. */
function viewIn(buffer: ArrayBufferLike, { data, length }: Located, at: number): TensorData {
  if (data.byteOffset === at && data.buffer === buffer) return data;
  if (data instanceof Float32Array) return new Float32Array(buffer, at, length);
  return data instanceof Float64Array
    ? new Float64Array(buffer, at, length)
    : new Int32Array(buffer, at, length);
}

/** Where the arrays of a call are, and the arguments that say so. */
interface Arranged {
  readonly inputs: readonly Placed[];
  readonly outputs: readonly Placed[];
  readonly args: readonly number[];
}

/** Finds or allocates the memory of a call. */
function arrange<I extends Slots, O extends Slots, R>(heap: Heap, call: Call<I, O, R>): Arranged {
  const { buffer } = heap.memory;
  // Arrays on the heap first: an allocation may detach them.
  const written = call.outputs.map((each) => locate(buffer, each));
  const read = call.inputs.map((each) => locate(buffer, each, written));
  // field by field: a spread takes a microsecond
  const place = ({ data, length, bytes, address, home, isCell }: Located): Placed => {
    return { data, length, bytes, address, home, isCell, at: home ?? heap.allocate(bytes) };
  };
  const [inputs, outputs] = [read.map(place), written.map(place)];
  const scratch = call.scratch === undefined ? [] : [heap.allocate(call.scratch)];
  const addresses = [...inputs, ...outputs].map(({ at }) => at);
  return { inputs, outputs, args: [...addresses, ...scratch, ...call.scalars] };
}

function attach<I extends Slots, O extends Slots, R>(
  { memory: { buffer } }: Heap,
  call: Call<I, O, R>,
  { inputs, outputs }: Arranged,
): Attached<R> {
  const isCopied = ({ address, at, isCell }: Placed): boolean => address !== at && !isCell;
  /** The array that the caller fills. */
  const given = (input: Placed): TensorData =>
    input.address === undefined ? input.data : viewIn(buffer, input, input.address);
  const placed = (each: Placed): TensorData => viewIn(buffer, each, each.at);
  const arrays = call.require && (inputs.map(given) as readonly TensorData[] as Filled<I>);
  const filled = outputs.map((output) => (isCopied(output) ? output.data : placed(output)));
  const tuple = filled as readonly TensorData[] as Filled<O>;
  const results = call.results(...tuple);
  for (const input of inputs) if (input.isCell) placed(input).set(input.data);
  return {
    probe: new Uint8Array(buffer),
    require: () => {
      if (arrays !== undefined) call.require?.(...arrays);
    },
    before: inputs.filter(isCopied).map((input) => ({ from: given(input), to: placed(input) })),
    after: outputs.filter(isCopied).map((output) => ({ from: placed(output), to: output.data })),
    results,
    refresh: call.refresh?.(results as Writable<R>, ...tuple),
  };
}

/** Each argument in a variable, if they are few: faster than a list, and than `Function.bind`. Others are ignored. */
function bind(run: WasmFunction, args: readonly number[]): () => void {
  if (args.length > 8) return () => void run(...args);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = args;
  return () => void run(a, b, c, d, e, f, g, h);
}

/** Running a call copies what is not on the heap, and takes no memory. */
function prepare<I extends Slots, O extends Slots, R>(
  heap: Heap,
  run: WasmFunction,
  call: Call<I, O, R>,
): () => R {
  const arranged = arrange(heap, call);
  const start = bind(run, arranged.args);
  let attached = attach(heap, call, arranged);
  attached.require();
  return () => {
    if (attached.probe.length === 0) attached = attach(heap, call, arranged);
    const { require, before, after, refresh, results } = attached;
    require();
    for (const { from, to } of before) to.set(from);
    start();
    for (const { from, to } of after) to.set(from);
    if (refresh !== undefined) refresh();
    return results;
  };
}

/** Apart from prepared calls, whose code is then compiled for them alone. */
function runOnce<I extends Slots, O extends Slots, R>(heap: Heap, run: WasmFunction, call: Call<I, O, R>): R {
  const arranged = arrange(heap, call);
  const { require, before, after, refresh, results } = attach(heap, call, arranged);
  require();
  for (const { from, to } of before) to.set(from);
  run(...arranged.args);
  for (const { from, to } of after) to.set(from);
  refresh?.();
  return results;
}

/** A kernel with its public interface. */
export interface WasmKernel<Args extends readonly unknown[], Results> {
  (...args: Args): Results;
  /**
   * Checks the arguments and finds the memory once; each call of the result then runs the kernel on the same arrays, once it
   * has checked that those which index others are still in range.
   * For loops on arrays of the heap, whose content the caller changes in place: such a call allocates nothing. It returns
   * the same object each time, which holds the numbers of the last run.
   */
  readonly prepare: (...args: Args) => () => Results;
}

/** Makes a kernel callable. `check` turns the arguments of the public interface into those of the module's function. */
export function createKernel<
  Args extends readonly unknown[],
  Inputs extends Slots,
  Outputs extends Slots,
  Results,
>(
  heap: Heap,
  run: WasmFunction,
  check: (...args: Args) => Call<Inputs, Outputs, Results>,
): WasmKernel<Args, Results> {
  const once = (...args: Args): Results => {
    const top = heap.top();
    try {
      return runOnce(heap, run, check(...args));
    } finally {
      heap.release(top);
    }
  };
  return Object.assign(once, { prepare: (...args: Args) => prepare(heap, run, check(...args)) });
}
