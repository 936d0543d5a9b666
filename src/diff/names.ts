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
  return (base) => {
    let name = base;
    for (let k = 1; used.has(name); k++) name = `${base}_${k}`;
    used.add(name);
    return name;
  };
};
