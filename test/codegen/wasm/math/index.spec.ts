import binaryen from "binaryen";
import { beforeAll, describe, expect, it } from "vitest";
import wabt from "wabt";
import { ERROR_BOUND, ulp } from "../../../../codegen/wasm/math/accuracy.ts";
import {
  buildMathModule,
  instantiateMath,
  runMath,
  type MathInstance,
  type MathRequest,
} from "../../../../codegen/wasm/math/evaluate.ts";
import {
  ensureMath,
  inlineMath,
  MATH,
  type MathFunction,
  mathFunctionName,
} from "../../../../codegen/wasm/math/index.ts";
import {
  type Expression,
  LANE_TYPES,
  type LaneType,
  type WasmTarget,
} from "../../../../codegen/wasm/math/lanes.ts";
import { referencePoints } from "./references.ts";
import { singles, specials } from "./samples.ts";

const NAMES = Object.keys(MATH) as MathFunction[];
const UNARY = NAMES.filter((name) => MATH[name].arity === 1);
const EVERYTHING: MathRequest[] = NAMES.flatMap((name) => LANE_TYPES.map((dtype) => ({ name, dtype })));
const emptyTarget = (): WasmTarget => ({ binaryen, module: new binaryen.Module() });

let math: MathInstance;

beforeAll(() => {
  math = instantiateMath(emptyTarget(), EVERYTHING);
});

const typed = (dtype: LaneType, values: readonly number[]) =>
  dtype === "f32" ? new Float32Array(values) : new Float64Array(values);

function apply(name: MathFunction, dtype: LaneType, x: number, y = 0): number {
  return math.get(name, dtype)(typed(dtype, [x]), typed(dtype, [y]))[0] ?? NaN;
}

/** JavaScript's functions, good to about an ulp of f64: an independent reference for f32. */
const JAVASCRIPT: Record<Exclude<MathFunction, "erf" | "erfc">, (x: number, y: number) => number> = {
  exp: (x) => Math.exp(x),
  expm1: (x) => Math.expm1(x),
  log: (x) => Math.log(x),
  log1p: (x) => Math.log1p(x),
  sinh: (x) => Math.sinh(x),
  cosh: (x) => Math.cosh(x),
  tanh: (x) => Math.tanh(x),
  asinh: (x) => Math.asinh(x),
  acosh: (x) => Math.acosh(x),
  atanh: (x) => Math.atanh(x),
  sin: (x) => Math.sin(x),
  cos: (x) => Math.cos(x),
  tan: (x) => Math.tan(x),
  asin: (x) => Math.asin(x),
  acos: (x) => Math.acos(x),
  atan: (x) => Math.atan(x),
  atan2: (y, x) => Math.atan2(y, x),
  hypot: (x, y) => Math.hypot(x, y),
  pow: (x, y) => Math.pow(x, y),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  softplus: (x) => (x > 40 ? x : Math.log1p(Math.exp(x))),
};

describe("f64 against values of higher precision", () => {
  it.each(NAMES)("%s is within its bound", (name) => {
    const points = referencePoints(name);
    expect(points.length).toBeGreaterThanOrEqual(180);
    const x = new Float64Array(points.map((p) => p.x));
    const y = new Float64Array(points.map((p) => p.y));
    const actual = math.get(name, "f64")(x, y);
    const errors = points.map(({ value, rest }, i) =>
      Math.abs(((actual[i] ?? NaN) - value) / ulp(value, "f64") - rest),
    );
    expect(Math.max(...errors)).toBeLessThanOrEqual(ERROR_BOUND[name].f64);
  });
});

/** Both zeros of the same sign, both NaN, or within the bound. */
function agrees(name: MathFunction, actual: number, expected: number): boolean {
  const rounded = Math.fround(expected);
  if (Object.is(actual, rounded)) return true;
  if (actual === 0 && rounded === 0) return false;
  return Math.abs(actual - expected) <= ERROR_BOUND[name].f32 * ulp(expected, "f32");
}

