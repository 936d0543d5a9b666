/** A file of catalogue cases → checks of the operations that are defined, and the names of those that are not. */
import type { GivenArray } from "../eval/index.ts";
import { TOLERANCES } from "../gradcheck/tolerance.ts";
import type { Arena, Program } from "../ir/index.ts";
import {
  isDefined,
  sourceOf,
  type Extents,
  type OperationCase,
  type Parameter,
} from "../library/families.ts";
import { dense, forward, request, vjp } from "../pipeline.ts";
import type { Source } from "../diagnostics/index.ts";
import { reasonOf } from "./backends.ts";
import { malformed, parseJson } from "./files.ts";
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
  readonly params: Readonly<Record<string, Parameter>>;
  readonly inputs: Readonly<Record<string, CaseArray>>;
  readonly wrt: readonly string[];
  readonly grad_out?: CaseArray;
  readonly output: CaseArray;
  readonly grads: Readonly<Record<string, CaseArray>>;
  /** Of Σ grad_out·output, by one input twice: the first of `wrt`, but for those of `SECOND_ORDER`. */
  readonly hessian?: CaseArray;
  readonly atol: number;
}

export interface CatalogueChecks {
  readonly checks: readonly Check[];
  /** Cases whose definition is rejected. */
  readonly rejected: readonly Failure[];
  /** Operations without a definition. */
  readonly missing: readonly string[];
}

/** The relative error that the catalogue allows in f64, beside each case's own `atol`. */
const RELATIVE = 1e-12;

/**
 * What the references of tails resolve: 1 - sigmoid(100) = 3.7e-44 is there to nine digits, 1 - tanh(100)² = 5.5e-87 is 0. Tails
 * below it are tried against this project's own values (test/stability).
 */
const RESOLUTION = 1e-52;

/**
 * Terms that cancel leave what they were rounded by, so that sums may be off by the running error bound: of n roundings, n·1e-16
 * of the sum of the terms' magnitudes. What is elementwise, and every tail, has no such terms.
 */
const allowedOf =
  ({ atol }: CatalogueCase, program: Program): Part["allowed"] =>
  (expected, bound) => {
    const strict = atol + RESOLUTION + RELATIVE * Math.abs(expected);
    const sums = atol > 0 && program.definitions.some(({ reduction }) => reduction?.op === "sum");
    return sums && Number.isFinite(bound) ? strict + TOLERANCES.f64.boundFactor * bound : strict;
  };

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
  const output = program.outputs[0]?.name ?? "";
  const tensors = new Map(Object.entries(each.inputs).map(([name, array]) => [name, arrayOf(array)]));
  const upstream = each.grad_out === undefined ? SCALAR_UPSTREAM : arrayOf(each.grad_out);
  const grads = Object.entries(each.grads).map(([name, array]) => [`d_${name}`, arrayOf(array)] as const);
  const part = (computed: Program, inputs: Part["inputs"], expected: Part["expected"]): Part => ({
    ir,
    program: computed,
    inputs,
    expected,
    allowed: allowedOf(each, computed),
  });
  const withUpstream = { tensors: new Map([...tensors, [`d_${output}`, upstream]]) };
  return [
    part(forward(ir, program), { tensors }, new Map([[output, arrayOf(each.output)]])),
    part(vjp(ir, program, each.wrt), withUpstream, new Map(grads)),
    ...hessianParts(ir, program, each, part, each.grad_out === undefined ? { tensors } : withUpstream),
  ];
};

interface SecondOrder {
  /** The input that the Hessian is by. */
  readonly by?: string;
  /** What the reference is off, relatively. */
  readonly error?: number;
}

/** Where the Hessians of the catalogue are not by the first input, or not exact. */
const SECOND_ORDER: ReadonlyMap<string, SecondOrder> = new Map([
  // by the distribution that approximates
  ["kl_divergence", { by: "q" }],
  // the reference divides by p (1 - p) + 1e-12 in place of p (1 - p), squared: for p in [0.02, 0.98] that is up to 1e-10
  ["bce", { error: 1e-10 }],
]);

const hessianParts = (
  ir: Arena,
  program: Program,
  { op, wrt, hessian }: CatalogueCase,
  part: (computed: Program, inputs: Part["inputs"], expected: Part["expected"]) => Part,
  inputs: Part["inputs"],
): readonly Part[] => {
  const { by: x = wrt[0], error = 0 } = SECOND_ORDER.get(op) ?? {};
  if (hessian === undefined || x === undefined) return [];
  const stored = request(ir, program, { kind: "hessian", wrt: [], matrices: [{ rows: x, columns: x }] });
  const entries = part(dense(ir, stored), inputs, new Map([[`h_${x}_${x}`, arrayOf(hessian)]]));
  return [
    {
      ...entries,
      allowed: (expected, bound) => entries.allowed(expected, bound) + error * Math.abs(expected),
    },
  ];
};

const checkOf = (label: string, each: CatalogueCase, compiled: Compiled | undefined): Check => {
  if (compiled?.ok !== true) throw new Error(compiled?.reason ?? "not compiled");
  return { label, parts: partsOf(compiled.ir, compiled.program, each) };
};

/** What `make` gives, or nothing, with the reason among those rejected. */
const orRejected = <T>(label: string, rejected: Failure[], make: () => T): readonly T[] => {
  try {
    return [make()];
  } catch (error) {
    rejected.push({ label, reason: reasonOf(error) });
    return [];
  }
};

const FIELDS: readonly (keyof CatalogueCase)[] = ["op", "case", "params", "inputs", "wrt", "output", "grads"];

const isCase = (value: unknown): value is CatalogueCase =>
  typeof value === "object" && value !== null && FIELDS.every((field) => field in value);

const casesOf = (source: Source): readonly CatalogueCase[] => {
  const file = parseJson(source.text, source.name, 1);
  const cases = typeof file === "object" && file !== null && "cases" in file ? file.cases : undefined;
  if (Array.isArray(cases) && cases.every(isCase)) return cases;
  throw malformed(source.name, `it has no cases with ${FIELDS.join(", ")}`);
};

export const catalogueChecks = (source: Source, extents: Extents, library: Library): CatalogueChecks => {
  const cases = casesOf(source);
  const defined = cases.filter(({ op }) => isDefined(op, library.fileOf));
  const rejected: Failure[] = [];
  const written = defined.flatMap((each, k) => {
    const label = `${each.op}, ${each.case}`;
    return orRejected(label, rejected, () => {
      const source = sourceOf(`case${k}`, operationOf(each), extents);
      return { label, each, source };
    });
  });
  const compiled = compileFunctions(
    written.map(({ source }) => source),
    library,
  );
  const checks = written.flatMap(({ label, each, source }) =>
    orRejected(label, rejected, () => checkOf(label, each, compiled.get(source.name))),
  );
  const missing = new Set(cases.filter((each) => !defined.includes(each)).map(({ op }) => op));
  return { checks, rejected, missing: [...missing] };
};
