/**
 * Recurrences as one loop. In: definitions in dependency order; out: the same, the members of each recurrence with one extent
 * along it, so that one loop computes all of them: shorter ones are padded. A recurrence that follows another step by step,
 * as tangents do, is one with it. Ends: every member is looked at once, and every joining leaves one recurrence less.
 */
import {
  KEEP, affine, build, canonicalIndex, define, mapBodies, range, reachable, readsOfDefinition, recurrenceOf, recurrencesIn, substitute, type Affine, type Arena, type Definition, type Node, type Recurrence, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { isExpensive } from "./cost.ts";
import type { Elements } from "./plan.ts";

export const evenOut = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
): readonly Definition[] => {
  const padded = new Map<Tensor, Definition>();
  for (const recurrence of new Set(recurrencesIn(ir, definitions).values())) {
    const extent = longest(ir, recurrence);
    for (const member of recurrence.members) {
      const axis = recurrence.axes.get(member.tensor) ?? 0;
      if (member.indices[axis]?.extent !== extent) padded.set(member.tensor, pad(ir, member, axis, extent));
    }
  }
  if (padded.size === 0) return definitions;
  const node = (each: Node): Node => {
    const other = each.kind === "read" ? padded.get(each.tensor) : undefined;
    return other === undefined || each.kind !== "read" ? each : build.read(ir, other.tensor, each.at);
  };
  const replaced = definitions.map((each) => padded.get(each.tensor) ?? each);
  const copies = definitions.flatMap((each) => {
    const other = padded.get(each.tensor);
    return other !== undefined && outputs.has(each.tensor) ? [copy(ir, each, other.tensor)] : [];
  });
  return [...mapBodies(ir, replaced, { ...KEEP, node }), ...copies];
};

/** The extent of a member that no other exceeds; their sum where none is proved to be that. */
const longest = (ir: Arena, { members, axes }: Recurrence): Affine => {
  const zero = affine.fixed(ir, 0);
  const extents = [
    ...new Set(members.map(({ indices, tensor }) => indices[axes.get(tensor) ?? 0]?.extent ?? zero)),
  ];
  const found = extents.find((extent) =>
    extents.every((each) => range.provablyNonNegative(ir, affine.minus(ir, extent, each))),
  );
  return found ?? affine.plus(ir, ...extents);
};

/** With more elements, which are 0 and not read. */
const pad = (ir: Arena, member: Definition, axis: number, extent: Affine): Definition => {
  const { tensor, indices, reduction, body, labels } = member;
  const longer = indices.map((index, k) => (k === axis ? canonicalIndex(ir, k, extent) : index));
  const [old, now] = [indices[axis], longer[axis]];
  if (old === undefined || now === undefined) return member;
  const inside = build.inRange(ir, affine.ofIndex(ir, now), old.extent);
  const moved = substitute(ir, body, new Map([[old, affine.ofIndex(ir, now)]]));
  return define(ir, {
    tensor: ir.tensor({
      ...tensor,
      name: `${tensor.name}Padded`,
      shape: longer.map((index) => index.extent),
    }),
    indices: longer,
    reduction,
    body: build.guard(ir, inside, moved),
    labels,
  });
};

const copy = (ir: Arena, { tensor, indices, labels }: Definition, of: Tensor): Definition =>
  define(ir, {
    tensor,
    indices,
    body: build.read(
      ir,
      of,
      indices.map((index) => affine.ofIndex(ir, index)),
    ),
    labels: labels.slice(0, indices.length),
  });

// ---- recurrences that follow each other

export interface Joined {
  /** In dependency order, the members of each recurrence together. */
  readonly definitions: readonly Definition[];
  readonly recurrences: ReadonlyMap<Tensor, Recurrence>;
  /** The single values that tensors are defined by. */
  readonly elements: Elements;
}

/** What may be between two recurrences that become one. */
export type Between = (definition: Definition) => boolean;

/** Where states are read step by step as they are made, not all of them have to be kept. */
export const joined = (
  ir: Arena,
  definitions: readonly Definition[],
  elements: Elements,
  between: Between,
): Joined => {
  let current: Joined = { definitions, recurrences: recurrencesIn(ir, definitions), elements };
  for (let next: Joined | undefined = current; next !== undefined; next = joinedOnce(ir, current, between))
    current = next;
  return current;
};

