/**
 * Definitions in, fewer of them out, equal in value: bodies simplified, equal definitions merged, copies and constants
 * forwarded, what is read once in the same loops written where it is read, dead ones dropped. Every round but the last removes
 * a definition or changes a body to a lighter one, so rounds end.
 */
import {
  affine, build as b, definitionKey, KEEP, liveDefinitions, loopIndices, mapNodes, range, substitute,
} from "../ir/index.ts"; // prettier-ignore
import type { Affine, Definition, Index, Node, Read, Tensor } from "../ir/index.ts";
import { simplifyNodes, type Engine } from "./engine.ts";
import { bodyAt, isPointwise, readsIn } from "./workspace.ts";

const ROUNDS = 12;

export const tidy = (
  engine: Engine,
  definitions: readonly Definition[],
  outputs: readonly Tensor[],
): readonly Definition[] => {
  let current = definitions;
  for (let count = 0; count < ROUNDS; count++) {
    const next = liveDefinitions(forward(engine, simplifyBodies(engine, current), outputs), outputs);
    if (next.length === current.length && next.every((definition, k) => definition === current[k])) break;
    current = next;
  }
  return current;
};

const simplifyBodies = (engine: Engine, definitions: readonly Definition[]): readonly Definition[] => {
  const bodies = simplifyNodes(
    engine,
    definitions.map((definition) => definition.body),
  );
  return definitions.map((definition, k) => withBody(definition, bodies[k] ?? definition.body));
};

/** The same object for the same body; a reduction of nothing is nothing. */
export const withBody = (definition: Definition, body: Node): Definition => {
  const emptied = body.kind === "zero" && definition.reduction?.op === "sum";
  if (body === definition.body && !emptied) return definition;
  if (!emptied) return { ...definition, body };
  const { reduction, ...rest } = definition;
  return reduction === undefined
    ? definition
    : { ...rest, reduction: undefined, body, labels: rest.labels.slice(0, rest.indices.length) };
};

/** How often and where a tensor is read. */
interface Use {
  readonly reader: Definition;
  readonly node: Read;
}

const usesOf = (definitions: readonly Definition[]): ReadonlyMap<Tensor, readonly Use[]> => {
  const uses = new Map<Tensor, Use[]>();
  for (const reader of definitions) {
    for (const node of readsIn(reader)) {
      const known = uses.get(node.tensor);
      if (known === undefined) uses.set(node.tensor, [{ reader, node }]);
      else known.push({ reader, node });
    }
  }
  return uses;
};

/** Reads replaced by what they stand for, from the first definition to the last. */
const forward = (
  engine: Engine,
  definitions: readonly Definition[],
  outputs: readonly Tensor[],
): readonly Definition[] => {
  const uses = usesOf(definitions);
  const places =
    engine.mode === "derived" ? writtenElsewhere(definitions, uses, new Set(outputs)) : new Map();
  const byKey = new Map<string, Tensor>();
  const sources = new Map<Tensor, Definition>();
  const result: Definition[] = [];
  for (const definition of definitions) {
    const rewritten = readThrough(engine, definition, sources);
    const key = definitionKey(rewritten);
    const equal = byKey.get(key);
    const final = equal === undefined || !mayMerge(rewritten) ? rewritten : copyOf(engine, rewritten, equal);
    result.push(final);
    if (places.has(final.tensor) || isForwarded(engine, final)) sources.set(final.tensor, final);
    // what is written into its reader is no definition for others to read
    else if (equal === undefined) byKey.set(key, final.tensor);
  }
  return result;
};

/** A recurrence reads its own name, so an equal key is no equal computation. */
const mayMerge = (definition: Definition): boolean =>
  !readsIn(definition).some((node) => node.tensor === definition.tensor);

const copyOf = (engine: Engine, definition: Definition, of: Tensor): Definition => {
  const { ir } = engine;
  const at = (definition.target ? definition.tensor.shape : definition.indices).map((each, k) =>
    affine.ofIndex(ir, ir.index(`i${k}`, "extent" in each ? each.extent : each)),
  );
  return {
    tensor: definition.tensor,
    indices: at.flatMap((value) => value.indices),
    reduction: undefined,
    target: undefined,
    body: b.read(ir, of, at),
    labels: definition.target
      ? at.map((_, k) => `i${k}`)
      : definition.labels.slice(0, definition.indices.length),
  };
};

