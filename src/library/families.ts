/**
 * Operations that are families: their ranks, axes and broadcast shapes come with the case, so the definition is written
 * for it. The others are functions of the library, or of the language, called on arrays of the case's shapes.
 */

export type Parameter = number | boolean | string | readonly number[];

/** What an operation is asked for: its inputs in order, and its parameters. */
export interface OperationCase {
  readonly op: string;
  readonly inputs: readonly OperationInput[];
  readonly params: ReadonlyMap<string, Parameter>;
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

// ---- what is asked for

const binders = (count: number): readonly string[] => Array.from({ length: count }, (_, k) => `i${k}`);

const listed = (names: readonly string[]): string => names.join(", ");

const shapeOf = ({ inputs }: OperationCase): readonly number[] => inputs[0]?.shape ?? [];

const nameOf = ({ inputs }: OperationCase, k = 0): string => inputs[k]?.name ?? "";

const numberOf = ({ params, op }: OperationCase, name: string): number => {
  const value = params.get(name);
  if (typeof value !== "number") throw new Error(`${op} needs the number ${name}`);
  return value;
};

/** Axes from 0 on; negative ones count from the last. Each once. */
const axesFrom = (operation: OperationCase, asked: readonly number[]): readonly number[] => {
  const rank = shapeOf(operation).length;
  const axes = asked.map((axis) => (axis < 0 ? axis + rank : axis));
  const isSound = axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank);
  if (!isSound || new Set(axes).size < axes.length)
    throw new Error(`${operation.op} of ${rank} dimensions cannot be along the axes ${asked.join(", ")}`);
  return axes;
};

const axesOf = (operation: OperationCase, name: string, standard: readonly number[]): readonly number[] => {
  const asked = operation.params.get(name) ?? standard;
  if (typeof asked === "string" || typeof asked === "boolean")
    throw new Error(`${operation.op} needs ${name} as a number or a list of them`);
  return axesFrom(operation, typeof asked === "number" ? [asked] : asked);
};

/** The one axis that has to be given. */
const axisOf = (operation: OperationCase): number => {
  const [axis = 0] = axesFrom(operation, [numberOf(operation, "axis")]);
  return axis;
};

const flagOf = ({ params, op }: OperationCase, name: string): "on" | "off" => {
  const value = params.get(name) ?? false;
  if (value === true || value === 1) return "on";
  if (value === false || value === 0) return "off";
  throw new Error(`${op} needs ${name} as true or false`);
};

/** Those of the parameters that are options of the library's function, as they are written in a call. */
const optionsOf = ({ params, op }: OperationCase, names: Iterable<string>): string => {
  const options = [...names].flatMap((name) => {
    const value = params.get(name);
    if (value === undefined) return [];
    if (typeof value !== "number") throw new Error(`${op} needs ${name} as a number`);
    return [`${name} = ${value}`];
  });
  return options.length === 0 ? "" : `; ${listed(options)}`;
};

// ---- bodies

const whole = (result: readonly string[], value: string): string =>
  result.length === 0 ? `  return ${value}` : `  y[${listed(result)}] = ${value}\n  return y`;

/** The lines of a body, and the functions of the library in them. */
interface Body {
  readonly lines: string;
  readonly uses?: readonly string[];
}

interface Family {
  /** The parameters that it knows; any other is an error. */
  readonly params: readonly string[];
  readonly body: (operation: OperationCase, extent: (size: number) => string) => Body;
}

/** `reducer[axes](x[…])`; without axes, over all of them. */
const overAxes = (reducer: string, options: readonly string[] = []): Family => ({
  params: ["axis", "keepdims", ...options],
  body: (operation) => {
    const all = binders(shapeOf(operation).length);
    const axes = axesOf(operation, "axis", [...all.keys()]);
    if (axes.length === 0) throw new Error(`${operation.op} needs an axis to reduce`);
    const keeps = flagOf(operation, "keepdims") === "on";
    const reduced = all.filter((_, k) => axes.includes(k));
    const kept = all.flatMap((name, k) => (axes.includes(k) ? (keeps ? [`one${k} < 1`] : []) : [name]));
    const read = `${nameOf(operation)}[${listed(all)}]`;
    const value = `${reducer}[${listed(reduced)}](${read}${optionsOf(operation, options)})`;
    return { lines: whole(kept, value), uses: [reducer] };
  },
});

