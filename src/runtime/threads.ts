/**
 * Kernels on several threads: a shared memory, and a pool of workers that wait in it for jobs. Loaded only by modules that
 * are built for threads.
 */

import type { Code } from "../diagnostics/codes.ts";
import { CONTROL, LISTEN, SHARED_PAGES, threadExport, workExport } from "./control.ts";
import { createHeap } from "./heap.ts";
import type { Heap } from "./heap.ts";
import { compile, instantiate, instantiateModule } from "./wasm.ts";
import type { LoadOptions, WasmExports, WasmFunction, WasmSource } from "./wasm.ts";

/** How a module of kernels for several threads is loaded. */
export interface ThreadOptions extends Omit<LoadOptions, "source"> {
  /** Threads, the caller's among them. By default as many as the machine has processors. */
  readonly threads?: number;
  /** Where memory cannot be shared: an error, or kernels on one thread. By default an error. */
  readonly otherwise?: "error" | "serial";
  /** Calls with fewer operations between two waits than this are not split. */
  readonly leastWork?: number;
  /** Where the compiled modules are, if not where the build put them. */
  readonly sources?: ThreadSources;
}

/** The module for several threads, and that for one. */
export interface ThreadSources {
  readonly threads: WasmSource;
  readonly serial: WasmSource;
}

/** What a module of kernels works with once it is loaded. */
export interface Threaded {
  readonly heap: Heap;
  readonly wasm: WasmExports;
  /** How many threads there are. */
  readonly threads: number;
  /** Ends the workers. Kernels then run on the caller's thread. */
  readonly close: () => void;
}

/** Fewer operations than this between two waits are done sooner than other threads wake up. */
const LEAST_WORK = 1_000_000;

/**
 * How often a thread looks for others, or for its next job, before it goes to sleep: some 50 microseconds, about as long
 * as it takes to wake up.
 */
const SPINS = 40_000;

interface AnyWorker {
  readonly postMessage: (message: unknown) => void;
  readonly terminate: () => unknown;
  /** Whether the process of Node stays alive for it. */
  readonly ref?: () => void;
  readonly unref?: () => void;
  readonly on?: (event: "message" | "error", listener: (value: unknown) => void) => void;
  onmessage?: ((event: unknown) => void) | null;
  onerror?: ((event: unknown) => void) | null;
}

type WorkerClass = new (url: URL, options: { readonly type: "module" }) => AnyWorker;

interface Globals {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly process?: {
    readonly getBuiltinModule?: {
      (name: "node:worker_threads"): { readonly Worker: WorkerClass };
      (name: "node:os"): { readonly availableParallelism: () => number };
    };
  };
  readonly Worker?: WorkerClass;
}

const here = globalThis as Globals;

function processors(): number {
  const known = here.navigator?.hardwareConcurrency;
  return known ?? here.process?.getBuiltinModule?.("node:os").availableParallelism() ?? 1;
}

/** An error with a code, as the compiler's have. */
function threadError(code: Extract<Code, `GS08${string}`>, problem: string, hint: string): Error {
  return Object.assign(new Error(`${code}: ${problem}\n  hint: ${hint}`), { code, hint });
}

/** Why memory cannot be shared here, if it cannot. */
function sharingProblem(): Error | undefined {
  if (here.crossOriginIsolated === false) {
    return threadError(
      "GS0801",
      "threads need shared memory, and this page is not cross-origin isolated",
      'serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or load with { otherwise: "serial" }',
    );
  }
  if (typeof SharedArrayBuffer !== "undefined") return undefined;
  return threadError(
    "GS0801",
    "threads need shared memory, and there is no SharedArrayBuffer",
    'use an engine that has it, or load with { otherwise: "serial" }',
  );
}

interface Pool {
  readonly threads: number;
  /** Gives all workers a module; the numbers by which they know its functions from then on start here. */
  readonly add: (module: WebAssembly.Module, names: readonly string[]) => Promise<number>;
  /** Runs a function of all modules' on all threads. */
  readonly run: (job: number, own: WasmFunction, args: readonly number[]) => void;
  readonly isOpen: () => boolean;
  readonly close: () => void;
}

