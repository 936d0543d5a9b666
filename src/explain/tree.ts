/**
 * Formulas as trees that text, LaTeX and other notations are written from. In: definitions of a program; out: equations, with
 * what is used often or deep named beside them. Nodes are visited once, operands first: it ends.
 */
import {
  loopIndices, operandsOf, reachable, type Affine, type Atom, type Definition, type Index, type Kind, type Node, type NodeOf,
  type Program, type Rational, type ReduceOp,
} from "../ir/index.ts"; // prettier-ignore

export type Relation = "<" | "≤" | ">" | "≥" | "=" | "≠" | "∈" | "∣";

export type Tree =
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "name"; readonly text: string }
  /** name[indices] */
  | { readonly kind: "element"; readonly name: string; readonly indices: readonly Tree[] }
  | { readonly kind: "sum"; readonly terms: readonly Term[] }
  | { readonly kind: "product"; readonly factors: readonly Tree[] }
  | { readonly kind: "fraction"; readonly over: Tree; readonly under: Tree }
  | { readonly kind: "power"; readonly base: Tree; readonly exponent: Tree }
  | { readonly kind: "root"; readonly of: Tree }
  | { readonly kind: "negative"; readonly of: Tree }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Tree[] }
  | { readonly kind: "magnitude"; readonly of: Tree }
  | { readonly kind: "floor"; readonly of: Tree }
  | { readonly kind: "reduce"; readonly op: ReduceOp; readonly over: readonly string[]; readonly of: Tree }
  | { readonly kind: "relation"; readonly relation: Relation; readonly left: Tree; readonly right: Tree }
  | { readonly kind: "range"; readonly value: Tree; readonly extent: Tree }
  | { readonly kind: "connective"; readonly word: "and" | "or"; readonly of: readonly Tree[] }
  | { readonly kind: "not"; readonly of: Tree }
  /** 1 where the condition holds, else nothing. */
  | { readonly kind: "indicator"; readonly test: Tree }
  | { readonly kind: "cases"; readonly test: Tree; readonly then: Tree; readonly else: Tree };

export interface Term {
  readonly negative: boolean;
  readonly of: Tree;
}

export interface Equation {
  readonly left: Tree;
  readonly right: Tree;
  /** Names for parts of `right`, in an order in which each mentions only earlier ones. */
  readonly where: readonly { readonly name: string; readonly is: Tree }[];
}

const number = (value: number): Tree => ({ kind: "number", text: String(value) });
const name = (text: string): Tree => ({ kind: "name", text });
const call = (word: string, args: readonly Tree[]): Tree => ({ kind: "call", name: word, args });

const negate = (of: Tree): Tree => (of.kind === "negative" ? of.of : { kind: "negative", of });

const productOf = (factors: readonly Tree[]): Tree => {
  const [first = number(1), ...others] = factors;
  return others.length === 0 ? first : { kind: "product", factors };
};

const sumOf = (terms: readonly Term[]): Tree => {
  const [first, ...others] = terms;
  if (first === undefined) return number(0);
  if (others.length === 0) return first.negative ? negate(first.of) : first.of;
  // a sum reads better when it does not begin with a minus
  const positive = terms.find((term) => !term.negative);
  const ordered = positive === undefined ? terms : [positive, ...terms.filter((term) => term !== positive)];
  return { kind: "sum", terms: ordered };
};

const asTerm = (of: Tree): Term =>
  of.kind === "negative" ? { negative: true, of: of.of } : { negative: false, of };

/** A power of ten that every fraction which somebody wrote as a decimal divides. */
const DECIMALS = 1e15;
/** 1/10 of x reads as x / 10, and a millionth of it as 1e-6 · x. */
const LONG = 1000;

/** 3/10 is 0.3 to a reader, and 1/1000000 is 1e-6; 3/8 and 1/3 stay fractions. */
const isDecimal = ({ num, den }: Rational): boolean =>
  den % 5 === 0 && DECIMALS % den === 0 && Math.abs(num) < DECIMALS;

const rationalTree = (value: Rational): Tree => {
  const { num, den } = value;
  const magnitude = Math.abs(num);
  const tree: Tree =
    den === 1 || isDecimal(value)
      ? number(magnitude / den)
      : { kind: "fraction", over: number(magnitude), under: number(den) };
  return num < 0 ? negate(tree) : tree;
};

