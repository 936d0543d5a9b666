/**
 * How a compiled kernel is called: `name(pointer of each input and output…, scratch, dims…, options…)`. Pointers are
 * byte addresses in the imported memory `env.memory`, `scratch` (only for a kernel with temporaries) is one of as many
 * bytes as `name.scratch(dims…)` says.
 */

import type { Buffer, DimParam, Kernel, Local, OptionParam } from "../../src/loop/types.ts";

export type Parameter =
  | { readonly kind: "pointer"; readonly buffer: Buffer }
  | { readonly kind: "scratch" }
  /** An int that tells a thread which it is, and how it finds the others. */
  | { readonly kind: "word"; readonly name: string }
  | { readonly kind: "dim"; readonly dim: DimParam }
  | { readonly kind: "option"; readonly option: OptionParam }
  /** Elements of a buffer, and a number: of a function that is not exported. */
  | { readonly kind: "length"; readonly buffer: Buffer }
  | { readonly kind: "value"; readonly local: Local };

export function parametersOf(kernel: Kernel): readonly Parameter[] {
  const outer = kernel.buffers.filter((b) => b.role !== "temp");
  return [
    ...outer.map((buffer): Parameter => ({ kind: "pointer", buffer })),
    ...(hasScratch(kernel) ? [{ kind: "scratch" } as const] : []),
    ...kernel.dims.map((dim): Parameter => ({ kind: "dim", dim })),
    ...kernel.options.map((option): Parameter => ({ kind: "option", option })),
  ];
}

export function temporariesOf(kernel: Kernel): readonly Buffer[] {
  return kernel.buffers.filter((b) => b.role === "temp");
}

export function hasScratch(kernel: Kernel): boolean {
  return temporariesOf(kernel).length > 0;
}

/** The export that computes the bytes of scratch memory from the dims. */
export function scratchExport(kernel: Kernel): string {
  return `${kernel.name}.scratch`;
}

/** Every array starts at a multiple of this many bytes: a cache line. */
export const ALIGNMENT = 64;
