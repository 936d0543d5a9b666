/**
 * Formulas on vectors as expression graphs: a formula is written as plain calls, equal sub-expressions are one node,
 * and a node with several users becomes a local of the WASM function. All nodes are pure, so that order is free.
 */
import {
  type BinaryLaneOperation,
  type Expression,
  LANE_FORMAT,
  laneBits,
  type LaneFormat,
  laneOperations,
  type LaneType,
  type UnaryLaneOperation,
  type WasmTarget,
} from "./lanes.ts";
import { isRelaxed, relaxedMulAdd } from "./relaxed.ts";

/** A node of a formula: its operands, and how its code is made from theirs. */
export interface Vector {
  readonly id: number;
  readonly operands: readonly Vector[];
  readonly emit: (code: (operand: Vector) => Expression) => Expression;
  /** Set on constants: equal keys are equal constants. */
  readonly constantKey: string | undefined;
}

/** The operations of one lane type on nodes. Names as in `LaneOperations`. */
export type Algebra = { readonly [K in UnaryLaneOperation]: (a: Vector) => Vector } & {
  readonly [K in BinaryLaneOperation]: (a: Vector, b: Vector) => Vector;
} & {
  readonly dtype: LaneType;
  readonly format: LaneFormat;
  constant(value: number): Vector;
  bits(pattern: bigint): Vector;
  select(mask: Vector, a: Vector, b: Vector): Vector;
  shiftLeft(a: Vector, count: number): Vector;
  shiftRight(a: Vector, count: number): Vector;
  /** `a` without a negation: the same magnitude. */
  unsigned(a: Vector): Vector;
  /** `a · b + c`, rounded twice. */
  mulAdd(a: Vector, b: Vector, c: Vector): Vector;
  /** A polynomial by Horner's rule; coefficients in ascending order. */
  polynomial(x: Vector, coefficients: readonly number[]): Vector;
  /**
   * The same, all but the first coefficient by Estrin's scheme: a few more operations, which wait less for each other.
   * For formulas that are one chain; of several chains side by side the intermediate results would not fit into registers.
   */
  polynomialInPairs(x: Vector, coefficients: readonly number[]): Vector;
  /** The same as two polynomials in x², of the even and of the odd terms: two chains of half the length. */
  polynomialInHalves(x: Vector, coefficients: readonly number[]): Vector;
  /** A call of another function of the module. */
  call(name: string, ...operands: readonly Vector[]): Vector;
  /** `rare` if any lane of the mask is set, else `usual`; only the one is computed. */
  whenAny(mask: Vector, rare: Vector, usual: Vector): Vector;
  /** The first two f32 lanes as f64, the last two likewise, and back. */
  promoteLow(a: Vector): Vector;
  promoteHigh(a: Vector): Vector;
  demote(low: Vector, high: Vector): Vector;
  /** The first f64 lanes of both, or the second ones. */
  firsts(a: Vector, b: Vector): Vector;
  seconds(a: Vector, b: Vector): Vector;
  /** The low words of the f64 lanes of both. */
  evenWords(a: Vector, b: Vector): Vector;
  /** The same formula language for the other lane type, in the same graph. */
  readonly of: (dtype: LaneType) => Algebra;
};

type Intern = (
  key: string,
  operands: readonly Vector[],
  emit: Vector["emit"],
  constantKey?: string,
) => Vector;

function interner(): Intern {
  const nodes = new Map<string, Vector>();
  return (key, operands, emit, constantKey) => {
    const fullKey = `${key}(${operands.map((o) => o.id).join()})`;
    const known = nodes.get(fullKey);
    if (known !== undefined) return known;
    const node = { id: nodes.size, operands, emit, constantKey };
    nodes.set(fullKey, node);
    return node;
  };
}

const HIGH_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
const LOW_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const EVEN_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const HIGH_HALVES = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];

