/** How a command ends: in, what it does; out, its exit code, with the message of what stopped it on the error stream. */
import { CodedError } from "../diagnostics/index.ts";
import { CommandError, EXIT, Reported } from "./errors.ts";
import type { Output } from "./output.ts";

/** What `parseArgs` throws for a flag that is not there, one without its value, or a value where none belongs. */
const isParseError = (error: unknown): error is TypeError =>
  error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");

const asCommandError = (error: unknown, help: string): unknown =>
  // what follows is about words that begin with a dash
  isParseError(error)
    ? new CommandError("GS0603", error.message.split(". To specify")[0] ?? "", help)
    : error;

const exitCode = (error: unknown, { err, paint }: Output): number => {
  if (error instanceof Reported) return EXIT.errors;
  if (error instanceof CommandError || error instanceof CodedError) {
    err(`${paint.error(`error ${error.code}:`)} ${error.message}`);
    if (error.hint !== undefined) err(`  ${paint.hint("hint:")} ${error.hint}`);
    return error instanceof CodedError ? EXIT.errors : EXIT.usage;
  }
  err(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  err("this is a defect of gradsmith: please report it with the source file");
  return EXIT.internal;
};

/** `help` says where the flags are explained. */
export const ending = async (
  command: () => Promise<number>,
  help: string,
  output: Output,
): Promise<number> => {
  try {
    return await command();
  } catch (error) {
    return exitCode(asCommandError(error, help), output);
  }
};
