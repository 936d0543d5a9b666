/**
 * In: verified kernels. Out: one TypeScript module that exports a function for each, unformatted.
 * Ends, in linear time, because every statement and expression is written once.
 */
import { CodeBlockWriter, Project, StructureKind, VariableDeclarationKind } from "ts-morph";
import type {
  FunctionDeclarationStructure,
  ImportDeclarationStructure,
  StatementStructures,
  VariableStatementStructure,
} from "ts-morph";
import type { Buffer, Kernel, Local } from "../../src/loop/types.ts";
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
  array: true,
  dimension: true,
  erf: true,
  erfc: true,
  inferred: true,
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

/** The state of one emission: the names of the module, and the imports used so far. */
interface Module {
  readonly scope: Scope;
  readonly runtime: (name: Imported) => string;
  readonly used: ReadonlyMap<string, string>;
}

function createModule(): Module {
  const scope = createScope();
  const aliases = new Map<string, string>();
  const used = new Map<string, string>();
  const runtime = (name: Imported): string => {
    if (aliases.size === 0) for (const known of Object.keys(IMPORTS)) aliases.set(known, scope.claim(known));
    const alias = aliases.get(name) ?? name;
    used.set(name, alias);
    return alias;
  };
  return { scope, runtime, used };
}

/** Names are given on first use, inside the scope of one function. */
function createNaming<K>(claim: (key: K) => string): (key: K) => string {
  const names = new Map<K, string>();
  return (key) => {
    const known = names.get(key);
    if (known !== undefined) return known;
    const name = claim(key);
    names.set(key, name);
    return name;
  };
}

/** An output may have the name of an input, as the gradient of `x` has. */
function bufferHint(kernel: Kernel, buffer: Buffer): string {
  const isTaken = kernel.buffers.some((other) => other.role === "input" && other.name === buffer.name);
  return buffer.role === "output" && isTaken ? `${buffer.name}Out` : buffer.name;
}

interface Declared {
  readonly name: string;
  readonly port: KernelInterface;
  readonly types: TypeNames;
}

/** Everything of one kernel in the module, in order. */
function kernelStructures(module: Module, declared: Declared): readonly StatementStructures[] {
  const { name, port, types } = declared;
  const scope = createScope(module.scope);
  const args = scope.claim("args");
  const into = scope.claim("into");
  const writer = new CodeBlockWriter({ indentNumberOfSpaces: 2 });
  const live = livenessOf(port.kernel);
  const naturals = new Set<Local>();
  const around: Surroundings = {
    buffer: createNaming((buffer: Buffer) => scope.claim(bufferHint(port.kernel, buffer))),
    dim: createNaming((dim: string) => scope.claim(dim)),
    option: createNaming((option: string) => scope.claim(option)),
    local: createNaming((local: Local) => scope.claim(local.name)),
    runtime: module.runtime,
    naturals,
    isComparedTwice: (expr) => {
      const place = placeOf(expr);
      return place !== undefined && live.comparedTwice.has(place);
    },
    constant: (hint, text) => {
      const constant = scope.claim(hint);
      writer.writeLine(`const ${constant} = ${text};`);
      return constant;
    },
  };
  const boundary = { port, writer, around, live, check: module.runtime, args, into };
  writeArguments(boundary);
  const workspaces = writeTemporaries({ module, writer, around, live, kernel: port.kernel });
  writeStatements({ writer, around, naturals, live }, port.kernel.body);
  writeReturn(boundary);
  return [
    ...interfaceDeclarations(port, types),
    ...workspaces,
    functionStructure({ name, port, types }, { args, into }, writer.toString()),
  ];
}

interface Temporaries {
  readonly module: Module;
  readonly writer: CodeBlockWriter;
  readonly around: Surroundings;
  readonly live: Liveness;
  readonly kernel: Kernel;
}

/**
 * A temporary's memory belongs to the module and grows on demand. A kernel calls no code of others once it has read its
 * arguments, so that no two runs of it overlap.
 */
function writeTemporaries(at: Temporaries): readonly VariableStatementStructure[] {
  const structures: VariableStatementStructure[] = [];
  for (const buffer of at.kernel.buffers) {
    if (buffer.role !== "temp") continue;
    if (buffer.shape.length > 0) structures.push(writeWorkspace(at, buffer));
    else if (at.live.buffers.has(buffer)) at.writer.writeLine(`let ${at.around.buffer(buffer)} = 0;`);
  }
  return structures;
}

function writeWorkspace(at: Temporaries, buffer: Buffer): VariableStatementStructure {
  const workspace = at.module.scope.claim(`${at.kernel.name}_${buffer.name}`);
  const array = arrayTypeOf(at.kernel, buffer);
  const name = at.around.buffer(buffer);
  const size = at.around.constant(`${name}Size`, sizeText(at.around, buffer));
  at.writer.writeLine(`if (${workspace}.length < ${size}) ${workspace} = new ${array}(${size});`);
  at.writer.writeLine(`const ${name} = ${workspace};`);
  return {
    kind: StructureKind.VariableStatement,
    declarationKind: VariableDeclarationKind.Let,
    declarations: [{ name: workspace, initializer: `new ${array}(0)` }],
  };
}

function sizeText(around: Surroundings, buffer: Buffer): string {
  return buffer.shape.map((extent) => `(${expressionText(extent, around)})`).join(" * ");
}

function functionStructure(
  { name, port, types }: Declared,
  parameters: { readonly args: string; readonly into: string },
  statements: string,
): FunctionDeclarationStructure {
  const { about } = port.kernel;
  const paragraphs = [about.doc, about.formulas.join("\n"), `Operations: ${about.operations}`];
  const into = { name: parameters.into, type: types.into, initializer: "{}" };
  return {
    kind: StructureKind.Function,
    name,
    isExported: true,
    docs: [commentText(paragraphs.filter((paragraph) => paragraph !== "").join("\n\n"))],
    parameters: [
      { name: parameters.args, type: types.args, ...(port.argsOptional ? { initializer: "{}" } : {}) },
      ...(arrayOutputs(port).length === 0 ? [] : [into]),
    ],
    returnType: types.results,
    statements,
  };
}

function headerText(kernels: readonly Kernel[]): string {
  const hashes = [...new Set(kernels.map((kernel) => kernel.about.sourceHash))];
  return `// Generated by gradsmith from ${hashes.map((hash) => hash.replace(/[^\w:-]/gu, "_")).join(", ")}; edits are lost.`;
}

function importStructure(module: Module, specifier: string): readonly ImportDeclarationStructure[] {
  if (module.used.size === 0) return [];
  const names = [...module.used].sort(([a], [b]) => (a < b ? -1 : 1));
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
  const module = createModule();
  const named = kernels.map((kernel) => ({ kernel, name: module.scope.claim(kernel.name) }));
  const declared = named.map(({ kernel, name }) => ({
    name,
    port: interfaceOf(kernel),
    types: claimTypeNames(name, module.scope),
  }));
  const structures = declared.flatMap((one) => kernelStructures(module, one));
  const project = new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true });
  const file = project.createSourceFile("module.ts", {
    statements: [headerText(kernels), ...importStructure(module, runtime), ...structures],
  });
  return file.getFullText();
}
