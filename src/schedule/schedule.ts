/** Programs to kernels: the order of the passes of scheduling, and the kernel around the statements. */
import {
  range, affine, define, canonicalIndex, build, halvesOf, inDependencyOrder, liveDefinitions, readsWithin, recurrencesIn, symmetricOutputs, usesOf, type Affine, type Arena, type Definition, type Index, type Node, type Program, type Read, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { mapMatrix } from "../loop/matrix.ts";
import type { About, Buffer, FloatType, Kernel, MathMode } from "../loop/types.ts";
import { emit } from "./emit.ts";
import { setApart } from "./apart.ts";
import { stepOver } from "./bounds.ts";
import { choices } from "./choices.ts";
import { contract } from "./contract.ts";
import type { Decision } from "./decision.ts";
import { factor } from "./factor.ts";
import { fuse } from "./fuse.ts";
import { insideHalf } from "./half.ts";
import { planOf } from "./plan.ts";
import { unroll } from "./unroll.ts";
import { vectorise } from "./vectorise.ts";
import { extentExpr } from "./integer.ts";
import { inline } from "./inline.ts";
import { interleave } from "./interleave.ts";
import { materialise } from "./materialise.ts";
import { report } from "./report.ts";
import { scalarise } from "./scalarise.ts";
import { followers, gathered } from "./follow.ts";
import { evenOut, isLight, joined, type Between } from "./recurrence.ts";
import { segmentDecisions, segmentsOf } from "./segment.ts";
import { createNames, type Names } from "./scope.ts";
import type { Element, Item, Plan, Schedule } from "./tree.ts";
import { keptExtents } from "./value.ts";

export interface ScheduleOptions {
  readonly dtype: FloatType;
  /** The kernel's name; the program's own without it. */
  readonly name?: string;
  readonly about: About;
  /** `accurate` without it. */
  readonly math?: MathMode;
  /** Operations that a program of constant size may have as straight-line code; 0 keeps its loops. */
  readonly budget?: number | undefined;
  /** What is kept of a recurrence for its adjoint; `stored` without it. */
  readonly states?: States | undefined;
}

/**
 * Of a recurrence that its adjoint reads: `stored` keeps all steps; `recomputed` keeps those of a segment of about √T steps,
 * computes each segment again on the way back, and takes sums over the steps as they are made.
 */
export type States = "stored" | "recomputed";

export interface Scheduled {
  readonly kernel: Kernel;
  readonly decisions: readonly Decision[];
}

export const schedule = (ir: Arena, program: Program, options: ScheduleOptions): Scheduled => {
  const { definitions: all, outputs } = ownOutputs(ir, program);
  const results = new Set(outputs.keys());
  const symmetric = symmetricOutputs(program);
  const live = evenOut(ir, inDependencyOrder(ir, liveDefinitions(all, [...results])), results);
  const provable = provableReads(ir);
  const scalars = scalarise(
    ir,
    live,
    { outputs: results, symmetric },
    recurrencesIn(ir, live),
    options.budget,
  );
  const kept = new Set([...results, ...scalars.elements.keys()]);
  const unrolled = unroll(ir, scalars.definitions);
  const inlined = inline(ir, unrolled.definitions, kept);
  const parts = materialise(ir, inlined.definitions, provable);
  const ordered = new Set(recurrencesIn(ir, parts.definitions).keys());
  const strides = interleave(ir, parts.definitions, results, new Set([...ordered, ...symmetric.keys()]));
  const chosen = setApart(ir, strides.definitions, ordered);
  const factors = factor(ir, chosen.definitions, ordered);
  const stepped = factors.definitions.map((definition) => stepOver(ir, definition));
  const isRecomputed = options.states === "recomputed";
  const singles = new Map([...scalars.elements, ...strides.elements]);
  const elements = elementsOf(singles);
  const between: Between = isRecomputed ? () => true : isLight;
  const apart = joined(ir, inDependencyOrder(ir, stepped), elements, between);
  const alongside = isRecomputed ? gathered(ir, apart) : apart;
  const { recurrences } = alongside;
  const follows: ReadonlyMap<Definition, Index> = isRecomputed ? followers(ir, alongside) : new Map();
  const halves = halvesOf(alongside.definitions, results, symmetric);
  const definitions = alongside.definitions.map((each) =>
    follows.has(each) ? each : insideHalf(each, halves.get(each.tensor), provable),
  );
  const within = readsWithin(definitions, elements.keys());
  const plans = definitions.map((definition) =>
    planOf(ir, definition, {
      elements,
      recurrence: recurrences.get(definition.tensor),
      follows: follows.get(definition),
      half: halves.get(definition.tensor),
      readsWithin: within,
    }),
  );
  const { items, locations, parts: rows } = fuse(ir, plans, options.dtype, symmetric);
  const segments = isRecomputed ? segmentsOf(ir, items, locations, results) : [];
  const places = contract(ir, definitions, results, locations, singles, segments);
  const tree: Schedule = { items, vector: vectorise(items), places, parts: rows, segments };
  const passes = [scalars, unrolled, inlined, parts, strides, chosen, factors];
  const told = report({
    locations,
    places,
    vector: tree.vector,
    outputs: results,
    segmented: new Set(segments.flatMap(({ again }) => [...again])),
  });
  const mirrored = [...halves.keys()].filter((tensor) => symmetric.has(tensor)).map(mirrorDecision);
  const decisions = [
    ...passes.flatMap((pass) => pass.decisions),
    ...mirrored,
    ...told,
    ...segmentDecisions(segments),
  ];
  const about =
    scalars.operations === undefined
      ? options.about
      : { ...options.about, operations: `${scalars.operations}` };
  return { kernel: kernelOf(ir, program, outputs, plans, tree, provable, { ...options, about }), decisions };
};

const mirrorDecision = ({ name }: Tensor): Decision => ({
  subject: name,
  decision: "one half",
  reason: "symmetric: what is left of the diagonal is a copy",
});

/** The single values by the tensor that they are elements of. */
const elementsOf = (singles: ReadonlyMap<Tensor, Element>): ReadonlyMap<Tensor, readonly Tensor[]> => {
  const grouped = new Map<Tensor, Tensor[]>();
  for (const [single, { of }] of singles) {
    const known = grouped.get(of);
    if (known === undefined) grouped.set(of, [single]);
    else known.push(single);
  }
  return grouped;
};

/** Every output is a tensor of its own that a definition fills. */
const ownOutputs = (
  ir: Arena,
  program: Program,
): { definitions: readonly Definition[]; outputs: ReadonlyMap<Tensor, string> } => {
  const outputs = new Map<Tensor, string>();
  const copies: Definition[] = [];
  for (const { name, tensor } of program.outputs) {
    if (tensor.role === "defined" && !outputs.has(tensor)) {
      outputs.set(tensor, name);
      continue;
    }
    const copy = copyOf(ir, tensor, name);
    copies.push(copy);
    outputs.set(copy.tensor, name);
  }
  return { definitions: [...program.definitions, ...copies], outputs };
};

const copyOf = (ir: Arena, tensor: Tensor, name: string): Definition => {
  const indices = tensor.shape.map((extent, axis) => canonicalIndex(ir, axis, extent));
  const body = build.read(
    ir,
    tensor,
    indices.map((index) => affine.ofIndex(ir, index)),
  );
  return define(ir, { tensor: ir.tensor({ ...tensor, name, role: "defined" }), indices, body });
};

const kernelOf = (
  ir: Arena,
  program: Program,
  outputs: ReadonlyMap<Tensor, string>,
  plans: readonly Plan[],
  tree: Schedule,
  provable: (node: Read) => boolean,
  options: ScheduleOptions,
): Kernel => {
  const { dims } = program;
  const names = createNames([
    ...program.inputs.map(({ name }) => name),
    ...outputs.values(),
    ...dims.map(({ name }) => name),
    ...program.options.map(({ name }) => name),
  ]);
  const buffers = createBuffers(names, program, outputs, plans, tree);
  const buffer = (tensor: Tensor): Buffer => {
    const found = buffers.get(tensor);
    if (found === undefined) throw new Error(`${tensor.name} has no buffer`);
    return found;
  };
  const { body: made, panels } = emit(
    tree,
    { buffer, places: tree.places },
    {
      ir,
      names,
      dtype: options.dtype,
      math: options.math ?? "accurate",
      uses: countUses(plans, tree.items),
      provable,
    },
  );
  const body = choices(names, made);
  const byRole = (role: Buffer["role"]): readonly Buffer[] =>
    [...buffers.values()].filter((each) => each.role === role);
  return {
    name: options.name ?? program.name,
    dtype: options.dtype,
    ...(options.math === "fast" ? { math: options.math } : {}),
    dims,
    options: program.options.map((each) => ({ ...each, type: "float" })),
    buffers: [...byRole("input"), ...[...outputs.keys()].map(buffer), ...byRole("temp"), ...panels],
    requirements: program.requirements.map((each) =>
      each.kind === "range"
        ? { kind: each.kind, buffer: buffer(each.tensor), extent: extentExpr(each.extent) }
        : { kind: each.kind, by: extentExpr(each.by), value: extentExpr(each.value) },
    ),
    body,
    ...(program.matrices === undefined
      ? {}
      : { matrices: program.matrices.map((each) => mapMatrix(each, extentExpr)) }),
    about: options.about,
  };
};

const createBuffers = (
  names: Names,
  program: Program,
  outputs: ReadonlyMap<Tensor, string>,
  plans: readonly Plan[],
  tree: Schedule,
): ReadonlyMap<Tensor, Buffer> => {
  const buffers = new Map<Tensor, Buffer>();
  const add = (tensor: Tensor, name: string, role: Buffer["role"], extents: readonly Affine[]): void => {
    buffers.set(tensor, { name, role, type: tensor.dtype, shape: extents.map(extentExpr) });
  };
  for (const tensor of program.inputs) add(tensor, tensor.name, "input", tensor.shape);
  for (const row of tree.parts) add(row, names.fresh(row.name.replaceAll(/\W/g, "_")), "temp", row.shape);
  for (const { definition } of plans) {
    const place = tree.places.get(definition.tensor);
    const tensor = place?.kind === "element" ? place.element.of : definition.tensor;
    const output = outputs.get(tensor);
    if (buffers.has(tensor) || place === undefined || (place.kind === "scalar" && output === undefined))
      continue;
    const extents = place.kind === "buffer" ? keptExtents(tensor, place) : tensor.shape;
    const name = output ?? names.fresh(tensor.name.replaceAll(/\W/g, "_"));
    add(tensor, name, output === undefined ? "temp" : "output", extents);
  }
  return buffers;
};

/** How many users a node has: more than one, and it gets a name. */
const countUses = (plans: readonly Plan[], items: readonly Item[]): ReadonlyMap<Node, number> => {
  const targets = plans.flatMap(({ definition }) => (definition.target ?? []).flatMap(affine.dataOf));
  return usesOf([...rootsOf(items), ...targets]);
};

const rootsOf = (items: readonly Item[]): readonly Node[] =>
  items.flatMap((item) => {
    if (item.kind !== "loop") return VALUED.has(item.kind) ? [item.body] : [];
    const bounds = [...(item.bounds?.lower ?? []), ...(item.bounds?.upper ?? [])].flatMap(affine.dataOf);
    return [
      ...bounds,
      ...(item.bounds?.tests ?? []),
      ...rootsOf(item.before),
      ...rootsOf(item.body),
      ...rootsOf(item.afterBlock),
    ];
  });

const VALUED: ReadonlySet<Item["kind"]> = new Set<Item["kind"]>(["compute", "accumulate", "add"]);

const provableReads = (ir: Arena): ((node: Read) => boolean) => {
  const known = new Map<Read, boolean>();
  return (node) => {
    const old = known.get(node);
    if (old !== undefined) return old;
    const result = node.at.every((position, axis) => {
      const extent = node.tensor.shape[axis];
      return extent !== undefined && range.provablyInRange(ir, position, extent);
    });
    known.set(node, result);
    return result;
  };
};
