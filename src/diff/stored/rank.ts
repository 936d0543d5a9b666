/**
 * A matrix that is a sum of few outer products, with a diagonal or without → its factors. In: its parts; out: vectors, or
 * nothing where there are too many. Bodies are followed to a fixed depth: it ends.
 */
import {
  affine, build, define, definitionOf, operandsOf, substitute, tensorsRead, type Affine, type Arena, type Definition, type Index, type Node, type Program, type Tensor,
} from "../../ir/index.ts"; // prettier-ignore
import { isIdentity, output, sharedBy, type Drawn, type Stored } from "./drawn.ts";

/** More terms than this are not kept as factors. */
const HIGHEST_RANK = 4;

/** left(row)·right(column), each a product. */
interface Outer {
  readonly left: readonly Node[];
  readonly right: readonly Node[];
}

interface Factors {
  readonly left: Node;
  readonly right: Node;
}

/** a·rᵀ + b·rᵀ = (a + b)·rᵀ, and the same on the left. */
const met = (ir: Arena, products: readonly Outer[]): readonly Factors[] => {
  const factors = products.map(({ left, right }) => ({
    left: build.product(ir, left),
    right: build.product(ir, right),
  }));
  const byRight = totals(ir, factors, "right", "left").map(([right, left]) => ({ left, right }));
  return totals(ir, byRight, "left", "right").map(([left, right]) => ({ left, right }));
};

/** For each value of one side, the sum of the others. */
const totals = (
  ir: Arena,
  factors: readonly Factors[],
  by: keyof Factors,
  of: keyof Factors,
): readonly (readonly [Node, Node])[] => {
  const sums = new Map<Node, Node>();
  for (const each of factors) {
    const known = sums.get(each[by]);
    sums.set(each[by], known === undefined ? each[of] : build.add(ir, known, each[of]));
  }
  return [...sums];
};

/** One part on the diagonal at most, and one that is a sum of few outer products. */
export const lowRank = (drawn: Drawn): Stored | undefined => {
  const { parts, element, common, own, shared } = drawn;
  // a block of one row or one column is not worth two factors
  const isThin = common.size === element.length || new Set(shared.map(({ row }) => row)).size === own.length;
  if (isThin || parts.length > 2 || parts.some(({ list }) => list !== undefined)) return undefined;
  const rest = parts.find(({ fixed }) => fixed.size === common.size);
  const diagonal = parts.find((part) => part !== rest);
  if (rest?.tensor === undefined) return undefined;
  if (diagonal !== undefined && !isIdentity(drawn, sharedBy(own, diagonal.fixed))) return undefined;
  const products = outerProducts(drawn, rest.tensor);
  return products && storedAsFactors(drawn, diagonal?.tensor, met(drawn.ir, products));
};

const storedAsFactors = (drawn: Drawn, diagonal: Tensor | undefined, outer: readonly Factors[]): Stored => {
  const { draft, shared } = drawn;
  const names = (side: string): readonly string[] =>
    outer.map((_, k) => `${draft.name}_${side}${outer.length === 1 ? "" : k + 1}`);
  const [left, right] = [names("left"), names("right")];
  const factors = outer.flatMap((each, k) => [
    factorOf(drawn, "rows", left[k] ?? draft.name, each.left),
    factorOf(drawn, "columns", right[k] ?? draft.name, each.right),
  ]);
  const name = `${draft.name}_diagonal`;
  return {
    structure:
      diagonal === undefined
        ? { kind: "lowRank", shared, left, right }
        : { kind: "diagonalPlusLowRank", shared, diagonal: name, left, right },
    definitions: factors.map(({ definition }) => definition),
    outputs: [
      ...(diagonal === undefined ? [] : [output(diagonal, name)]),
      ...factors.map(({ definition, as }) => output(definition.tensor, as)),
    ],
  };
};

const factorOf = (
  { ir, draft, own, element, common, labels, namer }: Drawn,
  side: "rows" | "columns",
  as: string,
  factor: Node,
): { definition: Definition; as: string } => {
  const { shape } = side === "rows" ? draft.of : draft.source;
  const indices = side === "rows" ? own : element;
  // what the block fixes are row indices: a column knows them by its own
  const places = new Map(
    [...common].flatMap(([j, value]): [Index, Affine][] => {
      const [row, column] = [affine.plainIndex(value), element[j]];
      return row === undefined || column === undefined ? [] : [[row, affine.ofIndex(ir, column)]];
    }),
  );
  const body = side === "rows" ? factor : substitute(ir, factor, places);
  const tensor = ir.tensor({ name: namer(as), shape, dtype: "float", role: "defined" });
  return { definition: define(ir, { tensor, indices, body, labels: labels[side] }), as };
};

/** The entries of a part as a sum of outer products; undefined where they are not, or are too many. */
const outerProducts = (drawn: Drawn, tensor: Tensor): readonly Outer[] | undefined => {
  const { ir, program, own, element, common } = drawn;
  const definition = definitionOf(program, tensor);
  if (definition === undefined || !isPointwise(definition)) return undefined;
  const free = element.filter((_, j) => !common.has(j));
  const names = [...own, ...free].map((index) => affine.ofIndex(ir, index));
  const body = bodyAt(ir, definition, names);
  const inBlock = new Set([...common.values()].map(affine.plainIndex));
  const around: Sides = {
    ir,
    program,
    isLeft: (node) => node.indices.every((index) => own.includes(index)),
    isRight: (node) => node.indices.every((index) => free.includes(index) || inBlock.has(index)),
  };
  return outer(around, body, 8);
};

interface Sides {
  readonly ir: Arena;
  readonly program: Program;
  readonly isLeft: (node: Node) => boolean;
  readonly isRight: (node: Node) => boolean;
}

const isPointwise = (definition: Definition): boolean =>
  definition.reduction === undefined &&
  definition.target === undefined &&
  !tensorsRead(definition).includes(definition.tensor);

const bodyAt = (ir: Arena, definition: Definition, at: readonly Affine[]): Node =>
  substitute(
    ir,
    definition.body,
    new Map(
      definition.indices.map((index, k): [Index, Affine] => [index, at[k] ?? affine.ofIndex(ir, index)]),
    ),
  );

const outer = (around: Sides, node: Node, depth: number): readonly Outer[] | undefined => {
  if (around.isLeft(node)) return [{ left: [node], right: [] }];
  if (around.isRight(node)) return [{ left: [], right: [node] }];
  if (depth === 0) return undefined;
  if (node.kind === "sum") {
    const terms = operandsOf(node).map((term) => outer(around, term, depth - 1));
    return terms.every((term) => term !== undefined) ? bounded(terms.flat()) : undefined;
  }
  if (node.kind === "product") {
    let products: readonly Outer[] = [{ left: [], right: [] }];
    for (const factor of node.args) {
      const terms = outer(around, factor, depth - 1);
      if (terms === undefined) return undefined;
      products = products.flatMap((a) =>
        terms.map((b) => ({ left: [...a.left, ...b.left], right: [...a.right, ...b.right] })),
      );
      if (products.length > HIGHEST_RANK) return undefined;
    }
    return products;
  }
  const inner = node.kind === "read" ? definitionOf(around.program, node.tensor) : undefined;
  if (node.kind !== "read" || inner === undefined || !isPointwise(inner)) return undefined;
  return outer(around, bodyAt(around.ir, inner, node.at), depth - 1);
};

const bounded = (terms: readonly Outer[]): readonly Outer[] | undefined =>
  terms.length > HIGHEST_RANK ? undefined : terms;