/** The pools of heaps: modules on one heap share it. */
const pools = new WeakMap<WebAssembly.Memory, Pool>();

/** A page's main thread must not sleep. */
function maySleep(words: Int32Array): boolean {
  try {
    Atomics.wait(words, 0, words[0] ?? 0, 0);
    return true;
  } catch {
    return false;
  }
}

function startWorker(onError: (error: unknown) => void, onReady: () => void): AnyWorker {
  // The name and the form of the call are those that bundlers look for.
  const Worker = here.process?.getBuiltinModule?.("node:worker_threads").Worker ?? here.Worker;
  if (Worker === undefined)
    throw threadError("GS0802", "there are no workers here", "load with { threads: 1 }");
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  if (worker.on === undefined) {
    worker.onmessage = onReady;
    worker.onerror = onError;
  } else {
    worker.on("message", onReady);
    worker.on("error", onError);
  }
  return worker;
}

interface Waiting {
  readonly left: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function createPool(memory: WebAssembly.Memory, control: number, threads: number): Pool {
  const words = new Int32Array(memory.buffer, 0, (control + CONTROL.bytes) / 4);
  const args = new Float64Array(memory.buffer, control + CONTROL.args, CONTROL.mostArgs);
  const word = (offset: number): number => (control + offset) / 4;
  const spins = maySleep(words) ? SPINS : -1;
  let waiting: Waiting | undefined;
  let isOpen = true;
  let functions = 0;
  let isListening = true;
  let last: Promise<unknown> = Promise.resolve();
  const onReady = (): void => {
    if (waiting === undefined) return;
    const left = waiting.left - 1;
    if (left === 0) waiting.resolve();
    waiting = left === 0 ? undefined : { ...waiting, left };
  };
  const onError = (error: unknown): void => {
    const text = error instanceof Error ? error.message : String((error as { message?: unknown }).message);
    waiting?.reject(
      threadError(
        "GS0802",
        `a worker does not start: ${text}`,
        "see that worker.js is served beside the runtime, and that the page's policy allows workers",
      ),
    );
  };
  const workers = Array.from({ length: threads - 1 }, (_, k) => {
    const worker = startWorker(onError, onReady);
    const setup = { memory, control, thread: k + 1, threads, spins: SPINS, layout: CONTROL, listen: LISTEN };
    worker.postMessage({ setup });
    return worker;
  });
  const start = (job: number): void => {
    Atomics.store(words, word(CONTROL.job), job);
    Atomics.store(words, word(CONTROL.open), 1);
    Atomics.add(words, word(CONTROL.jobs), 1);
    Atomics.notify(words, word(CONTROL.jobs));
  };
  /** Waits for those that have begun; whoever wakes up after this does not. */
  const finish = (): void => {
    Atomics.store(words, word(CONTROL.open), 0);
    for (let looks = 1; ; looks++) {
      const inside = Atomics.load(words, word(CONTROL.inside));
      if (inside === 0) return;
      if (spins > 0 && looks > spins) Atomics.wait(words, word(CONTROL.inside), inside);
    }
  };
  /** Back to their event loops, all of them. */
  const listen = (): void => {
    if (isListening) return;
    Atomics.store(words, word(CONTROL.listening), 0);
    start(LISTEN);
    for (;;) {
      const back = Atomics.load(words, word(CONTROL.listening));
      if (back === workers.length) break;
      if (spins > 0) Atomics.wait(words, word(CONTROL.listening), back);
    }
    finish();
    isListening = true;
  };
  const send = (module: WebAssembly.Module, names: readonly string[]): Promise<number> =>
    new Promise((resolve, reject) => {
      const first = functions;
      functions += names.length;
      const done = (): void => {
        for (const worker of workers) worker.unref?.();
      };
      waiting = {
        left: workers.length,
        resolve: () => {
          done();
          resolve(first);
        },
        reject: (error) => {
          done();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      };
      for (const worker of workers) worker.ref?.();
      listen();
      for (const worker of workers) worker.postMessage({ module, names });
      isListening = false;
    });
  return {
    threads,
    // One after the other: a worker that waits for jobs does not receive.
    add: (module, names) => {
      const sent = last.then(() => send(module, names));
      last = sent.catch(() => undefined);
      return sent;
    },
    run: (job, own, given) => {
      args.set(given);
      Atomics.store(words, word(CONTROL.state), 0);
      start(job);
      own(0, threads, control, spins, ...given);
      finish();
    },
    isOpen: () => isOpen,
    close: () => {
      isOpen = false;
      for (const worker of workers) void worker.terminate();
    },
  };
}

/** A heap whose memory threads share; the words by which they agree are its first bytes. */
export function createSharedHeap(): Heap {
  const problem = sharingProblem();
  if (problem !== undefined) throw problem;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: SHARED_PAGES, shared: true });
  return createHeap(memory, CONTROL_AT + CONTROL.bytes);
}

