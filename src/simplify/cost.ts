/**
 * Program → its number of scalar operations, as a polynomial in the dimensions and as a number for comparing. One pass over
 * each definition's body.
 *
 * The counting rule. Each node of a definition's body counts once for every value of its own free indices (what does not
 * depend on a loop is computed outside of it), and each element that enters a reduction counts one more. Additions,
 * subtractions, multiplications, divisions, comparisons, selections and function calls are one operation each. A sum or
 * product of n operands is n - 1 operations, and those of fewest loops are combined first; a product with a factor b^-1 is
 * a division. Free are: a change of sign, arithmetic of constants alone, index arithmetic, and tests of indices alone (they
 * become loop bounds). x² is one multiplication, x³ two, √x one operation, 1/√x two.
 */
import {
  affine, halvesOf, inDependencyOrder, loopIndices, operandsOf, range, reachable, symmetricOutputs,
} from "../ir/index.ts"; // prettier-ignore
import type {
  Affine, Arena, Atom, BinaryOp, Definition, Half, Index, Kind, Node, NodeOf, Power, Product, Program, Sum, Tensor, UnaryOp,
} from "../ir/index.ts"; // prettier-ignore

/** What an operation is worth when two forms are compared; an addition is 1. */
const DIVISION = 4;
const SQUARE_ROOT = 5;
const GENERAL_POWER = 24;

const UNARY_WEIGHT: { readonly [K in UnaryOp]: number } = {
  exp: 10,
  expm1: 12,
  log: 12,
  log1p: 13,
  sin: 14,
  cos: 14,
  tan: 18,
  asin: 16,
  acos: 16,
  atan: 16,
  sinh: 16,
  cosh: 16,
  tanh: 14,
  asinh: 18,
  acosh: 18,
  atanh: 18,
  erf: 16,
  erfc: 18,
  sigmoid: 15,
  softplus: 20,
  abs: 1,
  sign: 1,
  floor: 1,
  ceil: 1,
  round: 1,
  trunc: 1,
};

const BINARY_WEIGHT: { readonly [K in BinaryOp]: number } = {
  pow: GENERAL_POWER,
  atan2: 20,
  hypot: 10,
  max: 1,
  min: 1,
  floordiv: 5,
  mod: 6,
};

/** Operations done once for every value of some indices. */
interface Charge {
  readonly indices: readonly Index[];
  readonly operations: number;
  readonly weight: number;
}

/** The extents that comparing assumes for dimensions known only at run time. */
const NOMINAL = 64;

export const nominal = (a: Affine): number => {
  const value = (part: Affine): number =>
    part.terms.reduce(
      (total, term) =>
        total + term.atoms.reduce((product, atom) => product * atomValue(atom), term.coefficient),
      part.constant,
    );
  const atomValue = (atom: Atom): number => {
    switch (atom.kind) {
      case "dim":
        return Math.max(atom.min, NOMINAL);
      case "floordiv":
        return Math.floor(value(atom.value) / value(atom.by));
      case "mod":
        return value(atom.value) % value(atom.by);
      case "index":
      case "data":
        return 1;
    }
  };
  return Math.max(1, value(a));
};

export const nominalSize = (indices: readonly Index[]): number =>
  indices.reduce((product, index) => product * nominal(index.extent), 1);

/** What the charges of a node depend on beyond itself. */
interface Context {
  readonly ir: Arena;
  /** No input, option or index below: computed when the kernel is made. */
  readonly isStatic: (node: Node) => boolean;
  readonly isIndexTest: (node: Node) => boolean;
  /** A reciprocal that something other than a product uses. */
  readonly isBare: (node: Power) => boolean;
}

const free: readonly Charge[] = [];
const once = (node: Node, operations: number, weight: number): readonly Charge[] => [
  { indices: node.indices, operations, weight },
];

const wholePower = (n: number): number => {
  let operations = -2;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) operations += 1 + (rest % 2);
  return operations;
};

