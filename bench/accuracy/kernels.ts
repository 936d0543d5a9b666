/** From a row to its kernels in f32 and f64, by the same passes as any user's function. */
import { interfaceOf, type CallableKernel } from "../../codegen/interface.ts";
import { runWasm } from "../../codegen/wasm/run.ts";
import type { FloatType, Kernel } from "../../src/loop/types.ts";
import { request, toKernel } from "../../src/pipeline.ts";
import { createHeap, type Heap } from "../../src/runtime/index.ts";
import { compileFunctions, readLibrary } from "../../src/cli/library.ts";
import type { Row } from "./functions.ts";

/** Elements of one call: what they need stays in the processor's cache. */
export const BLOCK = 1 << 13;

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
}

const kernelsOf = (rows: readonly Row[]): readonly { row: Row; f32: Kernel; f64: Kernel }[] => {
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

/** The kernel on arrays of the heap; every input but `x` is a cotangent, and 1. */
const blockFunction = <T extends Float32Array | Float64Array>(
  kernel: Kernel,
  callable: CallableKernel,
  array: (length: number) => T,
): BlockFunction<T> => {
  const { inputs, outputs } = interfaceOf(kernel);
  const [out, ...more] = outputs;
  if (out === undefined || more.length > 0) throw new Error(`${kernel.name} has not one output`);
  const ones = (): T => {
    const filled = array(BLOCK);
    filled.fill(1);
    return filled;
  };
  const args = inputs.map(({ name }) => [name, ones()] as const);
  const input = args.find(([name]) => name === "x")?.[1] ?? array(BLOCK);
  const output = array(BLOCK);
  const [given, into] = [{ ...Object.fromEntries(args), N: BLOCK }, { [out.name]: output }];
  return { input, output, run: () => void callable(given, into) };
};

/** The heap's arrays are taken after all is allocated. */
const BYTES_PER_ROW = 4 * BLOCK * (4 + 8);

export const instantiateRows = async (rows: readonly Row[]): Promise<readonly Pair[]> => {
  const kernels = kernelsOf(rows);
  const heap: Heap = createHeap();
  heap.reserve(BYTES_PER_ROW * (rows.length + 1));
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
  return kernels.map(({ row, f32, f64 }) => ({
    row,
    single: blockFunction(f32, callable(f32), heap.float32),
    double: blockFunction(f64, callable(f64), heap.float64),
  }));
};
