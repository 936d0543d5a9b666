/**
 * Whole-number polynomials over the dims and counters of a kernel, to prove inequalities between offsets. In: int
 * expressions; out: sums of terms in a canonical order. Ends because expressions are finite.
 */

/** What varies, within bounds: `scale` times it is at least each of `least`, and at most each of `most`. */
export interface Variable {
  readonly key: string;
  /** Later ones are bounded in terms of earlier ones. */
  readonly order: number;
  readonly scale: number;
  readonly least: readonly Polynomial[];
  readonly most: readonly Polynomial[];
}

/** A factor: a variable, a symbol that does not change, or a sum that is kept as one factor. */
export interface Atom {
  readonly key: string;
  readonly variable?: Variable;
  readonly sum?: Polynomial;
}

export interface Term {
  readonly coefficient: number;
  /** By key. */
  readonly atoms: readonly Atom[];
}

/** By the keys of their atoms; none has the coefficient 0. */
export type Polynomial = readonly Term[];

const keyOf = ({ atoms }: Term): string => atoms.map(({ key }) => key).join("*");

export const textOf = (p: Polynomial): string =>
  p.map((term) => `${term.coefficient}*${keyOf(term)}`).join("+");

const canonical = (terms: readonly Term[]): Polynomial => {
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const key = keyOf(term);
    const coefficient = term.coefficient + (sums.get(key)?.coefficient ?? 0);
    sums.set(key, { ...term, coefficient });
  }
  const entries = [...sums].filter(([, { coefficient }]) => coefficient !== 0);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, term]) => term);
};

export const constant = (value: number): Polynomial =>
  value === 0 ? [] : [{ coefficient: value, atoms: [] }];
export const ofAtom = (atom: Atom): Polynomial => [{ coefficient: 1, atoms: [atom] }];
export const ofVariable = (variable: Variable): Polynomial => ofAtom({ key: variable.key, variable });

export const plus = (...parts: readonly Polynomial[]): Polynomial => canonical(parts.flat());
export const scaled = (p: Polynomial, factor: number): Polynomial =>
  canonical(p.map((term) => ({ ...term, coefficient: term.coefficient * factor })));
export const minus = (a: Polynomial, b: Polynomial): Polynomial => plus(a, scaled(b, -1));

/** Term by term. */
export const times = (a: Polynomial, b: Polynomial): Polynomial =>
  canonical(
    a.flatMap((p) =>
      b.map((q) => ({
        coefficient: p.coefficient * q.coefficient,
        atoms: [...p.atoms, ...q.atoms].sort((x, y) => (x.key < y.key ? -1 : 1)),
      })),
    ),
  );

export const variablesOf = (p: Polynomial): readonly Variable[] => [
  ...new Set(p.flatMap(({ atoms }) => atoms.flatMap(({ variable }) => variable ?? []))),
];

/** A sum that varies with nothing stays one factor: a stride such as `W - KW + 1` divides what it multiplies. */
const asFactor = (p: Polynomial): Polynomial =>
  p.length < 2 || variablesOf(p).length > 0 ? p : ofAtom({ key: `(${textOf(p)})`, sum: p });

export const product = (a: Polynomial, b: Polynomial): Polynomial => {
  const isNumber = [a, b].some((p) => p.every(({ atoms }) => atoms.length === 0));
  return isNumber ? times(a, b) : times(asFactor(a), asFactor(b));
};

/** With all sums multiplied out. */
export const expanded = (p: Polynomial): Polynomial => {
  if (!p.some(({ atoms }) => atoms.some(({ sum }) => sum !== undefined))) return p;
  const parts = p.map(({ coefficient, atoms }) =>
    atoms.reduce(
      (whole, atom) => times(whole, atom.sum === undefined ? ofAtom(atom) : expanded(atom.sum)),
      constant(coefficient),
    ),
  );
  return plus(...parts);
};

export const isSame = (a: Polynomial, b: Polynomial): boolean => expanded(minus(a, b)).length === 0;

/** p = coefficient·v + rest. */
export const linearIn = (
  p: Polynomial,
  variable: Variable,
): { readonly coefficient: Polynomial; readonly rest: Polynomial } => {
  const [own, rest]: [Term[], Term[]] = [[], []];
  for (const term of p) {
    const at = term.atoms.findIndex((atom) => atom.variable === variable);
    if (at < 0) rest.push(term);
    else own.push({ ...term, atoms: term.atoms.toSpliced(at, 1) });
  }
  return { coefficient: canonical(own), rest };
};

/** The least value of a symbol, if one is known. */
export type Least = (symbol: string) => number | undefined;

/** Proved where, counted from the least values of the symbols, no term is negative. */
export const isNonNegative = (p: Polynomial, least: Least): boolean => {
  const terms = expanded(p).map(({ coefficient, atoms }) =>
    atoms.reduce(
      (whole, atom) => times(whole, plus(ofAtom(atom), constant(least(atom.key) ?? 0))),
      constant(coefficient),
    ),
  );
  return plus(...terms).every(
    ({ coefficient, atoms }) => coefficient >= 0 && atoms.every(({ key }) => least(key) !== undefined),
  );
};

/** Bounds from above (or, with −1, from below) in which no variable is left. */
export const bounds = (p: Polynomial, direction: 1 | -1, least: Least): readonly Polynomial[] => {
  const innermost = variablesOf(p).toSorted((a, b) => b.order - a.order)[0];
  if (innermost === undefined) return [p];
  const { coefficient, rest } = linearIn(p, innermost);
  if (variablesOf(coefficient).length > 0) return [];
  const rises = isNonNegative(coefficient, least);
  if (!rises && !isNonNegative(scaled(coefficient, -1), least)) return [];
  const isUpper = rises === (direction === 1);
  const ends = isUpper ? innermost.most : innermost.least;
  return ends.flatMap((end) => {
    const whole = multiple(coefficient, end, innermost.scale);
    return whole === undefined ? [] : bounds(plus(rest, whole), direction, least);
  });
};

/** coefficient·v for the v with scale·v ≤ end (or ≥), a whole number. */
const multiple = (coefficient: Polynomial, end: Polynomial, scale: number): Polynomial | undefined => {
  const [only] = end;
  if (end.length < 2 && (only?.atoms.length ?? 0) === 0)
    return scaled(coefficient, Math.floor((only?.coefficient ?? 0) / scale));
  const isWhole = coefficient.every((term) => term.coefficient % scale === 0);
  return isWhole ? times(scaled(coefficient, 1 / scale), end) : undefined;
};

/** p = quotient·divisor + remainder, term by term. */
export const dividedBy = (
  p: Polynomial,
  divisor: Term,
): { readonly whole: Polynomial; readonly remainder: Polynomial } => {
  const parts = p.map((term): readonly [Term | undefined, Term | undefined] => {
    if (!holds(term, divisor)) return [undefined, term];
    const left = term.coefficient % divisor.coefficient;
    return [
      { ...term, coefficient: term.coefficient - left },
      { ...term, coefficient: left },
    ];
  });
  return {
    whole: canonical(parts.flatMap(([whole]) => whole ?? [])),
    remainder: canonical(parts.flatMap(([, remainder]) => remainder ?? [])),
  };
};

const holds = ({ atoms }: Term, divisor: Term): boolean => {
  const left = atoms.map(({ key }) => key);
  return divisor.atoms.every(({ key }) => {
    const at = left.indexOf(key);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
};
