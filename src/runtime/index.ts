/** What generated modules import: boundary checks, the scalar mathematics that JavaScript lacks, and structured matrices. */
export {
  apart,
  array,
  dimension,
  distinct,
  divides,
  inferred,
  inRange,
  integer,
  number,
  output,
  shape,
} from "./boundary.ts";
export type { ArrayTypes, TensorData } from "./boundary.ts";
export { erf, erfc, floordiv, mod, pow, round, sigmoid, softplus } from "./scalar.ts";
export { createHeap } from "./heap.ts";
export type { Heap } from "./heap.ts";
export { hasRelaxedSimd } from "./relaxed.ts";
export { csr, dense, times } from "./matrix.ts";
export type {
  AffinePlace,
  CompressedRows,
  EntryList,
  Place,
  SharedDimensions,
  Stored,
  StructuredMatrix,
} from "./matrix.ts";
export { createKernel, instantiate } from "./wasm.ts";
export type { LoadOptions, WasmExports, WasmKernel, WasmSource } from "./wasm.ts";
