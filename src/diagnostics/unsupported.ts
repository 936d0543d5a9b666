/** What a program asks for and no pass can do, found where there is no place in a source to point at. */
import { codes, type Code } from "./codes.ts";

export class Unsupported extends Error {
  override readonly name = "Unsupported";
  readonly code: Code;
  readonly hint: string;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
    this.hint = codes[code].hint;
  }
}
