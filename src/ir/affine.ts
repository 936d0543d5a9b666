/** Constructors of index expressions: whole-number polynomials over dims, indices, floor divisions and data. */
import type { Arena } from "./arena.ts";
import type { Affine, Atom, Index, Monomial, Node } from "./types.ts";

const NONE: readonly Index[] = Object.freeze([]);

const indicesOfAtom = (ir: Arena, atom: Atom): readonly Index[] => {
  switch (atom.kind) {
    case "dim":
      return NONE;
    case "index":
      return ir.union([[atom.index]]);
    case "floordiv":
    case "mod":
      return ir.union([atom.value.indices, atom.by.indices]);
    case "data":
      return atom.node.indices;
  }
};

const dataOfAtom = (atom: Atom): readonly Node[] => {
  switch (atom.kind) {
    case "data":
      return [atom.node];
    case "floordiv":
    case "mod":
      return [...atom.value.data, ...atom.by.data];
    case "dim":
    case "index":
      return [];
  }
};

const monomialKey = (atoms: readonly Atom[]): string => atoms.map((atom) => atom.id).join("*");

const compareMonomials = (a: Monomial, b: Monomial): number => {
  for (let k = 0; k < Math.min(a.atoms.length, b.atoms.length); k++) {
    const difference = (a.atoms[k]?.id ?? 0) - (b.atoms[k]?.id ?? 0);
    if (difference !== 0) return difference;
  }
  return a.atoms.length - b.atoms.length;
};

const fromMonomials = (ir: Arena, monomials: readonly Monomial[], total: number): Affine => {
  const whole = monomials.map((term) => withoutQuotient(ir, term));
  if (whole.some((each) => each !== undefined)) {
    const others = monomials.filter((_, k) => whole[k] === undefined);
    return plus(ir, fromMonomials(ir, others, total), ...whole.filter((each) => each !== undefined));
  }
  const constant = total === 0 ? 0 : total; // never -0
  const merged = new Map<string, Monomial>();
  for (const { coefficient, atoms } of monomials) {
    const key = monomialKey(atoms);
    merged.set(key, { atoms, coefficient: (merged.get(key)?.coefficient ?? 0) + coefficient });
  }
  const terms = [...merged.values()].filter((term) => term.coefficient !== 0).sort(compareMonomials);
  const key =
    terms.map((term) => `${term.coefficient}*${monomialKey(term.atoms)}`).join("+") + `+${constant}`;
  return ir.affine(key, (id) =>
    Object.freeze({
      id,
      terms,
      constant,
      indices: ir.union(terms.flatMap((term) => term.atoms.map((atom) => indicesOfAtom(ir, atom)))),
      data: terms.flatMap((term) => term.atoms.flatMap(dataOfAtom)),
    }),
  );
};

/** by · (value / by) = value for an exact quotient, of which there is one less then. */
const withoutQuotient = (ir: Arena, { coefficient, atoms }: Monomial): Affine | undefined => {
  for (const [k, atom] of atoms.entries()) {
    if (atom.kind !== "floordiv" || !atom.exact) continue;
    const others = { coefficient, atoms: atoms.filter((_, other) => other !== k) };
    const factor = divideExactly(ir, ofTerm(ir, others), atom.by);
    if (factor !== undefined) return times(ir, factor, atom.value);
  }
  return undefined;
};

export const fixed = (ir: Arena, value: number): Affine => fromMonomials(ir, [], value);

const ofAtom = (ir: Arena, atom: Atom): Affine => fromMonomials(ir, [{ coefficient: 1, atoms: [atom] }], 0);

/** An extent (or whole-number option) that is known at run time, at least `min`. One name has one `min` in an arena. */
export const dim = (ir: Arena, name: string, min = 0): Affine =>
  ofAtom(
    ir,
    ir.atom(`dim ${name} ${min}`, (id) => ({ id, kind: "dim", name, min })),
  );

export const ofIndex = (ir: Arena, index: Index): Affine =>
  ofAtom(
    ir,
    ir.atom(`index ${index.id}`, (id) => ({ id, kind: "index", index })),
  );

