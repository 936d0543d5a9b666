/**
 * Definitions that read themselves or each other → their tangents, by definitions that read each other in the same places.
 * Terminates: each definition of the circle is visited once.
 */
import { build, type Affine, type Index, type Tensor } from "../../ir/index.ts";
import {
  partAt,
  fixedAt,
  guarded,
  commonFixed,
  conditionsOf,
  type Part,
  type Fixed,
  type Around,
  type Body,
  type Tangent,
} from "./parts.ts";
import { tensorOf, defined } from "./tangent.ts";

/**
 * One part for each, with those deltas that all its reads keep: the recurrence of the tangents runs along with that of the
 * values. Which they are is found from the reads of other tensors on; deltas are only ever taken away, so that it ends.
 */
export const recurrent = (around: Around, bodies: readonly Body[]): readonly Tangent[] => {
  const kept = new Map<Tensor, Fixed>();
  for (let changed = true; changed;) {
    changed = false;
    for (const body of bodies) {
      const { tensor } = body.definition;
      const old = kept.get(tensor);
      const next = keptBy(around, body, kept);
      if (next === undefined || (old !== undefined && old.size === next.size)) continue;
      kept.set(tensor, next);
      changed = true;
    }
  }
  const own = new Map<Tensor, readonly Part[]>(
    bodies.map(({ definition: { tensor } }) => {
      const fixed = kept.get(tensor) ?? new Map<number, Affine>();
      return [tensor, [{ fixed, tensor: tensorOf(around, tensor, fixed) }]];
    }),
  );
  const inside: Around = { ...around, of: new Map([...around.of, ...own]) };
  return bodies.map((body) => recurrentTangent(inside, body, own.get(body.definition.tensor) ?? []));
};

/** The parts of a tensor without lists. */
const byElement = ({ of, spread: without }: Around, tensor: Tensor): readonly Part[] =>
  (of.get(tensor) ?? []).map((part) => (part.list === undefined ? part : without(tensor, part)));

/** The deltas of a definition's reads, where they are known already. */
const keptBy = (
  around: Around,
  { definition, reads }: Body,
  kept: ReadonlyMap<Tensor, Fixed>,
): Fixed | undefined => {
  const hidden = new Set<Index>(definition.reduction?.indices ?? []);
  const known = reads.flatMap((read): Part[] => {
    const own = kept.get(read.tensor);
    const parts = around.of.has(read.tensor)
      ? byElement(around, read.tensor)
      : own === undefined
        ? []
        : [{ fixed: own, tensor: undefined }];
    return parts.map((part) => ({ fixed: new Map(fixedAt(around.ir, part, read)), tensor: undefined }));
  });
  if (known.length === 0) return undefined;
  const before = kept.get(definition.tensor);
  const all = before === undefined ? known : [...known, { fixed: before, tensor: undefined }];
  const common = [...commonFixed(all)].filter(
    ([, value]) => !value.indices.some((index) => hidden.has(index)),
  );
  return definition.target === undefined ? new Map(common) : new Map();
};

const recurrentTangent = (around: Around, body: Body, parts: readonly Part[]): Tangent => {
  const { ir, element } = around;
  const { definition, reads, before } = body;
  const [part] = parts;
  const { fixed = new Map<number, Affine>(), tensor } = part ?? {};
  const values = reads.flatMap((read) =>
    byElement(around, read.tensor).map((each) => {
      const value = build.multiply(ir, read.partial, partAt(ir, element, each, read.at));
      return guarded(ir, conditionsOf(ir, element, new Map(fixedAt(ir, each, read)), fixed), value);
    }),
  );
  const loops = definition.reduction?.indices ?? [];
  const sum = { list: undefined, fixed, loops, body: build.sum(ir, values) };
  const { definitions } = defined(around, definition, sum, tensor);
  return { parts, definitions: [...before, ...definitions] };
};
