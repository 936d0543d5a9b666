/** Definitions and programs: canonical indices, and the maps that passes need. */
import { dataOf, fixed, mapAffine, ofData, ofIndex, plainIndex } from "./affine.ts";
import type { Arena } from "./arena.ts";
import { constant, read } from "./build.ts";
import { division, provablyInRange, substituteAffine } from "./range.ts";
import { KEEP, mapNodes, mapReachable, readsOf, type NodeMap } from "./walk.ts";
import type {
  Affine,
  Definition,
  Index,
  Node,
  Program,
  ReduceOp,
  Requirement,
  Reduction,
  Tensor,
} from "./types.ts";

/** The index at a place in a definition: i0, i1, … over outputs and then reductions. */
export const canonicalIndex = (ir: Arena, position: number, extent: Affine): Index =>
  ir.index(`i${position}`, extent);

export interface DefinitionSpec {
  readonly tensor: Tensor;
  /** Any indices; their names become the labels. */
  readonly indices: readonly Index[];
  readonly reduction?: Reduction | undefined;
  readonly target?: readonly Affine[] | undefined;
  readonly body: Node;
  /** Where the indices' own names are not what a reader should see. */
  readonly labels?: readonly string[];
}

/** A definition with canonical indices: equal up to the names of indices is equal in every part. */
export const define = (ir: Arena, spec: DefinitionSpec): Definition => {
  const reduced = spec.reduction?.indices ?? [];
  const all = [...spec.indices, ...reduced];
  const { renamed, substitution } = canonicalise(ir, all);
  const index = (i: Index): Affine | undefined => substitution.get(i);
  const labels = spec.labels ?? all.map((each) => each.name);
  if (substitution.size === 0) {
    return {
      tensor: spec.tensor,
      indices: spec.indices,
      reduction: spec.reduction,
      target: spec.target,
      body: spec.body,
      labels,
    };
  }
  const mapped = (node: Node): Node => mapNodes(ir, [node], { ...KEEP, index })[0] ?? node;
  return {
    tensor: spec.tensor,
    indices: renamed.slice(0, spec.indices.length),
    reduction: spec.reduction && { op: spec.reduction.op, indices: renamed.slice(spec.indices.length) },
    target: spec.target?.map((a) => substituteAffine(ir, a, index, (node) => ofData(ir, mapped(node)))),
    body: mapped(spec.body),
    labels,
  };
};

/** Extents may not mention indices, so renaming needs one simultaneous substitution. */
const canonicalise = (
  ir: Arena,
  all: readonly Index[],
): { renamed: readonly Index[]; substitution: ReadonlyMap<Index, Affine> } => {
  const renamed = all.map((index, position) => canonicalIndex(ir, position, index.extent));
  const changed = all.some((index, k) => index !== renamed[k]);
  const substitution = new Map(
    changed ? all.map((index, k) => [index, ofIndex(ir, renamed[k] ?? index)]) : [],
  );
  return { renamed, substitution };
};

/** The label after one that is taken: c, d, …, z, z'; a longer one gets a prime. */
export const nextLabel = (name: string): string =>
  /^[a-y]$/.test(name) ? String.fromCharCode(name.charCodeAt(0) + 1) : `${name}'`;

/** What the dimensions of the tensor are called; a scatter's labels name its loops, and its target those that are one. */
export const elementLabels = ({ indices, target, labels }: Definition): readonly (string | undefined)[] => {
  const loops = target?.map(plainIndex) ?? indices;
  return loops.map((loop) => loop && labels[indices.indexOf(loop)]);
};

/** What makes two definitions the same computation: everything but the tensor's own name. */
export const definitionKey = (definition: Definition): string =>
  [
    definition.indices.map((index) => index.id).join(),
    definition.reduction?.op ?? "",
    definition.reduction?.indices.map((index) => index.id).join() ?? "",
    definition.target?.map((a) => a.id).join() ?? "",
    definition.body.id,
    definition.tensor.shape.map((extent) => extent.id).join(),
    definition.tensor.dtype,
  ].join("|");

/** Every index of a definition: its loops. */
export const loopIndices = (definition: Definition): readonly Index[] => [
  ...definition.indices,
  ...(definition.reduction?.indices ?? []),
];

const INT_VALUED: { readonly [K in ReduceOp]: boolean } = {
  sum: false,
  prod: false,
  max: false,
  min: false,
  maxfirst: false,
  minfirst: false,
  argmax: true,
  argmin: true,
};

/** The term that contributes nothing to a reduction; positions have none. */
export const NEUTRAL: { readonly [K in ReduceOp]: number | undefined } = {
  sum: 0,
  prod: 1,
  max: -Infinity,
  min: Infinity,
  maxfirst: -Infinity,
  minfirst: Infinity,
  argmax: undefined,
  argmin: undefined,
};

export const reductionDtype = (op: ReduceOp): Tensor["dtype"] => (INT_VALUED[op] ? "int" : "float");

