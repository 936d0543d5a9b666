/**
 * In: a program that has the parts of Jacobians and Hessians, simplified. Out: the same with each stored as its structure
 * allows: what is provably zero is left out, and low rank is kept as factors. One look at each part: it ends.
 */
import {
  affine, build, define, definitionOf, elementLabels, liveDefinitions, nextLabel, operandsOf, substitute, tensorsRead, type Affine, type Arena, type Definition,
  type Index, type Node, type Output, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { AffinePlace, EntryList, Matrix, Place, Shared, Structure } from "../loop/matrix.ts";
import { letterAt, substituteIn } from "./gather.ts";
import { createNamer, type Namer } from "./names.ts";
import {
  commonFixed,
  conditionsOf,
  ownIndices,
  partAt,
  sourceIndices,
  type Part,
} from "./structure/parts.ts";
import { spread } from "./structure/scattered.ts";

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

/** More terms than this are not kept as factors. */
const HIGHEST_RANK = 4;

interface Stored {
  readonly structure: Structure<Affine>;
  readonly definitions: readonly Definition[];
  readonly outputs: readonly Output[];
}

export const store = (
  ir: Arena,
  program: Program,
  drafts: readonly Draft[],
  others: readonly Output[],
): Program => {
  const namer = createNamer(program);
  const stored = drafts.map((draft) => ({ draft, ...storedAs(ir, program, draft, namer) }));
  const outputs = [...others, ...stored.flatMap((each) => each.outputs)];
  const definitions = [...program.definitions, ...stored.flatMap((each) => each.definitions)];
  const matrices = stored.map(({ draft, structure }): Matrix<Affine> => ({
    name: draft.name,
    rows: draft.of.shape,
    columns: draft.source.shape,
    isConstant: isConstant(program, draft),
    structure,
  }));
  const live = liveDefinitions(
    definitions,
    outputs.map(({ tensor }) => tensor),
  );
  return { ...program, outputs, definitions: live, matrices };
};

/** Parts that simplification did not find to be zero. */
const partsThere = (program: Program, parts: readonly Part[]): readonly Part[] =>
  parts.filter(({ tensor }) => {
    const body = tensor && definitionOf(program, tensor)?.body;
    return body?.kind !== "zero" && !(body?.kind === "constant" && body.value === 0);
  });

/** Whether no entry depends on what is differentiated by. */
const isConstant = (program: Program, { moving: inputs, parts }: Draft): boolean => {
  const moving = new Set(inputs);
  // definitions may read later ones: until nothing is added
  for (let size = -1; size < moving.size;) {
    size = moving.size;
    for (const definition of program.definitions)
      if (tensorsRead(definition).some((read) => moving.has(read))) moving.add(definition.tensor);
  }
  return parts.every(({ tensor }) => tensor === undefined || !moving.has(tensor));
};

/** The deltas that pair a row index with a column index; others are conditions. */
const sharedBy = (own: readonly Index[], fixed: ReadonlyMap<number, Affine>): readonly Shared[] =>
  [...fixed].flatMap(([column, value]) => {
    const index = affine.plainIndex(value);
    const row = index === undefined ? -1 : own.indexOf(index);
    return row < 0 ? [] : [{ row, column }];
  });

interface Drawn {
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

const storedAs = (ir: Arena, program: Program, draft: Draft, namer: Namer): Stored => {
  const parts = partsThere(program, draft.parts);
  if (parts.length === 0) return { structure: { kind: "zero" }, definitions: [], outputs: [] };
  const own = ownIndices(ir, draft.of);
  const all = commonFixed(parts);
  const shared = sharedBy(own, all);
  const common = new Map([...all].filter(([j]) => shared.some(({ column }) => column === j)));
  const element = sourceIndices(ir, draft.source);
  const labels = labelsOf(program, draft, parts, shared);
  const drawn: Drawn = { ir, program, draft, parts, own, element, common, shared, labels, namer };
  return lowRank(drawn) ?? sparse(drawn) ?? full(drawn);
};

/** Without lists: each is added up to an array over all rows and columns. */
const full = (drawn: Drawn): Stored => {
  const { ir, draft, element, namer } = drawn;
  const made: Definition[] = [];
  const parts = drawn.parts.map((part): Part => {
    if (part.list === undefined) return part;
    const whole = spread({ ir, element, namer }, draft.of, part);
    made.push(whole.definition);
    return whole.part;
  });
  const stored = entries({ ...drawn, parts });
  return { ...stored, definitions: [...made, ...stored.definitions] };
};

const labelsOf = (
  program: Program,
  { of, source }: Draft,
  parts: readonly Part[],
  shared: readonly Shared[],
): Drawn["labels"] => {
  const rows = of.shape.map((_, k) => {
    const byElement = parts.filter(({ list }) => list === undefined);
    const known = [of, ...byElement.map(({ tensor }) => tensor)].map((tensor) => {
      const definition = tensor && definitionOf(program, tensor);
      return definition && elementLabels(definition)[k];
    });
    return known.find((label) => label !== undefined) ?? letterAt(k);
  });
  const used = new Set(rows);
  const distinct = (name: string): string => {
    if (used.has(name)) return distinct(nextLabel(name));
    used.add(name);
    return name;
  };
  const columns = source.shape.map((_, j) => {
    const row = shared.find(({ column }) => column === j)?.row;
    return (row === undefined ? undefined : rows[row]) ?? distinct(rows[j] ?? "j");
  });
  return { rows, columns };
};

const isIdentity = ({ own, element, draft }: Drawn, shared: readonly Shared[]): boolean =>
  own.length === element.length &&
  shared.length === own.length &&
  shared.every(({ row, column }) => row === column) &&
  draft.of.shape.every((extent, k) => extent === draft.source.shape[k]);

const output = (tensor: Tensor, name: string): Output => ({ name, tensor });

/** All entries that may not be zero, as one tensor: those of a single part are that part's. */
const entries = (drawn: Drawn): Stored => {
  const { parts, common, shared } = drawn;
  const { name } = drawn.draft;
  const isPaired = shared.length < drawn.own.length && shared.every(({ row, column }) => row === column);
  const isSymmetric = drawn.draft.isSymmetric && isPaired;
  const structure: Structure<Affine> =
    shared.length === 0
      ? { kind: "dense", isSymmetric, values: name }
      : isIdentity(drawn, shared)
        ? { kind: "diagonal", values: name }
        : { kind: "blockDiagonal", isSymmetric, shared, values: name };
  const { tensor, definitions } = total(drawn, parts, common, name);
  return { structure, definitions, outputs: [output(tensor, name)] };
};

interface Total {
  readonly tensor: Tensor;
  readonly definitions: readonly Definition[];
}

/** Parts as one tensor, over the rows and those dimensions of the columns that `common`, deltas of all parts, leaves. */
const total = (
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

// ---- sparse

/** Parts at one place for each index of a list, or in each row: a block, and what stands on diagonals of it. */
interface Band {
  readonly over: readonly Index[];
  /** Of rows and columns: places that are known. */
  readonly rows: ReadonlyMap<number, Affine>;
  readonly columns: ReadonlyMap<number, Affine>;
  readonly parts: readonly [Part, ...Part[]];
}

/** Parts that stand elsewhere in each row or are lists, and fill none of the blocks that all of them share. */
const sparse = (drawn: Drawn): Stored | undefined => {
  const { ir, draft, parts, common } = drawn;
  const isFull = ({ list, fixed }: Part): boolean => list === undefined && fixed.size === common.size;
  if (parts.some(isFull)) return undefined;
  const bands = blocksOf(parts).map((block) => bandOf(drawn, block));
  const half = draft.isSymmetric ? halfOf(ir, draft, bands) : undefined;
  const kept = half?.map(({ band }) => band) ?? bands;
  const at = kept.map((band, k) => listOf(drawn, band, half?.[k]?.isMirrored === true));
  const known = at.filter((list) => list !== undefined);
  if (known.length < at.length || !isWorthIt(drawn, kept)) return undefined;
  const values = kept.map((_, k) => `${draft.name}_values${kept.length === 1 ? "" : k + 1}`);
  const totals = kept.map(({ parts: [first, ...others] }, k) =>
    first.list === undefined || first.tensor === undefined
      ? total(drawn, [first, ...others], first.fixed, values[k] ?? draft.name)
      : { tensor: first.tensor, definitions: [] },
  );
  return {
    structure: { kind: "sparse", isSymmetric: half !== undefined, at: known, values },
    definitions: totals.flatMap(({ definitions }) => definitions),
    outputs: totals.map(({ tensor }, k) => output(tensor, values[k] ?? draft.name)),
  };
};

/** Parts that have all the deltas of another one stand inside of that. */
const blocksOf = (parts: readonly Part[]): readonly (readonly [Part, ...Part[]])[] => {
  const isInside = (part: Part, other: Part): boolean =>
    part.list === undefined &&
    other.list === undefined &&
    part.fixed.size > other.fixed.size &&
    [...other.fixed].every(([j, value]) => part.fixed.get(j) === value);
  const outer = (part: Part): Part => {
    const around = parts.find((other) => isInside(part, other));
    return around === undefined ? part : outer(around);
  };
  return parts
    .filter((part) => outer(part) === part)
    .map((block) => [block, ...parts.filter((part) => part !== block && outer(part) === block)]);
};

const bandOf = ({ ir, own }: Drawn, parts: readonly [Part, ...Part[]]): Band => {
  const [{ list, fixed: columns }] = parts;
  if (list !== undefined) return { over: list.over, rows: list.rows, columns, parts };
  const rows = own.map((index, d): [number, Affine] => [d, affine.ofIndex(ir, index)]);
  return { over: own, rows: new Map(rows), columns, parts };
};

const listOf = (drawn: Drawn, band: Band, isMirrored: boolean): EntryList<string, Affine> | undefined => {
  const { own, element } = drawn;
  const { over } = band;
  const places = (side: readonly Index[], at: Band["rows"]): readonly Place<string, Affine>[] | undefined => {
    const found = side.map((_, d) => {
      const value = at.get(d);
      return value === undefined ? ({ kind: "free" } as const) : placeOf(drawn, over, value);
    });
    const known = found.filter((place) => place !== undefined);
    return known.length === found.length ? known : undefined;
  };
  const [rows, columns] = [places(own, band.rows), places(element, band.columns)];
  if (rows === undefined || columns === undefined) return undefined;
  return { over: over.map(({ extent }) => extent), rows, columns, isMirrored };
};

/** Where the index of a list says: an affine form in it, or an int input that is read at such forms. */
const placeOf = (
  { ir, program }: Drawn,
  over: readonly Index[],
  value: Affine,
): Place<string, Affine> | undefined => {
  const plain = affinePlace(ir, over, value);
  if (plain !== undefined) return { kind: "affine", ...plain };
  const [node, ...others] = affine.dataOf(value);
  if (node?.kind !== "read" || others.length > 0 || value !== affine.ofData(ir, node)) return undefined;
  if (!program.inputs.includes(node.tensor)) return undefined;
  const found = node.at.map((each) => affinePlace(ir, over, each));
  const at = found.filter((each) => each !== undefined);
  const { name: indices, shape } = node.tensor;
  return at.length < found.length ? undefined : { kind: "data", indices, shape, at };
};

/** offset + Σ steps · index, where these are known before the data are. */
const affinePlace = (ir: Arena, over: readonly Index[], value: Affine): AffinePlace<Affine> | undefined => {
  let offset = value;
  const steps: Affine[] = [];
  for (const index of over) {
    const split = affine.linearIn(ir, offset, index);
    if (split === undefined) return undefined;
    steps.push(split.coefficient);
    offset = split.rest;
  }
  const isKnown = [offset, ...steps].every(
    (each) => each.indices.length === 0 && affine.dataOf(each).length === 0,
  );
  return isKnown ? { offset, steps } : undefined;
};

// ---- symmetry

/** A band without what only says that all of a dimension is there; in the form in which it equals its transposed counterpart. */
type Frame = Pick<Band, "over" | "rows" | "columns">;

interface Half {
  readonly band: Band;
  readonly isMirrored: boolean;
}

/**
 * Of each two bands of which one is where the other is transposed, one: of the second derivatives by two reads, in either order,
 * which are equal, one is in each. Undefined where a band has no counterpart.
 */
const halfOf = (ir: Arena, { of, source }: Draft, bands: readonly Band[]): readonly Half[] | undefined => {
  if (!of.shape.every((extent, k) => extent === source.shape[k])) return undefined;
  const frames = bands.map((band) => ({ band, frame: framed(ir, of, band) }));
  const keyed = frames.map(({ band, frame }) => ({
    band,
    key: keyOf(ir, frame),
    counterpart: keyOf(ir, framed(ir, of, { over: frame.over, rows: frame.columns, columns: frame.rows })),
    offsets: offsetsOf(ir, frame),
  }));
  const isPaired = keyed.every(
    ({ counterpart }) => keyed.filter(({ key }) => key === counterpart).length === 1,
  );
  if (!isPaired) return undefined;
  const kept = keyed.filter(({ counterpart, offsets }, k) => {
    const other = keyed.findIndex((each) => each.key === counterpart);
    const side = sideOf(offsets);
    return other === k || (side === 0 ? k < other : side > 0);
  });
  return kept
    .sort(({ offsets: a }, { offsets: b }) =>
      sideOf(a?.map((offset, j) => affine.minus(ir, offset, b?.[j] ?? offset))),
    )
    .map(({ band, key, counterpart }) => ({ band, isMirrored: key !== counterpart }));
};

/** Indices that are one dimension and nothing else are free in it; those of the list are where the rows are, if they can be. */
const framed = (ir: Arena, { shape }: Tensor, { over, rows, columns }: Frame): Frame => {
  const all = [...rows.values(), ...columns.values()];
  const alone = over.filter((index) => all.filter(({ indices }) => indices.includes(index)).length === 1);
  const others = (places: Band["rows"]): Band["rows"] =>
    new Map(
      [...places].filter(([d, place]) => {
        const index = affine.plainIndex(place);
        return index === undefined || index.extent !== shape[d] || !alone.includes(index);
      }),
    );
  const [fewer, right] = [others(rows), others(columns)];
  const left = over.filter((index) =>
    [...fewer.values(), ...right.values()].some(({ indices }) => indices.includes(index)),
  );
  const byRow = solved(ir, shape, left, fewer);
  const put = (places: Band["rows"]): Band["rows"] =>
    new Map(
      [...places].map(([d, place]) => [d, byRow === undefined ? place : substituteIn(ir, place, byRow)]),
    );
  return {
    over:
      byRow === undefined
        ? left
        : [...fewer.keys()].map((d) => ir.index(`r${d}`, shape[d] ?? affine.fixed(ir, 1))),
    rows: put(fewer),
    columns: put(right),
  };
};

/** The indices of a list by those of the rows: r = ±k + offset, of the same extent, for each of them once. */
const solved = (
  ir: Arena,
  shape: readonly Affine[],
  over: readonly Index[],
  rows: Band["rows"],
): ReadonlyMap<Index, Affine> | undefined => {
  const found = [...rows].flatMap(([d, place]): [Index, Affine][] => {
    const [index, ...others] = place.indices;
    const split = index === undefined || others.length > 0 ? undefined : affine.linearIn(ir, place, index);
    const sign = split && affine.asConstant(split.coefficient);
    if (
      index === undefined ||
      index.extent !== shape[d] ||
      (sign !== 1 && sign !== -1) ||
      split === undefined
    )
      return [];
    const row = affine.ofIndex(ir, ir.index(`r${d}`, index.extent));
    return [[index, affine.scale(ir, affine.minus(ir, row, split.rest), sign)]];
  });
  const values = new Map(found);
  return values.size === over.length && found.length === rows.size && over.every((index) => values.has(index))
    ? values
    : undefined;
};

/** The same for frames that differ in the names and the order of the indices of the list. */
const keyOf = (ir: Arena, { over, rows, columns }: Frame): string => {
  const keys = permutationsOf(over).map((order) => {
    const names = new Map(
      order.map((index, k): [Index, Affine] => [index, affine.ofIndex(ir, ir.index(`k${k}`, index.extent))]),
    );
    const text = (places: Band["rows"]): string =>
      [...places]
        .sort(([a], [b]) => a - b)
        .map(([d, place]) => `${d}:${substituteIn(ir, place, names).id}`)
        .join();
    return `${order.map(({ extent }) => extent.id).join()};${text(rows)};${text(columns)}`;
  });
  return keys.sort()[0] ?? "";
};

/** All orders of few; of more than that the one that they have. */
const permutationsOf = <T>(items: readonly T[]): readonly (readonly T[])[] =>
  items.length < 2 || items.length > 4
    ? [items]
    : items.flatMap((item) =>
        permutationsOf(items.filter((each) => each !== item)).map((rest) => [item, ...rest]),
      );

/** How far from its row a column is in each dimension; undefined for what is on no diagonal. */
const offsetsOf = (ir: Arena, { over, rows, columns }: Frame): readonly Affine[] | undefined => {
  const offsets = [...rows].map(([d, row]) => {
    const column = columns.get(d);
    const offset = column && affine.minus(ir, column, row);
    return offset?.indices.length === 0 ? offset : undefined;
  });
  const known = offsets.filter((offset) => offset !== undefined);
  const isDiagonal =
    known.length === offsets.length && columns.size === rows.size && over.length === rows.size;
  return isDiagonal ? known : undefined;
};

/** Positive for what is right of the diagonal in row-major order, zero on it and for what is on no diagonal. */
const sideOf = (offsets: readonly Affine[] = []): number => {
  const [offset] = offsets.filter(({ constant, terms }) => constant !== 0 || terms.length > 0);
  return offset?.terms[0]?.coefficient ?? offset?.constant ?? 0;
};

/** Of constant size: less than half of the entries are stored. */
const isWorthIt = ({ draft }: Drawn, bands: readonly Band[]): boolean => {
  const [rows, columns] = [draft.of.shape, draft.source.shape];
  const stored = bands.map((band) =>
    constantSize([
      ...band.over.map(({ extent }) => extent),
      ...rows.filter((_, d) => !band.rows.has(d)),
      ...columns.filter((_, j) => !band.columns.has(j)),
    ]),
  );
  const all = constantSize([...rows, ...columns]);
  if (all === undefined) return true;
  return 2 * stored.reduce((sum: number, size) => sum + (size ?? Infinity), 0) < all;
};

const constantSize = (shape: readonly Affine[]): number | undefined => {
  const extents = shape.map(affine.asConstant).filter((extent) => extent !== undefined);
  return extents.length < shape.length ? undefined : extents.reduce((size, extent) => size * extent, 1);
};

// ---- low rank

/** left(row)·right(column), each a product. */
interface Outer {
  readonly left: readonly Node[];
  readonly right: readonly Node[];
}

interface Factors {
  readonly left: Node;
  readonly right: Node;
}

/** a·rᵀ + b·rᵀ = (a + b)·rᵀ, and the same on the left. */
const met = (ir: Arena, products: readonly Outer[]): readonly Factors[] => {
  const factors = products.map(({ left, right }) => ({
    left: build.product(ir, left),
    right: build.product(ir, right),
  }));
  const byRight = totals(ir, factors, "right", "left").map(([right, left]) => ({ left, right }));
  return totals(ir, byRight, "left", "right").map(([left, right]) => ({ left, right }));
};

/** For each value of one side, the sum of the others. */
const totals = (
  ir: Arena,
  factors: readonly Factors[],
  by: keyof Factors,
  of: keyof Factors,
): readonly (readonly [Node, Node])[] => {
  const sums = new Map<Node, Node>();
  for (const each of factors) {
    const known = sums.get(each[by]);
    sums.set(each[by], known === undefined ? each[of] : build.add(ir, known, each[of]));
  }
  return [...sums];
};

/** One part on the diagonal at most, and one that is a sum of few outer products. */
const lowRank = (drawn: Drawn): Stored | undefined => {
  const { parts, element, common, own, shared } = drawn;
  // a block of one row or one column is not worth two factors
  const isThin = common.size === element.length || new Set(shared.map(({ row }) => row)).size === own.length;
  if (isThin || parts.length > 2 || parts.some(({ list }) => list !== undefined)) return undefined;
  const rest = parts.find(({ fixed }) => fixed.size === common.size);
  const diagonal = parts.find((part) => part !== rest);
  if (rest?.tensor === undefined) return undefined;
  if (diagonal !== undefined && !isIdentity(drawn, sharedBy(own, diagonal.fixed))) return undefined;
  const products = outerProducts(drawn, rest.tensor);
  return products && storedAsFactors(drawn, diagonal?.tensor, met(drawn.ir, products));
};

const storedAsFactors = (drawn: Drawn, diagonal: Tensor | undefined, outer: readonly Factors[]): Stored => {
  const { draft, shared } = drawn;
  const names = (side: string): readonly string[] =>
    outer.map((_, k) => `${draft.name}_${side}${outer.length === 1 ? "" : k + 1}`);
  const [left, right] = [names("left"), names("right")];
  const factors = outer.flatMap((each, k) => [
    factorOf(drawn, "rows", left[k] ?? draft.name, each.left),
    factorOf(drawn, "columns", right[k] ?? draft.name, each.right),
  ]);
  const name = `${draft.name}_diagonal`;
  return {
    structure:
      diagonal === undefined
        ? { kind: "lowRank", shared, left, right }
        : { kind: "diagonalPlusLowRank", shared, diagonal: name, left, right },
    definitions: factors.map(({ definition }) => definition),
    outputs: [
      ...(diagonal === undefined ? [] : [output(diagonal, name)]),
      ...factors.map(({ definition, as }) => output(definition.tensor, as)),
    ],
  };
};

const factorOf = (
  { ir, draft, own, element, common, labels, namer }: Drawn,
  side: "rows" | "columns",
  as: string,
  factor: Node,
): { definition: Definition; as: string } => {
  const { shape } = side === "rows" ? draft.of : draft.source;
  const indices = side === "rows" ? own : element;
  // what the block fixes are row indices: a column knows them by its own
  const places = new Map(
    [...common].flatMap(([j, value]): [Index, Affine][] => {
      const [row, column] = [affine.plainIndex(value), element[j]];
      return row === undefined || column === undefined ? [] : [[row, affine.ofIndex(ir, column)]];
    }),
  );
  const body = side === "rows" ? factor : substitute(ir, factor, places);
  const tensor = ir.tensor({ name: namer(as), shape, dtype: "float", role: "defined" });
  return { definition: define(ir, { tensor, indices, body, labels: labels[side] }), as };
};

/** The entries of a part as a sum of outer products; undefined where they are not, or are too many. */
const outerProducts = (drawn: Drawn, tensor: Tensor): readonly Outer[] | undefined => {
  const { ir, program, own, element, common } = drawn;
  const definition = definitionOf(program, tensor);
  if (definition === undefined || !isPointwise(definition)) return undefined;
  const free = element.filter((_, j) => !common.has(j));
  const names = [...own, ...free].map((index) => affine.ofIndex(ir, index));
  const body = bodyAt(ir, definition, names);
  const inBlock = new Set([...common.values()].map(affine.plainIndex));
  const around: Sides = {
    ir,
    program,
    isLeft: (node) => node.indices.every((index) => own.includes(index)),
    isRight: (node) => node.indices.every((index) => free.includes(index) || inBlock.has(index)),
  };
  return outer(around, body, 8);
};

interface Sides {
  readonly ir: Arena;
  readonly program: Program;
  readonly isLeft: (node: Node) => boolean;
  readonly isRight: (node: Node) => boolean;
}

const isPointwise = (definition: Definition): boolean =>
  definition.reduction === undefined &&
  definition.target === undefined &&
  !tensorsRead(definition).includes(definition.tensor);

const bodyAt = (ir: Arena, definition: Definition, at: readonly Affine[]): Node =>
  substitute(
    ir,
    definition.body,
    new Map(
      definition.indices.map((index, k): [Index, Affine] => [index, at[k] ?? affine.ofIndex(ir, index)]),
    ),
  );

const outer = (around: Sides, node: Node, depth: number): readonly Outer[] | undefined => {
  if (around.isLeft(node)) return [{ left: [node], right: [] }];
  if (around.isRight(node)) return [{ left: [], right: [node] }];
  if (depth === 0) return undefined;
  if (node.kind === "sum") {
    const terms = operandsOf(node).map((term) => outer(around, term, depth - 1));
    return terms.every((term) => term !== undefined) ? bounded(terms.flat()) : undefined;
  }
  if (node.kind === "product") {
    let products: readonly Outer[] = [{ left: [], right: [] }];
    for (const factor of node.args) {
      const terms = outer(around, factor, depth - 1);
      if (terms === undefined) return undefined;
      products = products.flatMap((a) =>
        terms.map((b) => ({ left: [...a.left, ...b.left], right: [...a.right, ...b.right] })),
      );
      if (products.length > HIGHEST_RANK) return undefined;
    }
    return products;
  }
  const inner = node.kind === "read" ? definitionOf(around.program, node.tensor) : undefined;
  if (node.kind !== "read" || inner === undefined || !isPointwise(inner)) return undefined;
  return outer(around, bodyAt(around.ir, inner, node.at), depth - 1);
};

const bounded = (terms: readonly Outer[]): readonly Outer[] | undefined =>
  terms.length > HIGHEST_RANK ? undefined : terms;