// ---- index expressions

interface Names {
  readonly index: (index: Index) => string;
  readonly node: (node: Node) => Tree;
}

const atomTree = (atom: Atom, names: Names): Tree => {
  switch (atom.kind) {
    case "dim":
      return name(atom.name);
    case "index":
      return name(names.index(atom.index));
    case "floordiv": {
      const over = affineTree(atom.value, names);
      const fraction: Tree = { kind: "fraction", over, under: affineTree(atom.by, names) };
      return atom.exact ? fraction : { kind: "floor", of: fraction };
    }
    case "mod":
      return call("mod", [affineTree(atom.value, names), affineTree(atom.by, names)]);
    case "data":
      return names.node(atom.node);
  }
};

const affineTree = (a: Affine, names: Names): Tree => {
  const terms = a.terms.map(({ coefficient, atoms }): Term => {
    const magnitude = Math.abs(coefficient);
    const factors = atoms.map((atom) => atomTree(atom, names));
    return {
      negative: coefficient < 0,
      of: productOf(magnitude === 1 ? factors : [number(magnitude), ...factors]),
    };
  });
  if (a.constant !== 0) terms.push({ negative: a.constant < 0, of: number(Math.abs(a.constant)) });
  return sumOf(terms);
};

// ---- expressions

type Row<K extends Kind> = (node: NodeOf<K>, names: Names) => Tree;

/** Relations that say the same with their sides exchanged. */
const FLIPPED: { readonly [K in Relation]?: Relation } = { "<": ">", "≤": "≥", "=": "=", "≠": "≠" };

/** A number stands on the right, as one reads x > 0. */
const relation = (kind: Relation, left: Tree, right: Tree): Tree => {
  const flipped = left.kind === "number" && right.kind !== "number" ? FLIPPED[kind] : undefined;
  return flipped === undefined
    ? { kind: "relation", relation: kind, left, right }
    : { kind: "relation", relation: flipped, left: right, right: left };
};

/** Parts that are joined by the same word need no parentheses. */
const connective = (word: "and" | "or", of: readonly Tree[]): Tree => ({
  kind: "connective",
  word,
  of: of.flatMap((part) => (part.kind === "connective" && part.word === word ? part.of : [part])),
});

/** What a condition of equalities says where it does not hold; undefined for others: x < 0 and x ≥ 0 are both false of NaN. */
const opposite = (tree: Tree): Tree | undefined => {
  if (tree.kind === "relation" && (tree.relation === "=" || tree.relation === "≠"))
    return { ...tree, relation: tree.relation === "=" ? "≠" : "=" };
  if (tree.kind !== "connective") return undefined;
  const of = tree.of.flatMap((part) => opposite(part) ?? []);
  if (of.length < tree.of.length) return undefined;
  return connective(tree.word === "and" ? "or" : "and", of);
};

const negation = (of: Tree): Tree => opposite(of) ?? { kind: "not", of };

const RELATIONS = { "<": "<", "<=": "≤", "==": "=", "!=": "≠" } as const;

/** base^exponent for an exponent that is not negative. */
const raised = (base: Tree, { num, den }: Rational): Tree => {
  if (den === 2)
    return num === 1 ? { kind: "root", of: base } : raised({ kind: "root", of: base }, { num, den: 1 });
  if (num === 1 && den === 1) return base;
  return { kind: "power", base, exponent: rationalTree({ num, den }) };
};

/** Factors with negative powers go below the line; a negative constant in front of it. */
const quotient = (factors: readonly Node[], names: Names): Tree => {
  let sign = false;
  const over: Tree[] = [];
  const under: Tree[] = [];
  for (const factor of factors) {
    if (factor.kind === "constant" && factor.exact !== undefined) {
      const { num, den } = factor.exact;
      const magnitude = Math.abs(num);
      if (num < 0) sign = !sign;
      if (isDecimal(factor.exact) && (magnitude !== 1 || den >= LONG)) over.push(number(magnitude / den));
      else {
        if (magnitude !== 1) over.push(number(magnitude));
        if (den !== 1) under.push(number(den));
      }
    } else if (factor.kind === "power" && factor.exponent.num < 0) {
      under.push(raised(names.node(factor.base), { ...factor.exponent, num: -factor.exponent.num }));
    } else {
      const tree = names.node(factor);
      if (tree.kind === "negative") sign = !sign;
      over.push(tree.kind === "negative" ? tree.of : tree);
    }
  }
  const value: Tree =
    under.length === 0
      ? productOf(over)
      : { kind: "fraction", over: productOf(over), under: productOf(under) };
  return sign ? negate(value) : value;
};

