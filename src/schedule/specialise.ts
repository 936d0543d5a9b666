/**
 * A function of one f32 number in f32 arithmetic, where the compiler finds a formula that is accurate enough. In: the nodes of a
 * region that would be computed in f64; out: the formula, or nothing. Ends because degrees are bounded.
 *
 * Of c(x) + e^(−κx²) h(x) only the argument of the exponential needs more than f32, and h where it is zero. If h is even or odd and
 * has one zero a₀ in a = |x|, it is (a − a₀) q(a), where the difference is taken in f64, and q never vanishes: a
 * polynomial in y = (a − m) / (a + k), found by interpolation at Chebyshev's nodes and rounded to f32. The formula is then run, rounded as
 * in f32, on a grid of inputs beside the function itself in f64; where it is not good enough, there is none.
 */
import { add, compare, constant, convert, div, max, min, mul, select, sub, unary, use } from "./build.ts";
import { asymptoticOf, numberAt, valueAt, type Asymptotic, type Polynomial } from "./asymptotic.ts";
import type { Node } from "../ir/index.ts";
import type { Expr, Local, Type } from "../loop/types.ts";
import { BINARY, UNARY } from "../eval/operations.ts";

export interface Specialised {
  readonly rate: number;
  /** c for x < 0 and else. */
  readonly below: Polynomial;
  readonly above: Polynomial;
  /** h(x) = parity · h(−x). */
  readonly parity: 1 | -1;
  /** a₀. */
  readonly zero: number | undefined;
  /** m. */
  readonly centre: number;
  /** k. */
  readonly scale: number;
  /** Whether q falls like 1/a, and is 1 − y = (k + m) / (a + k) times the polynomial. */
  readonly falls: boolean;
  /** What |x| is limited to on either side, where the function is a number at infinity: a − a₀ and y would give none. */
  readonly reach: { readonly below: number; readonly above: number };
  /** A power of two that |q| does not exceed, so that no product overflows before it is multiplied with the exponential. */
  readonly size: number;
  /** Of q / size in y, ascending. */
  readonly coefficients: Polynomial;
}

/** The exponential is computed 2³² times too large, so that it is no denormal where its product with h is a number. */
const HEADROOM = 32;

const float = (value: number): Expr => constant("float", value);
const wide = (value: number): Expr => constant("wide", value);

const polynomial = (y: Expr, coefficients: Polynomial): Expr =>
  coefficients
    .slice(0, -1)
    .reduceRight((sum, c) => add(mul(sum, y), float(c)), float(coefficients.at(-1) ?? 0));

/** c + p, c − p; c has two coefficients at most. */
const beside = (x: Expr, [constant = 0, slope = 0]: Polynomial, p: Expr, sign: 1 | -1): Expr => {
  const linear = slope === 1 ? x : mul(float(slope), x);
  const limit = slope === 0 ? float(constant) : constant === 0 ? linear : add(linear, float(constant));
  if (constant === 0 && slope === 0) return sign === 1 ? p : unary("neg", p);
  return sign === 1 ? add(limit, p) : sub(limit, p);
};

/** (a − a₀) q(a), or q(a) alone. */
const slowOf = (special: Specialised, x: Expr, name: (value: Expr) => Expr): Expr => {
  const { zero, centre, scale, falls, reach, coefficients } = special;
  if (coefficients.length === 1 && zero === undefined) return float(coefficients[0] ?? 0);
  const right = reach.above === Infinity ? x : min(x, float(reach.above));
  const a = name(unary("abs", reach.below === Infinity ? right : max(right, float(-reach.below))));
  const sum = add(a, float(scale));
  const quotient = name(falls ? div(float(centre + scale), sum) : div(sub(a, float(centre)), sum));
  const even = polynomial(falls ? name(sub(float(1), quotient)) : quotient, coefficients);
  const q = falls ? mul(even, quotient) : even;
  if (zero === undefined) return q;
  const distance = zero === 0 ? a : convert("float", sub(convert("wide", a), wide(zero)));
  return mul(distance, q);
};

/** The formula of the float x; `name` gives a value a name. */
export const formulaOf = (special: Specialised, x: Expr, name: (value: Expr) => Expr): Expr => {
  const { rate, below, above, parity, size } = special;
  const square = name(mul(convert("wide", x), convert("wide", x)));
  const exponent = add(mul(square, wide(-rate)), wide(HEADROOM * Math.LN2));
  const decay = convert("float", unary("exp", exponent));
  const p = name(mul(mul(decay, slowOf(special, x, name)), float(size * 2 ** -HEADROOM)));
  const isBelow = compare("<", x, float(0));
  return select(isBelow, beside(x, below, p, 1), beside(x, above, p, parity));
};

// ---- the same formula as numbers

/** The value of a formula of x in f32, if exponentials are off by this factor. */
type Simulated = (x: number, factor: number) => number;

