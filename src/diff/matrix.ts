/**
 * In: a program that has the parts of Jacobians and Hessians, simplified. Out: the same with each stored as its structure
 * allows: what is provably zero is left out, and low rank is kept as factors. One look at each part: it ends.
 */
import {
  definitionOf,
  elementLabels,
  liveDefinitions,
  nextLabel,
  tensorsRead,
  type Affine,
  type Arena,
  type Definition,
  type Output,
  type Program,
} from "../ir/index.ts";
import type { Matrix, Shared, Structure } from "../loop/matrix.ts";
import { letterAt } from "./gather.ts";
import { createNamer, type Namer } from "./names.ts";
import { isIdentity, output, sharedBy, total, type Draft, type Drawn, type Stored } from "./stored/drawn.ts";
import { lowRank } from "./stored/rank.ts";
import { sparse } from "./stored/sparse.ts";
import { commonFixed, ownIndices, sourceIndices, type Part } from "./structure/parts.ts";
import { spread } from "./structure/scattered.ts";

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
