import type { Diagnostic } from "../../src/diagnostics/diagnostic.ts";
import { formatDiagnostics } from "../../src/diagnostics/frame.ts";
import type { Expression, Module } from "../../src/syntax/ast.ts";
import { parse } from "../../src/syntax/parse.ts";

export function parsed(text: string): Module {
  const result = parse({ name: "a.grad", text });
  if (!result.ok) throw new Error(formatDiagnostics(result.diagnostics));
  return result.value;
}

/** The value that `fn f(a) { return text }` returns. */
export function parsedExpression(text: string): Expression {
  const statement = parsed(`fn f(a) { return ${text}\n}`).functions[0]?.body[0];
  const value = statement?.kind === "return" ? statement.values[0] : undefined;
  if (value === undefined) throw new Error(`no expression: ${text}`);
  return value;
}

export function problems(text: string): readonly Diagnostic[] {
  const result = parse({ name: "a.grad", text });
  return result.ok ? [] : result.diagnostics;
}

/** `code@text under the caret` of each error. */
export function marked(text: string): string[] {
  return problems(text).map(({ code, span }) => `${code}@${text.slice(span.start, span.end)}`);
}
