/**
 * Gradients against numerical ones, the adjoint identity, and back ends against the interpreter. In: the programs of a
 * function and its derivatives, and back ends that run them; out: a row per comparison, with the worst element.
 */
import { CodedError } from "../diagnostics/index.ts";
import {
  evaluate, evaluateWithError, evaluateWithSelections, type Bounded, type GivenArray, type Inputs,
} from "../eval/index.ts"; // prettier-ignore
import type { Program } from "../ir/index.ts";
import { excess, unravel } from "./compare.ts";
import { slope, type Sample, type Slope } from "./differences.ts";
import { heldAt, type Held } from "./held.ts";
import { randomArray, randomFrom, sampleInputs, type Fixed, type Random } from "./sample.ts";
import { allowedError, TOLERANCES, type Format } from "./tolerance.ts";

/** A program on a back end: its outputs by name. */
export type Run = (inputs: Inputs) => ReadonlyMap<string, ArrayLike<number>>;

/** A function, and the programs of its derivatives by the inputs `wrt`, which have one output per input named, in order. */
export interface Subject {
  readonly name: string;
  readonly value: Program;
  /** The value with what is stopped held: its differences are compared with the derivatives. */
  readonly held: Held;
  readonly vjp: Program;
  readonly jvp: Program;
  readonly wrt: readonly string[];
}

export interface Runner {
  readonly name: string;
  readonly format: Format;
  readonly value: Run;
  readonly held: Run;
  readonly vjp: Run;
}

export interface Failure {
  /** `x[1, 2]`, or a direction. */
  readonly place: string;
  /** The input's element there. */
  readonly at: number | undefined;
  readonly expected: number;
  readonly got: number;
  readonly allowed: number;
}

export interface Row {
  readonly backend: string;
  readonly comparison:
    | "value"
    | "gradient"
    | "differences"
    | "own differences"
    | "adjoint identity"
    | "second differences"
    | "symmetry"
    | "hessian"
    | "product";
  /** The output or input that is compared. */
  readonly of: string;
  readonly checked: number;
  /** Places next to a kink, where there is no derivative to compare with. */
  readonly skipped: number;
  /** The largest error in multiples of what is allowed; above 1 is wrong. */
  readonly worst: number;
  readonly failure: Failure | undefined;
}

export interface Report {
  readonly name: string;
  readonly rows: readonly Row[];
}

export interface CheckSettings extends Fixed {
  readonly seed?: number;
}

/** Inputs with more elements are checked at so many of them, and along as many directions as stated. */
const [ELEMENTS, DIRECTIONS] = [32, 3];

export interface Case {
  readonly subject: Subject;
  readonly random: Random;
  readonly inputs: Inputs;
  /** Weights of the outputs, by the names that the vjp gives them. */
  readonly cotangents: readonly Cotangent[];
}

interface Cotangent {
  readonly output: string;
  readonly input: string;
  readonly weight: GivenArray;
}

export const withCotangents = ({ inputs, cotangents }: Case): Inputs => ({
  ...inputs,
  tensors: new Map([...inputs.tensors, ...cotangents.map(({ input, weight }) => [input, weight] as const)]),
});

const floatOutputs = (program: Program): readonly string[] =>
  program.outputs.filter(({ tensor }) => tensor.dtype === "float").map(({ name }) => name);

const isFinite = (arrays: ReadonlyMap<string, { readonly data: Float64Array }>): boolean =>
  [...arrays.values()].every(({ data }) => data.every(Number.isFinite));

const isEmpty = (arrays: ReadonlyMap<string, { readonly data: Float64Array }>): boolean =>
  [...arrays.values()].some(({ data }) => data.length === 0);

