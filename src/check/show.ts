/**
 * Index expressions and shapes as a user wrote them, for messages and labels.
 * Terminates: an index expression is finite, and its divisions hold smaller ones.
 */
import type { Affine, Atom, Index, Monomial } from "../ir/types.ts";

/** What a reader calls an index. */
export type Label = (index: Index) => string;

const showAtom = (atom: Atom, label: Label): string => {
  switch (atom.kind) {
    case "dim":
      return atom.name;
    case "index":
      return label(atom.index);
    case "floordiv":
      return `${operand(atom.value, label)} ${atom.exact ? "/" : "//"} ${operand(atom.by, label)}`;
    case "mod":
      return `${operand(atom.value, label)} % ${operand(atom.by, label)}`;
    case "data":
      return atom.node.kind === "read"
        ? `${atom.node.tensor.name}[${atom.node.at.map((at) => showAffine(at, label)).join(", ")}]`
        : "data";
  }
};

const isDivision = (atom: Atom): boolean => atom.kind === "floordiv" || atom.kind === "mod";

const operand = (a: Affine, label: Label): string => {
  const text = showAffine(a, label);
  return /^[\w.]+$/.test(text) ? text : `(${text})`;
};

const showMonomial = (term: Monomial, label: Label): string => {
  const size = Math.abs(term.coefficient);
  const factors = term.atoms.map((atom) => {
    const alone = term.atoms.length === 1 && size === 1;
    return isDivision(atom) && !alone ? `(${showAtom(atom, label)})` : showAtom(atom, label);
  });
  return [...(size === 1 ? [] : [String(size)]), ...factors].join("*");
};

export const showAffine = (a: Affine, label: Label): string => {
  const parts = [
    ...a.terms.map((term) => ({ negative: term.coefficient < 0, text: showMonomial(term, label) })),
    ...(a.constant === 0 ? [] : [{ negative: a.constant < 0, text: String(Math.abs(a.constant)) }]),
  ];
  // what is added comes before what is taken away: H - 1, not -1 + H
  const ordered = [...parts.filter((part) => !part.negative), ...parts.filter((part) => part.negative)];
  if (ordered.length === 0) return "0";
  return ordered
    .map((part, k) => (k === 0 ? (part.negative ? "-" : "") : part.negative ? " - " : " + ") + part.text)
    .join("");
};

export const showShape = (shape: readonly Affine[], label: Label): string =>
  `[${shape.map((extent) => showAffine(extent, label)).join(", ")}]`;
