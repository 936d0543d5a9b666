/**
 * Divisions without a remainder. In: values under guards that k divides a; out: the same with a for k·⌊a / k⌋, so that
 * conditions on it are those on a. Ends: each index expression is looked at once.
 */
import {
  affine, affinesOf, KEEP, mapNodes, operandsOf, range, rebuild, type Affine, type Arena, type Node,
} from "../ir/index.ts"; // prettier-ignore

export const exactly = (ir: Arena, guards: readonly Node[], nodes: readonly Node[]): readonly Node[] => {
  const whole = guards.flatMap((guard) => (guard.kind === "divides" ? [guard] : []));
  if (whole.length === 0) return nodes;
  const inPlace = (a: Affine): Affine =>
    whole.reduce((value, { by, value: of }) => withoutQuotient(ir, value, of, by), a);
  return mapNodes(ir, nodes, {
    ...KEEP,
    node: (node) => rebuild(ir, node, operandsOf(node), affinesOf(node).map(inPlace)),
  });
};

/** Of the terms those that are multiples of by·⌊value / by⌋ are multiples of the value. */
const withoutQuotient = (ir: Arena, a: Affine, value: Affine, by: Affine): Affine => {
  const quotient = range.floordiv(ir, value, by);
  const [atom] = quotient.terms[0]?.atoms ?? [];
  if (atom?.kind !== "floordiv" || quotient.terms.length > 1 || quotient.constant !== 0) return a;
  return a.terms.reduce((total, term) => {
    const others = term.atoms.filter((each) => each !== atom);
    if (others.length !== term.atoms.length - 1) return total;
    const own = affine.ofTerm(ir, term);
    const times = affine.divideExactly(ir, affine.ofTerm(ir, { ...term, atoms: others }), by);
    return times === undefined
      ? total
      : affine.plus(ir, affine.minus(ir, total, own), affine.times(ir, times, value));
  }, a);
};
