/** `gradsmith derive FILE FN`: the formulas of a derivative, and the way to them. */
import { expressionText, formulas, matrixFormulas, type Notation } from "../explain/index.ts";
import { defaultRequests, stagesOf, waysTo, type Request, type Stages } from "../derivation.ts";
import { affine, type Arena, type Program } from "../ir/index.ts";
import { operationCount, polynomialText, type Step } from "../simplify/index.ts";
import type { States } from "../schedule/index.ts";
import type { CheckedDerive } from "../check/index.ts";
import { checkNames, functionOf, load, pairsOf, programOf, unknown, type Fixed } from "./compile.ts";
import { CommandError } from "./errors.ts";
import type { Output } from "./output.ts";

export interface DeriveOptions {
  readonly file: string;
  readonly fn: string;
  /** Inputs to differentiate by; all float ones where there are none. */
  readonly wrt: readonly string[];
  readonly fixed: Fixed;
  readonly format: Notation;
  /** 2 asks for Hessians in place of a gradient. */
  readonly order: "1" | "2";
  /** As in a `derive` block: `hvp(x)`, `jacobian(y, x)`; in place of what `wrt` and `order` say. */
  readonly request: string | undefined;
  /** Operations that may be straight-line code. */
  readonly budget: number | undefined;
  readonly states: States;
}

export interface Derived {
  readonly ir: Arena;
  readonly asked: Request;
  readonly stages: Stages;
  readonly steps: readonly Step[];
}

const requestFor = (program: Program, { wrt, order }: DeriveOptions): Request => {
  const floats = program.inputs.filter((tensor) => tensor.dtype === "float").map((tensor) => tensor.name);
  for (const name of wrt) {
    if (!floats.includes(name)) throw unknown(`float input of ${program.name} called`, name, floats);
  }
  if (order === "2") return { kind: "hessian", wrt: [], matrices: pairsOf(wrt.length === 0 ? floats : wrt) };
  const requests = defaultRequests(program);
  const derivative = requests.at(-1) ?? { kind: "value", wrt: [] };
  return derivative.kind === "value"
    ? derivative
    : { kind: derivative.kind, wrt: wrt.length === 0 ? floats : wrt };
};

/** The one thing that a text as in a `derive` block asks for. */
const requestIn = (derives: readonly CheckedDerive[], text: string): Request => {
  const requests = derives.at(-1)?.requests ?? [];
  const [asked, ...others] = requests;
  if (asked === undefined || others.length > 0)
    throw new CommandError("GS0603", `--request ${text} is not one request`, "write for example: hvp(x)");
  return asked;
};

export const derived = (options: DeriveOptions, output: Output): Derived => {
  const { file, fn, fixed, request } = options;
  const loaded = load(file, output, request === undefined ? "" : `\nderive ${fn} { ${request} }\n`);
  const { ir, open, program } = programOf(functionOf(loaded, fn), fixed);
  checkNames([open], fixed);
  const steps: Step[] = [];
  const asked =
    request === undefined ? requestFor(program, options) : requestIn(loaded.module.derives, request);
  const stages = stagesOf(ir, program, asked, (step) => steps.push(step));
  return { ir, asked, stages, steps };
};

const section = (title: string, lines: readonly string[]): string =>
  [title, "", ...lines.map(indent), ""].join("\n");

const indent = (text: string): string => text.replace(/^/gm, "  ");

const formulasOf = (ir: Arena, program: Program, format: Notation): readonly string[] =>
  program.matrices === undefined ? formulas(program, format) : matrixFormulas(ir, program, format);

const countLine = (ir: Arena, program: Program): string => `operations: ${operationCount(ir, program).text}`;

const wayLines = ({ ir, asked, stages }: Derived): readonly string[] =>
  waysTo(ir, stages.checked, asked, stages.derived).map(
    ({ name, direct, product, products, stored, rows }) => {
      const direction = `${name} entry by entry: ${polynomialText(direct)}`;
      return products === undefined
        ? `${direction}; a product with a vector: ${polynomialText(product)}, of which (${polynomialText(stored)}) / (${polynomialText(rows)}) at least are needed`
        : `${direction}; from ${polynomialText(products)} products with coloured vectors: ${polynomialText(affine.times(ir, products, product))}`;
    },
  );

export const derive = (options: DeriveOptions, output: Output): void => {
  const all = derived(options, output);
  const { ir, stages } = all;
  const { derived: program, forward } = stages;
  output.out(section(forward.name, [...formulas(forward, options.format), countLine(ir, forward)]));
  if (program.name === forward.name) return;
  output.out(
    section(program.name, [
      ...formulasOf(ir, program, options.format),
      countLine(ir, program),
      ...wayLines(all),
    ]),
  );
};

/** What a rule made of an expression, or a move of definitions. */
const stepLines = (program: Program, step: Step): readonly string[] => {
  if (step.kind === "rewriting")
    return [`${step.rule}: ${expressionText(step.before)} → ${expressionText(step.after)}`];
  const { rule, changed, gone } = step;
  const without = gone.length === 0 ? [] : [`  without ${gone.map(({ name }) => name).join(", ")}`];
  const now = formulas({ ...program, definitions: changed, outputs: [] }, "text").map(indent);
  return [`${rule}:`, ...now, ...without];
};

/** The same with the stages between: what the one rule gives, and each rule that then made it simpler. */
export const deriveSteps = (options: DeriveOptions, output: Output): void => {
  const { ir, stages, steps } = derived(options, output);
  const programs: readonly (readonly [string, Program])[] = [
    ["1. The definition", stages.checked],
    ["2. Made stable", stages.forward],
    ["3. Adjoints, by the partial derivatives and the rule of reads", stages.differentiated],
  ];
  for (const [title, program] of programs) {
    output.out(section(title, [...formulas(program, options.format), countLine(ir, program)]));
  }
  const lines = steps.flatMap((step) => stepLines(stages.differentiated, step));
  output.out(
    section("4. Simplified by", lines.length === 0 ? ["nothing: it is as simple as it gets"] : lines),
  );
  output.out(
    section("5. The result", [
      ...formulasOf(ir, stages.derived, options.format),
      countLine(ir, stages.derived),
    ]),
  );
};
