/** Functions → reports of their gradients on every back end. */
import { bindDims, type Inputs } from "../eval/index.ts";
import {
  checkGradients,
  type CheckSettings,
  type Report,
  type Run,
  type Runner,
  type Subject,
} from "../gradcheck/index.ts";
import type { Arena, Program } from "../ir/index.ts";
import type { FloatType, Kernel } from "../loop/types.ts";
import { forward, jvp, toKernel, vjp } from "../pipeline.ts";
import { BACKENDS, instantiateAll, type Backend, type Instantiated } from "./backends.ts";

export interface CheckedProgram {
  readonly ir: Arena;
  /** As the checker made it. */
  readonly program: Program;
  /** Inputs to differentiate by. */
  readonly wrt: readonly string[];
  /** How it is sampled. */
  readonly settings?: CheckSettings;
}

/** All float inputs of a program. */
export const floatInputs = (program: Program): readonly string[] =>
  program.inputs.filter(({ dtype }) => dtype === "float").map(({ name }) => name);

export const subjectOf = ({ ir, program, wrt }: CheckedProgram): Subject => ({
  name: program.name,
  value: forward(ir, program),
  vjp: vjp(ir, program, wrt),
  jvp: jvp(ir, program, wrt),
  wrt,
});

/** Kernels infer the plainest dimensions only; all are given. */
const withDims =
  (program: Program, run: Run): Run =>
  (inputs: Inputs) =>
    run({ ...inputs, dims: bindDims(program, inputs) });

const runOrThrow = (name: string, instantiated: ReadonlyMap<string, Instantiated>): Run => {
  const made = instantiated.get(name);
  if (made?.ok !== true) throw new Error(made?.reason ?? `${name} was not instantiated`);
  return made.run;
};

type Kernels = readonly (readonly [value: Kernel, vjp: Kernel])[];

const kernelsOf = (
  dtype: FloatType,
  programs: readonly CheckedProgram[],
  subjects: readonly Subject[],
): Kernels =>
  programs.flatMap(({ ir }, k) => {
    const subject = subjects[k];
    if (subject === undefined) return [];
    const kernel = (program: Program, name: string): Kernel => toKernel(ir, program, { dtype, name });
    return [[kernel(subject.value, `value${k}`), kernel(subject.vjp, `vjp${k}`)]];
  });

/** A runner per subject. */
const runnersOn = async (
  backend: Backend,
  kernels: Kernels,
  subjects: readonly Subject[],
): Promise<readonly Runner[]> => {
  const instantiated = await instantiateAll(backend, kernels.flat());
  return subjects.map(({ value, vjp: gradient }, k) => ({
    name: backend.name,
    format: backend.dtype,
    value: withDims(value, runOrThrow(`value${k}`, instantiated)),
    vjp: withDims(gradient, runOrThrow(`vjp${k}`, instantiated)),
  }));
};

export const gradcheck = async (
  programs: readonly CheckedProgram[],
  backends: readonly Backend[] = BACKENDS,
): Promise<readonly Report[]> => {
  const subjects = programs.map(subjectOf);
  const dtypes = [...new Set(backends.map(({ dtype }) => dtype))];
  const kernels = new Map(dtypes.map((dtype) => [dtype, kernelsOf(dtype, programs, subjects)]));
  const runners: (readonly Runner[])[] = [];
  for (const backend of backends)
    runners.push(await runnersOn(backend, kernels.get(backend.dtype) ?? [], subjects));
  return subjects.map((subject, k) =>
    checkGradients(
      subject,
      runners.flatMap((all) => all[k] ?? []),
      programs[k]?.settings,
    ),
  );
};
