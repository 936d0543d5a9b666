/** In: a call of a procedure. Out: an instruction, appended to a sequence. Terminates: one visit for each argument. */

import type { Call, Procedure } from "../../src/schedule/outline.ts";
import { lookUp } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { emitScalar, slotOf } from "./scalar.ts";
import { get, scalarType } from "./scope.ts";
import type { Sequence } from "./scope.ts";

/** Apart from kernels and from the functions of the math library. */
export const functionOf = ({ name }: Procedure): string => `procedure.${name}`;

export function emitCall(
  frame: Frame,
  { procedure, buffers, values, result }: Call,
  sequence: Sequence,
): void {
  const { scope } = frame;
  const { module, binaryen } = scope;
  const operands = [
    ...buffers.map((buffer) => get(scope, lookUp(frame.pointers, buffer, buffer.name))),
    ...buffers.map((buffer) => get(scope, frame.length(buffer))),
    ...values.map((value) => emitScalar(frame, value, sequence)),
  ];
  const name = functionOf(procedure);
  if (result === undefined) {
    sequence.push(module.call(name, operands, binaryen.none));
    return;
  }
  const slot = slotOf(frame, result);
  const called = module.call(name, [...operands, get(scope, slot)], scalarType(scope, result.type));
  sequence.push(module.local.set(slot.index, called));
}