/** A function along the last dimension, along any: the dimension is moved there and back. */
const alongAxis = (fn: string, axisIn: (operation: OperationCase) => number): Family => ({
  params: ["axis"],
  body: (operation) => {
    const [axis, all, x] = [axisIn(operation), binders(shapeOf(operation).length), nameOf(operation)];
    if (axis === all.length - 1) return { lines: `  return ${fn}(${x})`, uses: [fn] };
    const moved = listed([...all.filter((_, k) => k !== axis), `i${axis}`]);
    const lines = [
      `  moved[${moved}] = ${x}[${listed(all)}]`,
      `  done = ${fn}(moved)`,
      `  y[${listed(all)}] = done[${moved}]`,
      "  return y",
    ];
    return { lines: lines.join("\n"), uses: [fn] };
  },
});

const lastAxis = (operation: OperationCase): number => {
  const [axis = 0, ...more] = axesOf(operation, "axis", [-1]);
  if (more.length > 0) throw new Error(`${operation.op} is along one axis`);
  return axis;
};

const PRODUCTS: ReadonlyMap<string, string> = new Map([
  ["1,1", "dot"],
  ["1,2", "vecmat"],
  ["2,1", "matvec"],
  ["2,2", "matmul"],
]);

/** The indices of leading dimensions that broadcast, aligned at the last: 0 where the extent is 1. */
const broadcast = (shape: readonly number[], batch: readonly string[]): readonly string[] => {
  const names = batch.slice(batch.length - shape.length);
  return shape.map((size, k) => (size === 1 ? "0" : (names[k] ?? "")));
};

/** Products of stacks of matrices: the last two dimensions are multiplied, those before them broadcast. */
const batchedProduct = ([a, b]: readonly OperationInput[]): string => {
  const [left = [], right = []] = [a?.shape.slice(0, -2), b?.shape.slice(0, -2)];
  const rank = Math.max(left.length, right.length);
  const batch = binders(rank);
  const sizes = batch.map((_, k) =>
    Math.max(...[left, right].map((shape) => shape[k - (rank - shape.length)] ?? 1)),
  );
  const result = batch.map((name, k) => (sizes[k] === 1 ? `${name} < 1` : name));
  const read = (input: OperationInput | undefined, shape: readonly number[], last: string): string =>
    `${input?.name ?? ""}[${listed([...broadcast(shape, batch), last])}]`;
  const value = `sum[k](${read(a, left, "m, k")} * ${read(b, right, "k, n")})`;
  return whole([...result, "m", "n"], value);
};

const matmul: Family = {
  params: [],
  body: ({ inputs }) => {
    const ranks = inputs.map(({ shape }) => shape.length);
    const product = PRODUCTS.get(ranks.join());
    if (product !== undefined)
      return { lines: `  return ${product}(${listed(inputs.map(({ name }) => name))})`, uses: [product] };
    if (ranks.length !== 2 || ranks.some((rank) => rank < 2))
      throw new Error(`no product of arrays of ranks ${ranks.join()}`);
    return { lines: batchedProduct(inputs) };
  },
};

const transpose: Family = {
  params: ["axes"],
  body: (operation) => {
    const all = binders(shapeOf(operation).length);
    const axes = axesOf(operation, "axes", [...all.keys()].reverse());
    if (axes.length < all.length) throw new Error("transpose needs all axes");
    const result = axes.map((axis) => all[axis] ?? "");
    return { lines: whole(result, `${nameOf(operation)}[${listed(all)}]`) };
  },
};

/** The slope is per channel: axis 1; or one for all. */
const prelu: Family = {
  params: [],
  body: (operation) => {
    const [all, a] = [binders(shapeOf(operation).length), operation.inputs[1]];
    const isShared = a?.shape.every((size) => size === 1) === true || all.length < 2;
    const slope = isShared ? a?.shape.map(() => "0") : ["i1"];
    const at = slope === undefined || slope.length === 0 ? "" : `[${listed(slope)}]`;
    if (all.length === 0) return { lines: `  return prelu(${nameOf(operation)}, a${at})`, uses: ["prelu"] };
    return {
      lines: whole(all, `prelu(${nameOf(operation)}[${listed(all)}], ${a?.name ?? ""}${at})`),
      uses: ["prelu"],
    };
  },
};

