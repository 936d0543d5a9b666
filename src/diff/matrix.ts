/**
 * In: a program that has the parts of Jacobians and Hessians, simplified. Out: the same with each stored as its structure
 * allows: what is provably zero is left out, and low rank is kept as factors. One look at each part: it ends.
 */
import {
  affine, build, define, definitionOf, liveDefinitions, nextLabel, operandsOf, substitute, tensorsRead, type Affine, type Arena, type Definition,
  type Index, type Node, type Output, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import type { Matrix, Offset, Shared, Structure } from "../loop/matrix.ts";
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

const plainIndex = (a: Affine | undefined): Index | undefined => {
  const [term, ...others] = a?.terms ?? [];
  const [atom, ...factors] = term?.atoms ?? [];
  if (a?.constant !== 0 || others.length > 0 || factors.length > 0 || term?.coefficient !== 1)
    return undefined;
  return atom?.kind === "index" ? atom.index : undefined;
};

/** The deltas that pair a row index with a column index; others are conditions. */
const sharedBy = (own: readonly Index[], fixed: ReadonlyMap<number, Affine>): readonly Shared[] =>
  [...fixed].flatMap(([column, value]) => {
    const index = plainIndex(value);
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
  return lowRank(drawn) ?? banded(drawn) ?? entries(drawn);
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
  const { ir, draft, parts, own, element, common, shared, labels, namer } = drawn;
  const { name } = draft;
  const structure: Structure =
    shared.length === 0
      ? { kind: "dense", values: name }
      : isIdentity(drawn, shared)
        ? { kind: "diagonal", values: name }
        : { kind: "blockDiagonal", shared, values: name };
  const [only, ...others] = parts;
  if (only?.tensor !== undefined && others.length === 0 && only.fixed.size === common.size)
    return { structure, definitions: [], outputs: [output(only.tensor, name)] };
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
  return { structure, definitions: [definition], outputs: [output(definition.tensor, name)] };
};

// ---- bands

/** index + offset */
const offsetOf = (ir: Arena, own: readonly Index[], value: Affine): Offset | undefined => {
  for (const [row, index] of own.entries()) {
    const offset = affine.asConstant(affine.minus(ir, value, affine.ofIndex(ir, index)));
    if (offset !== undefined) return { row, offset };
  }
  return undefined;
};

/** Every part has one entry in a row, at a fixed distance. */
const banded = ({ ir, draft, parts, own, element, shared }: Drawn): Stored | undefined => {
  if (shared.length === element.length) return undefined;
  const bands = parts.flatMap(({ fixed, tensor }) => {
    const band = element.map((_, j) => {
      const value = fixed.get(j);
      return value && offsetOf(ir, own, value);
    });
    const offsets = band.filter((each) => each !== undefined);
    return tensor === undefined || offsets.length < element.length ? [] : [{ band: offsets, tensor }];
  });
  if (bands.length < parts.length) return undefined;
  const values = bands.map((_, k) => `${draft.name}_band${k + 1}`);
  return {
    structure: { kind: "banded", bands: bands.map(({ band }) => band), values },
    definitions: [],
    outputs: bands.map(({ tensor }, k) => output(tensor, values[k] ?? draft.name)),
  };
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
      const [row, column] = [plainIndex(value), element[j]];
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
  const inBlock = new Set([...common.values()].map(plainIndex));
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
