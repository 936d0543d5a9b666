/** Simplification: a program in, a program of equal value out that costs no more operations. */
import type { Arena, Program } from "../ir/index.ts";
import { createEngine, type Mode, type Step } from "./engine.ts";
import { simplifyDefinitions } from "./definitions.ts";

export { shareCommon } from "./straight/index.ts";
export { definitionOperations, operationCount, polynomialText, straightOperations, type OperationCount } from "./cost.ts"; // prettier-ignore
export { REJECTED, RULES, type Rule, type Soundness } from "./rules.ts";
export { patternText } from "./pattern.ts";
export type { Mode, Step } from "./engine.ts";

export interface SimplifyOptions {
  /** Which rules apply; "derived" when it is not given. */
  readonly mode?: Mode;
  /** Called with each step, for a reader: what the rule was, before and after. */
  readonly trace?: (step: Step) => void;
}

const untraced = (): void => undefined;

export const simplify = (ir: Arena, program: Program, options: SimplifyOptions = {}): Program => {
  const engine = createEngine(ir, options.mode ?? "derived", options.trace ?? untraced);
  const outputs = program.outputs.map((output) => output.tensor);
  const names = [...program.inputs, ...program.definitions.map(({ tensor }) => tensor)].map(
    ({ name }) => name,
  );
  const surface = { outputs, requirements: program.requirements, names };
  const definitions = simplifyDefinitions(engine, program.definitions, surface);
  const same =
    definitions.length === program.definitions.length &&
    definitions.every((definition, k) => definition === program.definitions[k]);
  return same ? program : { ...program, definitions };
};
