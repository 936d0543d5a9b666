/** Modules as a whole: valid, the same each time, in linear time, and with memory and functions where they belong. */
import { describe, expect, it } from "vitest";
import wabt from "wabt";
import { emitWasm } from "../../../codegen/wasm/emit.ts";
import { instantiateWasm, runWasm } from "../../../codegen/wasm/run.ts";
import type { Expr, Kernel, Stmt, UnaryOp } from "../../../src/loop/types.ts";
import { createHeap } from "../../../src/runtime/heap.ts";
import { UNARY } from "../../../src/eval/operations.ts";
import {
  accumulate,
  add,
  bind,
  buffer,
  compare,
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
  unary,
  use,
} from "./build.ts";

const N = dim("N");
const i = local("i", "int");
const x = buffer("x", "input", [N]);
const y = buffer("y", "output", [N]);
const s = buffer("s", "output", []);

/** Elementwise, with a sum. */
function mapping(name: string, value: (x: Expr) => Expr, dtype: "f32" | "f64" = "f32"): Kernel {
  const sum = local("sum", "float");
  const t = local("t", "float");
  return kernel(dtype, {
    name,
    dims: ["N"],
    buffers: [x, y, s],
    body: [
      init(sum, float(0)),
      loop(
        i,
        int(0),
        N,
        [bind(t, value(load(x, use(i)))), store(y, use(i), use(t)), accumulate(sum, "sum", use(t))],
        "vector",
      ),
      store(s, int(0), use(sum)),
    ],
  });
}

const squares = (n: number): Kernel => mapping(`square ${n}`, (e) => add(mul(e, e), float(n)));

describe("a module", () => {
  it("is valid for wabt too, and has the same bytes each time", async () => {
    const kernels = [squares(1), mapping("exp", (e) => unary("exp", e), "f64")];
    const bytes = await emitWasm(kernels);
    expect(Buffer.compare(bytes, await emitWasm(kernels))).toBe(0);
    const tools = await wabt();
    const module = tools.readWasm(bytes, { simd: true, sat_float_to_int: true, bulk_memory: true });
    module.validate();
    module.destroy();
  });

  it("with a function that engines do not take is an error with a hint", async () => {
    const most = { locals: 1000, bytes: 10_000 };
    await emitWasm([squares(1)], { limits: most });
    for (const limits of [
      { ...most, locals: 2 },
      { ...most, bytes: 20 },
    ]) {
      const made = emitWasm([squares(1)], { limits });
      await expect(made).rejects.toMatchObject({ code: "GS0606" });
    }
  });

  it("imports one memory and exports one function for each kernel", async () => {
    const temp = buffer("temp", "temp", [N]);
    const bytes = await emitWasm([
      squares(1),
      kernel("f32", { name: "exp_f32x4", dims: ["N"], buffers: [x, y, temp], body: [] }),
      mapping("uses exp", (e) => unary("exp", e)),
    ]);
    const module = await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
    expect(WebAssembly.Module.exports(module).map((e) => e.name)).toEqual([
      "square 1",
      "exp_f32x4",
      "exp_f32x4.scratch",
      "uses exp",
    ]);
  });

  it("compiles 200 kernels, unoptimised just as correct", async () => {
    const kernels = Array.from({ length: 200 }, (_, n) => squares(n));
    for (const optimize of ["full", "none"] as const) {
      const compiled = await instantiateWasm(kernels, { optimize });
      expect(compiled.get("square 7")?.({ x: Float32Array.of(1, 2, 3) })["s"]).toBe(35);
    }
  });
});