/** The value of a read of an int tensor as an index. */
export const ofData = (ir: Arena, node: Node): Affine =>
  ofAtom(
    ir,
    ir.atom(`data ${node.id}`, (id) => ({ id, kind: "data", node })),
  );

export const plus = (ir: Arena, ...parts: readonly Affine[]): Affine =>
  fromMonomials(
    ir,
    parts.flatMap((part) => part.terms),
    parts.reduce((total, part) => total + part.constant, 0),
  );

export const scale = (ir: Arena, a: Affine, by: number): Affine =>
  fromMonomials(
    ir,
    a.terms.map((term) => ({ atoms: term.atoms, coefficient: term.coefficient * by })),
    a.constant * by,
  );

export const minus = (ir: Arena, a: Affine, b: Affine): Affine => plus(ir, a, scale(ir, b, -1));

const asMonomials = (a: Affine): readonly Monomial[] =>
  a.constant === 0 ? a.terms : [...a.terms, { coefficient: a.constant, atoms: [] }];

export const times = (ir: Arena, a: Affine, b: Affine): Affine => {
  const all = asMonomials(a).flatMap((x) =>
    asMonomials(b).map((y) => ({
      coefficient: x.coefficient * y.coefficient,
      atoms: [...x.atoms, ...y.atoms].sort((p, q) => p.id - q.id),
    })),
  );
  const constant = all.find((term) => term.atoms.length === 0)?.coefficient ?? 0;
  return fromMonomials(
    ir,
    all.filter((term) => term.atoms.length > 0),
    constant,
  );
};

export const asConstant = (a: Affine): number | undefined => (a.terms.length === 0 ? a.constant : undefined);

/** a / by where the division is exact term by term, e.g. (k·W + 2·W) / W; else undefined. `by` is one monomial. */
export const divideExactly = (ir: Arena, a: Affine, by: Affine): Affine | undefined => {
  const [divisor, ...others] = asMonomials(by);
  if (divisor === undefined || others.length > 0) return undefined;
  return divideTerms(ir, a, divisor) ?? divideByQuotient(ir, a, divisor);
};

const divideTerms = (ir: Arena, a: Affine, divisor: Monomial): Affine | undefined => {
  const quotients: Monomial[] = [];
  let constant = 0;
  for (const term of asMonomials(a)) {
    const rest = withoutAtoms(term.atoms, divisor.atoms);
    if (rest === undefined || term.coefficient % divisor.coefficient !== 0) return undefined;
    const coefficient = term.coefficient / divisor.coefficient;
    if (rest.length === 0) constant += coefficient;
    else quotients.push({ coefficient, atoms: rest });
  }
  return fromMonomials(ir, quotients, constant);
};

/** a / (r·(v / b)) = a·b / (r·v), with an exact quotient less in the divisor. */
const divideByQuotient = (ir: Arena, a: Affine, { coefficient, atoms }: Monomial): Affine | undefined => {
  const at = atoms.findIndex((atom) => atom.kind === "floordiv" && atom.exact);
  const atom = atoms[at];
  if (atom?.kind !== "floordiv") return undefined;
  const rest = ofTerm(ir, { coefficient, atoms: atoms.filter((_, k) => k !== at) });
  return divideExactly(ir, times(ir, a, atom.by), times(ir, rest, atom.value));
};

const withoutAtoms = (atoms: readonly Atom[], removed: readonly Atom[]): readonly Atom[] | undefined => {
  const rest = [...atoms];
  for (const atom of removed) {
    const at = rest.indexOf(atom);
    if (at < 0) return undefined;
    rest.splice(at, 1);
  }
  return rest;
};

/** a = by·quotient + rest, with every term that `by` divides in `quotient`. */
export const splitMultiple = (ir: Arena, a: Affine, by: Affine): { quotient: Affine; rest: Affine } => {
  let quotient = fixed(ir, 0);
  let rest = fixed(ir, 0);
  for (const term of asMonomials(a)) {
    const part = ofTerm(ir, term);
    const whole = divideExactly(ir, part, by);
    if (whole !== undefined) quotient = plus(ir, quotient, whole);
    else rest = plus(ir, rest, part);
  }
  const divisor = asConstant(by);
  if (divisor !== undefined && rest.constant !== 0) {
    const steps = Math.floor(rest.constant / divisor);
    quotient = plus(ir, quotient, fixed(ir, steps));
    rest = plus(ir, rest, fixed(ir, -steps * divisor));
  }
  return { quotient, rest };
};

