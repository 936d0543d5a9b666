/**
 * In: a program. Out: tangent definitions, Ṫ[o] = Σ_r Σ ∂e/∂A·Ȧ, from the same partials read the other way.
 * Definitions in order, nodes from operands to root, each once: it ends.
 */
import {
  build,
  operandsOf,
  type Arena,
  type Definition,
  type Node,
  type Program,
  type Tensor,
} from "../ir/index.ts";
import { activeNodes, activeTensors } from "./activity.ts";
import type { Namer } from "./names.ts";
import { partialsOf, scaleBy } from "./partials.ts";
import { weightOf } from "./reduction.ts";

export interface Tangents {
  readonly definitions: readonly Definition[];
  readonly of: ReadonlyMap<Tensor, Tensor>;
}

/** `directions` gives the tangent of each input that moves. */
export const forwardMode = (
  ir: Arena,
  program: Program,
  directions: ReadonlyMap<Tensor, Tensor>,
  namer: Namer,
): Tangents => {
  const active = activeTensors(program, [...directions.keys()]);
  const of = new Map(directions);
  const definitions: Definition[] = [];
  const moving = program.definitions.filter(({ tensor }) => active.has(tensor));
  // all before the bodies: a recurrence reads what is defined later
  for (const { tensor: value } of moving) {
    const { shape } = value;
    of.set(value, ir.tensor({ name: namer(`t_${value.name}`), shape, dtype: "float", role: "defined" }));
  }
  for (const definition of moving) {
    const tensor = of.get(definition.tensor);
    if (tensor === undefined) continue;
    const weight = weightOf(ir, definition, namer);
    const body = scaleBy(ir, weight.value, tangentOf(ir, definition, active, of));
    definitions.push(...weight.definitions, { ...sumOf(definition), tensor, body });
  }
  return { definitions, of };
};

/** The tangent of max, prod, … is a weighted sum of tangents. */
const sumOf = (definition: Definition): Definition => ({
  ...definition,
  reduction: definition.reduction && { ...definition.reduction, op: "sum" },
});

const tangentOf = (
  ir: Arena,
  definition: Definition,
  active: ReadonlySet<Tensor>,
  of: ReadonlyMap<Tensor, Tensor>,
): Node => {
  const tangents = new Map<Node, Node>();
  for (const node of activeNodes(definition, active)) {
    const moving = node.kind === "read" ? of.get(node.tensor) : undefined;
    if (node.kind === "read" && moving !== undefined) tangents.set(node, build.read(ir, moving, node.at));
    else tangents.set(node, combine(ir, node, tangents));
  }
  return tangents.get(definition.body) ?? build.zero(ir);
};

const combine = (ir: Arena, node: Node, tangents: ReadonlyMap<Node, Node>): Node => {
  const partials = partialsOf(ir, node);
  const terms = operandsOf(node).map((operand, k) => {
    const [tangent, partial] = [tangents.get(operand), partials[k]];
    return tangent === undefined || partial === undefined ? build.zero(ir) : scaleBy(ir, partial, tangent);
  });
  return build.sum(ir, terms);
};
