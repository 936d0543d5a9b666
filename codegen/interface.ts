/**
 * The public interface of a generated kernel, which the TypeScript and the WebAssembly back end share.
 *
 * A kernel is a function `kernel(args, into?) → results`. `args` holds, under the property names below, the inputs
 * (typed arrays, flat and row-major; plain numbers for rank 0), the dimensions and the options; `results` the outputs
 * (plain numbers for rank 0). An array given in `into` is written in place and returned, in place of a new one.
 */
import { formatShape } from "../src/loop/format.ts";
import { placesIn, storedIn, type Matrix, type Structure, type StructureKind } from "../src/loop/matrix.ts";
import type { Buffer, DimParam, Expr, Kernel, OptionParam } from "../src/loop/types.ts";
import { determine, dimsOf, type DeterminedDim, type Inference } from "./inference.ts";
import { propertyName } from "./names.ts";

export type ArrayType = "Float32Array" | "Float64Array" | "Int32Array";

/** An input or an output. */
export interface TensorPort {
  readonly kind: "tensor";
  readonly name: string;
  readonly property: string;
  readonly buffer: Buffer;
  /** How its elements are stored. */
  readonly array: ArrayType;
  /** The type at the boundary: a rank-0 tensor is a plain number. */
  readonly type: ArrayType | "number";
  /** Its shape as a formula: `[N, 2 * C]`. */
  readonly shape: string;
  readonly doc: string;
}

export interface DimPort {
  readonly kind: "dim";
  readonly name: string;
  readonly property: string;
  readonly dim: DimParam;
  readonly inference: Inference | undefined;
  /** What it is where the argument is left out: its own default, or what a length says; else it is required. */
  readonly isOptional: boolean;
  readonly doc: string;
}

export interface OptionPort {
  readonly kind: "option";
  readonly name: string;
  readonly property: string;
  /** With a default, the argument is optional. */
  readonly option: OptionParam;
  readonly doc: string;
}

/** A Jacobian or Hessian as one result: an object that has its kind, its shape and what is stored of it. */
export interface MatrixPort {
  readonly kind: "matrix";
  readonly property: string;
  readonly matrix: Matrix<Expr>;
  /** The stored parts, in order: one, or several of which the result has an array. */
  readonly fields: readonly MatrixField[];
  /** The inputs that say where entries stand. */
  readonly indices: readonly TensorPort[];
  readonly doc: string;
}

export type MatrixField =
  | { readonly name: "values" | "diagonal"; readonly port: TensorPort }
  | { readonly name: "values" | "left" | "right"; readonly ports: readonly TensorPort[] };

export type ResultPort = TensorPort | MatrixPort;

export interface KernelInterface {
  readonly kernel: Kernel;
  /** In the order of the kernel. */
  readonly inputs: readonly TensorPort[];
  readonly dims: readonly DimPort[];
  /** The same, in an order in which what one is inferred from comes before it. */
  readonly determined: readonly DimPort[];
  readonly options: readonly OptionPort[];
  /** What is computed: each can be written into an array of the caller's. */
  readonly outputs: readonly TensorPort[];
  /** What is returned: outputs, and the matrices that several of them may be parts of. */
  readonly results: readonly ResultPort[];
  /** Without a required argument, `args` itself may be left out. */
  readonly argsOptional: boolean;
}

/** The array type of a buffer of this kernel. */
export function arrayTypeOf(kernel: Kernel, buffer: Buffer): ArrayType {
  if (buffer.type === "int") return "Int32Array";
  return kernel.dtype === "f32" ? "Float32Array" : "Float64Array";
}

const ELEMENT: { readonly [A in ArrayType]: string } = {
  Float32Array: "float32",
  Float64Array: "float64",
  Int32Array: "int32",
};

function tensorPort(kernel: Kernel, buffer: Buffer): TensorPort {
  const array = arrayTypeOf(kernel, buffer);
  const shape = formatShape(buffer.shape);
  const scalar = buffer.shape.length === 0;
  return {
    kind: "tensor",
    name: buffer.name,
    property: propertyName(buffer.name),
    buffer,
    array,
    type: scalar ? "number" : array,
    shape,
    doc: scalar ? `A scalar, ${ELEMENT[array]}.` : `Shape ${shape}, ${ELEMENT[array]}, row-major.`,
  };
}

function sourceText({ from, divisor }: Inference): string {
  const beside = [...dimsOf(divisor)];
  return ` By default inferred from the length of ${from.name}${beside.length === 0 ? "" : ` and ${beside.join(", ")}`}.`;
}

