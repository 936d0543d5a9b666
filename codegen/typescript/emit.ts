/**
 * In: verified kernels. Out: one TypeScript module that exports a function for each, unformatted.
 * Ends, in linear time, because every statement and expression is written once.
 */
import { CodeBlockWriter, IndentationText, Project, StructureKind, VariableDeclarationKind } from "ts-morph";
import type {
  FunctionDeclarationStructure,
  ImportDeclarationStructure,
  StatementStructures,
  VariableStatementStructure,
} from "ts-morph";
import type { Buffer, Expr, Kernel, Local } from "../../src/loop/types.ts";
import { arrayTypeOf, interfaceOf } from "../interface.ts";
import type { KernelInterface } from "../interface.ts";
import { createScope } from "../names.ts";
import type { Scope } from "../names.ts";
import { writeArguments, writeReturn } from "./boundary.ts";
import type { BoundaryFunction } from "./boundary.ts";
import { commentText } from "./comment.ts";
import { arrayOutputs, claimTypeNames, interfaceDeclarations } from "./declarations.ts";
import type { TypeNames } from "./declarations.ts";
import { expressionText } from "./expression.ts";
import type { Surroundings } from "./expression.ts";
import { livenessOf, placeOf } from "./liveness.ts";
import type { Liveness } from "./liveness.ts";
import type { RuntimeFunction } from "./operators.ts";
import { writeStatements } from "./statements.ts";

type Imported = BoundaryFunction | RuntimeFunction;

/** Everything a module can import; what it does import is found while it is written. */
const IMPORTS: { readonly [F in Imported]: true } = {
  apart: true,
  array: true,
  dimension: true,
  distinct: true,
  erf: true,
  erfc: true,
  inferred: true,
  divides: true,
  inRange: true,
  integer: true,
  mod: true,
  number: true,
  output: true,
  pow: true,
  round: true,
  shape: true,
  sigmoid: true,
  softplus: true,
};

/** The imports of a module: each has a name from the start, and is imported if it is asked for. */
export interface Imports {
  readonly use: (name: Imported) => string;
  readonly used: ReadonlyMap<string, string>;
}

export function createImports(scope: Scope): Imports {
  const aliases = new Map(Object.keys(IMPORTS).map((name) => [name, scope.claim(name)]));
  const used = new Map<string, string>();
  const use = (name: Imported): string => {
    const alias = aliases.get(name) ?? name;
    used.set(name, alias);
    return alias;
  };
  return { use, used };
}

/** Names are given on first use, inside the scope of one function. */
export function createNaming<K>(claim: (key: K) => string): (key: K) => string {
  const names = new Map<K, string>();
  return (key) => {
    const known = names.get(key);
    if (known !== undefined) return known;
    const name = claim(key);
    names.set(key, name);
    return name;
  };
}

/** A name inside of a module stands for itself only: it need not be injective, as a scope tells names apart. */
const readable = (name: string): string => name.replace(/[^\p{ID_Continue}]+/gu, "_");

/** An output may have the name of an input, as the gradient of `x` has. */
export function bufferHint(kernel: Kernel, buffer: Buffer): string {
  const isTaken = kernel.buffers.some((other) => other.role === "input" && other.name === buffer.name);
  return buffer.role === "output" && isTaken ? `${buffer.name}Out` : buffer.name;
}

interface Declared {
  readonly name: string;
  readonly port: KernelInterface;
  readonly types: TypeNames;
  /** The memory of its temporaries. */
  readonly workspaces: ReadonlyMap<Buffer, string>;
}

/** The names of a module are all claimed before those inside of its functions. */
function declare(kernel: Kernel, name: string, scope: Scope): Declared {
  const temporaries = kernel.buffers.filter(({ role, shape }) => role === "temp" && shape.length > 0);
  return {
    name,
    port: interfaceOf(kernel),
    types: claimTypeNames(name, scope),
    workspaces: new Map(
      temporaries.map((buffer) => [buffer, scope.claim(readable(`${kernel.name}_${buffer.name}`))] as const),
    ),
  };
}

/** Everything of one kernel in the module, in order. */
function kernelStructures(
  around: Scope,
  imports: Imports,
  declared: Declared,
): readonly StatementStructures[] {
  const { port, types } = declared;
  const scope = createScope(around);
  const hasArguments = port.inputs.length + port.dims.length + port.options.length > 0;
  const args = scope.claim(hasArguments ? "args" : "_args");
  const into = scope.claim("into");
  const writer = new CodeBlockWriter({ indentNumberOfSpaces: 2 });
  const live = livenessOf(port.kernel);
  const naturals = new Set<Local>();
  const surroundings: Surroundings = {
    buffer: createNaming((buffer: Buffer) => scope.claim(readable(bufferHint(port.kernel, buffer)))),
    dim: createNaming((dim: string) => scope.claim(dim)),
    option: createNaming((option: string) => scope.claim(option)),
    local: createNaming((local: Local) => scope.claim(readable(local.name))),
    runtime: imports.use,
    naturals,
    isComparedTwice: (expr) => {
      const place = placeOf(expr);
      return place !== undefined && live.comparedTwice.has(place);
    },
    constant: (hint, text, annotation = "") => {
      const constant = scope.claim(hint);
      writer.writeLine(`const ${constant}${annotation} = ${text};`);
      return constant;
    },
  };
  const mutable = new Set<Local>();
  const at = {
    ...declared,
    writer,
    around: surroundings,
    live,
    naturals,
    mutable,
    check: imports.use,
    args,
    into,
    arrays: "given" as const,
  };
  writeArguments(at);
  const workspaces = writeTemporaries(at);
  writeStatements(at, port.kernel.body);
  writeReturn(at);
  return [
    ...interfaceDeclarations(port, types),
    ...workspaces,
    functionStructure(declared, { args, into }, writer.toString()),
  ];
}

