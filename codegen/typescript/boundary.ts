/**
 * In: a kernel's interface. Out: the statements that check its arguments and make its results, around the body.
 * Ends because it visits each port once.
 */
import type { CodeBlockWriter } from "ts-morph";
import { formatExpr } from "../../src/loop/format.ts";
import type { AffinePlace, EntryList, Place } from "../../src/loop/matrix.ts";
import type { Expr, Kernel, Requirement } from "../../src/loop/types.ts";
import type {
  DimPort,
  KernelInterface,
  MatrixPort,
  OptionPort,
  ResultPort,
  TensorPort,
} from "../interface.ts";
import { accessText, propertyText } from "./declarations.ts";
import { expressionText, numberText } from "./expression.ts";
import type { Surroundings } from "./expression.ts";
import type { Liveness } from "./liveness.ts";

/** The functions of the runtime that the boundary calls. */
export type BoundaryFunction =
  | "apart"
  | "array"
  | "distinct"
  | "dimension"
  | "divides"
  | "inferred"
  | "inRange"
  | "integer"
  | "number"
  | "output"
  | "shape";

export interface Boundary {
  readonly port: KernelInterface;
  readonly writer: CodeBlockWriter;
  readonly around: Surroundings;
  readonly live: Pick<Liveness, "buffers" | "dims" | "options">;
  readonly check: (name: BoundaryFunction) => string;
  /** The identifiers of the parameters. */
  readonly args: string;
  readonly into: string;
  /** Where arrays are used as they are given, and where they are copied into a memory if need be. */
  readonly arrays: "given" | "copied";
}

const quote = (text: string): string => JSON.stringify(text);

/** `[N, 2 * C]` as an array of numbers. */
function extentsText(at: Boundary, extents: readonly Expr[]): string {
  return `[${extents.map((extent) => expressionText(extent, at.around)).join(", ")}]`;
}

/** Binds the checked value to a name if anything reads it; else only checks. */
function writeChecked(at: Boundary, isLive: boolean, name: string, check: string): void {
  at.writer.writeLine(isLive ? `const ${name} = ${check};` : `${check};`);
}

function writeInput(at: Boundary, port: TensorPort): void {
  const name = at.around.buffer(port.buffer);
  const value = accessText(at.args, port.property);
  if (port.type === "number") {
    const check = at.check(port.array === "Int32Array" ? "integer" : "number");
    const isRead = at.live.buffers.has(port.buffer) || requirementOf(at.port.kernel, port) !== undefined;
    writeChecked(at, isRead, name, `${check}(${quote(port.name)}, ${value})`);
  } else {
    const array = `${at.check("array")}(${quote(port.name)}, ${value}, ${quote(port.type)})`;
    writeChecked(at, true, name, at.arrays === "given" ? apartText(at, array) : array);
  }
}

/** What a dimension is that the caller leaves out. */
function standardOf(at: Boundary, { name, dim, inference }: DimPort): string | undefined {
  if (dim.default !== undefined) return numberText(dim.default);
  if (inference === undefined) return undefined;
  const { from, divisor } = inference;
  const length = `${at.around.buffer(from)}.length`;
  const by = expressionText(divisor, at.around);
  return `${at.check("inferred")}(${quote(name)}, ${quote(from.name)}, ${length}, ${by})`;
}

function writeDim(at: Boundary, port: DimPort): void {
  const given = accessText(at.args, port.property);
  const standard = standardOf(at, port);
  const value = standard === undefined ? given : `${given} ?? ${standard}`;
  const check = `${at.check("dimension")}(${quote(port.name)}, ${value}, ${port.dim.min})`;
  writeChecked(at, at.live.dims.has(port.name), at.around.dim(port.name), check);
}

function writeOption(at: Boundary, port: OptionPort): void {
  const given = accessText(at.args, port.property);
  const standard = port.option.default;
  const value = standard === undefined ? given : `${given} ?? ${numberText(standard)}`;
  const check = at.check(port.option.type === "int" ? "integer" : "number");
  writeChecked(
    at,
    at.live.options.has(port.name),
    at.around.option(port.name),
    `${check}(${quote(port.name)}, ${value})`,
  );
}

function writeShape(at: Boundary, port: TensorPort): void {
  if (port.type === "number") return;
  const length = `${at.around.buffer(port.buffer)}.length`;
  const extents = extentsText(at, port.buffer.shape);
  at.writer.writeLine(
    `${at.check("shape")}(${quote(port.name)}, ${length}, ${quote(port.shape)}, ${extents});`,
  );
}

function requirementOf(kernel: Kernel, port: TensorPort): Requirement | undefined {
  return kernel.requirements.find(
    (requirement) => requirement.kind === "range" && requirement.buffer === port.buffer,
  );
}

/** Whether it is about the elements of an array, which may change between two runs of a prepared call. */
export const isAboutElements = (requirement: Requirement): boolean =>
  requirement.kind === "range" && requirement.buffer.shape.length > 0;

export function writeRequirement(
  at: Pick<Boundary, "writer" | "around" | "check">,
  requirement: Requirement,
): void {
  /** An extent as a formula, and its value. */
  const extent = (expr: Expr): string => `${quote(formatExpr(expr))}, ${expressionText(expr, at.around)}`;
  if (requirement.kind === "divides") {
    const { by, value } = requirement;
    at.writer.writeLine(`${at.check("divides")}(${extent(by)}, ${extent(value)});`);
    return;
  }
  const name = at.around.buffer(requirement.buffer);
  at.writer.writeLine(
    `${at.check("inRange")}(${quote(requirement.buffer.name)}, ${name}, ${extent(requirement.extent)});`,
  );
}

