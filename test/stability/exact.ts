/**
 * The value of a program as it is written, in numbers of 1,400 bits: no rule of the compiler has a part in it. For the sizes
 * of tests: every node is evaluated anew for each element.
 */
import type { GivenArray } from "../../src/eval/index.ts";
import type { Affine, Atom, Definition, Index, Node, Program, ReduceOp, Tensor } from "../../src/ir/index.ts"; // prettier-ignore
import { add, BINARY, compare, divide, fromNumber, multiply, power, toNumber, UNARY, type Extended } from "./bigfloat.ts"; // prettier-ignore

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly Extended[];
}

interface Scope {
  readonly dims: ReadonlyMap<string, number>;
  readonly options: ReadonlyMap<string, number>;
  readonly tensors: Map<Tensor, Stored>;
  readonly indices: Map<Index, number>;
}

const floorDivide = (a: number, b: number): number => Math.floor(a / b);

const atomAt = (scope: Scope, atom: Atom): number => {
  switch (atom.kind) {
    case "dim":
      return scope.dims.get(atom.name) ?? NaN;
    case "index":
      return scope.indices.get(atom.index) ?? NaN;
    case "floordiv":
      return floorDivide(affineAt(scope, atom.value), affineAt(scope, atom.by));
    case "mod": {
      const [value, by] = [affineAt(scope, atom.value), affineAt(scope, atom.by)];
      return value - by * floorDivide(value, by);
    }
    case "data":
      return toNumber(valueAt(scope, atom.node));
  }
};

const affineAt = (scope: Scope, a: Affine): number =>
  a.terms.reduce(
    (total, { coefficient, atoms }) =>
      total + atoms.reduce((product, atom) => product * atomAt(scope, atom), coefficient),
    a.constant,
  );

const zero = fromNumber(0);
const one = fromNumber(1);
const truth = (holds: boolean): Extended => (holds ? one : zero);
const isTrue = (x: Extended): boolean => toNumber(x) === 1;

const COMPARE = {
  "<": (order: number) => order < 0,
  "<=": (order: number) => order <= 0,
  "==": (order: number) => order === 0,
  "!=": (order: number) => order !== 0,
} as const;

const readAt = (scope: Scope, node: Node & { kind: "read" }): Extended => {
  const array = scope.tensors.get(node.tensor);
  if (array === undefined) throw new Error(`no value of ${node.tensor.name}`);
  const offset = node.at.reduce((sum, a, k) => sum * (array.shape[k] ?? 0) + affineAt(scope, a), 0);
  return array.data[offset] ?? NaN;
};

/** Only the nodes that selections ask for are evaluated. */
const valueAt = (scope: Scope, root: Node, known = new Map<Node, Extended>()): Extended => {
  const found = known.get(root);
  if (found !== undefined) return found;
  const value = compute(scope, root, (node) => valueAt(scope, node, known));
  known.set(root, value);
  return value;
};

const compute = (scope: Scope, node: Node, of: (node: Node) => Extended): Extended => {
  switch (node.kind) {
    case "constant":
      return node.exact === undefined
        ? fromNumber(node.value)
        : divide(fromNumber(node.exact.num), fromNumber(node.exact.den));
    case "zero":
      return zero;
    case "option":
      return fromNumber(scope.options.get(node.name) ?? NaN);
    case "index":
      return fromNumber(affineAt(scope, node.value));
    case "read":
      return readAt(scope, node);
    case "unary":
      return UNARY[node.op](of(node.a));
    case "binary":
      return BINARY[node.op](of(node.a), of(node.b));
    case "power":
      return power(of(node.base), node.exponent.num, node.exponent.den);
    case "sum":
      return node.args.map(of).reduce(add);
    case "product":
      return node.args.map(of).reduce(multiply);
    case "boolean":
      return truth(node.value);
    case "compare":
      return truth(COMPARE[node.op](compare(of(node.a), of(node.b))));
    case "and":
      return truth(node.args.every((arg) => isTrue(of(arg))));
    case "or":
      return truth(node.args.some((arg) => isTrue(of(arg))));
    case "not":
      return truth(!isTrue(of(node.a)));
    case "inrange": {
      const value = affineAt(scope, node.value);
      return truth(0 <= value && value < affineAt(scope, node.extent));
    }
    case "divides":
      return truth(affineAt(scope, node.value) % affineAt(scope, node.by) === 0);
    case "iszero":
      return truth(affineAt(scope, node.value) === 0);
    case "select":
      return isTrue(of(node.test)) ? of(node.then) : of(node.else);
    case "guard":
      return isTrue(of(node.test)) ? of(node.a) : zero;
    case "stopgradient":
      return of(node.a);
    case "delta":
      return truth(affineAt(scope, node.a) === affineAt(scope, node.b));
  }
};

const REDUCE: { readonly [K in ReduceOp]?: readonly [Extended, (a: Extended, b: Extended) => Extended] } = {
  sum: [zero, add],
  prod: [one, multiply],
  max: [-Infinity, BINARY.max],
  min: [Infinity, BINARY.min],
  maxfirst: [-Infinity, BINARY.max],
  minfirst: [Infinity, BINARY.min],
};

/** Sets the indices to every place of a box in turn. */
const everywhere = (scope: Scope, indices: readonly Index[], visit: () => void): void => {
  const [first, ...others] = indices;
  if (first === undefined) {
    visit();
    return;
  }
  const extent = affineAt(scope, first.extent);
  for (let k = 0; k < extent; k++) {
    scope.indices.set(first, k);
    everywhere(scope, others, visit);
  }
};

const run = (scope: Scope, { tensor, indices, reduction, target, body }: Definition): void => {
  if (target !== undefined) throw new Error("a scatter is not evaluated exactly");
  const data: Extended[] = [];
  scope.tensors.set(tensor, { shape: tensor.shape.map((extent) => affineAt(scope, extent)), data });
  everywhere(scope, indices, () => {
    if (reduction === undefined) {
      data.push(valueAt(scope, body));
      return;
    }
    const rule = REDUCE[reduction.op];
    if (rule === undefined) throw new Error(`${reduction.op} is not evaluated exactly`);
    let total: Extended = rule[0];
    everywhere(scope, reduction.indices, () => {
      total = rule[1](total, valueAt(scope, body));
    });
    data.push(total);
  });
};

export interface ExactInputs {
  readonly tensors: ReadonlyMap<string, GivenArray>;
  readonly dims: ReadonlyMap<string, number>;
  readonly options: ReadonlyMap<string, number>;
}

/** The outputs, rounded to doubles. */
export const evaluateExactly = (
  program: Program,
  inputs: ExactInputs,
): ReadonlyMap<string, readonly number[]> => {
  const given = program.inputs.map((tensor): [Tensor, Stored] => {
    const { shape, data } = inputs.tensors.get(tensor.name) ?? { shape: [], data: [] };
    return [tensor, { shape, data: Array.from(data, fromNumber) }];
  });
  const scope: Scope = { ...inputs, tensors: new Map(given), indices: new Map() };
  for (const definition of program.definitions) run(scope, definition);
  return new Map(
    program.outputs.map(({ name, tensor }) => [name, (scope.tensors.get(tensor)?.data ?? []).map(toNumber)]),
  );
};
