/**
 * In: a kernel of the loop IR. Out: one function in a WebAssembly module, and one that tells its scratch size.
 * Terminates: one pass over the kernel's statements.
 */

import type { Buffer, Expr, Kernel, Local } from "../../src/loop/types.ts";
import { operands } from "../../src/loop/fold.ts";
import { ALIGNMENT, hasScratch, parametersOf, scratchExport, temporariesOf } from "./abi.ts";
import type { Parameter } from "./abi.ts";
import type { Binaryen, Ref, WasmModule, WasmType } from "./binaryen.ts";
import { isMath } from "./arithmetic.ts";
import { fold } from "./fold.ts";
import { elementBytes, log2Bytes } from "./frame.ts";
import type { Calls, Frame, MathLibrary } from "./frame.ts";
import { emitScalar } from "./scalar.ts";
import { bind, createScope, get, scalarType } from "./scope.ts";
import type { Scope, Sequence, Slot } from "./scope.ts";
import { emitStatements } from "./statements.ts";

/** Formulas in place of calls, in one kernel. */
const MAX_INLINED = 64;

/** The same of scalars, in a kernel without a loop: what a call of it costs is little more than they do. */
const MAX_INLINED_SCALARS = 8;

export function addKernel(
  binaryen: Binaryen,
  module: WasmModule,
  kernel: Kernel,
  math: MathLibrary,
  calls: Calls,
): void {
  const { frame, types, scratch } = openKernel(binaryen, module, kernel, math, parametersOf(kernel), calls);
  const { scope } = frame;
  if (scratch !== undefined) placeBuffers(frame, temporariesOf(kernel), scratch);
  const body: Sequence = [];
  emitStatements(frame, kernel.body, body);
  define(scope, kernel.name, types, binaryen.none, [...scope.prologue, ...body]);
  if (hasScratch(kernel)) addScratchSize(binaryen, module, kernel, math);
}

export interface Opened {
  readonly frame: Frame;
  readonly types: readonly WasmType[];
  /** Where its temporaries go. */
  readonly scratch: Slot | undefined;
}

/** A function under construction that has these parameters. */
export function openKernel(
  binaryen: Binaryen,
  module: WasmModule,
  kernel: Kernel,
  math: MathLibrary,
  parameters: readonly Parameter[],
  calls: Calls,
): Opened {
  const scope = createScope(binaryen, module, kernel.dtype, parameters.length);
  const types = parameters.map((p) => parameterType(scope, p));
  const frame = createFrame(scope, kernel, parameters, types, math, calls);
  return { frame, types, scratch: scratchSlot(parameters, types) };
}

export function define(
  scope: Scope,
  name: string,
  types: readonly WasmType[],
  result: WasmType,
  body: Sequence,
): void {
  const { binaryen, module } = scope;
  const block = module.block(null, body, result);
  // Inside the module, kernels have a prefix that keeps them apart from the functions of the math library.
  const internal = `kernel.${name}`;
  module.addFunction(internal, binaryen.createType([...types]), result, scope.variables, block);
  module.addFunctionExport(internal, name);
}

/** In functions without statements. */
export const NO_CALLS: Calls = new Map();

/** The bytes of all temporaries, each aligned. */
function addScratchSize(binaryen: Binaryen, module: WasmModule, kernel: Kernel, math: MathLibrary): void {
  const parameters = kernel.dims.map((dim): Parameter => ({ kind: "dim", dim }));
  const { frame, types } = openKernel(binaryen, module, kernel, math, parameters, NO_CALLS);
  const total = bytesOf(frame, temporariesOf(kernel));
  define(frame.scope, scratchExport(kernel), types, binaryen.i32, [...frame.scope.prologue, total]);
}

/** Of buffers one after the other, each aligned. */
export function bytesOf(frame: Frame, buffers: readonly Buffer[]): Ref {
  const { module } = frame.scope;
  const [first, ...others] = buffers.map((buffer) => alignedBytes(frame, buffer));
  return others.reduce((sum, bytes) => module.i32.add(sum, bytes), first ?? module.i32.const(0));
}

