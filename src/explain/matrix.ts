/**
 * In: a program that stores Jacobians and Hessians by their structure. Out: the same with a definition for each that a reader
 * can take in: an index that rows and columns share stands in both, deltas inside of a block are written δ[c, d]. One look at
 * each stored part: it ends.
 */
import {
  affine, build, define, definitionOf, elementLabels, KEEP, liveDefinitions, mapNodes, nextLabel, substitute, type Affine, type Arena, type Definition, type Index,
  type Node, type Output, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { polynomialText, simplify } from "../simplify/index.ts";
import { withProportions } from "./proportion.ts";
import { treeText } from "./text.ts";
import { equationOf } from "./tree.ts";
import {
  isByRow,
  storedIn,
  type AffinePlace,
  type EntryList,
  type Matrix,
  type Place,
  type Shared,
  type Structure,
} from "../loop/matrix.ts";

export interface Readable {
  /** What the entries are made of, without what is only stored. */
  readonly program: Program;
  readonly matrices: readonly ReadableMatrix[];
}

export interface ReadableMatrix {
  readonly matrix: Matrix<Affine>;
  /** What stands between the brackets on the left: a shared index twice. */
  readonly places: readonly string[];
  /** None where all entries are zero; several where they stand at several places of a row. */
  readonly entries: readonly ReadableEntry[];
}

export interface ReadableEntry {
  /** Over the rows, or a list, and those dimensions that these do not determine. */
  readonly definition: Definition;
  readonly places: readonly string[];
}

export const readable = (ir: Arena, program: Program): Readable => {
  const matrices = (program.matrices ?? []).map((matrix) => readableMatrix(ir, program, matrix));
  const parts = new Set((program.matrices ?? []).flatMap(({ structure }) => storedIn(structure)));
  const shown = matrices.flatMap(({ entries }) => entries.map(({ definition }) => definition));
  const outputs = [
    ...program.outputs.filter(({ name }) => !parts.has(name)),
    ...shown.map(({ tensor }, k): Output => ({ name: `${tensor.name} ${k}`, tensor })),
  ];
  const definitions = liveDefinitions(
    [...program.definitions, ...shown],
    outputs.map(({ tensor }) => tensor),
  );
  const simple = simplify(ir, { ...program, definitions, outputs });
  const entryOf = (entry: ReadableEntry): ReadableEntry => ({
    ...entry,
    definition: definitionOf(simple, entry.definition.tensor) ?? entry.definition,
  });
  const entries = new Set(shown.map(({ tensor }) => tensor));
  const names = new Set(
    [...program.inputs, ...program.definitions.map(({ tensor }) => tensor)].map(({ name }) => name),
  );
  const formulas = simple.definitions.filter(({ tensor }) => entries.has(tensor));
  const proportional = withProportions(ir, simple, formulas, names);
  const written = new Map(proportional.definitions.map((each) => [each.tensor, each]));
  const said = matrices.map((each) => ({
    ...each,
    entries: each.entries.map(entryOf).map((entry) => ({
      ...entry,
      definition: written.get(entry.definition.tensor) ?? entry.definition,
    })),
  }));
  const others = simple.definitions.filter(({ tensor }) => !entries.has(tensor));
  return { program: { ...simple, definitions: [...others, ...proportional.shares] }, matrices: said };
};

const sharedBy = (matrix: Matrix<Affine>): readonly Shared[] => {
  const { structure, rows } = matrix;
  if (structure.kind === "diagonal") return rows.map((_, k) => ({ row: k, column: k }));
  return "shared" in structure ? structure.shared : [];
};

interface Places {
  readonly rows: readonly Index[];
  /** For each dimension of the columns: a row's index where it is shared. */
  readonly columns: readonly Index[];
  readonly free: readonly Index[];
}

const readableMatrix = (ir: Arena, program: Program, matrix: Matrix<Affine>): ReadableMatrix => {
  const shared = new Map(sharedBy(matrix).map(({ row, column }) => [column, row]));
  const rows = matrix.rows.map((extent, k) => ir.index(`i${k}`, extent));
  const own = matrix.columns.map((extent, j) => ir.index(`j${j}`, extent));
  const columns = own.map((index, j) => rows[shared.get(j) ?? -1] ?? index);
  const free = own.filter((_, j) => !shared.has(j));
  const labels = labelsOf(program, matrix, shared);
  const at = { rows, columns, free };
  const places = [...labels.rows, ...labels.columns];
  const entry = (body: Node, over: readonly Index[], stands: readonly string[]): ReadableEntry => {
    const indices = [...rows, ...over];
    const shape = indices.map((index) => index.extent);
    const tensor = ir.tensor({ name: matrix.name, shape, dtype: "float", role: "defined" });
    const columnLabels = labels.columns.filter((_, j) => over.some((index) => index === own[j]));
    const definition = define(ir, { tensor, indices, body, labels: [...labels.rows, ...columnLabels] });
    return { definition, places: stands };
  };
  const { structure } = matrix;
  if (structure.kind === "sparse") {
    const entries = structure.values.map((name, k) => {
      const list = structure.at[k];
      if (list === undefined) throw new Error(`${name} has no places`);
      return listEntry(ir, program, matrix, name, list);
    });
    return { matrix, places, entries };
  }
  const body = bodyOf(ir, program, structure, at);
  return { matrix, places, entries: body === undefined ? [] : [entry(body, free, places)] };
};

/** The entries of a list under the letters of their definition: of its indices, then of what is free. */
const listEntry = (
  ir: Arena,
  program: Program,
  matrix: Matrix<Affine>,
  name: string,
  list: EntryList<string, Affine>,
): ReadableEntry => {
  const isFree =
    (places: readonly Place<string, Affine>[]) =>
    (_: unknown, d: number): boolean =>
      places[d]?.kind === "free";
  const shape = [
    ...list.over,
    ...matrix.rows.filter(isFree(list.rows)),
    ...matrix.columns.filter(isFree(list.columns)),
  ];
  const indices = shape.map((extent, k) => ir.index(`i${k}`, extent));
  const known = letters(definitionOf(program, stored(program, name)));
  const distinct = distinctIn(new Set());
  const isOwn = isByRow(list, affine.asConstant);
  // a column is called as a row is, or by the letters after it
  const columns = matrix.columns.flatMap((_, j) =>
    list.columns[j]?.kind === "free" ? [(j < matrix.rows.length ? known[j] : undefined) ?? "j"] : [],
  );
  const first = indices.length - columns.length;
  const labels = indices.map((_, k) => distinct((isOwn ? columns[k - first] : undefined) ?? known[k] ?? "i"));
  let next = list.over.length;
  const places = [...list.rows, ...list.columns].map((place) =>
    place.kind === "free" ? (labels[next++] ?? "") : placeText(place, labels),
  );
  const tensor = ir.tensor({ name: matrix.name, shape, dtype: "float", role: "defined" });
  const body = element(ir, program, name, indices);
  return { definition: define(ir, { tensor, indices, body, labels }), places };
};

/** `i + 1`, `cam[k]`. */
const placeText = (
  place: Exclude<Place<string, Affine>, { readonly kind: "free" }>,
  labels: readonly string[],
): string =>
  place.kind === "affine"
    ? affineText(place, labels)
    : `${place.indices}[${place.at.map((each) => affineText(each, labels)).join(", ")}]`;

const affineText = ({ offset, steps }: AffinePlace<Affine>, labels: readonly string[]): string => {
  const terms = steps.flatMap((step, k): [number, string][] => {
    const [constant, label] = [affine.asConstant(step), labels[k] ?? ""];
    if (constant === 0) return [];
    if (constant === undefined) return [[1, `${polynomialText(step)}·${label}`]];
    return [[constant, Math.abs(constant) === 1 ? label : `${Math.abs(constant)}·${label}`]];
  });
  const known = affine.asConstant(offset);
  const sign = (known ?? 1) < 0 ? -1 : 1;
  if (known === undefined) {
    // N - 1 - i
    const isFirst = terms.every(([value]) => value < 0);
    terms[isFirst ? "unshift" : "push"]([1, polynomialText(offset)]);
  } else if (known !== 0 || terms.length === 0) terms.push([sign, String(Math.abs(known))]);
  return terms
    .map(([value, text], k) =>
      k === 0 ? (value < 0 ? `-${text}` : text) : `${value < 0 ? "-" : "+"} ${text}`,
    )
    .join(" ");
};

const stored = (program: Program, name: string): Tensor => {
  const tensor = program.outputs.find((each) => each.name === name)?.tensor;
  if (tensor === undefined) throw new Error(`${program.name} has no output ${name}`);
  return tensor;
};

const letters = (definition: Definition | undefined): readonly (string | undefined)[] =>
  definition === undefined ? [] : elementLabels(definition);

/** Names that are not used yet: the letters after one that is. */
const distinctIn = (used: Set<string>): ((name: string) => string) => {
  const distinct = (name: string): string => {
    if (used.has(name)) return distinct(nextLabel(name));
    used.add(name);
    return name;
  };
  return distinct;
};

/** The letters of the definitions of what is stored. */
const labelsOf = (
  program: Program,
  { rows, columns, structure }: Matrix<Affine>,
  shared: ReadonlyMap<number, number>,
): { readonly rows: readonly string[]; readonly columns: readonly string[] } => {
  const [first] = storedIn(structure);
  const known = first === undefined ? [] : letters(definitionOf(program, stored(program, first)));
  const distinct = distinctIn(new Set());
  const own = rows.map((_, k) => distinct(known[k] ?? "i"));
  return { rows: own, columns: columns.map((_, j) => own[shared.get(j) ?? -1] ?? distinct(own[j] ?? "j")) };
};

/** An element of what is stored: its formula, where that is one. */
const element = (ir: Arena, program: Program, name: string, at: readonly Index[]): Node => {
  const tensor = stored(program, name);
  const places = at.map((index) => affine.ofIndex(ir, index));
  const definition = definitionOf(program, tensor);
  const isFormula = definition?.reduction === undefined && definition?.target === undefined;
  if (definition === undefined || !isFormula) return build.read(ir, tensor, places);
  const names = definition.indices.map((index, k): [Index, Affine] => [
    index,
    places[k] ?? affine.ofIndex(ir, index),
  ]);
  return withDeltas(ir, substitute(ir, definition.body, new Map(names)));
};

const bodyOf = (
  ir: Arena,
  program: Program,
  structure: Exclude<Structure<Affine>, { readonly kind: "sparse" }>,
  at: Places,
): Node | undefined => {
  const value = (name: string, indices: readonly Index[]): Node => element(ir, program, name, indices);
  switch (structure.kind) {
    case "zero":
      return undefined;
    case "diagonal":
      return value(structure.values, at.rows);
    case "blockDiagonal":
    case "dense":
      return value(structure.values, [...at.rows, ...at.free]);
    case "lowRank":
    case "diagonalPlusLowRank": {
      const products = structure.left.map((left, k) =>
        build.multiply(ir, value(left, at.rows), value(structure.right[k] ?? left, at.columns)),
      );
      if (structure.kind === "lowRank") return build.sum(ir, products);
      const deltas = at.rows.flatMap((row, k): Node[] => {
        const column = at.columns[k];
        return column === undefined || column === row ? [] : [delta(ir, row, column)];
      });
      return build.sum(ir, [build.product(ir, [...deltas, value(structure.diagonal, at.rows)]), ...products]);
    }
  }
};

const delta = (ir: Arena, a: Index, b: Index): Node =>
  build.delta(ir, affine.ofIndex(ir, a), affine.ofIndex(ir, b));

/** [c = d] · a between two indices is δ[c, d] · a. */
const withDeltas = (ir: Arena, root: Node): Node => {
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind !== "guard") return rebuilt;
    const tests = rebuilt.test.kind === "and" ? rebuilt.test.args : [rebuilt.test];
    const deltas = tests.map((test) => deltaOf(ir, test));
    const left = tests.filter((_, k) => deltas[k] === undefined);
    const factors = deltas.filter((each) => each !== undefined);
    return build.product(ir, [...factors, build.guard(ir, build.and(ir, left), rebuilt.a)]);
  };
  return mapNodes(ir, [root], { ...KEEP, node })[0] ?? root;
};

