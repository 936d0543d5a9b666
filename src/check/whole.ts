/**
 * In: a node that stands where a whole number is needed; out: the index expression that it is. A quotient of extents is one if
 * the divisor divides, which is then required of the program. Terminates: operands are smaller.
 */
import { asConstant, dataOf, divideExactly, fixed, plus, times } from "../ir/affine.ts";
import { division, provablyNonNegative, quotient } from "../ir/range.ts";
import type { Affine, Node, Requirement } from "../ir/types.ts";
import type { Frame } from "./frame.ts";
import { asAffine } from "./value.ts";

/** What a quotient is made of. */
interface Fraction {
  readonly over: Affine;
  readonly under: Affine;
}

const isExtent = (a: Affine): boolean => a.indices.length === 0 && dataOf(a).length === 0;

/** A product of so many extents, of 2 at least, is beyond any array. */
const LARGEST_EXPONENT = 31;

const wholeExponent = ({ exponent: { num, den } }: Extract<Node, { kind: "power" }>): number | undefined =>
  den === 1 && Math.abs(num) <= LARGEST_EXPONENT ? num : undefined;

const fractionOf = (frame: Frame, node: Node): Fraction | undefined => {
  const { ir } = frame.builder;
  const one = fixed(ir, 1);
  if (node.kind === "constant" && node.exact !== undefined)
    return { over: fixed(ir, node.exact.num), under: fixed(ir, node.exact.den) };
  if (node.kind === "power") {
    const [base, exponent] = [asWhole(frame, node.base), wholeExponent(node)];
    if (base === undefined || exponent === undefined) return undefined;
    const all = Array.from({ length: Math.abs(exponent) }).reduce<Affine>((a) => times(ir, a, base), one);
    return exponent < 0 ? { over: one, under: all } : { over: all, under: one };
  }
  const over = asWhole(frame, node);
  return over && { over, under: one };
};

const product = (frame: Frame, factors: readonly Node[]): Affine | undefined => {
  const { ir } = frame.builder;
  let all: Fraction = { over: fixed(ir, 1), under: fixed(ir, 1) };
  for (const factor of factors) {
    const next = fractionOf(frame, factor);
    if (next === undefined) return undefined;
    all = { over: times(ir, all.over, next.over), under: times(ir, all.under, next.under) };
  }
  return divided(frame, all);
};

/** As a divisor: an extent that is at least 1 wherever there is an element to compute. */
const isDivisor = ({ builder: { ir } }: Frame, a: Affine): boolean =>
  isExtent(a) && asConstant(a) !== 0 && provablyNonNegative(ir, a);

const divided = (frame: Frame, { over, under }: Fraction): Affine | undefined => {
  const { ir, requirements } = frame.builder;
  const exact = divideExactly(ir, over, under);
  if (exact !== undefined) return exact;
  if (!isExtent(over) || !isDivisor(frame, under)) return undefined;
  // a fraction of two numbers
  if (asConstant(over) !== undefined && asConstant(under) !== undefined) return undefined;
  const requirement: Requirement = { kind: "divides", by: under, value: over };
  requirements.set(`${under.id} divides ${over.id}`, requirement);
  return quotient(ir, over, under);
};

const sum = (frame: Frame, terms: readonly Node[]): Affine | undefined => {
  const wholes = terms.map((term) => asWhole(frame, term));
  return wholes.reduce<Affine | undefined>(
    (total, term) => total && term && plus(frame.builder.ir, total, term),
    fixed(frame.builder.ir, 0),
  );
};

/** The whole number that a node is, where it is one. */
export const asWhole = (frame: Frame, node: Node): Affine | undefined => {
  const { ir } = frame.builder;
  const known = asAffine(ir, node);
  if (known !== undefined) return known;
  if (node.kind === "sum") return sum(frame, node.args);
  if (node.kind === "product") return product(frame, node.args);
  if (node.kind === "constant" || node.kind === "power") return product(frame, [node]);
  if (node.kind !== "binary" || (node.op !== "floordiv" && node.op !== "mod")) return undefined;
  const [a, by] = [asWhole(frame, node.a), asWhole(frame, node.b)];
  return a !== undefined && by !== undefined && isDivisor(frame, by)
    ? division(ir)[node.op](a, by)
    : undefined;
};

/** `C / groups` or `r^2`, which may be an extent. */
export const isQuotient = (node: Node): boolean => {
  const isWhole = (factor: Node): boolean => factor.kind === "index";
  const isPower = (factor: Node): boolean =>
    factor.kind === "power" && isWhole(factor.base) && wholeExponent(factor) !== undefined;
  if (node.indices.length > 0) return false;
  if (node.kind !== "product") return isPower(node);
  return (
    node.args.some((factor) => factor.kind !== "constant") &&
    node.args.every((factor) => isWhole(factor) || factor.kind === "constant" || isPower(factor))
  );
};
