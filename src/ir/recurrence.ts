/**
 * Recurrences: definitions that read themselves, or each other in a circle, at strictly earlier places along one dimension.
 *
 * A recurrence is no node of its own: it is a strongly connected group of definitions, which stand together in a program.
 * Each member has one index that is the recurrence index, and all walk along it in one direction. A read of a member lies
 * `distance` ≥ 0 places back along it; at distance 0 only members that stand earlier in the group are read. So all can be
 * computed place by place, in their order at each place. Adjoints are of the same kind, in the other direction.
 *
 * In: definitions; out: groups, their indices and an order. Definitions are visited once, and members have few indices: it ends.
 */
import { dataOf } from "./affine.ts";
import type { Arena } from "./arena.ts";
import { componentsBy, type Component } from "./components.ts";
import { provablyNonNegative } from "./range.ts";
import type { Affine, Atom, Definition, Index, Node, Read, Tensor } from "./types.ts";
import { readsAmong, readsOf } from "./walk.ts";

export type Direction = "ascending" | "descending";

export interface Recurrence {
  /** In the order in which they are computed at one place. */
  readonly members: readonly Definition[];
  /** Which of its indices is the recurrence index. */
  readonly axes: ReadonlyMap<Tensor, number>;
  readonly direction: Direction;
}

const rootsOf = ({ body, target }: Definition): readonly Node[] => [body, ...(target ?? []).flatMap(dataOf)];

export const readsOfDefinition = (definition: Definition): readonly Read[] => readsOf(rootsOf(definition));

/** What a definition reads of these definitions, and of tensors that are made otherwise. */
export const readsWithin = (
  definitions: readonly Definition[],
  others: Iterable<Tensor> = [],
): ((definition: Definition) => readonly Read[]) => {
  const reads = readsAmong(new Set([...definitions.map(({ tensor }) => tensor), ...others]));
  return (definition) => reads(rootsOf(definition));
};

/** Circles of definitions that read each other, and definitions by themselves, each after what it reads. */
export const componentsOf = (definitions: readonly Definition[]): readonly Component<Definition>[] => {
  const byTensor = new Map(definitions.map((each) => [each.tensor, each]));
  const reads = readsWithin(definitions);
  return componentsBy(definitions, (definition) => {
    const tensors = new Set(reads(definition).map(({ tensor }) => tensor));
    return [...tensors].flatMap((tensor) => byTensor.get(tensor) ?? []);
  });
};

// ---- the recurrence index

/** Proves that an index expression is at least 0, for all values of its indices. */
export type Proof = (a: Affine) => boolean;

/** How far back a read lies: at places before, at this place or before. */
export type Distance = "before" | "here";

/** at - index, where a place moves along with the index: h[t - 1], and neither h[0] nor h[T - t]. */
const offsetOf = (at: Affine, index: Index): Affine | undefined => {
  const terms = at.terms.filter(({ atoms: [atom] }) => !(atom?.kind === "index" && atom.index === index));
  const [own, ...others] = at.terms.filter((term) => !terms.includes(term));
  const isPlain = own?.coefficient === 1 && own.atoms.length === 1 && others.length === 0;
  const rest = terms.flatMap(({ atoms }) => atoms.flatMap(indicesIn));
  return isPlain && !rest.includes(index)
    ? { ...at, id: -1, terms, indices: at.indices.filter((each) => each !== index) }
    : undefined;
};

const indicesIn = (atom: Atom): readonly Index[] => {
  switch (atom.kind) {
    case "dim":
      return [];
    case "index":
      return [atom.index];
    case "floordiv":
    case "mod":
      return [...atom.value.indices, ...atom.by.indices];
    case "data":
      return atom.node.indices;
  }
};

const times = (a: Affine, sign: 1 | -1): Affine => ({
  ...a,
  terms: a.terms.map((term) => ({ ...term, coefficient: sign * term.coefficient })),
  constant: sign * a.constant,
});

interface Search {
  readonly members: readonly Definition[];
  /** Reads of members. */
  readonly reads: ReadonlyMap<Definition, readonly Read[]>;
  readonly isNonNegative: Proof;
  readonly direction: Direction;
}

/** How far back `at` lies from the index, if it moves along with it and that is proved. */
export const distanceAlong = (
  at: Affine,
  index: Index,
  direction: Direction,
  isNonNegative: Proof,
): Distance | undefined => {
  const offset = offsetOf(at, index);
  if (offset === undefined) return undefined;
  const distance = times(offset, direction === "ascending" ? -1 : 1);
  if (isNonNegative({ ...distance, constant: distance.constant - 1 })) return "before";
  return isNonNegative(distance) ? "here" : undefined;
};