/** x^|exponent|: multiplications, a square root, or one general power. */
const positivePower = ({ exponent }: Power): { operations: number; weight: number } => {
  const magnitude = Math.abs(exponent.num) / exponent.den;
  const whole = Math.floor(magnitude);
  if (exponent.den === 1) return { operations: wholePower(whole), weight: wholePower(whole) };
  if (exponent.den !== 2) return { operations: 1, weight: GENERAL_POWER };
  const multiplications = whole === 0 ? 0 : wholePower(whole) + 1;
  return { operations: multiplications + 1, weight: multiplications + SQUARE_ROOT };
};

/** Operands combined from those of fewest loops to those of most. */
const association = (args: readonly Node[], context: Context): readonly Charge[] => {
  const dynamic = args.filter((arg) => !context.isStatic(arg));
  const first = args.find(context.isStatic);
  const items = dynamic
    .map((arg) => ({ id: arg.id, indices: arg.indices, size: nominalSize(arg.indices) }))
    .sort((a, b) => a.size - b.size || a.id - b.id);
  const charges: Charge[] = [];
  let reached = first?.indices ?? items.shift()?.indices ?? [];
  for (const { indices } of items) {
    reached = context.ir.union([reached, indices]);
    charges.push({ indices: reached, operations: 1, weight: 1 });
  }
  return charges;
};

const isMinusOne = (node: Node): boolean => node.kind === "constant" && node.value === -1;
const isReciprocal = (node: Node): node is Power => node.kind === "power" && node.exponent.num < 0;

const productCharges = (node: Product, context: Context): readonly Charge[] => {
  const factors = node.args.filter((arg) => !isMinusOne(arg));
  // a reciprocal that stands somewhere by itself is there to be multiplied by
  const denominators = factors.filter(
    (arg) => isReciprocal(arg) && !context.isStatic(arg) && !context.isBare(arg),
  );
  const charges = association(factors, context);
  if (denominators.length === 0) return charges;
  const indices = context.ir.union(denominators.map((each) => each.indices));
  const operations = denominators.length === factors.length ? 1 : 0;
  return [...charges, { indices, operations, weight: operations + DIVISION - 1 }];
};

const powerCharges = (node: Power, context: Context): readonly Charge[] => {
  const { operations, weight } = positivePower(node);
  const divides = node.exponent.num < 0 && context.isBare(node);
  return once(node, operations + (divides ? 1 : 0), weight + (divides ? DIVISION : 0));
};

/** `a - b` is one operation: the sign is not. */
const sumCharges = (node: Sum, context: Context): readonly Charge[] => association(node.args, context);

const CHARGES: { readonly [K in Kind]: (node: NodeOf<K>, context: Context) => readonly Charge[] } = {
  constant: () => free,
  zero: () => free,
  option: () => free,
  index: () => free,
  read: () => free,
  boolean: () => free,
  inrange: () => free,
  divides: () => free,
  iszero: () => free,
  stopgradient: () => free,
  delta: () => free,
  not: () => free,
  unary: (node) => once(node, 1, UNARY_WEIGHT[node.op]),
  binary: (node) => once(node, 1, BINARY_WEIGHT[node.op]),
  power: powerCharges,
  sum: sumCharges,
  product: productCharges,
  compare: (node, context) => (context.isIndexTest(node) ? free : once(node, 1, 1)),
  and: (node, context) => (context.isIndexTest(node) ? free : once(node, node.args.length - 1, 1)),
  or: (node, context) => (context.isIndexTest(node) ? free : once(node, node.args.length - 1, 1)),
  select: (node) => once(node, 1, 1),
  // decided as often as the test has another outcome
  guard: (node, context) => (context.isIndexTest(node.test) ? free : once(node.test, 1, 1)),
};

// A table row takes its own kind; the lookup by `node.kind` always finds that row.
const chargesRow = (kind: Kind): ((node: Node, context: Context) => readonly Charge[]) =>
  CHARGES[kind] as (node: Node, context: Context) => readonly Charge[];

const INDEX_TESTS: ReadonlySet<Kind> = new Set<Kind>(["inrange", "divides", "iszero", "boolean"]);
const CONNECTIVES: ReadonlySet<Kind> = new Set<Kind>(["and", "or", "not"]);

