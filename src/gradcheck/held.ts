/**
 * Stopped values as the constants that derivatives take them for. In: a program; out: one of the same outputs that has its
 * float inputs twice and computes what is stopped from the copies alone, so that it stays what it is while the inputs
 * move. Ends, because every node is mapped once.
 */
import type { Inputs } from "../eval/index.ts";
import { build, inDependencyOrder, KEEP, liveDefinitions, mapReachable, reachable } from "../ir/index.ts";
import type { Arena, Definition, Node, Program, Tensor } from "../ir/index.ts";

export interface Held {
  readonly program: Program;
  /** By the name of an input that of its copy; none where nothing is stopped. */
  readonly copies: ReadonlyMap<string, string>;
}

export const holdStopped = (ir: Arena, program: Program): Held => {
  const roots = program.definitions.map(({ body }) => body);
  if (!reachable(roots).some(({ kind }) => kind === "stopgradient")) return { program, copies: new Map() };
  const inputs = program.inputs.filter(({ dtype }) => dtype === "float");
  const copies = copiesOf(ir, program, [...inputs, ...program.definitions.map(({ tensor }) => tensor)]);
  const fixed = mapReachable(ir, roots, {
    ...KEEP,
    node: (rebuilt) => {
      if (rebuilt.kind === "stopgradient") return rebuilt.a;
      const copy = rebuilt.kind === "read" ? copies.get(rebuilt.tensor) : undefined;
      return copy === undefined || rebuilt.kind !== "read" ? rebuilt : build.read(ir, copy, rebuilt.at);
    },
  });
  const moving = mapReachable(ir, roots, {
    ...KEEP,
    node: (rebuilt, original) =>
      original.kind === "stopgradient" ? (fixed.get(original.a) ?? rebuilt) : rebuilt,
  });
  const withBody = (each: Definition, bodies: ReadonlyMap<Node, Node>): Definition => ({
    ...each,
    body: bodies.get(each.body) ?? each.body,
  });
  // what is held is no member of a recurrence any more
  const definitions = inDependencyOrder(ir, [
    ...program.definitions.map((each) => ({
      ...withBody(each, fixed),
      tensor: copies.get(each.tensor) ?? each.tensor,
    })),
    ...program.definitions.map((each) => withBody(each, moving)),
  ]);
  return {
    program: {
      ...program,
      inputs: [...program.inputs, ...inputs.flatMap((input) => copies.get(input) ?? [])],
      definitions: liveDefinitions(
        definitions,
        program.outputs.map(({ tensor }) => tensor),
      ),
    },
    copies: new Map(inputs.map((input) => [input.name, copies.get(input)?.name ?? input.name])),
  };
};

/** A tensor of the same kind for each, whose name nothing has. */
const copiesOf = (ir: Arena, program: Program, tensors: readonly Tensor[]): ReadonlyMap<Tensor, Tensor> => {
  const taken = new Set([
    ...[...program.inputs, ...program.definitions.map(({ tensor }) => tensor)].map(({ name }) => name),
    ...[...program.dims, ...program.options, ...program.outputs].map(({ name }) => name),
  ]);
  const free = (name: string): string => {
    let candidate = `${name}_held`;
    while (taken.has(candidate)) candidate = `${candidate}_`;
    taken.add(candidate);
    return candidate;
  };
  return new Map(tensors.map((tensor) => [tensor, ir.tensor({ ...tensor, name: free(tensor.name) })]));
};

/** What moves, with the copies as they are at the point. */
export const heldAt = ({ copies }: Held, point: Inputs, moved: Inputs): Inputs => {
  const held = [...copies].flatMap(([name, copy]) => {
    const array = point.tensors.get(name);
    return array === undefined ? [] : [[copy, array] as const];
  });
  return { ...moved, tensors: new Map([...moved.tensors, ...held]) };
};
