/**
 * Reference values against the interpreter and every back end. In: checks, each a few programs with inputs and what they
 * should give; out: per back end, how many passed, and what is wrong with the others.
 */
import { bindDims, evaluateWithError, type Bounded, type GivenArray, type Inputs } from "../eval/index.ts";
import { compare, formatMismatch, type Expected } from "../gradcheck/compare.ts";
import { allowedError, TOLERANCES, type Run } from "../gradcheck/index.ts";
import type { Arena, Program } from "../ir/index.ts";
import type { Kernel } from "../loop/types.ts";
import { toKernel } from "../pipeline.ts";
import { instantiateAll, reasonOf, type Backend, type Instantiated } from "./backends.ts";

export interface Part {
  readonly ir: Arena;
  readonly program: Program;
  readonly inputs: Inputs;
  readonly expected: ReadonlyMap<string, GivenArray>;
  /** The error of f64 that the reference allows, of which the running error bound may be a part. */
  readonly allowed: (expected: number, bound: number) => number;
}

/** One case: it passes if all its parts do. */
export interface Check {
  readonly label: string;
  readonly parts: readonly Part[];
}

export interface Failure {
  readonly label: string;
  readonly reason: string;
}

export interface Tally {
  readonly backend: string;
  readonly checks: number;
  /** The largest error of those that passed, in multiples of what is allowed. */
  readonly worst: number;
  readonly failures: readonly Failure[];
}

/** How far off the worst element is, in multiples of what is allowed; and what is wrong, if anything is. */
interface Outcome {
  readonly worst: number;
  readonly reason: string | undefined;
}

const wrong = (reason: string): Outcome => ({ worst: Infinity, reason });

const worstOf = (outcomes: readonly Outcome[]): Outcome => ({
  worst: Math.max(0, ...outcomes.map(({ worst }) => worst)),
  reason: outcomes.find(({ reason }) => reason !== undefined)?.reason,
});

/** What the interpreter makes of a part in the arithmetic of each dtype, on inputs that the dtype has. */
interface Reference {
  readonly f64: ReadonlyMap<string, Bounded>;
  readonly f32: ReadonlyMap<string, Bounded>;
  /** In f32, with the error that rounding the inputs makes. */
  readonly rounded: ReadonlyMap<string, Bounded>;
}

const inF32 = ({ shape, data }: GivenArray): GivenArray => ({
  shape,
  data: Float64Array.from(data, Math.fround),
});

const roundInputs = (inputs: Inputs): Inputs => ({
  ...inputs,
  tensors: new Map([...inputs.tensors].map(([name, array]) => [name, inF32(array)])),
});

const referenceOf = ({ program, inputs }: Part): Reference => ({
  f64: evaluateWithError(program, inputs, TOLERANCES.f64.arithmetic),
  f32: evaluateWithError(program, roundInputs(inputs), TOLERANCES.f32.arithmetic),
  rounded: evaluateWithError(program, inputs, TOLERANCES.f32.arithmetic, "rounded"),
});

/** `allowed` from a value and the bound of its error. */
const within = (
  values: GivenArray | undefined,
  bounds: Bounded | undefined,
  allowed: (value: number, bound: number) => number,
): Expected | undefined =>
  values && {
    ...values,
    allowed: (k) => allowed(values.data[k] ?? NaN, bounds?.error[k] ?? Infinity),
  };

const inF32Digits = (value: number, bound: number): number => allowedError("f32", value, bound);

type Outputs = ReadonlyMap<string, ArrayLike<number>>;

const compareAll = (
  names: Iterable<string>,
  expected: (name: string) => Expected | undefined,
  got: Outputs,
): Outcome =>
  worstOf(
    [...names].map((name) => {
      const wanted = expected(name);
      if (wanted === undefined) return wrong(`${name} is not an output`);
      const { worst, mismatch } = compare(name, wanted, got.get(name));
      return { worst, reason: mismatch && formatMismatch(mismatch) };
    }),
  );

const interpreted = (part: Part, reference: Reference): Outcome =>
  judgeF64(part, reference, new Map([...reference.f64].map(([name, { data }]) => [name, data])));

const judgeF64 = ({ expected, allowed }: Part, { f64 }: Reference, got: Outputs): Outcome =>
  compareAll(expected.keys(), (name) => within(expected.get(name), f64.get(name), allowed), got);