function createAlgebra(
  target: WasmTarget,
  dtype: LaneType,
  intern: Intern,
  of: (dtype: LaneType) => Algebra,
): Algebra {
  const { binaryen, module } = target;
  const lanes = laneOperations(module, dtype);
  const unary = (name: UnaryLaneOperation) => (a: Vector) =>
    intern(`${dtype}.${name}`, [a], (code) => lanes.unary[name](code(a)));
  const binary = (name: BinaryLaneOperation) => (a: Vector, b: Vector) =>
    intern(`${dtype}.${name}`, [a, b], (code) => lanes.binary[name](code(a), code(b)));
  const shuffle = (name: string, mask: readonly number[]) => (a: Vector, b: Vector) =>
    intern(name, [a, b], (code) => module.i8x16.shuffle(code(a), code(b), mask));
  const bits = (pattern: bigint) => {
    const key = `${dtype} lanes 0x${pattern.toString(16)}`;
    return intern(key, [], () => lanes.bits(pattern), key);
  };
  const constant = (value: number) => bits(laneBits(value, dtype));
  const add = binary("add");
  const xor = binary("xor");
  const and = binary("and");
  // With a constant in a local one instruction each, where an engine makes three of f32x4.neg and f32x4.abs.
  const negate = (a: Vector) => xor(a, constant(-0));
  const positives = new Map<Vector, Vector>();
  const neg = (a: Vector): Vector => {
    const known = positives.get(a);
    if (known !== undefined) return known;
    const node = negate(a);
    positives.set(node, a);
    return node;
  };
  const unsigned = (a: Vector): Vector => positives.get(a) ?? a;
  const magnitude = (a: Vector) => and(a, bits((1n << BigInt(8 * LANE_FORMAT[dtype].bytes - 1)) - 1n));
  const product = binary("mul");
  // (−a)(−b) = ab
  const mul = (a: Vector, b: Vector): Vector =>
    positives.has(a) && positives.has(b) ? product(unsigned(a), unsigned(b)) : product(a, b);
  const fused = (a: Vector, b: Vector, c: Vector) =>
    intern(`${dtype}.relaxed_madd`, [a, b, c], (code) =>
      relaxedMulAdd(target, dtype, code(a), code(b), code(c)),
    );
  const mulAdd = isRelaxed(target) ? fused : (a: Vector, b: Vector, c: Vector) => add(mul(a, b), c);
  const polynomial = (x: Vector, coefficients: readonly number[]): Vector =>
    coefficients
      .slice(0, -1)
      .reduceRight((sum, c) => mulAdd(sum, x, constant(c)), constant(coefficients.at(-1) ?? 0));
  // c₀ + c₁ x + (c₂ + c₃ x) x² + … is a polynomial in x² of half as many terms
  const inPairs = (x: Vector, terms: readonly Vector[]): Vector => {
    const [first = constant(0), ...others] = terms;
    if (others.length === 0) return first;
    const pairs = terms.flatMap((term, k) => {
      const next = terms[k + 1];
      return k % 2 === 1 ? [] : [next === undefined ? term : mulAdd(next, x, term)];
    });
    return inPairs(mul(x, x), pairs);
  };
  const promoteLow = (a: Vector) => intern("promote", [a], (code) => module.f64x2.promote_low_f32x4(code(a)));
  const lowHalves = shuffle("lowHalves", LOW_HALVES);
  const highHalf = shuffle("highHalf", HIGH_HALF);
  const demoteLow = (a: Vector) => intern("demote", [a], (code) => module.f32x4.demote_f64x2_zero(code(a)));
  return {
    dtype,
    format: LANE_FORMAT[dtype],
    of,
    abs: (a) => magnitude(unsigned(a)),
    neg,
    unsigned,
    sqrt: unary("sqrt"),
    ceil: unary("ceil"),
    floor: unary("floor"),
    trunc: unary("trunc"),
    nearest: unary("nearest"),
    not: unary("not"),
    add,
    sub: binary("sub"),
    mul,
    div: binary("div"),
    min: binary("min"),
    max: binary("max"),
    pmin: binary("pmin"),
    pmax: binary("pmax"),
    eq: binary("eq"),
    ne: binary("ne"),
    lt: binary("lt"),
    gt: binary("gt"),
    le: binary("le"),
    ge: binary("ge"),
    and,
    or: binary("or"),
    xor,
    andnot: binary("andnot"),
    addBits: binary("addBits"),
    subBits: binary("subBits"),
    constant,
    bits,
    select: (mask, a, b) =>
      intern("select", [mask, a, b], (code) => lanes.select(code(mask), code(a), code(b))),
    shiftLeft: (a, count) => intern(`${dtype}.shl ${count}`, [a], (code) => lanes.shiftLeft(code(a), count)),
    shiftRight: (a, count) =>
      intern(`${dtype}.shr ${count}`, [a], (code) => lanes.shiftRight(code(a), count)),
    mulAdd,
    polynomial,
    polynomialInHalves: (x, coefficients) => {
      const [even, odd] = [0, 1].map((parity) =>
        polynomial(
          mul(x, x),
          coefficients.filter((_, k) => k % 2 === parity),
        ),
      );
      return even === undefined || odd === undefined ? constant(0) : mulAdd(odd, x, even);
    },
    polynomialInPairs: (x, [first = 0, ...others]) =>
      others.length === 0 ? constant(first) : mulAdd(inPairs(x, others.map(constant)), x, constant(first)),
    call: (name, ...operands) =>
      intern(`call ${name}`, operands, (code) => module.call(name, operands.map(code), binaryen.v128)),
    whenAny: (mask, rare, usual) =>
      intern("whenAny", [mask, rare, usual], (code) =>
        module.if(module.v128.any_true(code(mask)), code(rare), code(usual)),
      ),
    promoteLow,
    promoteHigh: (a) => promoteLow(highHalf(a, a)),
    demote: (low, high) => lowHalves(demoteLow(low), demoteLow(high)),
    firsts: lowHalves,
    evenWords: shuffle("evenWords", EVEN_WORDS),
    seconds: shuffle("highHalves", HIGH_HALVES),
  };
}

