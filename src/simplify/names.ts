/**
 * Formulas seen through the names that a user gave to their parts: p = sigmoid(x), 1 - p is sigmoid(-x). Definitions in;
 * definitions out whose bodies have the parts written out where a rule for stability then applies, and name them where not.
 * One walk in the order of definitions: what is written out is bounded in size, so that it stays linear.
 */
import { KEEP, mapNodes, reachable, substitute } from "../ir/index.ts";
import type { Definition, Node, Tensor } from "../ir/index.ts";
import { simplifyNodes, type Engine } from "./engine.ts";
import { STABILITY_RULES } from "./rules.ts";
import { withBody } from "./tidy.ts";
import { bodyAt, isPointwise, readsIn } from "./workspace.ts";

/** A larger formula is not written into another. */
const LARGEST = 48;

export const seeThroughNames = (
  engine: Engine,
  definitions: readonly Definition[],
): readonly Definition[] => {
  const written = new Map<Tensor, Definition>();
  return definitions.map((definition) => {
    const { body, names } = writtenOut(engine, definition, written);
    const isSmall = reachable([body]).length <= LARGEST;
    if (isPointwise(definition) && isSmall) written.set(definition.tensor, { ...definition, body });
    if (names.size === 0 || !isSmall) return definition;
    const stable = stabilised(engine, body);
    return stable === undefined ? definition : withBody(definition, named(engine, stable, names));
  });
};

/** The body without names, and what each of its parts was called. */
const writtenOut = (
  { ir }: Engine,
  definition: Definition,
  written: ReadonlyMap<Tensor, Definition>,
): { body: Node; names: ReadonlyMap<Node, Node> } => {
  const names = new Map<Node, Node>();
  if (!readsIn(definition).some((read) => written.has(read.tensor))) return { body: definition.body, names };
  const node = (rebuilt: Node): Node => {
    if (rebuilt.kind !== "read") return rebuilt;
    const source = written.get(rebuilt.tensor);
    if (source === undefined) return rebuilt;
    const value = substitute(ir, source.body, bodyAt(ir, source, rebuilt.at));
    if (!names.has(value)) names.set(value, rebuilt);
    return value;
  };
  const [body = definition.body] = mapNodes(ir, [definition.body], { ...KEEP, node });
  return { body, names };
};

/** What it becomes, if a rule for stability has a part in that. */
const stabilised = (engine: Engine, body: Node): Node | undefined => {
  const applied = new Set<string>();
  const trace: Engine["trace"] = ({ rule }) => applied.add(rule);
  const [result] = simplifyNodes({ ...engine, trace }, [body]);
  return [...applied].some((rule) => STABILITY_RULES.has(rule)) ? result : undefined;
};

/** Parts that are there still have their names again, the largest first. */
const named = ({ ir }: Engine, body: Node, names: ReadonlyMap<Node, Node>): Node => {
  const node = (rebuilt: Node, original: Node): Node => names.get(original) ?? rebuilt;
  const [result = body] = mapNodes(ir, [body], { ...KEEP, node });
  return result;
};
