import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallableKernel, PortValue } from "../../../codegen/interface.ts";
import { instantiateTypeScript } from "../../../codegen/typescript/index.ts";
import type { BinaryOp, Expr, Kernel, Stmt, UnaryOp } from "../../../src/loop/types.ts";
import { verifyKernel } from "../../../src/loop/verify.ts";
import { BINARY, UNARY } from "../../../src/eval/operations.ts";
import { accumulate, accumulateAt, add, assign, bind, binary, buffer, compare, convert, dim, float, init, int, kernel, load, local, loop, mul, option, select, store, sub, unary, use, when } from "../../loop/build.ts"; // prettier-ignore
import { interior, linearPick, squaredError } from "../../loop/examples.ts";
import { diagnosticsOf, emitted } from "./compile.ts";
import { interpret } from "../wasm/reference.ts";

async function compile(one: Kernel): Promise<CallableKernel> {
  verifyKernel(one);
  const run = (await instantiateTypeScript([one])).get(one.name);
  if (run === undefined) throw new Error("no kernel");
  return run;
}

/** The interpreter's outputs, scalars as numbers. */
function expected(one: Kernel, args: Record<string, PortValue>): Record<string, PortValue> {
  const outputs = interpret(one, args);
  return Object.fromEntries(
    one.buffers
      .filter(({ role }) => role === "output")
      .map(({ name, shape }) => [name, (shape.length === 0 ? outputs[name]?.[0] : outputs[name]) ?? NaN]),
  );
}

describe("compiled kernels", () => {
  it("compute what they say: a loss with its gradient", async () => {
    const run = await compile(squaredError("f32"));
    const [x, t] = [new Float32Array([1, 2, 3]), new Float32Array([0, 0, 1])];
    expect(run({ x, t })).toEqual({ loss: 1.5, x: Float32Array.from([1 / 3, 2 / 3, 2 / 3]) });
    expect(run({ x, t, alpha: 1, N: 3 })).toMatchObject({ loss: 3 });
  });

  it("compute what they say: a product, a gather and a temporary that grows and shrinks", async () => {
    const run = await compile(linearPick());
    for (const K of [2, 5, 3]) {
      const numbers = (length: number): Float64Array =>
        Float64Array.from({ length }, (_, k) => Math.sin(k + K));
      const args = {
        N: 4,
        C: 3,
        K,
        x: numbers(12),
        w: numbers(3 * K),
        b: numbers(K),
        label: Int32Array.of(0, 1, 1, 0),
      };
      expect({ ...run(args) }).toEqual(expected(linearPick(), args));
    }
  });

  it.each([[], [3], [1, 5, 2, 9, 4, 7]])(
    "compute what they say: branches and running maxima",
    async (...values) => {
      const args = { N: values.length, x: Float64Array.from(values) };
      expect({ ...(await compile(interior()))(args) }).toEqual(expected(interior(), args));
    },
  );

  it("write into arrays of the caller", async () => {
    const run = await compile(squaredError("f32"));
    const into = new Float32Array(2);
    const result = run({ x: new Float32Array([1, 2]), t: new Float32Array(2) }, { x: into });
    expect(result["x"]).toBe(into);
    expect(into).toEqual(new Float32Array([0.5, 1]));
  });

  it("read arguments that share memory with results as they were before", async () => {
    const [N, i] = [dim("N"), local("i", "int")];
    const [x, y, z] = [buffer("x", "input", [N]), buffer("y", "output", [N]), buffer("z", "output", [N])];
    const last = sub(sub(N, int(1)), use(i));
    const body = [loop(i, int(0), N, [store(y, use(i), load(x, last)), store(z, use(i), load(x, use(i)))])];
    const run = await compile(kernel("f32", { dims: ["N"], buffers: [x, y, z], body }));
    const room = Float32Array.of(0, 1, 2, 3, 0);
    const input = room.subarray(1, 4);
    const results = run({ x: input }, { y: room.subarray(2), z: new Float32Array(3) });
    expect({ ...results }).toEqual({ y: Float32Array.of(3, 2, 1), z: Float32Array.of(1, 2, 3) });
    expect(() => run({ x: input }, { y: input, z: input })).toThrow("two of the results y, z share memory");
  });

  it("check their arguments", async () => {
    const run = await compile(linearPick());
    const args = {
      C: 1,
      x: new Float64Array(2),
      w: new Float64Array(3),
      b: new Float64Array(3),
      label: Int32Array.of(0, 2),
    };
    expect(() => run(args)).not.toThrow();
    expect(() => run({ ...args, x: new Float32Array(2) })).toThrow(
      new TypeError("x must be a Float64Array, but is Float32Array"),
    );
    expect(() => run({ ...args, w: new Float64Array(4) })).toThrow(
      new RangeError("w has shape [C, K] = [1, 3]: 3 elements, but 4 are given"),
    );
    expect(() => run({ ...args, label: Int32Array.of(0, 3) })).toThrow(
      new RangeError("label[1] is 3: it must lie in [0, K = 3)"),
    );
    expect(() => run({ ...args, N: 3 })).toThrow(
      new RangeError("x has shape [N, C] = [3, 1]: 3 elements, but 2 are given"),
    );
    expect(() => run({ ...args, N: 2.5 })).toThrow(
      new RangeError("N must be a whole number of 32 bits, but is 2.5"),
    );
    expect(() => run({ x: args.x })).toThrow(TypeError);
    expect(() => run({ ...args, C: "1" as unknown as number })).toThrow(
      new TypeError("C must be a number, but is a string"),
    );
    expect(() => run(args, { z: new Float64Array(3) })).toThrow(
      new RangeError("z has shape [N] = [2]: 2 elements, but 3 are given"),
    );
  });

  it("take and give values under any name", async () => {
    for (const name of ["__proto__", "constructor", "then", "class", "a b", "*/", "🙂"]) {
      const [x, y] = [buffer(name, "input", []), buffer(name, "output", [])];
      const other = option(`${name}!`);
      const options = [{ name: `${name}!`, type: "float", default: 3 }] as const;
      const run = await compile({
        ...kernel("f64", { options, buffers: [x, y], body: [store(y, int(0), add(load(x, int(0)), other))] }),
        name,
      });
      const args = Object.fromEntries([[name, 4]]);
      expect(Object.entries(run(args))).toEqual([[name, 7]]);
    }
  });

  it("give ints one zero", async () => {
    const [y, z] = [buffer("y", "output", []), buffer("z", "output", [], "int")];
    const [n, k] = [option("n", "int"), local("k", "int")];
    const body = [
      bind(k, mul(n, int(-1))),
      store(
        y,
        int(0),
        binary("div", float(1), add(convert("float", use(k)), convert("float", mul(n, int(-2))))),
      ),
      init(local("p", "int"), int(-3)),
      store(z, int(0), mul(use(k), int(-3))),
    ];
    const options = [{ name: "n", type: "int", default: 0 }] as const;
    expect({ ...(await compile(kernel("f64", { options, buffers: [y, z], body })))({}) }).toEqual({
      y: Infinity,
      z: 0,
    });
  });

  it("are 500 in one module", async () => {
    const kernels = Array.from({ length: 500 }, (_, k) => ({
      ...(k % 2 === 0 ? squaredError() : linearPick()),
      name: `k${k}`,
    }));
    const all = await instantiateTypeScript(kernels);
    expect([...all.keys()]).toEqual(kernels.map(({ name }) => name));
    expect(all.get("k498")?.({ x: new Float32Array([2]), t: new Float32Array(1) })).toMatchObject({
      loss: 2,
    });
  });
});

