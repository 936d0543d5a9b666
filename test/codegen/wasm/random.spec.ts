/**
 * Random loops: serial and vector code do what the plain evaluation of the loop IR does. Values are such that every
 * sum is exact, so that its order does not matter. A failure shrinks, and prints its seed.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { instantiateWasm } from "../../../codegen/wasm/run.ts";
import { vectorProblem } from "../../../src/loop/vectorise.ts";
import type { AccumulateOp, Expr, FloatType, Kernel, LoopMode, Stmt } from "../../../src/loop/types.ts";
import {
  accumulate,
  add,
  and,
  binary,
  bind,
  buffer,
  compare,
  constant,
  convert,
  dim,
  float,
  init,
  int,
  kernel,
  load,
  local,
  loop,
  mul,
  not,
  option,
  or,
  select,
  store,
  sub,
  unary,
  use,
} from "./build.ts";
import { interpret } from "./reference.ts";

const N = dim("N");
const x = buffer("x", "input", [N]);
const k = buffer("k", "input", [N], "int");
const y = buffer("y", "output", [mul(int(4), N)]);
const total = buffer("total", "output", []);
const i = local("i", "int");
const j = local("j", "int");
const sum = local("sum", "wide");

const clamped = (offset: Expr): Expr => binary("max", int(0), binary("min", sub(N, int(1)), offset));
const guarded = (offset: Expr): Expr =>
  select(and(compare("<=", int(0), offset), compare("<", offset, N)), load(x, offset), float(0.5));

const ints = fc.letrec<{ readonly int: Expr; readonly leaf: Expr }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(use(i), N, option("n", "int"), load(k, use(i)), load(k, clamped(use(j)))),
    fc.integer({ min: -3, max: 3 }).map(int),
  ),
  int: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc
      .tuple(fc.constantFrom("add", "sub", "max", "min"), tie("int"), tie("int"))
      .map(([op, a, b]) => binary(op, a, b)),
    fc.tuple(tie("int"), fc.integer({ min: -2, max: 3 })).map(([a, factor]) => mul(a, int(factor))),
    fc
      .tuple(fc.constantFrom("floordiv", "mod"), tie("int"), fc.integer({ min: 1, max: 5 }))
      .map(([op, a, by]) => binary(op, a, int(by))),
    tie("int").map((a) => unary("neg", a)),
  ),
})).int;

const floats = fc.letrec<{ readonly float: Expr; readonly leaf: Expr; readonly bool: Expr }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(
      load(x, use(i)),
      option("s"),
      float(0),
      load(x, clamped(use(j))),
      load(x, sub(sub(N, int(1)), use(i))),
    ),
    ints.map((offset) => guarded(offset)),
    ints.map((offset) => load(x, clamped(offset))),
    ints.map((value) => convert("float", value)),
  ),
  bool: fc.oneof(
    { depthSize: "small" },
    fc
      .tuple(fc.constantFrom("<", "<=", "==", "!="), tie("float"), tie("float"))
      .map(([op, a, b]) => compare(op, a, b)),
    fc.tuple(fc.constantFrom("<", "<=", "==", "!="), ints, ints).map(([op, a, b]) => compare(op, a, b)),
    fc.tuple(tie("bool"), tie("bool")).map(([a, b]) => and(a, not(b))),
    fc.tuple(tie("bool"), tie("bool")).map(([a, b]) => or(a, b)),
  ),
  float: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc
      .tuple(fc.constantFrom("add", "sub", "max", "min"), tie("float"), tie("float"))
      .map(([op, a, b]) => binary(op, a, b)),
    fc
      .tuple(fc.constantFrom("neg", "abs", "sign", "floor", "ceil", "round"), tie("float"))
      .map(([op, a]) => unary(op, a)),
    fc.tuple(tie("bool"), tie("float"), tie("float")).map(([test, a, b]) => select(test, a, b)),
    tie("bool").map((test) => convert("float", test)),
    tie("float").map((a) => convert("float", convert("wide", a))),
  ),
})).float;

interface Shape {
  readonly step: number;
  readonly from: number;
  readonly stride: number;
  readonly op: AccumulateOp;
}

/** Each value has a name, and is added to the one before, which is used for the last time there. */
function named(values: readonly Expr[]): { readonly lets: readonly Stmt[]; readonly last: Expr } {
  const lets: Stmt[] = [];
  let last: Expr = float(0);
  values.forEach((value, n) => {
    const t = local(`t${n}`, "float");
    lets.push(bind(t, n === 0 ? value : add(last, value)));
    last = use(t);
  });
  return { lets, last };
}

