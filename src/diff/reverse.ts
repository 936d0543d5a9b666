/**
 * In: a program. Out: its adjoint definitions, one per tensor on the way from an output back to `wrt`, in gather form.
 * Definitions are visited once, from last to first, and the nodes of a body from the root down: it ends.
 */
import {
  affine, build, componentsOf, define, loopIndices, operandsOf, type Arena, type Definition, type Index, type Node, type Program, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { activeNodes, activeTensors } from "./activity.ts";
import { gather, letterAt, type Contribution, type Form } from "./gather.ts";
import type { Namer } from "./names.ts";
import { partialsOf, scaleBy } from "./partials.ts";
import { weightOf } from "./reduction.ts";
import { shareOperations } from "./share.ts";

export interface Adjoints {
  /** In an order in which each reads only earlier ones (and the program's own definitions). */
  readonly definitions: readonly Definition[];
  /** The adjoint of each active tensor that an output depends on. */
  readonly of: ReadonlyMap<Tensor, Tensor>;
}

/** The adjoint of an output, as an expression over that output's canonical indices. */
export type Seeds = ReadonlyMap<Tensor, Node>;

export const reverse = (
  ir: Arena,
  program: Program,
  wrt: readonly Tensor[],
  seeds: Seeds,
  namer: Namer,
): Adjoints => {
  const active = activeTensors(program, wrt);
  const pending = new Map<Tensor, Contribution[]>();
  const definitions: Definition[] = [];
  const of = new Map<Tensor, Tensor>();
  const isNeeded = (tensor: Tensor): boolean =>
    active.has(tensor) && (seeds.has(tensor) || (pending.get(tensor) ?? []).length > 0);
  const passed = (definition: Definition, back: Passed): void => {
    definitions.push(...back.before);
    for (const { tensor, contribution } of back.shares) {
      const known = pending.get(tensor);
      if (known === undefined) pending.set(tensor, [contribution]);
      else known.push(contribution);
    }
    after.set(definition, back.after);
  };
  const after = new Map<Definition, readonly Definition[]>();
  const adjointOf = (tensor: Tensor): Tensor => {
    const { shape } = tensor;
    const adjoint = ir.tensor({ name: namer(`d_${tensor.name}`), shape, dtype: "float", role: "defined" });
    of.set(tensor, adjoint);
    return adjoint;
  };
  const settle = (tensor: Tensor, adjoint: Tensor, form: Form): void => {
    const shares = pending.get(tensor) ?? [];
    definitions.push(...adjointDefinitions(ir, adjoint, seeds.get(tensor), shares, form, namer));
  };
  for (const { members, isCircle } of componentsOf(program.definitions).toReversed()) {
    // of a circle all have passed back what they do before the first adjoint is complete
    const open = new Map<Definition, Tensor>();
    for (
      let next = unsettled(members, open, isNeeded);
      next !== undefined;
      next = unsettled(members, open, isNeeded)
    ) {
      const adjoint = adjointOf(next.tensor);
      open.set(next, adjoint);
      passed(next, passBack(ir, next, adjoint, active, namer));
    }
    for (const definition of members.toReversed()) {
      const adjoint = open.get(definition);
      if (adjoint === undefined) continue;
      settle(definition.tensor, adjoint, isCircle ? "gather" : "any");
      definitions.push(...(after.get(definition) ?? []));
    }
  }
  for (const tensor of wrt)
    if (tensor.role === "input" && isNeeded(tensor)) settle(tensor, adjointOf(tensor), "any");
  return { definitions, of };
};

/** The last definition that needs an adjoint and has none. */
const unsettled = (
  members: readonly Definition[],
  open: ReadonlyMap<Definition, Tensor>,
  isNeeded: (tensor: Tensor) => boolean,
): Definition | undefined => members.findLast((each) => !open.has(each) && isNeeded(each.tensor));

interface ReadShare {
  readonly tensor: Tensor;
  readonly contribution: Contribution;
}

/** What a definition passes back, and the definitions that it needs before and after its own adjoint. */
interface Passed {
  readonly shares: readonly ReadShare[];
  readonly before: readonly Definition[];
  readonly after: readonly Definition[];
}

const NOTHING: Passed = { shares: [], before: [], after: [] };

/** With more reads than this in one body, what their adjoints share is defined once. */
const MANY_READS = 16;

/** To each read in its body: adjoint·weight, then down the DAG by the partials. */
const passBack = (
  ir: Arena,
  definition: Definition,
  adjoint: Tensor,
  active: ReadonlySet<Tensor>,
  namer: Namer,
): Passed => {
  const nodes = activeNodes(definition, active);
  if (nodes.length === 0) return NOTHING;
  const weight = weightOf(ir, definition, namer);
  const upstream = build.read(ir, adjoint, adjointIndices(ir, definition));
  const cotangents = propagate(ir, definition.body, nodes, scaleBy(ir, weight.value, upstream));
  const loops = loopIndices(definition);
  const labels = new Map(
    loops.map((index, k): [Index, string] => [index, definition.labels[k] ?? index.name]),
  );
  const reads = nodes.filter((node) => node.kind === "read");
  const values = reads.map((node) => cotangents.get(node) ?? build.zero(ir));
  const isLarge = reads.length > MANY_READS && definition.reduction === undefined;
  const shared = isLarge
    ? shareOperations(ir, values, labels, `${adjoint.name}_part`, namer)
    : { values, definitions: [] };
  const shares = reads.flatMap((node, k): ReadShare[] => {
    const value = shared.values[k];
    if (value === undefined || value.kind === "zero") return [];
    return [{ tensor: node.tensor, contribution: { loops, labels, at: node.at, value } }];
  });
  return { shares, before: weight.definitions, after: shared.definitions };
};

/** A scattered element is target[loops…] += body: its adjoint is read at the target. */
const adjointIndices = (ir: Arena, definition: Definition): readonly ReturnType<typeof affine.ofIndex>[] =>
  definition.target ?? definition.indices.map((index) => affine.ofIndex(ir, index));

/** The cotangent of every active node: each is complete when it is reached, since users come after operands. */
export const propagate = (
  ir: Arena,
  root: Node,
  nodes: readonly Node[],
  seed: Node,
): ReadonlyMap<Node, Node> => {
  const shares = new Map<Node, Node[]>([[root, [seed]]]);
  const cotangents = new Map<Node, Node>();
  const moving = new Set(nodes);
  for (const node of nodes.toReversed()) {
    const arrived = shares.get(node);
    if (arrived === undefined) continue;
    const cotangent = build.sum(ir, arrived);
    cotangents.set(node, cotangent);
    const partials = partialsOf(ir, node);
    operandsOf(node).forEach((operand, k) => {
      const partial = partials[k];
      if (!moving.has(operand) || partial === undefined || partial.kind === "zero") return;
      const share = scaleBy(ir, partial, cotangent);
      const known = shares.get(operand);
      if (known === undefined) shares.set(operand, [share]);
      else known.push(share);
    });
  }
  return cotangents;
};

/** Σ of the seed and all shares: those that reduce get a definition of their own, the others are terms of one body. */
const adjointDefinitions = (
  ir: Arena,
  adjoint: Tensor,
  seed: Node | undefined,
  shares: readonly Contribution[],
  form: Form,
  namer: Namer,
): readonly Definition[] => {
  const [only] = shares;
  if (seed === undefined && only !== undefined && shares.length === 1)
    return [gather(ir, adjoint, only, form)];
  const parts = shares.map((share) => gather(ir, adjoint, share, form));
  const indices = adjoint.shape.map((extent, k) => ir.index(`i${k}`, extent));
  const here = indices.map((index) => affine.ofIndex(ir, index));
  const separate: Definition[] = [];
  const terms = parts.map((part) => {
    if (part.reduction === undefined && part.target === undefined) return part.body;
    const tensor = ir.tensor({ ...adjoint, name: namer(adjoint.name) });
    separate.push({ ...part, tensor });
    return build.read(ir, tensor, here);
  });
  const body = build.sum(ir, seed === undefined ? terms : [seed, ...terms]);
  // a scatter's labels name its loops, not its dimensions
  const labelled = parts.find((part) => part.target === undefined);
  const labels = labelled?.labels.slice(0, indices.length) ?? indices.map((_, k) => letterAt(k));
  return [...separate, define(ir, { tensor: adjoint, indices, body, labels })];
};
