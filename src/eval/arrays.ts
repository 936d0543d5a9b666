/** Arrays of an evaluation: what the caller gives, and the binding of a program's dimensions and options to it. */
import { showAffine } from "../check/show.ts";
import type { Affine, Program, Requirement, Tensor } from "../ir/index.ts";
import { notDivided } from "../runtime/boundary.ts";
import { isRepresentable, rounding, type Arithmetic } from "./arithmetic.ts";
import { extentOf } from "./indexing.ts";

export interface GivenArray {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array | Int32Array | readonly number[];
}

export interface Inputs {
  readonly tensors: ReadonlyMap<string, GivenArray>;
  readonly dims?: ReadonlyMap<string, number>;
  readonly options?: ReadonlyMap<string, number>;
}

/** A row-major array, with a bound of each element's error where errors are followed. */
export interface Stored {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  readonly error: Float64Array | undefined;
}

export const misfit = (reason: string): Error => new Error(`GS0702 input does not fit: ${reason}`);

export const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

const given = (inputs: Inputs, tensor: Tensor): GivenArray => {
  const array = inputs.tensors.get(tensor.name);
  if (array === undefined) throw misfit(`the input ${tensor.name} is missing`);
  if (array.shape.length !== tensor.shape.length) {
    throw misfit(`${tensor.name} has ${tensor.shape.length} dimensions, not ${array.shape.length}`);
  }
  if (elements(array.shape) !== array.data.length) {
    throw misfit(
      `${tensor.name} has ${array.data.length} elements, not those of [${array.shape.join(", ")}]`,
    );
  }
  return array;
};

/** The dimensions' values: given, else solved for in the inputs' shapes, else their defaults. */
export const bindDims = (program: Program, inputs: Inputs): ReadonlyMap<string, number> => {
  const dims = new Map(inputs.dims);
  const sizes = program.inputs.flatMap((tensor) => {
    const { shape } = given(inputs, tensor);
    return tensor.shape.map((extent, k) => ({ tensor, extent, size: shape[k] ?? 0 }));
  });
  const solve = (): void => {
    // Every round but the last one binds a dimension, so this ends.
    for (let bound = -1; bound !== dims.size;) {
      bound = dims.size;
      for (const { extent, size } of sizes) solveFor(dims, extent, size);
    }
  };
  solve();
  for (const { name, default: value } of program.dims) {
    if (value !== undefined && !dims.has(name)) dims.set(name, value);
  }
  solve();
  for (const { tensor, extent, size } of sizes) {
    const expected = extentOf(extent, dims);
    if (expected === undefined) throw misfit(`the shape of ${tensor.name} leaves a dimension open`);
    if (expected !== size)
      throw misfit(`a dimension of ${tensor.name} is ${size}, and should be ${expected}`);
  }
  for (const { name, min } of program.dims) {
    const value = dims.get(name);
    if (value === undefined) throw misfit(`no value for the dimension ${name}`);
    if (!Number.isInteger(value) || value < min) {
      throw misfit(`${name} is ${value}, and should be a whole number of at least ${min}`);
    }
  }
  return dims;
};

/** Binds the only unknown dimension of an extent, if it occurs in one term, by itself. */
const solveFor = (dims: Map<string, number>, extent: Affine, size: number): void => {
  if (extentOf(extent, dims) !== undefined) return;
  const open = extent.terms.filter(
    (term) => extentOf({ ...extent, terms: [term], constant: 0 }, dims) === undefined,
  );
  const [term, ...others] = open;
  if (term === undefined || others.length > 0) return;
  const unknown = term.atoms.filter((atom) => !(atom.kind === "dim" && dims.has(atom.name)));
  const [atom, ...more] = unknown;
  if (atom?.kind !== "dim" || more.length > 0) return;
  const rest = extentOf({ ...extent, terms: extent.terms.filter((each) => each !== term) }, dims) ?? 0;
  const factor = extentOf(
    { ...extent, terms: [{ ...term, atoms: term.atoms.filter((a) => a !== atom) }], constant: 0 },
    dims,
  );
  if (factor !== undefined && factor !== 0) dims.set(atom.name, (size - rest) / factor);
};

export const bindOptions = (program: Program, inputs: Inputs): ReadonlyMap<string, number> =>
  new Map(
    program.options.map(({ name, default: value }) => {
      const bound = inputs.options?.get(name) ?? value;
      if (bound === undefined) throw misfit(`no value for the option ${name}`);
      return [name, bound];
    }),
  );

/** The inputs as arrays of doubles, with the error of rounding them to an arithmetic where one is given. */
export const bindInputs = (
  program: Program,
  inputs: Inputs,
  roundedIn: Arithmetic | undefined,
): Map<Tensor, Stored> =>
  new Map(
    program.inputs.map((tensor) => {
      const array = given(inputs, tensor);
      const data = Float64Array.from(array.data);
      const error =
        roundedIn && data.map((x) => (isRepresentable(x, roundedIn) ? 0 : rounding(x, 1, roundedIn)));
      return [tensor, { shape: array.shape, data, error }];
    }),
  );

type Divides = Extract<Requirement, { readonly kind: "divides" }>;

const formulaOf = (extent: Affine): string => showAffine(extent, () => "");

/** The check of the kernels, in its words. */
const checkDivides = (requirement: Divides, dims: ReadonlyMap<string, number>): void => {
  const [by, value] = [extentOf(requirement.by, dims), extentOf(requirement.value, dims)];
  if (by === undefined || value === undefined || value % by === 0) return;
  const [divisor, dividend] = [formulaOf(requirement.by), formulaOf(requirement.value)];
  throw misfit(notDivided(divisor, by, dividend, value));
};

export const checkRequirements = (
  program: Program,
  dims: ReadonlyMap<string, number>,
  storage: ReadonlyMap<Tensor, Stored>,
): void => {
  for (const requirement of program.requirements) {
    if (requirement.kind === "divides") {
      checkDivides(requirement, dims);
      continue;
    }
    const { tensor, extent } = requirement;
    const [array, size] = [storage.get(tensor), extentOf(extent, dims)];
    if (array === undefined || size === undefined) continue;
    const at = array.data.findIndex((value) => !(Number.isInteger(value) && 0 <= value && value < size));
    if (at >= 0) throw misfit(`${tensor.name}[${at}] is ${array.data[at] ?? 0}, outside of 0 … ${size - 1}`);
  }
};
