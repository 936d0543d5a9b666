/**
 * In: a function and the comments that stand behind an operand on its lines. Out: an error for each comment
 * that could be the rest of a floor division, `y = a // b`, whose loss nobody would see.
 * Ends because a comment is read once.
 */
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { diagnostic } from "../diagnostics/diagnostic.ts";
import type { Span } from "../diagnostics/source.ts";
import type { Expression, FunctionDeclaration } from "./ast.ts";
import { binderParts, dimParts, visitAll } from "./walk.ts";

export function ambiguousComments(
  declaration: FunctionDeclaration,
  comments: readonly Span[],
  isExpression: (text: string) => boolean,
): Diagnostic[] {
  if (comments.length === 0) return [];
  const names = declaredNames(declaration);
  return comments
    .filter((span) => {
      const [text = ""] = span.source.text.slice(span.start + 2, span.end).split(/\/\/|\/\*/);
      return usesOnly(text, names) && isExpression(text);
    })
    .map((span) => diagnostic("GS0108", span, "this comment could be the rest of a floor division"));
}

const word = /[A-Za-z_\u0370-\u03ff][A-Za-z0-9_\u0370-\u03ff]*/g;

/** A quick look before the text is parsed; exponents of numbers are no names. */
function usesOnly(text: string, names: ReadonlySet<string>): boolean {
  if (/^[/\s]*$/.test(text)) return false;
  const words = text.replace(/(?<![A-Za-z_])[0-9.]+[eE][+-]?[0-9]+/g, "0").match(word) ?? [];
  return words.every((each) => names.has(each));
}

/** Parameters, options, dimensions, definitions and their indices. */
function declaredNames({ params, options, body }: FunctionDeclaration): ReadonlySet<string> {
  const names = new Set([...params, ...options].map((each) => each.name.text));
  const addAll = (expressions: readonly Expression[]): void => {
    visitAll(expressions, (each) => {
      if (each.kind === "name") names.add(each.text);
    });
  };
  for (const param of params) addAll((param.type?.dims ?? []).flatMap(dimParts));
  for (const statement of body) {
    if (statement.kind === "return") continue;
    names.add(statement.name.text);
    for (const binder of statement.binders ?? []) {
      if (binder.kind === "index") names.add(binder.name.text);
      addAll(binderParts(binder));
    }
  }
  return names;
}
