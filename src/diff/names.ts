/** Names for new tensors of a program, all different from each other and from those there. */
import type { Program } from "../ir/index.ts";

/** Gives `base`, or `base` with the first number that makes it new, and remembers it. */
export type Namer = (base: string) => string;

export const createNamer = (program: Program): Namer => {
  const used = new Set([
    ...program.inputs.map((tensor) => tensor.name),
    ...program.definitions.map((definition) => definition.tensor.name),
    ...program.dims.map((dim) => dim.name),
    ...program.options.map((option) => option.name),
  ]);
  const next = new Map<string, number>();
  return (base) => {
    let name = base;
    let count = next.get(base) ?? 1;
    while (used.has(name)) name = `${base}_${count++}`;
    next.set(base, count);
    used.add(name);
    return name;
  };
};