const isIndexTestGiven = (node: Node, known: ReadonlySet<Node>): boolean => {
  if (INDEX_TESTS.has(node.kind)) return true;
  if (node.kind === "compare") {
    return [node.a, node.b].every((side) => side.kind === "index" || side.kind === "constant");
  }
  return CONNECTIVES.has(node.kind) && operandsOf(node).every((arg) => known.has(arg));
};

const STATIC_LEAVES: ReadonlySet<Kind> = new Set<Kind>(["constant", "zero", "boolean"]);
const DYNAMIC_LEAVES: ReadonlySet<Kind> = new Set<Kind>([
  "option", "index", "read", "inrange", "divides", "iszero", "delta",
]); // prettier-ignore

const contextOf = (ir: Arena, nodes: readonly Node[], roots: readonly Node[]): Context => {
  const isStatic = new Set<Node>();
  const tests = new Set<Node>();
  const bare = new Set<Node>(roots);
  for (const node of nodes) {
    const args = operandsOf(node);
    if (STATIC_LEAVES.has(node.kind)) isStatic.add(node);
    else if (!DYNAMIC_LEAVES.has(node.kind) && args.every((arg) => isStatic.has(arg))) isStatic.add(node);
    if (isIndexTestGiven(node, tests)) tests.add(node);
    if (node.kind !== "product") for (const arg of args) if (isReciprocal(arg)) bare.add(arg);
  }
  return {
    ir,
    isStatic: (node) => isStatic.has(node),
    isIndexTest: (node) => tests.has(node),
    isBare: (node) => bare.has(node),
  };
};

const chargesOfNodes = (ir: Arena, nodes: readonly Node[], roots: readonly Node[]): readonly Charge[] => {
  const context = contextOf(ir, nodes, roots);
  return nodes.flatMap((node) => (context.isStatic(node) ? [] : chargesRow(node.kind)(node, context)));
};

const chargesOfBody = (ir: Arena, body: Node): readonly Charge[] =>
  chargesOfNodes(ir, reachable([body]), [body]);

/** The weight of `root` without what is below the `leaves`. */
export const weightAbove = (ir: Arena, root: Node, leaves: ReadonlySet<Node>): number => {
  const inner = new Set<Node>([root]);
  for (const node of inner) {
    for (const arg of operandsOf(node)) if (!leaves.has(arg)) inner.add(arg);
  }
  const nodes = [...inner].sort((a, b) => a.id - b.id);
  return total(chargesOfNodes(ir, nodes, [root]), "weight");
};

const chargesOf = (ir: Arena, definition: Definition): readonly Charge[] => {
  const body = chargesOfBody(ir, definition.body);
  const combined = definition.reduction !== undefined || definition.target !== undefined;
  const loops = ir.union([loopIndices(definition)]);
  return combined ? [...body, { indices: loops, operations: 1, weight: 1 }] : body;
};

/** The operations of an expression that is evaluated once for every value of its indices, weighted. */
export const bodyWeight = (ir: Arena, body: Node): number => total(chargesOfBody(ir, body), "weight");

const total = (charges: readonly Charge[], what: "weight" | "operations"): number =>
  charges.reduce((sum, charge) => sum + charge[what] * nominalSize(charge.indices), 0);

/** The operations of straight-line values that share what is equal, each done once. */
export const straightOperations = (ir: Arena, values: readonly Node[]): number =>
  chargesOfNodes(ir, reachable(values), values).reduce((sum, { operations }) => sum + operations, 0);

/** For comparing: expensive operations weigh more than one. */
export const definitionWeight = (ir: Arena, definition: Definition): number =>
  total(chargesOf(ir, definition), "weight");

export interface OperationCount {
  /** Exact, for any extents. */
  readonly operations: Affine;
  /** `12·N·C + 3·N` */
  readonly text: string;
  /** With every extent that is open taken to be 64. */
  readonly nominal: number;
}

const spaceOf = (ir: Arena, indices: readonly Index[]): Affine =>
  indices.reduce((product, index) => affine.times(ir, product, index.extent), affine.fixed(ir, 1));

interface Charged {
  readonly definition: Definition;
  /** Of a definition of which one half is needed, i ≤ j: the indices i and j. */
  readonly half: readonly (Index | undefined)[];
}

