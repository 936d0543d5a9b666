/** What is known about index expressions: proofs of sign by bounds on their atoms, and the divisions that need them. */
import type { Arena } from "./arena.ts";
import {
  asConstant, divideExactly, fixed, linearIn, mapAffine, minus, ofData, plainIndex, plus, scale, splitMultiple, times, type AffineMap, type Divide,
} from "./affine.ts"; // prettier-ignore
import type { Affine, Atom, Index, Monomial } from "./types.ts";

type Sign = 1 | -1;

/** Proves a ≥ 0 for all values of its indices (whose loops are not empty), dims and data; false is "not proved". */
export const provablyNonNegative = (ir: Arena, a: Affine): boolean => proveSign(ir, a, 1, 12);

export const provablyPositive = (ir: Arena, a: Affine): boolean =>
  provablyNonNegative(ir, plus(ir, a, fixed(ir, -1)));

/** 0 ≤ a < extent, proved. */
export const provablyInRange = (ir: Arena, a: Affine, extent: Affine): boolean => {
  const division = soleDivision(a);
  // 0 ≤ v // b < e  ⇔  0 ≤ v < b·e
  if (division !== undefined) return provablyInRange(ir, division.value, times(ir, division.by, extent));
  return provablyNonNegative(ir, a) && provablyPositive(ir, minus(ir, extent, a));
};

/** The division that `a` is, if it is nothing else. */
const soleDivision = (a: Affine): Extract<Atom, { readonly kind: "floordiv" }> | undefined => {
  const [term, ...others] = a.terms;
  const [atom, ...factors] = term?.atoms ?? [];
  if (others.length > 0 || factors.length > 0 || a.constant !== 0 || term?.coefficient !== 1)
    return undefined;
  return atom?.kind === "floordiv" ? atom : undefined;
};

const proveSign = (ir: Arena, a: Affine, sign: Sign, fuel: number): boolean => {
  const value = sign === 1 ? a : scale(ir, a, -1);
  const floored = lowerBoundOfDims(value, nonEmpty(a.indices));
  if (floored !== undefined) return floored >= 0;
  if (fuel === 0) return false;
  return value.terms.some((term) =>
    term.atoms.some((atom) => {
      const lower = eliminate(ir, value, atom, fuel);
      return lower !== undefined && proveSign(ir, lower, 1, fuel - 1);
    }),
  );
};

/** Dims that are an index's extent are at least 1 wherever that index has a value. */
const nonEmpty = (indices: readonly Index[]): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const index of indices) {
    const [term, ...others] = index.extent.terms;
    const atom = term?.atoms[0];
    if (others.length === 0 && index.extent.constant <= 0 && term?.atoms.length === 1 && atom?.kind === "dim")
      names.add(atom.name);
  }
  return names;
};

/** The least value of a polynomial in dims only, if all its coefficients are positive once dims start at their minimum. */
const lowerBoundOfDims = (a: Affine, positive: ReadonlySet<string>): number | undefined => {
  const shifted = new Map<string, number>();
  for (const term of [...a.terms, { coefficient: a.constant, atoms: [] }]) {
    const parts = shiftDims(term, positive);
    if (parts === undefined) return undefined;
    for (const [key, coefficient] of parts) shifted.set(key, (shifted.get(key) ?? 0) + coefficient);
  }
  for (const [key, coefficient] of shifted) if (key !== "" && coefficient < 0) return undefined;
  return shifted.get("") ?? 0;
};

/** coefficient·Π d with every d = min + d', multiplied out; undefined if an atom is not a dim. */
const shiftDims = (
  term: Monomial,
  positive: ReadonlySet<string>,
): readonly [string, number][] | undefined => {
  let parts: [string, number][] = [["", term.coefficient]];
  for (const atom of term.atoms) {
    if (atom.kind !== "dim") return undefined;
    const min = Math.max(atom.min, positive.has(atom.name) ? 1 : 0);
    parts = parts.flatMap(([key, coefficient]): [string, number][] => [
      [`${key}*${atom.id}`, coefficient],
      ...(min === 0 ? [] : [[key, coefficient * min] as [string, number]]),
    ]);
  }
  return parts;
};

/** A lower bound of `value` without `atom`, which has to occur linearly with a coefficient of known sign. */
const eliminate = (ir: Arena, value: Affine, atom: Atom, fuel: number): Affine | undefined => {
  if (atom.kind === "dim" || atom.kind === "data") return undefined;
  const split = linearInAtom(ir, value, atom);
  if (split === undefined) return undefined;
  const { coefficient, rest } = split;
  const positive = proveSign(ir, coefficient, 1, fuel - 1);
  if (!positive && !proveSign(ir, coefficient, -1, fuel - 1)) return undefined;
  const bound = boundAtom(ir, atom, coefficient, positive ? 1 : -1);
  return bound === undefined ? undefined : plus(ir, rest, bound);
};

const linearInAtom = (
  ir: Arena,
  a: Affine,
  atom: Atom,
): { coefficient: Affine; rest: Affine } | undefined => {
  if (atom.kind === "index") return linearIn(ir, a, atom.index);
  let coefficient = fixed(ir, 0);
  let rest = fixed(ir, a.constant);
  for (const term of a.terms) {
    const others = term.atoms.filter((other) => other !== atom);
    if (term.atoms.length - others.length > 1) return undefined;
    let part = fixed(ir, term.coefficient);
    for (const other of others) part = times(ir, part, atomValue(ir, other));
    if (others.length < term.atoms.length) coefficient = plus(ir, coefficient, part);
    else rest = plus(ir, rest, part);
  }
  return { coefficient, rest };
};

