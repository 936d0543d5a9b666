/**
 * The partial derivatives of every scalar operation: one table, read by reverse mode, by forward mode and by error bounds.
 * A row gets the operation itself (so that the result can be reused) and gives ∂node/∂operand for each operand that is a
 * number, or nothing (structural zero) where the derivative is zero almost everywhere. Values are chosen to keep their
 * relative accuracy: no 1 - y² near y = 1, no overflow on the way to a normal result.
 */
import {
  build,
  type Arena,
  type BinaryOp,
  type Kind,
  type Node,
  type NodeOf,
  type UnaryOp,
} from "../ir/index.ts";

const b = build;

type UnaryPartial = (ir: Arena, x: Node, y: Node) => Node;

const one = (ir: Arena): Node => b.constant(ir, 1);
const onePlus = (ir: Arena, x: Node): Node => b.add(ir, one(ir), x);
const oneMinus = (ir: Arena, x: Node): Node => b.subtract(ir, one(ir), x);
const whole = (num: number): { num: number; den: number } => ({ num, den: 1 });
const inverseRoot = { num: -1, den: 2 };
const nothing: UnaryPartial = (ir) => b.zero(ir);

/** 2/√π · exp(-x²) */
const gaussian = (ir: Arena, x: Node): Node =>
  b.multiply(ir, b.constant(ir, 2 / Math.sqrt(Math.PI)), b.unary(ir, "exp", b.negate(ir, b.square(ir, x))));

export const UNARY_PARTIALS: { readonly [K in UnaryOp]: UnaryPartial } = {
  exp: (_ir, _x, y) => y,
  expm1: (ir, x) => b.unary(ir, "exp", x),
  log: (ir, x) => b.reciprocal(ir, x),
  log1p: (ir, x) => b.reciprocal(ir, onePlus(ir, x)),
  sin: (ir, x) => b.unary(ir, "cos", x),
  cos: (ir, x) => b.negate(ir, b.unary(ir, "sin", x)),
  // d tan x = (1 + tan² x) dx
  tan: (ir, _x, y) => onePlus(ir, b.square(ir, y)),
  // d asin x = dx / sqrt((1 - x)(1 + x))
  asin: (ir, x) => b.power(ir, b.multiply(ir, oneMinus(ir, x), onePlus(ir, x)), inverseRoot),
  acos: (ir, x) => b.negate(ir, b.power(ir, b.multiply(ir, oneMinus(ir, x), onePlus(ir, x)), inverseRoot)),
  atan: (ir, x) => b.reciprocal(ir, onePlus(ir, b.square(ir, x))),
  sinh: (ir, x) => b.unary(ir, "cosh", x),
  cosh: (ir, x) => b.unary(ir, "sinh", x),
  // d tanh x = dx / cosh² x
  tanh: (ir, x) => b.power(ir, b.unary(ir, "cosh", x), whole(-2)),
  // d asinh x = dx / sqrt(1 + x²)
  asinh: (ir, x) => b.reciprocal(ir, b.binary(ir, "hypot", one(ir), x)),
  // d acosh x = dx / (sqrt(x - 1) sqrt(x + 1))
  acosh: (ir, x) =>
    b.multiply(
      ir,
      b.power(ir, b.subtract(ir, x, one(ir)), inverseRoot),
      b.power(ir, onePlus(ir, x), inverseRoot),
    ),
  atanh: (ir, x) => b.reciprocal(ir, b.multiply(ir, oneMinus(ir, x), onePlus(ir, x))),
  erf: gaussian,
  erfc: (ir, x) => b.negate(ir, gaussian(ir, x)),
  // d σ(x) = σ(x) σ(-x) dx
  sigmoid: (ir, x, y) => b.multiply(ir, y, b.unary(ir, "sigmoid", b.negate(ir, x))),
  softplus: (ir, x) => b.unary(ir, "sigmoid", x),
  abs: (ir, x) => b.unary(ir, "sign", x),
  sign: nothing,
  floor: nothing,
  ceil: nothing,
  round: nothing,
  trunc: nothing,
};

type BinaryPartial = (ir: Arena, x: Node, y: Node, z: Node) => readonly [Node, Node];

const when = (ir: Arena, op: "<" | "==" | "!=", x: Node, y: Node, value: Node): Node =>
  b.guard(ir, b.compare(ir, op, x, y), value);

/** 1 where `wins`, one half where x = y. */
const splitTies = (ir: Arena, wins: Node, x: Node, y: Node): Node =>
  b.sum(ir, [b.guard(ir, wins, one(ir)), when(ir, "==", x, y, b.exact(ir, { num: 1, den: 2 }))]);

