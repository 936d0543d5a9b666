/**
 * The constructors of scalar expressions. They fold constants, drop zeros and ones, order operands and lift guards out of
 * products; everything that needs a choice is simplification.
 */
import { asConstant, divideExactly, fixed, minus } from "./affine.ts";
import type { Arena } from "./arena.ts";
import { provablyInRange, provablyNonNegative, provablyPositive } from "./range.ts";
import {
  addRational, isWhole, multiplyRational, powerRational, rational, type Rational,
} from "./rational.ts"; // prettier-ignore
import type {
  Affine, BinaryOp, CompareOp, Constant, DType, Guard, Index, Node, Read, Tensor, UnaryOp,
} from "./types.ts"; // prettier-ignore

const NONE: readonly Index[] = Object.freeze([]);

const bits = (value: number): string => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16);
};

const indicesOf = (ir: Arena, nodes: readonly Node[]): readonly Index[] =>
  ir.union(nodes.map((node) => node.indices));

const ids = (nodes: readonly { readonly id: number }[]): string => nodes.map((node) => node.id).join();

const byId = (a: Node, b: Node): number => a.id - b.id;

// ---- constants and leaves

export const exact = (ir: Arena, value: Rational): Constant =>
  ir.node(`q ${value.num}/${value.den}`, (id) =>
    Object.freeze({
      id,
      kind: "constant",
      dtype: "float",
      indices: NONE,
      value: value.num / value.den,
      exact: value,
    }),
  ) as Constant;

/** A constant; whole numbers are exact fractions, others stay the f64 that they are. */
export const constant = (ir: Arena, value: number): Node => {
  const whole = Object.is(value, -0) ? undefined : rational(value);
  if (whole !== undefined) return exact(ir, whole);
  return ir.node(`f ${bits(value)}`, (id) =>
    Object.freeze({ id, kind: "constant", dtype: "float", indices: NONE, value, exact: undefined }),
  );
};

export const zero = (ir: Arena): Node =>
  ir.node("zero", (id) => Object.freeze({ id, kind: "zero", dtype: "float", indices: NONE }));

export const boolean = (ir: Arena, value: boolean): Node =>
  ir.node(`boolean ${String(value)}`, (id) =>
    Object.freeze({ id, kind: "boolean", dtype: "bool", indices: NONE, value }),
  );

export const option = (ir: Arena, name: string): Node =>
  ir.node(`option ${name}`, (id) =>
    Object.freeze({ id, kind: "option", dtype: "float", indices: NONE, name }),
  );

/** An index expression as a number. */
export const indexValue = (ir: Arena, value: Affine): Node => {
  const known = asConstant(value);
  if (known !== undefined) return constant(ir, known);
  return ir.node(`index ${value.id}`, (id) =>
    Object.freeze({ id, kind: "index", dtype: "float", indices: value.indices, value }),
  );
};

export const read = (ir: Arena, tensor: Tensor, at: readonly Affine[]): Read =>
  ir.node(`read ${tensor.id} ${ids(at)}`, (id) =>
    Object.freeze({
      id,
      kind: "read",
      dtype: tensor.dtype,
      indices: ir.union(at.map((a) => a.indices)),
      tensor,
      at: Object.freeze([...at]),
    }),
  ) as Read;

// ---- arithmetic

const FOLD: { readonly [K in UnaryOp]?: (x: number) => number } = {
  abs: Math.abs,
  sign: Math.sign,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
};

/** Values that are exact; other functions of constants are computed by the kernel, once. */
const EXACT_VALUES: { readonly [K in UnaryOp]?: ReadonlyMap<number, number> } = {
  exp: new Map([[0, 1]]),
  expm1: new Map([[0, 0]]),
  log: new Map([[1, 0]]),
  log1p: new Map([[0, 0]]),
  sin: new Map([[0, 0]]),
  cos: new Map([[0, 1]]),
  tan: new Map([[0, 0]]),
  sinh: new Map([[0, 0]]),
  cosh: new Map([[0, 1]]),
  tanh: new Map([[0, 0]]),
  erf: new Map([[0, 0]]),
  erfc: new Map([[0, 1]]),
};

