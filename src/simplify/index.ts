/** Simplification: a program in, a program of equal value out that costs no more operations. */
import type { Arena, Definition, Program } from "../ir/index.ts";
import { createEngine, type Mode, type Step } from "./engine.ts";
import { reorderSums, simplifyDefinitions, type Surface } from "./definitions.ts";
import { restrictSums } from "./support.ts";

export { shareCommon } from "./straight/index.ts";
export { definitionOperations, operationCount, polynomialText, straightOperations, type OperationCount } from "./cost.ts"; // prettier-ignore
export { REJECTED, RULES, type Rule, type Soundness } from "./rules.ts";
export { patternText } from "./pattern.ts";
export type { Mode, Move, Rewriting, Step } from "./engine.ts";

export interface SimplifyOptions {
  /** Which rules apply; "derived" when it is not given. */
  readonly mode?: Mode;
  /** Called with each step, for a reader: what the rule was, before and after. */
  readonly trace?: (step: Step) => void;
}

const untraced = (): void => undefined;

export const simplify = (ir: Arena, program: Program, options: SimplifyOptions = {}): Program => {
  const engine = createEngine(ir, options.mode ?? "derived", options.trace ?? untraced);
  return withDefinitions(program, simplifyDefinitions(engine, program.definitions, surfaceOf(program)));
};

/** Sums over several indices one at a time, in the order that costs least; everything else as it is. */
export const orderSums = (ir: Arena, program: Program): Program => {
  const engine = createEngine(ir, "user", untraced);
  return withDefinitions(program, reorderSums(engine, program.definitions, surfaceOf(program)));
};

/** Sums over where their terms are not 0 because of what they read; everything else as it is. */
export const withSupports = (ir: Arena, program: Program): Program =>
  withDefinitions(program, restrictSums(ir, program.definitions));

const surfaceOf = ({ inputs, definitions, outputs, requirements }: Program): Surface => ({
  outputs: outputs.map(({ tensor }) => tensor),
  requirements,
  names: [...inputs, ...definitions.map(({ tensor }) => tensor)].map(({ name }) => name),
});

const withDefinitions = (program: Program, definitions: readonly Definition[]): Program => {
  const same =
    definitions.length === program.definitions.length &&
    definitions.every((definition, k) => definition === program.definitions[k]);
  return same ? program : { ...program, definitions };
};