const simulationOf = (special: Specialised): Simulated => {
  const slots: number[] = [];
  const locals = new Map<Local, number>();
  let error = 1;
  const compiled = (e: Expr): (() => number) => {
    const exact = exactly(e);
    return e.type === "float" ? () => Math.fround(exact()) : exact;
  };
  const exactly = (e: Expr): (() => number) => {
    switch (e.kind) {
      case "const":
        return () => e.value;
      case "local": {
        const slot = locals.get(e.local) ?? 0;
        return () => slots[slot] ?? NaN;
      }
      case "unary": {
        const [a, apply] = [compiled(e.a), UNARY[e.op]];
        return e.op === "exp" ? () => apply(a()) * error : () => apply(a());
      }
      case "binary": {
        const [a, b, apply] = [compiled(e.a), compiled(e.b), BINARY[e.op]];
        return () => apply(a(), b());
      }
      case "convert":
        return compiled(e.a);
      case "select": {
        const [test, then, otherwise] = [compiled(e.test), compiled(e.then), compiled(e.else)];
        return () => (test() === 1 ? then() : otherwise());
      }
      case "compare": {
        const [a, b] = [compiled(e.a), compiled(e.b)];
        return () => (a() < b() ? 1 : 0);
      }
      case "dim":
      case "option":
      case "load":
      case "and":
      case "or":
      case "not":
        throw new Error(`no ${e.kind} is expected`);
    }
  };
  const declared = (type: Type): Local => {
    const local: Local = { name: `t${locals.size}`, type };
    locals.set(local, locals.size);
    return local;
  };
  const x = declared("float");
  const steps: (() => void)[] = [];
  const name = (value: Expr): Expr => {
    const compute = compiled(value);
    const local = declared(value.type);
    const slot = locals.get(local) ?? 0;
    steps.push(() => (slots[slot] = compute()));
    return use(local);
  };
  const result = compiled(formulaOf(special, use(x), name));
  return (at, factor) => {
    slots[0] = at;
    error = factor;
    for (const step of steps) step();
    return result();
  };
};

/** e^(−κx²) is below all f32 numbers from here on, also times any h in question. */
const reachOf = (rate: number): number => Math.sqrt(110 / rate);

/** Numbers up to the reach, on both sides: evenly, in proportion, and next to the zero. */
const inputs = (end: number, zero: number | undefined): readonly number[] => {
  const evenly = Array.from({ length: EVENLY }, (_, k) => (end * (k + 0.5)) / EVENLY);
  const small = Array.from({ length: SMALL }, (_, k) => end * 2 ** -(k / 6));
  const next = Array.from(
    { length: NEXT },
    (_, k) => Math.fround(zero ?? 1) * (1 + (k - NEXT / 2) * 2 ** -23),
  );
  return [...evenly, ...small, ...next].map(Math.fround).flatMap((a) => [-a, a]);
};

const EVENLY = 1200;
const SMALL = 120;
const NEXT = 16;

const ulp = (x: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23);

/** The errors of f32's exponentials, in either direction. */
const FACTORS = [1 - 2 ** -25, 1 + 2 ** -25];

/** What is promised is 4 ulp; between the inputs that are tried it may be more than at these. */
const MAX_ULP = 3.4;

interface Example {
  readonly x: number;
  readonly exact: number;
}

const examplesOf = ({ rate, below, above, slow }: Asymptotic, zero: number | undefined): readonly Example[] =>
  inputs(reachOf(rate), zero).map((x) => ({
    x,
    exact: valueAt(x < 0 ? below : above, x) + Math.exp(-rate * x * x) * slow(x),
  }));

const isAccurate = (simulated: Simulated, examples: readonly Example[]): boolean =>
  examples.every(({ x, exact }) =>
    FACTORS.every((factor) => Math.abs(simulated(x, factor) - exact) <= MAX_ULP * ulp(exact)),
  );

/** What the function is, where nothing is left of its exponential. */
const agreesFarOut = (simulated: Simulated, nodes: readonly Node[], leaf: Node): boolean =>
  [-Infinity, -LARGEST, LARGEST, Infinity].every((x) => {
    const [found, exact] = [simulated(x, 1), numberAt(nodes, leaf, x)];
    return found === exact || (Number.isNaN(found) && Number.isNaN(exact));
  });

/** In f32. */
const LARGEST = 2 ** 128 - 2 ** 104;

// ---- the fit

/** The polynomial in y on [low, high] that agrees with f at Chebyshev's nodes. */
const interpolated = (f: (y: number) => number, degree: number, low: number, high: number): Polynomial => {
  const count = degree + 1;
  const angle = (k: number): number => (Math.PI * (k + 0.5)) / count;
  const at = Array.from({ length: count }, (_, k) => f(low + ((high - low) * (Math.cos(angle(k)) + 1)) / 2));
  // z = slope y + offset is in [-1, 1]; Tⱼ₊₁ = 2 z Tⱼ − Tⱼ₋₁
  const [slope, offset] = [2 / (high - low), -(high + low) / (high - low)];
  let [before, chebyshev]: [readonly number[], readonly number[]] = [[], [1]];
  const total = Array<number>(count).fill(0);
  for (let j = 0; j < count; j++) {
    const weight = at.reduce((sum, value, k) => sum + value * Math.cos(j * angle(k)), 0) / count;
    chebyshev.forEach((c, k) => (total[k] = (total[k] ?? 0) + (j === 0 ? 1 : 2) * weight * c));
    const twice = j === 0 ? 1 : 2;
    const next = [...chebyshev, 0].map(
      (c, k) => twice * (offset * c + slope * (chebyshev[k - 1] ?? 0)) - (before[k] ?? 0),
    );
    [before, chebyshev] = [chebyshev, next];
  }
  return total;
};

