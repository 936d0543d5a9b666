/**
 * The words by which threads agree, as bytes from the start of a block of the shared memory. What different threads
 * wait for lies in cache lines of its own.
 */
export const CONTROL = {
  /** The next part of the loop that is being split. */
  part: 0,
  /** Threads that have come to the barrier. */
  arrived: 64,
  /** Barriers so far. */
  barriers: 128,
  /** Jobs so far; then which function is called, and how many workers have gone back to their event loop. */
  jobs: 192,
  job: 196,
  listening: 200,
  /** Arguments of the call, as f64. */
  args: 256,
  mostArgs: 64,
  /** Values that one thread hands to the others, as f64. */
  results: 768,
  bytes: 1024,
} as const;

/** In place of a function: workers go back to their event loop, where a message waits. */
export const LISTEN = -1;

/** What the function of a kernel for several threads is called, and that of its operations between two barriers. */
export const threadExport = (name: string): string => `${name}.thread`;
export const workExport = (name: string): string => `${name}.work`;

/** The most 64 KiB pages that a shared memory may have: 2 GiB. */
export const SHARED_PAGES = 32_768;
