/**
 * A program's definitions → lighter ones of equal value: tidied, values shared, sums taken apart, in rounds until nothing
 * changes. Every round lowers the weight of the program or the number of its definitions, and their number is bounded too.
 */
import {
  brokenCircle, inDependencyOrder, readsBack, type Definition, type Requirement, type Tensor,
} from "../ir/index.ts"; // prettier-ignore
import { orderContractions } from "./contract.ts";
import type { Engine } from "./engine.ts";
import { rewriteSums } from "./expand.ts";
import { seeThroughNames } from "./names.ts";
import { absorbFactors, sharePairs } from "./pairs.ts";
import { lowerRanks } from "./rank.ts";
import { scaleNorms } from "./scale.ts";
import { protect } from "./protect.ts";
import { shareValues } from "./share.ts";
import { stabiliseDefinitions, stopShifts } from "./shift.ts";
import { lightenPointwise, lightenSums } from "./sums.ts";
import { tidy } from "./tidy.ts";
import { centreVariances } from "./variance.ts";
import { createWorkspace, inOrder, type Workspace } from "./workspace.ts";

const ROUNDS = 8;

export interface Surface {
  readonly outputs: readonly Tensor[];
  readonly requirements: readonly Requirement[];
  /** Names that new definitions may not take. */
  readonly names: readonly string[];
}

export const simplifyDefinitions = (
  engine: Engine,
  definitions: readonly Definition[],
  surface: Surface,
): readonly Definition[] => {
  const tidied = recurrent(engine, definitions, (list) => tidy(engine, list, surface.outputs));
  const first = tidied(definitions, definitions);
  let current = engine.mode === "strict" ? first : tidied(stabilised(engine, first, surface), first);
  if (engine.mode !== "derived") return current;
  for (let count = 0; count < ROUNDS; count++) {
    const next = tidied(round(engine, current, surface), current);
    if (next.length === current.length && next.every((definition, k) => definition === current[k])) break;
    current = next;
  }
  return current;
};

/**
 * The pass, where recurrences stay recurrences: a rewriting after which members read each other in another order than place by
 * place is not kept.
 */
const recurrent = (
  { ir }: Engine,
  definitions: readonly Definition[],
  pass: (list: readonly Definition[]) => readonly Definition[],
): ((list: readonly Definition[], otherwise: readonly Definition[]) => readonly Definition[]) => {
  if (!readsBack(definitions)) return (list) => pass(list);
  return (list, otherwise) => {
    const next = inDependencyOrder(ir, pass(list));
    return brokenCircle(ir, next) === undefined ? next : otherwise;
  };
};

/** The same sums in the order that costs least: all that is done for speed to formulas that are computed as written. */
export const reorderSums = (
  engine: Engine,
  definitions: readonly Definition[],
  surface: Surface,
): readonly Definition[] => {
  const reordered = (list: readonly Definition[]): readonly Definition[] => {
    const space = createWorkspace(engine.ir, list, new Set(surface.outputs), surface.names);
    orderContractions(space, list);
    return withProtected(engine, list, inOrder(space), surface);
  };
  return recurrent(engine, definitions, reordered)(definitions, definitions);
};

const stabilised = (
  engine: Engine,
  definitions: readonly Definition[],
  surface: Surface,
): readonly Definition[] => {
  const workspace = (list: readonly Definition[]): Workspace =>
    createWorkspace(engine.ir, list, new Set(surface.outputs), surface.names);
  if (engine.mode === "derived") {
    const done = stabiliseDefinitions(workspace(definitions), definitions);
    return withProtected(engine, definitions, done, surface);
  }
  const seen = seeThroughNames(engine, definitions);
  const centred = inOrder(workspace(centreVariances(workspace(seen), seen)));
  const scaled = scaleNorms(workspace(centred), centred);
  const shifted = stabiliseDefinitions(workspace(scaled), scaled);
  return withProtected(engine, definitions, stopShifts(workspace(shifted), shifted), surface);
};

/** New definitions are safe at all places of theirs. */
const withProtected = (
  { ir }: Engine,
  before: readonly Definition[],
  after: readonly Definition[],
  surface: Surface,
): readonly Definition[] => {
  const known = new Set(before.map(({ tensor }) => tensor));
  return after.map((each) => (known.has(each.tensor) ? each : protect(ir, each, surface.requirements)));
};

/** What a pass over the definitions has changed, for a reader. */
const told = (
  engine: Engine,
  rule: string,
  before: readonly Definition[],
  after: readonly Definition[],
): void => {
  const old = new Map(before.map((each) => [each.tensor, each.body]));
  const left = new Set(after.map(({ tensor }) => tensor));
  const changed = after.filter(({ tensor, body }) => old.get(tensor) !== body);
  const gone = [...old.keys()].filter((tensor) => !left.has(tensor));
  if (changed.length + gone.length > 0) engine.trace({ kind: "move", rule, changed, gone });
};

const round = (
  engine: Engine,
  definitions: readonly Definition[],
  surface: Surface,
): readonly Definition[] => {
  const workspace = (list: readonly Definition[]) =>
    createWorkspace(engine.ir, list, new Set(surface.outputs), surface.names);
  const full = inOrder(workspace(lowerRanks(workspace(definitions), definitions)));
  told(engine, "what does not depend on an index has none", definitions, full);
  const shared = inOrder(workspace(shareValues(workspace(full), full)));
  told(engine, "values that several need have names", full, shared);
  const space = workspace(shared);
  let current = shared;
  const move = (rule: string, pass: (order: readonly Definition[]) => void): void => {
    const before = current;
    pass(before);
    current = inOrder(space);
    told(engine, rule, before, current);
  };
  move("sums are made of other sums", (order) => {
    lightenSums(engine, space, surface.requirements, order);
  });
  // Without a reduction no value serves many others: such a rewriting saves an operation or two, and rounds otherwise than
  // the formula does.
  if (shared.some(({ reduction }) => reduction !== undefined)) {
    move("names are written out where something cancels", (order) => {
      lightenPointwise(engine, space, order);
    });
    move("pairs of factors that several need have names", (order) => {
      sharePairs(space, order);
    });
    move("factors are part of what they multiply", (order) => {
      absorbFactors(space, order);
    });
  }
  const rewritten = current.map((definition) => rewriteSums(engine, definition));
  return withProtected(engine, definitions, rewritten, surface);
};
