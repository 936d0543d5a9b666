/**
 * In: kernels of the loop IR. Out: functions that run them, compiled and instantiated in this process.
 * For tests, checks and experiments; what ships is the module and its loader.
 */

import { foldExpr } from "../../src/loop/fold.ts";
import { formatExpr } from "../../src/loop/format.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import {
  array,
  dimension,
  distinct,
  divides,
  inRange,
  inferred,
  integer,
  number,
  output,
  shape,
} from "../../src/runtime/boundary.ts";
import type { TensorData } from "../../src/runtime/boundary.ts";
import { createHeap } from "../../src/runtime/heap.ts";
import type { Heap } from "../../src/runtime/heap.ts";
import { instantiateThreads } from "../../src/runtime/threads.ts";
import type { ThreadOptions } from "../../src/runtime/threads.ts";
import { createKernel, instantiate } from "../../src/runtime/wasm.ts";
import type { WasmExports } from "../../src/runtime/wasm.ts";
import { inParallel } from "../../src/schedule/parallel.ts";
import { arrayTypeOf, interfaceOf } from "../interface.ts";
import type { CallableKernel, DimPort, KernelInterface, PortValue, TensorPort } from "../interface.ts";
import { hasScratch, scratchExport } from "./abi.ts";
import { emitWasm } from "./emit.ts";
import type { EmitOptions } from "./emit.ts";

export interface WasmRun {
  readonly kernels: ReadonlyMap<string, CallableKernel>;
  /** Arrays allocated here are used without a copy. */
  readonly heap: Heap;
}

export async function instantiateWasm(
  kernels: readonly Kernel[],
  options: EmitOptions = {},
): Promise<Map<string, CallableKernel>> {
  const { kernels: callables } = await runWasm(kernels, createHeap(), options);
  return new Map(callables);
}

/** As `instantiateWasm`, on a heap of the caller's. */
export async function runWasm(
  kernels: readonly Kernel[],
  heap: Heap,
  options: EmitOptions = {},
): Promise<WasmRun> {
  const wasm = await instantiate(heap, await emitWasm(kernels, options));
  return {
    heap,
    kernels: new Map(kernels.map((kernel) => [kernel.name, createCallable(kernel, wasm, heap)])),
  };
}

export interface ThreadRun extends WasmRun {
  readonly close: () => void;
}

/** As `runWasm`, on several threads. */
export async function runThreads(
  kernels: readonly Kernel[],
  options: ThreadOptions = {},
  emit: EmitOptions = {},
): Promise<ThreadRun> {
  const split = inParallel(kernels);
  const { heap, wasm, close } = await instantiateThreads(options, {
    serial: await emitWasm(split.kernels, emit),
    threads: await emitWasm(split.kernels, { ...emit, parallel: split.parallel }),
  });
  const callables = split.kernels.map((kernel) => [kernel.name, createCallable(kernel, wasm, heap)] as const);
  return { heap, kernels: new Map(callables), close };
}

function createCallable(kernel: Kernel, wasm: WasmExports, heap: Heap): CallableKernel {
  const ports = interfaceOf(kernel);
  const scratch = hasScratch(kernel) ? wasm(scratchExport(kernel)) : undefined;
  return createKernel(heap, wasm(kernel.name), (args: Args, into: Args = {}) => {
    const dims = readDims(kernel, ports, args);
    const inputs = ports.inputs.map((port) => readInput(port, dims, given(args, port.name)));
    const filled = (outputs: readonly TensorData[]): Record<string, PortValue> =>
      Object.fromEntries(ports.outputs.map((port, i) => [port.name, resultOf(port, outputs[i])]));
    checkDivisions(kernel, dims);
    const outputs = ports.outputs.map((port) => prepareOutput(port, dims, given(into, port.name)));
    const arrays = ports.outputs.filter(({ type }) => type !== "number").map(({ name }) => name);
    distinct(arrays.join(", "), ...arrays.map((name) => given(into, name) as TensorData | undefined));
    return {
      inputs,
      outputs,
      ...(scratch === undefined ? {} : { scratch: scratch(...dims.values()) }),
      scalars: [...dims.values(), ...readOptions(ports, args)],
      require: (...inputs: readonly TensorData[]) => {
        checkRanges(kernel, ports, dims, inputs);
      },
      results: (...outputs: readonly TensorData[]) => filled(outputs),
      refresh:
        (results, ...outputs) =>
        () => {
          Object.assign(results, filled(outputs));
        },
    };
  });
}

