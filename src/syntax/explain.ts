/**
 * In: a failed match of one declaration. Out: one diagnostic in words a user knows: ohm's list of expected
 * terminals becomes a few phrases, what stands there instead is named, and a table of common slips gives the hint.
 * Ends because it reads lists of bounded length once.
 */
import type { FailedMatchResult } from "ohm-js";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { diagnostic } from "../diagnostics/diagnostic.ts";
import { visible } from "../diagnostics/frame.ts";
import type { Source, Span } from "../diagnostics/source.ts";
import { isReserved } from "./scan.ts";

/** A method that ohm has and its types lack. */
interface WithFailures {
  getRightmostFailures(): readonly { toString(): string }[];
}

/** The text of a match, where it begins, and what stands behind it in words. */
interface Matched {
  readonly text: string;
  readonly start: number;
  readonly next: string;
}

export function explain(
  source: Source,
  matched: Matched,
  match: FailedMatchResult & Partial<WithFailures>,
): Diagnostic {
  const failures = (match.getRightmostFailures?.() ?? []).map((each) => each.toString());
  const expected = phrases(failures.map((each) => (each === "end of input" ? matched.next : each)));
  const failedAt = match.getRightmostFailurePosition();
  const at = failedAt + leadingBlanks(matched.text.slice(failedAt));
  const end = matched.text.trimEnd().length;
  const found = at < end ? lexemeAt(source.text, matched.start + at) : "";
  const start = matched.start + Math.min(at, end);
  const span: Span = { source, start, end: start + found.length };
  if (expected.includes("a name") && isReserved(found)) return reservedName(span, found);
  const place = found === "" ? matched.next : `"${visible(found)}"`;
  const seen: Seen = { expected, found, before: matched.text.slice(Math.max(0, at - 200), at).trimEnd() };
  const advice = slips.find((slip) => slip.applies(seen))?.advice ?? adviceFor(expected);
  return diagnostic("GS0101", span, `expected ${enumerate(expected)}, but found ${place}`, {
    fill: { advice },
  });
}

function reservedName(span: Span, word: string): Diagnostic {
  return diagnostic("GS0109", span, `"${word}" is a word of the language and cannot be a name`, {
    fill: { other: `${word}_` },
  });
}

function leadingBlanks(text: string): number {
  return text.length - text.trimStart().length;
}

const lexeme = /[A-Za-z0-9_\u0370-\u03ff]+|\?\?|\|\||&&|[<>=!]=|=>|\/\/|\.\.\.|"[^"]*"|[^\s]/y;

export function lexemeAt(text: string, at: number): string {
  lexeme.lastIndex = at;
  const found = lexeme.exec(text)?.[0] ?? "";
  return found.length <= 40 ? found : found.slice(0, 40);
}

/** What can begin an expression, and what can follow an operand. */
const expressionStarts: ReadonlySet<string> = new Set(["a name", "a number", '"("', '"-"', '"+"', '"!"']);
const continuations: ReadonlySet<string> = new Set(["an operator", '"?"', '"["', '"("']);

/** At most four phrases, the most useful first. */
function phrases(expected: readonly string[]): string[] {
  const found = new Set(expected.filter((each) => each !== "a hole"));
  const left = (which: ReadonlySet<string>): string[] => [...found].filter((each) => !which.has(each));
  if (found.has("a number")) return ["an expression", ...left(expressionStarts).sort()].slice(0, 4);
  if (found.has("an operator")) return [...left(continuations).sort(), "an operator"].slice(-4);
  return [...found].sort().slice(0, 4);
}

function enumerate(items: readonly string[]): string {
  if (items.length <= 1) return items[0] ?? "something else";
  return `${items.slice(0, -1).join(", ")} or ${items.at(-1) ?? ""}`;
}

interface Seen {
  readonly expected: readonly string[];
  readonly found: string;
  /** The text before the place, at most 200 characters. */
  readonly before: string;
}

interface Slip {
  readonly applies: (seen: Seen) => boolean;
  readonly advice: string;
}

/** Habits from other languages; the first that applies gives the hint. */
const slips: readonly Slip[] = [
  {
    applies: ({ found, before }) => found === "*" && before.endsWith("*"),
    advice: "a power is written a ^ b",
  },
  { applies: ({ before }) => before === "import", advice: 'write: import { name } from "./file.grad"' },
  { applies: ({ found }) => found === "=>", advice: "write a function as: fn name(x) { return … }" },
  { applies: ({ found }) => found === "&" || found === "|", advice: "write && for and, || for or" },
  {
    applies: ({ found, expected }) => /^[-+*/%^]$/.test(found) && expected.includes('"="'),
    advice: "a definition is made once: give the new value a name of its own",
  },
  {
    applies: ({ found, expected }) => found === "=" && expected.includes("an operator"),
    advice: '"==" compares; "=" only stands in a definition, an option or an argument with a name',
  },
  {
    applies: ({ found, expected }) => found === ";" && expected.includes('"}"'),
    advice: "remove it: statements need no separator",
  },
  {
    applies: ({ expected, before }) =>
      expected.includes('"="') && /(?:^|[^\w.])(?:let|const|var)$/.test(before),
    advice: "a definition has no keyword: name = expression",
  },
  {
    applies: ({ found, before }) => found === "//" || /\/\/[^()[\]]*$/.test(before),
    advice: "inside brackets // is floor division; write /* … */ for a comment",
  },
  { applies: ({ found }) => found === ".", advice: "there are no members: a function is called as f(x)" },
  {
    applies: ({ found, expected }) => found === "{" && expected.includes("an operator"),
    advice: "braces only stand around the body of a function or a derive",
  },
];

const adviceByPhrase: ReadonlyMap<string, string> = new Map([
  ["an expression", "write a number, a name, a call or something in ( )"],
  ["an operator", "write an operator between two values, or close what is open"],
  ["a name", "a name is made of letters, digits and _, and does not begin with a digit"],
  ["a file name in quotes", 'write: import { name } from "./file.grad"'],
  ["from", 'write: import { name } from "./file.grad"'],
  ['"["', "a type is written [N, C], int[N] or [] for a scalar"],
  ['"="', "a definition is written: name = expression"],
  ['"{"', "the body of a function stands in braces: fn f(x) { return x }"],
]);

function adviceFor(expected: readonly string[]): string {
  for (const phrase of expected) {
    const advice = adviceByPhrase.get(phrase);
    if (advice !== undefined) return advice;
  }
  return `write ${enumerate(expected)} here`;
}
