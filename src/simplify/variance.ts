/**
 * Σe² / n - (Σe / n)², which loses every digit that e's offset takes, is Σ(e - Σe / n)² / n. Definitions in, definitions out;
 * every difference is looked at once.
 */
import { affine, build as b, KEEP, mapNodes } from "../ir/index.ts";
import type { Definition, Node, Read } from "../ir/index.ts";
import { freshTensor, isSum, readAt, valueOf, type Workspace } from "./workspace.ts";

export const centreVariances = (
  space: Workspace,
  definitions: readonly Definition[],
): readonly Definition[] => {
  const added: Definition[] = [];
  const rewritten = definitions.map((definition) => {
    const node = (rebuilt: Node): Node =>
      rebuilt.kind === "sum" ? withCentredTerms(space, rebuilt.args, added) : rebuilt;
    const [body = definition.body] = mapNodes(space.ir, [definition.body], { ...KEEP, node });
    return body === definition.body ? definition : { ...definition, body };
  });
  return added.length === 0 ? definitions : [...added, ...rewritten];
};

const withCentredTerms = (space: Workspace, terms: readonly Node[], added: Definition[]): Node => {
  const { ir } = space;
  for (const square of terms) {
    for (const mean of terms) {
      const variance = centred(space, square, mean, added);
      if (variance === undefined) continue;
      return b.sum(ir, [variance, ...terms.filter((term) => term !== square && term !== mean)]);
    }
  }
  return b.sum(ir, terms);
};

/** A factor times the sum that a tensor holds. */
interface Scaled {
  readonly factor: Node;
  readonly read: Read;
  readonly sum: Definition;
}

/** Also where it has a name. */
const scaledSum = (space: Workspace, node: Node): Scaled | undefined => {
  const { ir } = space;
  const value = valueOf(space, node);
  const factors = value.kind === "product" ? value.args : [value];
  for (const read of factors) {
    const sum = read.kind === "read" ? space.definitions.get(read.tensor) : undefined;
    if (read.kind !== "read" || sum === undefined || !isSum(sum)) continue;
    return {
      factor: b.product(
        ir,
        factors.filter((each) => each !== read),
      ),
      read,
      sum,
    };
  }
  return undefined;
};

/** x for -x² */
const rootOfNegated = (node: Node): Node | undefined => {
  if (node.kind !== "product" || node.args.length !== 2) return undefined;
  const [sign, power] = node.args;
  const isNegated = sign?.kind === "constant" && sign.value === -1;
  if (!isNegated || power?.kind !== "power" || power.exponent.num !== 2 || power.exponent.den !== 1)
    return undefined;
  return power.base;
};

const centred = (space: Workspace, square: Node, mean: Node, added: Definition[]): Node | undefined => {
  const { ir } = space;
  const root = rootOfNegated(mean);
  const first = root && scaledSum(space, root);
  const second = first && scaledSum(space, square);
  if (first === undefined || second?.factor !== first.factor) return undefined;
  const { sum, read } = second;
  const over = sum.reduction?.indices ?? [];
  const count = over.reduce((size, index) => affine.times(ir, size, index.extent), affine.fixed(ir, 1));
  const isSameLoops = over.every((index, k) => index === first.sum.reduction?.indices[k]);
  const isSamePlace =
    read.at.length === first.read.at.length && read.at.every((a, k) => a === first.read.at[k]);
  if (first.factor !== b.reciprocal(ir, b.indexValue(ir, count)) || !isSameLoops || !isSamePlace)
    return undefined;
  const term = first.sum.body;
  if (b.power(ir, term, { num: 2, den: 1 }) !== sum.body) return undefined;
  const tensor = freshTensor(space, `${sum.tensor.name}_centred`, sum.tensor.shape, []);
  space.names.add(tensor.name);
  const average = b.product(ir, [first.factor, readAt(ir, first.sum.tensor, sum.indices)]);
  added.push({ ...sum, tensor, body: b.square(ir, b.subtract(ir, term, average)) });
  return b.product(ir, [first.factor, b.read(ir, tensor, read.at)]);
};
