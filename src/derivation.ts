/**
 * The passes up to formulas:
 *
 *     text → parse → check → simplify → differentiate → simplify
 *
 * Programs are verified wherever one pass hands them to the next. Nothing of scheduling is loaded with it: who reads formulas
 * needs none.
 */
import {
  checkModule, type CheckContext, type CheckedMatrix, type CheckedModule, type RequestKind,
} from "./check/index.ts"; // prettier-ignore
import { createCollector, CodedError, type Result, type Source } from "./diagnostics/index.ts";
import * as diff from "./diff/index.ts";
import {
  affine,
  brokenCircle,
  verify,
  verifyRecurrences,
  type Affine,
  type Arena,
  type Output,
  type Program,
} from "./ir/index.ts";
import { operationCount, orderSums, simplify, withSupports, type Mode, type Step } from "./simplify/index.ts";
import { parse } from "./syntax/index.ts";

/** A source, and the sources it imports, parsed and checked. All errors of one stage are reported together. */
export const compileModule = (source: Source, context?: CheckContext): Result<CheckedModule> => {
  const collector = createCollector();
  const module = collector.take(parse(source));
  const checked = module && collector.take(checkModule(module, context));
  // without a module there is at least one error, so that the value is never looked at
  return collector.finish(checked as CheckedModule);
};

const verified = (ir: Arena, program: Program): Program => {
  verify(program);
  verifyRecurrences(ir, program);
  return program;
};

export type Trace = (step: Step) => void;

const untraced: Trace = () => undefined;

/** An adjoint of a recurrence may read places that are not a certain number of steps apart. */
const inSteps = (ir: Arena, program: Program): Program => {
  const broken = brokenCircle(ir, program.definitions);
  if (broken === undefined) return program;
  const { name } = broken.tensor;
  throw new CodedError(
    "GS0504",
    `the derivative of ${program.name} cannot be computed step by step: ${name} reads itself at places that are not proved to lie later`,
  );
};

const simplified = (ir: Arena, program: Program, mode: Mode, trace: Trace): Program =>
  verified(ir, simplify(ir, verified(ir, inSteps(ir, program)), { mode, trace }));

type Derivative = (ir: Arena, program: Program, wrt: readonly string[]) => Program;

/** Makes a derived program simple, before it is differentiated again. */
type Simplified = (program: Program) => Program;

/** A program at each stage of the way; `derived` is the result. */
export interface Stages {
  /** As written, with sugar and calls expanded. */
  readonly checked: Program;
  /** The user's formulas, made stable, so that derivatives are stable too. */
  readonly forward: Program;
  /** With adjoints or tangents as the one rule gives them. */
  readonly differentiated: Program;
  readonly derived: Program;
}

const through = (
  ir: Arena,
  checked: Program,
  derivative: (program: Program) => Program,
  trace: Trace,
): Stages => {
  const stable = simplified(ir, checked, "user", untraced);
  const differentiated = derivative(stable);
  const simple =
    differentiated === stable ? orderSums(ir, stable) : simplified(ir, differentiated, "derived", trace);
  return { checked, forward: stable, differentiated, derived: verified(ir, withSupports(ir, simple)) };
};

const derivedBy =
  (derivative: Derivative): Derivative =>
  (ir, program, wrt) =>
    through(ir, program, (stable) => derivative(ir, stable, wrt), untraced).derived;

/** The forward program as kernels compute it. */
export const forward = (ir: Arena, program: Program): Program =>
  through(ir, program, (stable) => stable, untraced).derived;

/** From inputs and cotangents `d_<output>`: `d_<input>` for each input named. */
export const vjp: Derivative = derivedBy(diff.vjp);

/** From inputs and directions `t_<input>`: `t_<output>`. */
export const jvp: Derivative = derivedBy(diff.jvp);

/** Of a function with one scalar output: that value, and `d_<input>` for each input named. */
export const valueAndGradient: Derivative = derivedBy(diff.valueAndGradient);

/** Of a function with one scalar output: `d_<input>` for each input named. */
export const gradient: Derivative = derivedBy(diff.gradient);

/** What is built of a function: its value, or a derivative. */
export interface Request {
  readonly kind: RequestKind;
  /** Inputs to differentiate by; empty for `value`. Of a Hessian: the inputs whose gradient is returned with it. */
  readonly wrt: readonly string[];
  /** Of a Hessian or Jacobian. */
  readonly matrices?: readonly CheckedMatrix[];
  /** Of a Hessian or Jacobian: results of the function that are returned with it. */
  readonly values?: readonly string[];
}

/** d_x, of a scalar or with cotangents as further inputs. */
const firstOrder: Derivative = (ir, program, wrt) =>
  (diff.isScalarValued(program) ? diff.gradient : diff.vjp)(ir, program, wrt);

/** Forward over reverse: the direction passes through the gradient's program. */
const hessianVector = (ir: Arena, program: Program, { wrt }: Request, simple: Simplified): Program => {
  const product = diff.jvp(ir, simple(firstOrder(ir, program, wrt)), wrt);
  const outputs = product.outputs.map(({ tensor }, k) => ({ name: `hv_${wrt[k] ?? ""}`, tensor }));
  return { ...product, outputs };
};

