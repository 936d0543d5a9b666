/**
 * Sums and products in collected form: like terms and equal bases brought together, common factors taken out where that is
 * cheaper. Operands in, one node out; each operand is looked at a fixed number of times, but for partial factoring, which
 * takes at least two terms away in each round.
 */
import { addRational, build as b, isWhole, multiplyRational } from "../ir/index.ts";
import type { Arena, Node, Rational } from "../ir/index.ts";
import { isDefined } from "./protect.ts";
import { nominalSize, weightAbove } from "./cost.ts";
import type { Surroundings } from "./rules.ts";

/** value·node in a sum; the sign is what flattening -(a + b) leaves. */
export interface Term {
  readonly node: Node;
  readonly sign: 1 | -1;
}

/** node^exponent in a product. */
export interface Factor {
  readonly node: Node;
  readonly exponent: number;
}

const ONE: Rational = { num: 1, den: 1 };

/** (coefficient, rest) with node = coefficient·rest. */
export const splitCoefficient = (ir: Arena, node: Node): { coefficient: Node; rest: Node } => {
  if (node.kind === "product" && node.args[0]?.kind === "constant") {
    return { coefficient: node.args[0], rest: b.product(ir, node.args.slice(1)) };
  }
  return { coefficient: b.exact(ir, ONE), rest: node };
};

const isConstantOf = (node: Node, value: number): boolean => node.kind === "constant" && node.value === value;

// ---- sums

/** a·x + b·x is (a + b)·x for constants a and b; what cancels is structurally nothing. */
export const collectSum = (around: Surroundings, given: readonly Term[]): Node => {
  const { ir } = around;
  const terms = opened(ir, given);
  const coefficients = new Map<Node, Node[]>();
  const constants: Node[] = [];
  for (const { node, sign } of terms) {
    const signed = b.constant(ir, sign);
    if (node.kind === "constant") constants.push(b.product(ir, [signed, node]));
    else if (node.kind !== "zero") {
      const { coefficient, rest } = splitCoefficient(ir, node);
      const known = coefficients.get(rest) ?? [];
      known.push(b.product(ir, [signed, coefficient]));
      coefficients.set(rest, known);
    }
  }
  const collected = [...coefficients].map(([rest, parts]) =>
    b.product(ir, [addConstants(ir, parts), ...spread(rest)]),
  );
  const kept = collected.filter((node) => !isVanishing(node));
  return takeOutFactors(around, selectOppositeGuards(ir, [...constants, ...kept]));
};

/** -s - (1 - s), where 1 - s has other users: its terms, if one of two cancels, so that there is a term less. */
const opened = (ir: Arena, terms: readonly Term[]): readonly Term[] => {
  const signs = new Map<Node, number>();
  const signOf = ({ node, sign }: Term): readonly [Node, number] => {
    const { coefficient, rest } = splitCoefficient(ir, node);
    if (node.kind === "constant") return [b.constant(ir, Math.abs(node.value)), sign * Math.sign(node.value)];
    return isConstantOf(coefficient, -1)
      ? [rest, -sign]
      : isConstantOf(coefficient, 1)
        ? [rest, sign]
        : [node, sign];
  };
  for (const term of terms) {
    const [node, sign] = signOf(term);
    signs.set(node, (signs.get(node) ?? 0) + sign);
  }
  return terms.flatMap((term) => {
    const [node, sign] = signOf(term);
    if (node.kind !== "sum" || node.args.length > 2) return [term];
    const inner = node.args.map((arg): Term => ({ node: arg, sign: sign < 0 ? -1 : 1 }));
    const cancels = inner.some((each) => {
      const [rest, own] = signOf(each);
      return own !== 0 && signs.get(rest) === -own;
    });
    return cancels ? inner : [term];
  });
};

const addConstants = (ir: Arena, parts: readonly Node[]): Node =>
  parts.length === 1 ? (parts[0] ?? b.zero(ir)) : b.sum(ir, parts);

const isVanishing = (node: Node): boolean =>
  node.kind === "zero" ||
  isConstantOf(node, 0) ||
  (node.kind === "product" && node.args[0] !== undefined && isConstantOf(node.args[0], 0));

