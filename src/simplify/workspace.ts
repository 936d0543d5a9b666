/**
 * The definitions of a program while they are rewritten: who reads whom, what each weighs, and what a change would save.
 * Definitions in, definitions out in an order in which each comes after what it reads.
 */
import { affine, build as b, componentsBy, inDependencyOrder, readsOf, substitute } from "../ir/index.ts";
import type { Affine, Arena, Definition, Index, Node, Read, Tensor } from "../ir/index.ts";
import { definitionWeight } from "./cost.ts";

export interface Workspace {
  readonly ir: Arena;
  readonly outputs: ReadonlySet<Tensor>;
  readonly definitions: Map<Tensor, Definition>;
  readonly readers: Map<Tensor, Set<Tensor>>;
  readonly names: Set<string>;
  /** Of bodies and weights seen before: definitions are not changed in place. */
  readonly weights: Map<Definition, number>;
  readonly reads: Map<Definition, readonly Tensor[]>;
}

/** Definitions that replace those of the same tensors, and new ones. */
export type Change = readonly Definition[];

const dependencyRoots = (definition: Definition): readonly Node[] => [
  definition.body,
  ...(definition.target ?? []).flatMap(affine.dataOf),
];

/** Every read of a definition, also those inside of index expressions. */
export const readsIn = (definition: Definition): readonly Read[] => readsOf(dependencyRoots(definition));

export const createWorkspace = (
  ir: Arena,
  definitions: readonly Definition[],
  outputs: ReadonlySet<Tensor>,
  names: Iterable<string>,
): Workspace => {
  const space: Workspace = {
    ir,
    outputs,
    definitions: new Map(),
    readers: new Map(),
    names: new Set(names),
    weights: new Map(),
    reads: new Map(),
  };
  for (const definition of definitions) put(space, definition);
  return space;
};

export const tensorsReadBy = (space: Workspace, definition: Definition): readonly Tensor[] => {
  const known = space.reads.get(definition);
  if (known !== undefined) return known;
  const tensors = [...new Set(readsIn(definition).map((node) => node.tensor))];
  space.reads.set(definition, tensors);
  return tensors;
};

export const weightOf = (space: Workspace, definition: Definition): number => {
  const known = space.weights.get(definition);
  if (known !== undefined) return known;
  const weight = definitionWeight(space.ir, definition);
  space.weights.set(definition, weight);
  return weight;
};

export const readersOf = (space: Workspace, tensor: Tensor): ReadonlySet<Tensor> =>
  space.readers.get(tensor) ?? new Set();

const put = (space: Workspace, definition: Definition): void => {
  const old = space.definitions.get(definition.tensor);
  if (old !== undefined) {
    for (const tensor of tensorsReadBy(space, old)) space.readers.get(tensor)?.delete(old.tensor);
  }
  space.definitions.set(definition.tensor, definition);
  space.names.add(definition.tensor.name);
  for (const tensor of tensorsReadBy(space, definition)) {
    const readers = space.readers.get(tensor) ?? new Set();
    readers.add(definition.tensor);
    space.readers.set(tensor, readers);
  }
};

const remove = (space: Workspace, definition: Definition): void => {
  for (const tensor of tensorsReadBy(space, definition)) space.readers.get(tensor)?.delete(definition.tensor);
  space.definitions.delete(definition.tensor);
};

/** Definitions that nothing reads any more once the change is made, in the order in which they fall. */
const fallen = (space: Workspace, change: Change): readonly Definition[] => {
  const changed = new Map(change.map((definition) => [definition.tensor, definition]));
  const dead = new Set<Tensor>();
  const list: Definition[] = [];
  const isRead = (tensor: Tensor): boolean => {
    for (const definition of change) {
      if (definition.tensor !== tensor && tensorsReadBy(space, definition).includes(tensor)) return true;
    }
    for (const reader of readersOf(space, tensor)) {
      if (reader !== tensor && !changed.has(reader) && !dead.has(reader)) return true;
    }
    return false;
  };
  const open = change.flatMap((definition) => {
    const old = space.definitions.get(definition.tensor);
    return old === undefined ? [] : [...tensorsReadBy(space, old)];
  });
  for (let tensor = open.pop(); tensor !== undefined; tensor = open.pop()) {
    const definition = space.definitions.get(tensor);
    if (definition === undefined || dead.has(tensor) || changed.has(tensor)) continue;
    if (space.outputs.has(tensor) || isRead(tensor)) continue;
    dead.add(tensor);
    list.push(definition);
    open.push(...tensorsReadBy(space, definition));
  }
  return list;
};