/** A formula of f64 lanes on f32 lanes: on both halves, then rounded. */
export function widened(
  v: Algebra,
  formula: (wide: Algebra, ...operands: Vector[]) => Vector,
  ...xs: Vector[]
): Vector {
  const wide = v.of("f64");
  return v.demote(
    formula(wide, ...xs.map((x) => v.promoteLow(x))),
    formula(wide, ...xs.map((x) => v.promoteHigh(x))),
  );
}

/** Users of each node that the root needs; operands precede users by id, so one sweep from above is enough. */
function countUsers(root: Vector): Map<Vector, number> {
  const users = new Map<Vector, number>([[root, 1]]);
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const operand of node.operands) {
      const count = users.get(operand);
      users.set(operand, (count ?? 0) + 1);
      if (count === undefined) pending.push(operand);
    }
  }
  return users;
}

export type Formula = (algebra: Algebra, x: Vector, y: Vector) => Vector;

interface BuiltFormula {
  readonly root: Vector;
  readonly parameters: readonly [Vector, Vector];
}

function build(
  target: WasmTarget,
  dtype: LaneType,
  formula: Formula,
  operands: readonly FormulaOperand[],
): BuiltFormula {
  const intern = interner();
  const algebras: { readonly [T in LaneType]: Algebra } = {
    f32: createAlgebra(target, "f32", intern, (t) => algebras[t]),
    f64: createAlgebra(target, "f64", intern, (t) => algebras[t]),
  };
  const parameter = (index: number) =>
    intern(`parameter ${index}`, [], () => target.module.local.get(index, target.binaryen.v128));
  const parameters = [parameter(0), parameter(1)] as const;
  const [x, y] = parameters.map((each, k) => (operands[k]?.sign === "-" ? algebras[dtype].neg(each) : each));
  return { root: formula(algebras[dtype], x ?? parameters[0], y ?? parameters[1]), parameters };
}

/** A vector in a local, or the negative of it, which a formula of |x| need not compute. */
export interface FormulaOperand {
  readonly local: number;
  readonly sign: "+" | "-";
}

/** The function that a formula is put into. */
export interface FormulaHost {
  /** Puts a vector into a fresh local and gives its index. Called in the order of execution. */
  readonly bind: (value: Expression) => number;
  /**
   * The local of a constant, known by its key, which the host sets before its loops: an engine makes a constant in a
   * loop anew at each use. Without it constants with several users are bound like other nodes.
   */
  readonly constant?: (key: string, make: () => Expression) => number;
}

/** The code of a formula of these vectors: shared nodes go to the host, the result is one expression. */
export function emitFormula(
  target: WasmTarget,
  dtype: LaneType,
  formula: Formula,
  operands: readonly FormulaOperand[],
  host: FormulaHost,
): Expression {
  const { root, parameters } = build(target, dtype, formula, operands);
  const localOf = new Map<Vector, number>();
  operands.forEach(({ local }, i) => {
    const parameter = parameters[i];
    if (parameter !== undefined) localOf.set(parameter, local);
  });
  const code = (node: Vector): Expression => {
    const local = localOf.get(node);
    return local === undefined ? node.emit(code) : target.module.local.get(local, target.binaryen.v128);
  };
  const needed = [...countUsers(root)].sort(([a], [b]) => a.id - b.id);
  for (const [node, users] of needed) {
    if (localOf.has(node)) continue;
    if (node.constantKey !== undefined && host.constant !== undefined) {
      localOf.set(
        node,
        host.constant(node.constantKey, () => node.emit(code)),
      );
    } else if (users > 1) {
      localOf.set(node, host.bind(node.emit(code)));
    }
  }
  return code(root);
}

/** Adds a function from `arity` vectors to one vector. The formula of a unary function ignores its third parameter. */
export function defineVectorFunction(
  target: WasmTarget,
  name: string,
  arity: 1 | 2,
  dtype: LaneType,
  formula: Formula,
): void {
  const { module } = target;
  const { v128 } = target.binaryen;
  const body: Expression[] = [];
  const bind = (value: Expression): number => {
    const local = arity + body.length;
    body.push(module.local.set(local, value));
    return local;
  };
  const operands = [0, 1].slice(0, arity).map((local): FormulaOperand => ({ local, sign: "+" }));
  const result = emitFormula(target, dtype, formula, operands, { bind });
  module.addFunction(
    name,
    arity === 1 ? v128 : target.binaryen.createType([v128, v128]),
    v128,
    body.map(() => v128),
    module.block(null, [...body, result], v128),
  );
}
