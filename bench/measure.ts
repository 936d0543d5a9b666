/** Times in turn: every round runs each contestant once, so that what slows the machine down slows all of them down. */

export interface Timing {
  /** Milliseconds for one run: the median of the rounds, and the quartiles around it. */
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly best: number;
  readonly rounds: number;
  /** Runs that were timed together in a round. */
  readonly batch: number;
}

export interface Effort {
  /** Milliseconds that a workload may take, about. */
  readonly budget: number;
  readonly minRounds: number;
  readonly maxRounds: number;
  /** Milliseconds of running before the first round, for each contestant. */
  readonly warm: number;
}

export type Run = () => Promise<unknown> | undefined;

/** A batch takes at least so many milliseconds: the clock and the rounds' own work do not count then. */
const BATCH = 2;

const timeBatch = async (run: Run, batch: number): Promise<number> => {
  const start = performance.now();
  for (let k = 0; k < batch; k++) {
    const pending = run();
    if (pending !== undefined) await pending;
  }
  return (performance.now() - start) / batch;
};

/** To the event loop and back: compilers in the background hand over their code. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** Runs until it is warm; how long a run takes then. */
const warmUp = async (run: Run, milliseconds: number): Promise<number> => {
  let [time, batch] = [Infinity, 1];
  for (let spent = 0; spent < milliseconds;) {
    time = await timeBatch(run, batch);
    spent += Math.max(time * batch, 1e-3);
    if (time * batch < BATCH) batch *= 2;
    await pause();
  }
  return time;
};

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.round(part * (sorted.length - 1))] ?? NaN;

const summary = (times: readonly number[], batch: number): Timing => {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
    best: quantile(sorted, 0),
    rounds: sorted.length,
    batch,
  };
};

export const timeInTurn = async <Name extends string>(
  runs: ReadonlyMap<Name, Run>,
  { budget, minRounds, maxRounds, warm }: Effort,
): Promise<ReadonlyMap<Name, Timing>> => {
  const entrants: { name: Name; run: Run; batch: number; times: number[]; cost: number }[] = [];
  for (const [name, run] of runs) {
    const time = await warmUp(run, warm);
    const batch = Math.max(1, Math.ceil(BATCH / time));
    entrants.push({ name, run, batch, times: [], cost: time * batch });
  }
  const round = entrants.reduce((sum, { cost }) => sum + cost, 0);
  const rounds = Math.min(maxRounds, Math.max(minRounds, Math.floor(budget / round)));
  for (let k = 0; k < rounds; k++) {
    for (const { run, batch, times } of entrants) times.push(await timeBatch(run, batch));
    await pause();
  }
  return new Map(entrants.map(({ name, times, batch }) => [name, summary(times, batch)]));
};
