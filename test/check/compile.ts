/** Source text → checked programs and errors, for specs. */
import { checkModule, type CheckContext, type CheckedModule } from "../../src/check/index.ts";
import { fail, type Diagnostic, type Result } from "../../src/diagnostics/index.ts";
import { createArena, type Arena } from "../../src/ir/arena.ts";
import type { Program } from "../../src/ir/types.ts";
import { verify } from "../../src/ir/verify.ts";
import { parse } from "../../src/syntax/index.ts";
import { dump } from "./dump.ts";

export const check = (text: string, context?: CheckContext): Result<CheckedModule> => {
  const parsed = parse({ name: "test.grad", text });
  return parsed.ok ? checkModule(parsed.value, context) : fail(parsed.diagnostics);
};

const messages = (list: readonly Diagnostic[]): string =>
  list.map((each) => `${each.code}: ${each.message}`).join("\n");

/** The program of a function, verified; the last function of the text if none is named. */
export const programOf = (
  text: string,
  name?: string,
  context?: CheckContext,
  ir: Arena = createArena(),
): Program => {
  const checked = check(text, context);
  if (!checked.ok) throw new Error(messages(checked.diagnostics));
  const { functions } = checked.value;
  const fn = name === undefined ? [...functions.values()].at(-1) : functions.get(name);
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error("no program");
  verify(program.value);
  return program.value;
};

export const dumpOf = (text: string, name?: string, context?: CheckContext): readonly string[] =>
  dump(programOf(text, name, context)).split("\n");

export const errorsOf = (text: string, context?: CheckContext): readonly Diagnostic[] => {
  const checked = check(text, context);
  return checked.ok ? [] : checked.diagnostics.filter((each) => each.severity === "error");
};

export const warningsOf = (text: string): readonly Diagnostic[] => {
  const checked = check(text);
  if (!checked.ok) throw new Error(messages(checked.diagnostics));
  return checked.warnings;
};

/** The text that a diagnostic points at. */
export const pointedAt = ({ span }: Diagnostic): string => span.source.text.slice(span.start, span.end);
