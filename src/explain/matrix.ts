/**
 * In: a program that stores Jacobians and Hessians by their structure. Out: the same with a definition for each that a reader
 * can take in: an index that rows and columns share stands in both, deltas inside of a block are written δ[c, d]. One look at
 * each stored part: it ends.
 */
import {
  affine, build, define, definitionOf, KEEP, liveDefinitions, mapNodes, nextLabel, substitute, type Affine, type Arena, type Definition, type Index,
  type Node, type Output, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { simplify } from "../simplify/index.ts";
import { withProportions } from "./proportion.ts";
import { storedIn, type Matrix, type Place, type Shared, type Structure } from "../loop/matrix.ts";

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
  /** Over the rows and those dimensions of the columns that they do not determine. */
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
      const standing = structure.at[k] ?? [];
      const over = own.filter((_, j) => standing[j]?.kind === "free");
      const stands = standing.map((place, j) => placeText(place, labels.rows) ?? labels.columns[j] ?? "");
      return entry(element(ir, program, name, [...rows, ...over]), over, [...labels.rows, ...stands]);
    });
    return { matrix, places, entries };
  }
  const body = bodyOf(ir, program, structure, at);
  return { matrix, places, entries: body === undefined ? [] : [entry(body, free, places)] };
};

/** `i + 1`, `cam[k]`; undefined for anywhere. */
const placeText = (place: Place<string>, rows: readonly string[]): string | undefined => {
  switch (place.kind) {
    case "free":
      return undefined;
    case "data":
      return `${place.indices}[${place.rows.map((k) => rows[k] ?? "").join(", ")}]`;
    case "row": {
      const terms = place.steps.flatMap((step, k): [number, string][] =>
        step === 0
          ? []
          : [[step, Math.abs(step) === 1 ? (rows[k] ?? "") : `${Math.abs(step)}·${rows[k] ?? ""}`]],
      );
      if (place.offset !== 0 || terms.length === 0)
        terms.push([place.offset, String(Math.abs(place.offset))]);
      return terms
        .map(([value, text], k) =>
          k === 0 ? (value < 0 ? `-${text}` : text) : `${value < 0 ? "-" : "+"} ${text}`,
        )
        .join(" ");
    }
  }
};

const stored = (program: Program, name: string): Tensor => {
  const tensor = program.outputs.find((each) => each.name === name)?.tensor;
  if (tensor === undefined) throw new Error(`${program.name} has no output ${name}`);
  return tensor;
};

/** The letters of the definitions of what is stored. */
const labelsOf = (
  program: Program,
  { rows, columns, structure }: Matrix<Affine>,
  shared: ReadonlyMap<number, number>,
): { readonly rows: readonly string[]; readonly columns: readonly string[] } => {
  const [first] = storedIn(structure);
  const known = first === undefined ? [] : (definitionOf(program, stored(program, first))?.labels ?? []);
  const own = rows.map((_, k) => known[k] ?? `i${k}`);
  const used = new Set(own);
  const distinct = (name: string): string => {
    if (used.has(name)) return distinct(nextLabel(name));
    used.add(name);
    return name;
  };
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
  structure: Exclude<Structure, { readonly kind: "sparse" }>,
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
      return `${constant}${structure.isSymmetric ? "symmetric, " : ""}dense`;
    case "blockDiagonal":
      return `${constant}${structure.isSymmetric ? "symmetric, " : ""}${blocks}`;
    case "sparse": {
      const columns = entries.map((entry) => entry.places.slice(matrix.rows.length).join(", "));
      const list = columns.map((each) => `[${each}]`).join(", ");
      return `${constant}${structure.isSymmetric ? "symmetric, " : ""}sparse (in each row ${list})`;
    }
    case "lowRank":
      return constant + inBlocks(`rank ${rankText(structure.left.length)}`);
    case "diagonalPlusLowRank":
      return constant + inBlocks(`diagonal plus rank ${rankText(structure.left.length)}`);
  }
};

const rankText = (rank: number): string => COUNT[rank] ?? String(rank);
