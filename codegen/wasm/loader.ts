/**
 * In: kernels. Out: the TypeScript module that loads them compiled, with the same signatures as the functions of the
 * TypeScript back end; unformatted. Terminates: it visits each port of each kernel once.
 */

import { CodeBlockWriter, Project, StructureKind } from "ts-morph";
import type {
  FunctionDeclarationStructure,
  ImportDeclarationStructure,
  InterfaceDeclarationStructure,
  PropertySignatureStructure,
} from "ts-morph";
import type { Buffer, Kernel, Local } from "../../src/loop/types.ts";
import { interfaceOf } from "../interface.ts";
import type { KernelInterface, MatrixField, TensorPort } from "../interface.ts";
import { createScope } from "../names.ts";
import type { Scope } from "../names.ts";
import { isAboutElements, resultsText, writeArguments, writeRequirement } from "../typescript/boundary.ts";
import type { Boundary } from "../typescript/boundary.ts";
import { commentText } from "../typescript/comment.ts";
import {
  accessText,
  arrayOutputs,
  claimTypeNames,
  interfaceDeclarations,
  propertyText,
} from "../typescript/declarations.ts";
import type { TypeNames } from "../typescript/declarations.ts";
import { aboutText, bufferHint, createImports, createNaming, headerText } from "../typescript/emit.ts";
import type { Imports } from "../typescript/emit.ts";
import type { Surroundings } from "../typescript/expression.ts";
import { hasScratch, scratchExport } from "./abi.ts";

/** Where the loader finds a compiled module: in a file beside itself, or in its own text. */
export type WasmPlace =
  { readonly kind: "file"; readonly name: string } | { readonly kind: "inline"; readonly bytes: Uint8Array };

/** One module, or one for engines that have relaxed SIMD, and one for those that have not. */
export type WasmLocation =
  WasmPlace | { readonly kind: "relaxed"; readonly relaxed: WasmPlace; readonly strict: WasmPlace };

/** One module, or one for several threads, and one for where there are none. */
export type WasmLocations =
  WasmLocation | { readonly kind: "threads"; readonly threads: WasmLocation; readonly serial: WasmLocation };

const COMMON = ["createKernel", "Heap", "WasmExports", "WasmKernel"] as const;
const SERIAL = [...COMMON, "createHeap", "instantiate", "LoadOptions"] as const;
const THREADS = [...COMMON, "instantiateThreads", "ThreadOptions"] as const;
type Imported = (typeof SERIAL | typeof THREADS)[number] | "hasRelaxedSimd";

/** Of those that are imported, the types. */
const TYPES: ReadonlySet<Imported> = new Set<Imported>(["Heap", "LoadOptions", "ThreadOptions", "WasmExports", "WasmKernel"]); // prettier-ignore

/** Those that are in a part of the runtime by itself. */
const OF_THREADS: ReadonlySet<Imported> = new Set<Imported>(["instantiateThreads", "ThreadOptions"]);

/** Names of the module. */
interface Names {
  readonly runtime: (name: Imported) => string;
  /** What is imported from it. */
  readonly imported: readonly Imported[];
  readonly load: string;
  readonly kernels: string;
}

interface Declared {
  /** The property under which the loaded kernel is found. */
  readonly property: string;
  /** The function that makes it. */
  readonly maker: string;
  readonly port: KernelInterface;
  readonly types: TypeNames;
}

const quote = (text: string): string => JSON.stringify(text);

/**
 * The text of the loader; `runtime` is the specifier it imports the runtime by, and `threads` that of its part for
 * threads.
 */
