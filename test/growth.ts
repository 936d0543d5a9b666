/** How work grows with the size of its input, by a clock that others on the machine disturb little. */

export interface Measured<T> {
  readonly result: T;
  /** Processor time of this process, in milliseconds. */
  readonly time: number;
}

export const measured = async <T>(work: () => T | Promise<T>): Promise<Measured<T>> => {
  const start = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(start);
  return { result, time: (user + system) / 1000 };
};

/** The slope between the two largest sizes on logarithmic axes: what is fixed weighs least there. */
export const slope = (sizes: readonly number[], costs: readonly number[]): number => {
  const [n = 1, N = 1] = sizes.slice(-2);
  const [cost = 0, largest = 0] = costs.slice(-2);
  return Math.log(largest / cost) / Math.log(N / n);
};

const ROUNDS = 5;

/**
 * Each size with the least time of up to five rounds, as many as it takes (two at least) until the slope is no steeper than
 * it may be: a collection of garbage in the wrong moment is not the program's.
 */
export const grown = async <T>(
  sizes: readonly number[],
  steepest: number,
  run: (size: number) => Promise<Measured<T>>,
): Promise<readonly Measured<T>[]> => {
  let best: readonly Measured<T>[] = [];
  const steep = (): boolean => {
    const times = best.map(({ time }) => time);
    return slope(sizes, times) > steepest;
  };
  for (let round = 0; round < ROUNDS && (round < 2 || steep()); round++) {
    const runs: Measured<T>[] = [];
    for (const [k, size] of sizes.entries()) {
      const { result, time } = await run(size);
      runs.push({ result, time: Math.min(time, best[k]?.time ?? Infinity) });
    }
    best = runs;
  }
  return best;
};