/** guard(c, x) + guard(¬c, y) is c ? x : y, where x and y are all that the tests guard. */
const selectOppositeGuards = (ir: Arena, terms: readonly Node[]): readonly Node[] => {
  const guarded = new Map<Node, readonly Node[]>();
  for (const term of terms) {
    if (term.kind === "guard") guarded.set(term.test, [...(guarded.get(term.test) ?? []), term.a]);
  }
  const selections: Node[] = [];
  const taken = new Set<Node>();
  for (const [test, values] of guarded) {
    const opposite = b.not(ir, test);
    const others = guarded.get(opposite);
    if (test.kind === "not" || others === undefined) continue;
    taken.add(test).add(opposite);
    selections.push(b.select(ir, test, b.sum(ir, values), b.sum(ir, others)));
  }
  return [...terms.filter((term) => term.kind !== "guard" || !taken.has(term.test)), ...selections];
};

// ---- common factors

/** A term as coefficient·Π base^exponent, where the test holds. */
interface Monomial {
  readonly node: Node;
  readonly test: Node | undefined;
  readonly coefficient: Node;
  readonly powers: ReadonlyMap<Node, Rational>;
  /** Bases whose taking out did not pay. */
  readonly tried: ReadonlySet<Node>;
}

const NOT_TRIED: ReadonlySet<Node> = new Set();

const monomialOf = (around: Surroundings, node: Node): Monomial => {
  const test = node.kind === "guard" ? node.test : undefined;
  const { coefficient, rest } = splitCoefficient(around.ir, node.kind === "guard" ? node.a : node);
  const whole = around.shared(node);
  const factors = rest.kind === "product" && !whole ? rest.args : [rest];
  const powers = new Map<Node, Rational>();
  // what needs the test is not taken out of it
  const held = test === undefined ? [] : factors.filter((factor) => !isDefined(around.ir, factor));
  if (test !== undefined && held.length > 0)
    powers.set(b.guard(around.ir, test, b.product(around.ir, held)), ONE);
  for (const factor of factors) {
    if (held.includes(factor)) continue;
    const isPower = factor.kind === "power" && !whole && isWhole(factor.exponent);
    const [base, exponent] = isPower ? [factor.base, factor.exponent] : [factor, ONE];
    powers.set(base, addRational(powers.get(base) ?? { num: 0, den: 1 }, exponent) ?? exponent);
  }
  return { node, test, coefficient, powers, tried: NOT_TRIED };
};

/** A term that nothing is taken out of. */
const opaque = (ir: Arena, node: Node): Monomial => ({
  node,
  test: undefined,
  coefficient: b.constant(ir, 1),
  powers: new Map(),
  tried: NOT_TRIED,
});

/** The exponent that two share: of one sign, the nearer to zero; nothing for opposite signs. */
const sharedExponent = (p: Rational | undefined, q: Rational | undefined): Rational | undefined => {
  if (p === undefined || q === undefined || Math.sign(p.num) !== Math.sign(q.num)) return undefined;
  return Math.abs(p.num) <= Math.abs(q.num) ? p : q;
};

const signedBase = (base: Node, exponent: Rational): string => `${base.id} ${Math.sign(exponent.num)}`;

interface Candidate {
  readonly base: Node;
  readonly members: Monomial[];
}

/** The base that most terms have (of those, the one with the most loops, then the oldest). */
const mostCommon = (terms: readonly Monomial[]): Candidate | undefined => {
  const found = new Map<string, Candidate>();
  for (const term of terms) {
    for (const [base, exponent] of term.powers) {
      if (term.tried.has(base)) continue;
      const key = signedBase(base, exponent);
      const candidate = found.get(key) ?? { base, members: [] };
      candidate.members.push(term);
      found.set(key, candidate);
    }
  }
  let best: Candidate | undefined;
  for (const candidate of found.values()) {
    if (candidate.members.length > 1 && (best === undefined || isBetter(candidate, best))) best = candidate;
  }
  return best;
};

const isBetter = (a: Candidate, other: Candidate): boolean => {
  if (a.members.length !== other.members.length) return a.members.length > other.members.length;
  const sizes = [nominalSize(a.base.indices), nominalSize(other.base.indices)];
  return sizes[0] !== sizes[1] ? (sizes[0] ?? 0) > (sizes[1] ?? 0) : a.base.id < other.base.id;
};

const rebuildMonomial = (
  ir: Arena,
  test: Node | undefined,
  coefficient: Node,
  powers: ReadonlyMap<Node, Rational>,
): Node => {
  const product = b.product(ir, [coefficient, ...powersOf(ir, powers)]);
  return test === undefined ? product : b.guard(ir, test, product);
};