const joinedOnce = (ir: Arena, current: Joined, between: Between): Joined | undefined => {
  const all = [...new Set(current.recurrences.values())];
  for (const [k, later] of all.entries())
    for (const earlier of all.slice(0, k).toReversed()) {
      const found = both(ir, current, earlier, later, between);
      if (found !== undefined) return together(current, found);
    }
  return undefined;
};

/** With these members as one recurrence. */
export const together = (current: Joined, found: Recurrence): Joined => {
  const inside = new Set(found.members);
  const after = dependents(current, found.members);
  const outside = current.definitions.filter((each) => !inside.has(each));
  return {
    ...current,
    definitions: [
      ...outside.filter((each) => !after.has(each)),
      ...found.members,
      ...outside.filter((each) => after.has(each)),
    ],
    recurrences: new Map([
      ...current.recurrences,
      ...found.members.map(({ tensor }) => [tensor, found] as const),
    ]),
  };
};

/** Both, and what is between them, if that may be there and can be computed step by step. */
const both = (
  ir: Arena,
  current: Joined,
  earlier: Recurrence,
  later: Recurrence,
  mayBeBetween: Between,
): Recurrence | undefined => {
  const [from] = later.members;
  const needing = dependents(current, earlier.members);
  if (from === undefined || earlier.direction !== later.direction || !needing.has(from)) return undefined;
  const own = new Set([...earlier.members, ...later.members]);
  const needed = dependencies(current, later.members);
  const between = current.definitions.filter(
    (each) => !own.has(each) && needing.has(each) && needed.has(each),
  );
  if (!between.every(mayBeBetween)) return undefined;
  const members = [...earlier.members, ...between, ...later.members];
  const found = recurrenceOf(members, (a) => range.provablyNonNegative(ir, a), from);
  if (found?.direction !== later.direction || found.axes.size < members.length) return undefined;
  const extents = members.map(({ indices, tensor }) => indices[found.axes.get(tensor) ?? -1]?.extent);
  return new Set(extents).size === 1 ? found : undefined;
};

/** Not worth a loop of its own, on vectors or in blocks. */
export const isLight: Between = ({ reduction, body }) =>
  reduction === undefined && !reachable([body]).some(isExpensive);

/** What is computed together. */
const unitOf = ({ recurrences }: Joined, definition: Definition): readonly Definition[] =>
  recurrences.get(definition.tensor)?.members ?? [definition];

/** The tensors that a definition reads, and the single values of those that are defined one by one. */
const tensorsRead = ({ elements }: Joined, definition: Definition): readonly Tensor[] =>
  readsOfDefinition(definition).flatMap(({ tensor }) => [tensor, ...(elements.get(tensor) ?? [])]);

/** The definitions that read a tensor. */
export const readersAmong = (current: Joined): ReadonlyMap<Tensor, readonly Definition[]> => {
  const readers = new Map<Tensor, Definition[]>();
  for (const each of current.definitions)
    for (const tensor of tensorsRead(current, each)) {
      const known = readers.get(tensor);
      if (known === undefined) readers.set(tensor, [each]);
      else known.push(each);
    }
  return readers;
};

/** These, and all that depend on some of them, in whatever way. */
const dependents = (current: Joined, on: readonly Definition[]): ReadonlySet<Definition> => {
  const readers = readersAmong(current);
  const found = new Set(on);
  for (const { tensor } of found)
    for (const reader of readers.get(tensor) ?? [])
      for (const each of unitOf(current, reader)) found.add(each);
  return found;
};

/** These, and all that they depend on. */
export const dependencies = (current: Joined, of: readonly Definition[]): ReadonlySet<Definition> => {
  const byTensor = new Map(current.definitions.map((each) => [each.tensor, each]));
  const found = new Set(of);
  for (const each of found)
    for (const tensor of tensorsRead(current, each)) {
      const read = byTensor.get(tensor);
      if (read !== undefined) for (const one of unitOf(current, read)) found.add(one);
    }
  return found;
};
