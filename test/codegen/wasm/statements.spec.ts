/** Every kind of statement, serial and vector, against the plain evaluation of the loop IR. */
import { describe, expect, it } from "vitest";
import { instantiateWasm } from "../../../codegen/wasm/run.ts";
import type { AccumulateOp, FloatType, Kernel, LoopMode, Stmt } from "../../../src/loop/types.ts";
import {
  accumulate,
  accumulateAt,
  add,
  assign,
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
  select,
  store,
  sub,
  unary,
  use,
  when,
} from "./build.ts";
import { interpret } from "./reference.ts";

const N = dim("N");
const M = dim("M");
const x = buffer("x", "input", [N]);
const i = local("i", "int");
const j = local("j", "int");
const at = use(i);
const OPS: readonly AccumulateOp[] = ["sum", "prod", "max", "min"];
const DTYPES: readonly FloatType[] = ["f32", "f64"];
const MODES: readonly LoopMode[] = ["serial", "vector"];
const LENGTHS = [...Array.from({ length: 18 }, (_, n) => n), 31, 33, 64, 67];

const floats = (dtype: FloatType, length: number, from: (n: number) => number) => {
  const values = Array.from({ length }, (_, n) => from(n));
  return dtype === "f32" ? Float32Array.from(values) : Float64Array.from(values);
};

async function agree(
  kernels: readonly Kernel[],
  argsOf: (length: number, kernel: Kernel) => Record<string, never>,
) {
  const compiled = await instantiateWasm(kernels);
  for (const one of kernels) {
    for (const length of LENGTHS) {
      const args = argsOf(length, one);
      const want = interpret(one, args);
      const got = compiled.get(one.name)?.(args) ?? {};
      for (const [name, values] of Object.entries(want)) {
        const value = got[name];
        expect(
          typeof value === "number" ? [value] : [...(value ?? [])],
          `${one.name} ${name}, N = ${length}`,
        ).toEqual([...values]);
      }
    }
  }
}

const args = (values: Record<string, unknown>): Record<string, never> => values as Record<string, never>;

const IDENTITY = { sum: 0, prod: 1, max: -Infinity, min: Infinity } as const;

/** All accumulations of x, and of something dear enough that the loop is not unrolled. */
function reductions(dtype: FloatType, mode: LoopMode): Kernel {
  const outs = OPS.map((op) => buffer(op, "output", []));
  const widths = OPS.map((op) => buffer(`wide ${op}`, "output", []));
  const sums = OPS.map((op) => local(`${op} of x`, "float"));
  const wides = OPS.map((op) => local(`wide ${op} of x`, "wide"));
  const pick = <T>(list: readonly T[], n: number): T => list[n] ?? (list[0] as T);
  return kernel(dtype, {
    name: `reductions ${dtype} ${mode}`,
    dims: ["N"],
    buffers: [x, ...outs, ...widths],
    body: [
      ...OPS.map((op, n) => init(pick(sums, n), float(IDENTITY[op]))),
      ...OPS.map((op, n) => init(pick(wides, n), constant("wide", IDENTITY[op]))),
      ...OPS.map((op, n) => loop(i, int(0), N, [accumulate(pick(sums, n), op, load(x, at))], mode)),
      loop(
        i,
        int(0),
        N,
        OPS.map((op, n) => accumulate(pick(wides, n), op, convert("wide", load(x, at)))),
        mode,
      ),
      ...OPS.map((_, n) => store(pick(outs, n), int(0), use(pick(sums, n)))),
      ...OPS.map((_, n) => store(pick(widths, n), int(0), convert("float", use(pick(wides, n))))),
    ],
  });
}

describe("accumulate", () => {
  const all = DTYPES.flatMap((dtype) => MODES.map((mode) => reductions(dtype, mode)));

  it("sums, multiplies, and finds the largest and the smallest", () =>
    // Powers of two and small integers: exact in any order.
    agree(all, (length, { dtype }) =>
      args({ N: length, x: floats(dtype, length, (n) => ((n * 5) % 3 === 0 ? -2 : 1)) }),
    ));

  it.each([NaN, Infinity, -Infinity])("with %d at any place", (special) =>
    agree(all, (length, { dtype }) =>
      args({ N: length, x: floats(dtype, length, (n) => (n === (length * 7) % 13 ? special : n + 1)) }),
    ),
  );

  it("averages a million f32 values to 1e-6, in blocks into a wide sum", async () => {
    const mean = buffer("mean", "output", []);
    const total = local("total", "wide");
    const part = local("part", "float");
    const from = mul(use(j), int(1024));
    const blocks = kernel("f32", {
      dims: ["N"],
      buffers: [x, mean],
      body: [
        init(total, constant("wide", 0)),
        loop(j, int(0), binary("floordiv", add(N, int(1023)), int(1024)), [
          init(part, float(0)),
          loop(
            i,
            from,
            binary("min", N, add(from, int(1024))),
            [accumulate(part, "sum", load(x, at))],
            "vector",
          ),
          accumulate(total, "sum", convert("wide", use(part))),
        ]),
        store(mean, int(0), convert("float", binary("div", use(total), convert("wide", N)))),
      ],
    });
    const length = 1_000_003;
    const values = Float32Array.from({ length }, (_, n) => 0.1 + Math.sin(n * n));
    const exact = values.reduce((sum, v) => sum + v, 0) / length;
    const got = (await instantiateWasm([blocks])).get("kernel")?.({ x: values })["mean"];
    expect(Math.abs(Number(got) / exact - 1)).toBeLessThan(1e-6);
  });
});