export function emitLoader(
  kernels: readonly Kernel[],
  locations: WasmLocations,
  runtime: string,
  threads = `${runtime}/threads`,
): string {
  const scope = createScope();
  const first = locations.kind === "threads" ? locations.serial : locations;
  const imported: readonly Imported[] = [
    ...(locations.kind === "threads" ? THREADS : SERIAL),
    ...(first.kind === "relaxed" ? (["hasRelaxedSimd"] as const) : []),
  ];
  const names: Names = {
    runtime: createNaming((name: Imported) => scope.claim(name)),
    imported,
    load: scope.claim("load"),
    kernels: scope.claim("Kernels"),
  };
  for (const name of [...imported].sort((a, b) => Number(TYPES.has(a)) - Number(TYPES.has(b))))
    names.runtime(name);
  const properties = createScope();
  for (const { name } of propertiesOf(names, locations)) properties.claim(name);
  const declared = kernels.map((kernel): Declared => {
    const property = properties.claim(kernel.name);
    return {
      property,
      maker: scope.claim(`make_${kernel.name}`),
      port: interfaceOf(kernel),
      types: claimTypeNames(property, scope),
    };
  });
  const imports = createImports(scope);
  const functions = declared.map((one) => makerStructure({ around: scope, imports }, names, one));
  const file = new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true }).createSourceFile(
    "loader.ts",
    {
      statements: [
        headerText(kernels),
        importStructure(names, runtime, (name) => !OF_THREADS.has(name), imports.used),
        ...(locations.kind === "threads"
          ? [importStructure(names, threads, (name) => OF_THREADS.has(name), new Map())]
          : []),
        ...declared.flatMap(({ port, types }) => interfaceDeclarations(port, types)),
        kernelsStructure(names, declared, locations),
        loadStructure(names, declared, locations),
        ...functions,
      ],
    },
  );
  return file.getFullText();
}

function importStructure(
  names: Names,
  specifier: string,
  isThere: (name: Imported) => boolean,
  used: Imports["used"],
): ImportDeclarationStructure {
  const own = names.imported
    .filter(isThere)
    .map((name) => ({ name, alias: names.runtime(name), isTypeOnly: TYPES.has(name) }));
  const values = [...used].map(([name, alias]) => ({ name, alias, isTypeOnly: false }));
  return {
    kind: StructureKind.ImportDeclaration,
    moduleSpecifier: specifier,
    namedImports: [...values, ...own]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, alias, isTypeOnly }) => ({ name, isTypeOnly, ...(name === alias ? {} : { alias }) })),
  };
}

/** `[args: FocalArgs, into?: FocalInto]` */
function parametersText({ port, types }: Declared): string {
  const args = `args${port.argsOptional ? "?" : ""}: ${types.args}`;
  return arrayOutputs(port).length === 0 ? `[${args}]` : `[${args}, into?: ${types.into}]`;
}

interface Property {
  readonly name: string;
  readonly type: string;
  readonly about: string;
}

/** What a loaded module has besides its kernels. */
function propertiesOf(names: Names, locations: WasmLocations): readonly Property[] {
  const heap: Property = {
    name: "heap",
    type: names.runtime("Heap"),
    about: "The memory they work on. Arrays that are allocated on it are used without a copy.",
  };
  if (locations.kind !== "threads") return [heap];
  const threads: Property = {
    name: "threads",
    type: "number",
    about: "How many threads they run on, the caller's among them.",
  };
  const close: Property = {
    name: "close",
    type: "() => void",
    about: "Ends the other threads; kernels then run on the caller's.",
  };
  return [heap, threads, close];
}

function kernelsStructure(
  names: Names,
  declared: readonly Declared[],
  locations: WasmLocations,
): InterfaceDeclarationStructure {
  const kernel = (one: Declared): PropertySignatureStructure => ({
    kind: StructureKind.PropertySignature,
    name: propertyText(one.property),
    type: `${names.runtime("WasmKernel")}<${parametersText(one)}, ${one.types.results}>`,
    isReadonly: true,
    docs: [commentText(aboutText(one.port.kernel))],
  });
  const property = ({ name, type, about }: Property): PropertySignatureStructure => ({
    kind: StructureKind.PropertySignature,
    name,
    type,
    isReadonly: true,
    docs: [about],
  });
  return {
    kind: StructureKind.Interface,
    name: names.kernels,
    isExported: true,
    docs: ["The kernels of this module."],
    properties: [...propertiesOf(names, locations).map(property), ...declared.map(kernel)],
  };
}

function sourceText(names: Names, location: WasmLocation): string {
  if (location.kind === "relaxed") {
    const [relaxed, strict] = [location.relaxed, location.strict].map((place) => sourceText(names, place));
    return `(${names.runtime("hasRelaxedSimd")}() ? ${relaxed} : ${strict})`;
  }
  if (location.kind === "inline") return quote(toBase64(location.bytes));
  return `new URL(${quote(`./${location.name}`)}, import.meta.url)`;
}