/** One monomial as an index expression. */
export const ofTerm = (ir: Arena, term: Monomial): Affine =>
  term.atoms.length === 0 ? fixed(ir, term.coefficient) : fromMonomials(ir, [term], 0);

/**
 * Rebuilds an index expression bottom-up: `index` says what replaces an index (undefined keeps it), `data` what an
 * int read becomes, `dim` what a run-time extent becomes.
 */
export interface AffineMap {
  readonly index: (index: Index) => Affine | undefined;
  readonly data: (node: Node) => Affine;
  readonly dim: (name: string) => Affine | undefined;
}

export const mapAffine = (ir: Arena, a: Affine, map: AffineMap, divide: Divide): Affine => {
  let result = fixed(ir, a.constant);
  for (const term of a.terms) {
    let product = fixed(ir, term.coefficient);
    for (const atom of term.atoms) product = times(ir, product, mapAtom(ir, atom, map, divide));
    result = plus(ir, result, product);
  }
  return result;
};

/** Floor division, exact division and modulo, given by range analysis (which this file does not depend on). */
export interface Divide {
  readonly floordiv: (a: Affine, by: Affine) => Affine;
  readonly quotient: (a: Affine, by: Affine) => Affine;
  readonly mod: (a: Affine, by: Affine) => Affine;
}

const mapAtom = (ir: Arena, atom: Atom, map: AffineMap, divide: Divide): Affine => {
  switch (atom.kind) {
    case "dim":
      return map.dim(atom.name) ?? ofAtom(ir, atom);
    case "index":
      return map.index(atom.index) ?? ofAtom(ir, atom);
    case "floordiv":
    case "mod": {
      const kind = atom.kind === "floordiv" && atom.exact ? "quotient" : atom.kind;
      return divide[kind](mapAffine(ir, atom.value, map, divide), mapAffine(ir, atom.by, map, divide));
    }
    case "data":
      return map.data(atom.node);
  }
};

/** The int reads inside of an index expression. */
export const dataOf = ({ data }: Affine): readonly Node[] => data;

/** The names of the run-time extents inside of an index expression. */
export const dimsOf = (a: Affine): readonly string[] =>
  a.terms.flatMap((term) =>
    term.atoms.flatMap((atom) => {
      switch (atom.kind) {
        case "dim":
          return [atom.name];
        case "floordiv":
        case "mod":
          return [...dimsOf(atom.value), ...dimsOf(atom.by)];
        case "index":
        case "data":
          return [];
      }
    }),
  );

/** The index that this expression is, if it is nothing else. */
export const plainIndex = (a: Affine | undefined): Index | undefined => {
  const [term, ...others] = a?.terms ?? [];
  const [atom, ...factors] = term?.atoms ?? [];
  if (others.length > 0 || factors.length > 0 || a?.constant !== 0 || term?.coefficient !== 1)
    return undefined;
  return atom?.kind === "index" ? atom.index : undefined;
};

/** a = coefficient·index + rest with neither depending on the index; undefined where it occurs in any other way. */
export const linearIn = (
  ir: Arena,
  a: Affine,
  index: Index,
): { coefficient: Affine; rest: Affine } | undefined => {
  let coefficient = fixed(ir, 0);
  let rest = fixed(ir, a.constant);
  for (const term of a.terms) {
    const others = term.atoms.filter((atom) => !(atom.kind === "index" && atom.index === index));
    const count = term.atoms.length - others.length;
    if (count > 1 || others.some((atom) => indicesOfAtom(ir, atom).includes(index))) return undefined;
    const part = ofTerm(ir, { coefficient: term.coefficient, atoms: others });
    if (count === 1) coefficient = plus(ir, coefficient, part);
    else rest = plus(ir, rest, part);
  }
  return { coefficient, rest };
};
