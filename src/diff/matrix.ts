/**
 * In: a program that has the parts of Jacobians and Hessians, simplified. Out: the same with each stored as its structure
 * allows: what is provably zero is left out, and low rank is kept as factors. One look at each part: it ends.
 */
import {
  affine, build, define, definitionOf, liveDefinitions, nextLabel, operandsOf, substitute, tensorsRead, type Affine, type Arena, type Definition,
  type Index, type Node, type Output, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Matrix, Place, Shared, Structure } from "../loop/matrix.ts";
import { createNamer, type Namer } from "./names.ts";
import {
  commonFixed, conditionsOf, ownIndices, partAt, sourceIndices, type Part,
} from "./structured.ts"; // prettier-ignore

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
  readonly structure: Structure;
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
  return lowRank(drawn) ?? sparse(drawn) ?? entries(drawn);
};

const labelsOf = (
  program: Program,
  { of, source }: Draft,
  parts: readonly Part[],
  shared: readonly Shared[],
): Drawn["labels"] => {
  const rows = of.shape.map((_, k) => {
    const known = [of, ...parts.map(({ tensor }) => tensor)].map(
      (tensor) => tensor && definitionOf(program, tensor)?.labels[k],
    );
    return known.find((label) => label !== undefined) ?? `i${k}`;
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
  const structure: Structure =
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

/** Parts at one place in each row: a block, and what stands on diagonals of it. */
interface Band {
  readonly fixed: ReadonlyMap<number, Affine>;
  readonly parts: readonly Part[];
  readonly at: readonly Place<string>[];
}

/** Parts that stand elsewhere in each row, and fill none of the blocks that all of them share. */
const sparse = (drawn: Drawn): Stored | undefined => {
  const { draft, parts, common } = drawn;
  if (parts.some(({ fixed }) => fixed.size === common.size)) return undefined;
  const blocks = blocksOf(parts);
  const bands = blocks.flatMap((block) => bandOf(drawn, block) ?? []);
  if (bands.length < blocks.length) return undefined;
  const half = draft.isSymmetric ? upperHalf(drawn, bands) : undefined;
  const kept = half ?? bands;
  if (!isWorthIt(drawn, kept)) return undefined;
  const values = kept.map((_, k) => `${draft.name}_values${kept.length === 1 ? "" : k + 1}`);
  const at = kept.map((band) => band.at);
  const totals = kept.map((band, k) => total(drawn, band.parts, band.fixed, values[k] ?? draft.name));
  return {
    structure: { kind: "sparse", isSymmetric: half !== undefined, at, values },
    definitions: totals.flatMap(({ definitions }) => definitions),
    outputs: totals.map(({ tensor }, k) => output(tensor, values[k] ?? draft.name)),
  };
};

/** Parts that have all the deltas of another one stand inside of that. */
const blocksOf = (parts: readonly Part[]): readonly (readonly [Part, ...Part[]])[] => {
  const isInside = (part: Part, other: Part): boolean =>
    part.fixed.size > other.fixed.size && [...other.fixed].every(([j, value]) => part.fixed.get(j) === value);
  const outer = (part: Part): Part => {
    const around = parts.find((other) => isInside(part, other));
    return around === undefined ? part : outer(around);
  };
  return parts
    .filter((part) => outer(part) === part)
    .map((block) => [block, ...parts.filter((part) => part !== block && outer(part) === block)]);
};

const bandOf = (drawn: Drawn, block: readonly [Part, ...Part[]]): Band | undefined => {
  const [{ fixed }] = block;
  const at = drawn.element.map((_, j): Place<string> | undefined => {
    const value = fixed.get(j);
    return value === undefined ? { kind: "free" } : placeOf(drawn, value);
  });
  const known = at.filter((place) => place !== undefined);
  return known.length === at.length ? { fixed, parts: block, at: known } : undefined;
};

/** Where the row says: an affine form in its indices with whole coefficients, or an int input that is read at some of them. */
const placeOf = ({ program, own }: Drawn, value: Affine): Place<string> | undefined => {
  const [term, ...others] = value.terms;
  const [atom, ...factors] = term?.atoms ?? [];
  const isAlone = value.constant === 0 && others.length + factors.length === 0 && term?.coefficient === 1;
  if (isAlone && atom?.kind === "data") {
    const { node } = atom;
    if (node.kind !== "read" || !program.inputs.includes(node.tensor)) return undefined;
    const rows = node.at.map((each) => own.findIndex((index) => index === affine.plainIndex(each)));
    return rows.includes(-1) ? undefined : { kind: "data", indices: node.tensor.name, rows };
  }
  const steps = own.map((index) => {
    const step = value.terms.find(
      ({ atoms: [first, ...more] }) => first?.kind === "index" && first.index === index && more.length === 0,
    );
    return step?.coefficient ?? 0;
  });
  const isWhole = value.terms.length === steps.filter((step) => step !== 0).length;
  return isWhole ? { kind: "row", offset: value.constant, steps } : undefined;
};

/** Positive for what is right of the diagonal in row-major order, zero on it; undefined for what is on no diagonal. */
const sideOf = (at: readonly Place<string>[]): number | undefined => {
  const offsets = at.map((place, j) => {
    if (place.kind === "free") return 0;
    const isOwn = place.kind === "row" && place.steps.every((step, k) => step === (k === j ? 1 : 0));
    return isOwn ? place.offset : undefined;
  });
  return offsets.includes(undefined) ? undefined : (offsets.find((offset) => offset !== 0) ?? 0);
};

const offsetOf = (place: Place<string> | undefined): number => (place?.kind === "row" ? place.offset : 0);

const firstToRight = (a: readonly Place<string>[], b: readonly Place<string>[]): number =>
  a.map((place, j) => offsetOf(place) - offsetOf(b[j])).find((difference) => difference !== 0) ?? 0;

const offsetsText = (at: readonly Place<string>[], sign: 1 | -1): string =>
  at.map((place) => (place.kind === "row" ? String(sign * place.offset + 0) : place.kind)).join();

/** What is below the diagonal stands above it too, and is not computed; undefined where that cannot be seen. */
const upperHalf = ({ draft }: Drawn, bands: readonly Band[]): readonly Band[] | undefined => {
  const isSquare = draft.of.shape.every((extent, k) => extent === draft.source.shape[k]);
  const upper = bands.filter(({ at }) => (sideOf(at) ?? 0) > 0);
  const lower = new Set(bands.filter(({ at }) => (sideOf(at) ?? 0) < 0).map(({ at }) => offsetsText(at, -1)));
  const isPaired = upper.length === lower.size && upper.every(({ at }) => lower.has(offsetsText(at, 1)));
  return isSquare && isPaired && bands.every(({ at }) => sideOf(at) !== undefined)
    ? bands.filter(({ at }) => (sideOf(at) ?? 0) >= 0).sort(({ at: a }, { at: b }) => firstToRight(a, b))
    : undefined;
};

/** Of constant size: less than half of the entries are stored. */
const isWorthIt = ({ draft }: Drawn, bands: readonly Band[]): boolean => {
  const rows = draft.of.shape;
  const stored = bands.map(({ at }) =>
    constantSize([...rows, ...draft.source.shape.filter((_, j) => at[j]?.kind === "free")]),
  );
  const all = constantSize([...rows, ...draft.source.shape]);
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
  if (isThin || parts.length > 2) return undefined;
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