/** Against the interpreter on the same inputs, and against the reference on those that were rounded. */
const judgeF32 = ({ expected }: Part, { f32, rounded }: Reference, got: Outputs): Outcome =>
  worstOf([
    compareAll(expected.keys(), (name) => within(f32.get(name), f32.get(name), inF32Digits), got),
    compareAll(expected.keys(), (name) => within(expected.get(name), rounded.get(name), inF32Digits), got),
  ]);

const JUDGE = { f64: judgeF64, f32: judgeF32 } as const;
const INPUTS = { f64: (inputs: Inputs): Inputs => inputs, f32: roundInputs } as const;

const attempt = (run: () => Outcome): Outcome => {
  try {
    return run();
  } catch (error) {
    return wrong(reasonOf(error));
  }
};

interface Prepared {
  readonly check: Check;
  readonly references: readonly (Reference | undefined)[];
  readonly outcome: Outcome;
}

const prepare = (check: Check): Prepared => {
  const references: Reference[] = [];
  const outcomes = check.parts.map((part) =>
    attempt(() => {
      const reference = referenceOf(part);
      references.push(reference);
      return interpreted(part, reference);
    }),
  );
  return { check, references, outcome: worstOf(outcomes) };
};

const tally = (backend: string, outcomes: readonly (readonly [Check, Outcome])[]): Tally => ({
  backend,
  checks: outcomes.length,
  worst: Math.max(0, ...outcomes.map(([, { worst }]) => worst).filter((worst) => worst <= 1)),
  failures: outcomes.flatMap(([{ label }, { reason }]) => (reason === undefined ? [] : [{ label, reason }])),
});

/** All checks on the interpreter, then on each back end. */
export const verify = async (
  checks: readonly Check[],
  backends: readonly Backend[],
): Promise<readonly Tally[]> => {
  const prepared = checks.map(prepare);
  const tallies = [
    tally(
      "interpreter",
      prepared.map(({ check, outcome }) => [check, outcome] as const),
    ),
  ];
  for (const backend of backends) tallies.push(await verifyOn(backend, prepared));
  return tallies;
};

const verifyOn = async (backend: Backend, prepared: readonly Prepared[]): Promise<Tally> => {
  const compiled = prepared.map(({ check }, k) =>
    check.parts.map((part, p) => compile(part, backend, `k${k}_${p}`)),
  );
  const kernels = compiled.flat().flatMap((kernel) => (typeof kernel === "string" ? [] : [kernel]));
  const instantiated = await instantiateAll(backend, kernels);
  return tally(
    backend.name,
    prepared.map(({ check, references }, k) => [
      check,
      worstOf(
        check.parts.map((part, p) =>
          judge(backend, part, references[p], runnable(compiled[k]?.[p], instantiated)),
        ),
      ),
    ]),
  );
};

const compile = ({ ir, program }: Part, { dtype }: Backend, name: string): Kernel | string => {
  try {
    return toKernel(ir, program, { dtype, name });
  } catch (error) {
    return reasonOf(error);
  }
};

const runnable = (
  kernel: Kernel | string | undefined,
  all: ReadonlyMap<string, Instantiated>,
): Run | string => {
  if (kernel === undefined || typeof kernel === "string") return kernel ?? "not compiled";
  const made = all.get(kernel.name);
  return made?.ok === true ? made.run : (made?.reason ?? "not instantiated");
};

const judge = (
  backend: Backend,
  part: Part,
  reference: Reference | undefined,
  run: Run | string,
): Outcome => {
  if (typeof run === "string") return wrong(run);
  if (reference === undefined) return wrong("the interpreter has no value to compare with");
  return attempt(() => JUDGE[backend.dtype](part, reference, run(INPUTS[backend.dtype](withDims(part)))));
};

/** Kernels infer the plainest dimensions only; all are given. */
const withDims = ({ program, inputs }: Part): Inputs => ({ ...inputs, dims: bindDims(program, inputs) });

/** `interpreter: 230 passed, 0 failed (…)`, and a line per failure. */
export const formatTallies = (tallies: readonly Tally[]): readonly string[] => [
  ...tallies.map(
    ({ backend, checks, failures, worst }) =>
      `${backend}: ${checks - failures.length} passed, ${failures.length} failed ` +
      `(those that passed are off by at most ${worst.toFixed(2)} of the tolerance)`,
  ),
  ...tallies.flatMap(({ backend, failures }) =>
    failures.map(({ label, reason }) => `  ${backend}, ${label}: ${reason}`),
  ),
];

export const failed = (tallies: readonly Tally[]): boolean =>
  tallies.some(({ failures }) => failures.length > 0);