export const caseOf = (subject: Subject, settings: CheckSettings): Case => {
  const random = randomFrom(settings.seed ?? 1);
  const extra = subject.vjp.inputs.slice(subject.value.inputs.length).map(({ name }) => name);
  const complete = (inputs: Inputs): Case => {
    const outputs = evaluate(subject.value, inputs);
    const cotangents = floatOutputs(subject.value).map((output, k) => {
      const weight = randomArray(outputs.get(output)?.shape ?? [], [0.5, 1.5], random);
      return { output, input: extra[k] ?? "", weight };
    });
    return { subject, random, inputs, cotangents };
  };
  const isUsable = (inputs: Inputs): boolean => {
    const outputs = evaluate(subject.value, inputs);
    return (
      !isEmpty(outputs) &&
      isFinite(outputs) &&
      isFinite(evaluate(subject.vjp, withCotangents(complete(inputs))))
    );
  };
  const inputs = sampleInputs(subject.value, settings, random, isUsable);
  if (inputs === undefined) {
    throw new CodedError("GS0703", `${subject.name} is not finite at any sample`);
  }
  return complete(inputs);
};

export const checkGradients = (
  subject: Subject,
  runners: readonly Runner[],
  settings: CheckSettings = {},
): Report => {
  const each = caseOf(subject, settings);
  const slopes = subject.wrt.map((name) => ({ name, probes: probesOf(each, name) }));
  const reference = (format: Format): ReadonlyMap<string, Bounded> =>
    evaluateWithError(subject.vjp, withCotangents(each), TOLERANCES[format].arithmetic);
  const interpreted = reference("f64");
  return {
    name: subject.name,
    rows: [
      ...againstDifferences("interpreter", "f64", each, slopes, interpreted, dataOf(interpreted)),
      ...adjointIdentity(each, interpreted),
      ...runners.flatMap((runner) => checkRunner(each, slopes, runner, reference(runner.format))),
    ],
  };
};

const dataOf = (arrays: ReadonlyMap<string, Bounded>): ReadonlyMap<string, ArrayLike<number>> =>
  new Map([...arrays].map(([name, { data }]) => [name, data]));

const checkRunner = (
  each: Case,
  slopes: readonly InputSlopes[],
  runner: Runner,
  gradient: ReadonlyMap<string, Bounded>,
): readonly Row[] => {
  const { subject, inputs } = each;
  const { arithmetic } = TOLERANCES[runner.format];
  const value = evaluateWithError(subject.value, inputs, arithmetic);
  const got = runner.vjp(withCotangents(each));
  return [
    ...againstInterpreter(runner, "value", value, runner.value(inputs)),
    ...againstInterpreter(runner, "gradient", gradient, got),
    ...againstDifferences(runner.name, runner.format, each, slopes, gradient, got),
    ...ownDifferences(each, runner, gradient, got),
  ];
};

// ---- numerical derivatives

/** A direction in the space of one input, and the derivative along it. */
interface Probe {
  readonly place: string;
  readonly at: number | undefined;
  readonly direction: Direction;
  readonly slope: Slope | undefined;
}

/** Element `element` alone, or all with weights. */
export type Direction = { readonly element: number } | { readonly weights: ArrayLike<number> };

interface InputSlopes {
  readonly name: string;
  readonly probes: readonly Probe[];
}

export const arrayOf = ({ inputs }: Case, name: string): GivenArray =>
  inputs.tensors.get(name) ?? { shape: [0], data: [] };

const moved = (array: GivenArray, direction: Direction, step: number): GivenArray => {
  const data = Float64Array.from(array.data);
  if ("element" in direction) data[direction.element] = (data[direction.element] ?? 0) + step;
  else data.forEach((x, k) => (data[k] = x + step * (direction.weights[k] ?? 0)));
  return { shape: array.shape, data };
};

export const inputsAlong = (each: Case, name: string, direction: Direction, step: number): Inputs => ({
  ...each.inputs,
  tensors: new Map([...each.inputs.tensors, [name, moved(arrayOf(each, name), direction, step)]]),
});

/** The weighted sum of all outputs. */
const weigh = (each: Case, outputs: ReadonlyMap<string, ArrayLike<number>>): Omit<Sample, "selections"> => {
  let [value, scale] = [0, 0];
  for (const { output, weight } of each.cotangents) {
    const data = outputs.get(output);
    for (let k = 0; k < weight.data.length; k++) {
      const term = (weight.data[k] ?? 0) * (data?.[k] ?? NaN);
      value += term;
      scale += Math.abs(term);
    }
  }
  return { value, scale };
};