/** Random kernels: two loops over N whose bodies use every kind of expression and statement. */
describe("a random kernel computes what the loop IR means", () => {
  const N = dim("N");
  const [x, v, y, z, t] = [
    buffer("x", "input", [N]),
    buffer("v", "input", [N], "int"),
    buffer("y", "output", [N]),
    buffer("z", "output", []),
    buffer("t", "temp", [N]),
  ];
  const [i, a, s, m, c] = [local("i", "int"), local("a", "float"), local("s", "float"), local("m", "int"), local("c", "bool")]; // prettier-ignore
  const at = convert("float", use(i));
  const unaries = Object.keys(UNARY) as UnaryOp[];
  const binaries = Object.keys(BINARY) as BinaryOp[];
  const intBinaries = ["add", "sub", "mul", "max", "min"] as const;

  type Exprs = {
    readonly float: Expr;
    readonly int: Expr;
    readonly bool: Expr;
  };
  const {
    float: floats,
    int: ints,
    bool: bools,
  } = fc.letrec<Exprs>((tie) => {
    const [f, n, b] = [tie("float"), tie("int"), tie("bool")] as fc.Arbitrary<Expr>[] as [
      fc.Arbitrary<Expr>,
      fc.Arbitrary<Expr>,
      fc.Arbitrary<Expr>,
    ];
    return {
      float: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom(load(x, use(i)), use(a), use(s), at, option("alpha"), float(-0)),
        fc.double().map(float),
        fc.tuple(fc.constantFrom(...unaries), f).map(([op, e]) => unary(op, e)),
        fc.tuple(fc.constantFrom(...binaries), f, f).map(([op, p, q]) => binary(op, p, q)),
        fc.tuple(b, f, f).map(([test, p, q]) => select(test, p, q)),
        n.map((e) => convert("float", e)),
        b.map((e) => convert("float", e)),
      ),
      int: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom(use(i), use(m), load(v, use(i)), N, option("k", "int"), int(0)),
        fc.integer({ min: -5, max: 5 }).map(int),
        fc
          .tuple(fc.constantFrom(...intBinaries), n, n)
          .map(([op, p, q]) => binary("mod", binary(op, p, q), int(97))),
        fc
          .tuple(fc.constantFrom("floordiv" as const, "mod" as const), n)
          .map(([op, p]) => binary(op, p, int(3))),
        fc
          .tuple(fc.constantFrom("neg" as const, "abs" as const, "sign" as const), n)
          .map(([op, e]) => unary(op, e)),
        b.map((e) => convert("int", e)),
      ),
      bool: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom(use(c), compare("<", load(x, use(i)), float(0))),
        fc
          .tuple(fc.constantFrom("<" as const, "<=" as const, "==" as const, "!=" as const), f, f)
          .map(([op, p, q]) => compare(op, p, q)),
        fc
          .tuple(fc.constantFrom("<" as const, "<=" as const, "==" as const, "!=" as const), n, n)
          .map(([op, p, q]) => compare(op, p, q)),
        fc
          .tuple(fc.constantFrom("and" as const, "or" as const), b, b)
          .map(([kind, p, q]): Expr => ({ kind, type: "bool", a: p, b: q })),
        b.map((e): Expr => ({ kind: "not", type: "bool", a: e })),
      ),
    };
  });

  const ops = fc.constantFrom("sum" as const, "prod" as const, "max" as const, "min" as const);
  const inner: fc.Arbitrary<Stmt> = fc.oneof(
    fc.tuple(ops, floats).map(([op, e]) => accumulate(s, op, e)),
    ints.map((e) => assign(m, e)),
    floats.map((e) => store(y, use(i), e)),
    fc.tuple(ops, floats).map(([op, e]) => accumulateAt(y, binary("mod", load(v, use(i)), N), op, e)),
    fc.tuple(ops, floats).map(([op, e]) => accumulateAt(z, int(0), op, e)),
    fc.tuple(ops, floats).map(([op, e]) => accumulateAt(t, sub(sub(N, int(1)), use(i)), op, e)),
  );
  const outer = fc.oneof(
    inner,
    fc
      .tuple(bools, fc.array(inner, { maxLength: 3 }), fc.array(inner, { maxLength: 2 }))
      .map(([test, p, q]) => when(test, p, q)),
  );
  const kernels = fc.record({ a: floats, m: ints, c: bools, body: fc.array(outer, { maxLength: 6 }) }).map((parts) =>
    kernel("f64", {
      name: "random",
      dims: ["N"],
      options: [{ name: "alpha", type: "float", default: 0.5 }, { name: "k", type: "int", default: -2 }],
      buffers: [x, v, y, z, t],
      body: [
        store(z, int(0), float(0)),
        init(s, float(1)),
        init(m, int(2)),
        bind(c, compare("<", N, int(3))),
        loop(i, int(0), N, [store(t, use(i), float(1)), store(y, use(i), float(2))]),
        loop(i, int(0), N, [bind(a, load(t, use(i))), ...parts.body, accumulate(s, "sum", parts.a), assign(m, parts.m)]),
        loop(i, binary("max", int(0), sub(N, int(2))), N, [bind(a, at), when(parts.c, parts.body)], "serial", 2),
        accumulateAt(z, int(0), "sum", use(s)),
      ],
    }),
  ); // prettier-ignore

  it("to the last bit", async () => {
    const batch = fc
      .sample(kernels, { numRuns: 150, seed: 20_261 })
      .map((one, k) => ({ ...one, name: `random${k}` }));
    const compiled = await instantiateTypeScript(batch);
    for (const one of batch) {
      verifyKernel(one);
      for (const values of [[], [1.5], [-1, 0.25, 3, -0]]) {
        const args = {
          N: values.length,
          x: Float64Array.from(values),
          v: Int32Array.from(values, (_, k) => k * 5 + 1),
        };
        expect({ ...compiled.get(one.name)?.(args) }, one.name).toEqual(expected(one, args));
      }
    }
  });

  it("and passes the strictest settings of TypeScript", () => {
    const batch = fc
      .sample(kernels, { numRuns: 60, seed: 20_262 })
      .map((one, k) => ({ ...one, name: `random${k}` }));
    expect(diagnosticsOf(emitted(...batch))).toEqual([]);
  });
});
