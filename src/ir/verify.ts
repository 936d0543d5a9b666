/**
 * The dialect's rules, checked between passes. In: a program; out: nothing, or an error that names the definition and the
 * rule. Every definition and node is looked at once: it ends.
 */
import { dataOf } from "./affine.ts";
import type { Arena } from "./arena.ts";
import { brokenCircle, componentsOf, readsBack } from "./recurrence.ts";
import { loopIndices, reductionDtype } from "./program.ts";
import { affinesOf, operandsOf, reachable } from "./walk.ts";
import type { Affine, Definition, DType, Index, Kind, Node, Program, Tensor } from "./types.ts";

export class DialectError extends Error {
  override readonly name = "DialectError";
}

/** What operands a kind takes: numbers, conditions, or a condition and then values. */
const OPERANDS: { readonly [K in Kind]: readonly ("number" | "bool")[] | "numbers" | "bools" | "none" } = {
  constant: "none",
  zero: "none",
  option: "none",
  index: "none",
  read: "none",
  unary: ["number"],
  binary: ["number", "number"],
  power: ["number"],
  sum: "numbers",
  product: "numbers",
  boolean: "none",
  compare: ["number", "number"],
  and: "bools",
  or: "bools",
  not: ["bool"],
  inrange: "none",
  divides: "none",
  iszero: "none",
  select: ["bool", "number", "number"],
  guard: ["bool", "number"],
  stopgradient: ["number"],
  delta: "none",
};

const expected = (kind: Kind, position: number): "number" | "bool" | undefined => {
  const row = OPERANDS[kind];
  if (row === "none") return undefined;
  if (row === "numbers") return "number";
  return row === "bools" ? "bool" : row[position];
};

const fits = (dtype: DType, want: "number" | "bool"): boolean => (dtype === "bool") === (want === "bool");

export const verify = (program: Program): void => {
  uniqueNames(program);
  const known = new Set<Tensor>(program.inputs);
  for (const members of together(program.definitions)) {
    for (const { tensor } of members) known.add(tensor);
    for (const definition of members) verifyDefinition(definition, known);
  }
  for (const { name, tensor } of program.outputs) {
    if (!known.has(tensor)) throw new DialectError(`output ${name}: ${tensor.name} is not defined`);
  }
};

/** Circles of definitions, each in one piece; the others one by one. */
const together = (definitions: readonly Definition[]): readonly (readonly Definition[])[] => {
  if (!readsBack(definitions)) return definitions.map((definition) => [definition]);
  const groups = componentsOf(definitions).map(({ members }) => members);
  const flat = groups.flat();
  const stray = definitions.find((definition, k) => definition !== flat[k]);
  if (stray !== undefined)
    throw new DialectError(`${stray.tensor.name}: stands before what it reads, or inside of a recurrence`);
  return groups;
};

/** Circles of definitions are recurrences: every read of a member is proved to lie before, or at this place but earlier. */
export const verifyRecurrences = (ir: Arena, program: Program): void => {
  const broken = brokenCircle(ir, program.definitions);
  if (broken !== undefined)
    throw new DialectError(`${broken.tensor.name}: depends on itself, and is no recurrence`);
};

const uniqueNames = (program: Program): void => {
  const names = new Set<string>();
  const tensors = [...program.inputs, ...program.definitions.map((definition) => definition.tensor)];
  for (const { name } of [...tensors, ...program.dims, ...program.options]) {
    if (names.has(name)) throw new DialectError(`the name ${name} stands for two things`);
    names.add(name);
  }
};

const verifyDefinition = (definition: Definition, known: ReadonlySet<Tensor>): void => {
  const { tensor, indices, reduction, target, body } = definition;
  const fail = (rule: string): never => {
    throw new DialectError(`${tensor.name}: ${rule}`);
  };
  const loops = loopIndices(definition);
  loops.forEach((index, k) => {
    if (index.name !== `i${k}`) fail(`loop ${k} is called ${index.name}`);
    if (index.extent.indices.length > 0) fail(`the extent of ${index.name} depends on an index`);
  });
  const places = target ?? indices;
  if (places.length !== tensor.shape.length) fail(`${places.length} indices for rank ${tensor.shape.length}`);
  if (target === undefined && indices.some((index, k) => index.extent !== tensor.shape[k]))
    fail("loops and shape differ");
  if (target !== undefined && reduction !== undefined) fail("a scatter does not reduce");
  if (reduction !== undefined && reductionDtype(reduction.op) !== tensor.dtype)
    fail(`${reduction.op} of the wrong dtype`);
  const available = new Set(loops);
  for (const a of target ?? []) closed(a, available, fail);
  for (const node of reachable([body, ...(target ?? []).flatMap(dataOf)]))
    verifyNode(node, available, known, fail);
};

const closed = (a: Affine, available: ReadonlySet<Index>, fail: (rule: string) => never): void => {
  for (const index of a.indices) if (!available.has(index)) fail(`the index ${index.name} has no loop`);
};

const verifyNode = (
  node: Node,
  available: ReadonlySet<Index>,
  known: ReadonlySet<Tensor>,
  fail: (rule: string) => never,
): void => {
  if (node.kind === "delta") fail("a delta is left");
  for (const a of affinesOf(node)) closed(a, available, fail);
  operandsOf(node).forEach((operand, k) => {
    const want = expected(node.kind, k);
    if (want === undefined || !fits(operand.dtype, want))
      fail(`operand ${k} of ${node.kind} is ${operand.dtype}`);
    if (operand.id >= node.id) fail(`operand ${k} of ${node.kind} was made after it`);
  });
  if (node.kind !== "read") return;
  if (!known.has(node.tensor)) fail(`${node.tensor.name} is read before it is defined`);
  if (node.at.length !== node.tensor.shape.length) fail(`${node.at.length} indices on ${node.tensor.name}`);
};