/** The tensors that a definition reads, in order of their symbols. */
export const tensorsRead = (definition: Definition): readonly Tensor[] => {
  const roots = [definition.body, ...(definition.target ?? []).flatMap(dataOf)];
  const tensors = new Set(readsOf(roots).map((node) => node.tensor));
  return [...tensors].sort((a, b) => a.id - b.id);
};

/** The extents that the values of an int input have to be less than. */
export const limitsOf = (
  { requirements }: Pick<Program, "requirements">,
  tensor: Tensor,
): readonly Affine[] =>
  requirements.flatMap((each) => (each.kind === "range" && each.tensor === tensor ? [each.extent] : []));

/** Whether a place lies inside of an extent for certain; that of an int input does, in all dimensions that it indexes. */
export const isPromised = (
  ir: Arena,
  program: Pick<Program, "requirements">,
  value: Affine,
  extent: Affine,
): boolean => {
  if (provablyInRange(ir, value, extent)) return true;
  const [node, ...others] = dataOf(value);
  if (others.length > 0 || node?.kind !== "read" || value !== ofData(ir, node)) return false;
  return limitsOf(program, node.tensor).includes(extent);
};

export const definitionOf = (program: Program, tensor: Tensor): Definition | undefined =>
  program.definitions.find((definition) => definition.tensor === tensor);

/** Definitions that an output depends on, in their order. */
export const liveDefinitions = (
  definitions: readonly Definition[],
  outputs: readonly Tensor[],
): readonly Definition[] => {
  const byTensor = new Map(definitions.map((definition) => [definition.tensor, definition]));
  const live = new Set(outputs);
  // a set is walked in the order of insertion, also of what is inserted meanwhile
  for (const tensor of live) {
    const definition = byTensor.get(tensor);
    if (definition !== undefined) for (const read of tensorsRead(definition)) live.add(read);
  }
  return definitions.filter(({ tensor }) => live.has(tensor));
};

/** All bodies mapped at once, so that what they share is mapped once. */
export const mapBodies = (
  ir: Arena,
  definitions: readonly Definition[],
  map: NodeMap,
): readonly Definition[] => {
  const done = mapReachable(
    ir,
    definitions.map((definition) => definition.body),
    map,
  );
  return definitions.map((definition) => {
    const body = done.get(definition.body) ?? definition.body;
    return body === definition.body ? definition : { ...definition, body };
  });
};

/** Extents and options fixed at build time (`--dim C=10`). Names that the program lacks are the caller's to report. */
export const specialise = (ir: Arena, program: Program, values: ReadonlyMap<string, number>): Program => {
  const dim = (name: string): Affine | undefined => {
    const value = values.get(name);
    return value === undefined ? undefined : fixed(ir, value);
  };
  const affine = (a: Affine): Affine =>
    mapAffine(ir, a, { index: renamed, dim, data: (node) => mappedData(node) }, division(ir));
  const index = (old: Index): Index => ir.index(old.name, affine(old.extent));
  const renamed = (old: Index): Affine => ofIndex(ir, index(old));
  const tensor = memoise((old: Tensor): Tensor => {
    const shape = old.shape.map(affine);
    return shape.every((extent, k) => extent === old.shape[k]) ? old : ir.tensor({ ...old, shape });
  });
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind === "read") return read(ir, tensor(rebuilt.tensor), rebuilt.at);
    const value = rebuilt.kind === "option" ? values.get(rebuilt.name) : undefined;
    return value === undefined ? rebuilt : constant(ir, value);
  };
  const roots = program.definitions.flatMap(({ body, target }) => [body, ...(target ?? []).flatMap(dataOf)]);
  const bodies = mapReachable(ir, roots, { index: renamed, dim, node });
  const mappedData = (old: Node): Affine => ofData(ir, bodies.get(old) ?? old);
  return {
    ...program,
    inputs: program.inputs.map(tensor),
    dims: program.dims.filter((each) => !values.has(each.name)),
    options: program.options.filter((each) => !values.has(each.name)),
    requirements: program.requirements.map((each): Requirement =>
      each.kind === "range"
        ? { ...each, tensor: tensor(each.tensor), extent: affine(each.extent) }
        : { ...each, by: affine(each.by), value: affine(each.value) },
    ),
    definitions: program.definitions.map(({ reduction, target, body, ...rest }) => ({
      ...rest,
      tensor: tensor(rest.tensor),
      indices: rest.indices.map(index),
      reduction: reduction && { op: reduction.op, indices: reduction.indices.map(index) },
      target: target?.map(affine),
      body: bodies.get(body) ?? body,
    })),
    outputs: program.outputs.map((output) => ({ name: output.name, tensor: tensor(output.tensor) })),
  };
};

const memoise = <K, V>(make: (key: K) => V): ((key: K) => V) => {
  const known = new Map<K, V>();
  return (key) => {
    const old = known.get(key);
    if (old !== undefined) return old;
    const made = make(key);
    known.set(key, made);
    return made;
  };
};
