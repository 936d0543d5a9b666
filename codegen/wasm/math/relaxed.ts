/**
 * a·b + c on lanes, rounded once or twice as the host likes: relaxed SIMD, which a module uses where it has the feature.
 */
import type { Expression, LaneType, WasmTarget } from "./lanes.ts";

/** Binaryen's interface for JavaScript has no name for it; that for C, which it is made of, has. */
interface Raw {
  readonly _BinaryenSIMDTernary: (
    module: number,
    op: number,
    a: Expression,
    b: Expression,
    c: Expression,
  ) => Expression;
  readonly _BinaryenRelaxedMaddVecF32x4: () => number;
  readonly _BinaryenRelaxedMaddVecF64x2: () => number;
}

const OP = { f32: "_BinaryenRelaxedMaddVecF32x4", f64: "_BinaryenRelaxedMaddVecF64x2" } as const;

export const isRelaxed = ({ binaryen, module }: WasmTarget): boolean =>
  (module.getFeatures() & binaryen.Features.RelaxedSIMD) !== 0;

export function relaxedMulAdd(
  { binaryen, module }: WasmTarget,
  dtype: LaneType,
  a: Expression,
  b: Expression,
  c: Expression,
): Expression {
  const raw = binaryen as unknown as Raw;
  const { ptr } = module as unknown as { readonly ptr: number };
  return raw._BinaryenSIMDTernary(ptr, raw[OP[dtype]](), a, b, c);
}
