/** Two programs on the same random inputs. */
import { expect } from "vitest";
import { evaluate, type GivenArray } from "../../src/eval/index.ts";
import { limitsOf, type Affine, type Program } from "../../src/ir/index.ts";
import { random } from "./evaluate.ts";

/** Extents that differ from each other, so that an exchange of two shows. */
const EXTENTS = [3, 4, 2, 5];

const extentOf = (a: Affine, sizes: ReadonlyMap<string, number>): number =>
  a.terms.reduce((total, { coefficient, atoms }) => {
    const product = atoms.reduce(
      (p, atom) => p * (atom.kind === "dim" ? (sizes.get(atom.name) ?? 0) : 0),
      coefficient,
    );
    return total + product;
  }, a.constant);

const isProbability = (name: string): boolean => name === "target" || name === "prob";

export const randomInputs = (
  program: Program,
  seed: number,
): { tensors: Map<string, GivenArray>; options: Map<string, number>; dims: Map<string, number> } => {
  const next = random(seed);
  const dims = new Map(program.dims.map((dim, k) => [dim.name, EXTENTS[k % EXTENTS.length] ?? 3]));
  const tensors = program.inputs.map((tensor): [string, GivenArray] => {
    const shape = tensor.shape.map((extent) => extentOf(extent, dims));
    const length = shape.reduce((p, n) => p * n, 1);
    const [extent] = limitsOf(program, tensor);
    const limit = extent === undefined ? 1 : extentOf(extent, dims);
    const data = Array.from({ length }, () =>
      tensor.dtype === "int"
        ? Math.floor(next() * limit)
        : isProbability(tensor.name)
          ? next()
          : 4 * next() - 2,
    );
    return [tensor.name, { shape, data }];
  });
  const options = new Map(program.options.map(({ name }) => [name, 0.25 + next()]));
  return { tensors: new Map(tensors), options, dims };
};

export const expectAgreement = (one: Program, other: Program, digits = 10): void => {
  for (const seed of [1, 2, 3]) {
    const inputs = randomInputs(one, seed);
    const [left, right] = [evaluate(one, inputs), evaluate(other, inputs)];
    expect([...right.keys()]).toEqual([...left.keys()]);
    for (const [name, { shape, data }] of left) {
      expect(right.get(name)?.shape).toEqual(shape);
      data.forEach((value, k) => {
        expect(right.get(name)?.data[k], `${name} ${k} (seed ${seed})`).toBeCloseTo(value, digits);
      });
    }
  }
};