type Args = Readonly<Record<string, PortValue>>;

/** The argument of a name, which may be one that every object has. */
function given(args: Args, name: string): PortValue | undefined {
  return Object.hasOwn(args, name) ? args[name] : undefined;
}

type Dims = ReadonlyMap<string, number>;

function readDim(kernel: Kernel, { name, dim, inference }: DimPort, args: Args, before: Dims): number {
  const value = given(args, name) ?? dim.default;
  if (value !== undefined || inference === undefined) return dimension(name, value as number, dim.min);
  const { from, divisor } = inference;
  const { length } = array(from.name, given(args, from.name) as never, arrayTypeOf(kernel, from));
  return dimension(name, inferred(name, from.name, length, evaluate(divisor, before)), dim.min);
}

/** In the order of the kernel. */
function readDims(kernel: Kernel, ports: KernelInterface, args: Args): Dims {
  const known = new Map<string, number>();
  for (const port of ports.determined) known.set(port.name, readDim(kernel, port, args, known));
  return new Map(ports.dims.map(({ name }) => [name, known.get(name) ?? NaN]));
}

function readOptions(ports: KernelInterface, args: Args): number[] {
  return ports.options.map(({ name, option }) => {
    const value = (given(args, name) ?? option.default) as number;
    return option.type === "int" ? integer(name, value) : number(name, value);
  });
}

/** The value of an int expression over dims. */
function evaluate(expr: Expr, dims: Dims): number {
  return foldExpr<number>(expr, (e, of) => {
    if (e.kind === "const") return e.value;
    if (e.kind === "dim") return dims.get(e.name) ?? NaN;
    if (e.kind !== "binary") throw new Error(`an extent has no ${e.kind}`);
    const [a, b] = [of(e.a), of(e.b)];
    switch (e.op) {
      case "add":
        return a + b;
      case "sub":
        return a - b;
      case "mul":
        return a * b;
      case "floordiv":
        return Math.floor(a / b);
      case "mod":
        return a - b * Math.floor(a / b);
      case "max":
        return Math.max(a, b);
      case "min":
        return Math.min(a, b);
      case "div":
      case "pow":
      case "atan2":
      case "hypot":
        throw new Error(`an extent has no ${e.op}`);
    }
  });
}

function extents(port: TensorPort, dims: Dims): number[] {
  return port.buffer.shape.map((extent) => evaluate(extent, dims));
}

/** The elements of an input; a scalar is an array of one. */
function readInput(port: TensorPort, dims: Dims, value: PortValue | undefined): TensorData {
  if (port.type === "number") {
    const scalar = value as number;
    const one = newArray(port, 1);
    one[0] = port.array === "Int32Array" ? integer(port.name, scalar) : number(port.name, scalar);
    return one;
  }
  const data: TensorData = array(port.name, value as never, port.array);
  shape(port.name, data.length, port.shape, extents(port, dims));
  return data;
}

function newArray(port: TensorPort, length: number): TensorData {
  return output(port.name, undefined, port.array, port.shape, [length]);
}

function prepareOutput(port: TensorPort, dims: Dims, value: PortValue | undefined): TensorData {
  if (port.type === "number") return newArray(port, 1);
  return output(port.name, value as never, port.array, port.shape, extents(port, dims));
}

function resultOf(port: TensorPort, data: TensorData | undefined): PortValue {
  if (data === undefined) throw new Error(`${port.name} has no result`);
  return port.type === "number" ? (data[0] ?? NaN) : data;
}

function checkDivisions(kernel: Kernel, dims: Dims): void {
  for (const requirement of kernel.requirements) {
    if (requirement.kind !== "divides") continue;
    const { by, value } = requirement;
    divides(formatExpr(by), evaluate(by, dims), formatExpr(value), evaluate(value, dims));
  }
}

function checkRanges(
  kernel: Kernel,
  ports: KernelInterface,
  dims: Dims,
  inputs: readonly TensorData[],
): void {
  for (const requirement of kernel.requirements) {
    if (requirement.kind !== "range") continue;
    const { buffer, extent } = requirement;
    const values = inputs[ports.inputs.findIndex((port) => port.buffer === buffer)];
    if (values instanceof Int32Array)
      inRange(buffer.name, values, formatExpr(extent), evaluate(extent, dims));
  }
}
