/**
 * What a kernel of f32 numbers computes in f64. In: a node and how often each node is used; out: the operands in f32 and the
 * nodes over them that are computed in f64, operands first, or nothing. Ends because operands have smaller ids than users.
 *
 * The policy. A result should be as good as its inputs say. Of several inputs each stands for all the numbers that round to
 * it, and so does what is computed from them. But a function of one input is expected to be right at that very number,
 * and some functions magnify what their argument lost: e^(-x²/2) at x = -13 multiplies its relative error by 169. So where a
 * magnifying function has a polynomial of one read as its argument, or is multiplied with other functions of that read
 * (x·σ(x), where σ alone may be a denormal), this arithmetic is f64, and only the functions stay as accurate as f32 needs;
 * unless specialise.ts has a formula for it.
 */
import {
  build,
  dependenciesOf,
  operandsOf,
  type Arena,
  type Node,
  type Read,
  type UnaryOp,
} from "../ir/index.ts";

/** Nodes in f64 and their operands. */
export interface WideRegion {
  /** Computed as everywhere in the kernel. */
  readonly leaves: readonly Node[];
  /** In order of id; the root is the last. */
  readonly nodes: readonly Node[];
}

/** The relative error of f(x) is |x f′(x) / f(x)| times that of x, which is not bounded for these. */
const MAGNIFYING: ReadonlySet<UnaryOp> = new Set<UnaryOp>(["exp", "erfc", "sigmoid", "sinh", "cosh"]);

/** What is longer gains least, and would cost most. */
const MAX_NODES = 40;
const MAX_POWER = 8;

const isMagnifying = (node: Node): boolean => node.kind === "unary" && MAGNIFYING.has(node.op);

const isArithmetic = (node: Node): boolean =>
  node.kind === "sum" ||
  node.kind === "product" ||
  (node.kind === "power" && node.exponent.den <= 2 && Math.abs(node.exponent.num) <= MAX_POWER);

/** These nodes and what they lead to, if that is not more than is worth while. */
const spread = (
  from: readonly Node[],
  next: (node: Node) => readonly Node[],
): ReadonlySet<Node> | undefined => {
  const reached = new Set(from);
  for (const node of reached)
    for (const operand of next(node)) {
      if (reached.size > MAX_NODES) return undefined;
      reached.add(operand);
    }
  return reached.size > MAX_NODES ? undefined : reached;
};

/** Nodes below the root, itself included, as far as f64 may reach. */
const reachOf = (root: Node): ReadonlySet<Node> | undefined =>
  spread([root], (node) => (isArithmetic(node) || isMagnifying(node) ? operandsOf(node) : []));

/** What is used elsewhere too is computed once, in f32. */
const withoutShared = (
  root: Node,
  reached: ReadonlySet<Node>,
  uses: ReadonlyMap<Node, number>,
): WideRegion => {
  const candidates = [...reached].sort((a, b) => b.id - a.id);
  const inside = new Map<Node, number>();
  const nodes: Node[] = [];
  for (const node of candidates) {
    const isWhole = node === root || inside.get(node) === (uses.get(node) ?? 1);
    if (!isWhole || !(isArithmetic(node) || isMagnifying(node))) continue;
    nodes.push(node);
    for (const operand of new Set(operandsOf(node))) inside.set(operand, (inside.get(operand) ?? 0) + 1);
  }
  const chosen = new Set(nodes);
  const leaves = [...inside.keys()].filter((node) => !chosen.has(node) && node.kind !== "constant");
  return { leaves: leaves.sort((a, b) => a.id - b.id), nodes: nodes.reverse() };
};

/** The one read that all leaves are computed from. */
const readOf = (leaves: readonly Node[]): Read | undefined => {
  const reached = spread(leaves, (node) => (node.kind === "read" ? [] : dependenciesOf(node)));
  const reads = [...(reached ?? [])].filter((node): node is Read => node.kind === "read");
  return reads.length === 1 ? reads[0] : undefined;
};

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(Math.abs(value)));

/** x, -x, 2x: as good in f32. */
const isExact = (node: Node): boolean =>
  node.kind === "product" &&
  node.args.length === 2 &&
  node.args.every((arg) => arg.kind === "read" || (arg.kind === "constant" && isPowerOfTwo(arg.value)));

const magnifiesArithmetic = (node: Node, nodes: ReadonlySet<Node>): boolean =>
  node.kind === "unary" && nodes.has(node.a) && !isExact(node.a);

const isNumber = (node: Node): boolean => node.kind === "constant";

/** A product with a magnifying function that has another factor, or a power of one. */
const multipliesMagnified = (node: Node, magnified: ReadonlySet<Node>): boolean => {
  if (node.kind === "power") return magnified.has(node.base);
  if (node.kind !== "product") return false;
  return node.args.some((arg) => magnified.has(arg)) && node.args.filter((arg) => !isNumber(arg)).length > 1;
};

/** The nodes that are a magnifying function or computed from one. */
const magnifiedAmong = (nodes: readonly Node[]): ReadonlySet<Node> => {
  const magnified = new Set<Node>();
  for (const node of nodes)
    if (isMagnifying(node) || operandsOf(node).some((operand) => magnified.has(operand))) magnified.add(node);
  return magnified;
};

/** The region whose last node is `root`, if f64 is worth it there. */
const regionAt = (root: Node, uses: ReadonlyMap<Node, number>): WideRegion | undefined => {
  const reached = isArithmetic(root) || isMagnifying(root) ? reachOf(root) : undefined;
  if (reached === undefined || ![...reached].some(isMagnifying)) return undefined;
  const region = withoutShared(root, reached, uses);
  const nodes = new Set(region.nodes);
  const magnified = magnifiedAmong(region.nodes);
  const gains = region.nodes.some(
    (node) => magnifiesArithmetic(node, nodes) || multipliesMagnified(node, magnified),
  );
  return gains && readOf(region.leaves) !== undefined ? region : undefined;
};

/** A node as a product of what is computed in f64 and what is not. */
export interface Regions {
  readonly regions: readonly WideRegion[];
  readonly others: readonly Node[];
}

/** Factors by the one read that they are computed from. */
const groupsOf = (factors: readonly Node[]): ReadonlyMap<Read, readonly Node[]> => {
  const groups = new Map<Read, readonly Node[]>();
  for (const factor of factors) {
    const read = isNumber(factor) ? undefined : readOf([factor]);
    if (read !== undefined) groups.set(read, [...(groups.get(read) ?? []), factor]);
  }
  return groups;
};

/** What is computed in f64 for the value of a node: all of it, or the factors of a product that have one read in common. */
export const wideRegions = (ir: Arena, node: Node, uses: ReadonlyMap<Node, number>): Regions | undefined => {
  const whole = regionAt(node, uses);
  if (whole !== undefined) return { regions: [whole], others: [] };
  if (node.kind !== "product") return undefined;
  const regions: WideRegion[] = [];
  const taken = new Set<Node>();
  for (const factors of groupsOf(node.args).values()) {
    const region = factors.length > 1 ? regionAt(build.product(ir, factors), uses) : undefined;
    if (region === undefined) continue;
    regions.push(region);
    for (const factor of factors) taken.add(factor);
  }
  return regions.length === 0 ? undefined : { regions, others: node.args.filter((arg) => !taken.has(arg)) };
};
