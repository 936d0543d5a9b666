/**
 * In: a program and one of its inputs, the source. Out: the derivative of every tensor by every element of the source, with
 * deltas kept as structure: ∂T[o] / ∂x[e] = Σ over parts of Π δ(e_j, f_j(o)) · D[o, e without those j]. Each D is a definition
 * in gather form. Definitions in order, each once, with a bounded number of parts: it ends.
 */
import {
  affine, build, componentsOf, define, loopIndices, nextLabel, range, type Affine, type Arena, type Definition, type Index, type Node, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { activeNodes, activeTensors } from "./activity.ts";
import { eliminate, equalityOf, substituteIn, type Equation } from "./gather.ts";
import type { Namer } from "./names.ts";
import { weightOf } from "./reduction.ts";
import { propagate } from "./reverse.ts";
import { supportsOf } from "./support.ts";

export interface Part {
  /** Dimensions of the source whose index is given by those of the tensor: as expressions in i0, i1, … */
  readonly fixed: ReadonlyMap<number, Affine>;
  /** D, over the tensor's indices and then those of the source that are not fixed; 1 for the source itself. */
  readonly tensor: Tensor | undefined;
}

export interface Sensitivities {
  readonly definitions: readonly Definition[];
  /** Of the tensors that depend on the source. */
  readonly of: ReadonlyMap<Tensor, readonly Part[]>;
}

/** Stencils of stencils have ever more parts; beyond this many they are one, whose deltas are conditions. */
const MOST_PARTS = 64;

/** The element of the source that is differentiated by. */
export const sourceIndices = (ir: Arena, source: Tensor): readonly Index[] =>
  source.shape.map((extent, k) => ir.index(`e${k}`, extent));

/** The element of the tensor that is differentiated. */
export const ownIndices = (ir: Arena, tensor: Tensor): readonly Index[] =>
  tensor.shape.map((extent, k) => ir.index(`i${k}`, extent));

interface Around {
  readonly ir: Arena;
  readonly element: readonly Index[];
  readonly of: ReadonlyMap<Tensor, readonly Part[]>;
  readonly namer: Namer;
}

/** One term of a tangent: δ(fixed) · Σ over loops of the body. */
interface Term {
  readonly fixed: ReadonlyMap<number, Affine>;
  readonly loops: readonly Index[];
  readonly body: Node;
}

export const sensitivities = (ir: Arena, program: Program, source: Tensor, namer: Namer): Sensitivities => {
  const active = activeTensors(program, [source]);
  const own = ownIndices(ir, source).map((index, j): [number, Affine] => [j, affine.ofIndex(ir, index)]);
  const of = new Map<Tensor, readonly Part[]>([[source, [{ fixed: new Map(own), tensor: undefined }]]]);
  const around: Around = { ir, element: sourceIndices(ir, source), of, namer };
  const definitions: Definition[] = [];
  const moving = program.definitions.filter(({ tensor }) => active.has(tensor));
  for (const { members, isCircle } of componentsOf(moving)) {
    const bodies = members.map((definition) => movingIn(around, definition, active));
    const tangents = isCircle ? recurrent(around, bodies) : bodies.map((each) => tangentOf(around, each));
    tangents.forEach((tangent, k) => {
      definitions.push(...tangent.definitions);
      const tensor = members[k]?.tensor;
      if (tensor !== undefined) of.set(tensor, tangent.parts);
    });
  }
  return { definitions, of };
};

/** A definition, its reads that move, and what these need. */
interface Body {
  readonly definition: Definition;
  readonly reads: readonly Moving[];
  readonly before: readonly Definition[];
}

interface Tangent {
  readonly parts: readonly Part[];
  readonly definitions: readonly Definition[];
}

const movingIn = ({ ir, namer }: Around, definition: Definition, active: ReadonlySet<Tensor>): Body => {
  const weight = weightOf(ir, definition, namer);
  const nodes = activeNodes(definition, active);
  const partials = propagate(ir, definition.body, nodes, weight.value);
  const moving = nodes.flatMap((node): Moving[] => {
    const partial = partials.get(node);
    return node.kind !== "read" || partial === undefined
      ? []
      : [{ tensor: node.tensor, at: node.at, partial }];
  });
  const supports = supportsOf(
    ir,
    moving.map(({ partial }) => partial),
  );
  // a tangent is read where the element that it belongs to is
  const reads = moving.map((read): Moving => {
    const support = supports.get(read.partial) ?? build.boolean(ir, true);
    return { ...read, partial: build.guard(ir, support, read.partial) };
  });
  return { definition, reads, before: weight.definitions };
};

const tangentOf = (around: Around, { definition, reads, before }: Body): Tangent => {
  const { target } = definition;
  const tangent =
    target === undefined ? gathered(around, definition, reads) : scattered(around, definition, target, reads);
  return { ...tangent, definitions: [...before, ...tangent.definitions] };
};

/** A read of a tensor that moves, and ∂ element / ∂ read. */
interface Moving {
  readonly tensor: Tensor;
  readonly at: readonly Affine[];
  readonly partial: Node;
}

const isFree =
  (fixed: ReadonlyMap<number, unknown>) =>
  (_: Index, j: number): boolean =>
    !fixed.has(j);

const freeOf = (element: readonly Index[], fixed: ReadonlyMap<number, unknown>): readonly Index[] =>
  element.filter(isFree(fixed));

const at = (ir: Arena, indices: readonly Index[]): readonly Affine[] =>
  indices.map((index) => affine.ofIndex(ir, index));

/** D of a part at an element of its tensor. */
export const partAt = (ir: Arena, element: readonly Index[], part: Part, place: readonly Affine[]): Node =>
  part.tensor === undefined
    ? build.constant(ir, 1)
    : build.read(ir, part.tensor, [...place, ...at(ir, freeOf(element, part.fixed))]);

/** Where the tensor is read, so is what it fixes. */
const fixedAt = (ir: Arena, part: Part, read: Moving): readonly (readonly [j: number, value: Affine])[] => {
  const places = new Map(
    read.tensor.shape.map((extent, k): [Index, Affine] => [ir.index(`i${k}`, extent), read.at[k] ?? extent]),
  );
  return [...part.fixed].map(([j, f]) => [j, substituteIn(ir, f, places)] as const);
};

const guarded = (ir: Arena, conditions: readonly Node[], value: Node): Node =>
  build.guard(ir, build.and(ir, conditions), value);

const equation = (element: readonly Index[], [j, value]: readonly [number, Affine]): Equation => {
  const target = element[j];
  if (target === undefined) throw new Error(`the source has no dimension ${j}`);
  return { target, value };
};

// ---- a definition that reads others only

const gathered = (around: Around, definition: Definition, reads: readonly Moving[]): Tangent => {
  const terms = reads.flatMap((read) =>
    (around.of.get(read.tensor) ?? []).map((part) => termOf(around, definition, read, part)),
  );
  return tangentOfTerms(around, definition, terms);
};

/** Deltas that a summed index can meet are eliminated; those between source and element are structure. */
const termOf = (around: Around, definition: Definition, read: Moving, part: Part): Term => {
  const { ir, element } = around;
  const loops = definition.reduction?.indices ?? [];
  const fixed = fixedAt(ir, part, read);
  const end = eliminate(ir, {
    equations: fixed.map((each) => equation(element, each)),
    loops,
    value: build.multiply(ir, read.partial, partAt(ir, element, part, read.at)),
  });
  const hidden = new Set([...end.loops, ...element]);
  const isStructure = ({ value }: Equation): boolean => !value.indices.some((index) => hidden.has(index));
  const conditions = end.equations.filter((each) => !isStructure(each)).map((each) => equalityOf(ir, each));
  const structure = end.equations
    .filter(isStructure)
    .map(({ target, value }): [number, Affine] => [element.indexOf(target), value]);
  return {
    fixed: new Map(structure.sort(([a], [b]) => a - b)),
    loops: end.loops,
    body: guarded(ir, [...end.guards, ...conditions], end.value),
  };
};

const keyOf = (fixed: ReadonlyMap<number, Affine>): string =>
  [...fixed].map(([j, value]) => `${j}:${value.id}`).join();

const grouped = <T>(items: readonly T[], key: (item: T) => string): readonly (readonly T[])[] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const known = groups.get(key(item));
    if (known === undefined) groups.set(key(item), [item]);
    else known.push(item);
  }
  return [...groups.values()];
};

