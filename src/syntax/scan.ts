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

/** Brackets and unfinished `? :` inside each other. */
export const nestingLimit = 512;

/**
 * An expression or a run of statements that is longer, or nested deeper, is matched in segments. Ohm keeps
 * some kilobytes for each token of a match, and needs up to 5 kB of stack for each level.
 */
export interface SegmentLimits {
  readonly length: number;
  readonly height: number;
}

export const segmentLimits: SegmentLimits = { length: 256, height: 32 };

/** What stands in a text for a segment cut out of it, of the same length. */
function hole(length: number): string {
  return length === 1 ? "\ue000" : `\ue000${" ".repeat(length - 2)}\ue001`;
}

export interface Segment {
  /** The offset of its first character, which is also that of its hole. */
  readonly start: number;
  readonly text: string;
  readonly rule: "Expr" | "Statements";
  /** The lexeme behind it. */
  readonly next: string;
}

export interface Piece {
  readonly kind: "import" | "fn" | "derive" | "stray";
  readonly start: number;
  /** Comments and white space blanked, segments replaced by holes. */
  readonly text: string;
  /** Inner segments before those that hold their holes. */
  readonly segments: readonly Segment[];
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

/** A place between two lexemes, as an offset and as an index into the parts. */
interface Mark {
  readonly at: number;
  readonly part: number;
  /** Characters of lexemes before it, where a hole counts as one: what is in front of the matcher, and not what was cut out. */
  readonly kept: number;
}

/** What a bracket, or the `?` of a selection, has opened. */
interface Frame {
  readonly open: string;
  readonly at: number;
  readonly holds: "names" | "expressions" | "statements";
  /** Where the current expression began; undefined where none can stand. */
  expression: Mark | undefined;
  /** Where the current run of statements began. */
  statements: Mark;
  /** Levels of nesting inside of the current expression, and of those before it. */
  height: number;
  heightBefore: number;
}

interface OpenPiece {
  readonly kind: Piece["kind"];
  readonly start: number;
  readonly doc: string;
  readonly segments: Segment[];
  readonly trailingComments: Span[];
  problem: Diagnostic | undefined;
}

interface State {
  readonly source: Source;
  readonly limits: SegmentLimits;
  /** Where the next lexeme begins. */
  at: number;
  /** As of a mark here. */
  kept: number;
  /** End of the last lexeme that is not blank, and whether an operand ends there. */
  lastEnd: number;
  lastIsOperand: boolean;
  readonly frames: Frame[];
  /** How often each bracket is open. */
  readonly openCount: Map<string, number>;
  piece: OpenPiece | undefined;
  docs: string[];
  /** The blanked text since the start of the current piece. */
  parts: string[];
  readonly pieces: Piece[];
  readonly problems: Diagnostic[];
}

export function scan(source: Source, limits: SegmentLimits): Scan {
  const state: State = {
    source,
    limits,
    at: 0,
    kept: 0,
    lastEnd: 0,
    lastIsOperand: false,
    frames: [],
    openCount: new Map(),
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
  { pattern: /\?\?|\|\||&&|[<>=!]=|[-+*/%^<>]/y, act: operator },
  { pattern: /\?/y, act: question },
  { pattern: /:/y, act: colon },
  { pattern: /,/y, act: comma },
  { pattern: /;/y, act: semicolon },
  { pattern: /=/y, act: equals },
  { pattern: /[!&|.]/y, act: symbol },
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
function keep(state: State, text: string, endsOperand: boolean): void {
  if (state.piece === undefined) openPiece(state, "stray");
  state.parts.push(text);
  state.at += text.length;
  state.kept += text.length;
  state.lastEnd = state.at;
  state.lastIsOperand = endsOperand;
}

function symbol(state: State, text: string): void {
  keep(state, text, false);
}

// Pieces

function openPiece(state: State, kind: Piece["kind"]): void {
  state.piece = {
    kind,
    start: state.at,
    doc: kind === "fn" ? state.docs.join("\n") : "",
    segments: [],
    trailingComments: [],
    problem: undefined,
  };
  state.docs = [];
  state.parts = [];
}

function closePiece(state: State): void {
  const frame = state.frames.findLast(isBracket);
  if (frame !== undefined) report(state, neverClosed(state, frame, undefined));
  state.frames.length = 0;
  state.openCount.clear();
  if (state.piece !== undefined) {
    state.pieces.push({ ...state.piece, text: state.parts.join("").trimEnd() });
  }
  state.piece = undefined;
}

const reservedWords: ReadonlySet<string> = new Set(["fn", "return", "derive", "import", "from", "int"]);

export function isReserved(text: string): boolean {
  return reservedWords.has(text);
}

function isDeclarationWord(text: string): text is "import" | "fn" | "derive" {
  return text === "import" || text === "fn" || text === "derive";
}

function word(state: State, text: string): void {
  if (isDeclarationWord(text) && beginsDeclaration(state)) {
    closePiece(state);
    openPiece(state, text);
  }
  const frame = state.frames.at(-1);
  const inBody = frame?.holds === "statements";
  if (inBody && (state.lastIsOperand || text === "return")) beginStatement(state, frame, text);
  keep(state, text, !isReserved(text));
  if (inBody && text === "return") beginExpression(state, frame);
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

const wellFormedNumber = /^(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

function numberAdvice(text: string): string {
  const times = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]\w*)$/.exec(text);
  if (times?.[1] !== undefined && times[2] !== undefined && !/^[eExXbBoO]/.test(times[2])) {
    return `write ${times[1]} * ${times[2]}`;
  }
  return "write a number like 1, 0.25 or 1e-5";
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}

// Segments

function mark(state: State): Mark {
  return { at: state.at, part: state.parts.length, kept: state.kept };
}

function beginExpression(state: State, frame: Frame): void {
  leaveExpression(frame);
  frame.expression = mark(state);
}

function leaveExpression(frame: Frame): void {
  frame.expression = undefined;
  frame.heightBefore = Math.max(frame.heightBefore, frame.height);
  frame.height = 0;
}

/**
 * Called where an expression, or the part of one before an operator, is complete; says whether it was cut
 * out. What is too deep is cut even where no operand ends, and fails by itself.
 */
function endExpression(state: State, frame: Frame, next: string): boolean {
  const from = frame.expression;
  if (from === undefined || state.piece?.problem !== undefined) return false;
  const isLong = state.lastIsOperand && state.kept - from.kept > state.limits.length;
  if (!isLong && frame.height < state.limits.height) return false;
  cut(state, from, "Expr", next);
  frame.height = 0;
  return true;
}

/** A word behind an operand: the statement before it is complete. */
function beginStatement(state: State, frame: Frame, next: string): void {
  endExpression(state, frame, next);
  leaveExpression(frame);
  if (state.piece?.problem !== undefined || state.kept - frame.statements.kept <= state.limits.length) return;
  cut(state, frame.statements, "Statements", next);
  frame.statements = mark(state);
}

function cut(state: State, from: Mark, rule: Segment["rule"], next: string): void {
  const cutOut = state.parts.splice(from.part).join("");
  const text = cutOut.trim();
  const blanksBefore = cutOut.length - cutOut.trimStart().length;
  const blanksAfter = cutOut.length - cutOut.trimEnd().length;
  state.piece?.segments.push({ start: from.at + blanksBefore, text, rule, next });
  state.parts.push(" ".repeat(blanksBefore), hole(text.length), " ".repeat(blanksAfter));
  state.kept = from.kept + 1;
}

function operator(state: State, text: string): void {
  const frame = state.frames.at(-1);
  const isCut = frame !== undefined && state.lastIsOperand && endExpression(state, frame, text);
  keep(state, text, false);
  if (isCut) beginExpression(state, frame);
}

function comma(state: State, text: string): void {
  const frame = state.frames.at(-1);
  if (frame !== undefined) endExpression(state, frame, text);
  keep(state, text, false);
  if (frame?.holds === "names") leaveExpression(frame);
  else if (frame !== undefined) beginExpression(state, frame);
}

/** Options follow, with their names first. */
function semicolon(state: State, text: string): void {
  const frame = state.frames.at(-1);
  if (frame !== undefined) endExpression(state, frame, text);
  keep(state, text, false);
  if (frame !== undefined) leaveExpression(frame);
}

function equals(state: State, text: string): void {
  const frame = state.frames.at(-1);
  keep(state, text, false);
  if (frame !== undefined && state.piece?.kind === "fn") beginExpression(state, frame);
}

// Brackets and selections

const closerOf: ReadonlyMap<string, string> = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

function isBracket(frame: Frame): boolean {
  return frame.open !== "?";
}

function open(state: State, text: string): void {
  const at = state.at;
  keep(state, text, false);
  state.openCount.set(text, (state.openCount.get(text) ?? 0) + 1);
  openFrame(state, text, at);
}

function openFrame(state: State, text: string, at: number): void {
  const holds = state.piece?.kind !== "fn" ? "names" : contents(state, text);
  const here = mark(state);
  state.frames.push({
    open: text,
    at,
    holds,
    expression: holds === "expressions" ? here : undefined,
    statements: here,
    height: 0,
    heightBefore: 0,
  });
  if (state.frames.length !== nestingLimit + 1) return;
  const message = `nested more than ${nestingLimit} levels deep`;
  report(state, diagnostic("GS0104", span(state, at, at + 1), message));
}

/** Of a function: its parameters and its body are the outermost brackets. */
function contents(state: State, text: string): Frame["holds"] {
  if (state.frames.length > 0) return "expressions";
  return text === "{" ? "statements" : "names";
}

/** The frame on top is complete. */
function popFrame(state: State): Frame | undefined {
  const frame = state.frames.pop();
  if (frame === undefined) return undefined;
  const parent = state.frames.at(-1);
  if (parent !== undefined) {
    parent.height = Math.max(parent.height, frame.height + 1, frame.heightBefore + 1);
  }
  if (isBracket(frame)) state.openCount.set(frame.open, (state.openCount.get(frame.open) ?? 0) - 1);
  return frame;
}

function close(state: State, text: string): void {
  const at = state.at;
  const top = state.frames.at(-1);
  if (top !== undefined) endExpression(state, top, text);
  keep(state, text, text !== "}");
  const partner = openerOf.get(text) ?? "";
  if ((state.openCount.get(partner) ?? 0) === 0) {
    const message = `"${text}" closes nothing`;
    report(state, diagnostic("GS0103", span(state, at, at + 1), message, { fill: { close: text } }));
    return;
  }
  const inner = state.frames.findLast(isBracket);
  if (inner !== undefined && inner.open !== partner) report(state, neverClosed(state, inner, at));
  while (popFrame(state)?.open !== partner);
  if (state.frames.length === 0 && text === "}" && state.piece?.kind !== "import") closePiece(state);
}

const openerOf: ReadonlyMap<string, string> = new Map(
  [...closerOf].map(([opener, closer]) => [closer, opener]),
);

function neverClosed(state: State, frame: Frame, foundAt: number | undefined): Diagnostic {
  const fill = { close: closerOf.get(frame.open) ?? "" };
  const message = `"${frame.open}" is never closed`;
  const at = span(state, frame.at, frame.at + 1);
  if (foundAt === undefined) return diagnostic("GS0102", at, message, { fill });
  const found = span(state, foundAt, foundAt + 1);
  const note = `"${state.source.text.charAt(foundAt)}" found here instead`;
  return diagnostic("GS0102", at, message, { fill, related: [{ span: found, message: note }] });
}

/** Past the limit nothing is matched any more, and only brackets are kept in mind. */
function question(state: State, text: string): void {
  const at = state.at;
  keep(state, text, false);
  const top = state.frames.at(-1);
  if (top?.expression === undefined || state.frames.length > nestingLimit) return;
  openFrame(state, text, at);
}

/** Ends the middle of a selection, or stands before a type. */
function colon(state: State, text: string): void {
  const frame = state.frames.at(-1);
  if (frame?.open === "?") {
    endExpression(state, frame, text);
    popFrame(state);
  } else if (frame !== undefined) {
    leaveExpression(frame);
  }
  keep(state, text, false);
}

// Comments, texts and foreign characters

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
  if (isInside(state, "(") || isInside(state, "[")) {
    operator(state, "//");
    return;
  }
  const { text } = state.source;
  const start = state.at;
  const end = endOfLine(text, start);
  if (state.frames.length === 0) addDoc(state, text.slice(start, end));
  if (isInside(state, "{") && state.lastIsOperand && !isFirstOnLine(state)) {
    state.piece?.trailingComments.push(span(state, start, end));
  }
  comment(state, end);
}

function isInside(state: State, bracket: string): boolean {
  return (state.openCount.get(bracket) ?? 0) > 0;
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

function comment(state: State, end: number): void {
  const text = state.source.text.slice(state.at, end);
  rejectUnprintable(state, text);
  blank(state, text);
}

function quoted(state: State, text: string): void {
  const start = state.at;
  rejectUnprintable(state, text);
  keep(state, text, false);
  if (text.length === 1 || !text.endsWith('"')) {
    report(state, diagnostic("GS0106", span(state, start, start + 1), "this text is never closed"));
  }
}

/** Controls, direction marks (which show a text in another order than it has) and lone surrogates. */
const unprintable = /[\0-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]|\p{Cs}/u;

function rejectUnprintable(state: State, text: string): void {
  const found = unprintable.exec(text);
  if (found !== null) reportForeign(state, state.at + found.index, found[0]);
}

function foreign(state: State, text: string): void {
  const start = state.at;
  keep(state, text, false);
  reportForeign(state, start, text);
}

function reportForeign(state: State, start: number, text: string): void {
  const [character = ""] = text;
  const at = span(state, start, start + text.length);
  const message = `the character "${visible(character)}" is not part of the language`;
  const advice = foreignAdvice.get(character);
  report(state, diagnostic("GS0107", at, message, advice === undefined ? {} : { hint: advice }));
}

const foreignAdvice: ReadonlyMap<string, string> = new Map([
  ["'", "file names stand between double quotes"],
  ["`", "file names stand between double quotes"],
  ["#", "comments begin with //"],
]);