const withoutCommon = (
  powers: ReadonlyMap<Node, Rational>,
  common: ReadonlyMap<Node, Rational>,
): ReadonlyMap<Node, Rational> => {
  const rest = new Map<Node, Rational>();
  for (const [base, exponent] of powers) {
    const left = exponent.num - (common.get(base)?.num ?? 0);
    if (left !== 0) rest.set(base, { num: left, den: 1 });
  }
  return rest;
};

const commonPowers = ([first, ...others]: readonly Monomial[]): ReadonlyMap<Node, Rational> => {
  const common = new Map<Node, Rational>();
  for (const [base, exponent] of first?.powers ?? []) {
    const least = others.reduce<Rational | undefined>(
      (shared, term) => sharedExponent(shared, term.powers.get(base)),
      exponent,
    );
    if (least !== undefined) common.set(base, least);
  }
  return common;
};

/** k·(Σ rest) for the members' greatest common factor k. */
const factored = (ir: Arena, members: readonly Monomial[]): Node => {
  const common = commonPowers(members);
  const coefficient = commonCoefficient(ir, members);
  const inner = members.map((term) =>
    rebuildMonomial(
      ir,
      term.test,
      quotient(ir, term.coefficient, coefficient),
      withoutCommon(term.powers, common),
    ),
  );
  const sum = b.sum(ir, inner);
  return sum.kind === "product"
    ? b.product(ir, [coefficient, ...powersOf(ir, common), ...sum.args])
    : b.product(ir, [coefficient, ...powersOf(ir, common), sum]);
};

const powersOf = (ir: Arena, powers: ReadonlyMap<Node, Rational>): readonly Node[] =>
  [...powers].map(([base, exponent]) => b.power(ir, base, exponent));

const magnitudeOf = (node: Node): number => (node.kind === "constant" ? Math.abs(node.value) : 1);

/** The magnitude that all coefficients have, else 1. */
const commonCoefficient = (ir: Arena, members: readonly Monomial[]): Node => {
  const [first] = members;
  const magnitude = first === undefined ? 1 : magnitudeOf(first.coefficient);
  const same = members.every((term) => magnitudeOf(term.coefficient) === magnitude);
  if (!same || first?.coefficient.kind !== "constant") return b.constant(ir, 1);
  return first.coefficient.value < 0 ? b.negate(ir, first.coefficient) : first.coefficient;
};

const quotient = (ir: Arena, a: Node, by: Node): Node => {
  if (isConstantOf(by, 1)) return a;
  return b.constant(ir, a.kind === "constant" && a.value < 0 ? -1 : 1);
};

/**
 * Beyond this many terms only what all of them share is taken out, and what terms have that differ in one factor: nested
 * factors round every term otherwise, and terms of a derivative that nearly cancel then no longer do.
 */
const PARTIAL_FACTORING = 3;

/** Whether they are multiples of one product: a·p, b·p, … */
const areMultiples = (members: readonly Monomial[]): boolean => {
  const [first, second] = members;
  if (first === undefined || second === undefined) return false;
  const common = commonPowers(members);
  return members.every(({ powers, test }) => {
    const rest = withoutCommon(powers, common);
    return test === first.test && rest.size <= 1 && [...rest.values()].every(({ num }) => num === 1);
  });
};

/** a·b + a·c is a·(b + c), as long as the operations fall. */
const takeOutFactors = (around: Surroundings, terms: readonly Node[]): Node => {
  const { ir } = around;
  let open = terms.map((term) => monomialOf(around, term));
  const whole = b.sum(ir, terms);
  if (whole.kind !== "sum") return whole;
  let best: Node = whole;
  for (let rounds = 0; rounds < PARTIAL_FACTORING; rounds++) {
    const candidate = mostCommon(open);
    if (candidate === undefined) break;
    const group = new Set(candidate.members);
    const isPartial = candidate.members.length < terms.length;
    if (terms.length > PARTIAL_FACTORING && isPartial && !areMultiples(candidate.members)) {
      open = open.map((term) => (group.has(term) ? withTried(term, candidate.base) : term));
      continue;
    }
    const taken = factored(ir, candidate.members);
    const rest = open.filter((term) => !group.has(term));
    const next = b.sum(ir, [...rest.map((term) => term.node), taken]);
    if (!isCheaper(ir, next, best, open)) {
      open = open.map((term) => (group.has(term) ? withTried(term, candidate.base) : term));
      continue;
    }
    best = next;
    open = [...rest, opaque(ir, taken)];
  }
  return best;
};

