/** The WebAssembly encoder and optimiser: a large package, loaded only when a kernel is built. */

import type binaryen from "binaryen";

export type Binaryen = typeof binaryen;
export type WasmModule = binaryen.Module;
export type WasmType = binaryen.Type;
/** A node of the module being built. It has one parent: a value that is used twice is put into a local. */
export type Ref = binaryen.ExpressionRef;

export async function loadBinaryen(): Promise<Binaryen> {
  return (await import("binaryen")).default;
}
