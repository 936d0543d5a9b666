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

/** The value of an index expression; its parts have names where they are needed in loops further in. */
export const integer = (site: Site, value: Affine): Operand => {
  const key = keyOf(site, `a${value.id}`, value.indices);
  const level = Math.max(0, ...value.indices.map((index) => site.counter(index).block.depth));
  const known = at(site.chain, level).values.get(key);
  if (known !== undefined) return operand(known, level);
  const result = sumByLevel(site, value);
  if (result.level >= site.block.depth && isCheap(result.expr)) return result;
  const bound = named(site.names, site.chain, result, undefined);
  at(site.chain, bound.level).values.set(key, bound.expr);
  return bound;
};

/** `local ± small` is not worth a name in its own loop. */
const isCheap = (expr: Expr): boolean =>
  expr.kind === "binary" &&
  (expr.op === "add" || expr.op === "sub") &&
  isTrivial(expr.a) &&
  isTrivial(expr.b);

const sumByLevel = (site: Site, value: Affine): Operand => {
  const parts = value.terms.map((term) => ({ negative: term.coefficient < 0, ...monomial(site, term) }));
  parts.sort((p, q) => p.level - q.level || Number(p.negative) - Number(q.negative));
  const [first, ...rest] = parts;
  if (first === undefined) return operand(int(value.constant), 0);
  const leading = value.constant !== 0 && rest.length > 0 ? value.constant : 0;
  let total = operand(
    first.negative ? sub(int(leading), first.expr) : add(first.expr, int(leading)),
    first.level,
  );
  for (const part of rest) {
    if (part.level > total.level) total = named(site.names, site.chain, total, undefined);
    total = operand((part.negative ? sub : add)(total.expr, part.expr), Math.max(part.level, total.level));
  }
  return leading === 0 ? operand(offsetBy(total.expr, value.constant), total.level) : total;
};

const offsetBy = (expr: Expr, by: number): Expr => (by < 0 ? sub(expr, int(-by)) : add(expr, int(by)));

/** |coefficient|·Π atoms */
const monomial = (site: Site, term: Monomial): { expr: Expr; level: number } => {
  const atoms = term.atoms.map((each) => atom(site, each)).sort((p, q) => p.level - q.level);
  const scale = Math.abs(term.coefficient);
  const [first, ...rest] = atoms;
  if (first === undefined) return { expr: int(scale), level: 0 };
  let total: Operand = operand(mul(first.expr, int(scale)), first.level);
  for (const next of rest) {
    if (next.level > total.level) total = product(site, term, total);
    total = operand(mul(next.expr, total.expr), Math.max(next.level, total.level));
  }
  return total;
};

/** Products of extents, the strides, have one name each. */
const product = (site: Site, term: Monomial, total: Operand): Operand => {
  const outer = term.atoms.filter((each) => atomLevel(site, each) <= total.level);
  const key = `s${Math.abs(term.coefficient)}*${outer.map((each) => atomKey(site, each)).join("*")}`;
  const home = at(site.chain, total.level);
  const known = home.values.get(key);
  if (known !== undefined) return operand(known, total.level);
  const bound = named(site.names, site.chain, total, undefined);
  home.values.set(key, bound.expr);
  return bound;
};

const atomLevel = (site: Site, each: Atom): number => atom(site, each).level;

const atomKey = (site: Site, each: Atom): string =>
  each.kind === "index" ? `${each.id}@${site.counter(each.index).block.id}` : String(each.id);

const atom = (site: Site, each: Atom): Operand => {
  switch (each.kind) {
    case "dim":
      return operand(dim(each.name), 0);
    case "index": {
      const { local, block } = site.counter(each.index);
      return operand(use(local), block.depth);
    }
    case "floordiv":
    case "mod":
      return division(site, each);
    case "data": {
      const { expr, level } = site.data(each.node);
      return operand(expr, level);
    }
  }
};

const division = (site: Site, each: Extract<Atom, { readonly kind: "floordiv" | "mod" }>): Operand => {
  const indices = [...each.value.indices, ...each.by.indices];
  const key = keyOf(site, `d${each.id}`, indices);
  const level = Math.max(0, ...indices.map((index) => site.counter(index).block.depth));
  const home = at(site.chain, level);
  const known = home.values.get(key);
  if (known !== undefined) return operand(known, level);
  const [value, by] = [integer(site, each.value), integer(site, each.by)];
  const result = operand(binary(each.kind, value.expr, by.expr), Math.max(value.level, by.level));
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
