/**
 * Where a body is structurally nothing, by its tests of indices. In: a body and indices of constant extent; out: a test of
 * their values. Ends: the body is a finite graph, of which each node is compiled once, operands before users.
 */
import { compileIndex, type IndexScope } from "../eval/indexing.ts";
import {
  affine,
  reachable,
  type Affine,
  type Index,
  type Kind,
  type Node,
  type NodeOf,
} from "../ir/index.ts";

/** At the present values of the indices: of a condition, whether it holds; of a value, whether something may be left of it. */
type Decide = () => boolean;

interface Site {
  readonly indices: readonly Index[];
  readonly scope: IndexScope;
  /** Without those of which indices alone do not say it. */
  readonly decided: Map<Node, Decide>;
}

/** Undefined where something may be left at all places. `counters` has the values of the indices, in their order. */
export const mayBeLeft = (
  body: Node,
  indices: readonly Index[],
  counters: Float64Array,
): Decide | undefined => {
  const scope: IndexScope = {
    dims: new Map(),
    counters,
    position: (index) => indices.indexOf(index),
    data: unknown,
    dataRange: unknown,
  };
  const site: Site = { indices, scope, decided: new Map() };
  for (const node of reachable([body])) {
    const decide = decideOf(site, node);
    if (decide !== undefined) site.decided.set(node, decide);
  }
  return site.decided.get(body);
};

const unknown = (): never => {
  throw new Error("only data say so");
};

type Row<K extends Kind> = (site: Site, node: NodeOf<K>) => Decide | undefined;

/** Kinds without a row are something wherever they stand. */
const ROWS: { readonly [K in Kind]?: Row<K> } = {
  zero: () => () => false,
  boolean:
    (_site, { value }) =>
    () =>
      value,
  iszero: (site, { value }) => compared(site, value, value, (v) => v === 0),
  inrange: (site, { value, extent }) => compared(site, value, extent, (v, size) => 0 <= v && v < size),
  divides: (site, { by, value }) => compared(site, value, by, (v, divisor) => v % divisor === 0),
  and: (site, { args }) => all(known(args.map(of(site)))),
  or: (site, { args }) => any(known(args.map(of(site)))),
  not: (site, { a }) => {
    const holds = of(site)(a);
    return holds && (() => !holds());
  },
  // what is not known may be left to the other factors
  guard: (site, { test, a }) => all(some([...(test.kind === "and" ? test.args : [test]), a].map(of(site)))),
  product: (site, { args }) => all(some(args.map(of(site)))),
  sum: (site, { args }) => any(known(args.map(of(site)))),
  select: (site, { test, then, else: otherwise }) => {
    const [holds, a, b] = [test, then, otherwise].map(of(site));
    return holds && (() => (holds() ? (a?.() ?? true) : (b?.() ?? true)));
  },
};

const decideOf = (site: Site, node: Node): Decide | undefined =>
  (ROWS[node.kind] as Row<Kind> | undefined)?.(site, node);

const of =
  ({ decided }: Site) =>
  (node: Node): Decide | undefined =>
    decided.get(node);

/** All of them, or nothing. */
const known = (parts: readonly (Decide | undefined)[]): readonly Decide[] | undefined => {
  const found = parts.filter((part) => part !== undefined);
  return found.length === parts.length ? found : undefined;
};

/** Those that are known, or nothing. */
const some = (parts: readonly (Decide | undefined)[]): readonly Decide[] | undefined => {
  const found = parts.filter((part) => part !== undefined);
  return found.length === 0 ? undefined : found;
};

const all = (parts: readonly Decide[] | undefined): Decide | undefined =>
  parts && (() => parts.every((part) => part()));

const any = (parts: readonly Decide[] | undefined): Decide | undefined =>
  parts && (() => parts.some((part) => part()));

const compared = (
  site: Site,
  a: Affine,
  b: Affine,
  holds: (a: number, b: number) => boolean,
): Decide | undefined => {
  if (![a, b].every((each) => isClosed(site, each))) return undefined;
  const [left, right] = [compileIndex(a, site.scope), compileIndex(b, site.scope)];
  return () => holds(left(), right());
};

const isClosed = ({ indices }: Site, a: Affine): boolean =>
  affine.dimsOf(a).length === 0 &&
  affine.dataOf(a).length === 0 &&
  a.indices.every((index) => indices.includes(index));
