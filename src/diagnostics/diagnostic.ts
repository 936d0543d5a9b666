/** What a pass reports: a code of the table, a place, a sentence, and what the user can do about it. */
import type { Code, CodeEntry, HintHole } from "./codes.ts";
import { codes } from "./codes.ts";
import type { Span } from "./source.ts";

export interface Related {
  readonly span: Span;
  readonly message: string;
}

export interface Diagnostic {
  readonly code: Code;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly span: Span;
  readonly hint?: string;
  readonly related?: readonly Related[];
}

interface Common {
  readonly related?: readonly Related[];
}

/** A hint with holes needs either `fill`, one text per hole, or a `hint` in place of the template. */
export type Details<C extends Code> = [HintHole<C>] extends [never]
  ? Common & { readonly hint?: string }
  : Common & ({ readonly fill: Readonly<Record<HintHole<C>, string>> } | { readonly hint: string });

type DetailsArgument<C extends Code> = [HintHole<C>] extends [never]
  ? [details?: Details<C>]
  : [details: Details<C>];

interface AnyDetails extends Common {
  readonly hint?: string;
  readonly fill?: Readonly<Record<string, string>>;
}

export function diagnostic<C extends Code>(
  code: C,
  span: Span,
  message: string,
  ...[details]: DetailsArgument<C>
): Diagnostic {
  const entry: CodeEntry = codes[code];
  const given: AnyDetails = details ?? {};
  const hint = given.hint ?? fillHoles(entry.hint, new Map(Object.entries(given.fill ?? {})));
  return {
    code,
    severity: entry.severity,
    message,
    span,
    ...(hint === "" ? {} : { hint }),
    ...(given.related === undefined ? {} : { related: given.related }),
  };
}

function fillHoles(template: string, fill: ReadonlyMap<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (hole, name: string) => fill.get(name) ?? hole);
}
