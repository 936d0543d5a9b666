/** The specs of the library, by category: a table of tables, none of which can be missing. */
import { ACTIVATIONS } from "./activations.ts";
import { ARITHMETIC } from "./arithmetic.ts";
import { LAYERS } from "./layers.ts";
import { LOSSES } from "./losses.ts";
import { MATHEMATICS } from "./mathematics.ts";
import { MATRIX } from "./matrix.ts";
import type { Category } from "./operations.ts";
import { REDUCTIONS } from "./reductions.ts";
import type { OperationSpec, Specs } from "./spec.ts";

export const SPECS: { readonly [C in Category]: Specs<C> } = {
  activations: ACTIVATIONS,
  arithmetic: ARITHMETIC,
  mathematics: MATHEMATICS,
  reductions: REDUCTIONS,
  matrix: MATRIX,
  losses: LOSSES,
  layers: LAYERS,
};

/** A spec, or nothing where there is no such operation. */
export const specOf = (category: string, name: string): OperationSpec | undefined => {
  const table = new Map(Object.entries(SPECS)).get(category);
  return table && new Map(Object.entries<OperationSpec>(table)).get(name);
};
