/** What a program says, for people to read. */
import type { Node, Program } from "../ir/index.ts";
import { equationLatex } from "./latex.ts";
import { equationText, treeText } from "./text.ts";
import { equationsOf, expressionTree } from "./tree.ts";

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

/** One expression as text, its indices under the names that they have in the IR. */
export const expressionText = (node: Node): string => treeText(expressionTree(node));
