/** Functions → reports of their gradients on every back end. */
import { bindDims, type Inputs } from "../eval/index.ts";
import {
  checkGradients,
  checkHessians,
  holdStopped,
  type CheckSettings,
  type Report,
  type Run,
  type Runner,
  type SecondOrder,
  type SecondOrderRunner,
  type Subject,
} from "../gradcheck/index.ts";
import type { Arena, Program } from "../ir/index.ts";
import type { FloatType, Kernel } from "../loop/types.ts";
import { isScalarValued } from "../diff/index.ts";
import { dense, forward, gradient, jvp, request, toKernel, vjp } from "../pipeline.ts";
import { pairsOf } from "./compile.ts";
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

export const subjectOf = ({ ir, program, wrt }: CheckedProgram): Subject => {
  const held = holdStopped(ir, program);
  return {
    name: program.name,
    value: forward(ir, program),
    held: { ...held, program: forward(ir, held.program) },
    vjp: vjp(ir, program, wrt),
    jvp: jvp(ir, program, wrt),
    wrt,
  };
};

export const secondOrderOf = (checked: CheckedProgram, subject: Subject): SecondOrder => {
  const { ir, program, wrt } = checked;
  const hessian = request(ir, program, { kind: "hessian", wrt: [], matrices: pairsOf(wrt) });
  return {
    subject,
    gradient: holdStopped(ir, isScalarValued(program) ? gradient(ir, program, wrt) : subject.vjp),
    hessian,
    dense: dense(ir, hessian),
    product: request(ir, program, { kind: "hvp", wrt }),
  };
};

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

/** Those of each subject: of its value, with what is stopped held, and vjp; or of its Hessian and the product with it. */
type Kernels = readonly (readonly Kernel[])[];

const kernelsOf = (
  dtype: FloatType,
  programs: readonly CheckedProgram[],
  subjects: readonly Subject[],
): Kernels =>
  programs.flatMap(({ ir }, k) => {
    const subject = subjects[k];
    if (subject === undefined) return [];
    const kernel = (program: Program, name: string): Kernel => toKernel(ir, program, { dtype, name });
    const { value, held, vjp: gradient } = subject;
    const stopped = held.copies.size === 0 ? [] : [kernel(held.program, `held${k}`)];
    return [[kernel(value, `value${k}`), ...stopped, kernel(gradient, `vjp${k}`)]];
  });

/** A runner per subject. */
const runnersOn = async (
  backend: Backend,
  kernels: Kernels,
  subjects: readonly Subject[],
): Promise<readonly Runner[]> => {
  const instantiated = await instantiateAll(backend, kernels.flat());
  return subjects.map(({ value, held, vjp: gradient }, k) => ({
    name: backend.name,
    format: backend.dtype,
    value: withDims(value, runOrThrow(`value${k}`, instantiated)),
    held: withDims(held.program, runOrThrow(`${held.copies.size === 0 ? "value" : "held"}${k}`, instantiated)), // prettier-ignore
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

const secondOrderKernelsOf = (
  dtype: FloatType,
  programs: readonly CheckedProgram[],
  all: readonly SecondOrder[],
): Kernels =>
  programs.flatMap(({ ir }, k) => {
    const second = all[k];
    if (second === undefined) return [];
    const kernel = (program: Program, name: string): Kernel => toKernel(ir, program, { dtype, name });
    return [[kernel(second.hessian, `hessian${k}`), kernel(second.product, `product${k}`)]];
  });

const secondOrderRunnersOn = async (
  backend: Backend,
  kernels: Kernels,
  all: readonly SecondOrder[],
): Promise<readonly SecondOrderRunner[]> => {
  const instantiated = await instantiateAll(backend, kernels.flat());
  return all.map(({ hessian, product }, k) => ({
    name: backend.name,
    format: backend.dtype,
    hessian: withDims(hessian, runOrThrow(`hessian${k}`, instantiated)),
    product: withDims(product, runOrThrow(`product${k}`, instantiated)),
  }));
};

/** The same for second derivatives: a report of its own for each function. */
export const hessiancheck = async (
  programs: readonly CheckedProgram[],
  backends: readonly Backend[] = BACKENDS,
): Promise<readonly Report[]> => {
  const all = programs.map((checked) => secondOrderOf(checked, subjectOf(checked)));
  const dtypes = [...new Set(backends.map(({ dtype }) => dtype))];
  const kernels = new Map(dtypes.map((dtype) => [dtype, secondOrderKernelsOf(dtype, programs, all)]));
  const runners: (readonly SecondOrderRunner[])[] = [];
  for (const backend of backends)
    runners.push(await secondOrderRunnersOn(backend, kernels.get(backend.dtype) ?? [], all));
  return all.map((second, k) =>
    checkHessians(
      second,
      runners.flatMap((each) => each[k] ?? []),
      programs[k]?.settings,
    ),
  );
};