const atomValue = (ir: Arena, atom: Atom): Affine =>
  mapAffine(
    ir,
    { id: -1, terms: [{ coefficient: 1, atoms: [atom] }], constant: 0, indices: [], data: [] },
    IDENTITY(ir),
    rawDivide(ir),
  );

const IDENTITY = (ir: Arena): AffineMap => ({
  index: () => undefined,
  dim: () => undefined,
  data: (node) => ofData(ir, node),
});

/** coefficient·atom ≥ this, for a coefficient of the given sign. */
const boundAtom = (ir: Arena, atom: Atom, coefficient: Affine, sign: Sign): Affine | undefined => {
  switch (atom.kind) {
    case "index": // 0 ≤ i ≤ extent - 1
      return sign === 1 ? fixed(ir, 0) : times(ir, coefficient, minus(ir, atom.index.extent, fixed(ir, 1)));
    case "mod": // 0 ≤ m ≤ by - 1
      return sign === 1 ? fixed(ir, 0) : times(ir, coefficient, minus(ir, atom.by, fixed(ir, 1)));
    case "floordiv": {
      // value - by + 1 ≤ by·q ≤ value; usable where the coefficient is a multiple of by
      const multiple = divideExactly(ir, coefficient, atom.by);
      if (multiple !== undefined) {
        const reached = sign === 1 ? plus(ir, atom.value, fixed(ir, 1), scale(ir, atom.by, -1)) : atom.value;
        return times(ir, multiple, reached);
      }
      // an index below by·e gives q ≤ e - 1
      const parts = sign === 1 ? undefined : partsOf(ir, atom);
      if (parts !== undefined) return times(ir, coefficient, minus(ir, parts, fixed(ir, 1)));
      // without that: value ≥ 0 gives 0 ≤ q ≤ value
      if (!provablyNonNegative(ir, atom.value)) return undefined;
      return sign === 1 ? fixed(ir, 0) : times(ir, coefficient, atom.value);
    }
    case "dim":
    case "data":
      return undefined;
  }
};

/** extent / by, for an index that is divided. */
const partsOf = (
  ir: Arena,
  { value, by }: Extract<Atom, { readonly kind: "floordiv" }>,
): Affine | undefined => {
  const index = plainIndex(value);
  return index && divideExactly(ir, index.extent, by);
};

const rawDivide = (ir: Arena): Divide => ({
  floordiv: (value, by) => ofDivision(ir, "floordiv", value, by),
  quotient: (value, by) => ofDivision(ir, "quotient", value, by),
  mod: (value, by) => ofDivision(ir, "mod", value, by),
});

const ofDivision = (ir: Arena, kind: keyof Divide, value: Affine, by: Affine): Affine => {
  const atom = ir.atom(`${kind} ${value.id} ${by.id}`, (id) =>
    kind === "mod"
      ? { id, kind, value, by }
      : { id, kind: "floordiv", value, by, exact: kind === "quotient" },
  );
  return ir.affine(`1*${atom.id}+0`, (id) =>
    Object.freeze({
      id,
      terms: [{ coefficient: 1, atoms: [atom] }],
      constant: 0,
      indices: ir.union([value.indices, by.indices]),
      data: [...value.data, ...by.data],
    }),
  );
};

/** floor(a / by), by ≥ 1: multiples of `by` come out, and what is provably within [0, by) vanishes. */
export const floordiv = (ir: Arena, a: Affine, by: Affine): Affine => {
  const { quotient, rest } = splitMultiple(ir, a, by);
  const [r, d] = [asConstant(rest), asConstant(by)];
  if (r !== undefined && d !== undefined) return plus(ir, quotient, fixed(ir, Math.floor(r / d)));
  if (provablyInRange(ir, rest, by)) return quotient;
  return plus(ir, quotient, nestedDivision(ir, rest, by) ?? ofDivision(ir, "floordiv", rest, by));
};

/** a / by for extents of which the program requires that `by` divides `a`. */
export const quotient = (ir: Arena, a: Affine, by: Affine): Affine => {
  const [whole, r, d] = [divideExactly(ir, a, by), asConstant(a), asConstant(by)];
  if (whole !== undefined) return whole;
  // a requirement that does not hold is an error elsewhere
  return r !== undefined && d !== undefined
    ? fixed(ir, Math.floor(r / d))
    : ofDivision(ir, "quotient", a, by);
};

/** (a // b) // c = a // (b·c) */
const nestedDivision = (ir: Arena, a: Affine, by: Affine): Affine | undefined => {
  const inner = soleDivision(a);
  return inner && floordiv(ir, inner.value, times(ir, inner.by, by));
};

/** a - by·floor(a / by), by ≥ 1. */
export const mod = (ir: Arena, a: Affine, by: Affine): Affine => {
  const { rest } = splitMultiple(ir, a, by);
  const [r, d] = [asConstant(rest), asConstant(by)];
  if (r !== undefined && d !== undefined) return fixed(ir, r - d * Math.floor(r / d));
  return provablyInRange(ir, rest, by) ? rest : ofDivision(ir, "mod", rest, by);
};

export const division = (ir: Arena): Divide => ({
  floordiv: (value, by) => floordiv(ir, value, by),
  quotient: (value, by) => quotient(ir, value, by),
  mod: (value, by) => mod(ir, value, by),
});

/** Replaces indices in an index expression; data reads inside are mapped by `data`. */
export const substituteAffine = (
  ir: Arena,
  a: Affine,
  index: (index: Index) => Affine | undefined,
  data: AffineMap["data"] = (node) => ofData(ir, node),
): Affine => mapAffine(ir, a, { index, data, dim: () => undefined }, division(ir));