describe("f32 against JavaScript's f64 functions", () => {
  const inJavaScript = Object.entries(JAVASCRIPT).map(([name, reference]) => ({
    name: name as keyof typeof JAVASCRIPT,
    reference,
  }));

  it.each(inJavaScript)("$name is within its bound", ({ name, reference }) => {
    const [x, y] = [singles(100_000, 1), singles(100_000, 2).reverse()];
    const actual = math.get(name, "f32")(x, y);
    const failures = Array.from(x, (a, i) => {
      const b = y[i] ?? NaN;
      return { x: a, y: b, actual: actual[i] ?? NaN, expected: reference(a, b) };
    })
      // C99 gives 1 where JavaScript gives NaN.
      .filter((p) => !(name === "pow" && Math.abs(p.x) === 1 && Number.isNaN(p.expected)))
      .filter((p) => !agrees(name, p.actual, p.expected));
    expect(failures).toEqual([]);
  });
});

const ODD = [
  "expm1",
  "log1p",
  "sin",
  "tan",
  "asin",
  "atan",
  "sinh",
  "tanh",
  "asinh",
  "atanh",
  "erf",
] as const;

describe.each(LANE_TYPES)("special values, %s", (dtype) => {
  it.each(UNARY)("%s of NaN is NaN", (name) => {
    expect(apply(name, dtype, NaN)).toBeNaN();
  });

  it.each(ODD)("%s keeps the sign of zero, and is odd", (name) => {
    expect(apply(name, dtype, 0)).toBe(0);
    expect(apply(name, dtype, -0)).toBe(-0);
    const least = dtype === "f32" ? 2 ** -149 : 5e-324;
    if (name !== "erf") expect(apply(name, dtype, -least)).toBe(-least);
  });

  it.each([
    ["exp", Infinity, Infinity], ["exp", -Infinity, 0], ["exp", 0, 1], ["exp", -0, 1], ["exp", 710, Infinity], ["exp", -746, 0],
    ["expm1", Infinity, Infinity], ["expm1", -Infinity, -1], ["expm1", -50, -1], ["expm1", 710, Infinity],
    ["log", 0, -Infinity], ["log", -0, -Infinity], ["log", 1, 0], ["log", Infinity, Infinity], ["log", -1, NaN], ["log", -Infinity, NaN],
    ["log1p", -1, -Infinity], ["log1p", -2, NaN], ["log1p", Infinity, Infinity], ["log1p", -Infinity, NaN],
    ["sigmoid", Infinity, 1], ["sigmoid", -Infinity, 0], ["sigmoid", 0, 0.5], ["sigmoid", -0, 0.5], ["sigmoid", 1e30, 1],
    ["softplus", Infinity, Infinity], ["softplus", -Infinity, 0], ["softplus", 1e30, 1e30],
    ["sinh", Infinity, Infinity], ["sinh", -Infinity, -Infinity], ["sinh", 711, Infinity],
    ["cosh", Infinity, Infinity], ["cosh", -Infinity, Infinity], ["cosh", 0, 1], ["cosh", -711, Infinity],
    ["tanh", Infinity, 1], ["tanh", -Infinity, -1], ["tanh", 1e30, 1],
    ["asinh", Infinity, Infinity], ["asinh", -Infinity, -Infinity],
    ["acosh", 1, 0], ["acosh", 0.5, NaN], ["acosh", -1, NaN], ["acosh", -1e30, NaN], ["acosh", Infinity, Infinity], ["acosh", -Infinity, NaN],
    ["atanh", 1, Infinity], ["atanh", -1, -Infinity], ["atanh", 2, NaN], ["atanh", -2, NaN], ["atanh", Infinity, NaN],
    ["sin", Infinity, NaN], ["sin", -Infinity, NaN], ["cos", Infinity, NaN], ["cos", 0, 1], ["cos", -0, 1], ["tan", Infinity, NaN],
    ["asin", 2, NaN], ["asin", -Infinity, NaN], ["acos", 1, 0], ["acos", -2, NaN], ["acos", Infinity, NaN],
    ["erf", Infinity, 1], ["erf", -Infinity, -1], ["erfc", Infinity, 0], ["erfc", -Infinity, 2], ["erfc", 0, 1], ["erfc", 30, 0],
  ] as const)("%s(%d) is %d", (name, x, value) => {
    const rounded = typed(dtype, [x, value]);
    expect(apply(name, dtype, x)).toBe(rounded[1]);
  }); // prettier-ignore

  it("atan, asin, acos and atan2 give the nearest numbers to multiples of π", () => {
    const pi = (factor: number) => typed(dtype, [Math.PI * factor])[0];
    expect(apply("atan", dtype, Infinity)).toBe(pi(0.5));
    expect(apply("atan", dtype, -1)).toBe(pi(-0.25));
    expect(apply("asin", dtype, -1)).toBe(pi(-0.5));
    expect(apply("acos", dtype, -1)).toBe(pi(1));
    expect(apply("acos", dtype, -0)).toBe(pi(0.5));
  });

  it("atan2 is C99's on every pair of special values", () => {
    for (const y of typed(dtype, specials(dtype))) {
      for (const x of typed(dtype, specials(dtype))) {
        const expected = Math.atan2(y, x);
        const actual = apply("atan2", dtype, y, x);
        const rounded = typed(dtype, [expected])[0];
        const isClose = Math.abs(actual - expected) <= ERROR_BOUND.atan2[dtype] * ulp(expected, dtype);
        expect({ y, x, actual: isClose && actual !== 0 ? rounded : actual }).toEqual({
          y,
          x,
          actual: rounded,
        });
      }
    }
  });

  it("pow is C99's on every pair of special values", () => {
    for (const x of typed(dtype, specials(dtype))) {
      for (const y of typed(dtype, specials(dtype))) {
        const isOne = x === 1 || (x === -1 && Math.abs(y) === Infinity);
        const expected = isOne ? 1 : Math.pow(x, y);
        const actual = apply("pow", dtype, x, y);
        const rounded = typed(dtype, [expected])[0];
        const isClose = Math.abs(actual - expected) <= ERROR_BOUND.pow[dtype] * ulp(expected, dtype);
        expect({ x, y, actual: isClose && actual !== 0 ? rounded : actual }).toEqual({
          x,
          y,
          actual: rounded,
        });
      }
    }
  });

  it("hypot is C99's at infinities, NaN and extremes", () => {
    expect(apply("hypot", dtype, Infinity, NaN)).toBe(Infinity);
    expect(apply("hypot", dtype, NaN, -Infinity)).toBe(Infinity);
    expect(apply("hypot", dtype, NaN, 1)).toBeNaN();
    expect(apply("hypot", dtype, -0, 0)).toBe(0);
    const [least, most] = dtype === "f32" ? [2 ** -149, 2 ** 127] : [5e-324, 2 ** 1023];
    expect(apply("hypot", dtype, 3 * least, 4 * least)).toBe(5 * least);
    expect(apply("hypot", dtype, -0.75 * most, most)).toBe(1.25 * most);
    expect(apply("hypot", dtype, 1.75 * most, 1.75 * most)).toBe(Infinity);
  });
});