export const unary = (ir: Arena, op: UnaryOp, a: Node): Node => {
  if (a.kind === "constant") {
    const folded = FOLD[op]?.(a.value) ?? EXACT_VALUES[op]?.get(a.value);
    if (folded !== undefined) return constant(ir, folded);
  }
  return ir.node(`${op} ${a.id}`, (id) =>
    Object.freeze({ id, kind: "unary", dtype: "float", indices: a.indices, op, a }),
  );
};

const COMMUTATIVE: { readonly [K in BinaryOp]: boolean } = {
  pow: false,
  atan2: false,
  hypot: true,
  max: true,
  min: true,
  floordiv: false,
  mod: false,
};

export const binary = (ir: Arena, op: BinaryOp, a: Node, b: Node): Node => {
  if (COMMUTATIVE[op] && b.id < a.id) return binary(ir, op, b, a);
  if (op === "pow" && b.kind === "constant" && b.exact !== undefined) return power(ir, a, b.exact);
  if ((op === "max" || op === "min") && a === b) return a;
  return ir.node(`${op} ${a.id} ${b.id}`, (id) =>
    Object.freeze({ id, kind: "binary", dtype: "float", indices: indicesOf(ir, [a, b]), op, a, b }),
  );
};

/** base ^ exponent for a fixed fraction. */
export const power = (ir: Arena, base: Node, exponent: Rational): Node => {
  if (exponent.num === 0) return constant(ir, 1);
  if (exponent.num === 1 && exponent.den === 1) return base;
  if (base.kind === "constant" && base.exact !== undefined && isWhole(exponent)) {
    const folded = powerRational(base.exact, exponent.num);
    if (folded !== undefined) return exact(ir, folded);
  }
  if (base.kind === "power" && isWhole(base.exponent) && isWhole(exponent)) {
    const product = multiplyRational(base.exponent, exponent);
    // (x²)^-1 is x^-2, but (1/x)^-1 is x only away from infinity and zero: left to simplification
    if (product !== undefined && base.exponent.num > 0) return power(ir, base.base, product);
  }
  return ir.node(`power ${base.id} ${exponent.num}/${exponent.den}`, (id) =>
    Object.freeze({ id, kind: "power", dtype: "float", indices: base.indices, base, exponent }),
  );
};

const HALF: Rational = { num: 1, den: 2 };
const MINUS_ONE: Rational = { num: -1, den: 1 };

export const sqrt = (ir: Arena, a: Node): Node => power(ir, a, HALF);
export const reciprocal = (ir: Arena, a: Node): Node => power(ir, a, MINUS_ONE);
export const square = (ir: Arena, a: Node): Node => power(ir, a, { num: 2, den: 1 });
export const negate = (ir: Arena, a: Node): Node => product(ir, [constant(ir, -1), a]);
export const divide = (ir: Arena, a: Node, b: Node): Node => product(ir, [a, reciprocal(ir, b)]);
export const add = (ir: Arena, a: Node, b: Node): Node => sum(ir, [a, b]);
export const subtract = (ir: Arena, a: Node, b: Node): Node => sum(ir, [a, negate(ir, b)]);
export const multiply = (ir: Arena, a: Node, b: Node): Node => product(ir, [a, b]);

/** The folded constant of a sum or product: exact as long as it fits, else f64. */
const foldConstants = (
  ir: Arena,
  constants: readonly Constant[],
  start: Rational,
  exactly: (a: Rational, b: Rational) => Rational | undefined,
  rounded: (a: number, b: number) => number,
): Constant => {
  let total: Constant = exact(ir, start);
  for (const next of constants) {
    const both = total.exact && next.exact && exactly(total.exact, next.exact);
    total = both ? exact(ir, both) : (constant(ir, rounded(total.value, next.value)) as Constant);
  }
  return total;
};

