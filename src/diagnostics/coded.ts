/** An error of a pass that has no place in a source to point at. */
import { codes, type Code } from "./codes.ts";

export class CodedError extends Error {
  override readonly name = "CodedError";
  readonly code: Code;
  readonly hint: string;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
    this.hint = codes[code].hint;
  }
}