describe("tails in f64", () => {
  it.each([
    ["sigmoid", -700, 9.85967654375977e-305], ["erfc", 12, 1.3562611692059042e-64], ["erfc", 26, 5.663192408856143e-296],
    ["tanh", 1e-10, 1e-10], ["expm1", 1e-20, 1e-20], ["log1p", -1 + 2 ** -53, -36.7368005696771], ["exp", -740, 4.2e-322],
    ["exp", -745.13, 5e-324], ["exp", 709.78, 1.7928227943945155e308], ["softplus", -740, 4.2e-322], ["erfc", 27, 5.23705e-319],
  ] as const)("%s(%d)", (name, x, value) => {
    expect(Math.abs(apply(name, "f64", x) / value - 1)).toBeLessThan(value < 1e-310 ? 1e-2 : 1e-14);
  }); // prettier-ignore
});

describe("lanes", () => {
  it("do not influence each other, and a huge angle in one does not spoil the others", () => {
    for (const dtype of LANE_TYPES) {
      for (const name of ["sin", "cos", "tan"] as const) {
        const mixed = typed(dtype, [1, 1e30, -0, 0.5, 2e9, 3, -1e7, NaN]);
        const together = math.get(name, dtype)(mixed);
        const apart = Array.from(mixed, (x) => apply(name, dtype, x));
        expect(Array.from(together)).toEqual(apart);
      }
    }
  });
});