/** Any number of arrays, each read where the ones before it end. */
const concat: Family = {
  params: ["axis"],
  body: (operation) => {
    const [axis, all] = [axisOf(operation), binders(shapeOf(operation).length)];
    let total = 0;
    const reads = operation.inputs.map(({ name, shape }) => {
      const place = all.map((each, k) => (k === axis && total > 0 ? `${each} - ${total}` : each));
      total += shape[axis] ?? 0;
      return `(${name}[${listed(place)}] ?? 0)`;
    });
    const result = all.map((name, k) => (k === axis ? `${name} < ${total}` : name));
    return { lines: whole(result, reads.join(" + ")) };
  },
};

/** All dimensions but the first as one, for any rank: k = (i1·N2 + i2)·N3 + i3 … */
const flatten: Family = {
  params: [],
  body: (operation, extent) => {
    const [shape, x] = [shapeOf(operation), nameOf(operation)];
    if (shape.length < 2) throw new Error("flatten needs two dimensions");
    if (shape.length === 4) return { lines: `  return flatten(${x})`, uses: ["flatten"] };
    const sizeFrom = (k: number): string => shape.slice(k).map(extent).join(" * ");
    const places = shape.slice(1).map((size, k, { length }) => {
      const quotient = k === length - 1 ? "k" : `k // (${sizeFrom(k + 2)})`;
      return k === 0 ? quotient : `${quotient} % ${extent(size)}`;
    });
    return { lines: whole(["n", `k < ${sizeFrom(1)}`], `${x}[n, ${listed(places)}]`) };
  },
};

/** Windows lie side by side unless a stride is given. */
const pooling: Family = {
  params: ["kernel", "stride", "pad"],
  body: (operation) => {
    const { op, inputs, params } = operation;
    const stride = params.get("stride") ?? params.get("kernel");
    const all = {
      op,
      inputs,
      params: new Map([...params, ...(stride === undefined ? [] : [["stride", stride] as const])]),
    };
    return callOf(all);
  },
};

/** An exponent that is a parameter is a number of the program. */
const power: Family = {
  params: ["b"],
  body: (operation) => {
    const [a, b] = [nameOf(operation), operation.inputs[1]?.name];
    return { lines: `  return power(${a}, ${b ?? numberOf(operation, "b")})`, uses: ["power"] };
  },
};

const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ["sum", overAxes("sum")],
  ["mean", overAxes("mean")],
  ["max", overAxes("max")],
  ["min", overAxes("min")],
  ["prod", overAxes("prod")],
  ["variance", overAxes("variance", ["ddof"])],
  ["std", overAxes("std", ["ddof"])],
  ["norm", overAxes("norm")],
  ["logsumexp", overAxes("logsumexp")],
  ["median", overAxes("median")],
  ["percentile", overAxes("percentile", ["p"])],
  ["softmax", alongAxis("softmax", lastAxis)],
  ["log_softmax", alongAxis("log_softmax", lastAxis)],
  ["cumsum", alongAxis("cumsum", axisOf)],
  ["matmul", matmul],
  ["transpose", transpose],
  ["prelu", prelu],
  ["concat", concat],
  ["flatten", flatten],
  ["maxpool2d", pooling],
  ["avgpool2d", pooling],
  ["power", power],
]);

/** A call of the library's function of that name, with the parameters as options; it knows which it has. */
const callOf = (operation: OperationCase): Body => {
  const args = listed(operation.inputs.map(({ name }) => name));
  const options = optionsOf(operation, operation.params.keys());
  return { lines: `  return ${operation.op}(${args}${options})`, uses: [operation.op] };
};

const bodyOf = (operation: OperationCase, extents: Extents): Body => {
  const family = FAMILIES.get(operation.op);
  if (family === undefined) return callOf(operation);
  const unknown = [...operation.params.keys()].find((name) => !family.params.includes(name));
  if (unknown === undefined) return family.body(operation, EXTENT[extents]);
  const known = family.params.length === 0 ? "none" : listed(family.params);
  throw new Error(`${operation.op} has no parameter ${unknown}; there is: ${known}`);
};

interface Names {
  readonly has: (name: string) => boolean;
}

/** Whether there is a definition of the operation. */
export const isDefined = (op: string, library: Names): boolean => FAMILIES.has(op) || library.has(op);

/** The definition of a case, as a function of that name. A parameter that the operation does not have is an error. */
export const sourceOf = (name: string, operation: OperationCase, extents: Extents): CaseSource => {
  const { lines, uses = [] } = bodyOf(operation, extents);
  return { name, text: `fn ${name}(${signatureOf(operation.inputs, extents)}) {\n${lines}\n}\n`, uses };
};
