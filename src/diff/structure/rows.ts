/**
 * Terms that are nothing but in one row → lists of that row alone.
 * Terminates: bodies are finite, and each sum in one is multiplied out once.
 */
import {
  affine,
  build,
  operandsOf,
  substitute,
  type Affine,
  type Arena,
  type Definition,
  type Index,
  type Node,
} from "../../ir/index.ts";
import { ownIndices, guarded, keyOf, putIn, type Fixed, type Around, type Term } from "./parts.ts";
import { listed } from "./terms.ts";

/** 0 = ±index + rest: where the index is then, if nothing else says so. */
const rowIn = (ir: Arena, test: Node, index: Index): readonly Affine[] => {
  const split = test.kind === "iszero" ? affine.linearIn(ir, test.value, index) : undefined;
  const sign = split && affine.asConstant(split.coefficient);
  const isKnown = split?.rest.indices.length === 0 && affine.dataOf(split.rest).length === 0;
  return isKnown && (sign === 1 || sign === -1) ? [affine.scale(ir, split.rest, -sign)] : [];
};

/** The indices of the element that a term is nothing without, where its columns are the same in all rows. */
const rowsOf = (
  ir: Arena,
  own: readonly Index[],
  { list, fixed, body }: Term,
): ReadonlyMap<Index, Affine> => {
  const isByRow = [...fixed.values()].some(({ indices }) => indices.length > 0);
  if (list !== undefined || isByRow || body.kind !== "guard") return new Map();
  const tests = body.test.kind === "and" ? body.test.args : [body.test];
  return new Map(
    own.flatMap((index) =>
      tests
        .flatMap((test) => rowIn(ir, test, index))
        .slice(0, 1)
        .map((place) => [index, place] as const),
    ),
  );
};

/**
 * A term that is nothing but in one row (of x[0], say) is a list of that row alone: as one for each row it would be full. Where
 * it stands on the diagonal, and others do, it is one of them. Only of results: a component that these are made of has one row.
 */
export const atSingleRows = (
  around: Around,
  definition: Definition,
  whole: readonly Term[],
): readonly Term[] => {
  const { ir, element } = around;
  if (!around.results.has(definition.tensor)) return whole;
  const own = ownIndices(ir, definition.tensor);
  const terms = whole.flatMap((term) => apart(ir, own, term));
  const rows = new Map(terms.map((term) => [term, rowsOf(ir, own, term)]));
  const others = terms.filter((term) => term.list === undefined && rows.get(term)?.size === 0);
  const identity = new Map(own.map((index, d): [number, Affine] => [d, affine.ofIndex(ir, index)]));
  const isDiagonal =
    own.length === element.length &&
    others.some(
      ({ fixed }) => keyOf({ list: undefined, fixed }) === keyOf({ list: undefined, fixed: identity }),
    );
  return terms.map((term): Term => {
    const given = rows.get(term);
    if (given === undefined || given.size === 0 || others.some(({ fixed }) => isAround(fixed, term.fixed)))
      return term;
    const here = { list: undefined, fixed: putIn(ir, identity, given) };
    if (isDiagonal && keyOf(here) === keyOf({ list: undefined, fixed: putIn(ir, term.fixed, given) }))
      return { ...term, fixed: identity };
    const { list, values } = listed(around, definition, [], given);
    const guards = [...given].map(([{ extent }, place]) => build.inRange(ir, place, extent));
    const body = guarded(ir, guards, substitute(ir, term.body, values));
    return { ...term, list, fixed: putIn(ir, term.fixed, values), body };
  });
};

/** The summands of a term, where one of them is in a single row: of what is multiplied by a sum too. */
const apart = (ir: Arena, own: readonly Index[], term: Term): readonly Term[] => {
  const isOneRow = (body: Node): boolean => rowsOf(ir, own, { ...term, body }).size > 0;
  const summands = (body: Node): readonly Node[] => {
    if (body.kind === "guard") return summands(body.a).map((each) => build.guard(ir, body.test, each));
    if (body.kind === "sum") return operandsOf(body).flatMap(summands);
    const factors = body.kind === "product" ? body.args : [];
    const inRows = factors.find((factor) => factor.kind === "sum" && summands(factor).some(isOneRow));
    if (inRows === undefined) return [body];
    const others = factors.filter((factor) => factor !== inRows);
    return operandsOf(inRows).flatMap((each) => summands(build.product(ir, [...others, each])));
  };
  const bodies = summands(term.body);
  return bodies.some(isOneRow) ? bodies.map((body): Term => ({ ...term, body })) : [term];
};

/** Whether a block at fewer places, or all of it, has the place. */
const isAround = (block: Fixed, fixed: Fixed): boolean =>
  (block.size === 0 || block.size < fixed.size) && [...block].every(([j, value]) => fixed.get(j) === value);
