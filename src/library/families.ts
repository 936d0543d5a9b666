/**
 * Operations that are families: their ranks, axes and broadcast shapes come with the case, so the definition is written
 * for it. The others are functions of the library, or of the language, called on arrays of the case's shapes.
 */

/** What an operation is asked for: its inputs in order, and its parameters. */
export interface OperationCase {
  readonly op: string;
  readonly inputs: readonly OperationInput[];
  readonly params: ReadonlyMap<string, number | readonly number[]>;
}

export interface OperationInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "f64" | "i32";
}

/** Text of one function of that name, and the library's functions that it calls. */
export interface CaseSource {
  readonly name: string;
  readonly text: string;
  readonly uses: readonly string[];
}

/** Extents as dimensions that are known at run time, or as numbers. */
export type Extents = "symbolic" | "fixed";

/** A dimension per size, so that what has to be equal is; 1 broadcasts, and stays a number. */
const EXTENT: { readonly [K in Extents]: (size: number) => string } = {
  symbolic: (size) => (size === 1 ? "1" : `N${size}`),
  fixed: (size) => `${size}`,
};

/** Parameters of arrays of these shapes. */
export const signatureOf = (inputs: readonly OperationInput[], extents: Extents): string =>
  inputs
    .map(({ name, shape, dtype }) => {
      const type = `[${shape.map(EXTENT[extents]).join(", ")}]`;
      return `${name}: ${dtype === "i32" ? "int" : ""}${type}`;
    })
    .join(", ");

const binders = (count: number): readonly string[] => Array.from({ length: count }, (_, k) => `i${k}`);

const axesOf = ({ params, inputs }: OperationCase): readonly number[] => {
  const axis = params.get("axis") ?? params.get("axes");
  if (axis !== undefined) return typeof axis === "number" ? [axis] : axis;
  return binders(inputs[0]?.shape.length ?? 0).map((_, k, all) => all.length - 1 - k);
};

const numberOf = ({ params, op }: OperationCase, name: string): number => {
  const value = params.get(name);
  if (typeof value !== "number") throw new Error(`${op} needs the number ${name}`);
  return value;
};

const whole = (result: readonly string[], value: string): string =>
  result.length === 0 ? `  return ${value}` : `  y[${result.join(", ")}] = ${value}\n  return y`;

/** The lines of a body, and the functions of the library in them. */
interface Body {
  readonly lines: string;
  readonly uses?: readonly string[];
}

type Family = (operation: OperationCase) => Body;

/** `reducer[axes](x[…])`, with options behind it. */
const overAxes =
  (
    reducer: string,
    uses: readonly string[],
    options: (operation: OperationCase) => string = () => "",
  ): Family =>
  (operation) => {
    const all = binders(operation.inputs[0]?.shape.length ?? 0);
    const axes = axesOf(operation);
    const reduced = all.filter((_, k) => axes.includes(k));
    const kept = all.filter((_, k) => !axes.includes(k));
    const read = `x[${all.join(", ")}]`;
    return { lines: whole(kept, `${reducer}[${reduced.join(", ")}](${read}${options(operation)})`), uses };
  };

const PRODUCTS: ReadonlyMap<string, string> = new Map([
  ["1,1", "dot"],
  ["1,2", "vecmat"],
  ["2,1", "matvec"],
  ["2,2", "matmul"],
  ["3,3", "batched_matmul"],
]);

const matmul: Family = ({ inputs }) => {
  const ranks = inputs.map(({ shape }) => shape.length).join();
  const product = PRODUCTS.get(ranks);
  if (product === undefined) throw new Error(`no product of arrays of ranks ${ranks}`);
  return { lines: `  return ${product}(${inputs.map(({ name }) => name).join(", ")})`, uses: [product] };
};

const transpose: Family = (operation) => {
  const all = binders(operation.inputs[0]?.shape.length ?? 0);
  const result = axesOf(operation).map((axis) => all[axis] ?? "");
  return { lines: whole(result, `x[${all.join(", ")}]`) };
};

