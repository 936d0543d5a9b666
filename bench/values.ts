/** Arrays by name: inputs drawn from a seed, results and how far they are from the reference. */
import { createRandom } from "./random.ts";
import { sizeOf, type Shape, type Workload } from "./workload.ts";

export type Numbers = ArrayLike<number>;
export type Values = Readonly<Record<string, Numbers>>;
export type Arrays<T> = Readonly<Record<string, T>>;

const SEED = 20260101;

export const mapRecord = <T, U>(
  record: Readonly<Record<string, T>>,
  map: (value: T, name: string) => U,
): Readonly<Record<string, U>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]): [string, U] => [name, map(value, name)]));

/** The inputs, as 32-bit floats also where they are whole numbers. */
export const drawInputs = ({ inputs }: Workload): Arrays<Float32Array> => {
  const random = createRandom(SEED);
  return mapRecord(inputs, ({ shape, draw }) =>
    Float32Array.from({ length: sizeOf(shape) }, () => draw(random)),
  );
};

/** NaN if one of them is. */
const largestOf = (length: number, sizeAt: (k: number) => number): number => {
  let most = 0;
  for (let k = 0; k < length; k++) {
    const size = sizeAt(k);
    if (Number.isNaN(size)) return NaN;
    if (size > most) most = size;
  }
  return most;
};

/** The largest difference, over the largest element of what is wanted. */
const distance = (got: Numbers, want: Numbers): number => {
  if (got.length !== want.length) return Infinity;
  const most = largestOf(want.length, (k) => Math.abs((got[k] ?? NaN) - (want[k] ?? NaN)));
  return most === 0 ? 0 : most / largestOf(want.length, (k) => Math.abs(want[k] ?? NaN));
};

/** Of each output. */
export const errorsOf = (
  outputs: Readonly<Record<string, Shape>>,
  got: Values,
  want: Values,
): Arrays<number> => mapRecord(outputs, (_shape, name) => distance(got[name] ?? [], want[name] ?? []));
