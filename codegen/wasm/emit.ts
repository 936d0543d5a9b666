/**
 * In: kernels of the loop IR. Out: the bytes of one WebAssembly module with a function for each, optimised and valid.
 * Terminates: one pass over each kernel, then a fixed list of the optimiser's passes.
 */

import type { Kernel } from "../../src/loop/types.ts";
import { SHARED_PAGES } from "../../src/runtime/control.ts";
import { outline, type Outlined } from "../../src/schedule/outline.ts";
import type { Kernels } from "../../src/schedule/parallel.ts";
import { loadBinaryen } from "./binaryen.ts";
import type { Binaryen, WasmModule } from "./binaryen.ts";
import { addKernel } from "./kernel.ts";
import { createMathLibrary } from "./library.ts";
import { ENGINES, expectWithin, type Limits } from "./limits.ts";
import { addProcedure } from "./procedure.ts";
import { addPhases, addThreads } from "./threads.ts";

export interface EmitOptions {
  /** `none` compiles faster, for kernels that run only a few times; `size` slower, for modules that are kept in files. */
  readonly optimize?: "none" | "full" | "size";
  /** `relaxed`: a·b + c may be rounded once or twice, as the host likes. */
  readonly simd?: "strict" | "relaxed";
  /** How kernels are split: they have functions for several threads besides their own, and the memory is one that threads share. */
  readonly parallel?: Kernels["parallel"];
  /** Of each function; those of all engines without it. More is an error, GS0606. */
  readonly limits?: Limits;
}

/**
 * Passes that make a module smaller, of more than linear time: values that are used once need no local, and locals that
 * do not overlap share one. None moves a value into a loop.
 */
const COMPACT = [
  "local-cse",
  "simplify-locals-nostructure",
  "vacuum",
  "coalesce-locals",
  "simplify-locals",
  "vacuum",
  "reorder-locals",
  "merge-blocks",
  "optimize-instructions",
  "rse",
  "vacuum",
  "reorder-locals",
];

/** The bytes up to which a module is made smaller. */
const COMPACT_LIMIT = 131_072;

/** Where the memory is imported from, and the fewest 64 KiB pages it must have. */
export const MEMORY_IMPORT = { module: "env", name: "memory", pages: 1 } as const;

/**
 * Passes of linear time that never nest expressions deeper, for modules of any size. Constants stay in locals:
 * propagating them into loops would undo that they are loaded once.
 */
const PASSES = [
  "dae",
  "optimize-instructions",
  "remove-unused-brs",
  "merge-blocks",
  "vacuum",
  "reorder-locals",
];

const NOTHING_SHARED: Outlined = { procedures: [], calls: new Map() };

export async function emitWasm(kernels: readonly Kernel[], options: EmitOptions = {}): Promise<Uint8Array> {
  const bytes = await emitted(kernels, options);
  expectWithin(bytes, options.limits ?? ENGINES);
  return bytes;
}

async function emitted(kernels: readonly Kernel[], options: EmitOptions): Promise<Uint8Array> {
  const binaryen = await loadBinaryen();
  const { parallel, simd = "strict" } = options;
  const module = createModule(binaryen, parallel === undefined ? "own" : "shared", simd);
  try {
    const math = createMathLibrary(binaryen, module);
    const { optimize = "full" } = options;
    const { procedures, calls } = optimize === "none" ? NOTHING_SHARED : outline(kernels);
    for (const kernel of kernels) addKernel(binaryen, module, kernel, math, calls);
    for (const procedure of procedures) addProcedure(binaryen, module, procedure, math, calls);
    if (parallel !== undefined) addPhases(binaryen, module);
    for (const split of parallel?.values() ?? []) addThreads(binaryen, module, split, math, calls);
    if (module.validate() !== 1) throw new Error("the generated WebAssembly module is invalid");
    binaryen.setOptimizeLevel(3);
    binaryen.setShrinkLevel(0);
    if (optimize !== "none") module.runPasses(PASSES);
    const bytes = module.emitBinary();
    if (optimize !== "size" || bytes.length > COMPACT_LIMIT) return bytes;
    module.runPasses(COMPACT);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

function createModule(binaryen: Binaryen, memory: "own" | "shared", simd: "strict" | "relaxed"): WasmModule {
  const { Features } = binaryen;
  const module = new binaryen.Module();
  const isShared = memory === "shared";
  module.setFeatures(
    Features.SIMD128 | Features.NontrappingFPToInt | Features.SignExt | Features.BulkMemory | Features.MutableGlobals | (isShared ? Features.Atomics : Features.SIMD128) | (simd === "relaxed" ? Features.RelaxedSIMD : Features.SIMD128), // prettier-ignore
  );
  const unlimited = -1;
  const most = isShared ? SHARED_PAGES : unlimited;
  module.setMemory(MEMORY_IMPORT.pages, most, null, [], isShared, false, "memory");
  module.addMemoryImport("memory", MEMORY_IMPORT.module, MEMORY_IMPORT.name);
  return module;
}