interface Temporaries extends Declared {
  readonly writer: CodeBlockWriter;
  readonly around: Surroundings;
  readonly live: Liveness;
}

/**
 * A temporary's memory belongs to the module and grows on demand. A kernel calls no code of others once it has read its
 * arguments, so that no two runs of it overlap.
 */
function writeTemporaries(at: Temporaries): readonly VariableStatementStructure[] {
  const structures: VariableStatementStructure[] = [];
  for (const buffer of at.port.kernel.buffers) {
    if (buffer.role !== "temp" || !at.live.buffers.has(buffer)) continue;
    const workspace = at.workspaces.get(buffer);
    if (workspace !== undefined) structures.push(writeWorkspace(at, buffer, workspace));
    else at.writer.writeLine(`let ${at.around.buffer(buffer)} = 0;`);
  }
  return structures;
}

function writeWorkspace(at: Temporaries, buffer: Buffer, workspace: string): VariableStatementStructure {
  const array = arrayTypeOf(at.port.kernel, buffer);
  const name = at.around.buffer(buffer);
  const size = at.around.constant(`${name}Size`, expressionText(sizeOf(buffer), at.around));
  at.writer.writeLine(`if (${workspace}.length < ${size}) ${workspace} = new ${array}(${size});`);
  at.writer.writeLine(`const ${name} = ${workspace};`);
  return {
    kind: StructureKind.VariableStatement,
    declarationKind: VariableDeclarationKind.Let,
    declarations: [{ name: workspace, initializer: `new ${array}(0)` }],
  };
}

/** The product of the extents. */
function sizeOf(buffer: Buffer): Expr {
  return buffer.shape.reduce((a, b) => ({ kind: "binary", type: "int", op: "mul", a, b }));
}

function functionStructure(
  { name, port, types }: Declared,
  parameters: { readonly args: string; readonly into: string },
  statements: string,
): FunctionDeclarationStructure {
  const into = { name: parameters.into, type: types.into, initializer: "{}" };
  return {
    kind: StructureKind.Function,
    name,
    isExported: true,
    docs: [commentText(aboutText(port.kernel))],
    parameters: [
      { name: parameters.args, type: types.args, ...(port.argsOptional ? { initializer: "{}" } : {}) },
      ...(arrayOutputs(port).length === 0 ? [] : [into]),
    ],
    returnType: types.results,
    statements,
  };
}

/** The documentation of a kernel's function. */
export function aboutText({ about, math }: Kernel): string {
  const operations = about.operations === "" ? "" : `Operations: ${about.operations}`;
  const mode = math === "fast" ? "Built with --math fast." : "";
  const paragraphs = [about.doc, about.formulas.join("\n"), operations, mode].filter((text) => text !== "");
  return paragraphs.filter((paragraph) => paragraph !== "").join("\n\n");
}

export function headerText(kernels: readonly Kernel[]): string {
  const hashes = kernels.map((kernel) => kernel.about.sourceHash).filter((hash) => hash !== "");
  const sources = [...new Set(hashes)].map((hash) => hash.replace(/[^\w:-]/gu, "_")).join(", ");
  return `// Generated by gradsmith${sources === "" ? "" : ` from ${sources}`}; edits are lost.`;
}

function importStructure(imports: Imports, specifier: string): readonly ImportDeclarationStructure[] {
  if (imports.used.size === 0) return [];
  const names = [...imports.used].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    {
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: specifier,
      namedImports: names.map(([name, alias]) => (name === alias ? { name } : { name, alias })),
    },
  ];
}

/** The text of a module; `runtime` is the specifier it imports the runtime by. Kernels have different names. */
export function emitTypeScript(kernels: readonly Kernel[], runtime: string): string {
  const scope = createScope();
  const named = kernels.map((kernel) => ({ kernel, name: scope.claim(kernel.name) }));
  const declared = named.map(({ kernel, name }) => declare(kernel, name, scope));
  const imports = createImports(scope);
  const structures = declared.flatMap((one) => kernelStructures(scope, imports, one));
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces },
  });
  const file = project.createSourceFile("module.ts", {
    statements: [headerText(kernels), ...importStructure(imports, runtime), ...structures],
  });
  return file.getFullText();
}
