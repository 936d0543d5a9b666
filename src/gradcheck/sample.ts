/**
 * In: a program; out: inputs for it at which it is finite. All numbers have the digits of f32, so that every back end works
 * on the same ones.
 */
import { bindDims, extentOf, type GivenArray, type Inputs } from "../eval/index.ts";
import { limitsOf, type Program, type Requirement, type Tensor } from "../ir/index.ts";
import type { Domain } from "../library/spec.ts";

export type Random = () => number;

/** Uniform in [0, 1), the same sequence for the same seed (a Weyl sequence, mixed). */
export const randomFrom = (seed: number): Random => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export interface Fixed {
  readonly dims?: ReadonlyMap<string, number>;
  readonly options?: ReadonlyMap<string, number>;
  /** What inputs may be, where it is known. */
  readonly domains?: ReadonlyMap<string, Domain>;
}

/** Where other inputs are drawn from: the first range in which the program is finite. */
const RANGES: readonly (readonly [low: number, high: number])[] = [
  [-2, 2],
  [0.25, 2],
  [0.1, 0.9],
  [1.1, 3],
];

/**
 * Extents, in the order in which a program names its dimensions. One or two: whole vectors and a rest. More: images come
 * before the kernels that slide over them.
 */
const extentsFor = ({ dims }: Program): readonly (readonly number[])[] => [
  ...(dims.length <= 2 ? [[9, 7]] : []),
  [2, 3, 6, 5, 4, 3, 2],
  [4],
  [3, 7],
];

const extentsOf = (program: Program, sizes: readonly number[], fixed: Fixed): ReadonlyMap<string, number> => {
  const dims = new Map(
    program.dims.map(({ name, min, default: value }, k) => [
      name,
      fixed.dims?.get(name) ?? value ?? Math.max(min, sizes[k % sizes.length] ?? min),
    ]),
  );
  const free = program.dims.filter(
    (each) => each.default === undefined && fixed.dims?.has(each.name) !== true,
  );
  return program.requirements.reduce<ReadonlyMap<string, number>>(
    (fitted, requirement) =>
      requirement.kind === "divides"
        ? divisible(
            requirement,
            fitted,
            free.map(({ name }) => name),
          )
        : fitted,
    dims,
  );
};

type Divides = Extract<Requirement, { readonly kind: "divides" }>;

/** With the least increase of one of the free extents, where that helps. */
const divisible = (
  { by, value }: Divides,
  dims: ReadonlyMap<string, number>,
  free: readonly string[],
): ReadonlyMap<string, number> => {
  const divisor = extentOf(by, dims) ?? 1;
  const tried = Array.from({ length: divisor }, (_, step) =>
    free.map((name) => new Map(dims).set(name, (dims.get(name) ?? 0) + step)),
  ).flat();
  return tried.find((each) => (extentOf(value, each) ?? 0) % (extentOf(by, each) ?? 1) === 0) ?? dims;
};

const shapeOf = (tensor: Tensor, dims: ReadonlyMap<string, number>): readonly number[] =>
  tensor.shape.map((extent) => Math.max(0, extentOf(extent, dims) ?? 0));

const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** Numbers of a range. */
export const randomArray = (
  shape: readonly number[],
  [low, high]: readonly [number, number],
  random: Random,
): GivenArray => ({
  shape,
  data: Float64Array.from({ length: size(shape) }, () => Math.fround(low + (high - low) * random())),
});

/** Indices lie in the dimension that they index; other whole numbers are 0 or 1. */
const randomIndices = (
  program: Program,
  tensor: Tensor,
  dims: ReadonlyMap<string, number>,
  random: Random,
): GivenArray => {
  const limits = limitsOf(program, tensor).map((extent) => extentOf(extent, dims) ?? 1);
  const limit = limits.length === 0 ? 2 : Math.min(...limits);
  const shape = shapeOf(tensor, dims);
  return { shape, data: Int32Array.from({ length: size(shape) }, () => Math.floor(random() * limit)) };
};

type Range = readonly [low: number, high: number];

/** Equal steps through the interval, each taken once, in any order and a little off. */
const distinctArray = (shape: readonly number[], [low, high]: Range, random: Random): GivenArray => {
  const places = Array.from({ length: size(shape) }, (_, k) => ({ k, key: random() }));
  places.sort((p, q) => p.key - q.key || p.k - q.k);
  const step = (high - low) / Math.max(1, places.length);
  return {
    shape,
    data: Float64Array.from(places, ({ k }) => Math.fround(low + step * (k + 0.25 + random() / 2))),
  };
};

type Sampler<D> = (domain: D, shape: readonly number[], random: Random) => GivenArray | undefined;

/** Nothing where the program says by itself what a number may be. */
const SAMPLERS: { readonly [K in Domain["kind"]]: Sampler<Extract<Domain, { readonly kind: K }>> } = {
  interval: ({ from, to }, shape, random) => randomArray(shape, [from, to], random),
  distinct: ({ from, to }, shape, random) => distinctArray(shape, [from, to], random),
  choice: ({ values }, shape, random) => ({
    shape,
    data: Array.from({ length: size(shape) }, () => values[Math.floor(random() * values.length)] ?? NaN),
  }),
  index: () => undefined,
};

const fromDomain = (
  domain: Domain | undefined,
  shape: readonly number[],
  random: Random,
): GivenArray | undefined => domain && (SAMPLERS[domain.kind] as Sampler<Domain>)(domain, shape, random);

/** All inputs of a program whose dimensions are known. */
const draw = (
  program: Program,
  dims: ReadonlyMap<string, number>,
  fixed: Fixed,
  range: Range,
  random: Random,
): Inputs => ({
  dims,
  options: new Map(
    program.options.map(({ name, default: value }) => [
      name,
      Math.fround(fixed.options?.get(name) ?? value ?? 0.5),
    ]),
  ),
  tensors: new Map(
    program.inputs.map((tensor) => [
      tensor.name,
      fromDomain(fixed.domains?.get(tensor.name), shapeOf(tensor, dims), random) ??
        (tensor.dtype === "int"
          ? randomIndices(program, tensor, dims, random)
          : randomArray(shapeOf(tensor, dims), range, random)),
    ]),
  ),
});

/** The first sample that `accepts`; undefined where none does. */
export const sampleInputs = (
  program: Program,
  fixed: Fixed,
  random: Random,
  accepts: (inputs: Inputs) => boolean,
): Inputs | undefined => {
  for (const sizes of extentsFor(program)) {
    const dims = extentsOf(program, sizes, fixed);
    for (const range of RANGES) {
      const inputs = draw(program, dims, fixed, range, random);
      if (fits(program, inputs) && accepts(inputs)) return inputs;
    }
  }
  return undefined;
};

/** Extents chosen one by one may not go together. */
const fits = (program: Program, inputs: Inputs): boolean => {
  try {
    bindDims(program, inputs);
    return true;
  } catch {
    return false;
  }
};
