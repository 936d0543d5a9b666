/**
 * Sums of exponentials, shifted by their largest term: log Σ exp(x) is m + log Σ exp(x - m), exp(x) / Σ exp(x) is
 * exp(x - m) / Σ exp(x - m), with m = max x. Definitions in, definitions out that neither overflow nor underflow where the
 * value does not. A sum is shifted once: a shifted one is recognised by the maximum in it.
 *
 * The shift changes no value, so that its derivative is nothing: it stands under a stop. So does the shift of a sum that is
 * written with one, where all that reads it is exp(x - m) / Σ exp(x - m) or m + log Σ exp(x - m).
 */
import { build as b, KEEP, mapNodes, reachable, readsOf, substitute } from "../ir/index.ts";
import type { Affine, Arena, Definition, Index, Node, NodeOf, Read, Tensor } from "../ir/index.ts";
import {
  createWorkspace, freshTensor, inOrder, isSum, readAt, readersOf, valueOf, type Workspace,
} from "./workspace.ts"; // prettier-ignore

type Rewriting = (space: Workspace, definition: Definition) => readonly Definition[] | undefined;

const eachOnce =
  (rewriting: Rewriting) =>
  (space: Workspace, definitions: readonly Definition[]): readonly Definition[] => {
    const { ir, outputs } = space;
    let changed = false;
    for (const definition of definitions) {
      const rewritten = rewriting(space, definition);
      if (rewritten === undefined) continue;
      changed = true;
      for (const each of rewritten) space.definitions.set(each.tensor, each);
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

export const stabiliseDefinitions = eachOnce(shiftedSum);

// ---- sums that are shifted as they are written

/** The same definitions with the shift under a stop; undefined where it does not cancel, or has one already. */
const stoppedShift = (space: Workspace, definition: Definition): readonly Definition[] | undefined => {
  const { ir, outputs } = space;
  const sum = space.definitions.get(definition.tensor);
  if (sum === undefined || !isSum(sum) || outputs.has(sum.tensor)) return undefined;
  const exponent = exponentOf(space, sum.body);
  const over = sum.reduction?.indices ?? [];
  const shift = exponent && shiftIn(space, exponent, over);
  const named = sum.body.kind === "read" ? sum.body.tensor : undefined;
  if (shift === undefined || (named !== undefined && outputs.has(named))) return undefined;
  const shiftAt = (at: Read["at"]): Node =>
    substitute(
      ir,
      shift,
      new Map(sum.indices.map((index, k): [Index, Affine] => [index, at[k] ?? index.extent])),
    );
  const stop = (node: Node, of: Node): Node => replaceNode(ir, node, of, b.stopGradient(ir, of));
  const tensors = new Set([sum.tensor, ...(named === undefined ? [] : [named])]);
  const names = new Set([...tensors].flatMap((tensor) => [...readersOf(space, tensor)]));
  const readers = [...names]
    .flatMap((each) => space.definitions.get(each) ?? [])
    .filter((each) => each !== sum);
  const rewritten: Definition[] = [];
  for (const reader of readers) {
    const body = cancelling(space, reader, { sum: sum.tensor, tensors, shiftAt, stop });
    if (body === undefined) return undefined;
    rewritten.push({ ...reader, body });
  }
  const terms = named === undefined ? undefined : space.definitions.get(named);
  if (terms === undefined) return [{ ...sum, body: stop(sum.body, shift) }, ...rewritten];
  const own = exponentOf(space, terms.body);
  const ownShift =
    own?.kind === "sum" ? own.args.map(negated).find((arg) => arg?.tensor === shift.tensor) : undefined;
  return ownShift && [{ ...terms, body: stop(terms.body, ownShift) }, ...rewritten];
};

interface Shifted {
  readonly sum: Tensor;
  /** The sum, and what its terms are called. */
  readonly tensors: ReadonlySet<Tensor>;
  /** The shift of the sum that is read at a place. */
  readonly shiftAt: (at: Read["at"]) => Node;
  readonly stop: (node: Node, of: Node) => Node;
}

/** The body with shifts stopped; undefined where it reads the sum or its terms in a way that a shift is seen in. */
const cancelling = (space: Workspace, reader: Definition, shifted: Shifted): Node | undefined => {
  const { ir } = space;
  const { sum, tensors, shiftAt, stop } = shifted;
  const rewrite =
    (
      quotient: (product: NodeOf<"product">, parts: Quotient) => Node,
      logarithm: (total: Node, shift: Node) => Node,
    ) =>
    (rebuilt: Node): Node => {
      if (rebuilt.kind === "product") {
        const parts = quotientParts(space, rebuilt, sum);
        const shift = parts && shiftAt(parts.denominator.at);
        const has =
          parts?.exponent.kind === "sum" && parts.exponent.args.some((arg) => negated(arg) === shift);
        return has ? quotient(rebuilt, parts) : rebuilt;
      }
      if (rebuilt.kind !== "sum") return rebuilt;
      const log = rebuilt.args.find((arg) => isLogarithmOf(arg, sum));
      const shift = log?.kind === "unary" ? shiftAt(log.a.at) : undefined;
      return shift !== undefined && rebuilt.args.includes(shift) ? logarithm(rebuilt, shift) : rebuilt;
    };
  const without = rewrite(
    (product, { numerator }) =>
      b.product(ir, product.args.filter((arg) => arg !== numerator && !isReciprocalOf(arg, sum))), // prettier-ignore
    (total) =>
      b.sum(ir, total.kind === "sum" ? total.args.filter((arg) => !isLogarithmOf(arg, sum)) : []), // prettier-ignore
  );
  const [rest = reader.body] = mapNodes(ir, [reader.body], { ...KEEP, node: without });
  if (readsOf([rest]).some((read) => tensors.has(read.tensor))) return undefined;
  const stopped = rewrite(
    (product, { numerator, denominator }) =>
      b.product(ir, product.args.map((arg) => (arg === numerator ? stop(arg, shiftAt(denominator.at)) : arg))), // prettier-ignore
    (total, shift) =>
      b.sum(ir, total.kind === "sum" ? total.args.map((arg) => (arg === shift ? stop(arg, shift) : arg)) : []), // prettier-ignore
  );
  return mapNodes(ir, [reader.body], { ...KEEP, node: stopped })[0];
};

/** What is subtracted, if that is an element of a tensor. */
const negated = (node: Node): Read | undefined => {
  const [sign, value, ...others] = node.kind === "product" ? node.args : [];
  const isMinus = sign?.kind === "constant" && sign.value === -1 && others.length === 0;
  return isMinus && value?.kind === "read" ? value : undefined;
};

/** The maximum that all terms are shifted by, if it may have a derivative. */
const shiftIn = (space: Workspace, exponent: Node, over: readonly Index[]): Read | undefined =>
  (exponent.kind === "sum" ? exponent.args : []).map(negated).find((read) => {
    if (read === undefined || over.some((index) => read.indices.includes(index))) return false;
    return space.definitions.get(read.tensor)?.body.kind !== "stopgradient" && isMaximum(space, read);
  });

const replaceNode = (ir: Arena, root: Node, from: Node, to: Node): Node =>
  mapNodes(ir, [root], { ...KEEP, node: (rebuilt) => (rebuilt === from ? to : rebuilt) })[0] ?? root;

/** For what will be differentiated: sums that are shifted as they are written, with their shift under a stop. */
export const stopShifts = eachOnce(stoppedShift);

// ---- sums that are not

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