/** ∂² / ∂x ∂y, of Σ cotangent·output where the output is no scalar; with value and gradient, if that is asked for. */
const hessianMatrices = (ir: Arena, program: Program, asked: Request, simple: Simplified): Program => {
  const {
    wrt,
    matrices = [],
    values = wrt.length > 0 ? program.outputs.map(({ name }) => name) : [],
  } = asked;
  const inputs = [...new Set([...wrt, ...matrices.map(({ rows }) => rows)])];
  const derivative = values.length > 0 && diff.isScalarValued(program) ? diff.valueAndGradient : firstOrder;
  const gradients = simple(derivative(ir, program, inputs));
  const wanted = new Set([...values, ...wrt.map((input) => `d_${input}`)]);
  const kept = gradients.outputs.filter(({ name }) => wanted.has(name));
  const blocks = matrices.map(({ rows, columns }) => ({
    name: `h_${rows}_${columns}`,
    output: `d_${rows}`,
    input: columns,
    moving: [rows, columns],
    isSymmetric: rows === columns,
  }));
  return storedMatrices(ir, gradients, blocks, kept, simple);
};

const jacobianMatrices = (ir: Arena, program: Program, asked: Request, simple: Simplified): Program => {
  const blocks = (asked.matrices ?? []).map(({ rows, columns }) => ({
    name: `j_${rows}_${columns}`,
    output: rows,
    input: columns,
    moving: [columns],
    isSymmetric: false,
  }));
  const kept = program.outputs.filter(({ name }) => asked.values?.includes(name) === true);
  return storedMatrices(ir, program, blocks, kept, simple);
};

const storedMatrices = (
  ir: Arena,
  program: Program,
  blocks: readonly diff.Block[],
  kept: readonly Output[],
  simple: Simplified,
): Program => {
  const { program: parts, drafts } = diff.matrixParts(ir, program, blocks, kept);
  return diff.store(ir, simple(parts), drafts, kept);
};

interface DerivativeRow {
  readonly suffix: string;
  readonly derive: (ir: Arena, program: Program, asked: Request, simple: Simplified) => Program;
}

const DERIVATIVES: { readonly [K in RequestKind]: DerivativeRow } = {
  value: { suffix: "", derive: (_ir, program) => program },
  grad: { suffix: "_grad", derive: (ir, program, { wrt }) => diff.valueAndGradient(ir, program, wrt) },
  vjp: { suffix: "_vjp", derive: (ir, program, { wrt }) => diff.vjp(ir, program, wrt) },
  jvp: { suffix: "_jvp", derive: (ir, program, { wrt }) => diff.jvp(ir, program, wrt) },
  hvp: { suffix: "_hvp", derive: hessianVector },
  hessian: { suffix: "_hessian", derive: hessianMatrices },
  jacobian: { suffix: "_jacobian", derive: jacobianMatrices },
};

/** What is asked for where nothing is: the value, and the gradient or vector-Jacobian product by all float inputs. */
export const defaultRequests = (program: Program): readonly Request[] => {
  const wrt = program.inputs.filter((tensor) => tensor.dtype === "float").map((tensor) => tensor.name);
  const value: Request = { kind: "value", wrt: [] };
  if (wrt.length === 0 || program.outputs.every(({ tensor }) => tensor.dtype === "int")) return [value];
  return [value, { kind: diff.isScalarValued(program) ? "grad" : "vjp", wrt }];
};

/** What a request asks for, called `f`, `f_grad`, `f_hessian`, …, with the stages before it. */
export const stagesOf = (ir: Arena, program: Program, asked: Request, trace: Trace = untraced): Stages => {
  const { suffix, derive } = DERIVATIVES[asked.kind];
  const simple: Simplified = (derived) => simplified(ir, derived, "derived", trace);
  const stages = through(ir, program, (stable) => derive(ir, stable, asked, simple), trace);
  return { ...stages, derived: { ...stages.derived, name: `${program.name}${suffix}` } };
};

/** The two ways to a sparse matrix: each entry by its formula (what kernels do), or from products with coloured vectors. */
export interface Ways {
  readonly name: string;
  /** Operations of all entries, and of one product. */
  readonly direct: Affine;
  readonly product: Affine;
  /** How many products give all entries; undefined where that depends on data or extents of run time. */
  readonly products: Affine | undefined;
  /** Numbers that are stored, and rows: a product says one number for each row, so that there are stored / rows at least. */
  readonly stored: Affine;
  readonly rows: Affine;
}

/** For each sparse matrix of what was asked for. */
export const waysTo = (ir: Arena, program: Program, asked: Request, derived: Program): readonly Ways[] =>
  (derived.matrices ?? []).flatMap((matrix, k): readonly Ways[] => {
    const { name, structure } = matrix;
    const block = asked.matrices?.[k];
    if (structure.kind !== "sparse" || block === undefined) return [];
    const one: Request = { kind: asked.kind, wrt: [], matrices: [block] };
    const kind = asked.kind === "hessian" ? "hvp" : "jvp";
    const count = (each: Request): Affine => operationCount(ir, request(ir, program, each)).operations;
    const size = (shape: readonly Affine[]): Affine =>
      shape.reduce((product, extent) => affine.times(ir, product, extent), affine.fixed(ir, 1));
    const stored = structure.values.map((part) =>
      size(derived.outputs.find((output) => output.name === part)?.tensor.shape ?? []),
    );
    return [
      {
        name,
        direct: count(one),
        product: count({ kind, wrt: [block.columns] }),
        products: diff.productsFor(ir, matrix),
        stored: affine.plus(ir, ...stored),
        rows: size(matrix.rows),
      },
    ];
  });

/** The same with all entries of its Jacobians and Hessians as outputs, of shape [rows…, columns…]. */
export const dense = (ir: Arena, program: Program): Program => verified(ir, diff.densely(ir, program));

export const request = (ir: Arena, program: Program, asked: Request): Program =>
  stagesOf(ir, program, asked).derived;
