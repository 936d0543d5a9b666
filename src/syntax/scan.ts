/**
 * In: a source text. Out: its declarations, with comments and white space blanked (same length, so that
 * offsets stay valid), doc comments, and the errors that only a look at the whole text can place well:
 * brackets, comments and texts never closed, foreign characters, nesting.
 * Ends because every lexeme takes at least one character.
 */
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { diagnostic } from "../diagnostics/diagnostic.ts";
import { visible } from "../diagnostics/frame.ts";
import type { Source, Span } from "../diagnostics/source.ts";

/** Brackets and unfinished `? :` inside each other; ohm's recursion uses under half of a 1 MB stack at this depth. */
export const nestingLimit = 128;

export interface Piece {
  readonly kind: "import" | "fn" | "derive" | "stray";
  readonly start: number;
  readonly end: number;
  /** The text of the piece with comments and white space blanked. */
  readonly text: string;
  readonly doc: string;
  readonly problem: Diagnostic | undefined;
  /** Comments that stand behind an operand on the same line of a function body. */
  readonly trailingComments: readonly Span[];
}

export interface Scan {
  readonly pieces: readonly Piece[];
  /** Errors outside of every piece. */
  readonly problems: readonly Diagnostic[];
}

interface Frame {
  readonly open: string;
  readonly at: number;
  /** `?` still without their `:`. */
  choices: number;
}

interface OpenPiece {
  readonly kind: Piece["kind"];
  readonly start: number;
  readonly doc: string;
  readonly trailingComments: Span[];
  problem: Diagnostic | undefined;
}

interface State {
  readonly source: Source;
  /** Where the next lexeme begins. */
  at: number;
  /** End of the last lexeme that is not blank, and whether an operand ends there. */
  lastEnd: number;
  lastIsOperand: boolean;
  readonly frames: Frame[];
  /** Brackets and choices that are open. */
  depth: number;
  piece: OpenPiece | undefined;
  docs: string[];
  /** The blanked text since the start of the current piece, in parts. */
  parts: string[];
  readonly pieces: Piece[];
  readonly problems: Diagnostic[];
}

export function scan(source: Source): Scan {
  const state: State = {
    source,
    at: 0,
    lastEnd: 0,
    lastIsOperand: false,
    frames: [],
    depth: 0,
    piece: undefined,
    docs: [],
    parts: [],
    pieces: [],
    problems: [],
  };
  while (state.at < source.text.length) step(state);
  closePiece(state);
  return { pieces: state.pieces, problems: state.problems };
}

interface Lexeme {
  readonly pattern: RegExp;
  readonly act: (state: State, text: string) => void;
}

const wordCharacter = "A-Za-z0-9_\\u0370-\\u03ff";