describe("deep expressions", () => {
  const input = Float64Array.from({ length: 16 }, (_, n) => n + 1);

  async function evaluate(body: readonly Stmt[]): Promise<unknown> {
    const compiled = await instantiateWasm([kernel("f64", { dims: ["N"], buffers: [x, s], body })]);
    return compiled.get("kernel")?.({ x: input })["s"];
  }

  it.each([10_000, 30_000])("sums %d terms, nested to the left or to the right", async (count) => {
    let left: Expr = float(0);
    let right: Expr = float(0);
    for (let n = 0; n < count; n++) {
      const term = load(x, int(n % 16));
      left = add(left, term);
      right = add(term, right);
    }
    const expected = (count / 16) * 136;
    expect(await evaluate([store(s, int(0), left)])).toBe(expected);
    expect(await evaluate([store(s, int(0), right)])).toBe(expected);
  });

  it("nests selections that load, in both kinds of loops", async () => {
    let chain: Expr = float(-1);
    for (let n = 2000; n >= 0; n--) {
      const far = int(n < 16 ? n : n << 18);
      chain = select(compare("==", use(i), int(n)), load(x, far), chain);
    }
    for (const mode of ["serial", "vector"] as const) {
      const sum = local("sum", "float");
      const body = [
        init(sum, float(0)),
        loop(i, int(0), int(16), [accumulate(sum, "sum", chain)], mode),
        store(s, int(0), use(sum)),
      ];
      expect(await evaluate(body)).toBe(136);
    }
  });

  it("reuses locals: engines accept at most 50,000", async () => {
    const locals = Array.from({ length: 30_000 }, (_, n) => local(`t${n}`, "float"));
    const step = (l: (typeof locals)[number], n: number): Stmt => {
      const previous = locals[n - 1];
      return bind(
        l,
        previous === undefined ? load(x, use(i)) : unary("sqrt", mul(use(previous), use(previous))),
      );
    };
    const last = locals.at(-1);
    if (last === undefined) throw new Error("there are locals");
    const sum = local("sum", "float");
    const body = [...locals.map(step), accumulate(sum, "sum", use(last))];
    const total = await evaluate([
      init(sum, float(0)),
      loop(i, int(0), N, body, "vector"),
      store(s, int(0), use(sum)),
    ]);
    expect(total).toBe(136);
  });

  it("keeps up with long bodies", async () => {
    const locals = Array.from({ length: 20_000 }, (_, n) => local(`t${n}`, "float"));
    const body = locals.map((l, n): Stmt => {
      const previous = locals[n - 1];
      return bind(l, previous === undefined ? load(x, int(0)) : add(use(previous), float(1)));
    });
    const last = locals.at(-1);
    if (last === undefined) throw new Error("there are locals");
    expect(await evaluate([...body, store(s, int(0), use(last))])).toBe(20_000);
  });
});

describe("calls of the math library", () => {
  const OPS: readonly UnaryOp[] = ["exp", "log1p", "tanh", "sigmoid", "erf", "sin"];
  const lengths = [1, 2, 3, 4, 5, 6, 7, 33];

  it.each(["f32", "f64"] as const)("give one value at any place of a loop, on %s", async (dtype) => {
    const kernels = OPS.map((op) => mapping(op, (e) => unary(op, e), dtype));
    const compiled = await instantiateWasm(kernels);
    for (const op of OPS) {
      const point = 0.7317;
      const exact = UNARY[op](dtype === "f32" ? Math.fround(point) : point);
      for (const length of lengths) {
        const input = dtype === "f32" ? new Float32Array(length) : new Float64Array(length);
        const got = compiled.get(op)?.({ x: input.fill(point) })["y"];
        if (typeof got !== "object") throw new Error("y is an array");
        expect(new Set(got).size, `${op}, N = ${length}`).toBe(1);
        expect(Math.abs((got[0] ?? 0) / exact - 1)).toBeLessThan(dtype === "f32" ? 2e-7 : 1e-15);
      }
    }
  });
});

describe("memory", () => {
  it("is grown before arrays are placed, and given back", async () => {
    const heap = createHeap();
    const { kernels } = await runWasm([squares(0)], heap);
    const run = kernels.get("square 0");
    const large = new Float32Array(100_000).fill(2);
    const top = heap.top();
    expect(run?.({ x: large })["s"]).toBe(400_000);
    expect(run?.({ x: Float32Array.of(3) })["s"]).toBe(9);
    expect(heap.top()).toBe(top);
    expect(heap.memory.buffer.byteLength).toBeGreaterThan(800_000);
  });

  it("may be read from and written to at any element", async () => {
    const heap = createHeap();
    const { kernels } = await runWasm([squares(0)], heap);
    const whole = heap.float32(64);
    const out = heap.float32(64);
    for (let start = 0; start < 5; start++) {
      whole.forEach((_, n) => (whole[n] = n));
      out.fill(-1);
      kernels.get("square 0")?.(
        { x: whole.subarray(start, start + 21) },
        { y: out.subarray(start, start + 21) },
      );
      const expected = Array.from({ length: 64 }, (_, n) => (n >= start && n < start + 21 ? n * n : -1));
      expect([...out]).toEqual(expected);
    }
  });

  it("can be handed in, with what is below left alone", async () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const below = new Uint8Array(memory.buffer, 0, 1000).fill(7);
    const { kernels } = await runWasm([squares(0)], createHeap(memory, 1000));
    kernels.get("square 0")?.({ x: new Float32Array(100).fill(1) });
    expect(below.every((byte) => byte === 7)).toBe(true);
  });
});