/** What makes `heap` and `wasm`, and what else is returned. */
function writeInstantiation(writer: CodeBlockWriter, names: Names, locations: WasmLocations): void {
  if (locations.kind === "threads") {
    const sources = `{ threads: ${sourceText(names, locations.threads)}, serial: ${sourceText(names, locations.serial)} }`;
    writer.writeLine(
      `const { heap, wasm, threads, close } = await ${names.runtime("instantiateThreads")}(options, ${sources});`,
    );
    return;
  }
  writer.writeLine(`const heap = options.heap ?? ${names.runtime("createHeap")}();`);
  const source = `options.source ?? ${sourceText(names, locations)}`;
  writer.writeLine(`const wasm = await ${names.runtime("instantiate")}(heap, ${source});`);
}

function loadStructure(
  names: Names,
  declared: readonly Declared[],
  locations: WasmLocations,
): FunctionDeclarationStructure {
  const writer = new CodeBlockWriter({ indentNumberOfSpaces: 2 });
  writeInstantiation(writer, names, locations);
  const own = propertiesOf(names, locations).map(({ name }) => name);
  const fields = declared.map(({ property, maker }) => `${propertyText(property)}: ${maker}(heap, wasm)`);
  writer.writeLine(`return { ${[...own, ...fields].join(", ")} };`);
  const options = locations.kind === "threads" ? "ThreadOptions" : "LoadOptions";
  const share = locations.kind === "threads" ? "memory and its threads" : "memory";
  return {
    kind: StructureKind.Function,
    name: names.load,
    isExported: true,
    isAsync: true,
    docs: [`Loads the kernels. Modules that are given the same heap share its ${share}.`],
    parameters: [{ name: "options", type: names.runtime(options), initializer: "{}" }],
    returnType: `Promise<${names.kernels}>`,
    statements: writer.toString(),
  };
}

/** Everything is read: the compiled kernel takes all its parameters. */
function everything(kernel: Kernel): Boundary["live"] {
  return {
    buffers: new Set(kernel.buffers),
    dims: new Set(kernel.dims.map((dim) => dim.name)),
    options: new Set(kernel.options.map((option) => option.name)),
  };
}

interface Outside {
  readonly around: Scope;
  readonly imports: Imports;
}

/** The identifiers inside the function that checks the arguments. */
interface Inside {
  readonly scope: Scope;
  readonly around: Surroundings;
  readonly writer: CodeBlockWriter;
  readonly check: Imports["use"];
}

function enter({ around: outer, imports }: Outside, kernel: Kernel): Inside {
  const scope = createScope(outer);
  const writer = new CodeBlockWriter({ indentNumberOfSpaces: 2 });
  const around: Surroundings = {
    buffer: createNaming((buffer: Buffer) => scope.claim(bufferHint(kernel, buffer))),
    dim: createNaming((dim: string) => scope.claim(dim)),
    option: createNaming((option: string) => scope.claim(option)),
    local: createNaming(({ name }: { readonly name: string }) => scope.claim(name)),
    runtime: imports.use,
    naturals: new Set<Local>(),
    isComparedTwice: () => false,
    constant: (hint, text) => {
      const name = scope.claim(hint);
      writer.writeLine(`const ${name} = ${text};`);
      return name;
    },
  };
  return { scope, around, writer, check: imports.use };
}

function makerStructure(outside: Outside, names: Names, declared: Declared): FunctionDeclarationStructure {
  const { port, types, maker, property } = declared;
  const { kernel } = port;
  const inside = enter(outside, kernel);
  const { scope, around, writer, check } = inside;
  const [heap, wasm, args, into] = [
    scope.claim("heap"),
    scope.claim("wasm"),
    scope.claim("args"),
    scope.claim("into"),
  ];
  const scratch = hasScratch(kernel) ? scope.claim("scratchBytes") : undefined;
  if (scratch !== undefined) writer.writeLine(`const ${scratch} = ${wasm}(${quote(scratchExport(kernel))});`);
  const second = arrayOutputs(port).length === 0 ? "" : `, ${into}: ${types.into} = {}`;
  const first = `${args}: ${types.args}${port.argsOptional ? " = {}" : ""}`;
  writer.write(
    `return ${names.runtime("createKernel")}(${heap}, ${wasm}(${quote(kernel.name)}), (${first}${second}) => `,
  );
  writer.block(() => {
    // Numbers among the outputs are made from an array of one element.
    const arrays = { ...port, outputs: arrayOutputs(port) };
    const live = everything(kernel);
    const boundary = { port: arrays, writer, around, live, check, args, into, arrays: "copied" as const };
    writeArguments(boundary, isAboutElements);
    writeCall(inside, port, scratch);
  });
  writer.write(");");
  return {
    kind: StructureKind.Function,
    name: maker,
    parameters: [
      { name: heap, type: names.runtime("Heap") },
      { name: wasm, type: names.runtime("WasmExports") },
    ],
    returnType: `${names.kernels}[${quote(property)}]`,
    statements: writer.toString(),
  };
}