/** The loop over i inside one over j, so that there are invariants. */
function random(values: readonly Expr[], shape: Shape, dtype: FloatType, mode: LoopMode): Kernel {
  const { lets, last } = named(values);
  const identity = shape.op === "max" ? -Infinity : shape.op === "min" ? Infinity : 0;
  const body: Stmt[] = [
    ...lets,
    store(y, mul(use(i), int(shape.stride)), add(last, convert("float", use(j)))),
    accumulate(sum, shape.op, convert("wide", last)),
  ];
  return kernel(dtype, {
    name: `${dtype} ${mode}`,
    dims: ["N"],
    options: [
      { name: "s", type: "float", default: 1.5 },
      { name: "n", type: "int", default: 2 },
    ],
    buffers: [x, k, y, total],
    body: [
      loop(i, int(0), mul(int(4), N), [store(y, use(i), float(-1))], "vector"),
      init(sum, constant("wide", identity)),
      loop(j, int(0), int(2), [loop(i, int(shape.from), N, body, mode, shape.step)]),
      store(total, int(0), convert("float", use(sum))),
    ],
  });
}

const shapes = fc.record<Shape>({
  step: fc.integer({ min: 1, max: 3 }),
  from: fc.integer({ min: 0, max: 2 }),
  stride: fc.integer({ min: 1, max: 4 }),
  op: fc.constantFrom("sum", "max", "min"),
});

const cases = fc.record({
  values: fc.array(floats, { minLength: 1, maxLength: 4 }),
  shape: shapes,
  length: fc.integer({ min: 1, max: 40 }),
});

it.each(["f32", "f64"] as const)("agrees with the meaning of random loops on %s", async (dtype) => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ values, shape, length }) => {
      const kernels = (["serial", "vector"] as const).map((mode) => random(values, shape, dtype, mode));
      const elements = Array.from({ length }, (_, n) => ((n * 7) % 9) / 2 - 2);
      const args = {
        x: dtype === "f32" ? Float32Array.from(elements) : Float64Array.from(elements),
        k: Int32Array.from({ length }, (_, n) => ((n * 5) % 7) - 3),
        N: length,
      };
      const compiled = await instantiateWasm(kernels, { optimize: "none" });
      for (const one of kernels) {
        const want = interpret(one, args);
        const got = compiled.get(one.name)?.(args);
        expect(got?.["y"], one.name).toEqual(want["y"]);
        const [total, expected] = [got?.["total"], want["total"]?.[0]];
        // a vector loop may reduce in any order, and that decides which of two zeros a maximum is
        const isOpen = one.name.includes("vector") && shape.op !== "sum" && total === 0;
        if (isOpen) expect(expected === 0, one.name).toBe(true);
        else expect(total, one.name).toEqual(expected);
      }
    }),
    { numRuns: 150 },
  );
});

it("keeps the promise of vector loops", () => {
  fc.assert(
    fc.property(cases, ({ values, shape }) => {
      const { lets, last } = named(values);
      const body = [...lets, store(y, mul(use(i), int(shape.stride)), last)];
      const inner = loop(i, int(shape.from), N, body, "vector");
      return inner.kind === "for" && vectorProblem(inner) === undefined;
    }),
  );
});
