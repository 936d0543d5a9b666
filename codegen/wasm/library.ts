/** The functions of the vector math library that a module uses. */

import type { MathOp } from "./arithmetic.ts";
import type { Binaryen, WasmModule } from "./binaryen.ts";
import type { MathLibrary } from "./frame.ts";
import { MATH, ensureMath } from "./math/index.ts";
import type { MathFunction } from "./math/index.ts";

export function createMathLibrary(binaryen: Binaryen, module: WasmModule): MathLibrary {
  return (op, dtype) => {
    if (!isMathFunction(op)) throw new Error(`the math library has no function ${op}`);
    return ensureMath({ binaryen, module }, op, dtype);
  };
}

function isMathFunction(op: MathOp): op is MathFunction & MathOp {
  return Object.hasOwn(MATH, op);
}
