/**
 * In: a program and one of its inputs, the source. Out: the derivative of every tensor by every element of the source, with
 * deltas kept as structure: ∂T[o] / ∂x[e] = Σ over parts of Π δ(e_j, f_j(o)) · D[o, e without those j], or, for a list of
 * places, Σ[k] Π δ(o_d, g_d(k)) · Π δ(e_j, f_j(k)) · D[k, o without those d, e without those j]. Each D is a definition in
 * gather form. Definitions in order, each once, with a bounded number of parts: it ends.
 */
import {
  affine,
  build,
  componentsOf,
  readsOf,
  type Affine,
  type Arena,
  type Definition,
  type Program,
  type Tensor,
} from "../../ir/index.ts";
import { activeNodes, activeTensors } from "../activity.ts";
import type { Namer } from "../names.ts";
import { weightOf } from "../reduction.ts";
import { propagate } from "../reverse.ts";
import { supportsOf } from "../support.ts";
import {
  sourceIndices,
  ownIndices,
  type Part,
  type Sensitivities,
  type Around,
  type Body,
  type Tangent,
  type Moving,
} from "./parts.ts";
import { recurrent } from "./recurrent.ts";
import { scattered, spread } from "./scattered.ts";
import { tangentOfTerms } from "./tangent.ts";
import { termOf } from "./terms.ts";

/** Of what the results depend on; theirs are made to be stored. */
export const sensitivities = (
  ir: Arena,
  program: Program,
  source: Tensor,
  results: ReadonlySet<Tensor>,
  namer: Namer,
): Sensitivities => {
  const active = activeTensors(program, [source]);
  const own = ownIndices(ir, source).map((index, j): [number, Affine] => [j, affine.ofIndex(ir, index)]);
  const of = new Map<Tensor, readonly Part[]>([[source, [{ fixed: new Map(own), tensor: undefined }]]]);
  const element = sourceIndices(ir, source);
  const definitions: Definition[] = [];
  const known = new Map<Part, Part>();
  const spreadOnce = (tensor: Tensor, part: Part): Part => {
    const found = known.get(part) ?? spread({ ir, element, namer }, tensor, part);
    if ("definition" in found) definitions.push(found.definition);
    const one = "part" in found ? found.part : found;
    known.set(part, one);
    return one;
  };
  const moving = program.definitions.filter(({ tensor }) => active.has(tensor));
  const components = componentsOf(moving);
  const inCircles = components.flatMap(({ members, isCircle }) => (isCircle ? members : []));
  const elementwise = elementwiseTo(results, moving);
  for (const { tensor } of inCircles) elementwise.delete(tensor);
  const around: Around = { ir, element, of, namer, results, banded: elementwise, spread: spreadOnce };
  for (const { members, isCircle } of components) {
    const bodies = members.map((definition) => movingIn(around, definition, active));
    const tangents = isCircle ? recurrent(around, bodies) : bodies.map((each) => tangentOf(around, each));
    tangents.forEach((tangent, k) => {
      definitions.push(...tangent.definitions);
      const tensor = members[k]?.tensor;
      if (tensor !== undefined) of.set(tensor, tangent.parts);
    });
  }
  return { definitions, of };
};

/** The results, and what is only read element by element on the way to them. */
const elementwiseTo = (results: ReadonlySet<Tensor>, definitions: readonly Definition[]): Set<Tensor> => {
  const found = new Set(results);
  const spoiled = new Set<Tensor>();
  for (const { tensor, indices, reduction, target, body } of definitions.toReversed()) {
    const isKept =
      found.has(tensor) && !spoiled.has(tensor) && reduction === undefined && target === undefined;
    for (const read of readsOf([body])) {
      const isSame =
        read.at.length === indices.length &&
        read.at.every((place, d) => affine.plainIndex(place) === indices[d]);
      if (isKept && isSame) found.add(read.tensor);
      else spoiled.add(read.tensor);
    }
  }
  return new Set([...found].filter((tensor) => results.has(tensor) || !spoiled.has(tensor)));
};

const movingIn = ({ ir, namer }: Around, definition: Definition, active: ReadonlySet<Tensor>): Body => {
  const weight = weightOf(ir, definition, namer);
  const nodes = activeNodes(definition, active);
  const partials = propagate(ir, definition.body, nodes, weight.value);
  const moving = nodes.flatMap((node): Moving[] => {
    const partial = partials.get(node);
    return node.kind !== "read" || partial === undefined
      ? []
      : [{ tensor: node.tensor, at: node.at, partial }];
  });
  const supports = supportsOf(
    ir,
    moving.map(({ partial }) => partial),
  );
  // a tangent is read where the element that it belongs to is
  const reads = moving.map((read): Moving => {
    const support = supports.get(read.partial) ?? build.boolean(ir, true);
    return { ...read, partial: build.guard(ir, support, read.partial) };
  });
  return { definition, reads, before: weight.definitions };
};

const tangentOf = (around: Around, { definition, reads, before }: Body): Tangent => {
  const { target } = definition;
  const tangent =
    target === undefined ? gathered(around, definition, reads) : scattered(around, definition, target, reads);
  return { ...tangent, definitions: [...before, ...tangent.definitions] };
};

const gathered = (around: Around, definition: Definition, reads: readonly Moving[]): Tangent => {
  const terms = reads.flatMap((read) =>
    (around.of.get(read.tensor) ?? []).map((part) => termOf(around, definition, read, part)),
  );
  return tangentOfTerms(around, definition, terms);
};
