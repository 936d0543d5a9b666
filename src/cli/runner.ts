/**
 * The commands of this repository (`npm run NAME`), with flags, help, messages and exit codes as the command line has them.
 * In: what a command takes and does; out: the exit code. Nothing is done before the flags are known to be right.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { ending } from "./ending.ts";
import { CommandError, EXIT } from "./errors.ts";
import { TERMINAL, type Output } from "./output.ts";

type Flags = NonNullable<ParseArgsConfig["options"]>;

type Values<F extends Flags> = ReturnType<
  typeof parseArgs<{ args: string[]; options: F; allowPositionals: true }>
>["values"];

export interface Runner<F extends Flags> {
  readonly name: string;
  /** What follows its name. */
  readonly args?: string;
  readonly about: string;
  readonly flags: F;
  /** A line for each flag. */
  readonly explained?: readonly string[];
  /** Whether words are files to work on. */
  readonly files: "one or more" | "none";
  readonly main: (values: Values<F>, files: readonly string[]) => Promise<number>;
}

const HELP = { help: { type: "boolean", short: "h" } } as const;

const helpOf = <F extends Flags>({ name, args = "", about, explained = [] }: Runner<F>): string =>
  [
    `${about}.`,
    `\nUsage:\n  npm run ${name}${args === "" ? "" : ` -- ${args}`}`,
    ...(explained.length === 0 ? [] : [`\nFlags:\n${explained.map((line) => `  ${line}`).join("\n")}`]),
  ].join("\n");

export const runWith = <F extends Flags>(
  runner: Runner<F>,
  args: readonly string[],
  output: Output,
): Promise<number> => {
  const see = `npm run ${runner.name} -- --help`;
  const command = async (): Promise<number> => {
    const { values, positionals } = parseArgs({ args: [...args], options: { ...runner.flags, ...HELP }, allowPositionals: true }); // prettier-ignore
    if ("help" in values && values.help === true) {
      output.out(helpOf(runner));
      return EXIT.ok;
    }
    const [extra] = positionals;
    if (runner.files === "none" && extra !== undefined)
      throw new CommandError("GS0603", `${runner.name} takes no files, and ${extra} is given`, see);
    if (runner.files !== "none" && extra === undefined)
      throw new CommandError("GS0603", `${runner.name}: no file is given`, `npm run ${runner.name} -- ${runner.args ?? "FILE…"}`); // prettier-ignore
    return runner.main(values, positionals);
  };
  return ending(command, `see ${see}`, output);
};

/** As the whole of a process. */
export const runMain = async <F extends Flags>(runner: Runner<F>): Promise<void> => {
  process.exitCode = await runWith(runner, process.argv.slice(2), TERMINAL);
};
