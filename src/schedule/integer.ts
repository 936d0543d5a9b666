/** Index expressions as loop IR: sums by loop level, so that every part is computed as far out as it can be. */
import type { Affine, Atom, Index, Monomial, Node } from "../ir/index.ts";
import type { Expr } from "../loop/types.ts";
import { add, binary, dim, int, isTrivial, mul, sub, use } from "./build.ts";
import { at, named, type Block, type Names, type Operand } from "./scope.ts";
import type { Local } from "../loop/types.ts";

/** Where a statement is being written, and what its indices are there. */
export interface Site {
  readonly names: Names;
  readonly block: Block;
  readonly chain: readonly Block[];
  readonly counter: (index: Index) => Counter;
  /** The value of an int read inside of an index expression. */
  readonly data: (node: Node) => Operand;
}

/** The loop local that an index is, and the block of that loop. */
export interface Counter {
  readonly local: Local;
  readonly block: Block;
}

const operand = (expr: Expr, level: number): Operand => ({ expr, level, nesting: 0, conditional: false });

/** The same expression of the same loops has the same key. */
export const keyOf = (site: Site, prefix: string, indices: readonly Index[]): string =>
  `${prefix}@${indices.map((index) => site.counter(index).block.id).join()}`;

/** A factor of a product; equal keys are equal values. */
interface Factor {
  readonly key: string;
  readonly operand: Operand;
}

interface Term {
  readonly coefficient: number;
  readonly factors: readonly Factor[];
}

/** The value of an index expression; its parts have names where they are needed in loops further in. */
export const integer = (site: Site, value: Affine): Operand => sumOf(site, termsOf(site, value));

const termsOf = (site: Site, value: Affine): readonly Term[] => [
  ...value.terms.map((term) => termOf(site, term)),
  { coefficient: value.constant, factors: [] },
];

const termOf = (site: Site, { coefficient, atoms }: Monomial): Term => ({
  coefficient,
  factors: atoms.map((atom) => factorOf(site, atom)),
});

/** Σ position·stride in row-major order. Strides are products that have a name each, whatever the extents are. */
export const offsetOf = (site: Site, extents: readonly Affine[], positions: readonly Affine[]): Operand => {
  let stride: Term = { coefficient: 1, factors: [] };
  const terms: Term[] = [];
  positions.toReversed().forEach((position, fromLast) => {
    for (const term of termsOf(site, position)) terms.push(times(term, stride));
    const extent = extents.at(-1 - fromLast);
    if (extent !== undefined) stride = times(stride, extentTerm(site, extent));
  });
  return sumOf(site, terms);
};

const times = (a: Term, b: Term): Term => ({
  coefficient: a.coefficient * b.coefficient,
  factors: [...a.factors, ...b.factors],
});

const extentTerm = (site: Site, extent: Affine): Term => {
  const [term, ...others] = extent.terms;
  if (term === undefined) return { coefficient: extent.constant, factors: [] };
  if (others.length === 0 && extent.constant === 0) return termOf(site, term);
  return {
    coefficient: 1,
    factors: [
      { key: `x${extent.id}`, operand: named(site.names, site.chain, integer(site, extent), undefined) },
    ],
  };
};

/** Equal products as one term, outermost first. */
const collected = (terms: readonly Term[]): readonly (Term & { readonly key: string })[] => {
  const byKey = new Map<string, Term & { readonly key: string }>();
  for (const { coefficient, factors } of terms) {
    const key = factors
      .map((factor) => factor.key)
      .sort()
      .join("*");
    byKey.set(key, { key, coefficient: coefficient + (byKey.get(key)?.coefficient ?? 0), factors });
  }
  return [...byKey.values()].filter((term) => term.coefficient !== 0);
};

const termLevel = (term: Term): number => Math.max(0, ...term.factors.map(({ operand: each }) => each.level));

const sumOf = (site: Site, terms: readonly Term[]): Operand => {
  const every = collected(terms);
  const constant = every.find((term) => term.factors.length === 0)?.coefficient ?? 0;
  const all = every.filter((term) => term.factors.length > 0);
  const levels = [...new Set(all.map(termLevel))].sort((p, q) => p - q);
  let total: Operand = operand(int(0), 0);
  let key = "";
  for (const level of levels) {
    const group = all.filter((term) => termLevel(term) === level);
    const partKey = group.map((term) => `${term.coefficient}*${term.key}`).sort();
    key = `${key}+${partKey.join("+")}`;
    total = partialSum(site, key, total, group, level);
  }
  // last, so that neighbours share the rest
  return operand(offsetBy(total.expr, constant), total.level);
};