const ROWS: { readonly [K in Kind]: Row<K> } = {
  constant: (node) => (node.exact === undefined ? number(node.value) : rationalTree(node.exact)),
  zero: () => number(0),
  option: (node) => name(node.name),
  index: (node, names) => affineTree(node.value, names),
  read: (node, names) => ({
    kind: "element",
    name: node.tensor.name,
    indices: node.at.map((a) => affineTree(a, names)),
  }),
  unary: (node, names) => {
    const of = names.node(node.a);
    if (node.op === "abs") return { kind: "magnitude", of };
    return node.op === "floor" ? { kind: "floor", of } : call(node.op, [of]);
  },
  binary: (node, names) =>
    node.op === "pow"
      ? { kind: "power", base: names.node(node.a), exponent: names.node(node.b) }
      : call(node.op, [names.node(node.a), names.node(node.b)]),
  power: (node, names) =>
    node.exponent.num < 0 ? quotient([node], names) : raised(names.node(node.base), node.exponent),
  sum: (node, names) => sumOf(node.args.map((arg) => asTerm(names.node(arg)))),
  product: (node, names) => quotient(node.args, names),
  boolean: (node) => name(String(node.value)),
  compare: (node, names) => relation(RELATIONS[node.op], names.node(node.a), names.node(node.b)),
  and: (node, names) => connective("and", node.args.map(names.node)),
  or: (node, names) => connective("or", node.args.map(names.node)),
  not: (node, names) => negation(names.node(node.a)),
  inrange: (node, names) => rangeOf(node.value, node.extent, names),
  divides: (node, names) => relation("∣", affineTree(node.by, names), affineTree(node.value, names)),
  iszero: (node, names) => equality(node.value, names),
  select: (node, names) => ({
    kind: "cases",
    test: names.node(node.test),
    then: names.node(node.then),
    else: names.node(node.else),
  }),
  guard: (node, names) => {
    const indicator: Tree = { kind: "indicator", test: names.node(node.test) };
    const of = names.node(node.a);
    if (of.kind === "negative") return negate(productOf([indicator, of.of]));
    return productOf(of.kind === "number" && of.text === "1" ? [indicator] : [indicator, of]);
  },
  stopgradient: (node, names) => call("stop_gradient", [names.node(node.a)]),
  delta: (node, names) => ({
    kind: "element",
    name: "δ",
    indices: [affineTree(node.a, names), affineTree(node.b, names)],
  }),
};

/** i < index's extent says i + c < e. */
const reaches = (e: Affine, c: number, indexExtent: Affine): boolean =>
  e.terms.length === indexExtent.terms.length &&
  e.terms.every(
    ({ coefficient, atoms }, k) =>
      coefficient === indexExtent.terms[k]?.coefficient &&
      atoms.every((atom, m) => atom === indexExtent.terms[k]?.atoms[m]) &&
      atoms.length === indexExtent.terms[k].atoms.length,
  ) &&
  e.constant - c >= indexExtent.constant;

/** 0 ≤ a < e without the half that an index's own range says: i + 1 < N, 1 ≤ i. */
const rangeOf = (value: Affine, extent: Affine, names: Names): Tree => {
  const isBelow = value.terms.every(
    ({ coefficient, atoms }) =>
      coefficient > 0 && atoms.every(({ kind }) => kind === "index" || kind === "dim"),
  );
  const of = affineTree(value, names);
  if (isBelow && value.constant >= 0) return relation("<", of, affineTree(extent, names));
  const [term, ...others] = value.terms;
  const [atom, ...factors] = term?.atoms ?? [];
  const isIndex = others.length + factors.length === 0 && term?.coefficient === 1 && atom?.kind === "index";
  if (isIndex && value.constant <= 0 && reaches(extent, value.constant, atom.index.extent))
    return relation("≤", number(-value.constant), affineTree({ ...value, constant: 0 }, names));
  return { kind: "range", value: of, extent: affineTree(extent, names) };
};

