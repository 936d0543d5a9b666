/**
 * A Σ over several indices of a product → nested sums: Σ_jk a[i,j]·b[j,k]·c[k,l] is Σ_j a[i,j]·t[j,l] with t = Σ_k b·c.
 * Terminates: each of the two sums runs over fewer indices than the one whose place they take.
 */
import { build as b, define } from "../ir/index.ts";
import type { Definition, Index, Node } from "../ir/index.ts";
import { commitLightest, freshTensor, isSum, readAt, type Change, type Workspace } from "./workspace.ts";

/** Sums over several indices in the order that costs least, one index at a time. */
export const orderContractions = (space: Workspace, order: readonly Definition[]): void => {
  const open = order.filter(isSum);
  for (let definition = open.pop(); definition !== undefined; definition = open.pop())
    open.push(...(commitLightest(space, contractions(space, definition)) ?? []).filter(isSum));
};

/** The two definitions that take the place of one, for each index that could be summed first. */
export const contractions = (space: Workspace, definition: Definition): readonly Change[] => {
  const over = definition.reduction?.indices ?? [];
  const factors = factorsOf(definition.body);
  if (!isSum(definition) || over.length < 2 || factors.length < 2) return [];
  return over.flatMap((index) => {
    const inside = factors.filter((factor) => factor.indices.includes(index));
    const outside = factors.filter((factor) => !factor.indices.includes(index));
    const rest = over.filter((each) => each !== index);
    // what is left has to depend on the other sums: else it comes out of all of them
    const isNested =
      inside.length > 0 && outside.some((factor) => rest.some((each) => factor.indices.includes(each)));
    return isNested ? [nested(space, definition, index, inside, outside)] : [];
  });
};

const factorsOf = (node: Node): readonly Node[] => (node.kind === "product" ? node.args : [node]);

const nested = (
  space: Workspace,
  definition: Definition,
  index: Index,
  inside: readonly Node[],
  outside: readonly Node[],
): Change => {
  const { ir } = space;
  const over = definition.reduction?.indices ?? [];
  const loops = [...definition.indices, ...over];
  const label = (each: Index): string => definition.labels[loops.indexOf(each)] ?? each.name;
  const body = b.product(ir, inside);
  const indices = loops.filter((each) => each !== index && body.indices.includes(each));
  const tensor = freshTensor(
    space,
    definition.tensor.name,
    indices.map((each) => each.extent),
    [],
  );
  const inner = define(ir, {
    tensor,
    indices,
    reduction: { op: "sum", indices: [index] },
    body,
    labels: [...indices, index].map(label),
  });
  const rest = over.filter((each) => each !== index);
  const outer = define(ir, {
    tensor: definition.tensor,
    indices: definition.indices,
    reduction: { op: "sum", indices: rest },
    body: b.product(ir, [...outside, readAt(ir, tensor, indices)]),
    labels: [...definition.indices, ...rest].map(label),
  });
  return [inner, outer];
};
