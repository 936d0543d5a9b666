/** Lines of derivative cases from the Rubi test suite → checks: the derivative of a formula at points. */
import type { GivenArray } from "../eval/index.ts";
import { vjp } from "../pipeline.ts";
import type { Source } from "../diagnostics/index.ts";
import { reasonOf } from "./backends.ts";
import { malformed, parseJson } from "./files.ts";
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

const FIELDS: readonly (keyof RubiCase)[] = ["f", "wrt", "vars", "at", "df", "tol"];

const isCase = (value: unknown): value is RubiCase =>
  typeof value === "object" && value !== null && FIELDS.every((field) => field in value);

const casesOf = ({ name, text }: Source): readonly RubiCase[] =>
  text.split("\n").flatMap((line, k) => {
    if (line === "") return [];
    const each = parseJson(line, name, k + 1);
    if (!isCase(each)) throw malformed(name, `line ${k + 1} is no case with ${FIELDS.join(", ")}`);
    return [each];
  });

export const rubiChecks = (source: Source, library: Library): RubiChecks => {
  const cases = casesOf(source);
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
