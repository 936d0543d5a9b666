/**
 * The exact results of a block of neighbouring inputs, by the f64 kernel: at each, or at some of them and by a polynomial
 * between, where that agrees.
 */
import { ulp } from "../../codegen/wasm/math/accuracy.ts";
import { BLOCK, SAMPLES, type Pair } from "./kernels.ts";

const DEGREE = 7;

/** The inputs of a block where the f64 kernel is run, the first and last among them. */
const OFFSETS = Array.from({ length: SAMPLES }, (_, j) => Math.round((j * (BLOCK - 1)) / (SAMPLES - 1)));

const placeOf = (offset: number): number => (2 * offset) / (BLOCK - 1) - 1;

/** The samples that are nearest to where interpolation is best: the extrema of a Chebyshev polynomial. */
const NODES = Array.from({ length: DEGREE + 1 }, (_, j) =>
  Math.round(((1 - Math.cos((j * Math.PI) / DEGREE)) / 2) * (SAMPLES - 1)),
);

/** The coefficients of Π (t − node) / (own − node) over the other nodes, the highest first. */
const basis = (own: number): readonly number[] => {
  const at = (node: number): number => placeOf(OFFSETS[node] ?? NaN);
  return NODES.filter((node) => node !== own).reduce<readonly number[]>(
    (coefficients, node) => {
      const scale = at(own) - at(node);
      const [raised, kept] = [
        [...coefficients, 0],
        [0, ...coefficients],
      ];
      return raised.map((c, k) => (c - at(node) * (kept[k] ?? 0)) / scale);
    },
    [1],
  );
};

const BASES = NODES.map(basis);

/** Of the polynomial through the nodes. */
const interpolate = (values: Float64Array): readonly number[] => {
  const coefficients = new Array<number>(DEGREE + 1).fill(0);
  NODES.forEach((node, j) => {
    const value = values[node] ?? NaN;
    BASES[j]?.forEach((c, k) => (coefficients[k] = (coefficients[k] ?? 0) + c * value));
  });
  return coefficients;
};

/** How far the polynomial may be from the f64 kernel, in ulp of f32. */
const TOLERANCE = 2 ** -16;

const agrees = (coefficients: readonly number[], values: Float64Array): boolean =>
  OFFSETS.every((offset, j) => {
    const t = placeOf(offset);
    const y = coefficients.reduce((value, c) => value * t + c);
    const exact = values[j] ?? NaN;
    return Math.abs(y - exact) <= TOLERANCE * ulp(exact, "f32") && Math.sign(y) * exact > 0;
  });

/** Fills the exact results by the f64 kernel. */
export const oneByOne = ({ single, double, scan }: Pair): void => {
  scan.widen(single.input, double.input);
  double.run();
};

/**
 * Fills the exact results at neighbouring bit patterns of one binade, where inputs are evenly spaced. A jump, a bend or a zero of the function is seen at the samples.
 */
export const neighbouring = (pair: Pair): void => {
  const { single, double, samples, scan } = pair;
  OFFSETS.forEach((offset, j) => (samples.input[j] = single.input[offset] ?? NaN));
  samples.run();
  const [first = NaN] = samples.output;
  if (samples.output.every((value) => Object.is(value, first))) {
    double.output.fill(first);
    return;
  }
  const coefficients = interpolate(samples.output);
  if (agrees(coefficients, samples.output)) scan.polynomial(coefficients, double.output);
  else oneByOne(pair);
};