const isConstant = (node: Node): node is Constant => node.kind === "constant";

export const sum = (ir: Arena, terms: readonly Node[]): Node => {
  const rest = mergeGuards(
    ir,
    terms.filter((term) => term.kind !== "zero" && !isConstant(term)),
  );
  const constants = terms.filter(isConstant);
  const folded = foldConstants(ir, constants, { num: 0, den: 1 }, addRational, (a, b) => a + b);
  // adding the literal 0 changes no value but the sign of zero
  const args = constants.length === 0 || folded.value === 0 ? rest : [folded, ...rest];
  const [only] = args;
  if (only === undefined) return constants.length === 0 ? zero(ir) : folded;
  if (args.length === 1) return only;
  const sorted = [...args.filter(isConstant), ...args.filter((arg) => !isConstant(arg)).sort(byId)];
  return ir.node(`sum ${ids(sorted)}`, (id) =>
    Object.freeze({
      id,
      kind: "sum",
      dtype: "float",
      indices: indicesOf(ir, sorted),
      args: Object.freeze(sorted),
    }),
  );
};

/** guard(c, a) + guard(c, b) = guard(c, a + b) */
const mergeGuards = (ir: Arena, terms: readonly Node[]): readonly Node[] => {
  const byTest = new Map<Node, Guard[]>();
  for (const term of terms) {
    if (term.kind === "guard") byTest.set(term.test, [...(byTest.get(term.test) ?? []), term]);
  }
  if (![...byTest.values()].some((group) => group.length > 1)) return terms;
  const merged = [...byTest].map(([test, group]) =>
    guard(
      ir,
      test,
      sum(
        ir,
        group.map((each) => each.a),
      ),
    ),
  );
  return [...terms.filter((term) => term.kind !== "guard"), ...merged];
};

/** x of -x. */
const oppositeOf = (ir: Arena, node: Node | undefined): Node | undefined => {
  if (node?.kind !== "product") return undefined;
  const [first, ...others] = node.args;
  return first?.kind === "constant" && first.value === -1 ? product(ir, others) : undefined;
};

export const product = (ir: Arena, factors: readonly Node[]): Node => {
  const tests = factors.filter((factor) => factor.kind === "guard").map((factor) => factor.test);
  const plain = factors.map((factor) => (factor.kind === "guard" ? factor.a : factor));
  if (tests.length > 0) return guard(ir, and(ir, tests), product(ir, plain));
  const absorbing = plain.find((factor) => factor.kind === "zero");
  if (absorbing !== undefined) return absorbing;
  const constants = plain.filter(isConstant);
  const rest = plain.filter((factor) => !isConstant(factor)).sort(byId);
  const folded = foldConstants(ir, constants, { num: 1, den: 1 }, multiplyRational, (a, b) => a * b);
  const args = folded.value === 1 ? rest : [folded, ...rest];
  const [only] = args;
  if (only === undefined) return folded;
  if (args.length === 1) return only;
  const opposite = folded.value === -1 && rest.length === 1 ? oppositeOf(ir, rest[0]) : undefined;
  if (opposite !== undefined) return opposite;
  return ir.node(`product ${ids(args)}`, (id) =>
    Object.freeze({
      id,
      kind: "product",
      dtype: "float",
      indices: indicesOf(ir, args),
      args: Object.freeze(args),
    }),
  );
};

// ---- conditions

const COMPARE: { readonly [K in CompareOp]: (a: number, b: number) => boolean } = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

/** Comparing with NaN is false, and `!=` true, as in IEEE 754. */
export const compare = (ir: Arena, op: CompareOp, a: Node, b: Node): Node => {
  if (a.kind === "constant" && b.kind === "constant") return boolean(ir, COMPARE[op](a.value, b.value));
  if ((op === "==" || op === "!=") && b.id < a.id) return compare(ir, op, b, a);
  if (a.kind === "index" && b.kind === "index") return compareIndices(ir, op, a.value, b.value);
  return ir.node(`${op} ${a.id} ${b.id}`, (id) =>
    Object.freeze({ id, kind: "compare", dtype: "bool", indices: indicesOf(ir, [a, b]), op, a, b }),
  );
};

