/** The commands and flags of the command line, and the help that is made of them. */

import type { MathMode } from "../loop/types.ts";
import type { States } from "../schedule/index.ts";

/** Every stage that `--dump` can print, in order. */
export const STAGES = [
  "parse",
  "check",
  "simplify",
  "differentiate",
  "derive",
  "schedule",
  "loops",
  "typescript",
] as const;
export type Stage = (typeof STAGES)[number];

/** What `--target` can ask for. */
export const TARGETS = ["ts", "wasm", "wasm-inline"] as const;
export type Target = (typeof TARGETS)[number];

/** What `--states` can ask for. */
export const STATES = ["stored", "recomputed"] as const satisfies readonly States[];

/** What `--math` can ask for. */
export const MATH_MODES = ["accurate", "fast"] as const satisfies readonly MathMode[];

/** Each flag once, in the form that `node:util` parses; `value` and `about` are for the help. */
export const FLAGS = {
  wrt: {
    type: "string",
    multiple: true,
    value: "NAMES",
    about: "Inputs to differentiate by, with commas between; all float inputs without it",
  },
  order: {
    type: "string",
    default: "1",
    value: "1|2",
    about: "1: gradients; 2: Hessians",
  },
  request: {
    type: "string",
    value: "REQUEST",
    about: "What to derive, as in a `derive` block: hvp(x), hessian(x, y), jacobian(y, x), jvp(x), …",
  },
  format: { type: "string", default: "text", value: "FORMAT", about: "text or latex" },
  steps: {
    type: "boolean",
    about: "Print the way there: each stage, each rule that was used, and each move between definitions",
  },
  dump: { type: "string", value: "STAGE", about: `Print one stage and stop: ${STAGES.join(", ")}` },
  "explain-schedule": {
    type: "boolean",
    about: "Print the loops that were chosen, and why: where each value is computed and kept",
  },
  out: { type: "string", default: ".", value: "FOLDER", about: "Where to write" },
  target: {
    type: "string",
    default: "ts,wasm",
    value: "NAMES",
    about: `${TARGETS.join(", ")}, with commas between`,
  },
  dtype: { type: "string", default: "f32", value: "DTYPE", about: "f32 or f64" },
  math: {
    type: "string",
    default: "accurate",
    value: "MODE",
    about:
      "accurate, or fast: f32 WebAssembly with an error of 2e-7 in erf and erfc, 4 ulp in other functions, denormals as 0, and no f64 where terms cancel",
  },
  dim: {
    type: "string",
    multiple: true,
    value: "NAME=N",
    about: "Fix an extent, so that loops are unrolled and folded; may repeat",
  },
  option: {
    type: "string",
    multiple: true,
    value: "NAME=X",
    about: "Fix an option at build time; may repeat",
  },
  unroll: {
    type: "string",
    value: "OPERATIONS",
    about:
      "A program of constant size up to so many operations becomes straight-line code: 4000, or 0 to keep all loops",
  },
  states: {
    type: "string",
    default: "stored",
    value: "WHICH",
    about:
      "Of a recurrence that a gradient goes back through: stored keeps all steps, recomputed about 2·√T of them, and computes the others once more",
  },
  threads: {
    type: "boolean",
    about:
      "Split WebAssembly kernels over the processors, with shared memory; results are those of one thread",
  },
  "relaxed-simd": {
    type: "boolean",
    about:
      "Also a module with fused multiply-adds, for engines that have them; results differ between hosts in the last place",
  },
  help: { type: "boolean", short: "h", about: "Print this help" },
  version: { type: "boolean", short: "v", about: "Print the version" },
} as const;

export type Flag = keyof typeof FLAGS;

interface CommandHelp {
  readonly args: string;
  readonly about: string;
  readonly flags: readonly Flag[];
  readonly examples: readonly string[];
}

