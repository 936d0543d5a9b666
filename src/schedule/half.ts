/**
 * What is left of definitions of which one half is needed. In: a definition and its half; out: the same without the choice of
 * something else in the other half. Ends: a body has finitely many choices around it.
 */
import { holdsInHalf, readsOf, type Definition, type Half, type Node, type Read } from "../ir/index.ts";

/** `provable`: reads that are in bounds also in the other half, where blocks may compute elements that nothing reads. */
export const insideHalf = (
  definition: Definition,
  half: Half | undefined,
  provable: (read: Read) => boolean,
): Definition => {
  if (half === undefined || definition.reduction !== undefined) return definition;
  let body = definition.body;
  for (
    let next = takenIn(definition, half, body);
    next !== undefined;
    next = takenIn(definition, half, body)
  ) {
    if (!readsOf([next]).every(provable)) break;
    body = next;
  }
  return body === definition.body ? definition : { ...definition, body };
};

const takenIn = (definition: Definition, half: Half, body: Node): Node | undefined => {
  if (body.kind !== "select" && body.kind !== "guard") return undefined;
  if (!holdsInHalf(body.test, definition, half)) return undefined;
  return body.kind === "select" ? body.then : body.a;
};