/** How much heavier the program gets. */
export const weightChange = (space: Workspace, change: Change): number => {
  let difference = 0;
  for (const definition of change) {
    const old = space.definitions.get(definition.tensor);
    difference += weightOf(space, definition) - (old === undefined ? 0 : weightOf(space, old));
  }
  for (const definition of fallen(space, change)) difference -= weightOf(space, definition);
  return difference;
};

export const commit = (space: Workspace, change: Change): void => {
  const dead = fallen(space, change);
  for (const definition of change) put(space, definition);
  for (const definition of dead) remove(space, definition);
};

/** Makes the change if the program gets strictly lighter by it. */
export const commitIfLighter = (space: Workspace, change: Change): boolean => {
  // sums of weights are whole numbers below 2⁵³ or nearly so: a part in 10⁹ is no gain
  const before = change.reduce((total, { tensor }) => {
    const old = space.definitions.get(tensor);
    return total + (old === undefined ? 0 : weightOf(space, old));
  }, 1);
  if (weightChange(space, change) >= -1e-9 * before) return false;
  commit(space, change);
  return true;
};

/** A new tensor, named after what it comes from. */
export const freshTensor = (
  space: Workspace,
  stem: string,
  shape: readonly Affine[],
  besides: readonly Definition[],
): Tensor => {
  const taken = new Set(besides.map((definition) => definition.tensor.name));
  const name = freshName(stem, (each) => space.names.has(each) || taken.has(each));
  return space.ir.tensor({ name, shape, dtype: "float", role: "defined" });
};

const freshName = (stem: string, isTaken: (name: string) => boolean): string => {
  for (let count = 0; ; count++) {
    const name = count === 0 ? stem : `${stem}_${count}`;
    if (!isTaken(name)) return name;
  }
};

/** Each definition after what it reads; of those that are free to come, in the order in which they were made. */
export const inOrder = (space: Workspace): readonly Definition[] => {
  const readBy = (definition: Definition): readonly Definition[] =>
    tensorsReadBy(space, definition).flatMap((tensor) => space.definitions.get(tensor) ?? []);
  const components = componentsBy([...space.definitions.values()], readBy);
  const ordered = components.flatMap(({ members }) => members);
  return components.some(({ isCircle }) => isCircle) ? inDependencyOrder(space.ir, ordered) : ordered;
};

/** What a read of a pointwise definition stands for; another node as it is. */
export const valueOf = (space: Workspace, node: Node): Node => {
  const definition = node.kind === "read" ? space.definitions.get(node.tensor) : undefined;
  if (node.kind !== "read" || definition === undefined || !isPointwise(definition)) return node;
  return substitute(space.ir, definition.body, bodyAt(space.ir, definition, node.at));
};

// ---- shapes of definitions

export const isPointwise = (definition: Definition): boolean =>
  definition.reduction === undefined &&
  definition.target === undefined &&
  definition.tensor.dtype === "float" &&
  !readsIn(definition).some((node) => node.tensor === definition.tensor);

export const isSum = (definition: Definition): boolean =>
  definition.reduction?.op === "sum" &&
  definition.target === undefined &&
  !readsIn(definition).some((node) => node.tensor === definition.tensor);

/** The body of a pointwise definition where it is read. */
export const bodyAt = (
  ir: Arena,
  definition: Definition,
  at: readonly Affine[],
): ReadonlyMap<Index, Affine> =>
  new Map(
    definition.indices.flatMap((index, k) => {
      const value = at[k];
      return value === undefined || value === affine.ofIndex(ir, index) ? [] : [[index, value] as const];
    }),
  );

export const readAt = (ir: Arena, tensor: Tensor, indices: readonly Index[]): Node =>
  b.read(
    ir,
    tensor,
    indices.map((index) => affine.ofIndex(ir, index)),
  );

/** The change that takes the most away, if any does. */
export const commitLightest = (space: Workspace, changes: readonly Change[]): Change | undefined => {
  let best: Change | undefined;
  let least = -1e-6;
  for (const change of changes) {
    const difference = weightChange(space, change);
    if (difference >= least) continue;
    [best, least] = [change, difference];
  }
  if (best !== undefined) commit(space, best);
  return best;
};