/** a - b = 0 reads as a = b. */
const equality = (value: Affine, names: Names): Tree => {
  const side = (sign: 1 | -1): Tree => {
    const terms = value.terms
      .filter((term) => Math.sign(term.coefficient) === sign)
      .map((term) => ({ ...term, coefficient: Math.abs(term.coefficient) }));
    return affineTree({ ...value, terms, constant: Math.max(0, sign * value.constant) }, names);
  };
  return relation("=", side(1), side(-1));
};

// ---- equations

/** A part gets a name when it is used again and not small, or when formulas would nest too deeply. */
const REUSED_SIZE = 6;
const DEEPEST = 24;

interface Part {
  readonly tree: Tree;
  readonly size: number;
  readonly depth: number;
}

const usesIn = (nodes: readonly Node[]): ReadonlyMap<Node, number> => {
  const uses = new Map<Node, number>();
  for (const node of nodes)
    for (const operand of operandsOf(node)) uses.set(operand, (uses.get(operand) ?? 0) + 1);
  return uses;
};

/** t1, t2, … without those that mean something else here. */
const freshNames = (nodes: readonly Node[]): (() => string) => {
  const taken = new Set(
    nodes.flatMap((node) =>
      node.kind === "read" ? [node.tensor.name] : node.kind === "option" ? [node.name] : [],
    ),
  );
  let count = 0;
  const next = (): string => {
    count += 1;
    return taken.has(`t${count}`) ? next() : `t${count}`;
  };
  return next;
};

interface Named {
  readonly tree: Tree;
  readonly where: Equation["where"];
}

/** The tree of an expression, its indices called by `index`, with names for what is used often or nests deeply. */
const namedTree = (root: Node, index: (index: Index) => string): Named => {
  const parts = new Map<Node, Part>();
  const where: { name: string; is: Tree }[] = [];
  const nodes = reachable([root]);
  const uses = usesIn(nodes);
  const fresh = freshNames(nodes);
  const names: Names = { index, node: (node) => parts.get(node)?.tree ?? name("?") };
  for (const node of nodes) {
    const below = operandsOf(node).map((operand) => parts.get(operand));
    const size = below.reduce((total, part) => total + (part?.size ?? 0), 1);
    const depth = below.reduce((most, part) => Math.max(most, part?.depth ?? 0), 0) + 1;
    const tree = (ROWS[node.kind] as (node: Node, names: Names) => Tree)(node, names);
    const nameable = node.dtype !== "bool" && node !== root;
    if (nameable && ((size > REUSED_SIZE && (uses.get(node) ?? 0) > 1) || depth >= DEEPEST)) {
      const short = fresh();
      where.push({ name: short, is: tree });
      parts.set(node, { tree: name(short), size: 1, depth: 1 });
    } else parts.set(node, { tree, size, depth });
  }
  return { tree: names.node(root), where };
};

/** `at` is what stands between the brackets on the left, where that is not the definition's indices. */
export const equationOf = (definition: Definition, at?: readonly string[]): Equation => {
  const { reduction, tensor, target, indices, labels, body } = definition;
  const called = new Map(loopIndices(definition).map((index, k) => [index, labels[k] ?? index.name]));
  const index = (i: Index): string => called.get(i) ?? i.name;
  const { tree, where } = namedTree(body, index);
  const over = (reduction?.indices ?? []).map(index);
  const names: Names = { index, node: (node) => namedTree(node, index).tree };
  const places =
    at?.map(name) ?? target?.map((a) => affineTree(a, names)) ?? indices.map((i) => name(index(i)));
  return {
    left: { kind: "element", name: tensor.name, indices: places },
    right: reduction === undefined ? tree : { kind: "reduce", op: reduction.op, over, of: tree },
    where,
  };
};

/** An expression outside of a definition; what has a name in it is left out. */
export const expressionTree = (node: Node): Tree => namedTree(node, (index) => index.name).tree;

export const equationsOf = (program: Program): readonly Equation[] =>
  program.definitions.map((definition) => equationOf(definition));