/** Whole numbers compare by their difference, so that bounds of loops can be read off. */
const compareIndices = (ir: Arena, op: CompareOp, a: Affine, b: Affine): Node => {
  const difference = minus(ir, a, b);
  switch (op) {
    case "==":
      return isZero(ir, difference);
    case "!=":
      return not(ir, isZero(ir, difference));
    case "<":
      return lessEqual(
        ir,
        a,
        b,
        provablyPositive(ir, minus(ir, b, a)),
        provablyNonNegative(ir, difference),
        "<",
      );
    case "<=":
      return lessEqual(
        ir,
        a,
        b,
        provablyNonNegative(ir, minus(ir, b, a)),
        provablyPositive(ir, difference),
        "<=",
      );
  }
};

const lessEqual = (ir: Arena, a: Affine, b: Affine, always: boolean, never: boolean, op: CompareOp): Node => {
  if (always || never) return boolean(ir, always);
  const [left, right] = [indexValue(ir, a), indexValue(ir, b)];
  return ir.node(`${op} ${left.id} ${right.id}`, (id) =>
    Object.freeze({
      id,
      kind: "compare",
      dtype: "bool",
      indices: indicesOf(ir, [left, right]),
      op,
      a: left,
      b: right,
    }),
  );
};

const connective = (ir: Arena, kind: "and" | "or", args: readonly Node[]): Node => {
  const absorbing = kind === "or";
  const flat = new Set<Node>();
  for (const arg of args) {
    if (arg.kind === "boolean") {
      if (arg.value === absorbing) return arg;
    } else if (arg.kind === kind) for (const inner of arg.args) flat.add(inner);
    else flat.add(arg);
  }
  const sorted = [...(kind === "and" ? withoutImplied(ir, [...flat]) : flat)].sort(byId);
  const [only] = sorted;
  if (only === undefined) return boolean(ir, !absorbing);
  if (sorted.length === 1) return only;
  return ir.node(`${kind} ${ids(sorted)}`, (id) =>
    Object.freeze({ id, kind, dtype: "bool", indices: indicesOf(ir, sorted), args: Object.freeze(sorted) }),
  );
};

/** More ranges than this in one test are not compared with each other. */
const MOST_RANGES = 16;

const withoutImplied = (ir: Arena, tests: readonly Node[]): readonly Node[] => {
  const ranges = tests.filter((test) => test.kind === "inrange");
  if (ranges.length < 2 || ranges.length > MOST_RANGES) return tests;
  return tests.filter((test) => !ranges.some((given) => given !== test && implies(ir, given, test)));
};

/** 0 ≤ v < e says that 0 ≤ v + c < f for a number c ≥ 0 where e ≤ f - c. */
export const implies = (ir: Arena, given: Node, wanted: Node): boolean => {
  if (given.kind !== "inrange" || wanted.kind !== "inrange") return given === wanted;
  const c = asConstant(minus(ir, wanted.value, given.value));
  if (c === undefined || c < 0) return false;
  const room = minus(ir, minus(ir, wanted.extent, given.extent), fixed(ir, c));
  return provablyNonNegative(ir, room);
};

export const and = (ir: Arena, args: readonly Node[]): Node => connective(ir, "and", args);
export const or = (ir: Arena, args: readonly Node[]): Node => connective(ir, "or", args);

export const not = (ir: Arena, a: Node): Node => {
  if (a.kind === "boolean") return boolean(ir, !a.value);
  if (a.kind === "not") return a.a;
  return ir.node(`not ${a.id}`, (id) =>
    Object.freeze({ id, kind: "not", dtype: "bool", indices: a.indices, a }),
  );
};

