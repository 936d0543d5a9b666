/**
 * Sums over where their terms are not nothing. In: definitions in order; out: the same, where terms of a sum are 0 (of a maximum
 * -∞) by what they read wherever a test of indices fails, under that test: masked softmax weights are sums over what the mask
 * leaves. Ends: every node is looked at once.
 *
 * It holds for real numbers: 0·x is taken as 0, and -∞ + x as -∞. For that the maximum of nothing, which is -∞, is looked for.
 */
import {
  NEUTRAL, affine, affinesOf, build as b, define, inDependencyOrder, operandsOf, reachable, readsOf, substitute,
  type Affine, type Arena, type Definition, type Index, type Kind, type Node, type NodeOf, type Tensor, type UnaryOp,
} from "../ir/index.ts"; // prettier-ignore

/** Wherever one of the tests fails, which are about indices alone, the value is this; "always": everywhere. */
interface Outside {
  readonly tests: readonly Node[] | "always";
  readonly value: number;
}

interface Search {
  readonly ir: Arena;
  readonly known: Map<Tensor, Definition>;
  readonly outside: Map<Tensor, Outside>;
  /** That may be infinite where inputs are not. */
  readonly unsure: Set<Tensor>;
}

export const restrictSums = (ir: Arena, definitions: readonly Definition[]): readonly Definition[] => {
  const search: Search = { ir, known: new Map(), outside: new Map(), unsure: new Set() };
  const restricted = new Map<Tensor, Definition>();
  for (const definition of inDependencyOrder(ir, definitions)) {
    const outside = outsideOf(search, definition.body);
    const made = restrictedTo(search, definition, outside);
    restricted.set(made.tensor, made);
    search.known.set(made.tensor, made);
    const own = ofResult(made, outside);
    if (own !== undefined) search.outside.set(made.tensor, own);
    if (isUnsure(search, made)) search.unsure.add(made.tensor);
  }
  const all = definitions.map((definition) => restricted.get(definition.tensor) ?? definition);
  return all.every((definition, k) => definition === definitions[k]) ? definitions : all;
};

/** The reduction under the tests that it does not have yet. */
const restrictedTo = ({ ir }: Search, definition: Definition, outside: Outside | undefined): Definition => {
  const { body, reduction } = definition;
  const neutral = reduction && NEUTRAL[reduction.op];
  if (reduction === undefined || neutral === undefined || outside?.value !== neutral) return definition;
  const have = testsIn(body, neutral);
  const tests = (outside.tests === "always" ? [] : outside.tests).filter(
    (test) => !have.has(test) && reduction.indices.some((index) => test.indices.includes(index)),
  );
  if (tests.length === 0) return definition;
  const test = b.and(ir, tests);
  const restricted =
    neutral === 0 ? b.guard(ir, test, body) : b.select(ir, test, body, b.constant(ir, neutral));
  return define(ir, { ...definition, body: restricted });
};

/** Those of a guard, and of factors that are 0 elsewhere. */
const testsIn = (body: Node, neutral: number): ReadonlySet<Node> =>
  new Set(
    (body.kind === "product" && neutral === 0 ? body.args : [body]).flatMap((part) =>
      part.kind === "guard" || (part.kind === "select" && isConstant(part.else, neutral))
        ? conjuncts(part.test)
        : [],
    ),
  );

const conjuncts = (test: Node): readonly Node[] => (test.kind === "and" ? test.args : [test]);

const isConstant = (node: Node, value: number): boolean =>
  (node.kind === "constant" && node.value === value) || (node.kind === "zero" && value === 0);

/** Of a definition: where its terms are nothing for all values of the reduced indices, it is what a sum of nothing is. */
const ofResult = ({ reduction, target }: Definition, outside: Outside | undefined): Outside | undefined => {
  if (target !== undefined || outside === undefined || outside.tests === "always") return undefined;
  if (reduction === undefined) return outside;
  const tests = outside.tests.filter(
    (test) => !reduction.indices.some((index) => test.indices.includes(index)),
  );
  return tests.length > 0 && NEUTRAL[reduction.op] === outside.value ? { ...outside, tests } : undefined;
};

// ---- what is infinite

const isUnsure = (search: Search, definition: Definition): boolean => {
  const { body, reduction } = definition;
  const isExtreme = reduction?.op === "max" || reduction?.op === "min";
  return (isExtreme && !hasTerms(search.ir, definition)) || readsUnsure(search, body);
};

const readsUnsure = ({ unsure }: Search, node: Node): boolean =>
  unsure.size > 0 && readsOf([node]).some(({ tensor }) => unsure.has(tensor));

/** Whether some value of every reduced index is in range and passes the tests: 0, or that of an index of the same extent. */
const hasTerms = (ir: Arena, { indices, reduction, body }: Definition): boolean => {
  const neutral = (reduction && NEUTRAL[reduction.op]) ?? 0;
  let test = b.and(ir, [...testsIn(body, neutral)]);
  for (const index of reduction?.indices ?? []) {
    const zero = affine.fixed(ir, 0);
    const others = indices.filter(({ extent }) => extent === index.extent);
    const isEmpty = others.length === 0 && b.inRange(ir, zero, index.extent).kind !== "boolean";
    const at = [zero, ...others.map((other) => affine.ofIndex(ir, other))].map((value) =>
      substitute(ir, test, new Map<Index, Affine>([[index, value]])),
    );
    const passed = at.find((each) => each.kind === "boolean" && each.value) ?? at[0];
    if (isEmpty || passed === undefined) return false;
    test = passed;
  }
  return test.kind === "boolean" && test.value;
};

