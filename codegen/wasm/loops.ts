/** What serial and vector loops share: counting, and the step of an accumulation. */

import type { AccumulateOp, Type } from "../../src/loop/types.ts";
import { accumulators, floatBinary, floatTypeOf, intBinary, scalarFloats } from "./arithmetic.ts";
import type { Ref } from "./binaryen.ts";
import type { Frame } from "./frame.ts";
import { bind, get, scalarType } from "./scope.ts";
import type { Sequence, Slot } from "./scope.ts";

/** Whether the counter is below the end. */
export function isBelow({ scope }: Frame, counter: Slot, to: () => Ref): Ref {
  return scope.module.i32.lt_s(get(scope, counter), to());
}

/** Runs `body` until the counter, which is below the end at first, no longer is, adding `step` after each time. */
export function repeated(frame: Frame, counter: Slot, step: number, to: () => Ref, body: Sequence): Ref {
  const { scope } = frame;
  const { module } = scope;
  const label = scope.label();
  const advance = module.local.set(
    counter.index,
    module.i32.add(get(scope, counter), module.i32.const(step)),
  );
  const again = module.br_if(label, isBelow(frame, counter, to));
  return module.loop(label, module.block(null, [...body, advance, again]));
}

/** Runs `body` while the counter is below `to`, adding `step` after each time. */
export function countedLoop(frame: Frame, counter: Slot, step: number, to: () => Ref, body: Sequence): Ref {
  return frame.scope.module.if(isBelow(frame, counter, to), repeated(frame, counter, step, to, body));
}

/** One step of an accumulation of scalars. */
export function combine(frame: Frame, type: Type, op: AccumulateOp, a: Ref, b: Ref, sequence: Sequence): Ref {
  const { scope } = frame;
  const { module } = scope;
  const binary = accumulators[op].op;
  const shared = (value: Ref) => {
    const slot = bind(scope, sequence, scalarType(scope, type), value);
    return () => get(scope, slot);
  };
  if (type === "bool") throw new Error("the loop IR does not accumulate conditions");
  if (type === "int") {
    const row = intBinary[binary];
    if (row.by === "nothing") throw new Error(`the loop IR has no operation ${binary} on ints`);
    return row.by === "instruction" ? row.emit(module, a, b) : row.emit(module, shared(a), shared(b));
  }
  const row = floatBinary[binary];
  if (row.by !== "instruction") throw new Error(`${binary} is no instruction`);
  return row.emit(scalarFloats(module, floatTypeOf(type, scope.dtype)), a, b);
}
