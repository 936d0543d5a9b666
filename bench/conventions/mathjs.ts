/**
 * The rows of the conventions as mathjs has them: it differentiates formulas of numbers, so that a row is a sum over the
 * elements. What it cannot parse into such a formula is left out.
 */
import type { ByRow } from "./page.ts";

/** From the number of elements of each input: the formula, in which they are called x0, x1, …, y0, … */
type Row = (length: number) => string;

const each =
  (term: (x: string, y: string) => string): Row =>
  (length) =>
    Array.from({ length }, (_, k) => term(`x${k}`, `y${k}`)).join(" + ");

const list = (length: number): string => Array.from({ length }, (_, k) => `x${k}`).join(", ");

const power = each((x, y) => `${x}^${y}`);

const product: Row = (length) => list(length).replaceAll(", ", " * ");

export const MATHJS: ByRow<Row> = {
  "abs at 0": each((x) => `abs(${x})`),
  "sign at 0": each((x) => `sign(${x})`),
  "floor, ceil, trunc at whole numbers": each((x) => `floor(${x}) + 10 * ceil(${x}) + 100 * fix(${x})`),
  "round at a half": each((x) => `${x} * round(${x})`),
  modulo: each((x, y) => `mod(${x}, ${y})`),
  "maximum at a tie": each((x, y) => `max(${x}, ${y})`),
  "max at ties": (length) => `max(${list(length)})`,
  "a whole power of 0": each((x) => `${x}^2 + ${x}^1 + ${x}^3`),
  "0 to a variable power": power,
  "0 to the 0": power,
  "a negative base": power,
  "prod with one zero": product,
  "prod with two zeros": product,
  "norm at the zero vector": (length) => `sqrt(${each((x) => `${x}^2`)(length)})`,
  "hypot at the origin": each((x, y) => `hypot(${x}, ${y})`),
  "sqrt at 0": each((x) => `sqrt(${x})`),
  "log at 0": each((x) => `log(${x})`),
  "one over 0": each((x) => `1 / ${x}`),
  "a branch not taken": each((x) => `(${x} > 0 ? log(${x}) + sqrt(${x}) + 1 / ${x} : 0)`),
  "logsumexp of large numbers": (length) => `log(${each((x) => `exp(${x})`)(length)})`,
  "softplus of large numbers": each((x) => `log(1 + exp(${x}))`),
};
