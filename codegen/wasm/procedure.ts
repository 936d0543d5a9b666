/**
 * In: a procedure. Out: a function in a WebAssembly module, which takes addresses and lengths of buffers, then values.
 * Terminates: one pass over each.
 */

import type { Procedure } from "../../src/schedule/outline.ts";
import type { Parameter } from "./abi.ts";
import type { Binaryen, WasmModule } from "./binaryen.ts";
import { functionOf } from "./call.ts";
import type { Calls, MathLibrary } from "./frame.ts";
import { openKernel } from "./kernel.ts";
import { slotOf } from "./scalar.ts";
import { get, scalarType } from "./scope.ts";
import type { Sequence } from "./scope.ts";
import { emitStatements } from "./statements.ts";

export function addProcedure(
  binaryen: Binaryen,
  module: WasmModule,
  procedure: Procedure,
  math: MathLibrary,
  calls: Calls,
): void {
  const { kernel, buffers, values, result, body } = procedure;
  const parameters = [
    ...buffers.map((buffer): Parameter => ({ kind: "pointer", buffer })),
    ...buffers.map((buffer): Parameter => ({ kind: "length", buffer })),
    ...[...values, ...(result === undefined ? [] : [result])].map((local): Parameter => ({
      kind: "value",
      local,
    })),
  ];
  const { frame, types } = openKernel(binaryen, module, kernel, math, parameters, calls);
  const { scope } = frame;
  const sequence: Sequence = [];
  emitStatements(frame, body, sequence);
  const [type, returned] =
    result === undefined
      ? [binaryen.none, []]
      : [scalarType(scope, result.type), [get(scope, slotOf(frame, result))]];
  const block = module.block(null, [...scope.prologue, ...sequence, ...returned], type);
  module.addFunction(functionOf(procedure), binaryen.createType([...types]), type, scope.variables, block);
}
