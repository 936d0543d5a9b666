/** Operands → one value elementwise, with the checks that they all need. */
import { diagnostic, type Span } from "../diagnostics/index.ts";
import type { Node } from "../ir/types.ts";
import { broadcast, excerpt, type Frame, type Operand } from "./frame.ts";
import type { Value } from "./value.ts";

export const combine = (
  frame: Frame,
  operands: readonly Operand[],
  expected: "number" | "condition",
  make: (nodes: readonly [Node, ...Node[]]) => Node,
): Value | undefined => {
  const sound: { readonly value: Value; readonly span: Span }[] = [];
  for (const { value, span } of operands)
    if (value !== undefined && isOf(frame, value, span, expected)) sound.push({ value, span });
  if (sound.length < operands.length) return undefined;
  const shape = broadcast(frame, sound);
  const [first, ...rest] = sound.map((operand) => operand.value.node);
  return shape && first && { shape, node: make([first, ...rest]) };
};

const isOf = (frame: Frame, value: Value, span: Span, expected: "number" | "condition"): boolean => {
  const isCondition = value.node.dtype === "bool";
  if (isCondition === (expected === "condition")) return true;
  const message = isCondition
    ? `\`${excerpt(span)}\` is a condition, and a number is needed`
    : `\`${excerpt(span)}\` is a number, and a condition is needed`;
  const advice = isCondition
    ? `write (${excerpt(span)} ? 1 : 0)`
    : `compare it with something: ${excerpt(span)} != 0`;
  frame.report(diagnostic("GS0401", span, message, { fill: { advice } }));
  return false;
};
