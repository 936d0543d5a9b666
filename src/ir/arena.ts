/** Interning: one arena per compile; everything made with it is compared by `===` and ordered by creation. */
import type { Affine, Atom, Index, Node, Tensor } from "./types.ts";

export interface Arena {
  /** The object of that key, made on first use; `make` receives the next id. */
  readonly node: (key: string, make: (id: number) => Node) => Node;
  readonly affine: (key: string, make: (id: number) => Affine) => Affine;
  readonly atom: (key: string, make: (id: number) => Atom) => Atom;
  readonly index: (name: string, extent: Affine) => Index;
  /** A new symbol, never equal to another. */
  readonly tensor: (spec: Omit<Tensor, "id">) => Tensor;
  /** The union of sets of indices, in order of id; equal sets are one array. */
  readonly union: (sets: readonly (readonly Index[])[]) => readonly Index[];
  /** How many nodes have been made: a measure of the work done. */
  readonly size: () => number;
}

const interner = <T>(): ((key: string, make: (id: number) => T) => T) & { size: () => number } => {
  const table = new Map<string, T>();
  const intern = (key: string, make: (id: number) => T): T => {
    const known = table.get(key);
    if (known !== undefined) return known;
    const made = make(table.size);
    table.set(key, made);
    return made;
  };
  return Object.assign(intern, { size: () => table.size });
};

const NO_INDICES: readonly Index[] = Object.freeze([]);

export const createArena = (): Arena => {
  const node = interner<Node>();
  const indices = interner<Index>();
  const sets = interner<readonly Index[]>();
  let tensors = 0;
  const union = (parts: readonly (readonly Index[])[]): readonly Index[] => {
    let largest = NO_INDICES;
    for (const part of parts) if (part.length > largest.length) largest = part;
    const merged = new Set(largest);
    for (const part of parts) if (part !== largest) for (const index of part) merged.add(index);
    // The common case costs no new array: one operand already has all of them.
    if (merged.size === largest.length) return largest;
    const sorted = [...merged].sort((a, b) => a.id - b.id);
    return sets(sorted.map((index) => index.id).join(), () => Object.freeze(sorted));
  };
  return {
    node,
    affine: interner<Affine>(),
    atom: interner<Atom>(),
    index: (name, extent) => indices(`${name}:${extent.id}`, (id) => Object.freeze({ id, name, extent })),
    tensor: (spec) => Object.freeze({ ...spec, id: tensors++ }),
    union,
    size: node.size,
  };
};
