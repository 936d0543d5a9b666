/**
 * The memory that WebAssembly kernels share, and its allocator: a stack. What a call needs for its own duration is
 * released at its end, what the caller allocates stays.
 *
 * Growing the memory detaches every array on it: allocate first, or `reserve`, and take arrays afterwards.
 */

export interface Heap {
  readonly memory: WebAssembly.Memory;
  /** The address of so many fresh bytes, a multiple of 64. */
  readonly allocate: (bytes: number) => number;
  /** Grows the memory so that so many bytes can be allocated without growing it. */
  readonly reserve: (bytes: number) => void;
  /** The end of what is allocated. */
  readonly top: () => number;
  /** Gives back all that was allocated since `top` was at this value: arrays there, and calls prepared since, are lost. */
  readonly release: (top: number) => void;
  /** Arrays of zeros in the memory; kernels use them without a copy. */
  readonly float32: (length: number) => Float32Array<ArrayBuffer>;
  readonly float64: (length: number) => Float64Array<ArrayBuffer>;
  readonly int32: (length: number) => Int32Array<ArrayBuffer>;
}

const ALIGNMENT = 64;
const PAGE = 65536;

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** `base` is the first address this heap may use: what the memory has below it belongs to others. */
export function createHeap(
  memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1 }),
  base = 0,
): Heap {
  // Address 0 stays free, and one aligned block behind the last array: no first element of an array is out of bounds.
  const bottom = Math.max(ALIGNMENT, align(base));
  let top = bottom;
  const reserve = (bytes: number): void => {
    if (!(bytes >= 0 && bytes % 1 === 0)) throw new RangeError(`no memory has ${bytes} bytes`);
    const missing = top + align(bytes) + ALIGNMENT - memory.buffer.byteLength;
    if (missing <= 0) return;
    // At least by half, so that many small allocations do not copy the memory each time.
    memory.grow(Math.ceil(Math.max(missing, memory.buffer.byteLength / 2) / PAGE));
  };
  const allocate = (bytes: number): number => {
    reserve(bytes);
    const address = top;
    top += align(bytes);
    return address;
  };
  return {
    memory,
    allocate,
    reserve,
    top: () => top,
    release: (to) => {
      if (!(to >= bottom && to <= top)) throw new RangeError(`no memory ends at ${to}`);
      top = to;
    },
    float32: (length) => {
      const at = allocate(4 * length);
      return new Float32Array(memory.buffer, at, length).fill(0);
    },
    float64: (length) => {
      const at = allocate(8 * length);
      return new Float64Array(memory.buffer, at, length).fill(0);
    },
    int32: (length) => {
      const at = allocate(4 * length);
      return new Int32Array(memory.buffer, at, length).fill(0);
    },
  };
}
