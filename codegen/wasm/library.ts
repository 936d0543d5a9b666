/** The functions of the vector math library that a module uses. */

import type { MathOp } from "./arithmetic.ts";
import type { Binaryen, WasmModule } from "./binaryen.ts";
import type { MathLibrary } from "./frame.ts";
import { MATH, ensureMath, inlineMath } from "./math/index.ts";
import type { MathFunction } from "./math/index.ts";

export function createMathLibrary(binaryen: Binaryen, module: WasmModule): MathLibrary {
  const target = { binaryen, module };
  return {
    functionName: (op, precision) => ensureMath(target, functionOf(op), precision),
    inline: (op, precision, operands, host) => inlineMath(target, functionOf(op), precision, operands, host),
  };
}

function functionOf(op: MathOp): MathFunction & MathOp {
  if (isMathFunction(op)) return op;
  throw new Error(`the math library has no function ${op}`);
}

function isMathFunction(op: MathOp): op is MathFunction & MathOp {
  return Object.hasOwn(MATH, op);
}
