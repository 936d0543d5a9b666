/** An exact fraction in lowest terms, `den` > 0, both safe integers. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

const gcd = (a: number, b: number): number => {
  while (b !== 0) [a, b] = [b, a % b];
  return Math.abs(a);
};

/** The fraction num / den, or undefined where it does not fit into safe integers or den is 0. */
export const rational = (num: number, den = 1): Rational | undefined => {
  if (!Number.isSafeInteger(num) || !Number.isSafeInteger(den) || den === 0) return undefined;
  if (num === 0) return { num: 0, den: 1 };
  const g = gcd(num, den) * Math.sign(den);
  return { num: num / g, den: den / g };
};

export const addRational = (a: Rational, b: Rational): Rational | undefined =>
  rational(a.num * b.den + b.num * a.den, a.den * b.den);

export const multiplyRational = (a: Rational, b: Rational): Rational | undefined => {
  // cancel crosswise first: the product then overflows only if the result does
  const left = rational(a.num, b.den);
  const right = rational(b.num, a.den);
  return left && right && rational(left.num * right.num, left.den * right.den);
};

/** a^n for a whole n; undefined on overflow and for 0 to a negative power. */
export const powerRational = (a: Rational, n: number): Rational | undefined =>
  n >= 0 ? rational(a.num ** n, a.den ** n) : rational(a.den ** -n, a.num ** -n);

export const isWhole = (a: Rational): boolean => a.den === 1;

const DECIMAL = /^(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** A decimal literal as written, exactly: "0.25" is 1/4; undefined where it does not fit. */
export const parseDecimal = (text: string): Rational | undefined => {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const digits = Number(`${whole}${fraction}` || "0");
  const scale = Number(exponent) - fraction.length;
  return scale >= 0 ? rational(digits * 10 ** scale) : rational(digits, 10 ** -scale);
};
