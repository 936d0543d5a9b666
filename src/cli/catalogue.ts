/** A file of catalogue cases → checks of the operations that are defined, and the names of those that are not. */
import type { GivenArray } from "../eval/index.ts";
import { allowedError } from "../gradcheck/tolerance.ts";
import type { Arena, Program } from "../ir/index.ts";
import { isDefined, sourceOf, type Extents, type OperationCase } from "../library/families.ts";
import { forward, vjp } from "../pipeline.ts";
import { reasonOf } from "./backends.ts";
import { compileFunctions, type Compiled, type Library } from "./library.ts";
import type { Check, Failure, Part } from "./verify.ts";

interface CaseArray {
  readonly shape: readonly number[];
  readonly dtype: "f64" | "i32";
  readonly data: readonly (number | string)[];
}

interface CatalogueCase {
  readonly op: string;
  readonly case: string;
  readonly params: Readonly<Record<string, number | readonly number[]>>;
  readonly inputs: Readonly<Record<string, CaseArray>>;
  readonly wrt: readonly string[];
  readonly grad_out?: CaseArray;
  readonly output: CaseArray;
  readonly grads: Readonly<Record<string, CaseArray>>;
  readonly atol: number;
}

export interface CatalogueChecks {
  readonly checks: readonly Check[];
  /** Cases whose definition is rejected. */
  readonly rejected: readonly Failure[];
  /** Operations without a definition. */
  readonly missing: readonly string[];
}

/** The relative error that the catalogue allows in f64. */
const RELATIVE = 1e-12;

/** Also for tails, whose reference values have cancelled digits themselves: 60 digits less those of 1 - sigmoid(100). */
const ABSOLUTE = 1e-15;

const NOT_FINITE: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

const arrayOf = ({ shape, data }: CaseArray): GivenArray => ({
  shape,
  data: data.map((value) => (typeof value === "number" ? value : (NOT_FINITE.get(value) ?? NaN))),
});

const SCALAR_UPSTREAM: GivenArray = { shape: [], data: [1] };

const operationOf = ({ op, inputs, params }: CatalogueCase): OperationCase => ({
  op,
  inputs: Object.entries(inputs).map(([name, { shape, dtype }]) => ({ name, shape, dtype })),
  params: new Map(Object.entries(params)),
});

const partsOf = (ir: Arena, program: Program, each: CatalogueCase): readonly Part[] => {
  // terms that cancel leave what they were rounded by
  const allowed = (expected: number, bound: number): number =>
    Math.max(each.atol, ABSOLUTE) + RELATIVE * Math.abs(expected) + allowedError("f64", expected, bound);
  const output = program.outputs[0]?.name ?? "";
  const tensors = new Map(Object.entries(each.inputs).map(([name, array]) => [name, arrayOf(array)]));
  const upstream = each.grad_out === undefined ? SCALAR_UPSTREAM : arrayOf(each.grad_out);
  const grads = Object.entries(each.grads).map(([name, array]) => [`d_${name}`, arrayOf(array)] as const);
  const value: Part = {
    ir,
    program: forward(ir, program),
    inputs: { tensors },
    expected: new Map([[output, arrayOf(each.output)]]),
    allowed,
  };
  const gradients: Part = {
    ir,
    program: vjp(ir, program, each.wrt),
    inputs: { tensors: new Map([...tensors, [`d_${output}`, upstream]]) },
    expected: new Map(grads),
    allowed,
  };
  return [value, gradients];
};

const checkOf = (label: string, each: CatalogueCase, compiled: Compiled | undefined): Check => {
  if (compiled?.ok !== true) throw new Error(compiled?.reason ?? "not compiled");
  return { label, parts: partsOf(compiled.ir, compiled.program, each) };
};

export const catalogueChecks = (text: string, extents: Extents, library: Library): CatalogueChecks => {
  const { cases } = JSON.parse(text) as { readonly cases: readonly CatalogueCase[] };
  const defined = cases.filter(({ op }) => isDefined(op, library.fileOf));
  const sources = defined.map((each, k) => sourceOf(`case${k}`, operationOf(each), extents, library.fileOf));
  const compiled = compileFunctions(sources, library);
  const [checks, rejected]: [Check[], Failure[]] = [[], []];
  for (const [k, each] of defined.entries()) {
    const label = `${each.op}, ${each.case}`;
    try {
      checks.push(checkOf(label, each, compiled.get(`case${k}`)));
    } catch (error) {
      rejected.push({ label, reason: reasonOf(error) });
    }
  }
  const missing = new Set(cases.filter((each) => !defined.includes(each)).map(({ op }) => op));
  return { checks, rejected, missing: [...missing] };
};