const tangentOfTerms = (around: Around, definition: Definition, terms: readonly Term[]): Tangent => {
  const moving = terms.filter((term) => term.body.kind !== "zero");
  const groups = grouped(moving, ({ fixed }) => keyOf(fixed));
  const tangents = groups.map((group) => partOf(around, definition, group));
  const parts = tangents.map(({ part }) => part);
  const definitions = tangents.flatMap((each) => each.definitions);
  if (parts.length <= MOST_PARTS) return { parts, definitions };
  const one = merged(around, definition, parts);
  return { parts: [one.part], definitions: [...definitions, ...one.definitions] };
};

interface Defined {
  readonly part: Part;
  readonly definitions: readonly Definition[];
}

/** Terms with the same deltas: those that reduce over the same loops are one reduction, and all of them one tensor. */
const partOf = (around: Around, definition: Definition, terms: readonly Term[]): Defined => {
  const { ir } = around;
  const fixed = terms[0]?.fixed ?? new Map<number, Affine>();
  const sums = grouped(terms, ({ loops }) => loops.map((index) => index.id).join()).map((group): Term => ({
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
  const total = defined(around, definition, { fixed, loops: [], body: build.sum(ir, values) });
  return { part: total.part, definitions: [...separate, ...total.definitions] };
};

const tensorOf = ({ ir, element, namer }: Around, of: Tensor, fixed: ReadonlyMap<number, unknown>): Tensor =>
  ir.tensor({
    name: namer(`t_${of.name}`),
    shape: [...of.shape, ...freeOf(element, fixed).map((index) => index.extent)],
    dtype: "float",
    role: "defined",
  });

const defined = (around: Around, definition: Definition, term: Term, tensor?: Tensor): Defined => {
  const { ir, element } = around;
  const { fixed, loops, body } = term;
  const own = ownIndices(ir, definition.tensor);
  const free = freeOf(element, fixed);
  const part: Part = { fixed, tensor: tensor ?? tensorOf(around, definition.tensor, fixed) };
  const indices = [...own, ...free];
  const reduction = loops.length === 0 ? undefined : ({ op: "sum", indices: loops } as const);
  const names = labelsOf(definition, own, free, loops);
  const made = define(ir, {
    tensor: part.tensor ?? definition.tensor,
    indices,
    reduction,
    body,
    labels: names,
  });
  return { part, definitions: [made] };
};

/** The element's letters, then those after them for the source; all different. */
const labelsOf = (
  definition: Definition,
  own: readonly Index[],
  free: readonly Index[],
  loops: readonly Index[],
): readonly string[] => {
  const known = new Map(loopIndices(definition).map((index, k) => [index, definition.labels[k]]));
  const used = new Set<string>();
  const distinct = (name: string): string => {
    if (used.has(name)) return distinct(nextLabel(name));
    used.add(name);
    return name;
  };
  return [
    ...own.map((index, k) => distinct(definition.labels[k] ?? index.name)),
    ...free.map((_, k) => distinct(definition.labels[k] ?? "a")),
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
  return defined(around, definition, { fixed, loops: [], body: build.sum(ir, values) });
};

/** What all parts fix alike. */
export const commonFixed = (parts: readonly Part[]): ReadonlyMap<number, Affine> => {
  const [first, ...others] = parts;
  const common = [...(first?.fixed ?? [])].filter(([j, value]) =>
    others.every((part) => part.fixed.get(j) === value),
  );
  return new Map(common);
};

/** The deltas of `fixed` that `common` does not have, as conditions. */
export const conditionsOf = (
  ir: Arena,
  element: readonly Index[],
  fixed: ReadonlyMap<number, Affine>,
  common: ReadonlyMap<number, Affine>,
): readonly Node[] =>
  [...fixed].filter(([j]) => !common.has(j)).map((each) => equalityOf(ir, equation(element, each)));

// ---- definitions that read themselves or each other

type Fixed = ReadonlyMap<number, Affine>;

/**
 * One part for each, with those deltas that all its reads keep: the recurrence of the tangents runs along with that of the
 * values. Which they are is found from the reads of other tensors on; deltas are only ever taken away, so that it ends.
 */
const recurrent = (around: Around, bodies: readonly Body[]): readonly Tangent[] => {
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

/** The deltas of a definition's reads, where they are known already. */
const keptBy = (
  around: Around,
  { definition, reads }: Body,
  kept: ReadonlyMap<Tensor, Fixed>,
): Fixed | undefined => {
  const hidden = new Set<Index>(definition.reduction?.indices ?? []);
  const known = reads.flatMap((read): Part[] => {
    const own = kept.get(read.tensor);
    const parts =
      around.of.get(read.tensor) ?? (own === undefined ? [] : [{ fixed: own, tensor: undefined }]);
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
    (around.of.get(read.tensor) ?? []).map((each) => {
      const value = build.multiply(ir, read.partial, partAt(ir, element, each, read.at));
      return guarded(ir, conditionsOf(ir, element, new Map(fixedAt(ir, each, read)), fixed), value);
    }),
  );
  const loops = definition.reduction?.indices ?? [];
  const { definitions } = defined(around, definition, { fixed, loops, body: build.sum(ir, values) }, tensor);
  return { parts, definitions: [...before, ...definitions] };
};

// ---- a definition that scatters

/** Whether it is certain that a place exists, so that it can be written to: indices that are data are checked. */
const isElement = (ir: Arena, value: Affine, index: Index | undefined): boolean =>
  index !== undefined && (affine.dataOf(value).length > 0 || range.provablyInRange(ir, value, index.extent));

/** A value and where it goes: an element of the source that is known there is a delta or a place to scatter to. */
const scattered = (
  around: Around,
  definition: Definition,
  target: readonly Affine[],
  reads: readonly Moving[],
): Tangent => {
  const { ir } = around;
  const own = ownIndices(ir, definition.tensor);
  const scatters = reads.flatMap((read) =>
    (around.of.get(read.tensor) ?? []).map((part) => scatter(around, definition, target, read, part)),
  );
  const groups = grouped(scatters, ({ part }) => keyOf(part.fixed));
  const totals = groups.map((group): Defined => {
    const [only, ...more] = group;
    if (only !== undefined && more.length === 0) return only;
    const fixed = only?.part.fixed ?? new Map<number, Affine>();
    const values = group.map(({ part }) => partAt(ir, around.element, part, at(ir, own)));
    // a scatter's labels name its loops
    const total = defined(
      around,
      { ...definition, labels: [] },
      { fixed, loops: [], body: build.sum(ir, values) },
    );
    return {
      part: total.part,
      definitions: [...group.flatMap((each) => each.definitions), ...total.definitions],
    };
  });
  return {
    parts: totals.map(({ part }) => part),
    definitions: totals.flatMap((each) => each.definitions),
  };
};

const scatter = (
  around: Around,
  definition: Definition,
  target: readonly Affine[],
  read: Moving,
  part: Part,
): Defined => {
  const { ir, element } = around;
  const own = ownIndices(ir, definition.tensor);
  const known = new Map(fixedAt(ir, part, read));
  const fixed = new Map(
    [...known].flatMap(([j, value]): [number, Affine][] => {
      const index = own[target.indexOf(value)];
      return index === undefined ? [] : [[j, affine.ofIndex(ir, index)]];
    }),
  );
  const placed = new Map([...known].filter(([j, value]) => fixed.has(j) || isElement(ir, value, element[j])));
  const loops = freeOf(element, placed);
  const tensor = tensorOf(around, definition.tensor, fixed);
  const places = element.map((index, j) => placed.get(j) ?? affine.ofIndex(ir, index));
  const made = define(ir, {
    tensor,
    indices: [...definition.indices, ...loops],
    target: [...target, ...places.filter((_, j) => !fixed.has(j))],
    body: guarded(
      ir,
      conditionsOf(ir, element, known, placed),
      build.multiply(ir, read.partial, partAt(ir, element, part, read.at)),
    ),
    labels: [...definition.labels.slice(0, definition.indices.length), ...loops.map(({ name }) => name)],
  });
  return { part: { fixed, tensor }, definitions: [made] };
};
