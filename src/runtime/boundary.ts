/**
 * The checks at the boundary of a generated kernel. Each returns what the kernel works with, or throws a TypeError (a
 * wrong kind of value) or RangeError (a wrong length or value) that names the argument, the formula and the numbers.
 */

export type TensorData = Float32Array | Float64Array | Int32Array;

/** The array types of kernels, by name: a name is also true of arrays from another realm. */
export interface ArrayTypes {
  readonly Float32Array: Float32Array;
  readonly Float64Array: Float64Array;
  readonly Int32Array: Int32Array;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return Object.prototype.toString.call(value).slice(8, -1);
}

const wrongType = (name: string, value: unknown, type: string): TypeError =>
  new TypeError(`${name} must be ${type}, but is ${describe(value)}`);

const withValue = (formula: string, value: string): string =>
  formula === value ? formula : `${formula} = ${value}`;

/** The number of elements; NaN if an extent is negative. Checks are short, and errors apart: engines compile them in place. */
function sizeOf(extents: readonly number[]): number {
  let size = 1;
  for (const extent of extents) size *= extent < 0 ? NaN : extent;
  return size;
}

function negative(name: string, formula: string, extents: readonly number[]): RangeError {
  const shape = withValue(formula, `[${extents.join(", ")}]`);
  return new RangeError(`${name} has shape ${shape}: an extent is negative`);
}

function mismatch(name: string, length: number, formula: string, extents: readonly number[]): RangeError {
  const size = sizeOf(extents);
  if (Number.isNaN(size)) return negative(name, formula, extents);
  const numbers = withValue(formula, `[${extents.join(", ")}]`);
  return new RangeError(`${name} has shape ${numbers}: ${size} elements, but ${length} are given`);
}

/** A tensor of rank 1 or more is a typed array of this type. */
export function array<K extends keyof ArrayTypes>(
  name: string,
  value: ArrayTypes[K],
  type: K,
): ArrayTypes[K] {
  // This is true of arrays from another realm too, and engines know it without a call.
  if ((value as ArrayTypes[K] | null | undefined)?.[Symbol.toStringTag] !== type)
    throw wrongType(name, value, `a ${type}`);
  // Only an array without elements may have lost them: their number would be taken for a dimension of 0.
  if (value.length === 0 && isDetached(value.buffer))
    throw new TypeError(`${name} is detached: its memory has grown, or was transferred`);
  return value;
}

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    return new Uint8Array(buffer).length < 0;
  } catch {
    return true;
  }
}

/** Whether two arrays on one buffer have bytes in common. */
const meet = (a: TensorData, b: TensorData): boolean =>
  a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;

/** Whether two arrays have memory in common. */
export const overlap = (a: TensorData, b: TensorData): boolean => a.buffer === b.buffer && meet(a, b);

/** An argument, or a copy if it shares memory with a result: results are written while arguments are read. */
export function apart<A extends TensorData>(value: A, ...results: readonly (TensorData | undefined)[]): A {
  // asking an array for its buffer takes as long as a small kernel, so it is asked once
  let buffer: ArrayBufferLike | undefined;
  for (const result of results) {
    if (result === undefined) continue;
    buffer ??= value.buffer;
    if (result.buffer === buffer && meet(result, value)) return value.slice() as A;
  }
  return value;
}

/** No two of the arrays that the caller gives for results share memory. */
export function distinct(names: string, ...results: readonly (TensorData | undefined)[]): void {
  const buffers = results.map((result) => result?.buffer);
  results.forEach((result, k) => {
    for (let j = 0; j < k; j++) {
      const other = results[j];
      if (result !== undefined && other !== undefined && buffers[j] === buffers[k] && meet(result, other))
        throw new RangeError(`two of the results ${names} share memory`);
    }
  });
}

/** A tensor has as many elements as its shape. */
export function shape(name: string, length: number, formula: string, extents: readonly number[]): void {
  if (length !== sizeOf(extents)) throw mismatch(name, length, formula, extents);
}

/** Where an output goes: the caller's array if there is one, else a new one. */
export function output<K extends keyof ArrayTypes>(
  name: string,
  value: ArrayTypes[K] | undefined,
  type: K,
  formula: string,
  extents: readonly number[],
): ArrayTypes[K] {
  if (value === undefined) {
    const size = sizeOf(extents);
    if (Number.isNaN(size)) throw negative(name, formula, extents);
    return allocate(type, size);
  }
  shape(name, array(name, value, type).length, formula, extents);
  return value;
}

function allocate<K extends keyof ArrayTypes>(type: K, size: number): ArrayTypes[K];
function allocate(type: keyof ArrayTypes, size: number): TensorData {
  if (type === "Float32Array") return new Float32Array(size);
  return type === "Float64Array" ? new Float64Array(size) : new Int32Array(size);
}

/** A number: an input of rank 0, or a float option. */
export function number(name: string, value: number): number {
  if (typeof value !== "number") throw wrongType(name, value, "a number");
  return value;
}

/** A whole number of 32 bits: an int input of rank 0, or an int option. */
export function integer(name: string, value: number): number {
  if (number(name, value) === (value | 0)) return value | 0;
  throw new RangeError(`${name} must be a whole number of 32 bits, but is ${value}`);
}

/** A dimension: a whole number, at least `min`. */
export function dimension(name: string, value: number, min: number): number {
  if (integer(name, value) >= min) return value;
  throw new RangeError(`${name} must be at least ${min}, but is ${value}`);
}

/** A dimension that the caller left out: the length of an input, over the extents of that input that are constant. */
export function inferred(name: string, from: string, length: number, divisor: number): number {
  if (length % divisor === 0) return length / divisor;
  throw new RangeError(
    `${from} has ${length} elements: ${name} cannot be inferred, as ${divisor} does not divide that`,
  );
}

/** An extent that is a quotient of others is a whole number: what is wrong where it is not. */
export const notDivided = (byFormula: string, by: number, formula: string, value: number): string =>
  `${withValue(byFormula, String(by))} does not divide ${withValue(formula, String(value))}`;

/** One extent divides another. */
export function divides(byFormula: string, by: number, formula: string, value: number): void {
  if (value % by !== 0) throw new RangeError(notDivided(byFormula, by, formula, value));
}

/** The values of an int input that index a dimension lie in [0, extent). */
export function inRange(name: string, values: Int32Array | number, formula: string, extent: number): void {
  const data = typeof values === "number" ? [values] : values;
  let index = 0;
  for (const value of data) {
    if (value < 0 || value >= extent) {
      const element = typeof values === "number" ? name : `${name}[${index}]`;
      throw new RangeError(
        `${element} is ${value}: it must lie in [0, ${withValue(formula, String(extent))})`,
      );
    }
    index += 1;
  }
}
