/** How tightly the parts of a formula hold together, for every notation: an operand that is looser gets parentheses. */
export const LOOSE = 0;
export const RELATION = 1;
export const SUM = 2;
export const PRODUCT = 3;
export const SIGN = 4;
export const POWER = 5;
export const ATOM = 6;

/** A text and how tightly it holds together. */
export interface Piece {
  readonly text: string;
  readonly level: number;
}

export const atom = (text: string): Piece => ({ text, level: ATOM });
