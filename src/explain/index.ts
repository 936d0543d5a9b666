/** What a program says, for people to read. */
import type { Arena, Node, Program } from "../ir/index.ts";
import { equationLatex } from "./latex.ts";
import { readable, structureText } from "./matrix.ts";
import { equationText, treeText } from "./text.ts";
import { equationOf, equationsOf, expressionTree } from "./tree.ts";

export { readable, structureText, type ReadableMatrix } from "./matrix.ts";
export type { Equation, Tree } from "./tree.ts";

export type Notation = "text" | "latex";

const NOTATIONS: { readonly [K in Notation]: (equation: ReturnType<typeof equationsOf>[number]) => string } =
  {
    text: equationText,
    latex: equationLatex,
  };

/** One formula for each definition, in order. */
export const formulas = (program: Program, notation: Notation): readonly string[] =>
  equationsOf(program).map(NOTATIONS[notation]);

/** The formulas of Jacobians and Hessians, each with what its structure is, after those of what they are made of. */
export const matrixFormulas = (ir: Arena, program: Program, notation: Notation): readonly string[] => {
  const { program: parts, matrices } = readable(ir, program);
  const entries = matrices.flatMap((each) => {
    const title = `${each.matrix.name}: ${structureText(each)}`;
    const shown = each.entries.map(({ definition, places }) => equationOf(definition, places));
    return [title, ...shown.map(NOTATIONS[notation])];
  });
  return [...formulas(parts, notation), ...entries];
};

/** One expression as text, its indices under the names that they have in the IR. */
export const expressionText = (node: Node): string => treeText(expressionTree(node));