export const BINARY_PARTIALS: { readonly [K in BinaryOp]: BinaryPartial } = {
  // d x^y = y x^(y-1) dx + x^y log x dy, with 0 where y = 0 and with 0 log 0 = 0
  pow: (ir, x, y, z) => [
    when(
      ir,
      "!=",
      y,
      b.constant(ir, 0),
      b.multiply(ir, y, b.binary(ir, "pow", x, b.subtract(ir, y, one(ir)))),
    ),
    when(ir, "!=", x, b.constant(ir, 0), b.multiply(ir, z, b.unary(ir, "log", x))),
  ],
  // d atan2(x, y) = (y dx - x dy) / (x² + y²)
  atan2: (ir, x, y) => {
    const inverse = b.power(ir, b.binary(ir, "hypot", x, y), whole(-2));
    return [b.multiply(ir, y, inverse), b.negate(ir, b.multiply(ir, x, inverse))];
  },
  // d hypot(x, y) = (x dx + y dy) / hypot, 0 at the origin
  hypot: (ir, x, y, z) => {
    const over = (a: Node): Node => when(ir, "!=", z, b.constant(ir, 0), b.divide(ir, a, z));
    return [over(x), over(y)];
  },
  max: (ir, x, y) => [
    splitTies(ir, b.compare(ir, "<", y, x), x, y),
    splitTies(ir, b.compare(ir, "<", x, y), x, y),
  ],
  min: (ir, x, y) => [
    splitTies(ir, b.compare(ir, "<", x, y), x, y),
    splitTies(ir, b.compare(ir, "<", y, x), x, y),
  ],
  floordiv: (ir) => [b.zero(ir), b.zero(ir)],
  // d (x - y floor(x / y)) = dx - floor(x / y) dy
  mod: (ir, x, y) => [one(ir), b.negate(ir, b.binary(ir, "floordiv", x, y))],
};

/** Π of all factors but each one: short products directly, long ones by prefix and suffix products (linear size). */
const productPartials = (ir: Arena, factors: readonly Node[]): readonly Node[] => {
  if (factors.length <= 4)
    return factors.map((_, k) =>
      b.product(
        ir,
        factors.filter((__, j) => j !== k),
      ),
    );
  const before: Node[] = [];
  const after: Node[] = [];
  let left = one(ir);
  let right = one(ir);
  for (let k = 0; k < factors.length; k++) {
    const [first, last] = [factors[k], factors[factors.length - 1 - k]];
    if (first === undefined || last === undefined) break;
    before.push(left);
    after.push(right);
    left = b.multiply(ir, left, first);
    right = b.multiply(ir, right, last);
  }
  after.reverse();
  return before.map((prefix, k) => b.multiply(ir, prefix, after[k] ?? one(ir)));
};

type Row<K extends Kind> = (ir: Arena, node: NodeOf<K>) => readonly Node[];

const none = (): readonly Node[] => [];

/** ∂node/∂operand, in the order of `operandsOf`. Conditions have no derivative: their rows say so with structural zero. */
const PARTIALS: { readonly [K in Kind]: Row<K> } = {
  constant: none,
  zero: none,
  option: none,
  index: none,
  read: none,
  unary: (ir, node) => [UNARY_PARTIALS[node.op](ir, node.a, node)],
  binary: (ir, node) => BINARY_PARTIALS[node.op](ir, node.a, node.b, node),
  // d x^p = p x^(p-1) dx
  power: (ir, { base, exponent }) => [
    b.multiply(
      ir,
      b.exact(ir, exponent),
      b.power(ir, base, { num: exponent.num - exponent.den, den: exponent.den }),
    ),
  ],
  sum: (ir, node) => node.args.map(() => one(ir)),
  product: (ir, node) => productPartials(ir, node.args),
  boolean: none,
  compare: (ir) => [b.zero(ir), b.zero(ir)],
  and: (ir, node) => node.args.map(() => b.zero(ir)),
  or: (ir, node) => node.args.map(() => b.zero(ir)),
  not: (ir) => [b.zero(ir)],
  inrange: none,
  divides: none,
  iszero: none,
  select: (ir, node) => [
    b.zero(ir),
    b.guard(ir, node.test, one(ir)),
    b.guard(ir, b.not(ir, node.test), one(ir)),
  ],
  guard: (ir, node) => [b.zero(ir), b.guard(ir, node.test, one(ir))],
  stopgradient: (ir) => [b.zero(ir)],
  delta: none,
};

/** ∂node/∂operand for each operand of `operandsOf(node)`. */
export const partialsOf = (ir: Arena, node: Node): readonly Node[] =>
  (PARTIALS[node.kind] as (ir: Arena, node: Node) => readonly Node[])(ir, node);

/** partial·value, with guards kept outermost: (guard(c, p) + guard(d, q))·v = guard(c, p·v) + guard(d, q·v). */
export const scaleBy = (ir: Arena, partial: Node, value: Node): Node =>
  partial.kind === "sum" && partial.args.every((arg) => arg.kind === "guard")
    ? b.sum(
        ir,
        partial.args.map((arg) => b.multiply(ir, arg, value)),
      )
    : b.multiply(ir, partial, value);