const deltaOf = (ir: Arena, test: Node): Node | undefined => {
  if (test.kind !== "iszero" || test.value.constant !== 0 || test.value.terms.length !== 2) return undefined;
  const [a, b] = test.value.terms.map(({ coefficient, atoms }) => {
    const [atom, ...others] = atoms;
    return atom?.kind === "index" && others.length === 0 ? { index: atom.index, coefficient } : undefined;
  });
  return a === undefined || b === undefined || a.coefficient + b.coefficient !== 0 || a.coefficient ** 2 !== 1
    ? undefined
    : delta(ir, a.index, b.index);
};

const COUNT: readonly string[] = ["none", "one", "two", "three", "four"];

/** What it is called: `block-diagonal (one block per n), in each a diagonal plus rank one`. */
export const structureText = ({ matrix, places, entries }: ReadableMatrix): string => {
  const { structure, isConstant } = matrix;
  const constant = isConstant && structure.kind !== "zero" ? "constant, " : "";
  const shared = sharedBy(matrix).map(({ row }) => places[row] ?? "");
  const blocks = `block-diagonal (one block per ${[...new Set(shared)].join(", ")})`;
  const inBlocks = (text: string): string => (shared.length === 0 ? text : `${blocks}, in each ${text}`);
  switch (structure.kind) {
    case "zero":
    case "diagonal":
      return constant + structure.kind;
    case "dense":
      return `${constant}${structure.isSymmetric ? "symmetric, " : ""}dense${conditionText(matrix, entries)}`;
    case "blockDiagonal":
      return `${constant}${structure.isSymmetric ? "symmetric, " : ""}${blocks}`;
    case "sparse": {
      return `${constant}${structure.isSymmetric ? "symmetric, " : ""}sparse (${listsText(matrix, structure.at, entries)})`;
    }
    case "lowRank":
      return constant + inBlocks(`rank ${rankText(structure.left.length)}`);
    case "diagonalPlusLowRank":
      return constant + inBlocks(`diagonal plus rank ${rankText(structure.left.length)}`);
  }
};

