/** Which way the selections of an evaluation go: what has a kink or a jump where it changes. */
import type { BinaryOp, Node, UnaryOp } from "../ir/index.ts";

/** Takes the outcome of one selection, a whole number. */
export type Select = (outcome: number) => void;

/** The outcome for a node's operands and its value. */
type Selection = (a: number, b: number, value: number) => number;

const value: Selection = (_a, _b, result) => result;
const larger: Selection = (a, b) => Math.sign(a - b);

const UNARY: { readonly [K in UnaryOp]?: Selection } = {
  abs: (a) => Math.sign(a),
  sign: value,
  floor: value,
  ceil: value,
  round: value,
  trunc: value,
};

const BINARY: { readonly [K in BinaryOp]?: Selection } = {
  max: larger,
  min: larger,
  floordiv: value,
  mod: (a, b) => Math.floor(a / b),
};

export const selectionOf = (node: Node): Selection | undefined => {
  if (node.kind === "compare") return value;
  if (node.kind === "unary") return UNARY[node.op];
  return node.kind === "binary" ? BINARY[node.op] : undefined;
};

/** All outcomes in order, as a text of fixed length (two multiplicative hashes of 32 bits). */
export const createDigest = (): { readonly select: Select; readonly digest: () => string } => {
  let [a, b, count] = [0x811c9dc5, 0x9e3779b9, 0];
  return {
    select: (outcome) => {
      const code = Number.isFinite(outcome) ? outcome | 0 : 0x7fffffff;
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul((b ^ code) + 0x7f4a7c15, 0x85ebca6b);
      b ^= b >>> 13;
      count++;
    },
    digest: () => `${count}:${a >>> 0}:${b >>> 0}`,
  };
};
