/**
 * In: formulas with e / Σ e in them. Out: the same with that as a value of its own, p, as a softmax is written. One look at each
 * product: it ends.
 */
import {
  affine, build, define, definitionOf, KEEP, mapNodes, operandsOf, readsOf, type Affine, type Arena, type Definition, type Index, type Node, type Program, type Read, type Tensor,
} from "../ir/index.ts"; // prettier-ignore

/** e[…] / s[…] where s is the sum of e over some of its indices. */
interface Proportion {
  readonly part: Tensor;
  readonly whole: Tensor;
  readonly share: Definition;
}

export interface Proportional {
  /** To be written before the formulas. */
  readonly shares: readonly Definition[];
  readonly definitions: readonly Definition[];
}

/** `names`: those that are taken. */
export const withProportions = (
  ir: Arena,
  program: Program,
  definitions: readonly Definition[],
  names: ReadonlySet<string>,
): Proportional => {
  const taken = new Set(names);
  const known = program.definitions.flatMap((whole): Proportion[] => {
    const part = partOf(whole);
    const definition = part && definitionOf(program, part.tensor);
    if (part === undefined || definition === undefined) return [];
    const name = ["p", "q", `${part.tensor.name}_share`].find((each) => !taken.has(each)) ?? part.tensor.name;
    taken.add(name);
    return [{ part: part.tensor, whole: whole.tensor, share: shareOf(ir, name, definition, whole, part) }];
  });
  // factors stand in the order in which they are made: as those that they replace
  for (const { tensor, at } of readsOf(definitions.map(({ body }) => body)))
    for (const { part, share } of known) if (part === tensor) build.read(ir, share.tensor, at);
  const changed = definitions.map((definition): Definition => {
    const node = (rebuilt: Node): Node => withShares(ir, known, rebuilt);
    return { ...definition, body: mapNodes(ir, [definition.body], { ...KEEP, node })[0] ?? definition.body };
  });
  const read = new Set(readsOf(changed.map(({ body }) => body)).map(({ tensor }) => tensor));
  return {
    shares: known.map(({ share }) => share).filter(({ tensor }) => read.has(tensor)),
    definitions: changed,
  };
};

/** What a sum is over, if that is all elements along some of the axes of a tensor. */
const partOf = ({ reduction, body, indices }: Definition): Read | undefined => {
  if (reduction?.op !== "sum" || body.kind !== "read" || body.tensor.role !== "defined") return undefined;
  const over = [...indices, ...reduction.indices];
  const at = body.at.map(affine.plainIndex);
  const isEach = at.length === over.length && over.every((index) => at.includes(index));
  return isEach ? body : undefined;
};

/** p[i…] = e[i…] / s[those of i that are not summed] */
const shareOf = (ir: Arena, name: string, part: Definition, whole: Definition, read: Read): Definition => {
  const { tensor, indices, labels } = part;
  const place = indices.map((index) => affine.ofIndex(ir, index));
  const sum = build.read(ir, whole.tensor, placeOfSum(read, whole.indices, place));
  return define(ir, {
    tensor: ir.tensor({ ...tensor, name, role: "defined" }),
    indices,
    body: build.divide(ir, build.read(ir, tensor, place), sum),
    labels: labels.slice(0, indices.length),
  });
};

const placeOfSum = (read: Read, kept: readonly Index[], place: readonly Affine[]): readonly Affine[] => {
  const at = read.at.map(affine.plainIndex);
  return kept.map((index) => place[at.indexOf(index)] ?? index.extent);
};

const withShares = (ir: Arena, known: readonly Proportion[], node: Node): Node => {
  let args = node.kind === "product" ? operandsOf(node) : [];
  for (const { part, share } of known) {
    for (const factor of args) {
      if (factor.kind !== "read" || factor.tensor !== part) continue;
      const [quotient] = mapNodes(ir, [share.body], {
        ...KEEP,
        index: (index) => factor.at[share.indices.indexOf(index)],
      });
      const parts = quotient === undefined ? [] : operandsOf(quotient);
      if (!parts.every((each) => args.includes(each))) continue;
      args = [...args.filter((each) => !parts.includes(each)), build.read(ir, share.tensor, factor.at)];
    }
  }
  return node.kind === "product" && args.length < node.args.length ? build.product(ir, args) : node;
};
