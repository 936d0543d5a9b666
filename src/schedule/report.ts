/** The schedule in words: for each definition where its loops are, what runs on vectors, and where its values are kept. */
import { affine, type Index, type Tensor } from "../ir/index.ts";
import type { Decision } from "./decision.ts";
import type { Location, Loop, Place } from "./tree.ts";

export interface Reported {
  readonly locations: ReadonlyMap<Tensor, Location>;
  readonly places: ReadonlyMap<Tensor, Place>;
  readonly vector: ReadonlySet<Loop>;
  readonly outputs: ReadonlySet<Tensor>;
  /** Of which a segment is kept. */
  readonly segmented: ReadonlySet<Tensor>;
}

export const report = (schedule: Reported): readonly Decision[] => {
  const owners = new Map<Loop, Tensor>();
  return [...schedule.locations].flatMap(([tensor, location]) => {
    const shared = location.path.filter((loop) => owners.has(loop));
    for (const loop of location.path) if (!owners.has(loop)) owners.set(loop, tensor);
    return [
      ...fusion(tensor, shared, owners),
      ...order(tensor, location, schedule.vector),
      ...bounds(tensor, location),
      ...tiles(tensor, location),
      ...storage(tensor, schedule),
    ];
  });
};

const labels = (loops: readonly Loop[]): string => loops.map((loop) => loop.label).join(", ");

const fusion = (
  tensor: Tensor,
  shared: readonly Loop[],
  owners: ReadonlyMap<Loop, Tensor>,
): readonly Decision[] => {
  const innermost = shared.at(-1);
  const owner = innermost && owners.get(innermost);
  if (owner === undefined) return [];
  return [
    { subject: tensor.name, decision: "fused", reason: `in the loops ${labels(shared)} of ${owner.name}` },
  ];
};

const order = (tensor: Tensor, { plan, path }: Location, vector: ReadonlySet<Loop>): readonly Decision[] => {
  const lanes = path.findLast((loop) => vector.has(loop));
  if (path.length === 0) return [];
  const mode = lanes === undefined ? "" : `, vectors along ${lanes.label}`;
  const why: { readonly [K in typeof plan.form]: string } = {
    pointwise: "one value per element",
    local: "accumulated in a local",
    array: "accumulated in place, so that memory is walked in order",
    scatter: "added where data decides, in order",
  };
  return [{ subject: tensor.name, decision: `loops ${labels(path)}${mode}`, reason: why[plan.form] }];
};

const tiles = (tensor: Tensor, { plan: { tile }, binding }: Location): readonly Decision[] => {
  if (tile === undefined) return [];
  const label = (index: Index): string => binding.get(index)?.label ?? index.name;
  const subject = tensor.name;
  if (tile.kind === "dots") {
    const decision = `dot products of 4 ${label(tile.rows)} by 2 ${label(tile.columns)} at once`;
    return [{ subject, decision, reason: "each value that is loaded is used for several of them" }];
  }
  const decision = `blocks of 4 ${label(tile.rows)} by 2 vectors along ${label(tile.lanes)}`;
  const packed = {
    subject,
    decision,
    reason: `what all ${label(tile.rows)} read is copied to a panel in order`,
  };
  if (tile.masked === undefined) return [packed];
  return [
    packed,
    { subject, decision: "guard in the panel", reason: "tested once for each of its elements" },
  ];
};

const bounds = (tensor: Tensor, { path }: Location): readonly Decision[] => {
  const narrowed = path.filter(({ bounds: b }) => b !== undefined && b.lower.length + b.upper.length > 0);
  if (narrowed.length === 0) return [];
  return [
    { subject: tensor.name, decision: `narrowed ${labels(narrowed)}`, reason: "to where its guard holds" },
  ];
};

const storage = (
  tensor: Tensor,
  { places, outputs, locations, segmented }: Reported,
): readonly Decision[] => {
  const place = places.get(tensor);
  if (place === undefined || outputs.has(tensor) || place.kind === "element") return [];
  if (place.kind === "scalar") {
    return [{ subject: tensor.name, decision: "kept in a local", reason: "used within its own iteration" }];
  }
  if (place.ring !== undefined) {
    const size = affine.asConstant(place.ring.size);
    if (segmented.has(tensor) || size === undefined) return [];
    const states = size === 1 ? "the latest state" : `the latest ${size} states`;
    return [
      { subject: tensor.name, decision: `kept in memory, ${states}`, reason: "nothing looks further back" },
    ];
  }
  const along = locations.get(tensor)?.plan.recurrence;
  const axis = along === undefined ? -1 : (along.recurrence.axes.get(tensor) ?? -1);
  if (place.axes.includes(axis)) {
    const reason = "read at other places: by later steps, or by the recurrence of its adjoint";
    return [{ subject: tensor.name, decision: "stored at all places of its recurrence", reason }];
  }
  const dropped = tensor.shape.length - place.axes.length;
  const reason =
    dropped === 0 ? "read outside of its loops" : `${dropped} of its axes run along loops around its readers`;
  return [{ subject: tensor.name, decision: `kept in memory, ${place.axes.length} axes`, reason }];
};
