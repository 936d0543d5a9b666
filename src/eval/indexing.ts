/** Index expressions of an evaluation, whose extents are known: as closures, and as intervals of what they may be. */
import type { Affine, Atom, Index, Node } from "../ir/index.ts";

/** What an index expression is evaluated in. `position` is where the loops keep an index in `counters`. */
export interface IndexScope {
  readonly dims: ReadonlyMap<string, number>;
  readonly counters: Float64Array;
  readonly position: (index: Index) => number;
  readonly data: (node: Node) => () => number;
  /** The least and greatest value that the int read may have. */
  readonly dataRange: (node: Node) => Interval;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export const dimValue = (dims: ReadonlyMap<string, number>, name: string): number => {
  const value = dims.get(name);
  if (value === undefined) throw new Error(`GS0702 input does not fit: no value for the dimension ${name}`);
  return value;
};

/** An extent as a number; undefined where it mentions a dimension that is not known yet. */
export const extentOf = (a: Affine, dims: ReadonlyMap<string, number>): number | undefined => {
  let total: number | undefined = a.constant;
  for (const term of a.terms) {
    let product: number | undefined = term.coefficient;
    for (const atom of term.atoms) product = multiplied(product, extentOfAtom(atom, dims));
    total = total === undefined || product === undefined ? undefined : total + product;
  }
  return total;
};

const multiplied = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a * b;

const extentOfAtom = (atom: Atom, dims: ReadonlyMap<string, number>): number | undefined => {
  switch (atom.kind) {
    case "dim":
      return dims.get(atom.name);
    case "floordiv":
    case "mod": {
      const [value, by] = [extentOf(atom.value, dims), extentOf(atom.by, dims)];
      return value === undefined || by === undefined ? undefined : DIVIDE[atom.kind](value, by);
    }
    case "index":
    case "data":
      return undefined;
  }
};

const DIVIDE = {
  floordiv: (a: number, b: number): number => Math.floor(a / b),
  mod: (a: number, b: number): number => a - b * Math.floor(a / b),
};

type Reader = () => number;

/** coefficient · Π factors, with the dimensions multiplied into the coefficient. */
interface Term {
  readonly coefficient: number;
  readonly factors: readonly Atom[];
}

const foldDims = (a: Affine, dims: ReadonlyMap<string, number>): readonly Term[] =>
  a.terms.map((term) => ({
    coefficient: term.atoms.reduce(
      (product, atom) => (atom.kind === "dim" ? product * dimValue(dims, atom.name) : product),
      term.coefficient,
    ),
    factors: term.atoms.filter((atom) => atom.kind !== "dim"),
  }));

/** The value of an index expression at the present counters. */
export const compileIndex = (a: Affine, scope: IndexScope): Reader => {
  const terms = foldDims(a, scope.dims);
  const constant =
    a.constant + terms.reduce((sum, t) => (t.factors.length === 0 ? sum + t.coefficient : sum), 0);
  const varying = terms.filter((term) => term.factors.length > 0);
  const linear = varying.map((term) => linearPart(term, scope));
  if (linear.every((part) => part !== undefined)) return linearReader(linear, constant, scope.counters);
  const parts = varying.map((term) => termReader(term, scope));
  return () => {
    let total = constant;
    for (const part of parts) total += part();
    return total;
  };
};

interface LinearPart {
  readonly coefficient: number;
  readonly position: number;
}

const linearPart = (term: Term, scope: IndexScope): LinearPart | undefined => {
  const [atom, ...others] = term.factors;
  if (others.length > 0 || atom?.kind !== "index") return undefined;
  return { coefficient: term.coefficient, position: scope.position(atom.index) };
};

const linearReader = (parts: readonly LinearPart[], constant: number, counters: Float64Array): Reader => {
  const [first, ...others] = parts;
  if (first === undefined) return () => constant;
  if (others.length === 0) {
    const { coefficient, position } = first;
    return () => constant + coefficient * (counters[position] ?? 0);
  }
  return () => {
    let total = constant;
    for (const { coefficient, position } of parts) total += coefficient * (counters[position] ?? 0);
    return total;
  };
};

const termReader = (term: Term, scope: IndexScope): Reader => {
  const factors = term.factors.map((atom) => atomReader(atom, scope));
  return () => {
    let product = term.coefficient;
    for (const factor of factors) product *= factor();
    return product;
  };
};

const atomReader = (atom: Atom, scope: IndexScope): Reader => {
  switch (atom.kind) {
    case "dim": {
      const value = dimValue(scope.dims, atom.name);
      return () => value;
    }
    case "index": {
      const position = scope.position(atom.index);
      return () => scope.counters[position] ?? 0;
    }
    case "floordiv":
    case "mod": {
      const [value, by, divide] = [
        compileIndex(atom.value, scope),
        compileIndex(atom.by, scope),
        DIVIDE[atom.kind],
      ];
      return () => divide(value(), by());
    }
    case "data":
      return scope.data(atom.node);
  }
};

/** Bounds of an index expression over all values of its indices and data. */
export const intervalOf = (a: Affine, scope: IndexScope): Interval => {
  let total: Interval = { low: a.constant, high: a.constant };
  for (const term of a.terms) {
    let product: Interval = { low: term.coefficient, high: term.coefficient };
    for (const atom of term.atoms) product = times(product, intervalOfAtom(atom, scope));
    total = { low: total.low + product.low, high: total.high + product.high };
  }
  return total;
};

const times = (a: Interval, b: Interval): Interval => {
  const ends = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
  return ends.some(Number.isNaN) ? EVERYTHING : { low: Math.min(...ends), high: Math.max(...ends) };
};

export const EVERYTHING: Interval = { low: -Infinity, high: Infinity };

const intervalOfAtom = (atom: Atom, scope: IndexScope): Interval => {
  switch (atom.kind) {
    case "dim": {
      const value = dimValue(scope.dims, atom.name);
      return { low: value, high: value };
    }
    case "index":
      return { low: 0, high: Math.max(0, (extentOf(atom.index.extent, scope.dims) ?? Infinity) - 1) };
    case "floordiv": {
      const [value, by] = [intervalOf(atom.value, scope), intervalOf(atom.by, scope)];
      if (by.low < 1) return EVERYTHING;
      const ends = [value.low / by.low, value.low / by.high, value.high / by.low, value.high / by.high];
      return { low: Math.floor(Math.min(...ends)), high: Math.floor(Math.max(...ends)) };
    }
    case "mod":
      return { low: 0, high: Math.max(0, intervalOf(atom.by, scope).high - 1) };
    case "data":
      return scope.dataRange(atom.node);
  }
};