/** The slope is per channel: axis 1. */
const prelu: Family = ({ inputs }) => {
  const all = binders(inputs[0]?.shape.length ?? 0);
  return { lines: whole(all, `prelu(x[${all.join(", ")}], a[i1])`), uses: ["prelu"] };
};

const concat: Family = (operation) => {
  const [axis, [a, b]] = [numberOf(operation, "axis"), operation.inputs];
  const all = binders(a?.shape.length ?? 0);
  const [split, total] = [a?.shape[axis] ?? 0, (a?.shape[axis] ?? 0) + (b?.shape[axis] ?? 0)];
  const place = (index: string): string => all.map((name, k) => (k === axis ? index : name)).join(", ");
  const value = `(a[${place(`i${axis}`)}] ?? 0) + (b[${place(`i${axis} - ${split}`)}] ?? 0)`;
  return {
    lines: whole(
      all.map((name, k) => (k === axis ? `${name} < ${total}` : name)),
      value,
    ),
  };
};

/** An exponent that is a parameter is a number of the program. */
const power: Family = ({ inputs, params }) => {
  const exponent = inputs.length === 2 ? "b" : String(params.get("b"));
  return { lines: `  return power(a, ${exponent})`, uses: ["power"] };
};

const cumsum: Family = (operation) => {
  const [axis, all] = [numberOf(operation, "axis"), binders(operation.inputs[0]?.shape.length ?? 0)];
  const [along, size] = [`i${axis}`, operation.inputs[0]?.shape[axis] ?? 0];
  const earlier = all.map((name, k) => (k === axis ? "k" : name)).join(", ");
  return {
    lines: whole(
      all.map((name, k) => (k === axis ? `${name} < ${size}` : name)),
      `sum[k](k <= ${along} ? x[${earlier}] : 0)`,
    ),
  };
};

const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ["sum", overAxes("sum", ["sum"])],
  ["mean", overAxes("mean", ["mean"])],
  ["max", overAxes("max", ["max"])],
  ["min", overAxes("min", ["min"])],
  ["prod", overAxes("prod", ["prod"])],
  ["variance", overAxes("variance", ["variance"])],
  ["logsumexp", overAxes("logsumexp", ["logsumexp"])],
  ["std", overAxes("std", ["std"])],
  ["norm", overAxes("norm", ["norm"])],
  ["cumsum", cumsum],
  ["median", overAxes("median", ["median"])],
  ["percentile", overAxes("percentile", ["percentile"], (operation) => `; p = ${numberOf(operation, "p")}`)],
  ["matmul", matmul],
  ["transpose", transpose],
  ["prelu", prelu],
  ["concat", concat],
  ["power", power],
]);

/** A call of the function of that name, with the parameters as options. */
const callOf =
  (uses: readonly string[]): Family =>
  ({ op, inputs, params }) => {
    const options = [...params].map(([name, value]) => `${name} = ${String(value)}`);
    const args = inputs.map(({ name }) => name).join(", ");
    return { lines: `  return ${op}(${args}${options.length === 0 ? "" : `; ${options.join(", ")}`})`, uses };
  };

interface Names {
  readonly has: (name: string) => boolean;
}

/** Whether there is a definition of the operation. */
export const isDefined = (op: string, library: Names): boolean => FAMILIES.has(op) || library.has(op);

/** The definition of a case, as a function of that name. `library` says which functions the library has; other operations are the language's. */
export const sourceOf = (
  name: string,
  operation: OperationCase,
  extents: Extents,
  library: Names,
): CaseSource => {
  const family = FAMILIES.get(operation.op) ?? callOf(library.has(operation.op) ? [operation.op] : []);
  const { lines, uses = [] } = family(operation);
  return { name, text: `fn ${name}(${signatureOf(operation.inputs, extents)}) {\n${lines}\n}\n`, uses };
};
