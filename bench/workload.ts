/** What a workload says about itself, and the inputs it is run on. One file in `workloads/` exports one or more. */
import type { Jax, JaxArray, MathJs, Tensor, TensorFlow } from "./peers.ts";
import { normal as normalOf, type Random } from "./random.ts";

export type Floats = Float32Array | Float64Array;
export type Shape = readonly number[];

/** An input: its shape, and how its values are drawn. */
export interface Input {
  readonly shape: Shape;
  readonly type: "float" | "int";
  readonly draw: (random: Random) => number;
}

const input =
  (draw: (random: Random) => number, type: Input["type"] = "float") =>
  (...shape: Shape): Input => ({ shape, type, draw });

/** Of mean 0 and the given deviation. */
export const normal = (deviation: number, ...shape: Shape): Input =>
  input((random) => deviation * normalOf(random))(...shape);

/** 0 or 1. */
export const bits = input((random) => (random() < 0.5 ? 0 : 1));

/** Between the two numbers. */
export const between = (low: number, high: number, ...shape: Shape): Input =>
  input((random) => low + (high - low) * random())(...shape);

/** Whole numbers below the given one. */
export const labels = (below: number, ...shape: Shape): Input =>
  input((random) => Math.floor(below * random()), "int")(...shape);

export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** Addresses in a yardstick's memory, by the name of the input or output. */
type Addresses<Names extends string> = Readonly<Record<Names, number>>;

type Functions = Readonly<Record<string, (...args: readonly number[]) => number>>;

/** A kernel of the yardsticks; what it returns is the output `out`. */
export interface Yardstick<Names extends string> {
  readonly file: string;
  /** Calls functions of the module; `scratch` is room for the longest array once more. */
  readonly run: (functions: Functions, at: Addresses<Names | "scratch">) => number | undefined;
}

/** What is asked of gradsmith's WebAssembly kernel. */
export interface Target {
  /** At least so many times as fast as these. */
  readonly tfjs?: number;
  readonly jax?: number;
  readonly loops?: number;
  /** At most so many times the time of the hand-written SIMD kernel. */
  readonly hand?: number;
  /** At least this part of the ceiling. */
  readonly ceiling?: number;
}

/** A computation in TensorFlow.js, set up once. */
export interface TensorProgram<Tensors> {
  readonly run: () => Tensors;
  /** Not timed: to the layout of the definition, where that of the library is another. */
  readonly read?: (tensors: Tensors) => Tensors;
}

type Named<Names extends PropertyKey, T> = Readonly<Record<Names, T>>;
type Each<T, Value> = { readonly [K in keyof T]: Value };

/** `Inputs` and `Outputs` map names to what they are; outputs of rank 0 are plain numbers at the boundary. */
export interface Workload<
  Inputs extends Named<string, Input> = Named<string, Input>,
  Outputs extends Named<string, Shape> = Named<string, Shape>,
> {
  /** What `--only` selects. */
  readonly name: string;
  readonly title: string;
  /** Forward definitions in the language, with a `derive` block. Imports are relative to `workloads/`. */
  readonly definition: string;
  /** What is called, one after the other: names of kernels that the definition asks for. */
  readonly kernels: readonly string[];
  /** Dimensions that are fixed at build time. */
  readonly dims?: Readonly<Record<string, number>>;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  /** Arrays that gradsmith's kernel fills for an output that is a structured matrix. */
  readonly stored?: Readonly<Record<string, Shape>>;
  /** Multiplications and additions of the contractions in it, at least; without, memory is the ceiling. */
  readonly operations?: number;
  readonly target?: Target;
  /** Loops as one writes them in JavaScript. In doubles they are the reference for all. */
  readonly loops: (inputs: Each<Inputs, Floats>, outputs: Each<Outputs, Floats>) => void;
  readonly tfjs?: (tf: TensorFlow, inputs: Each<Inputs, Tensor>) => TensorProgram<Each<Outputs, Tensor>>;
  /** From arrays of the inputs to arrays of the outputs; it is compiled by `jit`. */
  readonly jax?: (jax: Jax) => (inputs: Each<Inputs, JaxArray>) => Each<Outputs, JaxArray>;
  /** Set up once, from arrays of the inputs; the result computes the outputs. */
  readonly mathjs?: (
    math: MathJs,
    inputs: Each<Inputs, Float32Array>,
  ) => () => Each<Outputs, readonly number[]>;
  /** C, vectorised by the compiler. */
  readonly vectorised?: Yardstick<(keyof Inputs | keyof Outputs) & string>;
  /** C, with SIMD written by hand. */
  readonly hand?: Yardstick<(keyof Inputs | keyof Outputs) & string>;
  /** What a reader has to know to compare fairly. */
  readonly note?: string;
}

/** Checks names and types of one workload, and forgets them. */
export const workload = <
  const Inputs extends Named<string, Input>,
  const Outputs extends Named<string, Shape>,
>(
  described: Workload<Inputs, Outputs>,
): Workload => described as unknown as Workload;