function parameterType(scope: Scope, parameter: Parameter): WasmType {
  if (parameter.kind === "option") return scalarType(scope, parameter.option.type);
  return parameter.kind === "value" ? scalarType(scope, parameter.local.type) : scope.binaryen.i32;
}

function scratchSlot(parameters: readonly Parameter[], types: readonly WasmType[]): Slot | undefined {
  const index = parameters.findIndex((p) => p.kind === "scratch");
  const type = types[index];
  return type === undefined ? undefined : { index, type };
}

function createFrame(
  scope: Scope,
  kernel: Kernel,
  parameters: readonly Parameter[],
  types: readonly WasmType[],
  math: MathLibrary,
  calls: Calls,
): Frame {
  const dims = new Map<string, Slot>();
  const options = new Map<string, Slot>();
  const pointers = new Map<Buffer, Slot>();
  const lengths = new Map<Buffer, Slot>();
  const locals = new Map<Local, Slot>();
  parameters.forEach((parameter, index) => {
    const slot: Slot = { index, type: types[index] ?? scope.binaryen.i32 };
    if (parameter.kind === "dim") dims.set(parameter.dim.name, slot);
    if (parameter.kind === "option") options.set(parameter.option.name, slot);
    if (parameter.kind === "pointer") pointers.set(parameter.buffer, slot);
    if (parameter.kind === "length") lengths.set(parameter.buffer, slot);
    if (parameter.kind === "value") locals.set(parameter.local, slot);
  });
  let inlined = 0;
  const scalars = kernel.body.some(({ kind }) => kind === "for" || kind === "if") ? 0 : MAX_INLINED_SCALARS;
  const frame: Frame = {
    scope,
    kernel,
    math,
    calls,
    dims,
    options,
    pointers,
    locals,
    costly: createCostly(),
    mayInline: (what) => inlined++ < (what === "lanes" ? MAX_INLINED : scalars),
    length: (buffer) => {
      const known = lengths.get(buffer);
      if (known !== undefined) return known;
      const slot = bind(scope, scope.prologue, scope.binaryen.i32, emitLength(frame, buffer));
      lengths.set(buffer, slot);
      return slot;
    },
  };
  return frame;
}

function emitLength(frame: Frame, buffer: Buffer): Ref {
  const { module, prologue } = frame.scope;
  const extents = buffer.shape.map((extent) => emitScalar(frame, extent, prologue));
  return extents.reduce((product, extent) => module.i32.mul(product, extent), module.i32.const(1));
}

/** One after the other from an address on, each aligned; the address after the last. */
export function placeBuffers(frame: Frame, buffers: readonly Buffer[], from: Slot): Slot {
  const { scope } = frame;
  let place = from;
  buffers.forEach((buffer, i) => {
    frame.pointers.set(buffer, place);
    if (i === buffers.length - 1) return;
    place = bind(scope, scope.prologue, scope.binaryen.i32, after(frame, buffer, place));
  });
  return place;
}

/** The address behind a buffer. */
export function after(frame: Frame, buffer: Buffer, at: Slot): Ref {
  return frame.scope.module.i32.add(get(frame.scope, at), alignedBytes(frame, buffer));
}

function alignedBytes(frame: Frame, buffer: Buffer): Ref {
  const { module } = frame.scope;
  const shift = module.i32.const(log2Bytes[elementBytes(frame, buffer)]);
  const bytes = module.i32.shl(get(frame.scope, frame.length(buffer)), shift);
  const up = module.i32.add(bytes, module.i32.const(ALIGNMENT - 1));
  return module.i32.and(up, module.i32.const(-ALIGNMENT));
}

function createCostly(): (expr: Expr) => boolean {
  const known = new Map<Expr, boolean>();
  const decide = (e: Expr, parts: readonly boolean[]): boolean =>
    e.kind === "load" || isMath(e) || parts.includes(true);
  return (expr) =>
    fold<undefined, boolean>(expr, undefined, {
      enter: (e) => (known.has(e) ? [] : operands(e).map((o) => ({ expr: o, context: undefined }))),
      leave: (e, _, parts) => {
        const answer = known.get(e) ?? decide(e, parts);
        known.set(e, answer);
        return answer;
      },
    });
}