export const COMMANDS = {
  derive: {
    args: "FILE FUNCTION",
    about: "Print the formulas of a function and of its derivative",
    flags: [
      "wrt",
      "order",
      "request",
      "format",
      "steps",
      "dump",
      "explain-schedule",
      "dim",
      "option",
      "unroll",
      "states",
    ],
    examples: [
      "gradsmith derive examples/losses.grad focal_loss --wrt logits",
      "gradsmith derive examples/losses.grad focal_loss --format latex --steps",
      "gradsmith derive examples/losses.grad focal_loss --wrt logits --order 2",
      "gradsmith derive examples/losses.grad huber_log_cosh --dump loops",
      "gradsmith derive examples/network.grad linear --explain-schedule",
    ],
  },
  build: {
    args: "FILE…",
    about: "Write kernel modules: what `derive` blocks ask for, or value and derivative of all",
    flags: [
      "out",
      "target",
      "dtype",
      "math",
      "dim",
      "option",
      "unroll",
      "states",
      "threads",
      "relaxed-simd",
      "explain-schedule",
    ],
    examples: [
      "gradsmith build examples/losses.grad --out kernels",
      "gradsmith build examples/losses.grad --out kernels --target wasm --math fast",
      "gradsmith build examples/network.grad --out kernels --dim D=64 --dim H=32 --dim C=10",
      "gradsmith build pose.grad --out kernels --unroll 20000",
      "gradsmith build lstm.grad --out kernels --states recomputed",
      "gradsmith build examples/losses.grad --out kernels --target wasm --threads",
    ],
  },
  check: {
    args: "FILE…",
    about: "Compare derivatives with numerical ones, and all back ends with each other",
    flags: ["order", "dim", "option"],
    examples: ["gradsmith check examples/losses.grad", "gradsmith check examples/network.grad --dim C=10"],
  },
} as const satisfies Readonly<Record<string, CommandHelp>>;

export type Command = keyof typeof COMMANDS;

export const commandNames = Object.keys(COMMANDS) as readonly Command[];

/** Every command takes these. */
export const EVERYWHERE: readonly Flag[] = ["help"];

const EXIT_CODES = [
  "  0   all is well",
  "  1   errors in a source, or a check that failed",
  "  2   wrong use, or files that cannot be read or written",
  "  70  a defect of gradsmith",
];

const columns = (rows: readonly (readonly [string, string])[]): readonly string[] => {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
};

const flagRow = (name: Flag): readonly [string, string] => {
  const flag = FLAGS[name];
  const short = "short" in flag ? `-${flag.short}, ` : "";
  const value = "value" in flag ? ` ${flag.value}` : "";
  const standard = "default" in flag ? ` (default: ${flag.default})` : "";
  return [`${short}--${name}${value}`, flag.about + standard];
};

const sections = (parts: readonly (readonly [string, readonly string[]])[]): string =>
  parts.map(([title, lines]) => [`${title}:`, ...lines].join("\n")).join("\n\n");

export const helpOf = (name: Command): string => {
  const { args, about, flags, examples } = COMMANDS[name];
  return `${about}.\n\n${sections([
    ["Usage", [`  gradsmith ${name} ${args} [flags]`]],
    ["Flags", columns([...flags, ...EVERYWHERE].map(flagRow))],
    ["Examples", examples.map((example) => `  ${example}`)],
    ["Exit codes", EXIT_CODES],
  ])}`;
};

export const help = (): string =>
  `Derives gradients symbolically and emits TypeScript and WebAssembly kernels.\n\n${sections([
    ["Usage", ["  gradsmith COMMAND … [flags]"]],
    [
      "Commands",
      columns(commandNames.map((name) => [`${name} ${COMMANDS[name].args}`, COMMANDS[name].about])),
    ],
    ["Flags", columns([...EVERYWHERE, "version" as const].map(flagRow))],
    ["Examples", commandNames.map((name) => `  ${COMMANDS[name].examples[0]}`)],
    ["Exit codes", EXIT_CODES],
  ])}\n\ngradsmith COMMAND --help says more about one.`;
