/** How a command ends other than well. */
import { codes, type Code } from "../diagnostics/index.ts";

export const EXIT = { ok: 0, errors: 1, usage: 2, internal: 70 } as const;

/** A problem with how the command was called or with files: a message without a place in a source. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: Code;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, hint?: string) {
    super(message);
    this.code = code;
    const standard = codes[code].hint;
    this.hint = hint ?? (standard.includes("{") ? undefined : standard);
  }
}

/** The diagnostics have been printed: only the exit code is left to say. */
export class Reported extends Error {
  override readonly name = "Reported";
}