const slopeAlong = (each: Case, name: string, direction: Direction): Slope | undefined => {
  const { step, arithmetic } = TOLERANCES.f64;
  const along = (t: number): Sample => {
    const { held } = each.subject;
    const { outputs, selections } = evaluateWithSelections(
      held.program,
      heldAt(held, each.inputs, inputsAlong(each, name, direction, t)),
    );
    return { ...weigh(each, new Map([...outputs].map(([key, { data }]) => [key, data]))), selections };
  };
  return slope(along, step, arithmetic.unitRoundoff);
};

const probesOf = (each: Case, name: string): readonly Probe[] => {
  const { shape, data } = arrayOf(each, name);
  const stride = Math.max(1, Math.ceil(data.length / ELEMENTS));
  const chosen = Array.from({ length: Math.ceil(data.length / stride) }, (_, k) => k * stride);
  const single = chosen.map((element): Probe => {
    const place = `${name}[${unravel(element, shape).join(", ")}]`;
    return { place, at: data[element], direction: { element }, slope: slopeAlong(each, name, { element }) };
  });
  const directions = Array.from({ length: stride === 1 ? 0 : DIRECTIONS }, (_, k): Probe => {
    const direction = randomDirection(each, name);
    const place = `${name} along direction ${k + 1}`;
    return { place, at: undefined, direction, slope: slopeAlong(each, name, direction) };
  });
  return [...single, ...directions];
};

export const randomDirection = (each: Case, name: string): { readonly weights: ArrayLike<number> } => ({
  weights: randomArray(arrayOf(each, name).shape, [-1, 1], each.random).data,
});

/** Σ over the direction of an array of values, or of sizes of errors. */
const along = (direction: Direction, values: ArrayLike<number>, weight: (w: number) => number): number => {
  if ("element" in direction) return values[direction.element] ?? NaN;
  let total = 0;
  for (let k = 0; k < values.length; k++) total += weight(direction.weights[k] ?? 0) * (values[k] ?? NaN);
  return total;
};

export const largest = (values: ArrayLike<number>): number => {
  let size = 0;
  for (let k = 0; k < values.length; k++) size = Math.max(size, Math.abs(values[k] ?? 0));
  return size;
};

const gradientName = ({ subject }: Case, name: string): string =>
  subject.vjp.outputs[subject.wrt.indexOf(name)]?.name ?? "";

/** The differences are those of doubles; beside their error, the format may have the one of its own arithmetic. */
const againstDifferences = (
  backend: string,
  format: Format,
  each: Case,
  slopes: readonly InputSlopes[],
  bounds: ReadonlyMap<string, Bounded>,
  got: ReadonlyMap<string, ArrayLike<number>>,
): readonly Row[] =>
  slopes.map(({ name, probes }) => {
    const [bounded, gradient] = [
      bounds.get(gradientName(each, name)),
      got.get(gradientName(each, name)) ?? [],
    ];
    const scale = largest(bounded?.data ?? []);
    const comparisons = probes.flatMap(({ place, at: x, direction, slope: numerical }) => {
      if (numerical === undefined) return [];
      const bound = along(direction, bounded?.error ?? [], Math.abs);
      const allowed =
        numerical.error + TOLERANCES.f64.numerical * scale + allowedError(format, numerical.value, bound);
      return [
        { place, at: x, expected: numerical.value, got: along(direction, gradient, (w) => w), allowed },
      ];
    });
    return rowOf(backend, "differences", name, comparisons, probes.length - comparisons.length);
  });

/** Differences of the back end's own values, in its own digits. */
const ownDifferences = (
  each: Case,
  runner: Runner,
  bounds: ReadonlyMap<string, Bounded>,
  got: ReadonlyMap<string, ArrayLike<number>>,
): readonly Row[] =>
  each.subject.wrt.map((name) => {
    const { step, arithmetic, numerical, storage } = TOLERANCES[runner.format];
    const direction = randomDirection(each, name);
    const sample = (t: number): Sample => {
      const { held } = each.subject;
      const inputs = heldAt(held, each.inputs, inputsAlong(each, name, direction, t));
      const { selections } = evaluateWithSelections(held.program, inputs);
      return { ...weigh(each, runner.held(inputs)), selections };
    };
    const found = slope(sample, step, Math.max(storage, arithmetic.unitRoundoff));
    const key = gradientName(each, name);
    const comparisons =
      found === undefined
        ? []
        : [
            {
              place: `${name} along a direction`,
              at: undefined,
              expected: found.value,
              got: along(direction, got.get(key) ?? [], (w) => w),
              allowed: found.error + numerical * along(direction, magnitudes(bounds.get(key)), Math.abs),
            },
          ];
    return rowOf(runner.name, "own differences", name, comparisons, 1 - comparisons.length);
  });

