/**
 * A matrix while it is decided how it is stored: its parts, what all of them fix, and what is stored of it. Functions of one
 * matrix: they end.
 */
import {
  affine, build, define, type Affine, type Arena, type Definition, type Index, type Output, type Program, type Tensor,
} from "../../ir/index.ts"; // prettier-ignore
import type { Shared, Structure } from "../../loop/matrix.ts";
import type { Namer } from "../names.ts";
import { conditionsOf, partAt, type Part } from "../structure/parts.ts";

/** A matrix before it is known what of it is zero. */
export interface Draft {
  readonly name: string;
  /** What is differentiated: its elements are the rows. */
  readonly of: Tensor;
  /** By what: its elements are the columns. */
  readonly source: Tensor;
  /** Inputs of which a constant matrix is independent. */
  readonly moving: readonly Tensor[];
  readonly parts: readonly Part[];
  /** A Hessian by one input twice. */
  readonly isSymmetric: boolean;
}

export interface Stored {
  readonly structure: Structure<Affine>;
  readonly definitions: readonly Definition[];
  readonly outputs: readonly Output[];
}

/** The deltas that pair a row index with a column index; others are conditions. */
export const sharedBy = (own: readonly Index[], fixed: ReadonlyMap<number, Affine>): readonly Shared[] =>
  [...fixed].flatMap(([column, value]) => {
    const index = affine.plainIndex(value);
    const row = index === undefined ? -1 : own.indexOf(index);
    return row < 0 ? [] : [{ row, column }];
  });

export interface Drawn {
  readonly ir: Arena;
  readonly program: Program;
  readonly draft: Draft;
  readonly parts: readonly Part[];
  readonly own: readonly Index[];
  readonly element: readonly Index[];
  /** The deltas of all entries, and the dimensions that they pair. */
  readonly common: ReadonlyMap<number, Affine>;
  readonly shared: readonly Shared[];
  readonly labels: { readonly rows: readonly string[]; readonly columns: readonly string[] };
  readonly namer: Namer;
}

export const isIdentity = ({ own, element, draft }: Drawn, shared: readonly Shared[]): boolean =>
  own.length === element.length &&
  shared.length === own.length &&
  shared.every(({ row, column }) => row === column) &&
  draft.of.shape.every((extent, k) => extent === draft.source.shape[k]);

export const output = (tensor: Tensor, name: string): Output => ({ name, tensor });

interface Total {
  readonly tensor: Tensor;
  readonly definitions: readonly Definition[];
}

/** Parts as one tensor, over the rows and those dimensions of the columns that `common`, deltas of all parts, leaves. */
export const total = (
  { ir, own, element, labels, namer }: Drawn,
  parts: readonly Part[],
  common: ReadonlyMap<number, Affine>,
  name: string,
): Total => {
  const [only, ...others] = parts;
  if (only?.tensor !== undefined && others.length === 0 && only.fixed.size === common.size)
    return { tensor: only.tensor, definitions: [] };
  const free = element.filter((_, j) => !common.has(j));
  const place = own.map((index) => affine.ofIndex(ir, index));
  const terms = parts.map((part) => {
    const conditions = conditionsOf(ir, element, part.fixed, common);
    return build.guard(ir, build.and(ir, conditions), partAt(ir, element, part, place));
  });
  const definition = define(ir, {
    tensor: ir.tensor({
      name: namer(name),
      shape: [...own, ...free].map((index) => index.extent),
      dtype: "float",
      role: "defined",
    }),
    indices: [...own, ...free],
    body: build.sum(ir, terms),
    labels: [...labels.rows, ...labels.columns.filter((_, j) => !common.has(j))],
  });
  return { tensor: definition.tensor, definitions: [definition] };
};
