/**
 * Diagnostics as text: `error GS0201: …`, the place, the line of source with a caret underline, the hint.
 * What is printed of a line is bounded, whatever its length, and every printed character is visible.
 */
import type { Diagnostic } from "./diagnostic.ts";
import type { Source, Span } from "./source.ts";

/** How the parts of a report are coloured; each function wraps a text. */
export interface Paint {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly location: (text: string) => string;
  readonly caret: (text: string) => string;
  readonly hint: (text: string) => string;
}

const same = (text: string): string => text;
export const plain: Paint = { error: same, warning: same, location: same, caret: same, hint: same };

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** 1-based line and column (in UTF-16 code units, as editors count) of an offset; lines end with LF, CRLF or CR. */
export function positionOf(source: Source, offset: number): Position {
  const breaks = /\r\n|\n|\r/g;
  let line = 1;
  let start = 0;
  for (let found = breaks.exec(source.text); found !== null; found = breaks.exec(source.text)) {
    if (breaks.lastIndex > offset) break;
    line += 1;
    start = breaks.lastIndex;
  }
  return { line, column: offset - start + 1 };
}

export function formatDiagnostics(diagnostics: readonly Diagnostic[], paint: Paint = plain): string {
  return diagnostics.map((each) => formatDiagnostic(each, paint)).join("\n\n");
}

export function formatDiagnostic(diagnostic: Diagnostic, paint: Paint = plain): string {
  const head = paint[diagnostic.severity](`${diagnostic.severity} ${diagnostic.code}:`);
  const related = (diagnostic.related ?? []).flatMap((each) => [
    `  note: ${visible(each.message)}`,
    ...frame(each.span, paint),
  ]);
  const hint = diagnostic.hint === undefined ? [] : [`  ${paint.hint("hint:")} ${visible(diagnostic.hint)}`];
  return [
    `${head} ${visible(diagnostic.message)}`,
    ...frame(diagnostic.span, paint),
    ...related,
    ...hint,
  ].join("\n");
}

/** Columns of source shown at most, and how many of them stand before the caret. */
const width = 96;
const lead = 40;

function frame(span: Span, paint: Paint): string[] {
  const { source } = span;
  const { line, column } = positionOf(source, span.start);
  const place = `  ${paint.location(`--> ${visible(source.name)}:${line}:${column}`)}`;
  if (source.text === "") return [place];
  const lineStart = span.start - column + 1;
  const lineEnd = endOfLine(source.text, span.start);
  const end = Math.max(span.start, Math.min(span.end, lineEnd));
  const from = snap(source.text, Math.max(lineStart, span.start - lead));
  const to = snap(source.text, Math.min(lineEnd, from + width));
  const before = cells(source.text.slice(from, span.start), 0);
  const under = cells(source.text.slice(span.start, Math.min(end, to)), before.columns);
  const after = cells(source.text.slice(Math.min(end, to), to), before.columns + under.columns);
  const opening = from > lineStart ? "…" : "";
  const closing = to < lineEnd ? "…" : "";
  const number = String(line);
  const gutter = " ".repeat(number.length);
  return [
    place,
    ` ${gutter} |`,
    ` ${number} | ${opening}${before.text}${under.text}${after.text}${closing}`,
    ` ${gutter} | ${" ".repeat(opening.length + before.columns)}${paint.caret("^".repeat(Math.max(1, under.columns)))}`,
  ];
}

/** Where the line of `offset` ends; the search stops where nothing more would be printed anyway. */
function endOfLine(text: string, offset: number): number {
  const window = text.slice(offset, offset + 4 * width);
  const found = window.search(/[\r\n]/);
  return found === -1 ? Math.min(text.length, offset + 4 * width) : offset + found;
}

/** An offset that does not cut a surrogate pair in two. */
function snap(text: string, offset: number): number {
  const pair = /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(offset - 1, offset + 1));
  return offset > 0 && pair ? offset - 1 : offset;
}

const tabStop = 4;
const zeroWidth = /^\p{Mn}$/u;
const doubleWidth =
  /^(?:[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation})$/u;

/** A text as printed from a start column on, and the columns it takes: tabs expanded, controls escaped. */
function cells(text: string, start: number): { readonly text: string; readonly columns: number } {
  let printed = "";
  let columns = 0;
  for (const character of text) {
    const shown =
      character === "\t" ? " ".repeat(tabStop - ((start + columns) % tabStop)) : visible(character);
    printed += shown;
    if (zeroWidth.test(character)) continue;
    columns += shown === character && doubleWidth.test(character) ? 2 : shown.length;
    if (shown === character && character.length === 2 && !doubleWidth.test(character)) columns -= 1;
  }
  return { text: printed, columns };
}

/** Controls, format characters (which can reorder a line), line separators and lone surrogates as escapes. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code < 0x10000 ? code.toString(16).padStart(4, "0") : `{${code.toString(16)}}`}`;
  });
}
