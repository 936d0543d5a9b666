/** From a row to its kernels in f32 and f64, by the same passes as any user's function. */
import { interfaceOf, type CallableKernel } from "../../codegen/interface.ts";
import { emitWasm } from "../../codegen/wasm/emit.ts";
import { runWasm } from "../../codegen/wasm/run.ts";
import type { FloatType, Kernel } from "../../src/loop/types.ts";
import { request, toKernel } from "../../src/pipeline.ts";
import { createHeap, type Heap } from "../../src/runtime/index.ts";
import { compileFunctions, readLibrary } from "../../src/cli/library.ts";
import { arithmeticOf } from "./arithmetic.ts";
import type { Row } from "./functions.ts";
import { createScan, type Scan } from "./scan.ts";

/** Elements of one call: what they need stays in the processor's cache. */
export const BLOCK = 1 << 13;

/** Elements of a block where the f64 kernel is looked at first; even. */
export const SAMPLES = 128;

/** A function on blocks: write `input`, run, read `output`. */
export interface BlockFunction<T extends Float32Array | Float64Array> {
  readonly input: T;
  readonly output: T;
  readonly run: () => void;
}

export interface Pair {
  readonly row: Row;
  readonly single: BlockFunction<Float32Array>;
  readonly double: BlockFunction<Float64Array>;
  /** As `double`, on fewer numbers. */
  readonly samples: BlockFunction<Float64Array>;
  /** On the heap of these arrays. */
  readonly scan: Scan;
}

/** A row as kernels of the loop IR. */
export interface Compiled {
  readonly row: Row;
  readonly f32: Kernel;
  readonly f64: Kernel;
}

export const compileRows = (rows: readonly Row[]): readonly Compiled[] => {
  const compiled = compileFunctions(
    rows.map(({ definition }) => definition),
    readLibrary(),
  );
  return rows.map((row) => {
    const found = compiled.get(row.definition.name);
    if (found?.ok !== true) throw new Error(`${row.name}: ${found?.reason ?? "not compiled"}`);
    const wrt = row.kind === "vjp" ? ["x"] : [];
    const program = request(found.ir, found.program, { kind: row.kind, wrt });
    const kernel = (dtype: FloatType): Kernel =>
      toKernel(found.ir, program, { dtype, name: `${row.definition.name}_${dtype}` });
    return { row, f32: kernel("f32"), f64: kernel("f64") };
  });
};

/** What identifies the arithmetic that is measured: with the same, the kernel has the same results. */
export const fingerprint = async ({ f32 }: Compiled): Promise<string> => arithmeticOf(await emitWasm([f32]));

/** The kernel on arrays of the heap; every input but `x` is a cotangent, and 1. */
const blockFunction = <T extends Float32Array | Float64Array>(
  kernel: Kernel,
  callable: CallableKernel,
  array: (length: number) => T,
  length: number,
): BlockFunction<T> => {
  const { inputs, outputs } = interfaceOf(kernel);
  const [out, ...more] = outputs;
  if (out === undefined || more.length > 0) throw new Error(`${kernel.name} has not one output`);
  const ones = (): T => {
    const filled = array(length);
    filled.fill(1);
    return filled;
  };
  const args = inputs.map(({ name }) => [name, ones()] as const);
  const input = args.find(([name]) => name === "x")?.[1] ?? array(length);
  const output = array(length);
  const [given, into] = [{ ...Object.fromEntries(args), N: length }, { [out.name]: output }];
  return { input, output, run: () => void callable(given, into) };
};

/** The heap's arrays are taken after all is allocated. */
const BYTES_PER_ROW = 4 * (BLOCK * (4 + 8) + SAMPLES * 8);

export const instantiateRows = async (kernels: readonly Compiled[]): Promise<readonly Pair[]> => {
  const heap: Heap = createHeap();
  heap.reserve(BYTES_PER_ROW * (kernels.length + 1));
  const callables = (
    await runWasm(
      kernels.flatMap(({ f32, f64 }) => [f32, f64]),
      heap,
    )
  ).kernels;
  const callable = ({ name }: Kernel): CallableKernel => {
    const found = callables.get(name);
    if (found === undefined) throw new Error(`there is no kernel ${name}`);
    return found;
  };
  const scan = await createScan(heap);
  return kernels.map(({ row, f32, f64 }) => ({
    row,
    scan,
    single: blockFunction(f32, callable(f32), heap.float32, BLOCK),
    double: blockFunction(f64, callable(f64), heap.float64, BLOCK),
    samples: blockFunction(f64, callable(f64), heap.float64, SAMPLES),
  }));
};
