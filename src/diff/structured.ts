/**
 * In: a program and one of its inputs, the source. Out: the derivative of every tensor by every element of the source, with
 * deltas kept as structure: ∂T[o] / ∂x[e] = Σ over parts of Π δ(e_j, f_j(o)) · D[o, e without those j], or, for a list of
 * places, Σ[k] Π δ(o_d, g_d(k)) · Π δ(e_j, f_j(k)) · D[k, o without those d, e without those j]. Each D is a definition in
 * gather form. Definitions in order, each once, with a bounded number of parts: it ends.
 */
import {
  affine, build, componentsOf, define, elementLabels, loopIndices, nextLabel, operandsOf, range, substitute, type Affine, type Arena, type Definition, type Index, type Node, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { activeNodes, activeTensors } from "./activity.ts";
import { eliminate, equalityOf, letterAt, substituteIn, type Equation } from "./gather.ts";
import type { Namer } from "./names.ts";
import { weightOf } from "./reduction.ts";
import { propagate } from "./reverse.ts";
import { supportsOf } from "./support.ts";

export interface Part {
  /** Where rows and columns are both at places that a third index says, as of an edge; else each element has a row. */
  readonly list?: List | undefined;
  /** Dimensions of the source whose index is given: as expressions in i0, i1, … of the tensor, and k0, k1, … of the list. */
  readonly fixed: ReadonlyMap<number, Affine>;
  /** D, over the list, the tensor's indices that it leaves, and those of the source that are not fixed; 1 for the source. */
  readonly tensor: Tensor | undefined;
}

export interface List {
  /** k0, k1, … */
  readonly over: readonly Index[];
  readonly labels: readonly string[];
  /** Dimensions of the tensor whose index it gives. */
  readonly rows: ReadonlyMap<number, Affine>;
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

const listIndex = (ir: Arena, k: number, { extent }: Index): Index => ir.index(`k${k}`, extent);

type Fixed = ReadonlyMap<number, Affine>;

/** What D is over before the dimensions of the source. */
export const innerIndices = (own: readonly Index[], list: List | undefined): readonly Index[] =>
  list === undefined ? own : [...list.over, ...own.filter((_, d) => !list.rows.has(d))];

interface Whole {
  readonly ir: Arena;
  readonly element: readonly Index[];
  readonly namer: Namer;
}

interface Around extends Whole {
  readonly of: ReadonlyMap<Tensor, readonly Part[]>;
  /** Whose derivatives are asked for. */
  readonly results: ReadonlySet<Tensor>;
  /** The part without its list. */
  readonly spread: (tensor: Tensor, part: Part) => Part;
}

/** One term of a tangent: δ(fixed) · Σ over loops of the body. */
interface Term {
  readonly list: List | undefined;
  readonly fixed: ReadonlyMap<number, Affine>;
  readonly loops: readonly Index[];
  readonly body: Node;
}

/** Of what the results depend on; theirs are made to be stored. */
export const sensitivities = (
  ir: Arena,
  program: Program,
  source: Tensor,
  results: ReadonlySet<Tensor>,
  namer: Namer,
): Sensitivities => {
  const active = activeTensors(program, [source]);
  const own = ownIndices(ir, source).map((index, j): [number, Affine] => [j, affine.ofIndex(ir, index)]);
  const of = new Map<Tensor, readonly Part[]>([[source, [{ fixed: new Map(own), tensor: undefined }]]]);
  const element = sourceIndices(ir, source);
  const definitions: Definition[] = [];
  const known = new Map<Part, Part>();
  const spreadOnce = (tensor: Tensor, part: Part): Part => {
    const found = known.get(part) ?? spread({ ir, element, namer }, tensor, part);
    if ("definition" in found) definitions.push(found.definition);
    const one = "part" in found ? found.part : found;
    known.set(part, one);
    return one;
  };
  const around: Around = { ir, element, of, namer, results, spread: spreadOnce };
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
    : build.read(ir, part.tensor, [
        ...at(ir, part.list?.over ?? []),
        ...place.filter((_, d) => part.list?.rows.has(d) !== true),
        ...at(ir, freeOf(element, part.fixed)),
      ]);

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

/** How a part of a tensor is met where that is read: indices of the reader that a list gives. */
interface Meeting {
  readonly part: Part;
  readonly values: ReadonlyMap<Index, Affine>;
  readonly guards: readonly Node[];
}

/** A list is kept where the dimensions that it gives are read at indices, of which one is kept by the reader. */
const meetingOf = (around: Around, read: Moving, part: Part, kept: readonly Index[]): Meeting => {
  const { ir } = around;
  const whole: Meeting = { part, values: new Map(), guards: [] };
  if (part.list === undefined) return whole;
  const values = new Map<Index, Affine>();
  const guards: Node[] = [];
  for (const [d, value] of part.list.rows) {
    const index = affine.plainIndex(read.at[d]);
    if (index === undefined || values.has(index)) return { ...whole, part: around.spread(read.tensor, part) };
    values.set(index, value);
    if (index.extent !== read.tensor.shape[d]) guards.push(build.inRange(ir, value, index.extent));
  }
  return kept.some((index) => values.has(index))
    ? { part, values, guards }
    : { ...whole, part: around.spread(read.tensor, part) };
};

const putIn = (ir: Arena, fixed: Fixed, values: ReadonlyMap<Index, Affine>): Fixed =>
  new Map([...fixed].map(([j, value]) => [j, substituteIn(ir, value, values)]));

/** Deltas that a summed index can meet are eliminated; those between source and element are structure. */
const termOf = (around: Around, definition: Definition, read: Moving, given: Part): Term => {
  const { ir, element } = around;
  const own = ownIndices(ir, definition.tensor);
  const { part, values, guards } = meetingOf(around, read, given, own);
  const loops = (definition.reduction?.indices ?? []).filter((index) => !values.has(index));
  const fixed = putIn(ir, new Map(fixedAt(ir, part, read)), values);
  const value = build.multiply(ir, read.partial, partAt(ir, element, part, read.at));
  const end = eliminate(ir, {
    equations: [...fixed].map((each) => equation(element, each)),
    loops,
    value: guarded(ir, guards, substitute(ir, value, values)),
  });
  const hidden = new Set([...end.loops, ...element]);
  const isStructure = (each: Equation): boolean => !each.value.indices.some((index) => hidden.has(index));
  const structure = end.equations
    .filter(isStructure)
    .map(({ target, value: at }): [number, Affine] => [element.indexOf(target), at]);
  const rows = own.flatMap((index, d): [number, Affine][] => {
    const place = values.get(index);
    return place === undefined ? [] : [[d, place]];
  });
  const term: Term = {
    list: part.list && { ...part.list, rows: new Map(rows) },
    fixed: new Map(structure),
    loops: end.loops,
    body: guarded(ir, end.guards, end.value),
  };
  const others = end.equations.filter((each) => !isStructure(each));
  return ordered(met(around, definition, term, others));
};

const ordered = (term: Term): Term => ({
  ...term,
  fixed: new Map([...term.fixed].sort(([a], [b]) => a - b)),
});

/** As a list: by its own indices, but for those that are `given`, and by `further` ones. */
const listed = (
  { ir }: Around,
  definition: Definition,
  further: readonly Index[],
  given: ReadonlyMap<Index, Affine> = new Map(),
): { readonly list: List; readonly values: ReadonlyMap<Index, Affine> } => {
  const own = ownIndices(ir, definition.tensor);
  const names = new Map(loopIndices(definition).map((index, k) => [index, definition.labels[k]]));
  const all = [...own.filter((index) => !given.has(index)), ...further];
  const over = all.map((index, k) => listIndex(ir, k, index));
  const renamed = all.map((index, k): [Index, Affine] => [index, affine.ofIndex(ir, over[k] ?? index)]);
  const values = new Map([...renamed, ...given]);
  const rows = own.map((index, d): [number, Affine] => [d, values.get(index) ?? index.extent]);
  const labels = all.map((index) => names.get(index) ?? index.name);
  return { list: { over, labels, rows: new Map(rows) }, values };
};

/**
 * Columns that data say, which are read at summed indices too: a list has these, and nothing is summed over them. Other
 * equations with summed indices are conditions.
 */
const met = (around: Around, definition: Definition, term: Term, equations: readonly Equation[]): Term => {
  const { ir, element } = around;
  const own = ownIndices(ir, definition.tensor);
  const isAt = ({ value }: Equation): boolean =>
    term.list === undefined &&
    affine.dataOf(value).length > 0 &&
    own.some((index) => value.indices.includes(index)) &&
    !element.some((index) => value.indices.includes(index));
  const places = equations.filter(isAt);
  const conditions = equations.filter((each) => !isAt(each)).map((each) => equalityOf(ir, each));
  const rest: Term = { ...term, body: guarded(ir, conditions, term.body) };
  if (places.length === 0) return rest;
  const further = rest.loops.filter((index) => places.some(({ value }) => value.indices.includes(index)));
  const { list, values } = listed(around, definition, further);
  const fixed = places.map(({ target, value }): [number, Affine] => [element.indexOf(target), value]);
  return {
    list,
    fixed: putIn(ir, new Map([...rest.fixed, ...fixed]), values),
    loops: rest.loops.filter((index) => !further.includes(index)),
    body: substitute(ir, rest.body, values),
  };
};

/** Two with one key stand at the same places. */
const keyOf = ({ list, fixed }: { readonly list?: List | undefined; readonly fixed: Fixed }): string => {
  const text = (places: Fixed): string => [...places].map(([j, value]) => `${j}:${value.id}`).join();
  const over = list?.over.map(({ id }) => id).join() ?? "";
  return list === undefined ? text(fixed) : `${over};${text(list.rows)};${text(fixed)}`;
};

// ---- terms at single rows

/** 0 = ±index + rest: where the index is then, if nothing else says so. */
const rowIn = (ir: Arena, test: Node, index: Index): readonly Affine[] => {
  const split = test.kind === "iszero" ? affine.linearIn(ir, test.value, index) : undefined;
  const sign = split && affine.asConstant(split.coefficient);
  const isKnown = split?.rest.indices.length === 0 && affine.dataOf(split.rest).length === 0;
  return isKnown && (sign === 1 || sign === -1) ? [affine.scale(ir, split.rest, -sign)] : [];
};

/** The indices of the element that a term is nothing without, where its columns are the same in all rows. */
const rowsOf = (
  ir: Arena,
  own: readonly Index[],
  { list, fixed, body }: Term,
): ReadonlyMap<Index, Affine> => {
  const isByRow = [...fixed.values()].some(({ indices }) => indices.length > 0);
  if (list !== undefined || isByRow || body.kind !== "guard") return new Map();
  const tests = body.test.kind === "and" ? body.test.args : [body.test];
  return new Map(
    own.flatMap((index) =>
      tests
        .flatMap((test) => rowIn(ir, test, index))
        .slice(0, 1)
        .map((place) => [index, place] as const),
    ),
  );
};

/**
 * A term that is nothing but in one row (of x[0], say) is a list of that row alone: as one for each row it would be full. Where
 * it stands on the diagonal, and others do, it is one of them. Only of results: a component that these are made of has one row.
 */
const atSingleRows = (around: Around, definition: Definition, whole: readonly Term[]): readonly Term[] => {
  const { ir, element } = around;
  if (!around.results.has(definition.tensor)) return whole;
  const own = ownIndices(ir, definition.tensor);
  const terms = whole.flatMap((term) => apart(ir, own, term));
  const rows = new Map(terms.map((term) => [term, rowsOf(ir, own, term)]));
  const others = terms.filter((term) => term.list === undefined && rows.get(term)?.size === 0);
  const identity = new Map(own.map((index, d): [number, Affine] => [d, affine.ofIndex(ir, index)]));
  const isDiagonal =
    own.length === element.length &&
    others.some(
      ({ fixed }) => keyOf({ list: undefined, fixed }) === keyOf({ list: undefined, fixed: identity }),
    );
  return terms.map((term): Term => {
    const given = rows.get(term);
    if (given === undefined || given.size === 0 || others.some(({ fixed }) => isAround(fixed, term.fixed)))
      return term;
    const here = { list: undefined, fixed: putIn(ir, identity, given) };
    if (isDiagonal && keyOf(here) === keyOf({ list: undefined, fixed: putIn(ir, term.fixed, given) }))
      return { ...term, fixed: identity };
    const { list, values } = listed(around, definition, [], given);
    const guards = [...given].map(([{ extent }, place]) => build.inRange(ir, place, extent));
    const body = guarded(ir, guards, substitute(ir, term.body, values));
    return { ...term, list, fixed: putIn(ir, term.fixed, values), body };
  });
};

/** The summands of a term, where one of them is in a single row: of what is multiplied by a sum too. */
const apart = (ir: Arena, own: readonly Index[], term: Term): readonly Term[] => {
  const isOneRow = (body: Node): boolean => rowsOf(ir, own, { ...term, body }).size > 0;
  const summands = (body: Node): readonly Node[] => {
    if (body.kind === "guard") return summands(body.a).map((each) => build.guard(ir, body.test, each));
    if (body.kind === "sum") return operandsOf(body).flatMap(summands);
    const factors = body.kind === "product" ? body.args : [];
    const inRows = factors.find((factor) => factor.kind === "sum" && summands(factor).some(isOneRow));
    if (inRows === undefined) return [body];
    const others = factors.filter((factor) => factor !== inRows);
    return operandsOf(inRows).flatMap((each) => summands(build.product(ir, [...others, each])));
  };
  const bodies = summands(term.body);
  return bodies.some(isOneRow) ? bodies.map((body): Term => ({ ...term, body })) : [term];
};

/** Whether a block at fewer places, or all of it, has the place. */
const isAround = (block: Fixed, fixed: Fixed): boolean =>
  (block.size === 0 || block.size < fixed.size) && [...block].every(([j, value]) => fixed.get(j) === value);

// ---- terms at neighbouring places

/**
 * Lists and columns by data that differ in constant places of one dimension only, of which they fill half at least, are one with
 * that dimension: the parameters of a camera are a block. Only of results: what these are made of stays a number for each.
 */
const inBlocks = (around: Around, tensor: Tensor, terms: readonly Term[]): readonly Term[] => {
  if (!around.results.has(tensor)) return terms;
  const { ir, element } = around;
  const columns = element.map((index, j): Dimension<Term> => ({
    index,
    place: (term) => (isByData(term) ? term.fixed.get(j) : undefined),
    without: (term) => ({ ...term, fixed: withoutKey(term.fixed, j) }),
    key: keyOf,
  }));
  const rows = ownIndices(ir, tensor).map((index, d): Dimension<Term> => ({
    index,
    place: ({ list }) => list?.rows.get(d),
    without: ({ list, ...term }) => ({ ...term, list: list && { ...list, rows: withoutKey(list.rows, d) } }),
    key: keyOf,
  }));
  const blocks = [...columns, ...rows].reduce((all, dimension) => filled(ir, all, dimension), terms);
  return inOthers(around, tensor, blocks);
};

const withoutKey = <V>(map: ReadonlyMap<number, V>, key: number): ReadonlyMap<number, V> =>
  new Map([...map].filter(([each]) => each !== key));

/** A dimension in which items may stand at constant places. */
interface Dimension<T> {
  readonly index: Index;
  readonly place: (item: T) => Affine | undefined;
  readonly without: (item: T) => T;
  /** The same for items that stand at the same places. */
  readonly key: (item: T) => string;
}

const filled = <T extends { readonly body: Node }>(
  ir: Arena,
  items: readonly T[],
  { index, place, without, key }: Dimension<T>,
): readonly T[] => {
  const extent = affine.asConstant(index.extent) ?? Infinity;
  const constantOf = (item: T): number | undefined => {
    const at = place(item);
    return at && affine.asConstant(at);
  };
  const groups = grouped(items, (item) =>
    constantOf(item) === undefined ? `${items.indexOf(item)}` : `at ${key(without(item))}`,
  );
  return groups.flatMap((group) => {
    const places = new Set(group.map(constantOf));
    if (places.has(undefined) || 2 * places.size < extent || places.size < 2) return group;
    return group.map((item) => ({ ...without(item), body: atPlaces(ir, item, [[index, place(item)]]) }));
  });
};

const isByData = ({ list, fixed }: Term): boolean =>
  list !== undefined || [...fixed.values()].some((value) => affine.dataOf(value).length > 0);

/** The body where these indices are there. */
const atPlaces = (
  ir: Arena,
  { body }: { readonly body: Node },
  places: readonly (readonly [Index, Affine | undefined])[],
): Node =>
  guarded(
    ir,
    places.flatMap(([target, value]) => (value === undefined ? [] : [equalityOf(ir, { target, value })])),
    body,
  );

/**
 * A list that stands inside of the blocks of one other is a part of these. Of one other only: so that, where the matrix is its
 * transpose, the list's counterpart is a part of the counterpart of the other.
 */
const inOthers = (around: Around, tensor: Tensor, terms: readonly Term[]): readonly Term[] => {
  const { ir, element } = around;
  const own = ownIndices(ir, tensor);
  return terms.map((term) => {
    const blocks = terms.filter((other) => isBlockAround(other, term));
    const [outer, ...others] = blocks.filter((each) => !blocks.some((other) => isBlockAround(other, each)));
    const isApart = outer === undefined || others.some((other) => keyOf(other) !== keyOf(outer));
    if (isApart || terms.some((other) => isBandAround(ir, own, other, term))) return term;
    const { list: block, fixed } = outer;
    if (block === undefined || term.list === undefined) return term;
    const rows = [...term.list.rows].flatMap(([d, value]) => equationAt(own[d], value, block.rows.has(d)));
    const columns = [...term.fixed].flatMap(([j, value]) => equationAt(element[j], value, fixed.has(j)));
    const loops = [...term.list.over.filter((index) => !block.over.includes(index)), ...term.loops];
    const end = eliminate(ir, { equations: [...rows, ...columns], loops, value: term.body });
    const conditions = end.equations.map((each) => equalityOf(ir, each));
    return {
      list: block,
      fixed,
      loops: end.loops,
      body: guarded(ir, [...end.guards, ...conditions], end.value),
    };
  });
};

const equationAt = (target: Index | undefined, value: Affine, isThere: boolean): readonly Equation[] =>
  target === undefined || isThere ? [] : [{ target, value }];

/** Whether it has an entry or block in each row, which is where a list is in its rows. */
const isBandAround = (ir: Arena, own: readonly Index[], band: Term, { list, fixed }: Term): boolean => {
  if (band.list !== undefined || list === undefined) return false;
  const places = new Map(
    own.flatMap((index, d): [Index, Affine][] => {
      const place = list.rows.get(d);
      return place === undefined ? [] : [[index, place]];
    }),
  );
  return [...putIn(ir, band.fixed, places)].every(([j, place]) => fixed.get(j) === place);
};

/** Whether it has fewer places, and is where a list is in these. */
const isBlockAround = (block: Term, { list, fixed }: Term): boolean => {
  if (block.list === undefined || list === undefined) return false;
  const isWithin = (places: Fixed, within: Fixed): boolean =>
    [...within].every(([d, place]) => places.get(d) === place);
  const isOver = block.list.over.every((index, k) => index === list.over[k]);
  const isLarger = block.list.rows.size + block.fixed.size < list.rows.size + fixed.size;
  return isOver && isLarger && isWithin(list.rows, block.list.rows) && isWithin(fixed, block.fixed);
};

// ---- parts

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

interface Defined {
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

const tensorOf = ({ ir, element, namer }: Whole, of: Tensor, fixed: Fixed, list?: List): Tensor =>
  ir.tensor({
    name: namer(`t_${of.name}`),
    shape: [...innerIndices(ownIndices(ir, of), list), ...freeOf(element, fixed)].map(({ extent }) => extent),
    dtype: "float",
    role: "defined",
  });

const defined = (around: Around, definition: Definition, term: Term, tensor?: Tensor): Defined => {
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
  const sends = reads.flatMap((read) =>
    (around.of.get(read.tensor) ?? []).map((part) => sendOf(around, definition, target, read, part)),
  );
  const lists = tangentOfTerms(
    around,
    definition,
    sends.filter((send) => isListed(around, send)).map((send) => listOf(around, definition, send)),
  );
  const whole = together(
    around,
    sends.filter((send) => !isListed(around, send)),
  );
  const scatters = whole.map((send) => scatter(around, definition, send));
  const labelsOfSum = elementLabels(definition).map((label, d) => label ?? letterAt(d));
  const totals = grouped(scatters, ({ part }) => keyOf(part)).map((group): Defined => {
    const [only, ...more] = group;
    if (only !== undefined && more.length === 0) return only;
    const fixed = only?.part.fixed ?? new Map<number, Affine>();
    const values = group.map(({ part }) => partAt(ir, around.element, part, at(ir, own)));
    const total = defined(
      around,
      { ...definition, labels: labelsOfSum },
      { list: undefined, fixed, loops: [], body: build.sum(ir, values) },
    );
    return {
      part: total.part,
      definitions: [...group.flatMap((each) => each.definitions), ...total.definitions],
    };
  });
  return {
    parts: [...totals.map(({ part }) => part), ...lists.parts],
    definitions: [...totals.flatMap((each) => each.definitions), ...lists.definitions],
  };
};

/** T[target] += δ(known)·body, for all of the loops. */
interface Send {
  readonly loops: readonly Index[];
  readonly labels: ReadonlyMap<Index, string | undefined>;
  readonly target: readonly Affine[];
  /** Columns that are known: those that equal a place of the target are deltas. */
  readonly known: Fixed;
  readonly fixed: Fixed;
  readonly body: Node;
}

/** A column by the indices of the row: the same as one of these, or an expression in loops that are. */
const ofRows = (
  ir: Arena,
  rows: readonly (readonly [Affine, Index])[],
  value: Affine,
): Affine | undefined => {
  const same = rows.find(([place]) => place === value);
  if (same !== undefined) return affine.ofIndex(ir, same[1]);
  const loops = new Map(
    rows.flatMap(([place, index]): [Index, Affine][] => {
      const [loop] = place.indices;
      const split = loop && affine.linearIn(ir, place, loop);
      const sign = split && affine.asConstant(split.coefficient);
      if (loop === undefined || split === undefined || split.rest.indices.length > 0) return [];
      if (sign !== 1 && sign !== -1) return [];
      return [[loop, affine.scale(ir, affine.minus(ir, affine.ofIndex(ir, index), split.rest), sign)]];
    }),
  );
  const isByRow = value.indices.length > 0 && value.indices.every((index) => loops.has(index));
  return isByRow ? substituteIn(ir, value, loops) : undefined;
};

const sendOf = (
  around: Around,
  definition: Definition,
  places: readonly Affine[],
  read: Moving,
  given: Part,
): Send => {
  const { ir, element } = around;
  const kept = places.flatMap((place) => place.indices);
  const { part, values, guards } = meetingOf(around, read, given, kept);
  const target = places.map((place) => substituteIn(ir, place, values));
  const known = putIn(ir, new Map(fixedAt(ir, part, read)), values);
  const own = ownIndices(ir, definition.tensor);
  const rows = target.flatMap((place, d): [Affine, Index][] =>
    own[d] === undefined ? [] : [[place, own[d]]],
  );
  const fixed = new Map(
    [...known].flatMap(([j, value]): [number, Affine][] => {
      const at = ofRows(ir, rows, value);
      return at === undefined ? [] : [[j, at]];
    }),
  );
  const value = build.multiply(ir, read.partial, partAt(ir, element, part, read.at));
  const loops = [...(part.list?.over ?? []), ...definition.indices.filter((index) => !values.has(index))];
  const labels = new Map([
    ...definition.indices.map((index, k) => [index, definition.labels[k]] as const),
    ...(part.list?.over ?? []).map((index, k) => [index, part.list?.labels[k]] as const),
  ]);
  return { loops, labels, target, known, fixed, body: guarded(ir, guards, substitute(ir, value, values)) };
};

/** What goes to the same places is sent at once, to constant ones of a dimension too where these fill half of it. */
const together = ({ ir, element }: Around, sends: readonly Send[]): readonly Send[] => {
  const key = ({ loops, target, known }: Send): string =>
    [loops.map(({ id }) => id), target.map(({ id }) => id), keyOf({ fixed: known })].join(";");
  const dimensions = element.map((index, j): Dimension<Send> => ({
    index,
    place: ({ known }) => known.get(j),
    without: (send) => ({ ...send, known: withoutKey(send.known, j), fixed: withoutKey(send.fixed, j) }),
    key,
  }));
  const blocks = dimensions.reduce((all, dimension) => filled(ir, all, dimension), sends);
  return grouped(blocks, key).flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [
          {
            ...first,
            body: build.sum(
              ir,
              [first, ...others].map(({ body }) => body),
            ),
          },
        ],
  );
};

/** Where a loop says nothing but where in a dimension, and runs through half of it at least. */
const alongOne = (
  ir: Arena,
  { target, known }: Send,
  place: Affine,
  { extent }: Index,
): Equation | undefined => {
  const [loop, ...others] = place.indices;
  const split = loop && affine.linearIn(ir, place, loop);
  const sign = split && affine.asConstant(split.coefficient);
  const all = [...target, ...known.values()];
  const isOnly = all.filter(({ indices }) => loop !== undefined && indices.includes(loop)).length === 1;
  if (loop === undefined || others.length > 0 || !isOnly || (sign !== 1 && sign !== -1)) return undefined;
  const sizes = [affine.asConstant(loop.extent) ?? 0, affine.asConstant(extent) ?? Infinity] as const;
  const isWhole = affine.plainIndex(place) !== undefined && loop.extent === extent;
  return isWhole || 2 * sizes[0] >= sizes[1] ? { target: loop, value: place } : undefined;
};

/** Whether a column depends on what is scattered, and is not its row, nor all there is in a row that is that. */
const isListed = ({ ir, element }: Around, send: Send): boolean => {
  const { known, fixed } = send;
  return [...known].some(([j, place]) => {
    const [index] = element.slice(j, j + 1);
    if (fixed.has(j) || place.indices.length === 0 || index === undefined) return false;
    const isSmall = fixed.size > 0 && affine.asConstant(index.extent) !== undefined;
    return !isSmall || alongOne(ir, send, place, index) === undefined;
  });
};

/** As a list: loops that say nothing but where in one dimension are solved for that, and those that say nothing are summed over. */
const listOf = (around: Around, definition: Definition, send: Send): Term => {
  const { ir, element } = around;
  const { loops, labels, target, known } = send;
  const own = ownIndices(ir, definition.tensor);
  const open: Equation[] = [];
  const isPlace = ([d, place]: readonly [number, Affine], side: readonly Index[]): boolean => {
    const index = side[d];
    const alone = index && alongOne(ir, send, place, index);
    if (index !== undefined && alone !== undefined) open.push({ target: index, value: place });
    return alone === undefined;
  };
  const rows = target.map((place, d): [number, Affine] => [d, place]).filter((each) => isPlace(each, own));
  const columns = [...known].filter((each) => isPlace(each, element));
  const places = [...rows, ...columns];
  const over = loops.filter((index) => places.some(([, { indices }]) => indices.includes(index)));
  const end = eliminate(ir, {
    equations: open,
    loops: loops.filter((index) => !over.includes(index)),
    value: send.body,
  });
  const conditions = end.equations.map((each) => equalityOf(ir, each));
  const values = new Map(
    over.map((index, k): [Index, Affine] => [index, affine.ofIndex(ir, listIndex(ir, k, index))]),
  );
  return {
    list: {
      over: over.map((index, k) => listIndex(ir, k, index)),
      labels: over.map((index) => labels.get(index) ?? index.name),
      rows: putIn(ir, new Map(rows), values),
    },
    fixed: putIn(ir, new Map(columns), values),
    loops: end.loops,
    body: substitute(ir, guarded(ir, [...end.guards, ...conditions], end.value), values),
  };
};

const scatter = (
  around: Around,
  definition: Definition,
  { loops, labels, target, known, fixed, body }: Send,
): Defined => {
  const { ir, element } = around;
  const placed = new Map([...known].filter(([j, place]) => fixed.has(j) || isElement(ir, place, element[j])));
  const free = freeOf(element, placed);
  const tensor = tensorOf(around, definition.tensor, fixed);
  const places = element.map((index, j) => placed.get(j) ?? affine.ofIndex(ir, index));
  const made = define(ir, {
    tensor,
    indices: [...loops, ...free],
    target: [...target, ...places.filter((_, j) => !fixed.has(j))],
    body: guarded(ir, conditionsOf(ir, element, known, placed), body),
    labels: [...loops.map((index) => labels.get(index) ?? index.name), ...free.map(({ name }) => name)],
  });
  return { part: { fixed, tensor }, definitions: [made] };
};

/** A list as an array over all rows and columns: its entries are added up there. */
export const spread = (
  around: Whole,
  of: Tensor,
  part: Part,
): { readonly part: Part; readonly definition: Definition } => {
  const { ir, element } = around;
  const own = ownIndices(ir, of);
  const { list = { over: [], labels: [], rows: new Map<number, Affine>() } } = part;
  const to = (index: Index, place: Affine | undefined): Affine =>
    place !== undefined && isElement(ir, place, index) ? place : affine.ofIndex(ir, index);
  const rows = own.map((index, d) => to(index, list.rows.get(d)));
  const columns = element.map((index, j) => to(index, part.fixed.get(j)));
  const all = [
    ...own.map((index, d) => [index, rows[d], list.rows.get(d)] as const),
    ...element.map((index, j) => [index, columns[j], part.fixed.get(j)] as const),
  ];
  const open = all.flatMap(([index, place]) => (affine.plainIndex(place) === index ? [index] : []));
  const conditions = all.flatMap(([index, place, known]) =>
    known === undefined || place === known ? [] : [equalityOf(ir, { target: index, value: known })],
  );
  const none: Fixed = new Map();
  const tensor = tensorOf(around, of, none);
  const definition = define(ir, {
    tensor,
    indices: [...list.over, ...open],
    target: [...rows, ...columns],
    body: guarded(ir, conditions, partAt(ir, element, part, at(ir, own))),
    labels: [...list.labels, ...open.map(({ name }) => name)],
  });
  return { part: { fixed: none, tensor }, definition };
};