export const inRange = (ir: Arena, value: Affine, extent: Affine): Node => {
  const [v, e] = [asConstant(value), asConstant(extent)];
  if (v !== undefined && e !== undefined) return boolean(ir, 0 <= v && v < e);
  if (provablyInRange(ir, value, extent)) return boolean(ir, true);
  if (provablyNonNegative(ir, minus(ir, value, extent)) || provablyPositive(ir, negated(ir, value))) {
    return boolean(ir, false);
  }
  return ir.node(`inrange ${value.id} ${extent.id}`, (id) =>
    Object.freeze({
      id,
      kind: "inrange",
      dtype: "bool",
      indices: ir.union([value.indices, extent.indices]),
      value,
      extent,
    }),
  );
};

const negated = (ir: Arena, a: Affine): Affine => minus(ir, minus(ir, a, a), a);

export const divides = (ir: Arena, by: Affine, value: Affine): Node => {
  if (divideExactly(ir, value, by) !== undefined) return boolean(ir, true);
  const [d, v] = [asConstant(by), asConstant(value)];
  if (d !== undefined && v !== undefined) return boolean(ir, v % d === 0);
  return ir.node(`divides ${by.id} ${value.id}`, (id) =>
    Object.freeze({
      id,
      kind: "divides",
      dtype: "bool",
      indices: ir.union([by.indices, value.indices]),
      by,
      value,
    }),
  );
};

export const isZero = (ir: Arena, value: Affine): Node => {
  const known = asConstant(value);
  if (known !== undefined) return boolean(ir, known === 0);
  if (provablyPositive(ir, value) || provablyPositive(ir, negated(ir, value))) return boolean(ir, false);
  // one of ±value stands for both
  const first = value.terms[0];
  if (first !== undefined && first.coefficient < 0) return isZero(ir, negated(ir, value));
  return ir.node(`iszero ${value.id}`, (id) =>
    Object.freeze({ id, kind: "iszero", dtype: "bool", indices: value.indices, value }),
  );
};

// ---- selection and the rest

export const select = (ir: Arena, test: Node, then: Node, otherwise: Node): Node => {
  if (test.kind === "boolean") return test.value ? then : otherwise;
  if (then === otherwise) return then;
  if (otherwise.kind === "zero") return guard(ir, test, then);
  if (then.kind === "zero") return guard(ir, not(ir, test), otherwise);
  if (test.kind === "not") return select(ir, test.a, otherwise, then);
  const dtype: DType = then.dtype;
  return ir.node(`select ${test.id} ${then.id} ${otherwise.id}`, (id) =>
    Object.freeze({
      id,
      kind: "select",
      dtype,
      indices: indicesOf(ir, [test, then, otherwise]),
      test,
      then,
      else: otherwise,
    }),
  );
};

/** test ? a : nothing */
export const guard = (ir: Arena, test: Node, a: Node): Node => {
  if (test.kind === "boolean") return test.value ? a : zero(ir);
  if (a.kind === "zero") return a;
  if (a.kind === "guard") return guard(ir, and(ir, [test, a.test]), a.a);
  return ir.node(`guard ${test.id} ${a.id}`, (id) =>
    Object.freeze({ id, kind: "guard", dtype: a.dtype, indices: indicesOf(ir, [test, a]), test, a }),
  );
};

export const stopGradient = (ir: Arena, a: Node): Node =>
  ir.node(`stopgradient ${a.id}`, (id) =>
    Object.freeze({ id, kind: "stopgradient", dtype: a.dtype, indices: a.indices, a }),
  );

/** 1 where a = b, else nothing; between differentiation and gather only. */
export const delta = (ir: Arena, a: Affine, b: Affine): Node =>
  ir.node(`delta ${a.id} ${b.id}`, (id) =>
    Object.freeze({ id, kind: "delta", dtype: "float", indices: ir.union([a.indices, b.indices]), a, b }),
  );
