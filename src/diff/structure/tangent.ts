/**
 * The terms of a definition → its tangent: parts that are defined, merged where there would be too many.
 * Terminates: terms are finite, and each is in one part.
 */
import {
  build,
  define,
  elementLabels,
  loopIndices,
  nextLabel,
  type Affine,
  type Definition,
  type Index,
  type Node,
  type Tensor,
} from "../../ir/index.ts";
import { letterAt } from "../gather.ts";
import { inBlocks } from "./blocks.ts";
import {
  MOST_PARTS,
  ownIndices,
  innerIndices,
  freeOf,
  at,
  partAt,
  guarded,
  commonFixed,
  conditionsOf,
  keyOf,
  type Part,
  type List,
  type Fixed,
  type Whole,
  type Around,
  type Term,
  type Tangent,
  grouped,
} from "./parts.ts";
import { atSingleRows } from "./rows.ts";

export const tangentOfTerms = (around: Around, definition: Definition, terms: readonly Term[]): Tangent => {
  const moving = terms.filter((term) => term.body.kind !== "zero");
  const placed = inBlocks(around, definition.tensor, atSingleRows(around, definition, moving));
  const tangents = grouped(placed, keyOf).map((group) => partOf(around, definition, group));
  const parts = tangents.map(({ part }) => part);
  const definitions = tangents.flatMap((each) => each.definitions);
  const own = parts.filter(({ list }) => list === undefined);
  if (own.length <= MOST_PARTS) return { parts, definitions };
  const one = merged(around, definition, own);
  const lists = parts.filter(({ list }) => list !== undefined);
  return { parts: [one.part, ...lists], definitions: [...definitions, ...one.definitions] };
};

export interface Defined {
  readonly part: Part;
  readonly definitions: readonly Definition[];
}

/** Terms with the same deltas: those that reduce over the same loops are one reduction, and all of them one tensor. */
const partOf = (around: Around, definition: Definition, terms: readonly Term[]): Defined => {
  const { ir } = around;
  const { list, fixed } = terms[0] ?? { list: undefined, fixed: new Map<number, Affine>() };
  const sums = grouped(terms, ({ loops }) => loops.map((index) => index.id).join()).map((group): Term => ({
    list,
    fixed,
    loops: group[0]?.loops ?? [],
    body: build.sum(
      ir,
      group.map(({ body }) => body),
    ),
  }));
  const [only, ...others] = sums;
  if (only !== undefined && others.length === 0) return defined(around, definition, only);
  const separate: Definition[] = [];
  const own = at(ir, ownIndices(ir, definition.tensor));
  const values = sums.map((term): Node => {
    if (term.loops.length === 0) return term.body;
    const { part, definitions } = defined(around, definition, term);
    separate.push(...definitions);
    return partAt(ir, around.element, part, own);
  });
  const total = defined(around, definition, { list, fixed, loops: [], body: build.sum(ir, values) });
  return { part: total.part, definitions: [...separate, ...total.definitions] };
};

export const tensorOf = ({ ir, element, namer }: Whole, of: Tensor, fixed: Fixed, list?: List): Tensor =>
  ir.tensor({
    name: namer(`t_${of.name}`),
    shape: [...innerIndices(ownIndices(ir, of), list), ...freeOf(element, fixed)].map(({ extent }) => extent),
    dtype: "float",
    role: "defined",
  });

export const defined = (around: Around, definition: Definition, term: Term, tensor?: Tensor): Defined => {
  const { ir, element } = around;
  const { list, fixed, loops, body } = term;
  const own = ownIndices(ir, definition.tensor);
  const free = freeOf(element, fixed);
  const part: Part = { list, fixed, tensor: tensor ?? tensorOf(around, definition.tensor, fixed, list) };
  const inner = innerIndices(own, list);
  const indices = [...inner, ...free];
  const reduction = loops.length === 0 ? undefined : ({ op: "sum", indices: loops } as const);
  const letters = elementLabels(definition);
  const known = own.map((index, d): [Index, string | undefined] => [index, letters[d]]);
  const listLabels = list?.over.map((index, k): [Index, string | undefined] => [index, list.labels[k]]) ?? [];
  const names = labelsOf(definition, new Map([...known, ...listLabels]), { inner, free, loops });
  const made = define(ir, {
    tensor: part.tensor ?? definition.tensor,
    indices,
    reduction,
    body,
    labels: names,
  });
  return { part, definitions: [made] };
};

interface Over {
  readonly inner: readonly Index[];
  readonly free: readonly Index[];
  readonly loops: readonly Index[];
}

/** The element's letters, then those after them for the source; all different. */
const labelsOf = (
  definition: Definition,
  names: ReadonlyMap<Index, string | undefined>,
  { inner, free, loops }: Over,
): readonly string[] => {
  const known = new Map(loopIndices(definition).map((index, k) => [index, definition.labels[k]]));
  const used = new Set<string>();
  const distinct = (name: string): string => {
    if (used.has(name)) return distinct(nextLabel(name));
    used.add(name);
    return name;
  };
  return [
    ...inner.map((index, k) => distinct(names.get(index) ?? letterAt(k))),
    ...free.map((_, k) => distinct(elementLabels(definition)[k] ?? letterAt(k))),
    ...loops.map((index) => distinct(known.get(index) ?? index.name)),
  ];
};

/** Parts as one whose deltas are conditions, but for those that all of them have. */
const merged = (around: Around, definition: Definition, parts: readonly Part[]): Defined => {
  const { ir, element } = around;
  const own = at(ir, ownIndices(ir, definition.tensor));
  const fixed = commonFixed(parts);
  const values = parts.map((part) =>
    guarded(ir, conditionsOf(ir, element, part.fixed, fixed), partAt(ir, element, part, own)),
  );
  return defined(around, definition, { list: undefined, fixed, loops: [], body: build.sum(ir, values) });
};
