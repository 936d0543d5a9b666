/**
 * In: the body of a vector loop. Out: the loads and the stores that lie a small stride apart and together cover all that is
 * between: whole registers are moved, and shuffles put lanes in order.
 * Terminates: every statement and expression is looked at once.
 */

import type { Buffer, Expr, Stmt } from "../../src/loop/types.ts";
import { formatExpr } from "../../src/loop/format.ts";
import { operands } from "../../src/loop/fold.ts";
import type { Ref } from "./binaryen.ts";
import { constantOf, splitConstant } from "./forms.ts";
import type { Affine, Forms } from "./forms.ts";
import { elementBytes } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { get } from "./scope.ts";
import type { Scope, Slot } from "./scope.ts";
import { laneCount, shuffle32 } from "./shape.ts";

/** As many accesses as the stride, side by side. */
export interface Group {
  readonly buffer: Buffer;
  readonly stride: number;
  /** The element of the first of them. */
  readonly first: Affine;
}

export interface Member {
  readonly group: Group;
  /** Its distance from the first. */
  readonly component: number;
}

export interface Groups {
  readonly ofLoad: (load: Expr) => Member | undefined;
  readonly ofStore: (store: Stmt) => Member | undefined;
}

/** More shuffles than this for each register cost more than loads and stores of single lanes. */
const MAX_STRIDE = 4;

export function groupsOf(frame: Frame, forms: Forms, body: readonly Stmt[]): Groups {
  const loads = new Map<Expr, Member>();
  const stores = new Map<Stmt, Member>();
  const stored = storedIn(body);
  const loaded = loadedIn(body);
  for (const list of listsIn(body)) {
    const reads: Access<Expr>[] = [];
    const writes: Access<Stmt>[] = [];
    for (const s of list) {
      for (const load of valuesOf(s).flatMap(loadsIn))
        if (!stored.has(load.buffer)) reads.push({ item: load, buffer: load.buffer, offset: load.offset });
      if (s.kind === "store" && !loaded.has(s.buffer))
        writes.push({ item: s, buffer: s.buffer, offset: s.offset });
    }
    findGroups(frame, forms, reads, loads);
    findGroups(frame, forms, writes, stores);
  }
  return { ofLoad: (load) => loads.get(load), ofStore: (store) => stores.get(store) };
}

interface Access<T> {
  readonly item: T;
  readonly buffer: Buffer;
  readonly offset: Expr;
}

/** Accesses that differ by a constant. */
interface Family<T> {
  readonly buffer: Buffer;
  readonly stride: number;
  readonly members: Map<number, { readonly affine: Affine; readonly items: T[] }>;
}

function findGroups<T>(
  frame: Frame,
  forms: Forms,
  accesses: readonly Access<T>[],
  found: Map<T, Member>,
): void {
  const families = new Map<string, Family<T>>();
  for (const { item, buffer, offset } of accesses) {
    const form = forms.of(offset);
    if (form.kind !== "affine") continue;
    const stride = constantOf(form.stride) ?? 0;
    if (stride < 2 || stride > MAX_STRIDE) continue;
    if (elementBytes(frame, buffer) * laneCount(frame.scope) !== 16) continue;
    const { rest, constant } = splitConstant(form.base);
    const key = [buffer.role, buffer.name, stride, formatExpr(rest)].join(" ");
    const family: Family<T> = families.get(key) ?? { buffer, stride, members: new Map() };
    families.set(key, family);
    const known = family.members.get(constant);
    if (known === undefined) family.members.set(constant, { affine: form, items: [item] });
    else known.items.push(item);
  }
  for (const family of families.values()) divide(family, found);
}

/** Into groups that are complete, from the first on. */
function divide<T>({ buffer, stride, members }: Family<T>, found: Map<T, Member>): void {
  let end = -Infinity;
  for (const [constant, { affine }] of [...members].sort(([p], [q]) => p - q)) {
    const all = Array.from({ length: stride }, (_, k) => members.get(constant + k)?.items);
    if (constant < end || all.includes(undefined)) continue;
    end = constant + stride;
    const group: Group = { buffer, stride, first: affine };
    all.forEach((items, component) => {
      for (const item of items ?? []) found.set(item, { group, component });
    });
  }
}

