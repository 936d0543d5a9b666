/** Derivatives of programs, as programs. */
import {
  affine, build, define, inDependencyOrder, liveDefinitions, type Arena, type Definition, type Index, type Node, type Output, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { forwardMode } from "./forward.ts";
import type { Draft } from "./stored/drawn.ts";
import { createNamer, type Namer } from "./names.ts";
import { reverse, type Adjoints } from "./reverse.ts";
import { sensitivities } from "./structure/sensitivities.ts";

export { productsFor, starColours } from "./colour.ts";
export { densely } from "./dense.ts";
export { store } from "./matrix.ts";
export type { Draft } from "./stored/drawn.ts";
export { partialsOf } from "./partials.ts";

/** Inputs of that name, which have to be float; the caller reports the others. */
const inputsNamed = (program: Program, names: readonly string[]): readonly Tensor[] =>
  names.map((name) => {
    const tensor = program.inputs.find((input) => input.name === name);
    if (tensor?.dtype !== "float")
      throw new RangeError(`"${name}" is not a float input of "${program.name}"`);
    return tensor;
  });

/** d_x for each input x; of structural zero where no output depends on it. */
const gradientOutputs = (
  ir: Arena,
  adjoints: Adjoints,
  wrt: readonly Tensor[],
  namer: Namer,
): { definitions: readonly Definition[]; outputs: readonly Output[] } => {
  const extra: Definition[] = [];
  const outputs = wrt.map((tensor): Output => {
    const known = adjoints.of.get(tensor);
    if (known !== undefined) return { name: `d_${tensor.name}`, tensor: known };
    const none = ir.tensor({
      name: namer(`d_${tensor.name}`),
      shape: tensor.shape,
      dtype: "float",
      role: "defined",
    });
    const indices = tensor.shape.map((extent, k) => ir.index(`i${k}`, extent));
    extra.push(define(ir, { tensor: none, indices, body: build.zero(ir) }));
    return { name: `d_${tensor.name}`, tensor: none };
  });
  return { definitions: [...adjoints.definitions, ...extra], outputs };
};

const withDefinitions = (
  ir: Arena,
  { matrices: _, ...program }: Program,
  name: string,
  inputs: readonly Tensor[],
  added: readonly Definition[],
  outputs: readonly Output[],
): Program => ({
  ...program,
  name,
  inputs,
  outputs,
  definitions: liveDefinitions(
    inDependencyOrder(ir, [...program.definitions, ...added]),
    outputs.map((output) => output.tensor),
  ),
});

const canonicalRead = (ir: Arena, tensor: Tensor): Node =>
  build.read(
    ir,
    tensor,
    tensor.shape.map((extent, k) => affine.ofIndex(ir, ir.index(`i${k}`, extent))),
  );

/** A cotangent or tangent: an input of the shape of `tensor`. */
const companion = (ir: Arena, tensor: Tensor, name: string): Tensor =>
  ir.tensor({ name, shape: tensor.shape, dtype: "float", role: "input" });

/**
 * The vector-Jacobian product: from inputs and the cotangents `d_<output>` of all float outputs, `d_<input>` for each input
 * in `wrt`. Shapes are those of the outputs and inputs.
 */
export const vjp = (ir: Arena, program: Program, wrt: readonly string[]): Program => {
  const namer = createNamer(program);
  const sources = inputsNamed(program, wrt);
  const cotangents = program.outputs
    .filter((output) => output.tensor.dtype === "float")
    .map((output) => ({ output, input: companion(ir, output.tensor, namer(`d_${output.name}`)) }));
  const seeds = new Map<Tensor, Node>();
  for (const { output, input } of cotangents) {
    const earlier = seeds.get(output.tensor) ?? build.zero(ir);
    seeds.set(output.tensor, build.add(ir, earlier, canonicalRead(ir, input)));
  }
  const adjoints = reverse(ir, program, sources, seeds, namer);
  const { definitions, outputs } = gradientOutputs(ir, adjoints, sources, namer);
  const inputs = [...program.inputs, ...cotangents.map(({ input }) => input)];
  return withDefinitions(ir, program, `${program.name}_vjp`, inputs, definitions, outputs);
};

/** The gradient of a function with one scalar output, and its value: outputs `<value>` and `d_<input>`. */
export const valueAndGradient = (ir: Arena, program: Program, wrt: readonly string[]): Program => {
  const { definitions, outputs } = scalarGradient(ir, program, wrt);
  return withDefinitions(ir, program, `${program.name}_value_and_grad`, program.inputs, definitions, [
    ...program.outputs,
    ...outputs,
  ]);
};

/** The gradient of a function with one scalar output: outputs `d_<input>`. */
export const gradient = (ir: Arena, program: Program, wrt: readonly string[]): Program => {
  const { definitions, outputs } = scalarGradient(ir, program, wrt);
  return withDefinitions(ir, program, `${program.name}_grad`, program.inputs, definitions, outputs);
};

/** Whether a gradient makes sense: one float output of rank 0. */
export const isScalarValued = (program: Program): boolean => {
  const [value, ...others] = program.outputs;
  return others.length === 0 && value?.tensor.dtype === "float" && value.tensor.shape.length === 0;
};

const scalarGradient = (
  ir: Arena,
  program: Program,
  wrt: readonly string[],
): { definitions: readonly Definition[]; outputs: readonly Output[] } => {
  const [value] = program.outputs;
  if (value === undefined || !isScalarValued(program))
    throw new RangeError(`"${program.name}" is not one scalar`);
  const namer = createNamer(program);
  const sources = inputsNamed(program, wrt);
  const adjoints = reverse(ir, program, sources, new Map([[value.tensor, build.constant(ir, 1)]]), namer);
  return gradientOutputs(ir, adjoints, sources, namer);
};

/** The Jacobian-vector product: from inputs and directions `t_<input>`, the tangents `t_<output>`. */
export const jvp = (ir: Arena, program: Program, wrt: readonly string[]): Program => {
  const namer = createNamer(program);
  const pairs = inputsNamed(program, wrt).map((tensor): [Tensor, Tensor] => [
    tensor,
    companion(ir, tensor, namer(`t_${tensor.name}`)),
  ]);
  const tangents = forwardMode(ir, program, new Map(pairs), namer);
  const floats = program.outputs.filter((output) => output.tensor.dtype === "float");
  const still: Definition[] = [];
  const outputs = floats.map((output): Output => {
    const name = `t_${output.name}`;
    const moving = tangents.of.get(output.tensor);
    if (moving !== undefined) return { name, tensor: moving };
    const none = ir.tensor({ ...output.tensor, name: namer(name), role: "defined" });
    const indices = none.shape.map((extent, k): Index => ir.index(`i${k}`, extent));
    still.push(define(ir, { tensor: none, indices, body: build.zero(ir) }));
    return { name, tensor: none };
  });
  const inputs = [...program.inputs, ...pairs.map(([, direction]) => direction)];
  return withDefinitions(
    ir,
    program,
    `${program.name}_jvp`,
    inputs,
    [...tangents.definitions, ...still],
    outputs,
  );
};

/** ∂ output / ∂ input, as one matrix. */
export interface Block {
  readonly name: string;
  readonly output: string;
  readonly input: string;
  /** A matrix that depends on none of these inputs is constant. */
  readonly moving: readonly string[];
  /** A Hessian by one input twice. */
  readonly isSymmetric: boolean;
}

/** The parts of these matrices as outputs of a program that is to be simplified before it is stored what remains. */
export const matrixParts = (
  ir: Arena,
  program: Program,
  blocks: readonly Block[],
  kept: readonly Output[],
): { readonly program: Program; readonly drafts: readonly Draft[] } => {
  const namer = createNamer(program);
  const added: Definition[] = [];
  const ofOutput = (name: string): Tensor => {
    const found = program.outputs.find((each) => each.name === name)?.tensor;
    if (found === undefined) throw new RangeError(`"${name}" is not an output of "${program.name}"`);
    return found;
  };
  const sources = new Map(
    [...new Set(blocks.map(({ input }) => input))].map((input) => {
      const [source] = inputsNamed(program, [input]);
      if (source === undefined) throw new RangeError(`"${input}" is not an input of "${program.name}"`);
      const results = blocks.filter((block) => block.input === input).map(({ output }) => ofOutput(output));
      const found = sensitivities(ir, program, source, new Set(results), namer);
      added.push(...found.definitions);
      return [input, { source, of: found.of }] as const;
    }),
  );
  const drafts = blocks.flatMap(({ name, output, input, moving, isSymmetric }): Draft[] => {
    const found = sources.get(input);
    const of = ofOutput(output);
    if (found === undefined) throw new RangeError(`"${input}" is not an input of "${program.name}"`);
    const { source } = found;
    const parts = found.of.get(of) ?? [];
    return [{ name, of, source, moving: inputsNamed(program, moving), isSymmetric, parts }];
  });
  const parts = drafts.flatMap((draft) =>
    draft.parts.flatMap(({ tensor }, k): Output[] =>
      tensor === undefined ? [] : [{ name: `${draft.name}_part${k}`, tensor }],
    ),
  );
  const outputs = [...kept, ...parts];
  return { program: withDefinitions(ir, program, program.name, program.inputs, added, outputs), drafts };
};
