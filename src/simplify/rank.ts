/**
 * A definition that does not depend on one of its indices → one without that index, read in its place. Definitions in an order in
 * which each comes after what it reads in, the same out; each is looked at once, and only loses indices: it ends.
 */
import { build as b, define, KEEP, mapNodes } from "../ir/index.ts";
import type { Definition, Node, Tensor } from "../ir/index.ts";
import { freshTensor, readAt, tensorsReadBy, type Workspace } from "./workspace.ts";

interface Lowered {
  readonly tensor: Tensor;
  /** The dimensions that it still has. */
  readonly kept: readonly number[];
}

export const lowerRanks = (space: Workspace, definitions: readonly Definition[]): readonly Definition[] => {
  const { ir, outputs } = space;
  const lowered = new Map<Tensor, Lowered>();
  const made: Definition[] = [];
  const node = (each: Node): Node => {
    const known = each.kind === "read" ? lowered.get(each.tensor) : undefined;
    if (each.kind !== "read" || known === undefined) return each;
    return b.read(
      ir,
      known.tensor,
      known.kept.flatMap((d) => each.at[d] ?? []),
    );
  };
  return definitions.flatMap((definition): readonly Definition[] => {
    const body = mapNodes(ir, [definition.body], { ...KEEP, node })[0] ?? definition.body;
    const here = body === definition.body ? definition : define(ir, { ...definition, body });
    const { tensor, indices, reduction, labels } = here;
    const kept = [...indices.keys()].filter((d) => body.indices.some((index) => index === indices[d]));
    const isOutput = outputs.has(tensor);
    const stays =
      kept.length === indices.length ||
      here.target !== undefined ||
      tensor.dtype !== "float" ||
      tensorsReadBy(space, definition).includes(tensor) ||
      // what an output holds is copied to all places of it, but summed once
      (isOutput && reduction === undefined);
    if (stays) return [here];
    const left = indices.filter((_, d) => kept.includes(d));
    const shape = left.map(({ extent }) => extent);
    const fewer = isOutput ? freshTensor(space, tensor.name, shape, made) : ir.tensor({ ...tensor, shape });
    const loops = labels.slice(indices.length);
    const inner = define(ir, {
      tensor: fewer,
      indices: left,
      reduction,
      body,
      labels: [...kept.map((d) => labels[d] ?? "i"), ...loops],
    });
    made.push(inner);
    if (isOutput) {
      const copy = readAt(ir, fewer, left);
      return [inner, define(ir, { tensor, indices, body: copy, labels: labels.slice(0, indices.length) })];
    }
    lowered.set(tensor, { tensor: fewer, kept });
    return [inner];
  });
};