const readThrough = (
  engine: Engine,
  definition: Definition,
  sources: ReadonlyMap<Tensor, Definition>,
): Definition => {
  const { ir } = engine;
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind !== "read") return rebuilt;
    const source = sources.get(rebuilt.tensor);
    return source === undefined ? rebuilt : substitute(ir, source.body, bodyAt(ir, source, rebuilt.at));
  };
  const [body = definition.body] = mapNodes(ir, [definition.body], { ...KEEP, node });
  if (definition.target === undefined) return withBody(definition, body);
  const data = (old: Node): Affine => affine.ofData(ir, mapNodes(ir, [old], { ...KEEP, node })[0] ?? old);
  const target = definition.target.map((a) => range.substituteAffine(ir, a, () => undefined, data));
  const same = target.every((a, k) => a === definition.target?.[k]);
  return same ? withBody(definition, body) : { ...withBody(definition, body), target };
};

/**
 * A copy of a tensor, or a number: nothing is computed, so every reader may have it. Of a read that may be outside, every
 * reader has to: outside it is nothing, by its name as much as where it stands itself.
 */
const isForwarded = (engine: Engine, definition: Definition): boolean => {
  if (definition.reduction !== undefined || definition.target !== undefined) return false;
  const { body } = definition;
  const copied = body.kind === "guard" && isInside(body.test) ? body.a : body;
  if (copied.kind === "read") return copied.tensor !== definition.tensor;
  if (NUMBERS.has(body.kind)) return definition.tensor.dtype === "float";
  return (
    body.kind === "product" &&
    engine.mode === "derived" &&
    isNegatedRead(body.args) &&
    isPointwise(definition)
  );
};

const isInside = (test: Node): boolean =>
  test.kind === "inrange" || (test.kind === "and" && test.args.every(isInside));

const NUMBERS: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>(["zero", "constant", "option", "index"]);

const isNegatedRead = ([sign, read, ...others]: readonly Node[]): boolean =>
  others.length === 0 && sign?.kind === "constant" && sign.value === -1 && read?.kind === "read";

/** A definition that is written into another: `moved` where it is read there at its indices in another order. */
interface Place {
  readonly owner: Definition;
  readonly moved: boolean;
}

/**
 * The definitions whose elements one other definition reads, once each: written there they are computed once, as before. From
 * the last to the first, so that readers which are themselves written elsewhere count as part of that.
 */
const writtenElsewhere = (
  definitions: readonly Definition[],
  uses: ReadonlyMap<Tensor, readonly Use[]>,
  kept: ReadonlySet<Tensor>,
): ReadonlyMap<Tensor, Place> => {
  const places = new Map<Tensor, Place>();
  for (const definition of definitions.toReversed()) {
    const all = uses.get(definition.tensor) ?? [];
    const owners = new Set(all.map(({ reader }) => places.get(reader.tensor)?.owner ?? reader));
    const [owner, ...others] = owners;
    if (owner === undefined || others.length > 0 || kept.has(definition.tensor) || !isPointwise(definition))
      continue;
    const isInPlace = all.every((use) => isReadInPlace(definition, use, owner, places));
    const [only, ...more] = all;
    if (isInPlace) places.set(definition.tensor, { owner, moved: false });
    else if (only !== undefined && more.length === 0 && only.reader === owner && readsEachOnce(only)) {
      places.set(definition.tensor, { owner, moved: true });
    }
  }
  return places;
};

const loopsOf = (definition: Definition): ReadonlySet<Index> => new Set(loopIndices(definition));

/** Read at its own indices, which are all of the loops: however often, it is one value. */
const isReadInPlace = (
  definition: Definition,
  use: Use,
  owner: Definition,
  places: ReadonlyMap<Tensor, Place>,
): boolean => {
  const loops = loopsOf(owner);
  return (
    places.get(use.reader.tensor)?.moved !== true &&
    loops.size === definition.indices.length &&
    definition.indices.every((index, k) => loops.has(index) && affine.plainIndex(use.node.at[k]) === index)
  );
};

/** Read at all of the reader's loops, in any order. */
const readsEachOnce = (use: Use): boolean => {
  const loops = loopsOf(use.reader);
  const read = use.node.at.map(affine.plainIndex);
  if (read.length !== loops.size || new Set(read).size !== read.length) return false;
  return read.every((index) => index !== undefined && loops.has(index));
};