/** A function that has the code of another in place, with its constants set at the entry. */
function addInlined(target: WasmTarget, { name, dtype }: MathRequest): void {
  const { module } = target;
  const { v128 } = target.binaryen;
  const constants = new Map<string, number>();
  const [prologue, body]: [Expression[], Expression[]] = [[], []];
  const local = () => 2 + prologue.length + body.length;
  const set = (list: Expression[], value: Expression) => {
    const index = local();
    list.push(module.local.set(index, value));
    return index;
  };
  const operands = [0, 1].slice(0, MATH[name].arity).map((index) => ({ local: index, sign: "+" as const }));
  const result = inlineMath(target, name, dtype, operands, {
    bind: (value) => set(body, value),
    constant: (key, make) => {
      const index = constants.get(key) ?? set(prologue, make());
      constants.set(key, index);
      return index;
    },
  });
  const code = module.block(null, [...prologue, ...body, result], v128);
  const types = target.binaryen.createType([v128, v128]);
  const variables = [...prologue, ...body].map(() => v128);
  module.addFunction(`inline_${name}_${dtype}`, types, v128, variables, code);
}

describe("the module", () => {
  it("holds only what was asked for, once, under stable names", () => {
    const target = emptyTarget();
    expect(ensureMath(target, "exp", "f32")).toBe("exp_f32x4");
    expect(ensureMath(target, "exp", "f32")).toBe("exp_f32x4");
    expect(target.module.getNumFunctions()).toBe(1);
    expect(mathFunctionName("atan2", "f64")).toBe("atan2_f64x2");
    ensureMath(target, "sin", "f64");
    const withSin = target.module.getNumFunctions();
    ensureMath(target, "sin", "f32");
    expect(target.module.getNumFunctions()).toBe(withSin + 1);
  });

  it("is valid for binaryen and for wabt, and the same bytes each time", async () => {
    const target = emptyTarget();
    buildMathModule(target, EVERYTHING);
    expect(target.module.validate()).toBe(1);
    const bytes = target.module.emitBinary();
    const module = (await wabt()).readWasm(bytes, { simd: true });
    expect(() => {
      module.validate();
    }).not.toThrow();
    module.destroy();
    const again = emptyTarget();
    buildMathModule(again, EVERYTHING);
    expect(again.module.emitBinary()).toEqual(bytes);
  });

  it("takes the code of functions in place of calls, with constants set once and apart", () => {
    const target = emptyTarget();
    target.module.setFeatures(binaryen.Features.MVP | binaryen.Features.SIMD128);
    for (const request of EVERYTHING) addInlined(target, request);
    expect(target.module.validate()).toBe(1);
    const text = target.module.emitText();
    const tanh = text.slice(text.indexOf("(func $inline_tanh_f32"), text.indexOf("(func $inline_tanh_f64"));
    const constants = tanh.match(/v128\.const [^)]*/g) ?? [];
    expect(constants.length).toBeGreaterThan(10);
    expect(new Set(constants).size).toBe(constants.length);
    expect(tanh.lastIndexOf("v128.const")).toBeLessThan(tanh.indexOf("f32x4."));
  });

  it("computes the same after optimisation", () => {
    const requests = (["erf", "pow", "sin"] as const).map((name): MathRequest => ({ name, dtype: "f64" }));
    const target = emptyTarget();
    buildMathModule(target, requests);
    target.module.optimize();
    const optimised = runMath(target.module.emitBinary());
    for (const { name, dtype } of requests) {
      const [x, y] = [new Float64Array(singles(2000, 4)), new Float64Array(singles(2000, 5))];
      expect(optimised.get(name, dtype)(x, y)).toEqual(math.get(name, dtype)(x, y));
    }
  });
});