const distanceOf = (search: Search, read: Read, axis: number, index: Index): Distance | undefined => {
  const at = read.at[axis];
  return at && distanceAlong(at, index, search.direction, search.isNonNegative);
};

/**
 * The recurrence that definitions are which all depend on the first one or on `from`, as those of a circle do; undefined
 * where no index makes it one.
 */
export const recurrenceOf = (
  members: readonly Definition[],
  isNonNegative: Proof,
  from?: Definition,
): Recurrence | undefined => {
  const first = from ?? members[0];
  if (first === undefined || members.some(({ target }) => target !== undefined)) return undefined;
  const within = readsWithin(members);
  const reads = new Map(members.map((each) => [each, within(each)]));
  for (const direction of ["ascending", "descending"] as const)
    for (const axis of first.indices.keys()) {
      const found = along({ members, reads, isNonNegative, direction }, first.tensor, axis);
      if (found !== undefined) return found;
    }
  return undefined;
};

/** The recurrence along that axis of the first member: the axes of the others follow from how they are read. */
const along = (search: Search, first: Tensor, firstAxis: number): Recurrence | undefined => {
  const { members, reads, direction } = search;
  const byTensor = new Map(members.map((each) => [each.tensor, each]));
  const axes = new Map([[first, firstAxis]]);
  const here = new Map<Definition, Set<Definition>>();
  // a map is walked in the order of insertion, also of what is inserted meanwhile
  for (const [tensor, axis] of axes) {
    const definition = byTensor.get(tensor);
    const index = definition?.indices[axis];
    if (definition === undefined || index === undefined) return undefined;
    const near = new Set<Definition>();
    here.set(definition, near);
    for (const read of reads.get(definition) ?? []) {
      const known = axes.get(read.tensor) ?? axisOf(search, read, index);
      const distance = distanceOf(search, read, known, index);
      const target = byTensor.get(read.tensor);
      if (distance === undefined) return undefined;
      if (distance === "here" && target !== undefined) near.add(target);
      axes.set(read.tensor, known);
    }
  }
  const ordered = inStep(members, here);
  return ordered && { members: ordered, axes, direction };
};

const axisOf = (search: Search, read: Read, index: Index): number =>
  read.at.findIndex((_, k) => distanceOf(search, read, k, index) !== undefined);

/** Members after those that they read at the same place; undefined where these are in a circle. */
const inStep = (
  members: readonly Definition[],
  here: ReadonlyMap<Definition, ReadonlySet<Definition>>,
): readonly Definition[] | undefined => {
  const placed = new Set<Definition>();
  while (placed.size < members.length) {
    const next = members.find(
      (each) => !placed.has(each) && [...(here.get(each) ?? [])].every((read) => placed.has(read)),
    );
    if (next === undefined) return undefined;
    placed.add(next);
  }
  return [...placed];
};

/** By ranges of indices and least values of dims. */
const provenIn =
  (ir: Arena): Proof =>
  (a) =>
    provablyNonNegative(ir, a);

/** The recurrences among definitions, by member. Circles that are none are left out. */
export const recurrencesIn = (
  ir: Arena,
  definitions: readonly Definition[],
): ReadonlyMap<Tensor, Recurrence> => {
  const found = new Map<Tensor, Recurrence>();
  if (!readsBack(definitions)) return found;
  for (const { members, isCircle } of componentsOf(definitions)) {
    const recurrence = isCircle ? recurrenceOf(members, provenIn(ir)) : undefined;
    if (recurrence !== undefined) for (const { tensor } of members) found.set(tensor, recurrence);
  }
  return found;
};

/** A member of a circle that is no recurrence, if there is one. */
export const brokenCircle = (ir: Arena, definitions: readonly Definition[]): Definition | undefined =>
  readsBack(definitions)
    ? componentsOf(definitions).find(
        ({ members, isCircle }) => isCircle && recurrenceOf(members, provenIn(ir)) === undefined,
      )?.members[0]
    : undefined;

/** Whether a definition reads itself or a later one. */
export const readsBack = (definitions: readonly Definition[]): boolean => {
  const place = new Map(definitions.map(({ tensor }, k) => [tensor, k]));
  const reads = readsWithin(definitions);
  return definitions.some((definition, k) =>
    reads(definition).some(({ tensor }) => (place.get(tensor) ?? -1) >= k),
  );
};

/** Each definition after what it reads, the members of a recurrence together and in the order of one step. */
export const inDependencyOrder = (ir: Arena, definitions: readonly Definition[]): readonly Definition[] =>
  readsBack(definitions)
    ? componentsOf(definitions).flatMap(({ members, isCircle }) =>
        isCircle ? (recurrenceOf(members, provenIn(ir))?.members ?? members) : members,
      )
    : definitions;