/** The first that matches wins; the last matches anything. */
const lexemes: readonly Lexeme[] = [
  { pattern: /[\s\ufeff]+/y, act: blank },
  { pattern: new RegExp(`[A-Za-z_\\u0370-\\u03ff][${wordCharacter}]*`, "y"), act: word },
  { pattern: new RegExp(`\\.?[0-9](?:[eE][+-](?=[0-9])|[.${wordCharacter}])*`, "y"), act: number },
  { pattern: /\/\*/y, act: blockComment },
  { pattern: /\/\//y, act: doubleSlash },
  { pattern: /"[^"\r\n]*"?/y, act: quoted },
  { pattern: /[([{]/y, act: open },
  { pattern: /[)\]}]/y, act: close },
  { pattern: /\?\?/y, act: symbol },
  { pattern: /[?:]/y, act: choice },
  { pattern: /[,;=<>+\-*/%^!&|.]/y, act: symbol },
  { pattern: new RegExp(`[^\\s${wordCharacter}"()[\\]{}?:,;=<>+\\-*/%^!&|.]+`, "y"), act: foreign },
];

function step(state: State): void {
  for (const { pattern, act } of lexemes) {
    pattern.lastIndex = state.at;
    const text = pattern.exec(state.source.text)?.[0];
    if (text !== undefined) {
      act(state, text);
      return;
    }
  }
}

function span(state: State, start: number, end: number): Span {
  return { source: state.source, start, end };
}

/** One error for each piece: what follows it is likely to be a consequence. */
function report(state: State, problem: Diagnostic): void {
  if (state.piece === undefined) state.problems.push(problem);
  else state.piece.problem ??= problem;
}

function blank(state: State, text: string): void {
  state.parts.push(" ".repeat(text.length));
  state.at += text.length;
}

/** A lexeme that stays as it is. */
function keep(state: State, text: string, isOperand: boolean): void {
  if (state.piece === undefined) openPiece(state, "stray");
  state.parts.push(text);
  state.at += text.length;
  state.lastEnd = state.at;
  state.lastIsOperand = isOperand;
}

function openPiece(state: State, kind: Piece["kind"]): void {
  state.piece = {
    kind,
    start: state.at,
    doc: kind === "fn" ? state.docs.join("\n") : "",
    trailingComments: [],
    problem: undefined,
  };
  state.docs = [];
  state.parts = [];
}

function closePiece(state: State): void {
  const frame = state.frames.at(-1);
  if (frame !== undefined) report(state, neverClosed(state, frame, undefined));
  state.frames.length = 0;
  state.depth = 0;
  if (state.piece !== undefined) {
    state.pieces.push({ ...state.piece, end: state.lastEnd, text: state.parts.join("").trimEnd() });
  }
  state.piece = undefined;
}

function isDeclarationWord(text: string): text is "import" | "fn" | "derive" {
  return text === "import" || text === "fn" || text === "derive";
}

function word(state: State, text: string): void {
  if (isDeclarationWord(text) && beginsDeclaration(state)) {
    closePiece(state);
    openPiece(state, text);
  }
  keep(state, text, true);
}

/** Inside of brackets only at the start of a line, where a bracket was probably forgotten; `fn fn` is one piece. */
function beginsDeclaration(state: State): boolean {
  if (isFirstOnLine(state)) return true;
  const isNameOfPiece =
    state.piece !== undefined && state.lastEnd === state.piece.start + state.piece.kind.length;
  return state.frames.length === 0 && !isNameOfPiece;
}

function isFirstOnLine(state: State): boolean {
  return state.lastEnd === 0 || /[\r\n]/.test(state.source.text.slice(state.lastEnd, state.at));
}

const wellFormedNumber = /^(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

function number(state: State, text: string): void {
  const start = state.at;
  keep(state, text, true);
  if (wellFormedNumber.test(text)) return;
  report(
    state,
    diagnostic("GS0111", span(state, start, state.at), `"${shorten(text)}" is not a number`, {
      hint: numberAdvice(text),
    }),
  );
}

function numberAdvice(text: string): string {
  const times = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z_]\w*)$/.exec(text);
  if (times?.[1] !== undefined && times[2] !== undefined && !/^[eExXbBoO_]/.test(times[2])) {
    return `write ${times[1]} * ${times[2]}`;
  }
  return "write a number like 1, 0.25 or 1e-5";
}

function blockComment(state: State): void {
  const { text } = state.source;
  const close = text.indexOf("*/", state.at + 2);
  const end = close === -1 ? text.length : close + 2;
  if (close === -1) {
    report(state, diagnostic("GS0105", span(state, state.at, state.at + 2), "this comment is never closed"));
  }
  comment(state, end);
}

/** Floor division inside ( ) and [ ], elsewhere a comment up to the end of the line. */
function doubleSlash(state: State): void {
  const frame = state.frames.at(-1);
  if (frame !== undefined && frame.open !== "{") {
    keep(state, "//", false);
    return;
  }
  const { text } = state.source;
  const start = state.at;
  const end = endOfLine(text, start);
  if (state.frames.length === 0) addDoc(state, text.slice(start, end));
  if (frame !== undefined && state.lastIsOperand && !isFirstOnLine(state)) {
    state.piece?.trailingComments.push(span(state, start, end));
  }
  comment(state, end);
}