function dimPort({ dim, inference }: DeterminedDim): DimPort {
  const source = inference === undefined ? "" : sourceText(inference);
  const standard = dim.default === undefined ? source : ` By default ${dim.default}.`;
  return {
    kind: "dim",
    name: dim.name,
    property: propertyName(dim.name),
    dim,
    inference,
    isOptional: dim.default !== undefined || inference !== undefined,
    doc: `A dimension: a whole number, at least ${dim.min}.${standard}`,
  };
}

function optionPort(option: OptionParam): OptionPort {
  const type = option.type === "int" ? "A whole number." : "A number.";
  const standard = option.default === undefined ? "" : ` By default ${option.default}.`;
  return {
    kind: "option",
    name: option.name,
    property: propertyName(option.name),
    option,
    doc: type + standard,
  };
}

const portNamed = (ports: readonly TensorPort[], name: string): TensorPort => {
  const port = ports.find((each) => each.name === name);
  if (port === undefined) throw new Error(`a matrix consists of ${name}, which is no argument or result`);
  return port;
};

function fieldsOf(structure: Structure<Expr>, outputs: readonly TensorPort[]): readonly MatrixField[] {
  const port = (name: string): TensorPort => portNamed(outputs, name);
  switch (structure.kind) {
    case "zero":
      return [];
    case "diagonal":
    case "blockDiagonal":
    case "dense":
      return [{ name: "values", port: port(structure.values) }];
    case "sparse":
      return [{ name: "values", ports: structure.values.map(port) }];
    case "lowRank":
    case "diagonalPlusLowRank":
      return [
        ...(structure.kind === "lowRank"
          ? []
          : [{ name: "diagonal", port: port(structure.diagonal) } as const]),
        { name: "left", ports: structure.left.map(port) },
        { name: "right", ports: structure.right.map(port) },
      ];
  }
}

const WORDS: { readonly [K in StructureKind]: string } = {
  zero: "zero: nothing is stored",
  diagonal: "diagonal: its values have the shape of the rows",
  blockDiagonal:
    "block-diagonal: values over the rows, and over the dimensions of the columns that are not shared",
  sparse:
    "sparse: lists of entries or blocks, values, at the rows and columns that at says; those at one place add up",
  lowRank: "a sum of outer products in each block: left has the shape of the rows, right of the columns",
  diagonalPlusLowRank:
    "a diagonal and a sum of outer products in each block: left has the shape of the rows, right of the columns",
  dense: "dense: values over the rows and the columns",
};

function matrixPort(
  matrix: Matrix<Expr>,
  inputs: readonly TensorPort[],
  outputs: readonly TensorPort[],
): MatrixPort {
  const { name, rows, columns, isConstant, structure } = matrix;
  const shape = formatShape([...rows, ...columns]);
  return {
    kind: "matrix",
    property: propertyName(name),
    matrix,
    fields: fieldsOf(structure, outputs),
    indices: placesIn(structure).map((name) => portNamed(inputs, name)),
    doc: `A matrix of shape ${shape}${isConstant ? ", constant" : ""}, ${WORDS[structure.kind]}.`,
  };
}

/** Outputs that are parts of a matrix are returned as that. */
function resultsOf(
  kernel: Kernel,
  inputs: readonly TensorPort[],
  outputs: readonly TensorPort[],
): readonly ResultPort[] {
  const matrices = kernel.matrices ?? [];
  const parts = new Set(matrices.flatMap(({ structure }) => storedIn(structure)));
  return [
    ...outputs.filter(({ name }) => !parts.has(name)),
    ...matrices.map((matrix) => matrixPort(matrix, inputs, outputs)),
  ];
}

/** Derives the interface of a verified kernel. */
export function interfaceOf(kernel: Kernel): KernelInterface {
  const ports = (role: Buffer["role"]): TensorPort[] =>
    kernel.buffers.filter((buffer) => buffer.role === role).map((buffer) => tensorPort(kernel, buffer));
  const inputs = ports("input");
  const determined = determine(
    kernel.dims,
    inputs.map(({ buffer }) => buffer),
  ).map(dimPort);
  const dims = kernel.dims.flatMap(({ name }) => determined.filter((port) => port.name === name));
  const options = kernel.options.map(optionPort);
  const argsOptional =
    inputs.length === 0 &&
    dims.every((port) => port.isOptional) &&
    options.every((port) => port.option.default !== undefined);
  const outputs = ports("output");
  return {
    kernel,
    inputs,
    dims,
    determined,
    options,
    outputs,
    results: resultsOf(kernel, inputs, outputs),
    argsOptional,
  };
}

/** A value at the boundary. */
export type PortValue = number | Float32Array | Float64Array | Int32Array;

/** A kernel of either back end, made callable: arguments and results under the names of the source. */
export type CallableKernel = (
  args: Readonly<Record<string, PortValue>>,
  into?: Readonly<Record<string, PortValue>>,
) => Record<string, PortValue>;
