/**
 * What can be computed along the loops of recurrences, so that of their states only a few have to be kept. In: definitions
 * in dependency order with their recurrences; out: recurrences that have what they alone read as members, and the index
 * by which another definition goes along with one. Ends: every definition is looked at once for each recurrence.
 */
import {
  affine, distanceAlong, loopIndices, range, readsOfDefinition, recurrenceOf, reductionDtype, type Arena, type Definition, type Index, type Read, type Recurrence, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { dependencies, readersAmong, together, type Joined } from "./recurrence.ts";

/** What a recurrence reads at the places where it is, and nothing else needs before it, becomes a member. */
export const gathered = (ir: Arena, joined: Joined): Joined => {
  let current = joined;
  for (const recurrence of new Set(joined.recurrences.values())) {
    let grown = recurrence;
    for (const each of joined.definitions.toReversed()) {
      const found = isForOnly(current, grown, each) ? withMember(ir, grown, each) : undefined;
      if (found === undefined) continue;
      grown = found;
      current = together(current, found);
    }
  }
  return current;
};

const isForOnly = (current: Joined, { members }: Recurrence, each: Definition): boolean => {
  if (current.recurrences.has(each.tensor) || each.target !== undefined) return false;
  const needed = dependencies(current, members);
  const readers = readersAmong(current).get(each.tensor) ?? [];
  return needed.has(each) && readers.every((reader) => members.includes(reader) || !needed.has(reader));
};

const withMember = (ir: Arena, recurrence: Recurrence, each: Definition): Recurrence | undefined => {
  const members = [each, ...recurrence.members];
  const extent = extentOf(recurrence);
  const proof = provenIn(ir);
  // all depend on some member, the latest one where several recurrences are one
  for (const from of recurrence.members.toReversed()) {
    const found = recurrenceOf(members, proof, from);
    if (found === undefined || found.axes.size < members.length) continue;
    const own = each.indices[found.axes.get(each.tensor) ?? -1];
    return found.direction === recurrence.direction && own?.extent === extent ? found : undefined;
  }
  return undefined;
};

const provenIn =
  (ir: Arena) =>
  (a: Parameters<typeof range.provablyNonNegative>[1]): boolean =>
    range.provablyNonNegative(ir, a);

const extentOf = ({ members: [first], axes }: Recurrence): Index["extent"] | undefined =>
  first?.indices[axes.get(first.tensor) ?? -1]?.extent;

/** The recurrence whose loop makes a tensor, and which of its axes runs along. */
interface Made {
  readonly recurrence: Recurrence;
  readonly axis: number;
}

/** Of definitions outside of recurrences, which index can run along the loop of the latest that they read. */
export const followers = (
  ir: Arena,
  { definitions, recurrences }: Joined,
): ReadonlyMap<Definition, Index> => {
  const order = [...new Set(recurrences.values())];
  const made = new Map<Tensor, Made>(
    [...recurrences].map(([tensor, recurrence]) => [
      tensor,
      { recurrence, axis: recurrence.axes.get(tensor) ?? -1 },
    ]),
  );
  const found = new Map<Definition, Index>();
  for (const each of definitions) {
    if (recurrences.has(each.tensor) || each.target !== undefined || isOrdered(each)) continue;
    const reads = readsOfDefinition(each).filter(({ tensor }) => made.has(tensor));
    const read = new Set(reads.map(({ tensor }) => made.get(tensor)?.recurrence));
    const latest = order.findLast((recurrence) => read.has(recurrence));
    const index = latest && indexAlong(ir, each, latest, reads, made);
    if (latest === undefined || index === undefined) continue;
    found.set(each, index);
    const axis = each.indices.indexOf(index);
    if (axis >= 0) made.set(each.tensor, { recurrence: latest, axis });
  }
  return found;
};

const isOrdered = ({ reduction }: Definition): boolean =>
  reduction !== undefined && reductionDtype(reduction.op) === "int";

const indexAlong = (
  ir: Arena,
  each: Definition,
  recurrence: Recurrence,
  reads: readonly Read[],
  made: ReadonlyMap<Tensor, Made>,
): Index | undefined => {
  const positions = reads.flatMap(({ tensor, at }) => {
    const known = made.get(tensor);
    return known?.recurrence === recurrence ? [at[known.axis]] : [];
  });
  return loopIndices(each).find(
    (index) =>
      index.extent === extentOf(recurrence) &&
      positions.some((at) => affine.plainIndex(at) === index) &&
      positions.every(
        (at) =>
          at !== undefined && distanceAlong(at, index, recurrence.direction, provenIn(ir)) !== undefined,
      ),
  );
};