function addDoc(state: State, line: string): void {
  const doc = /^\/\/\/(?!\/) ?(.*)$/su.exec(line)?.[1];
  if (doc !== undefined) state.docs.push(doc.trimEnd());
}

function endOfLine(text: string, from: number): number {
  const newline = /[\r\n]/g;
  newline.lastIndex = from;
  return newline.exec(text)?.index ?? text.length;
}

/** Controls, direction marks (which show a text in another order than it has) and lone surrogates. */
const unprintable = /[\0-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]|\p{Cs}/u;

function comment(state: State, end: number): void {
  const text = state.source.text.slice(state.at, end);
  rejectUnprintable(state, text);
  blank(state, text);
}

function rejectUnprintable(state: State, text: string): void {
  const found = unprintable.exec(text);
  if (found !== null) reportForeign(state, state.at + found.index, found[0]);
}

function reportForeign(state: State, start: number, text: string): void {
  const [character = ""] = text;
  report(
    state,
    diagnostic(
      "GS0107",
      span(state, start, start + text.length),
      `the character "${visible(character)}" is not part of the language`,
      foreignAdvice(character),
    ),
  );
}

function foreignAdvice(character: string): { readonly hint?: string } {
  if (character === "'" || character === "`") return { hint: "file names stand between double quotes" };
  if (character === "#") return { hint: "comments begin with //" };
  return {};
}

function foreign(state: State, text: string): void {
  const start = state.at;
  keep(state, text, false);
  reportForeign(state, start, text);
}

function quoted(state: State, text: string): void {
  const start = state.at;
  rejectUnprintable(state, text);
  keep(state, text, false);
  if (text.length === 1 || !text.endsWith('"')) {
    report(state, diagnostic("GS0106", span(state, start, start + 1), "this text is never closed"));
  }
}

function symbol(state: State, text: string): void {
  keep(state, text, false);
}

const closerOf: ReadonlyMap<string, string> = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

function deepen(state: State): void {
  state.depth += 1;
  if (state.depth !== nestingLimit + 1) return;
  report(
    state,
    diagnostic("GS0104", span(state, state.at - 1, state.at), `nested more than ${nestingLimit} levels deep`),
  );
}

function open(state: State, text: string): void {
  const at = state.at;
  keep(state, text, false);
  state.frames.push({ open: text, at, choices: 0 });
  deepen(state);
}

function close(state: State, text: string): void {
  const at = state.at;
  keep(state, text, text !== "}");
  const partner = state.frames.findLastIndex((frame) => closerOf.get(frame.open) === text);
  if (partner === -1) {
    report(
      state,
      diagnostic("GS0103", span(state, at, at + 1), `"${text}" closes nothing`, { fill: { close: text } }),
    );
    return;
  }
  const inner = state.frames.at(-1);
  if (inner !== undefined && partner < state.frames.length - 1) {
    report(state, neverClosed(state, inner, at));
  }
  for (const frame of state.frames.splice(partner)) state.depth -= 1 + frame.choices;
  if (state.frames.length === 0 && text === "}" && state.piece?.kind !== "import") closePiece(state);
}

function neverClosed(state: State, frame: Frame, foundAt: number | undefined): Diagnostic {
  const found = foundAt === undefined ? "" : state.source.text.charAt(foundAt);
  return diagnostic("GS0102", span(state, frame.at, frame.at + 1), `"${frame.open}" is never closed`, {
    fill: { close: closerOf.get(frame.open) ?? "" },
    ...(foundAt === undefined
      ? {}
      : { related: [{ span: span(state, foundAt, foundAt + 1), message: `"${found}" found here instead` }] }),
  });
}

function choice(state: State, text: string): void {
  keep(state, text, false);
  const frame = state.frames.at(-1);
  if (frame === undefined) return;
  if (text === "?") {
    frame.choices += 1;
    deepen(state);
  } else if (frame.choices > 0) {
    frame.choices -= 1;
    state.depth -= 1;
  }
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