/** Where all entries are stored although many are zero, since what says so is not a place in each row: when they are not. */
const conditionText = ({ rows }: Matrix<Affine>, entries: readonly ReadableEntry[]): string => {
  const [definition] = entries.map((entry) => entry.definition);
  if (definition?.body.kind !== "guard") return "";
  const { test } = definition.body;
  const own = definition.indices.slice(0, rows.length);
  const isBetween = (each: Node): boolean =>
    each.kind !== "not" &&
    own.some((index) => each.indices.includes(index)) &&
    each.indices.some((index) => !own.includes(index));
  const tests = (test.kind === "and" ? test.args : [test]).filter(isBetween);
  const texts = tests.map((body) => {
    const { right, where } = equationOf({ ...definition, reduction: undefined, body });
    return where.length === 0 ? [treeText(right)] : [];
  });
  return tests.length === 0 ? "" : ` (zero unless ${texts.flat().join(" and ")})`;
};

/** `in each row [i], [i + 1]; for each k [head[k], tail[k]]` */
const listsText = (
  { rows }: Matrix<Affine>,
  lists: readonly EntryList<string, Affine>[],
  entries: readonly ReadableEntry[],
): string => {
  const groups = new Map<string, string[]>();
  lists.forEach((list, k) => {
    const { definition, places } = entries[k] ?? { definition: undefined, places: [] };
    const own = isByRow(list, affine.asConstant);
    const over = definition?.labels.slice(0, list.over.length).join(", ") ?? "";
    const group = own ? "in each row" : over === "" ? "at" : `for each ${over}`;
    const place = `[${places.slice(own ? rows.length : 0).join(", ")}]`;
    groups.set(group, [...(groups.get(group) ?? []), place]);
  });
  return [...groups].map(([group, places]) => `${group} ${places.join(", ")}`).join("; ");
};

const rankText = (rank: number): string => COUNT[rank] ?? String(rank);
