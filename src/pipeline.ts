/**
 * The passes, and the ways through them that users and back ends take:
 *
 *     text → parse → check → simplify → differentiate → simplify → schedule → loop IR
 *
 * Programs and kernels are verified wherever one pass hands them to the next.
 */
import { formulas } from "./explain/index.ts";
import type { Arena, Program } from "./ir/index.ts";
import type { About, FloatType, Kernel, MathMode } from "./loop/types.ts";
import { verifyKernel } from "./loop/verify.ts";
import { schedule, type Scheduled, type States } from "./schedule/index.ts";
import { operationCount } from "./simplify/index.ts";

export {
  compileModule, defaultRequests, dense, forward, gradient, jvp, request, stagesOf, valueAndGradient, vjp, waysTo,
} from "./derivation.ts"; // prettier-ignore
export type { Request, Stages, Trace, Ways } from "./derivation.ts";

export interface KernelOptions {
  readonly dtype: FloatType;
  /** The program's own name without it. */
  readonly name?: string;
  readonly sourceHash?: string;
  /** How exact the functions of an f32 kernel are; `accurate` without it. */
  readonly math?: MathMode;
  /** Operations that a program of constant size may have as straight-line code. */
  readonly budget?: number | undefined;
  /** Whether all states of a recurrence are kept for its adjoint; `stored` without it. */
  readonly states?: States | undefined;
}

/** What a generated module says about itself. */
const aboutOf = (ir: Arena, program: Program, options: KernelOptions): About => ({
  doc: program.doc,
  formulas: formulas(program, "text"),
  operations: operationCount(ir, program).text,
  sourceHash: options.sourceHash ?? "",
});

/** The kernel and the decisions of its schedule. */
export const toSchedule = (ir: Arena, program: Program, options: KernelOptions): Scheduled => {
  const { dtype, name = program.name, math = "accurate", budget, states } = options;
  const about = aboutOf(ir, program, options);
  const scheduled = schedule(ir, program, { dtype, name, about, math, budget, states });
  verifyKernel(scheduled.kernel);
  return scheduled;
};

export const toKernel = (ir: Arena, program: Program, options: KernelOptions): Kernel =>
  toSchedule(ir, program, options).kernel;
