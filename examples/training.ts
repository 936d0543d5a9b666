/** Minibatch stochastic gradient descent with momentum, every number of it computed by generated kernels. */
import type { CallableKernel } from "../codegen/interface.ts";
import { CLASSES, createRandom, PIXELS, shuffled, type Digits, type Rows } from "./digits.ts";

export const HIDDEN = 32;
const BATCH = 32;
const EPOCHS = 30;
const RATE = 0.05;

/** The kernels of `network.grad`, and where arrays for them are made (for WebAssembly, their own memory). */
export interface Backend {
  readonly kernels: ReadonlyMap<string, CallableKernel>;
  readonly float32: (length: number) => Float32Array;
  readonly int32: (length: number) => Int32Array;
}

export interface Report {
  /** The mean loss of each epoch. */
  readonly losses: readonly number[];
  /** The share of the held-out rows that is classified right. */
  readonly accuracy: number;
}

interface Parameter {
  readonly name: string;
  /** The values of now and of the next step take turns, as a kernel's results must not overlap its arguments. */
  values: Float32Array;
  next: Float32Array;
  velocity: Float32Array;
  nextVelocity: Float32Array;
  readonly gradient: Float32Array;
}

const SIZES: readonly (readonly [name: string, length: number, fanIn: number])[] = [
  ["w1", HIDDEN * PIXELS, PIXELS],
  ["b1", HIDDEN, 0],
  ["w2", CLASSES * HIDDEN, HIDDEN],
  ["b2", CLASSES, 0],
];

/** Weights uniform in ±sqrt(6 / fan-in) (He et al., 2015), biases zero. */
const createParameters = (backend: Backend, random: () => number): readonly Parameter[] =>
  SIZES.map(([name, length, fanIn]) => {
    const array = (): Float32Array => backend.float32(length).fill(0);
    const values = array();
    const bound = fanIn === 0 ? 0 : Math.sqrt(6 / fanIn);
    for (let k = 0; k < length; k++) values[k] = bound * (2 * random() - 1);
    return { name, values, next: array(), velocity: array(), nextVelocity: array(), gradient: array() };
  });

const kernelOf = (backend: Backend, name: string): CallableKernel => {
  const kernel = backend.kernels.get(name);
  if (kernel === undefined) throw new Error(`there is no kernel ${name}`);
  return kernel;
};

const byName = (
  parameters: readonly Parameter[],
  pick: (each: Parameter) => Float32Array,
  prefix = "",
): Record<string, Float32Array> =>
  Object.fromEntries(parameters.map((each) => [`${prefix}${each.name}`, pick(each)]));

const step = (update: CallableKernel, each: Parameter): void => {
  update(
    { w: each.values, velocity: each.velocity, gradient: each.gradient, rate: RATE },
    { next: each.next, v: each.nextVelocity },
  );
  [each.values, each.next] = [each.next, each.values];
  [each.velocity, each.nextVelocity] = [each.nextVelocity, each.velocity];
};

/** The rows of one batch, copied into the kernel's arrays. */
const fill = (rows: Rows, chosen: Int32Array, pixels: Float32Array, labels: Int32Array): void => {
  chosen.forEach((row, k) => {
    pixels.set(rows.pixels.subarray(row * PIXELS, (row + 1) * PIXELS), k * PIXELS);
    labels[k] = rows.labels[row] ?? 0;
  });
};

const measure = (backend: Backend, parameters: readonly Parameter[], rows: Rows): number => {
  const x = backend.float32(rows.count * PIXELS);
  const label = backend.int32(rows.count);
  const out = backend.float32(rows.count * CLASSES);
  x.set(rows.pixels);
  label.set(rows.labels);
  kernelOf(backend, "scores")({ x, N: rows.count, ...byName(parameters, (each) => each.values) }, { out });
  return Number(kernelOf(backend, "hits")({ s: out, label })["out"]) / rows.count;
};

/** Trains from the same start on any back end; the report depends on the back end only by rounding. */
export const train = (backend: Backend, digits: Digits): Report => {
  const random = createRandom(7);
  const parameters = createParameters(backend, random);
  const [x, label] = [backend.float32(BATCH * PIXELS), backend.int32(BATCH)];
  const [gradient, update] = [kernelOf(backend, "network_loss_grad"), kernelOf(backend, "momentum_step")];
  const losses: number[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const order = shuffled(digits.train.count, random);
    const batches = Math.floor(order.length / BATCH);
    let total = 0;
    for (let batch = 0; batch < batches; batch++) {
      fill(digits.train, order.subarray(batch * BATCH, (batch + 1) * BATCH), x, label);
      const args = { x, label, ...byName(parameters, (each) => each.values) };
      const { out } = gradient(
        args,
        byName(parameters, (each) => each.gradient, "d_"),
      );
      total += Number(out);
      for (const each of parameters) step(update, each);
    }
    losses.push(total / batches);
  }
  return { losses, accuracy: measure(backend, parameters, digits.test) };
};