const CONTROL_AT = 64;

function poolOf({ memory }: Heap, threads: number): Pool {
  const known = pools.get(memory);
  if (known?.isOpen() === true) return known;
  const made = createPool(memory, CONTROL_AT, threads);
  pools.set(memory, made);
  return made;
}

const isShared = ({ memory }: Heap): boolean =>
  typeof SharedArrayBuffer !== "undefined" && (memory.buffer as ArrayBufferLike) instanceof SharedArrayBuffer;

const nothing = (): void => undefined;

/** Loads a module of kernels on a pool of threads: that of the heap, if it has one already. */
export async function instantiateThreads(
  { heap, threads: wanted, otherwise = "error", leastWork = LEAST_WORK, sources }: ThreadOptions,
  standard: ThreadSources,
): Promise<Threaded> {
  const { serial, threads: parallel } = sources ?? standard;
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1))
    throw new RangeError(`threads must be a whole number, at least 1, but is ${wanted}`);
  const problem = heap === undefined ? sharingProblem() : undefined;
  const isSerial = heap === undefined ? problem !== undefined && otherwise === "serial" : !isShared(heap);
  if (isSerial) {
    const own = heap ?? createHeap();
    return { heap: own, wasm: await instantiate(own, serial), threads: 1, close: nothing };
  }
  if (problem !== undefined) throw problem;
  const shared = heap ?? createSharedHeap();
  const module = await compile(parallel);
  const own = instantiateModule(shared, module);
  const count = wanted ?? processors();
  if (count === 1) return { heap: shared, wasm: own, threads: 1, close: nothing };
  const pool = poolOf(shared, count);
  const names = WebAssembly.Module.exports(module)
    .map(({ name }) => name)
    .filter((name) => name.endsWith(threadExport("")));
  const first = await pool.add(module, names);
  return {
    heap: shared,
    wasm: onPool(pool, own, names, first, leastWork),
    threads: pool.threads,
    close: pool.close,
  };
}

/** The functions of a module; those of kernels run on all threads where that is worth it. */
function onPool(
  pool: Pool,
  own: WasmExports,
  names: readonly string[],
  first: number,
  leastWork: number,
): WasmExports {
  return (name) => {
    const at = names.indexOf(threadExport(name));
    if (at >= 0) return onThreads(pool, own, name, first + at, leastWork);
    const [kernel = "", end] = name.split(".");
    if (end !== "scratch" || !names.includes(threadExport(kernel))) return own(name);
    // as much as either way takes
    const [serial, parallel] = [own(name), own(`${threadExport(kernel)}.scratch`)];
    return (...dims) => Math.max(serial(...dims), parallel(pool.threads, ...dims));
  };
}

function onThreads(pool: Pool, own: WasmExports, name: string, job: number, leastWork: number): WasmFunction {
  const [serial, parallel, work] = [own(name), own(threadExport(name)), own(workExport(name))];
  if (serial.length > CONTROL.mostArgs) return serial;
  return (...args) => {
    if (!pool.isOpen() || work(...args) < leastWork) return serial(...args);
    pool.run(job, parallel, args);
    return 0;
  };
}