/** Where a function of a changes its sign, by halving; `none` if nowhere, and nothing if at several places. */
const zeroOf = (f: (a: number) => number, end: number): number | "none" | undefined => {
  const grid = Array.from({ length: GRID + 1 }, (_, k) => (end * (k + 1e-9)) / GRID);
  const values = grid.map(f);
  const largest = Math.max(...values.map(Math.abs));
  const changes = values.flatMap((value, k) => ((values[k - 1] ?? NaN) * value < 0 ? [k] : []));
  const startsAtZero = Math.abs(values[0] ?? NaN) < 1e-9 * largest;
  const [first] = changes;
  if (changes.length + (startsAtZero ? 1 : 0) > 1) return undefined;
  if (first === undefined) return startsAtZero ? 0 : "none";
  let [low, high] = [grid[first - 1] ?? NaN, grid[first] ?? NaN];
  for (let k = 0; k < 100; k++) {
    const middle = (low + high) / 2;
    if (f(middle) * f(high) > 0) high = middle;
    else low = middle;
  }
  return high;
};

const GRID = 64;

/** m and k, in units of the length 1 / √(2κ). */
const PLACES = [
  [3, 3.5],
  [3, 3],
  [3, 2.5],
  [1, 3],
] as const;
const DEGREES = [0, 4, 6, 8, 9, 10];

/** Relative to q, before any rounding. */
const FIT = 2 ** -24.5;

const isClose = (a: number, b: number): boolean => Math.abs(a - b) <= 2 ** -40 * Math.abs(b);

/** The polynomial of this degree on [low, high], if it is as close to f as it has to be, with f32 coefficients. */
const fitted = (
  f: (y: number) => number,
  degree: number,
  low: number,
  high: number,
): Polynomial | undefined => {
  const coefficients: number[] = [];
  // what the rounding of one coefficient leaves is made good by those below it
  const rest = (y: number): number => f(y) - valueAt(coefficients, y);
  for (let k = degree; k >= 0; k--) coefficients[k] = Math.fround(interpolated(rest, k, low, high)[k] ?? 0);
  const count = 4 * degree + 4;
  const isNear = Array.from({ length: count }, (_, k) => low + ((high - low) * (k + 0.5)) / count).every(
    (y) => Math.abs(valueAt(coefficients, y) / f(y) - 1) <= FIT,
  );
  return isNear ? coefficients : undefined;
};

export const specialise = (nodes: readonly Node[], leaf: Node): Specialised | undefined => {
  const asymptotic = asymptoticOf(nodes, leaf);
  if (asymptotic === undefined) return undefined;
  const { rate, below, above, slow } = asymptotic;
  if (below.length > 2 || above.length > 2) return undefined;
  const end = reachOf(rate);
  const parity: 1 | -1 = slow(end) * slow(-end) > 0 ? 1 : -1;
  const some = Array.from({ length: 16 }, (_, k) => (end * (k + 0.3)) / 16);
  if (!some.every((a) => isClose(slow(a), parity * slow(-a)))) return undefined;
  const found = zeroOf((a) => slow(-a), end);
  if (found === undefined) return undefined;
  const zero = found === "none" ? undefined : found;
  const examples = examplesOf(asymptotic, zero);
  const q = (a: number): number => (zero === undefined ? slow(-a) : slow(-a) / (a - zero));
  const limitAt = (x: number): number =>
    Number.isNaN(numberAt(nodes, leaf, x)) ? Infinity : Math.fround(end);
  const largest = Math.max(...Array.from({ length: GRID }, (_, k) => Math.abs(q((end * (k + 0.5)) / GRID))));
  const size = 2 ** Math.ceil(Math.log2(largest));
  const falls = Math.abs(q(end)) < Math.abs(q(end / 100)) / 4;
  const reach = { below: limitAt(-Infinity), above: limitAt(Infinity) };
  const shape = { rate, below, above, parity, zero, falls, reach, size } as const;
  const unit = 1 / Math.sqrt(2 * rate);
  for (const degree of DEGREES)
    for (const [m, k] of PLACES) {
      const [centre, scale] = [Math.fround(m * unit), Math.fround(k * unit)];
      const weighted = (y: number): number => q((centre + scale * y) / (1 - y)) / (falls ? 1 - y : 1) / size;
      const coefficients = fitted(weighted, degree, -centre / scale, (end - centre) / (end + scale));
      if (coefficients === undefined) continue;
      const special = { ...shape, centre, scale, coefficients };
      const simulated = simulationOf(special);
      if (agreesFarOut(simulated, nodes, leaf) && isAccurate(simulated, examples)) return special;
    }
  return undefined;
};