function writeCall(inside: Inside, port: KernelInterface, scratch: string | undefined): void {
  const { around, writer } = inside;
  const dims = port.dims.map(({ name }) => around.dim(name));
  const options = port.options.map(({ name }) => around.option(name));
  const inputs = port.inputs.map((one) => inputText(around, one));
  const outputs = port.outputs.map((one) =>
    one.type === "number" ? `{ cell: new ${one.array}(1) }` : around.buffer(one.buffer),
  );
  const names = port.outputs.map((one) => around.buffer(one.buffer));
  const results = resultsText(around, port.results, (one) => valueText(around, one));
  writer.write("return ").inlineBlock(() => {
    writer.writeLine(`inputs: [${inputs.join(", ")}],`);
    writer.writeLine(`outputs: [${outputs.join(", ")}],`);
    if (scratch !== undefined) writer.writeLine(`scratch: ${scratch}(${dims.join(", ")}),`);
    writer.writeLine(`scalars: [${[...dims, ...options].join(", ")}],`);
    writeRequire(inside, port);
    writer.writeLine(`results: (${names.join(", ")}) => (${results}),`);
    writeRefresh(inside, port);
  });
  writer.write(";").newLine();
}

/** Where the numbers among the results stand in the object: `.loss`, `.h.left[0]`. */
function numberPaths(port: KernelInterface): readonly (readonly [string, TensorPort])[] {
  const pathsOf = (field: MatrixField, path: string): readonly (readonly [string, TensorPort])[] =>
    "port" in field
      ? [[accessText(path, field.name), field.port]]
      : field.ports.map((each, k) => [`${accessText(path, field.name)}[${k}]`, each]);
  return port.results
    .flatMap((result) => {
      const path = accessText("", result.property);
      return result.kind === "tensor"
        ? [[path, result] as const]
        : result.fields.flatMap((field) => pathsOf(field, path));
    })
    .filter(([, { type }]) => type === "number");
}

/** A parameter that is not read says so by its name, and there is none behind the last that is. */
function parametersOf(
  { scope, around }: Inside,
  ports: readonly TensorPort[],
  isRead: readonly boolean[],
): readonly string[] {
  return ports
    .slice(0, isRead.lastIndexOf(true) + 1)
    .map(({ buffer }, k) => (isRead[k] === true ? around.buffer(buffer) : scope.claim(`_${buffer.name}`)));
}

function writeRequire(inside: Inside, { kernel, inputs }: KernelInterface): void {
  const { writer } = inside;
  const requirements = kernel.requirements.filter(isAboutElements);
  if (requirements.length === 0) return;
  const isChecked = inputs.map(({ buffer }) =>
    requirements.some((requirement) => requirement.kind === "range" && requirement.buffer === buffer),
  );
  const parameters = parametersOf(inside, inputs, isChecked);
  writer.write(`require: (${parameters.join(", ")}) => `).inlineBlock(() => {
    for (const requirement of requirements) writeRequirement(inside, requirement);
  });
  writer.write(",").newLine();
}

function writeRefresh(inside: Inside, port: KernelInterface): void {
  const { scope, around, writer } = inside;
  const paths = numberPaths(port);
  const isNumber = port.outputs.map(({ type }) => type === "number");
  const parameters = parametersOf(inside, port.outputs, isNumber);
  if (parameters.length === 0) return;
  const results = scope.claim("results");
  writer.write(`refresh: (${[results, ...parameters].join(", ")}) => () => `).inlineBlock(() => {
    for (const [path, one] of paths) writer.writeLine(`${results}${path} = ${valueText(around, one)};`);
  });
  writer.write(",").newLine();
}

function inputText(around: Surroundings, port: TensorPort): string {
  const name = around.buffer(port.buffer);
  return port.type === "number" ? `{ cell: ${port.array}.of(${name}) }` : name;
}

/** An output of one number comes as an array of it. */
function valueText(around: Surroundings, port: TensorPort): string {
  const name = around.buffer(port.buffer);
  return port.type === "number" ? `${name}[0] ?? 0` : name;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
