/** Formulas as plain text. Precedences, from loose to tight: and, or; relations, sums, products, signs, powers, atoms. */
import type { ReduceOp } from "../ir/index.ts";
import { ATOM, atom, LOOSE, type Piece, POWER, PRODUCT, RELATION, SIGN, SUM } from "./piece.ts";
import type { Equation, Tree } from "./tree.ts";

const REDUCTIONS: { readonly [K in ReduceOp]: string } = {
  sum: "Σ",
  prod: "Π",
  max: "max",
  min: "min",
  maxfirst: "max",
  minfirst: "min",
  argmax: "argmax",
  argmin: "argmin",
};

type Row<K extends Tree["kind"]> = (tree: Extract<Tree, { readonly kind: K }>) => Piece;

const loose = (tree: Tree): string => piece(tree).text;

/** The text, in parentheses where it holds together less than asked. */
const within = (tree: Tree, level: number): string => {
  const { text, level: own } = piece(tree);
  return own < level ? `(${text})` : text;
};

const ROWS: { readonly [K in Tree["kind"]]: Row<K> } = {
  number: ({ text }) => atom(text),
  name: ({ text }) => atom(text),
  element: ({ name, indices }) =>
    atom(indices.length === 0 ? name : `${name}[${indices.map(loose).join(", ")}]`),
  sum: ({ terms }) => ({
    level: SUM,
    text: terms
      .map(({ negative, of }, k) => {
        const text = within(of, PRODUCT);
        if (k === 0) return negative ? `-${text}` : text;
        return negative ? ` - ${text}` : ` + ${text}`;
      })
      .join(""),
  }),
  product: ({ factors }) => ({
    level: PRODUCT,
    text: factors.map((factor) => within(factor, SIGN)).join(" · "),
  }),
  fraction: ({ over, under }) => ({
    level: PRODUCT,
    text: `${within(over, PRODUCT)} / ${within(under, POWER)}`,
  }),
  power: ({ base, exponent }) => ({ level: POWER, text: `${within(base, ATOM)}^${within(exponent, ATOM)}` }),
  root: ({ of }) => atom(`sqrt(${loose(of)})`),
  negative: ({ of }) => ({ level: SIGN, text: `-${within(of, PRODUCT)}` }),
  call: ({ name, args }) => atom(`${name}(${args.map(loose).join(", ")})`),
  magnitude: ({ of }) => atom(`|${loose(of)}|`),
  floor: ({ of }) => atom(`⌊${loose(of)}⌋`),
  reduce: ({ op, over, of }) => ({
    level: SUM,
    text: `${REDUCTIONS[op]}[${over.join(", ")}] ${within(of, PRODUCT)}`,
  }),
  relation: ({ relation, left, right }) => ({
    level: RELATION,
    text: `${within(left, SUM)} ${relation} ${within(right, SUM)}`,
  }),
  range: ({ value, extent }) => ({
    level: RELATION,
    text: `0 ≤ ${within(value, SUM)} < ${within(extent, SUM)}`,
  }),
  connective: ({ word, of }) => ({
    level: LOOSE,
    text: of.map((part) => within(part, RELATION)).join(` ${word} `),
  }),
  not: ({ of }) => ({ level: RELATION, text: `not (${loose(of)})` }),
  indicator: ({ test }) => atom(`[${loose(test)}]`),
  cases: ({ test, then, else: otherwise }) =>
    atom(`(${loose(test)} ? ${within(then, SUM)} : ${within(otherwise, SUM)})`),
};

const piece = (tree: Tree): Piece => (ROWS[tree.kind] as (tree: Tree) => Piece)(tree);

export const treeText = (tree: Tree): string => loose(tree);

/** The equation on a line, and each part that has a name on a line below. */
export const equationText = ({ left, right, where }: Equation): string =>
  [
    `${loose(left)} = ${loose(right)}`,
    ...where.map(({ name, is }, k) => `${k === 0 ? "  where " : "        "}${name} = ${loose(is)}`),
  ].join("\n");