// ---- expressions

const outsideOf = (search: Search, root: Node): Outside | undefined => {
  const found = new Map<Node, Outside | undefined>();
  for (const node of reachable([root])) {
    const row = RULES[node.kind] as Rule<Kind> | undefined;
    found.set(
      node,
      row?.(search, node, (operand) => found.get(operand)),
    );
  }
  return found.get(root);
};

type Rule<K extends Kind> = (
  search: Search,
  node: NodeOf<K>,
  of: (operand: Node) => Outside | undefined,
) => Outside | undefined;

const always = (value: number): Outside => ({ tests: "always", value });

const RULES: { readonly [K in Kind]?: Rule<K> } = {
  constant: (_, { value }) => always(value),
  zero: () => always(0),
  read: ({ ir, known, outside }, { tensor, at }) => {
    const own = outside.get(tensor);
    const indices = known.get(tensor)?.indices ?? [];
    if (own === undefined || own.tests === "always") return own;
    const places = new Map(indices.flatMap((index, k): [Index, Affine][] => (at[k] ? [[index, at[k]]] : [])));
    return { ...own, tests: own.tests.map((test) => substitute(ir, test, places)).flatMap(conjuncts) };
  },
  guard: (_, { test, a }, of) => chosen(test, of(a), 0),
  select: (_, { test, then, else: otherwise }, of) => {
    const value = of(otherwise);
    return value?.tests === "always"
      ? chosen(test, of(then), value.value)
      : together([of(then), value], ([v]) => v);
  },
  unary: ({ ir }, { op, a }, of) => together([of(a)], ([value = NaN]) => valueAt(ir, op, value)),
  power: ({ ir }, { base, exponent }, of) =>
    together([of(base)], ([value = NaN]) => folded(b.power(ir, b.constant(ir, value), exponent))),
  stopgradient: (_, { a }, of) => of(a),
  sum: (search, { args }, of) => {
    const endless = args.filter((arg) => Math.abs(of(arg)?.value ?? 0) === Infinity);
    const [arg, ...others] = endless;
    if (arg === undefined)
      return together(args.map(of), (values) => values.reduce((total, x) => total + x, 0));
    const rest = args.filter((each) => each !== arg);
    return others.length > 0 || rest.some((each) => readsUnsure(search, each)) ? undefined : of(arg);
  },
  product: (_, { args }, of) => {
    const vanishing = args.map(of).filter((each) => each?.value === 0);
    const tests = vanishing.flatMap((each) => (each?.tests === "always" ? [] : (each?.tests ?? [])));
    if (tests.length > 0) return { tests: [...new Set(tests)], value: 0 };
    return together(args.map(of), (values) => values.reduce((total, x) => total * x, 1));
  },
};

/** What has this value where the test fails, and where it holds another one, which may be the same somewhere. */
const chosen = (test: Node, then: Outside | undefined, value: number): Outside | undefined => {
  const own = conjuncts(test).every(isAboutIndices) ? conjuncts(test) : [];
  const inner = then?.value === value && then.tests !== "always" ? then.tests : [];
  const tests = [...new Set([...own, ...inner])];
  return tests.length === 0 ? undefined : { tests, value };
};

/** Where all of them have a known value: the tests that are the same for all. */
const together = (
  parts: readonly (Outside | undefined)[],
  value: (values: readonly number[]) => number | undefined,
): Outside | undefined => {
  const known = parts.filter((part) => part !== undefined);
  const result = known.length === parts.length ? value(known.map((part) => part.value)) : undefined;
  if (result === undefined || Number.isNaN(result)) return undefined;
  const lists = known.flatMap(({ tests }) => (tests === "always" ? [] : [tests]));
  const [first, ...others] = lists;
  if (first === undefined) return always(result);
  const tests = first.filter((test) => others.every((list) => list.includes(test)));
  return tests.length === 0 ? undefined : { tests, value: result };
};

/** Of functions at an infinity. */
const LIMITS: { readonly [Op in UnaryOp]?: number } = { exp: 0, sigmoid: 0, softplus: 0 };

const valueAt = (ir: Arena, op: UnaryOp, value: number): number | undefined =>
  value === -Infinity ? LIMITS[op] : folded(b.unary(ir, op, b.constant(ir, value)));

const folded = (node: Node): number | undefined => (node.kind === "constant" ? node.value : undefined);

const isAboutIndices = (test: Node): boolean =>
  (ABOUT_INDICES.has(test.kind) || (test.kind === "compare" && operandsOf(test).every(isWhole))) &&
  affinesOf(test).every((each) => affine.dataOf(each).length === 0);

const isWhole = (node: Node): boolean =>
  (node.kind === "index" && affine.dataOf(node.value).length === 0) ||
  (node.kind === "constant" && Number.isSafeInteger(node.value));

const ABOUT_INDICES: ReadonlySet<Kind> = new Set<Kind>(["inrange", "divides", "iszero"]);
