/**
 * A module and the files that it imports → every function with what its names mean: own functions and imports first,
 * then the prelude. Terminates: each file is read once, and a file that is being read already is a circle.
 */
import { diagnostic, type Collector, type Source } from "../diagnostics/index.ts";
import type { FunctionDeclaration, Import, Module } from "../syntax/ast.ts";
import { parse } from "../syntax/index.ts";
import { elementwise, reducers } from "./builtins.ts";
import { wholeOptions, type WholeOptions } from "./options.ts";
import { similar } from "./suggest.ts";

export interface CheckContext {
  /** The file that an import names, as seen from the file `from`; undefined where there is none. */
  readonly resolve: (path: string, from: string) => Source | undefined;
}

export interface LinkedFunction {
  readonly name: string;
  readonly id: number;
  readonly declaration: FunctionDeclaration;
  /** The function that a name means in this one's file. */
  readonly lookup: (name: string) => LinkedFunction | undefined;
  /** All names that `lookup` knows. */
  readonly known: () => readonly string[];
  readonly wholeOptions: () => WholeOptions;
}

export interface LinkedModule {
  readonly own: readonly LinkedFunction[];
  /** Functions of this file and of all that it imports; the prelude's are not among them. */
  readonly all: readonly LinkedFunction[];
  readonly lookup: (name: string) => LinkedFunction | undefined;
}

interface Linker {
  readonly collector: Collector;
  readonly context: CheckContext;
  readonly files: Map<string, LinkedModule>;
  readonly open: string[];
  readonly functions: LinkedFunction[];
  readonly prelude: Library;
}

/** The prelude: most files use few of its functions, so that each is parsed when its name is first looked up. */
interface Library {
  readonly names: readonly string[];
  readonly get: (name: string) => LinkedFunction | undefined;
}

const NO_LIBRARY: Library = { names: [], get: () => undefined };

const libraryOf = (declarations: ReadonlyMap<string, () => FunctionDeclaration>): Library => {
  const names = [...declarations.keys()];
  const linked = new Map<string, LinkedFunction>();
  const get = (name: string): LinkedFunction | undefined => {
    const known = linked.get(name);
    const declaration = known === undefined ? declarations.get(name)?.() : undefined;
    if (declaration === undefined) return known;
    const fn = linkFunction(declaration, names.indexOf(name), get, () => names, NO_LIBRARY);
    linked.set(name, fn);
    return fn;
  };
  return { names, get };
};

export const link = (
  module: Module,
  context: CheckContext,
  collector: Collector,
  prelude: ReadonlyMap<string, () => FunctionDeclaration>,
): LinkedModule =>
  linkFile(module, {
    collector,
    context,
    files: new Map(),
    open: [],
    functions: [],
    prelude: libraryOf(prelude),
  });

const linkFile = (module: Module, linker: Linker): LinkedModule => {
  const names = new Map<string, LinkedFunction>();
  linker.open.push(module.span.source.name);
  for (const each of module.imports) linkImport(each, names, linker);
  linker.open.pop();
  const lookup = (name: string): LinkedFunction | undefined => names.get(name) ?? linker.prelude.get(name);
  const known = (): readonly string[] => [...names.keys(), ...linker.prelude.names];
  const own: LinkedFunction[] = [];
  for (const declaration of module.functions) {
    const id = linker.prelude.names.length + linker.functions.length;
    const fn = linkFunction(declaration, id, lookup, known, linker.prelude);
    const other = names.get(fn.name);
    if (other !== undefined) {
      linker.collector.report(
        diagnostic("GS0203", declaration.name.span, `function \`${fn.name}\` is defined twice`, {
          related: [{ span: other.declaration.name.span, message: "the first definition" }],
        }),
      );
    } else names.set(fn.name, fn);
    own.push(fn);
    linker.functions.push(fn);
  }
  return { own, all: [...linker.functions], lookup };
};

const NO_OPTIONS: WholeOptions = new Map();

/** As a function cannot call itself, its own name in its body is the language's function of that name, if there is one. */
const linkFunction = (
  declaration: FunctionDeclaration,
  id: number,
  lookupInFile: LinkedFunction["lookup"],
  known: LinkedFunction["known"],
  prelude: Library,
): LinkedFunction => {
  const own = declaration.name.text;
  const isPrimitive = elementwise.has(own) || reducers.has(own);
  const lookup = (name: string): LinkedFunction | undefined => {
    if (name !== own) return lookupInFile(name);
    return prelude.get(own) ?? (isPrimitive ? undefined : lookupInFile(own));
  };
  let options: WholeOptions | undefined;
  const callee = (name: string): WholeOptions => lookup(name)?.wholeOptions() ?? NO_OPTIONS;
  return {
    name: own,
    id,
    declaration,
    lookup,
    known,
    wholeOptions: () => {
      if (options === undefined) {
        // calls in a circle, reported elsewhere, find nothing here
        options = NO_OPTIONS;
        options = wholeOptions(declaration, callee);
      }
      return options;
    },
  };
};

const linkImport = (each: Import, names: Map<string, LinkedFunction>, linker: Linker): void => {
  const imported = importedModule(each, linker);
  for (const name of each.names) {
    const other = names.get(name.text);
    if (other !== undefined)
      linker.collector.report(
        diagnostic("GS0203", name.span, `\`${name.text}\` is imported twice`, {
          related: [{ span: other.declaration.name.span, message: "the first one is this function" }],
        }),
      );
    if (imported === undefined) continue;
    const fn = imported.own.find((own) => own.name === name.text);
    if (fn === undefined) reportMissing(name, each, imported, linker);
    else if (other === undefined) names.set(name.text, fn);
  }
};

const reportMissing = (
  name: Import["names"][number],
  each: Import,
  imported: LinkedModule,
  { collector }: Linker,
): void => {
  const available = imported.own.map((fn) => fn.name);
  const near = similar(name.text, available);
  const advice =
    near !== undefined
      ? `did you mean ${near}?`
      : available.length > 0
        ? `it has: ${available.slice(0, 8).join(", ")}`
        : "the file has no functions";
  collector.report(
    diagnostic("GS0206", name.span, `"${each.path}" has no function \`${name.text}\``, { fill: { advice } }),
  );
};

const importedModule = (each: Import, linker: Linker): LinkedModule | undefined => {
  const { collector, context, files, open } = linker;
  const source = context.resolve(each.path, each.span.source.name);
  if (source === undefined) {
    collector.report(
      diagnostic("GS0206", each.pathSpan, `there is no file "${each.path}"`, {
        fill: { advice: "write the path from the importing file, for example ./losses.grad" },
      }),
    );
    return undefined;
  }
  const from = open.indexOf(source.name);
  if (from >= 0) {
    const circle = [...open.slice(from), source.name].join(" → ");
    collector.report(diagnostic("GS0207", each.pathSpan, `imports form a circle: ${circle}`));
    return undefined;
  }
  const known = files.get(source.name);
  if (known !== undefined) return known;
  const module = collector.take(parse(source));
  if (module === undefined) return undefined;
  const linked = linkFile(module, linker);
  files.set(source.name, linked);
  return linked;
};
