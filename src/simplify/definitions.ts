/**
 * A program's definitions → lighter ones of equal value: tidied, values shared, sums taken apart, in rounds until nothing
 * changes. Every round lowers the weight of the program or the number of its definitions, and their number is bounded too.
 */
import type { Definition, Requirement, Tensor } from "../ir/index.ts";
import type { Engine } from "./engine.ts";
import { rewriteSums } from "./expand.ts";
import { seeThroughNames } from "./names.ts";
import { absorbFactors, sharePairs } from "./pairs.ts";
import { scaleNorms } from "./scale.ts";
import { shareValues } from "./share.ts";
import { stabiliseDefinitions } from "./shift.ts";
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
  const first = tidy(engine, definitions, surface.outputs);
  let current =
    engine.mode === "strict" ? first : tidy(engine, stabilised(engine, first, surface), surface.outputs);
  if (engine.mode !== "derived") return current;
  for (let count = 0; count < ROUNDS; count++) {
    const next = tidy(engine, round(engine, current, surface), surface.outputs);
    if (next.length === current.length && next.every((definition, k) => definition === current[k])) break;
    current = next;
  }
  return current;
};

const stabilised = (
  engine: Engine,
  definitions: readonly Definition[],
  surface: Surface,
): readonly Definition[] => {
  const workspace = (list: readonly Definition[]): Workspace =>
    createWorkspace(engine.ir, list, new Set(surface.outputs), surface.names);
  if (engine.mode === "derived") return stabiliseDefinitions(workspace(definitions), definitions);
  const seen = seeThroughNames(engine, definitions);
  const centred = inOrder(workspace(centreVariances(workspace(seen), seen)));
  const scaled = scaleNorms(workspace(centred), centred);
  return stabiliseDefinitions(workspace(scaled), scaled);
};

const round = (
  engine: Engine,
  definitions: readonly Definition[],
  surface: Surface,
): readonly Definition[] => {
  const workspace = (list: readonly Definition[]) =>
    createWorkspace(engine.ir, list, new Set(surface.outputs), surface.names);
  const shared = inOrder(workspace(shareValues(workspace(definitions), definitions)));
  const space = workspace(shared);
  lightenSums(engine, space, surface.requirements, shared);
  // Without a reduction no value serves many others: such a rewriting saves an operation or two, and rounds otherwise than
  // the formula does.
  if (shared.some(({ reduction }) => reduction !== undefined)) {
    lightenPointwise(engine, space, inOrder(space));
    sharePairs(space, inOrder(space));
    absorbFactors(space, inOrder(space));
  }
  return inOrder(space).map((definition) => rewriteSums(engine, definition));
};