/** Bodies of a loop over i. Each stores into y [N] or z [3N + 3]. */
const y = buffer("y", "output", [N]);
const z = buffer("z", "output", [add(mul(int(3), N), int(3))]);
const c = buffer("c", "output", [N], "int");
const t = local("t", "float");
const u = local("u", "float");
const m = local("m", "int");
const b = local("b", "bool");
const w = local("w", "wide");

const BODIES: { readonly [name: string]: readonly Stmt[] } = {
  "let of each type": [
    bind(t, mul(load(x, at), float(2))),
    bind(b, compare("<", use(t), float(0))),
    bind(w, convert("wide", use(t))),
    bind(m, select(use(b), at, int(-1))),
    bind(u, mul(float(0.5), float(3))),
    store(y, at, add(use(u), convert("float", mul(use(w), convert("wide", use(m)))))),
  ],
  "lets of ints": [
    bind(m, add(mul(at, int(2)), int(1))),
    store(z, use(m), convert("float", use(m))),
    store(c, at, sub(use(m), at)),
  ],
  "a local that changes": [
    init(t, load(x, at)),
    accumulate(t, "sum", float(1)),
    accumulate(t, "max", float(0.5)),
    assign(t, mul(use(t), use(t))),
    accumulate(t, "prod", float(3)),
    accumulate(t, "min", float(100)),
    init(w, constant("wide", 1)),
    accumulate(w, "sum", convert("wide", use(t))),
    store(y, at, convert("float", use(w))),
  ],
  "store at stride 1": [store(y, at, add(load(x, at), float(1)))],
  "store at stride -1": [store(y, sub(sub(N, int(1)), at), load(x, at))],
  "store at stride 2": [store(z, add(int(1), mul(at, int(2))), load(x, at))],
  "store at stride 3": [store(z, mul(at, int(3)), load(x, at))],
  "store at a stride of the run": [store(z, mul(at, M), load(x, at))],
  "store ints": [store(c, at, sub(int(7), at))],
  "store ints backwards": [store(c, sub(sub(N, int(1)), at), mul(at, at))],
  "accumulateAt at stride 1": OPS.map((op) => accumulateAt(z, at, op, load(x, at))),
  "accumulateAt at stride 2": OPS.map((op) => accumulateAt(z, mul(int(2), at), op, load(x, at))),
  "accumulateAt at stride -1": OPS.map((op) => accumulateAt(y, sub(sub(N, int(1)), at), op, load(x, at))),
  "accumulateAt ints": OPS.map((op) => accumulateAt(c, at, op, sub(at, int(3)))),
  "accumulateAt ints backwards": OPS.map((op) =>
    accumulateAt(c, sub(sub(N, int(1)), at), op, sub(at, int(3))),
  ),
  "load after store": [store(y, at, load(x, at)), store(z, at, add(load(y, at), float(1)))],
};

it.each(DTYPES)("runs every statement on %s", async (dtype) => {
  const steps = [1, 2, 3];
  const all = MODES.flatMap((mode) =>
    steps.flatMap((step) =>
      Object.entries(BODIES).map(([name, body]) =>
        kernel(dtype, {
          name: `${name} ${mode} by ${step}`,
          dims: ["N", { name: "M", min: 1 }],
          buffers: [x, y, z, c],
          body: [
            loop(j, int(0), N, [store(y, use(j), float(-9)), store(c, use(j), int(-9))]),
            loop(j, int(0), add(mul(int(3), N), int(3)), [store(z, use(j), float(-9))]),
            loop(i, int(0), N, body, mode, step),
            // Later iterations only, and none at all.
            loop(i, int(2), N, [accumulateAt(z, at, "sum", float(4))], mode, step),
            loop(i, N, int(2), [accumulateAt(z, at, "sum", float(0.5))], mode, step),
          ],
        }),
      ),
    ),
  );
  await agree(all, (length) =>
    args({ N: length, M: 1 + (length % 3), x: floats(dtype, length, (n) => ((n * 7) % 11) - 5) }),
  );
});

it("branches, nests loops and keeps temporaries", async () => {
  const temp = buffer("temp", "temp", [N, M]);
  const counts = buffer("counts", "temp", [N], "int");
  const last = buffer("last", "temp", [M]);
  const rows = buffer("rows", "output", [N]);
  const sum = local("sum", "float");
  const cell = add(mul(at, M), use(j));
  const body = (mode: LoopMode): Stmt[] => [
    loop(j, int(0), M, [store(last, use(j), convert("float", use(j)))], mode),
    loop(i, int(0), N, [
      loop(j, int(0), M, [store(temp, cell, mul(load(x, at), load(last, use(j))))], mode),
      store(counts, at, at),
    ]),
    loop(i, int(0), N, [
      init(sum, float(0)),
      loop(j, int(0), M, [accumulate(sum, "sum", load(temp, cell))], mode),
      when(
        compare("<", use(sum), float(0)),
        [store(rows, at, unary("neg", use(sum)))],
        [
          when(compare("==", binary("mod", load(counts, at), int(2)), int(0)), [
            accumulate(sum, "sum", float(100)),
          ]),
          store(rows, at, use(sum)),
        ],
      ),
    ]),
  ];
  const all = DTYPES.flatMap((dtype) =>
    MODES.map((mode) =>
      kernel(dtype, {
        name: `${dtype} ${mode}`,
        dims: ["N", "M"],
        buffers: [x, rows, temp, counts, last],
        body: body(mode),
      }),
    ),
  );
  await agree(all, (length, { dtype }) =>
    args({ N: length, M: (length * 3) % 14, x: floats(dtype, length, (n) => ((n * 7) % 11) - 5) }),
  );
});
