/** `gradsmith check FILE…`: derivatives against numerical ones, and every back end against the interpreter. */
import { formatReport, passes } from "../gradcheck/index.ts";
import { checkNames, load, programOf, type Fixed } from "./compile.ts";
import { Reported } from "./errors.ts";
import { floatInputs, gradcheck, hessiancheck, type CheckedProgram } from "./gradcheck.ts";
import { settingsFor } from "./specs.ts";
import type { Output } from "./output.ts";

export interface CheckOptions {
  readonly files: readonly string[];
  readonly fixed: Fixed;
  /** With 2, Hessians too. */
  readonly order: "1" | "2";
}

const OPEN: Fixed = { dims: new Map(), options: new Map() };

/** What of a file has a derivative: functions with a float input and a float output. */
const checkable = (file: string, fixed: Fixed, output: Output): readonly CheckedProgram[] => {
  const { source, module } = load(file, output);
  const functions = [...module.functions.values()];
  checkNames(
    functions.map((fn) => programOf(fn, OPEN).program),
    fixed,
  );
  return functions
    .map((fn) => programOf(fn, fixed))
    .map(({ ir, program }) => {
      const settings = settingsFor(source, program.name);
      return { ir, program, wrt: floatInputs(program), ...(settings && { settings }) };
    })
    .filter(
      ({ program, wrt }) => wrt.length > 0 && program.outputs.some(({ tensor }) => tensor.dtype === "float"),
    );
};

export const check = async ({ files, fixed, order }: CheckOptions, output: Output): Promise<void> => {
  let sound = true;
  for (const [k, file] of files.entries()) {
    output.err(`[${k + 1}/${files.length}] ${file}`);
    const programs = checkable(file, fixed, output);
    if (programs.length === 0) output.err(`${file}: nothing to check, as no function has a derivative`);
    const second = order === "2" ? await hessiancheck(programs) : [];
    for (const report of [...(await gradcheck(programs)), ...second]) {
      output.out(formatReport(report).join("\n"));
      sound &&= passes(report);
    }
  }
  if (!sound) throw new Reported();
};