const withTried = (term: Monomial, base: Node): Monomial => ({
  ...term,
  tried: new Set([...term.tried, base]),
});

/** Compared above the factors, which both sides have. */
const isCheaper = (ir: Arena, next: Node, old: Node, terms: readonly Monomial[]): boolean => {
  const leaves = new Set<Node>();
  for (const term of terms) {
    if (term.powers.size === 0) leaves.add(term.node);
    if (term.test !== undefined) leaves.add(term.test);
    for (const base of term.powers.keys()) leaves.add(base);
  }
  return weightAbove(ir, next, leaves) < weightAbove(ir, old, leaves);
};

// ---- products

/** Equal bases meet: x·x² is x³, a·b·b^-1 is a; exp(a)·exp(b) is exp(a + b). */
export const collectProduct = (around: Surroundings, factors: readonly Factor[]): Node => {
  const { ir } = around;
  const exponents = new Map<Node, Rational>();
  const others: Node[] = [];
  const exponentials: Factor[] = [];
  const divisors = new Set(factors.map(divisorOf));
  for (const { node, exponent } of factors) {
    if (node.kind === "zero" || node.kind === "guard" || node.kind === "constant") {
      others.push(b.power(ir, node, { num: exponent, den: 1 }));
    } else if (node.kind === "unary" && node.op === "exp" && !around.shared(node)) {
      exponentials.push({ node: node.a, exponent });
    } else {
      const isOpaque =
        node.kind !== "power" || (around.shared(node) && isDear(node) && !divisors.has(node.base));
      const [base, inner] = isOpaque ? [node, ONE] : [node.base, node.exponent];
      const own = multiplyRational(inner, { num: exponent, den: 1 }) ?? ONE;
      const met = addRational(exponents.get(base) ?? { num: 0, den: 1 }, own);
      if (met === undefined) others.push(b.power(ir, node, { num: exponent, den: 1 }));
      else exponents.set(base, met);
    }
  }
  return b.product(ir, [...others, ...powersOf(ir, exponents), ...mergeExponentials(ir, exponentials)]);
};

/** What a factor divides by. */
const divisorOf = ({ node, exponent }: Factor): Node | undefined => {
  const [base, sign] = node.kind === "power" ? [node.base, Math.sign(node.exponent.num)] : [node, 1];
  return sign * exponent < 0 ? base : undefined;
};

/** More than a division: where others use it too, x·x² is cheaper than x³. */
const isDear = (node: Node): boolean =>
  node.kind === "power" && !(node.exponent.num === -1 && isWhole(node.exponent));

const mergeExponentials = (ir: Arena, exponentials: readonly Factor[]): readonly Node[] => {
  if (exponentials.length === 0) return [];
  const scaled = exponentials.map(({ node, exponent }) =>
    b.product(ir, [b.constant(ir, exponent), ...spread(node)]),
  );
  return [b.unary(ir, "exp", b.sum(ir, scaled))];
};

const spread = (node: Node): readonly Node[] => (node.kind === "product" ? node.args : [node]);

// ---- powers

/** (x^a)^b is x^(ab) where no sign gets lost; (c·x)^n is c^n·x^n; exp(x)^n is exp(n·x). */
export const collectPower = (around: Surroundings, base: Node, exponent: Rational): Node => {
  const { ir } = around;
  const kept = b.power(ir, base, exponent);
  if (kept.kind !== "power") return kept;
  if (base.kind === "power") {
    const product = multiplyRational(base.exponent, exponent);
    const evenInside = isWhole(base.exponent) && base.exponent.num % 2 === 0;
    if (product === undefined || (evenInside && !isWhole(exponent))) return kept;
    const raised = b.power(ir, base.base, product);
    // a power that others use is there to be raised again
    return raised.kind === "power" && isWhole(base.exponent) && around.shared(base) ? kept : raised;
  }
  if (base.kind === "product" && isWhole(exponent) && base.args[0]?.kind === "constant") {
    const [constant, ...rest] = base.args;
    return b.product(ir, [b.power(ir, constant, exponent), b.power(ir, b.product(ir, rest), exponent)]);
  }
  if (base.kind === "unary" && base.op === "exp" && !around.shared(base) && isWhole(exponent)) {
    return b.unary(ir, "exp", b.product(ir, [b.exact(ir, exponent), ...spread(base.a)]));
  }
  return kept;
};