function writeOutput(at: Boundary, port: TensorPort): void {
  const name = at.around.buffer(port.buffer);
  if (port.type === "number") {
    at.writer.writeLine(`let ${name} = 0;`);
    return;
  }
  const given = accessText(at.into, port.property);
  const shape = `${quote(port.shape)}, ${extentsText(at, port.buffer.shape)}`;
  at.writer.writeLine(
    `const ${name} = ${at.check("output")}(${quote(port.name)}, ${given}, ${quote(port.type)}, ${shape});`,
  );
}

/** The arrays that the caller gives for results. */
const givenFor = (at: Boundary): readonly string[] =>
  at.port.outputs
    .filter(({ type }) => type !== "number")
    .map(({ property }) => accessText(at.into, property));

/** Results are not written over each other. */
function writeDistinct(at: Boundary): void {
  const given = givenFor(at);
  if (given.length < 2) return;
  const names = at.port.outputs.filter(({ type }) => type !== "number").map(({ name }) => name);
  at.writer.writeLine(`${at.check("distinct")}(${[quote(names.join(", ")), ...given].join(", ")});`);
}

/** An input that results are not written over while it is read. */
function apartText(at: Boundary, value: string): string {
  const given = givenFor(at);
  return given.length === 0 ? value : `${at.check("apart")}(${[value, ...given].join(", ")})`;
}

/**
 * Reads and checks the arguments, in an order in which each check needs only what precedes it, but for those requirements that
 * are checked `later`.
 */
export function writeArguments(
  at: Boundary,
  later: (requirement: Requirement) => boolean = () => false,
): void {
  for (const port of at.port.inputs) writeInput(at, port);
  for (const port of at.port.determined) writeDim(at, port);
  for (const port of at.port.options) writeOption(at, port);
  for (const port of at.port.inputs) writeShape(at, port);
  for (const requirement of at.port.kernel.requirements)
    if (!later(requirement)) writeRequirement(at, requirement);
  for (const port of at.port.outputs) writeOutput(at, port);
  writeDistinct(at);
}

const bufferText = (around: Surroundings, port: TensorPort): string => around.buffer(port.buffer);

const listText = (items: readonly string[]): string => `[${items.join(", ")}]`;

interface Texts {
  readonly input: (name: string) => string;
  readonly extents: (list: readonly Expr[]) => string;
}

const affineText = ({ offset, steps }: AffinePlace<Expr>, { extents }: Texts): string =>
  `offset: ${extents([offset]).slice(1, -1)}, steps: ${extents(steps)}`;

const placeText = (place: Place<string, Expr>, texts: Texts): string => {
  switch (place.kind) {
    case "free":
      return '{ kind: "free" }';
    case "affine":
      return `{ kind: "affine", ${affineText(place, texts)} }`;
    case "data": {
      const at = listText(place.at.map((each) => `{ ${affineText(each, texts)} }`));
      return `{ kind: "data", indices: ${texts.input(place.indices)}, shape: ${texts.extents(place.shape)}, at: ${at} }`;
    }
  }
};

const entriesText = ({ over, rows, columns, isMirrored }: EntryList<string, Expr>, texts: Texts): string => {
  const places = (list: readonly Place<string, Expr>[]): string =>
    listText(list.map((place) => placeText(place, texts)));
  return `{ over: ${texts.extents(over)}, rows: ${places(rows)}, columns: ${places(columns)}, isMirrored: ${String(isMirrored)} }`;
};

/** The object that a matrix is returned as; `value` is the text of a stored part. */
function matrixText(
  around: Surroundings,
  { matrix, fields, indices }: MatrixPort,
  value: (port: TensorPort) => string,
): string {
  const { structure } = matrix;
  const input = (name: string): string =>
    indices.filter((port) => port.name === name).map((port) => bufferText(around, port))[0] ?? quote(name);
  const extents = (list: readonly Expr[]): string =>
    `[${list.map((extent) => expressionText(extent, around)).join(", ")}]`;
  const texts = { input, extents };
  const parts = fields.map((field) =>
    "port" in field
      ? `${field.name}: ${value(field.port)}`
      : `${field.name}: [${field.ports.map(value).join(", ")}]`,
  );
  const shared = "shared" in structure ? [`shared: ${JSON.stringify(structure.shared)}`] : [];
  const at =
    structure.kind === "sparse"
      ? [`at: ${listText(structure.at.map((list) => entriesText(list, texts)))}`]
      : [];
  const symmetric = structure.kind === "sparse" ? [`isSymmetric: ${String(structure.isSymmetric)}`] : [];
  const shape = [`rows: ${extents(matrix.rows)}`, `columns: ${extents(matrix.columns)}`];
  return `{ ${[`kind: ${quote(structure.kind)}`, ...shape, ...shared, ...symmetric, ...at, ...parts].join(", ")} }`;
}

/** The object of all results; `value` is the text of an output. */
export function resultsText(
  around: Surroundings,
  results: readonly ResultPort[],
  value: (port: TensorPort) => string = (port) => bufferText(around, port),
): string {
  const fields = results.map((port) => {
    const text = port.kind === "matrix" ? matrixText(around, port, value) : value(port);
    const property = propertyText(port.property);
    return text === property ? text : `${property}: ${text}`;
  });
  return `{ ${fields.join(", ")} }`;
}

export function writeReturn(at: Boundary): void {
  at.writer.writeLine(`return ${resultsText(at.around, at.port.results)};`);
}
