/**
 * Sums of exponentials, shifted by their largest term: log Σ exp(x) is m + log Σ exp(x - m), exp(x) / Σ exp(x) is
 * exp(x - m) / Σ exp(x - m), with m = max x. Definitions in, definitions out that neither overflow nor underflow where the
 * value does not. A sum is shifted once: a shifted one is recognised by the maximum in it.
 *
 * The shift changes no value, so that its derivative is nothing: it stands under a stop.
 */
import { build as b, KEEP, mapNodes, reachable, readsOf } from "../ir/index.ts";
import type { Arena, Definition, Index, Node, NodeOf, Read, Tensor } from "../ir/index.ts";
import {
  createWorkspace, freshTensor, inOrder, isSum, readAt, readersOf, valueOf, type Workspace,
} from "./workspace.ts"; // prettier-ignore

export const stabiliseDefinitions = (
  space: Workspace,
  definitions: readonly Definition[],
): readonly Definition[] => {
  const { ir, outputs } = space;
  let changed = false;
  for (const definition of definitions) {
    const shifted = shiftedSum(space, definition);
    if (shifted === undefined) continue;
    changed = true;
    for (const each of shifted) space.definitions.set(each.tensor, each);
  }
  if (!changed) return definitions;
  return inOrder(createWorkspace(ir, [...space.definitions.values()], outputs, space.names));
};

/** The exponent of exp(e), also where it is named. */
const exponentOf = (space: Workspace, node: Node): Node | undefined => {
  const value = valueOf(space, node);
  return value.kind === "unary" && value.op === "exp" ? value.a : undefined;
};

// ---- sums of exponentials

/** The definitions that take the place of Σ exp(e) and of its readers; undefined where it is no such sum. */
const shiftedSum = (space: Workspace, definition: Definition): readonly Definition[] | undefined => {
  const current = space.definitions.get(definition.tensor);
  if (current === undefined || !isSum(current) || space.outputs.has(current.tensor)) return undefined;
  const exponent = exponentOf(space, current.body);
  const over = current.reduction?.indices ?? [];
  if (exponent === undefined || !over.some((index) => exponent.indices.includes(index))) return undefined;
  if (isShifted(space, exponent, over)) return undefined;
  const readers = [...readersOf(space, current.tensor)].flatMap((each) => space.definitions.get(each) ?? []);
  if (readers.length === 0 || !readers.every((reader) => isShiftable(space, reader, current.tensor)))
    return undefined;
  return shift(space, current, exponent, readers);
};

/** It has a maximum in it already, the same for all terms. */
const isShifted = (space: Workspace, exponent: Node, over: readonly Index[]): boolean =>
  readsOf([exponent]).some(
    (read) => !over.some((index) => read.indices.includes(index)) && isMaximum(space, read),
  );

const isMaximum = (space: Workspace, read: Read): boolean => {
  const definition = space.definitions.get(read.tensor);
  if (definition === undefined) return false;
  const op = definition.reduction?.op;
  if (op === "max" || op === "maxfirst") return true;
  const { body } = definition;
  const stopped = body.kind === "stopgradient" ? body.a : body;
  const inner = stopped.kind === "select" ? stopped.then : stopped;
  return op === undefined && inner.kind === "read" && inner !== read && isMaximum(space, inner);
};

const isReciprocalOf = (node: Node, tensor: Tensor): boolean =>
  node.kind === "power" && node.exponent.num === -1 && node.exponent.den === 1 && isReadOf(node.base, tensor);

const isReadOf = (node: Node, tensor: Tensor): boolean => node.kind === "read" && node.tensor === tensor;

