/** Vector functions as functions on typed arrays: a module with one exported loop per function, for tests. */
import { ensureMath, MATH, type MathFunction } from "./index.ts";
import { LANE_FORMAT, laneOperations, type LaneType, type WasmTarget } from "./lanes.ts";

export type FloatArray = Float32Array | Float64Array;
/** Applies a function to arrays of equal length, at most `EVALUATE_CAPACITY` elements. */
export type ArrayFunction = (x: FloatArray, y?: FloatArray) => FloatArray;

export interface MathInstance {
  get(name: MathFunction, dtype: LaneType): ArrayFunction;
}

export interface MathRequest {
  readonly name: MathFunction;
  readonly dtype: LaneType;
}

const EVALUATE_CAPACITY = 1 << 18;
const REGION = EVALUATE_CAPACITY * 8;
const PAGE = 65536;

const arrayOf = (dtype: LaneType, buffer: ArrayBuffer, region: number): FloatArray =>
  dtype === "f32"
    ? new Float32Array(buffer, region * REGION, EVALUATE_CAPACITY)
    : new Float64Array(buffer, region * REGION, EVALUATE_CAPACITY);

const isLoop = (value: unknown): value is (end: number) => void => typeof value === "function";

const exportName = ({ name, dtype }: MathRequest) => `${name}.${dtype}`;

/** Adds and exports `loop(end)`: region 2 becomes the function of regions 0 and 1, up to the byte offset `end`. */
function addLoop(target: WasmTarget, request: MathRequest): void {
  const { binaryen, module } = target;
  const { i32, local } = module;
  const lanes = laneOperations(module, request.dtype);
  const pointer = () => local.get(1, binaryen.i32);
  const operands =
    MATH[request.name].arity === 1
      ? [lanes.load(pointer(), 0)]
      : [lanes.load(pointer(), 0), lanes.load(pointer(), REGION)];
  const value = module.call(ensureMath(target, request.name, request.dtype), operands, binaryen.v128);
  const loopBody = module.block(null, [
    lanes.store(pointer(), 2 * REGION, value),
    local.set(1, i32.add(pointer(), i32.const(16))),
    module.br_if("again", i32.lt_u(pointer(), local.get(0, binaryen.i32))),
  ]);
  const name = exportName(request);
  module.addFunction(name, binaryen.i32, binaryen.none, [binaryen.i32], module.loop("again", loopBody));
  module.addFunctionExport(name, name);
}

/** A module of these functions, not yet compiled. */
export function buildMathModule(target: WasmTarget, requests: readonly MathRequest[]): void {
  const { binaryen, module } = target;
  module.setFeatures(binaryen.Features.MVP | binaryen.Features.SIMD128);
  module.setMemory((3 * REGION) / PAGE, (3 * REGION) / PAGE, "memory");
  for (const request of requests) addLoop(target, request);
}

/** Runs the binary of a module that `buildMathModule` made. */
export function runMath(bytes: Uint8Array): MathInstance {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)));
  const memory = exports["memory"];
  if (!(memory instanceof WebAssembly.Memory)) throw new TypeError("the module exports no memory");
  return {
    get: (name, dtype) => {
      const run = exports[exportName({ name, dtype })];
      if (!isLoop(run)) throw new RangeError(`${name} was not requested for ${dtype}`);
      const [xs, ys, out] = [0, 1, 2].map((region) => arrayOf(dtype, memory.buffer, region));
      return (x, y) => {
        xs?.set(x);
        if (y !== undefined) ys?.set(y);
        run(x.length * LANE_FORMAT[dtype].bytes);
        return (out ?? x).slice(0, x.length);
      };
    },
  };
}

export function instantiateMath(target: WasmTarget, requests: readonly MathRequest[]): MathInstance {
  buildMathModule(target, requests);
  return runMath(target.module.emitBinary());
}