// ---- lanes

interface Pick {
  readonly slot: Slot;
  readonly lane: number;
}

/** A register of lanes from several. */
function picked(scope: Scope, picks: readonly Pick[]): Ref {
  const { module } = scope;
  const lanes = picks.length;
  const slots = [...new Set(picks.map(({ slot }) => slot))];
  const [first, second = first, ...others] = slots;
  if (first === undefined || second === undefined) throw new Error("a register has lanes");
  const from = (wanted: Slot, { slot, lane }: Pick, otherwise: number): number =>
    slot === wanted ? lanes + lane : otherwise;
  const start = picks.map((each) => (each.slot === first ? each.lane : from(second, each, 0)));
  const shuffled = (a: Ref, b: Ref, chosen: readonly number[]): Ref =>
    shuffle32(module, a, b, lanes === 2 ? chosen.flatMap((lane) => [2 * lane, 2 * lane + 1]) : chosen);
  return others.reduce(
    (value, slot) => shuffled(value, get(scope, slot), picks.map((each, q) => from(slot, each, q))), // prettier-ignore
    shuffled(get(scope, first), get(scope, second), start),
  );
}

/** Of the registers that hold the elements in order, every `stride`-th element. */
export function componentOf(scope: Scope, registers: readonly Slot[], component: number): Ref {
  const lanes = laneCount(scope);
  return picked(
    scope,
    placesOf(lanes, (q) => component + q * registers.length, registers),
  );
}

/** Of components, the register that is number `m` of the elements in order. */
export function interleaved(scope: Scope, components: readonly Slot[], m: number): Ref {
  const lanes = laneCount(scope);
  const stride = components.length;
  const picks = Array.from({ length: lanes }, (_, q): Pick => {
    const element = m * lanes + q;
    return { slot: slotAt(components, element % stride), lane: Math.floor(element / stride) };
  });
  return picked(scope, picks);
}

function placesOf(lanes: number, element: (q: number) => number, registers: readonly Slot[]): Pick[] {
  return Array.from({ length: lanes }, (_, q) => ({
    slot: slotAt(registers, Math.floor(element(q) / lanes)),
    lane: element(q) % lanes,
  }));
}

function slotAt(slots: readonly Slot[], i: number): Slot {
  const slot = slots[i];
  if (slot === undefined) throw new Error(`register ${i} of ${slots.length}`);
  return slot;
}

// ---- walks

/** The body, and those of the loops inside. */
function listsIn(body: readonly Stmt[]): readonly (readonly Stmt[])[] {
  return [body, ...body.flatMap((s) => (s.kind === "for" ? listsIn(s.body) : []))];
}

const storedIn = (body: readonly Stmt[]): ReadonlySet<Buffer> =>
  new Set(
    listsIn(body).flatMap((list) =>
      list.flatMap((s) => (s.kind === "store" || s.kind === "accumulateAt" ? [s.buffer] : [])),
    ),
  );

const loadedIn = (body: readonly Stmt[]): ReadonlySet<Buffer> => {
  const all = listsIn(body).flat();
  const added = all.flatMap((s) => (s.kind === "accumulateAt" ? [s.buffer] : []));
  return new Set([...added, ...all.flatMap(valuesOf).flatMap((value) => buffersIn(value))]);
};

function valuesOf(s: Stmt): readonly Expr[] {
  if (s.kind === "for") return [s.from, s.to];
  if (s.kind === "if") return [s.test];
  return s.kind === "store" || s.kind === "accumulateAt" ? [s.offset, s.value] : [s.value];
}

type Load = Extract<Expr, { kind: "load" }>;

/** Those that are performed in any case. */
function loadsIn(root: Expr): readonly Load[] {
  return collect(root, (e) => {
    if (e.kind === "select") return [e.test];
    return e.kind === "and" || e.kind === "or" ? [e.a] : operands(e);
  });
}

const buffersIn = (root: Expr): readonly Buffer[] => collect(root, operands).map(({ buffer }) => buffer);

function collect(root: Expr, parts: (e: Expr) => readonly Expr[]): readonly Load[] {
  const seen = new Set([root]);
  for (const e of seen) for (const part of parts(e)) seen.add(part);
  return [...seen].filter((e) => e.kind === "load");
}
