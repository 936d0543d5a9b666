/**
 * Recurrences as one loop. In: definitions in dependency order; out: the same, the members of each recurrence with one extent
 * along it, so that one loop computes all of them: shorter ones are padded. Ends: every member is looked at once.
 */
import {
  KEEP, affine, build, canonicalIndex, define, mapBodies, range, recurrencesIn, substitute, type Affine, type Arena, type Definition, type Node, type Recurrence, type Tensor,
} from "../ir/index.ts"; // prettier-ignore

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
