/** The command line as a function: arguments in, exit code out. Each command loads what it needs, and no more. */
import { parseArgs } from "node:util";
import { nearest } from "../diagnostics/index.ts";
import type { Variant } from "./build.ts";
import { settings, type Fixed } from "./compile.ts";
import type { DeriveOptions } from "./derive.ts";
import { ending } from "./ending.ts";
import { CommandError, EXIT } from "./errors.ts";
import {
  commandNames, COMMANDS, EVERYWHERE, FLAGS, help, helpOf, MATH_MODES, STAGES, STATES, TARGETS, type Command, type Stage, type Target,
} from "./flags.ts"; // prettier-ignore
import type { States } from "../schedule/index.ts";
import type { Output } from "./output.ts";

const VERSION = "0.1.0";

const parse = (args: readonly string[]) =>
  parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });

type Values = ReturnType<typeof parse>["values"];

const fixedBy = (flags: Values): Fixed => ({
  dims: settings("--dim", flags.dim),
  options: settings("--option", flags.option),
});

const usage = (message: string, hint: string): CommandError => new CommandError("GS0603", message, hint);

/** One of the words that a flag may have. */
const oneOf = <T extends string>(flag: string, words: readonly T[], given: string): T => {
  const word = words.find((each) => each === given);
  if (word !== undefined) return word;
  throw usage(`${flag} cannot be ${given}`, didYouMean(given, words) ?? `one of: ${words.join(", ")}`);
};

const didYouMean = (given: string, words: readonly string[]): string | undefined => {
  const near = nearest(given, words);
  return near === undefined ? undefined : `did you mean ${near}?`;
};

const list = (given: readonly string[] | undefined): readonly string[] => [
  ...new Set((given ?? []).flatMap((text) => text.split(","))),
];

type Run = (files: readonly string[], flags: Values, output: Output) => Promise<void>;

const misused = (command: Command, problem: string): CommandError =>
  usage(
    `${command}: ${problem}`,
    `gradsmith ${command} ${COMMANDS[command].args}; see gradsmith ${command} --help`,
  );

const orderOf = (flags: Values): "1" | "2" => oneOf("--order", ["1", "2"], flags.order);

/** Operations that may be straight-line code. */
const budgetOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const budget = Number(text);
  if (text.trim() !== "" && Number.isInteger(budget) && budget >= 0) return budget;
  throw usage(
    `--unroll ${text} is not a whole number`,
    "write --unroll 20000, or --unroll 0 to keep all loops",
  );
};

const statesOf = (flags: Values): States => oneOf<States>("--states", STATES, flags.states);

const runDerive: Run = async (args, flags, output) => {
  const [file, fn, ...more] = args;
  if (file === undefined) throw misused("derive", "no file is given");
  if (fn === undefined) throw misused("derive", "no function is given");
  if (more.length > 0) throw misused("derive", `too many arguments: ${more.join(" ")}`);
  const format = oneOf("--format", ["text", "latex"], flags.format);
  const order = orderOf(flags);
  const { request } = flags;
  const options: DeriveOptions = {
    file,
    fn,
    wrt: list(flags.wrt),
    fixed: fixedBy(flags),
    format,
    order,
    request,
    budget: budgetOf(flags.unroll),
    states: statesOf(flags),
  };
  const stage = flags["explain-schedule"] === true ? "schedule" : flags.dump;
  if (stage !== undefined) {
    const { dump } = await import("./dump.ts");
    await dump(oneOf<Stage>("--dump", STAGES, stage), options, output);
    return;
  }
  const { derive, deriveSteps } = await import("./derive.ts");
  (flags.steps === true ? deriveSteps : derive)(options, output);
};

const runBuild: Run = async (files, flags, output) => {
  if (files.length === 0) throw misused("build", "no file is given");
  const targets = list([flags.target]).map((target) => oneOf<Target>("--target", TARGETS, target));
  const dtype = oneOf("--dtype", ["f32", "f64"], flags.dtype);
  const explain = flags["explain-schedule"] === true ? "schedule" : "nothing";
  const { build } = await import("./build.ts");
  const options = {
    budget: budgetOf(flags.unroll),
    states: statesOf(flags),
    math: oneOf("--math", MATH_MODES, flags.math),
  };
  const variant: Variant = {
    threads: flags.threads === true ? "several" : "one",
    simd: flags["relaxed-simd"] === true ? "relaxed" : "strict",
  };
  const asked = (["threads", "relaxed-simd"] as const).find((flag) => flags[flag] === true);
  if (asked !== undefined && targets.every((target) => target === "ts"))
    throw usage(`--${asked} is for WebAssembly kernels`, "add --target wasm");
  await build(
    { files, folder: flags.out, targets, dtype, fixed: fixedBy(flags), ...options, variant, explain },
    output,
  );
};

const runCheck: Run = async (files, flags, output) => {
  if (files.length === 0) throw misused("check", "no file is given");
  const { check } = await import("./check.ts");
  await check({ files, fixed: fixedBy(flags), order: orderOf(flags) }, output);
};

const RUN: { readonly [K in Command]: Run } = { derive: runDerive, build: runBuild, check: runCheck };

const commandNamed = (word: string): Command => {
  const command = commandNames.find((name) => name === word);
  if (command !== undefined) return command;
  throw usage(
    `there is no command ${word}`,
    didYouMean(word, commandNames) ?? `there is: ${commandNames.join(", ")}; see gradsmith --help`,
  );
};

const flagText = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`);

/** Flags that no command has, or that this one has not. */
const checkFlags = (args: readonly string[]): void => {
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options: FLAGS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const word = positionals[0];
  const allowed: readonly string[] =
    word === undefined ? [...EVERYWHERE, "version"] : [...COMMANDS[commandNamed(word)].flags, ...EVERYWHERE];
  const wrong = tokens.find((token) => token.kind === "option" && !allowed.includes(token.name));
  if (wrong?.kind !== "option") return;
  const near = nearest(wrong.name, allowed);
  const command = word === undefined ? "gradsmith" : `gradsmith ${word}`;
  throw usage(
    word === undefined || !Object.hasOwn(FLAGS, wrong.name)
      ? `there is no flag ${flagText(wrong.name)}`
      : `${word} has no flag ${flagText(wrong.name)}`,
    near === undefined ? `see ${command} --help` : `did you mean --${near}?`,
  );
};

const command = async (args: readonly string[], output: Output): Promise<number> => {
  checkFlags(args);
  const { values, positionals } = parse(args);
  const [word, ...rest] = positionals;
  if (word === undefined) {
    const asked = values.help === true || values.version === true;
    (asked ? output.out : output.err)(values.version === true ? `gradsmith ${VERSION}` : help());
    return asked ? EXIT.ok : EXIT.usage;
  }
  const name = commandNamed(word);
  if (values.help === true) output.out(helpOf(name));
  else await RUN[name](rest, values, output);
  return EXIT.ok;
};

export const run = (args: readonly string[], output: Output): Promise<number> =>
  ending(() => command(args, output), "see gradsmith COMMAND --help", output);