/** What has been summed further out, and the terms of this level. */
const partialSum = (
  site: Site,
  key: string,
  outer: Operand,
  group: readonly Term[],
  level: number,
): Operand => {
  const home = at(site.chain, level);
  const known = home.values.get(key);
  if (known !== undefined) return operand(known, level);
  const products = group.map((term) => ({ negative: term.coefficient < 0, expr: productOf(site, term) }));
  products.sort((p, q) => Number(p.negative) - Number(q.negative));
  const expr = products.reduce((total, part) => signedSum(total, part.expr, part.negative), outer.expr);
  const result = operand(expr, level);
  if (isTrivial(expr) || (level >= site.block.depth && isCheap(expr))) return result;
  const bound = named(site.names, site.chain, result, undefined);
  home.values.set(key, bound.expr);
  return bound;
};

const signedSum = (total: Expr, part: Expr, negative: boolean): Expr => {
  if (part.kind === "const") return offsetBy(total, negative ? -part.value : part.value);
  return negative ? sub(total, part) : add(total, part);
};

/** `local ± small` is not worth a name in its own loop. */
const isCheap = (expr: Expr): boolean =>
  expr.kind === "binary" &&
  (expr.op === "add" || expr.op === "sub") &&
  isTrivial(expr.a) &&
  isTrivial(expr.b);

const offsetBy = (expr: Expr, by: number): Expr => (by < 0 ? sub(expr, int(-by)) : add(expr, int(by)));

/** |coefficient|·Π factors, what is known further out with a name there. */
const productOf = (site: Site, { coefficient, factors }: Term): Expr => {
  const sorted = factors.toSorted((p, q) => p.operand.level - q.operand.level || (p.key < q.key ? -1 : 1));
  const [first, ...rest] = sorted;
  const scale = Math.abs(coefficient);
  if (first === undefined) return int(scale);
  let total = operand(mul(first.operand.expr, int(scale)), first.operand.level);
  let key = `${scale}*${first.key}`;
  for (const next of rest) {
    if (next.operand.level > total.level) total = rememberedProduct(site, key, total);
    key = `${key}*${next.key}`;
    total = operand(mul(next.operand.expr, total.expr), next.operand.level);
  }
  return total.expr;
};

const rememberedProduct = (site: Site, key: string, total: Operand): Operand => {
  const home = at(site.chain, total.level);
  const known = home.values.get(key);
  if (known !== undefined) return operand(known, total.level);
  const bound = named(site.names, site.chain, total, undefined);
  home.values.set(key, bound.expr);
  return bound;
};

const factorOf = (site: Site, atom: Atom): Factor => {
  switch (atom.kind) {
    case "dim":
      return { key: `a${atom.id}`, operand: operand(dim(atom.name), 0) };
    case "index": {
      const { local, block } = site.counter(atom.index);
      return { key: `i${block.id}`, operand: operand(use(local), block.depth) };
    }
    case "floordiv":
    case "mod":
      return { key: keyOf(site, `a${atom.id}`, indicesOf(atom)), operand: division(site, atom) };
    case "data":
      return { key: keyOf(site, `a${atom.id}`, atom.node.indices), operand: site.data(atom.node) };
  }
};

type Division = Extract<Atom, { readonly kind: "floordiv" | "mod" }>;

const indicesOf = ({ value, by }: Division): readonly Index[] => [
  ...new Set([...value.indices, ...by.indices]),
];

const division = (site: Site, atom: Division): Operand => {
  const indices = indicesOf(atom);
  const key = keyOf(site, `d${atom.id}`, indices);
  const level = Math.max(0, ...indices.map((index) => site.counter(index).block.depth));
  const known = at(site.chain, level).values.get(key);
  if (known !== undefined) return operand(known, level);
  const [value, by] = [integer(site, atom.value), integer(site, atom.by)];
  const result = operand(binary(atom.kind, value.expr, by.expr), Math.max(value.level, by.level));
  const bound = named(site.names, site.chain, result, undefined);
  at(site.chain, bound.level).values.set(key, bound.expr);
  return bound;
};

/** An extent over dims and constants, as one expression without names. */
export const extentExpr = (extent: Affine): Expr => {
  const terms = extent.terms.map((term): Expr => {
    const atoms = term.atoms.map(extentAtom);
    return atoms.reduce(mul, int(Math.abs(term.coefficient)));
  });
  const sign = (k: number): number => extent.terms[k]?.coefficient ?? 0;
  const added = terms.filter((_, k) => sign(k) > 0).reduce(add, int(0));
  const removed = terms.filter((_, k) => sign(k) < 0).reduce(sub, added);
  return offsetBy(removed, extent.constant);
};

const extentAtom = (each: Atom): Expr => {
  switch (each.kind) {
    case "dim":
      return dim(each.name);
    case "floordiv":
    case "mod":
      return binary(each.kind, extentExpr(each.value), extentExpr(each.by));
    case "index":
    case "data":
      throw new Error("an extent depends on dims only");
  }
};
