/** Lines of derivative cases from the Rubi test suite → checks: the derivative of a formula at points. */
import type { GivenArray } from "../eval/index.ts";
import { vjp } from "../pipeline.ts";
import { reasonOf } from "./backends.ts";
import { compileFunctions, type Compiled, type FunctionText, type Library } from "./library.ts";
import type { Check, Failure } from "./verify.ts";

interface RubiCase {
  readonly f: string;
  readonly wrt: string;
  readonly vars: readonly string[];
  readonly at: readonly (readonly number[])[];
  readonly df: readonly number[];
  readonly tol: number;
}

export interface RubiChecks {
  readonly checks: readonly Check[];
  readonly rejected: readonly Failure[];
}

/** So many points, by repetition, that vector loops run both whole and in part. */
const POINTS = 5;

/** Errors are relative to no less than this. */
const SMALLEST = 1e-3;

const CONSTANTS: ReadonlyMap<string, string> = new Map([
  ["%e", "exp(1)"],
  ["%pi", "pi"],
]);

/** The formula in the language: powers, products and calls are written alike. */
const translate = (formula: string): string =>
  formula.replaceAll(/%\w+/g, (name) => CONSTANTS.get(name) ?? name);

/** Elementwise over points. */
const functionOf = (name: string, { f, vars }: RubiCase, library: Library): FunctionText => ({
  name,
  text: `fn ${name}(${vars.map((each) => `${each}: [P]`).join(", ")}) {\n  return ${translate(f)}\n}\n`,
  uses: [...f.matchAll(/(\w+)\(/g)]
    .map(([, callee = ""]) => callee)
    .filter((callee) => library.fileOf.has(callee)),
});

const overPoints = (values: readonly number[]): GivenArray => ({
  shape: [POINTS],
  data: Array.from({ length: POINTS }, (_, k) => values[k % values.length] ?? NaN),
});

const checkOf = (label: string, each: RubiCase, compiled: Compiled | undefined): Check => {
  if (compiled?.ok !== true) throw new Error(compiled?.reason ?? "not compiled");
  const { ir, program } = compiled;
  const ones = overPoints([1]);
  const tensors = new Map([
    ...each.vars.map((name, k) => [name, overPoints(each.at.map((point) => point[k] ?? NaN))] as const),
    ...program.outputs.map(({ name }) => [`d_${name}`, ones] as const),
  ]);
  const derivative = {
    ir,
    program: vjp(ir, program, [each.wrt]),
    inputs: { tensors },
    expected: new Map([[`d_${each.wrt}`, overPoints(each.df)]]),
    allowed: (df: number): number => each.tol * Math.max(Math.abs(df), SMALLEST),
  };
  return { label, parts: [derivative] };
};

export const rubiChecks = (text: string, library: Library): RubiChecks => {
  const cases = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RubiCase);
  const functions = cases.map((each, k) => functionOf(`rubi${k}`, each, library));
  const compiled = compileFunctions(functions, library);
  const [checks, rejected]: [Check[], Failure[]] = [[], []];
  for (const [k, each] of cases.entries()) {
    const label = `line ${k + 1}, ${each.f}`;
    try {
      checks.push(checkOf(label, each, compiled.get(`rubi${k}`)));
    } catch (error) {
      rejected.push({ label, reason: reasonOf(error) });
    }
  }
  return { checks, rejected };
};
