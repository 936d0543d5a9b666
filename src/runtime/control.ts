/**
 * The words by which threads agree, as bytes from the start of a block of the shared memory. What different threads
 * wait for lies in cache lines of its own.
 */
export const CONTROL = {
  /** The number of the phase that is being worked on, and in the lower 16 bits that of its next part. */
  state: 0,
  /** Parts of the phase that are done. */
  done: 64,
  /**
   * Jobs so far; then which function is called, whether workers may still begin with it, and how many have gone back to
   * their event loop.
   */
  jobs: 128,
  job: 132,
  open: 136,
  listening: 140,
  /** Workers that have begun with the job, and have not left it. */
  inside: 192,
  /** Arguments of the call, as f64. */
  args: 256,
  mostArgs: 64,
  /** Values that one thread hands to the others, as f64: each in a place of its own, as late threads still read them. */
  results: 768,
  mostResults: 64,
  bytes: 1280,
} as const;

/** In place of a function: workers go back to their event loop, where a message waits. */
export const LISTEN = -1;

/** What the function of a kernel for several threads is called, and that of its operations between two waits. */
export const threadExport = (name: string): string => `${name}.thread`;
export const workExport = (name: string): string => `${name}.work`;

/** The most 64 KiB pages that a shared memory may have: 2 GiB. */
export const SHARED_PAGES = 32_768;