const magnitudes = (bounded: Bounded | undefined): ArrayLike<number> => bounded?.data.map(Math.abs) ?? [];

// ---- ⟨u, Jv⟩ = ⟨Jᵀu, v⟩

const adjointIdentity = (each: Case, gradient: ReadonlyMap<string, Bounded>): readonly Row[] => {
  const { subject, inputs, cotangents } = each;
  const names = subject.jvp.inputs.slice(subject.value.inputs.length).map(({ name }) => name);
  const tangents = subject.wrt.map((name) => randomDirection(each, name));
  const directions = names.map((name, k): [string, GivenArray] => [
    name,
    { shape: arrayOf(each, subject.wrt[k] ?? "").shape, data: [...Array.from(tangents[k]?.weights ?? [])] },
  ]);
  const pushed = evaluateWithError(
    subject.jvp,
    { ...inputs, tensors: new Map([...inputs.tensors, ...directions]) },
    TOLERANCES.f64.arithmetic,
  );
  const forward = subject.jvp.outputs.map(({ name }, k) =>
    paired(pushed.get(name), cotangents[k]?.weight.data ?? []),
  );
  const backward = subject.wrt.map((name, k) =>
    paired(gradient.get(gradientName(each, name)), tangents[k]?.weights ?? []),
  );
  const total = (parts: readonly Paired[], part: keyof Paired): number =>
    parts.reduce((sum, p) => sum + p[part], 0);
  const comparison = {
    place: "⟨u, Jv⟩ and ⟨Jᵀu, v⟩",
    at: undefined,
    expected: total(forward, "value"),
    got: total(backward, "value"),
    allowed: allowedError("f64", total(forward, "scale"), total([...forward, ...backward], "error")),
  };
  return [rowOf("interpreter", "adjoint identity", subject.wrt.join(", "), [comparison], 0)];
};

interface Paired {
  readonly value: number;
  readonly scale: number;
  readonly error: number;
}

/** The scalar product with weights, its error bound and the sum of its magnitudes. */
const paired = (bounded: Bounded | undefined, weights: ArrayLike<number>): Paired => {
  const direction = { weights };
  const { unitRoundoff } = TOLERANCES.f64.arithmetic;
  const scale = along(direction, magnitudes(bounded), Math.abs);
  return {
    value: along(direction, bounded?.data ?? [], (w) => w),
    scale,
    error: along(direction, bounded?.error ?? [], Math.abs) + scale * unitRoundoff * weights.length,
  };
};

// ---- rows

const againstInterpreter = (
  runner: Runner,
  comparison: "value" | "gradient",
  bounds: ReadonlyMap<string, Bounded>,
  got: ReadonlyMap<string, ArrayLike<number>>,
): readonly Row[] =>
  [...bounds].map(([name, { shape, data, error }]) => {
    const comparisons = Array.from(data, (expected, k) => ({
      place: `${name}[${unravel(k, shape).join(", ")}]`,
      at: undefined,
      expected,
      got: got.get(name)?.[k] ?? NaN,
      allowed: allowedError(runner.format, expected, error[k] ?? 0),
    }));
    return rowOf(runner.name, comparison, name, comparisons, 0);
  });

export const rowOf = (
  backend: string,
  comparison: Row["comparison"],
  of: string,
  comparisons: readonly Failure[],
  skipped: number,
): Row => {
  let [worst, failure]: [number, Failure | undefined] = [0, undefined];
  for (const each of comparisons) {
    const off = excess(each.expected, each.got, each.allowed);
    if (off > worst) [worst, failure] = [off, each];
  }
  return {
    backend,
    comparison,
    of,
    checked: comparisons.length,
    skipped,
    worst,
    failure: worst > 1 ? failure : undefined,
  };
};

export const passes = ({ rows }: Report): boolean => rows.every(({ failure }) => failure === undefined);
