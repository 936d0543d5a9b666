/**
 * Σe² / n - (Σe / n)², which loses every digit that e's offset takes, is Σ(e - Σe / n)² / n; and a multiple of it likewise, as
 * Σe² - (Σe)² / n. Definitions in, definitions out; every difference is looked at once.
 */
import { affine, build as b, KEEP, mapNodes } from "../ir/index.ts";
import type { Affine, Arena, Definition, Node, Read } from "../ir/index.ts";
import { freshTensor, isSum, readAt, valueOf, type Workspace } from "./workspace.ts";

export const centreVariances = (
  space: Workspace,
  definitions: readonly Definition[],
): readonly Definition[] => {
  const added: Definition[] = [];
  const rewritten = definitions.map((definition) => {
    const node = (rebuilt: Node): Node =>
      rebuilt.kind === "sum" ? withCentredTerms(space, rebuilt.args, added) : rebuilt;
    const [body = definition.body] = mapNodes(space.ir, [definition.body], { ...KEEP, node });
    return body === definition.body ? definition : { ...definition, body };
  });
  return added.length === 0 ? definitions : [...added, ...rewritten];
};

const withCentredTerms = (space: Workspace, terms: readonly Node[], added: Definition[]): Node => {
  const { ir } = space;
  for (const square of terms) {
    for (const mean of terms) {
      const variance = centred(space, square, mean, added);
      if (variance === undefined) continue;
      return b.sum(ir, [variance, ...terms.filter((term) => term !== square && term !== mean)]);
    }
  }
  return b.sum(ir, terms);
};

/** coefficient · Π base^exponent, by the ids of what is raised: extents one by one, other nodes as they are. */
interface Monomial {
  readonly coefficient: number;
  readonly powers: ReadonlyMap<string, { readonly base: Node; readonly exponent: number }>;
}

const ONE: Monomial = { coefficient: 1, powers: new Map() };

const raised = ({ coefficient, powers }: Monomial, by: number): Monomial => ({
  coefficient: coefficient ** by,
  powers: new Map([...powers].map(([key, { base, exponent }]) => [key, { base, exponent: exponent * by }])),
});

const times = (a: Monomial, other: Monomial): Monomial => {
  const powers = new Map(a.powers);
  for (const [key, { base, exponent }] of other.powers) {
    const total = exponent + (powers.get(key)?.exponent ?? 0);
    if (total === 0) powers.delete(key);
    else powers.set(key, { base, exponent: total });
  }
  return { coefficient: a.coefficient * other.coefficient, powers };
};

/** Up to the rounding of coefficients: 1/49 · 49 is not 1. */
const isEqual = (a: Monomial, other: Monomial): boolean =>
  Math.abs(a.coefficient - other.coefficient) <= 4 * Number.EPSILON * Math.abs(other.coefficient) &&
  a.powers.size === other.powers.size &&
  [...a.powers].every(([key, { exponent }]) => other.powers.get(key)?.exponent === exponent);

const single = (key: string, base: Node): Monomial => ({
  coefficient: 1,
  powers: new Map([[key, { base, exponent: 1 }]]),
});

/** An extent as a product of the numbers that it is made of. */
const ofExtent = (ir: Arena, extent: Affine): Monomial | undefined => {
  const [term, ...others] = extent.terms;
  if (others.length > 0 || (term !== undefined && extent.constant !== 0)) return undefined;
  if (term === undefined) return { ...ONE, coefficient: extent.constant };
  const atoms = term.atoms.map((atom) => {
    const value = b.indexValue(ir, affine.ofTerm(ir, { coefficient: 1, atoms: [atom] }));
    return single(`${value.id}`, value);
  });
  return atoms.reduce(times, { ...ONE, coefficient: term.coefficient });
};

/** Names are seen through. */
const monomialOf = (space: Workspace, node: Node): Monomial => {
  const value = valueOf(space, node);
  if (value.kind === "constant") return { ...ONE, coefficient: value.value };
  if (value.kind === "product") return value.args.map((arg) => monomialOf(space, arg)).reduce(times);
  if (value.kind === "power" && value.exponent.den === 1)
    return raised(monomialOf(space, value.base), value.exponent.num);
  const extent = value.kind === "index" ? ofExtent(space.ir, value.value) : undefined;
  return extent ?? single(`${value.id}`, value);
};

const nodeOf = (ir: Arena, { coefficient, powers }: Monomial): Node =>
  b.product(ir, [
    b.constant(ir, coefficient),
    ...[...powers.values()].map(({ base, exponent }) => b.power(ir, base, { num: exponent, den: 1 })),
  ]);

/** A sum that a tensor holds, to some power, and the factor of it. */
interface Scaled {
  readonly factor: Monomial;
  readonly read: Read;
  readonly sum: Definition;
}

const scaledSum = (space: Workspace, node: Node, exponent: 1 | 2): Scaled | undefined => {
  const monomial = monomialOf(space, node);
  for (const power of monomial.powers.values()) {
    const { base: read } = power;
    const sum = read.kind === "read" ? space.definitions.get(read.tensor) : undefined;
    if (read.kind !== "read" || sum === undefined || !isSum(sum) || power.exponent !== exponent) continue;
    return { factor: times(monomial, raised(single(`${read.id}`, read), -exponent)), read, sum };
  }
  return undefined;
};

/** a·Σe² - (a / n)·(Σe)² as a·Σ(e - Σe / n)² */
const centred = (space: Workspace, square: Node, mean: Node, added: Definition[]): Node | undefined => {
  const { ir } = space;
  const first = scaledSum(space, mean, 2);
  const second = first && scaledSum(space, square, 1);
  if (first === undefined || second === undefined) return undefined;
  const { sum, read, factor } = second;
  const over = sum.reduction?.indices ?? [];
  const count = over.reduce((size, index) => affine.times(ir, size, index.extent), affine.fixed(ir, 1));
  const isSameLoops = over.every((index, k) => index === first.sum.reduction?.indices[k]);
  const isSamePlace =
    read.at.length === first.read.at.length && read.at.every((a, k) => a === first.read.at[k]);
  const counted = monomialOf(space, b.indexValue(ir, count));
  const negated = times(times(first.factor, counted), { ...ONE, coefficient: -1 });
  if (!isEqual(negated, factor) || !isSameLoops || !isSamePlace) return undefined;
  const term = first.sum.body;
  if (b.power(ir, term, { num: 2, den: 1 }) !== sum.body) return undefined;
  const tensor = freshTensor(space, `${sum.tensor.name}_centred`, sum.tensor.shape, []);
  space.names.add(tensor.name);
  const reciprocal = b.reciprocal(ir, b.indexValue(ir, count));
  const average = b.product(ir, [reciprocal, readAt(ir, first.sum.tensor, sum.indices)]);
  added.push({ ...sum, tensor, body: b.square(ir, b.subtract(ir, term, average)) });
  return b.product(ir, [nodeOf(ir, factor), b.read(ir, tensor, read.at)]);
};
