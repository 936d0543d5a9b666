/** Formulas as LaTeX (the amsmath set), for pages and papers. */
import type { ReduceOp } from "../ir/index.ts";
import { ATOM, atom, LOOSE, type Piece, POWER, PRODUCT, RELATION, SIGN, SUM } from "./piece.ts";
import type { Equation, Relation, Tree } from "./tree.ts";

const SPECIAL: ReadonlyMap<string, string> = new Map([
  ["\\", "\\backslash{}"], ["_", "\\_"], ["^", "\\hat{}"], ["%", "\\%"], ["$", "\\$"], ["#", "\\#"], ["&", "\\&"],
  ["{", "\\{"], ["}", "\\}"], ["~", "\\sim{}"],
]); // prettier-ignore

const GREEK = new Set([
  "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
  "sigma", "tau", "phi", "chi", "psi", "omega",
]); // prettier-ignore

/** A name in math mode: single letters and Greek as such, longer ones upright; nothing in it is a command. */
const nameLatex = (text: string): string => {
  const adjoint = /^d_(.+)$/.exec(text);
  if (adjoint?.[1] !== undefined) return `\\bar{${nameLatex(adjoint[1])}}`;
  if (GREEK.has(text)) return `\\${text}`;
  const safe = text.replace(/[\\_^%$#&{}~]/g, (letter) => SPECIAL.get(letter) ?? letter);
  return /^.$/u.test(text) ? safe : `\\mathrm{${safe}}`;
};

const REDUCTIONS: { readonly [K in ReduceOp]: string } = {
  sum: "\\sum",
  prod: "\\prod",
  max: "\\max",
  min: "\\min",
  maxfirst: "\\max",
  minfirst: "\\min",
  argmax: "\\operatorname*{arg\\,max}",
  argmin: "\\operatorname*{arg\\,min}",
};

const RELATIONS: { readonly [K in Relation]: string } = {
  "<": "<",
  "≤": "\\le",
  ">": ">",
  "≥": "\\ge",
  "=": "=",
  "≠": "\\ne",
  "∈": "\\in",
  "∣": "\\mid",
};

const FUNCTIONS = new Map([
  ["sigmoid", "\\sigma"], ["exp", "\\exp"], ["log", "\\log"], ["sin", "\\sin"], ["cos", "\\cos"], ["tan", "\\tan"],
  ["sinh", "\\sinh"], ["cosh", "\\cosh"], ["tanh", "\\tanh"], ["asin", "\\arcsin"], ["acos", "\\arccos"],
  ["atan", "\\arctan"], ["max", "\\max"], ["min", "\\min"], ["δ", "\\delta"],
]); // prettier-ignore

type Row<K extends Tree["kind"]> = (tree: Extract<Tree, { readonly kind: K }>) => Piece;

const loose = (tree: Tree): string => piece(tree).text;

const within = (tree: Tree, level: number): string => {
  const { text, level: own } = piece(tree);
  return own < level ? `\\left(${text}\\right)` : text;
};

const ROWS: { readonly [K in Tree["kind"]]: Row<K> } = {
  number: ({ text }) => {
    const [mantissa = "", exponent] = text.replace("Infinity", "\\infty").split("e");
    if (exponent === undefined) return atom(mantissa);
    const power = `10^{${exponent.replace("+", "")}}`;
    return atom(mantissa === "1" ? power : `${mantissa} \\cdot ${power}`);
  },
  name: ({ text }) => atom(nameLatex(text)),
  element: ({ name, indices }) =>
    atom(indices.length === 0 ? nameLatex(name) : `${nameLatex(name)}_{${indices.map(loose).join(", ")}}`),
  sum: ({ terms }) => ({
    level: SUM,
    text: terms
      .map(({ negative, of }, k) => `${negative ? "-" : k === 0 ? "" : "+"}${within(of, PRODUCT)}`)
      .join(" "),
  }),
  product: ({ factors }) => ({
    level: PRODUCT,
    text: factors.map((factor) => within(factor, SIGN)).join(" \\, "),
  }),
  fraction: ({ over, under }) => ({ level: POWER, text: `\\frac{${loose(over)}}{${loose(under)}}` }),
  power: ({ base, exponent }) => ({ level: POWER, text: `{${within(base, ATOM)}}^{${loose(exponent)}}` }),
  root: ({ of }) => atom(`\\sqrt{${loose(of)}}`),
  negative: ({ of }) => ({ level: SIGN, text: `-${within(of, PRODUCT)}` }),
  call: ({ name, args }) =>
    atom(
      `${FUNCTIONS.get(name) ?? `\\operatorname{${nameLatex(name)}}`}\\left(${args.map(loose).join(", ")}\\right)`,
    ),
  magnitude: ({ of }) => atom(`\\left|${loose(of)}\\right|`),
  floor: ({ of }) => atom(`\\left\\lfloor ${loose(of)} \\right\\rfloor`),
  reduce: ({ op, over, of }) => ({
    level: SUM,
    text: `${REDUCTIONS[op]}_{${over.map(nameLatex).join(", ")}} ${within(of, PRODUCT)}`,
  }),
  relation: ({ relation, left, right }) => ({
    level: RELATION,
    text: `${within(left, SUM)} ${RELATIONS[relation]} ${within(right, SUM)}`,
  }),
  range: ({ value, extent }) => ({
    level: RELATION,
    text: `0 \\le ${within(value, SUM)} < ${within(extent, SUM)}`,
  }),
  connective: ({ word, of }) => ({
    level: LOOSE,
    text: of.map((part) => within(part, RELATION)).join(word === "and" ? " \\wedge " : " \\vee "),
  }),
  not: ({ of }) => ({ level: RELATION, text: `\\neg \\left(${loose(of)}\\right)` }),
  indicator: ({ test }) => atom(`\\left[${loose(test)}\\right]`),
  cases: ({ test, then, else: otherwise }) =>
    atom(
      `\\begin{cases} ${loose(then)} & ${loose(test)} \\\\ ${loose(otherwise)} & \\text{otherwise} \\end{cases}`,
    ),
};

const piece = (tree: Tree): Piece => (ROWS[tree.kind] as (tree: Tree) => Piece)(tree);

/** The equation, and below it each part that has a name, aligned. */
export const equationLatex = ({ left, right, where }: Equation): string => {
  const lines = [
    `${loose(left)} &= ${loose(right)}`,
    ...where.map(({ name, is }) => `${nameLatex(name)} &= ${loose(is)}`),
  ];
  return `\\begin{aligned}\n${lines.map((line) => `  ${line}`).join(" \\\\\n")}\n\\end{aligned}`;
};