/** Every read of the sum is log(s), or in exp(x) / s. */
const isShiftable = (space: Workspace, reader: Definition, tensor: Tensor): boolean => {
  const { ir } = space;
  // what is left of the reads once both forms are taken out
  const node = (rebuilt: Node): Node => {
    if (isLogarithmOf(rebuilt, tensor)) return b.constant(ir, 1);
    if (rebuilt.kind === "product" && quotientParts(space, rebuilt, tensor) !== undefined) {
      return b.product(
        ir,
        rebuilt.args.filter((arg) => !isReciprocalOf(arg, tensor)),
      );
    }
    return rebuilt;
  };
  const [rest = reader.body] = mapNodes(ir, [reader.body], { ...KEEP, node });
  return !readsOf([rest]).some((read) => read.tensor === tensor);
};

interface Quotient {
  readonly numerator: Node;
  readonly exponent: Node;
  readonly denominator: Read;
}

const quotientParts = (space: Workspace, product: Node, tensor: Tensor): Quotient | undefined => {
  if (product.kind !== "product") return undefined;
  const reciprocal = product.args.find((arg) => isReciprocalOf(arg, tensor));
  if (reciprocal?.kind !== "power" || reciprocal.base.kind !== "read") return undefined;
  for (const numerator of product.args) {
    const exponent = exponentOf(space, numerator);
    if (exponent !== undefined) return { numerator, exponent, denominator: reciprocal.base };
  }
  return undefined;
};

/** No shift by an infinite term: ∞ - ∞ has no value, and the logarithm of the sum has. */
const finite = (ir: Arena, x: Node): Node =>
  b.select(ir, b.compare(ir, "<", b.unary(ir, "abs", x), b.constant(ir, Infinity)), x, b.constant(ir, 0));

const isLogarithmOf = (node: Node, tensor: Tensor): node is NodeOf<"unary"> & { readonly a: Read } =>
  node.kind === "unary" && node.op === "log" && isReadOf(node.a, tensor);

const shift = (
  space: Workspace,
  sum: Definition,
  exponent: Node,
  readers: readonly Definition[],
): readonly Definition[] => {
  const { ir } = space;
  const stem = sum.tensor.name;
  const over = sum.reduction?.indices ?? [];
  const max = freshTensor(space, `${stem}_max`, sum.tensor.shape, []);
  space.names.add(max.name);
  const loops = [...sum.indices, ...over];
  const exp = freshTensor(
    space,
    `${stem}_exp`,
    loops.map((index) => index.extent),
    [],
  );
  space.names.add(exp.name);
  // a quotient has no value at an infinite largest term, with or without a shift
  const isLogged = reachable(readers.map(({ body }) => body)).some((each) => isLogarithmOf(each, sum.tensor));
  const shiftAt = (at: Read["at"]): Node => {
    const largest = b.read(ir, max, at);
    return b.stopGradient(ir, isLogged ? finite(ir, largest) : largest);
  };
  const here = readAt(ir, sum.tensor, sum.indices) as Read;
  const shifted = b.unary(ir, "exp", b.subtract(ir, exponent, shiftAt(here.at)));
  const held = readAt(ir, exp, loops);
  const definitions: readonly Definition[] = [
    { ...sum, tensor: max, reduction: { op: "max", indices: over }, body: exponent },
    {
      tensor: exp,
      indices: loops,
      reduction: undefined,
      target: undefined,
      body: shifted,
      labels: sum.labels,
    },
    { ...sum, body: held },
  ];
  const node = (rebuilt: Node): Node => {
    if (isLogarithmOf(rebuilt, sum.tensor)) return b.add(ir, rebuilt, shiftAt(rebuilt.a.at));
    const parts = quotientParts(space, rebuilt, sum.tensor);
    if (parts === undefined || rebuilt.kind !== "product") return rebuilt;
    const isHeld = parts.denominator === here && parts.exponent === exponent;
    const numerator = isHeld
      ? held
      : b.unary(ir, "exp", b.subtract(ir, parts.exponent, shiftAt(parts.denominator.at)));
    return b.product(ir, [numerator, ...rebuilt.args.filter((arg) => arg !== parts.numerator)]);
  };
  const rewritten = readers.map((reader) => {
    const [body = reader.body] = mapNodes(ir, [reader.body], { ...KEEP, node });
    return { ...reader, body };
  });
  return [...definitions, ...rewritten];
};