const countOf = (ir: Arena, all: readonly Charged[]): OperationCount => {
  let [whole, twice] = [affine.fixed(ir, 0), affine.fixed(ir, 0)];
  let rough = 0;
  for (const { definition, half } of all) {
    const charges = chargesOf(ir, definition);
    const isHalf = ({ indices }: Charge): boolean =>
      half.length > 0 && half.every((index) => index !== undefined && indices.includes(index));
    const extent = half[0]?.extent ?? affine.fixed(ir, 1);
    for (const [indices, count] of bySpace(charges.filter((charge) => !isHalf(charge))))
      whole = affine.plus(ir, whole, affine.scale(ir, spaceOf(ir, indices), count));
    for (const [indices, count] of bySpace(charges.filter(isHalf))) {
      // n (n + 1) / 2 pairs with i ≤ j
      const others = spaceOf(ir, indices.filter((index) => index !== half[0])); // prettier-ignore
      const pairs = affine.times(ir, others, affine.plus(ir, extent, affine.fixed(ir, 1)));
      twice = affine.plus(ir, twice, affine.scale(ir, pairs, count));
    }
    const part = (nominal(extent) + 1) / (2 * nominal(extent));
    rough += total(charges.filter((each) => !isHalf(each)), "operations"); // prettier-ignore
    rough += part * total(charges.filter(isHalf), "operations");
  }
  const operations = affine.plus(ir, whole, range.floordiv(ir, twice, affine.fixed(ir, 2)));
  return { operations, text: polynomialText(operations), nominal: rough };
};

const bySpace = (charges: readonly Charge[]): ReadonlyMap<readonly Index[], number> => {
  const counts = new Map<readonly Index[], number>();
  for (const { indices, operations } of charges) counts.set(indices, (counts.get(indices) ?? 0) + operations);
  return counts;
};

export const definitionOperations = (ir: Arena, definition: Definition): OperationCount =>
  countOf(ir, [{ definition, half: [] }]);

/** Of what is symmetric one half is counted: the other one is copied. */
export const operationCount = (ir: Arena, program: Program): OperationCount => {
  const outputs = new Set(program.outputs.map(({ tensor }) => tensor));
  const symmetric = symmetricOutputs(program);
  const halves =
    symmetric.size === 0
      ? new Map<Tensor, Half>()
      : halvesOf(inDependencyOrder(ir, program.definitions), outputs, symmetric);
  const charged = program.definitions.map((definition): Charged => {
    const half = halves.get(definition.tensor);
    const indices = half === undefined ? [] : [definition.indices[half.row], definition.indices[half.column]];
    return { definition, half: indices };
  });
  return countOf(ir, charged);
};

const atomText = (atom: Atom): string => {
  switch (atom.kind) {
    case "dim":
      return atom.name;
    case "index":
      return atom.index.name;
    case "floordiv":
      return `⌊(${polynomialText(atom.value)})/${divisorText(atom.by)}⌋`;
    case "mod":
      return `((${polynomialText(atom.value)}) mod (${polynomialText(atom.by)}))`;
    case "data":
      return "·";
  }
};

const divisorText = (by: Affine): string =>
  by.terms.length === 0 ? polynomialText(by) : `(${polynomialText(by)})`;

/** Highest degree first, then by name. */
export const polynomialText = (a: Affine): string => {
  const terms = a.terms.map((term) => ({
    degree: term.atoms.length,
    coefficient: term.coefficient,
    name: term.atoms.map(atomText).join("·"),
  }));
  terms.sort((p, q) => q.degree - p.degree || (p.name < q.name ? -1 : 1));
  if (a.constant !== 0 || terms.length === 0) terms.push({ degree: 0, coefficient: a.constant, name: "" });
  return terms.map(termText).join("");
};

const termText = (term: { coefficient: number; name: string }, position: number): string => {
  const sign = term.coefficient < 0 ? (position === 0 ? "-" : " - ") : position === 0 ? "" : " + ";
  const magnitude = Math.abs(term.coefficient);
  const factors = [...(magnitude === 1 && term.name !== "" ? [] : [`${magnitude}`]), term.name];
  return sign + factors.filter((factor) => factor !== "").join("·");
};
