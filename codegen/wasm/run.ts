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
  inRange,
  inferred,
  integer,
  number,
  output,
  shape,
} from "../../src/runtime/boundary.ts";
import type { TensorData } from "../../src/runtime/boundary.ts";
import { createHeap, isOnHeap } from "../../src/runtime/heap.ts";
import type { Heap } from "../../src/runtime/heap.ts";
import { interfaceOf } from "../interface.ts";
import type { CallableKernel, KernelInterface, PortValue, TensorPort } from "../interface.ts";
import { hasScratch, scratchExport } from "./abi.ts";
import { MEMORY_IMPORT, emitWasm } from "./emit.ts";
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
  const bytes = await emitWasm(kernels, options);
  const module = await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  const imports = { [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.name]: heap.memory } };
  const { exports } = await WebAssembly.instantiate(module, imports);
  return {
    heap,
    kernels: new Map(kernels.map((kernel) => [kernel.name, createCallable(kernel, exports, heap)])),
  };
}

type WasmFunction = (...args: readonly number[]) => unknown;

function exported(exports: WebAssembly.Exports, name: string): WasmFunction {
  const value = exports[name];
  if (typeof value !== "function") throw new Error(`the module exports no function ${name}`);
  return value as WasmFunction;
}

function createCallable(kernel: Kernel, exports: WebAssembly.Exports, heap: Heap): CallableKernel {
  const ports = interfaceOf(kernel);
  const run = exported(exports, kernel.name);
  const scratchBytes = hasScratch(kernel) ? exported(exports, scratchExport(kernel)) : undefined;
  return (args, into = {}) => {
    const dims = readDims(ports, args);
    const options = readOptions(ports, args);
    const inputs = ports.inputs.map((port) => readInput(port, dims, args[port.property]));
    checkRequirements(kernel, ports, dims, inputs);
    const outputs = ports.outputs.map((port) => prepareOutput(port, dims, into[port.property]));
    const top = heap.top();
    try {
      // Arrays on the heap first: an allocation may detach them.
      const reads = inputs.map((data) => locate(heap, data));
      const writes = outputs.map((data) => locate(heap, data));
      const [from, to] = [reads.map((p) => place(heap, p)), writes.map((p) => place(heap, p))];
      const scratch =
        scratchBytes === undefined ? [] : [heap.allocate(Number(scratchBytes(...dims.values())))];
      reads.forEach((p, i) => {
        if (p.address === undefined) bytesAt(heap, p, from[i] ?? 0).set(bytesOf(p.data));
      });
      run(...from, ...to, ...scratch, ...dims.values(), ...options);
      const results = writes.map((p, i) => finish(heap, p, to[i] ?? 0));
      return Object.fromEntries(ports.outputs.map((port, i) => [port.property, resultOf(port, results[i])]));
    } finally {
      heap.release(top);
    }
  };
}

type Args = Readonly<Record<string, PortValue>>;
type Dims = ReadonlyMap<string, number>;

function readDims(ports: KernelInterface, args: Args): Dims {
  return new Map(
    ports.dims.map((port) => {
      const given = args[port.property];
      if (given !== undefined || port.inference === undefined) {
        return [port.name, dimension(port.name, given as number, port.dim.min)];
      }
      const { from, divisor } = port.inference;
      const { length } = array(from.name, args[from.property] as never, from.array);
      return [port.name, dimension(port.name, inferred(port.name, from.name, length, divisor), port.dim.min)];
    }),
  );
}

function readOptions(ports: KernelInterface, args: Args): number[] {
  return ports.options.map(({ name, property, option }) => {
    const value = (args[property] ?? option.default) as number;
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

function checkRequirements(
  kernel: Kernel,
  ports: KernelInterface,
  dims: Dims,
  inputs: readonly TensorData[],
): void {
  for (const { buffer, extent } of kernel.requirements) {
    const i = ports.inputs.findIndex((port) => port.buffer === buffer);
    const values = inputs[i];
    if (values instanceof Int32Array)
      inRange(buffer.name, values, formatExpr(extent), evaluate(extent, dims));
  }
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

function place(heap: Heap, { address, bytes }: Located): number {
  return address ?? heap.allocate(bytes);
}

/** The result: the array itself, filled; or a new view of the same memory, if that has grown. */
function finish(heap: Heap, located: Located, at: number): TensorData {
  const { data, address, length } = located;
  if (address === undefined) {
    bytesOf(data).set(bytesAt(heap, located, at));
    return data;
  }
  if (isOnHeap(heap, data)) return data;
  const { buffer } = heap.memory;
  if (data instanceof Float32Array) return new Float32Array(buffer, at, length);
  return data instanceof Float64Array
    ? new Float64Array(buffer, at, length)
    : new Int32Array(buffer, at, length);
}

function bytesAt(heap: Heap, { bytes }: Located, at: number): Uint8Array {
  return new Uint8Array(heap.memory.buffer, at, bytes);
}

function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
