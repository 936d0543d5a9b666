#!/usr/bin/env node
/** The command line. */
import { cac } from "cac";
import { build, TARGETS, type Target } from "./build.ts";
import { check } from "./check.ts";
import { settings, type Fixed } from "./compile.ts";
import { derive, deriveSteps, dump, STAGES, type DeriveOptions, type Stage } from "./derive.ts";
import { CommandError, EXIT, Reported } from "./errors.ts";
import { TERMINAL } from "./output.ts";

const VERSION = "0.1.0";

type Repeated = string | readonly string[] | undefined;

interface Flags {
  readonly dim?: Repeated;
  readonly option?: Repeated;
}

const fixedBy = (flags: Flags): Fixed => ({
  dims: settings("--dim", flags.dim),
  options: settings("--option", flags.option),
});

/** One of the words that a flag may have. */
const oneOf = <T extends string>(flag: string, words: readonly T[], given: string): T => {
  const word = words.find((each) => each === given);
  if (word === undefined)
    throw new CommandError("GS0603", `${flag} cannot be ${given}`, `one of: ${words.join(", ")}`);
  return word;
};

const list = (given: Repeated): readonly string[] => [given ?? []].flat().flatMap((text) => text.split(","));

interface DeriveFlags extends Flags {
  readonly wrt?: Repeated;
  readonly format: string;
  readonly steps?: true;
  readonly dump?: string;
}

const runDerive = async (file: string, fn: string, flags: DeriveFlags): Promise<void> => {
  const format = oneOf("--format", ["text", "latex"], flags.format);
  const options: DeriveOptions = { file, fn, wrt: list(flags.wrt), fixed: fixedBy(flags), format };
  if (flags.dump !== undefined) await dump(oneOf<Stage>("--dump", STAGES, flags.dump), options, TERMINAL);
  else (flags.steps === true ? deriveSteps : derive)(options, TERMINAL);
};

interface BuildFlags extends Flags {
  readonly out: string;
  readonly target: Repeated;
  readonly dtype: string;
}

const runBuild = (files: readonly string[], flags: BuildFlags): Promise<void> =>
  build(
    {
      files,
      folder: flags.out,
      targets: list(flags.target).map((target) => oneOf<Target>("--target", TARGETS, target)),
      dtype: oneOf("--dtype", ["f32", "f64"], flags.dtype),
      fixed: fixedBy(flags),
    },
    TERMINAL,
  );

const FIXING = [
  ["--dim <name=n>", "Fix an extent, so that loops are unrolled and folded (may repeat)"],
  ["--option <name=x>", "Fix an option at build time (may repeat)"],
] as const;

const createCommands = (): ReturnType<typeof cac> => {
  const cli = cac("gradsmith");
  const deriveCommand = cli
    .command("derive <file> <fn>", "Print the formulas of a function and of its derivative")
    .option("--wrt <names>", "Inputs to differentiate by, with commas between (default: all float inputs)")
    .option("--format <format>", "text or latex", { default: "text" })
    .option("--steps", "Print the way there: each stage, and each rule that was used")
    .option("--dump <stage>", `Print one stage and stop: ${STAGES.join(", ")}`)
    .example("gradsmith derive examples/losses.grad focal_loss --wrt logits")
    .example("gradsmith derive examples/losses.grad focal_loss --format latex")
    .example("gradsmith derive examples/losses.grad huber_log_cosh --dump loops");
  const buildCommand = cli
    .command(
      "build <...files>",
      "Write kernel modules: what `derive` blocks ask for, or value and derivative of all",
    )
    .option("--out <folder>", "Where to write", { default: "." })
    .option("--target <names>", `${TARGETS.join(", ")}, with commas between`, { default: "ts,wasm" })
    .option("--dtype <dtype>", "f32 or f64", { default: "f32" })
    .example("gradsmith build examples/losses.grad --out generated")
    .example("gradsmith build examples/network.grad --out generated --dim D=64 --dim H=32 --dim C=10");
  const checkCommand = cli
    .command("check <...files>", "Compare derivatives with numerical ones, and all back ends with each other")
    .example("gradsmith check examples/losses.grad");
  for (const command of [deriveCommand, buildCommand, checkCommand]) {
    for (const [flag, description] of FIXING) command.option(flag, description);
  }
  deriveCommand.action(runDerive);
  buildCommand.action(runBuild);
  checkCommand.action((files: readonly string[], flags: Flags) =>
    check({ files, fixed: fixedBy(flags) }, TERMINAL),
  );
  cli.help((sections) => [
    ...sections,
    {
      title: "Exit codes",
      body: "  0 all well, 1 errors in a source or a failed check, 2 wrong use or files, 70 a defect of gradsmith",
    },
  ]);
  return cli.version(VERSION);
};

const isUsage = (error: unknown): error is Error => error instanceof Error && error.name === "CACError";

const exitCode = (error: unknown): number => {
  if (error instanceof Reported) return EXIT.errors;
  if (error instanceof CommandError || isUsage(error)) {
    const [code, hint] =
      error instanceof CommandError ? [error.code, error.hint] : ["GS0603", "see gradsmith --help"];
    TERMINAL.err(`${TERMINAL.paint.error(`error ${code}:`)} ${error.message}`);
    if (hint !== undefined) TERMINAL.err(`  ${TERMINAL.paint.hint("hint:")} ${hint}`);
    return EXIT.usage;
  }
  TERMINAL.err(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  TERMINAL.err("this is a defect of gradsmith: please report it with the source file");
  return EXIT.internal;
};

export const main = async (args: readonly string[]): Promise<number> => {
  const cli = createCommands();
  try {
    cli.parse(["node", "gradsmith", ...args], { run: false });
    if (cli.options["help"] === true || cli.options["version"] === true) return EXIT.ok;
    if (cli.matchedCommand === undefined) {
      const [word] = cli.args;
      if (word !== undefined)
        throw new CommandError("GS0603", `there is no command ${word}`, "derive, build or check; see --help");
      cli.outputHelp();
      return EXIT.usage;
    }
    await cli.runMatchedCommand();
    return EXIT.ok;
  } catch (error) {
    return exitCode(error);
  }
};

process.exitCode = await main(process.argv.slice(2));
