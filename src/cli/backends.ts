/** The back ends that a check compares: kernels made callable on the inputs of an evaluation. */
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import type { CallableKernel, PortValue } from "../../codegen/interface.ts";
import type { GivenArray } from "../eval/index.ts";
import type { Run } from "../gradcheck/index.ts";
import type { FloatType, Kernel } from "../loop/types.ts";

export type { Run };

export interface Backend {
  readonly name: string;
  readonly dtype: FloatType;
  readonly instantiate: (kernels: readonly Kernel[]) => Promise<ReadonlyMap<string, CallableKernel>>;
}

export const BACKENDS: readonly Backend[] = [
  { name: "TypeScript", dtype: "f64", instantiate: instantiateTypeScript },
  { name: "WASM f64", dtype: "f64", instantiate: instantiateWasm },
  { name: "WASM f32", dtype: "f32", instantiate: instantiateWasm },
];

const FLOATS = { f64: Float64Array, f32: Float32Array } as const;

const asPort = ({ shape, data }: GivenArray, dtype: FloatType, isInt: boolean): PortValue => {
  if (shape.length === 0) return data[0] ?? NaN;
  return isInt ? Int32Array.from(data) : FLOATS[dtype].from(data);
};

export const runOf =
  (kernel: Kernel, callable: CallableKernel): Run =>
  (inputs) => {
    const ints = new Set(
      kernel.buffers.filter((buffer) => buffer.type === "int").map((buffer) => buffer.name),
    );
    const arrays = [...inputs.tensors].map(([name, array]): [string, PortValue] => [
      name,
      asPort(array, kernel.dtype, ints.has(name)),
    ]);
    const args = Object.fromEntries([...arrays, ...(inputs.dims ?? []), ...(inputs.options ?? [])]);
    return new Map(
      Object.entries(callable(args)).map(([name, value]) => [
        name,
        typeof value === "number" ? [value] : value,
      ]),
    );
  };

/** How many kernels share a module: many, so that compiling is fast; not all, so that memory stays small. */
const BATCH = 64;

/** A kernel as a function, or why there is none. */
export type Instantiated =
  { readonly ok: true; readonly run: Run } | { readonly ok: false; readonly reason: string };

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Kernels of one dtype, whose names are unique, on a back end. One that does not compile leaves the others alone. */
export const instantiateAll = async (
  backend: Backend,
  kernels: readonly Kernel[],
): Promise<ReadonlyMap<string, Instantiated>> => {
  const done = new Map<string, Instantiated>();
  for (let from = 0; from < kernels.length; from += BATCH) {
    await instantiateBatch(backend, kernels.slice(from, from + BATCH), done);
  }
  return done;
};

/** Where a module is rejected, its halves are tried, down to the kernels at fault. */
const instantiateBatch = async (
  backend: Backend,
  kernels: readonly Kernel[],
  done: Map<string, Instantiated>,
): Promise<void> => {
  try {
    const callables = await backend.instantiate(kernels);
    for (const kernel of kernels) {
      const callable = callables.get(kernel.name);
      if (callable === undefined) throw new Error(`the module has no kernel ${kernel.name}`);
      done.set(kernel.name, { ok: true, run: runOf(kernel, callable) });
    }
  } catch (error) {
    const [only, ...others] = kernels;
    if (only !== undefined && others.length === 0)
      done.set(only.name, { ok: false, reason: reasonOf(error) });
    else {
      const middle = Math.ceil(kernels.length / 2);
      await instantiateBatch(backend, kernels.slice(0, middle), done);
      await instantiateBatch(backend, kernels.slice(middle), done);
    }
  }
};
