/**
 * A parsed module and the files that it imports → its functions, each checked as a program of its own, so that one run
 * reports the errors of all. Terminates: calls in circles are found first, by one walk over the call graph; then callees
 * are checked before their callers.
 */
import { createArena, type Arena } from "../ir/arena.ts";
import type { Program } from "../ir/types.ts";
import {
  createCollector, diagnostic, type Collector, type Diagnostic, type Result,
} from "../diagnostics/index.ts"; // prettier-ignore
import { functionsOf, visitAll, type FunctionDeclaration, type Module, type Name } from "../syntax/index.ts";
import { checkDerives, type CheckedDerive } from "./derive.ts";
import { compileFunction } from "./program.ts";
import { link, type CheckContext, type LinkedFunction, type LinkedModule } from "./link.ts";
import { preludeSource } from "./prelude.ts";

export interface CheckedFunction {
  readonly name: string;
  readonly doc: string;
  readonly declaration: FunctionDeclaration;
  /** The function as a program, in the caller's arena. */
  readonly program: (ir: Arena) => Result<Program>;
}

export interface CheckedModule {
  /** In the order of the file. */
  readonly functions: ReadonlyMap<string, CheckedFunction>;
  readonly derives: readonly CheckedDerive[];
}

const NO_FILES: CheckContext = { resolve: () => undefined };

export const checkModule = (module: Module, context: CheckContext = NO_FILES): Result<CheckedModule> => {
  const collector = createCollector();
  const linked = link(module, context, collector, functionsOf(preludeSource));
  const broken = new Set<LinkedFunction>();
  const services = { broken: (fn: LinkedFunction) => broken.has(fn) };
  const programs = new Map<LinkedFunction, Program>();
  for (const fn of calleesFirst(linked, broken, collector)) {
    if (broken.has(fn)) continue;
    const result = compileFunction(createArena(), fn, services);
    if (result.ok) programs.set(fn, result.value);
    else broken.add(fn);
    for (const each of result.ok ? result.warnings : result.diagnostics)
      if (each.severity === "error" || linked.own.includes(fn)) collector.report(each);
  }
  const functions = new Map<string, CheckedFunction>();
  for (const fn of linked.own) {
    const { declaration, name } = fn;
    const program = (ir: Arena): Result<Program> => compileFunction(ir, fn, services);
    if (!functions.has(name)) functions.set(name, { name, doc: declaration.doc, declaration, program });
  }
  const known = new Map(linked.own.map((fn) => [fn.name, { fn, program: programs.get(fn) }]));
  const derives = checkDerives(module.derives, known, collector);
  return inOrder(collector.finish({ functions, derives }));
};

/** In the order of the source, file by file, whatever the order of checking. */
const inOrder = <T>(result: Result<T>): Result<T> => {
  const sorted = (list: readonly Diagnostic[]): readonly Diagnostic[] => {
    const files = [...new Set(list.map((each) => each.span.source))];
    return [...list].sort(
      (a, b) => files.indexOf(a.span.source) - files.indexOf(b.span.source) || a.span.start - b.span.start,
    );
  };
  return result.ok
    ? { ...result, warnings: sorted(result.warnings) }
    : { ...result, diagnostics: sorted(result.diagnostics) };
};

// ---- the call graph

interface Call {
  readonly callee: LinkedFunction;
  readonly name: Name;
}

const callsOf = (fn: LinkedFunction): readonly Call[] => {
  const calls: Call[] = [];
  const values = fn.declaration.body.flatMap((statement) =>
    statement.kind === "define" ? [statement.value] : statement.values,
  );
  visitAll(values, (e) => {
    if (e.kind !== "call" && e.kind !== "reduce") return;
    const callee = fn.lookup(e.callee.text);
    if (callee !== undefined) calls.push({ callee, name: e.callee });
  });
  return calls;
};

interface Visit {
  readonly fn: LinkedFunction;
  readonly calls: readonly Call[];
  next: number;
}

/** Functions in an order in which callees come first; those that call themselves are broken. */
const calleesFirst = (
  { all }: LinkedModule,
  broken: Set<LinkedFunction>,
  collector: Collector,
): readonly LinkedFunction[] => {
  const done = new Set<LinkedFunction>();
  const open = new Map<LinkedFunction, number>();
  for (const root of all) {
    const stack: Visit[] = [];
    const enter = (fn: LinkedFunction): void => {
      open.set(fn, stack.length);
      stack.push({ fn, calls: callsOf(fn), next: 0 });
    };
    if (!done.has(root)) enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const call = top.calls[top.next++];
      if (call === undefined) {
        stack.pop();
        open.delete(top.fn);
        done.add(top.fn);
      } else if (open.has(call.callee)) {
        const circle = stack.slice(open.get(call.callee)).map((visit) => visit.fn);
        if (circle.some((fn) => !broken.has(fn))) reportCircle(circle, call, collector);
        for (const fn of circle) broken.add(fn);
      } else if (!done.has(call.callee)) enter(call.callee);
    }
  }
  return [...done];
};

const reportCircle = (circle: readonly LinkedFunction[], call: Call, collector: Collector): void => {
  const names = [...circle, call.callee].map((fn) => fn.name).join(" → ");
  collector.report(diagnostic("GS0208", call.name.span, `\`${call.callee.name}\` calls itself: ${names}`));
};
