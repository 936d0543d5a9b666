/** Loaders as a user has them: type-checked, written beside the module, imported and run. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatTypeScript } from "../../../codegen/typescript/index.ts";
import { emitWasm } from "../../../codegen/wasm/emit.ts";
import { emitLoader } from "../../../codegen/wasm/loader.ts";
import type { WasmLocation } from "../../../codegen/wasm/loader.ts";
import { createHeap } from "../../../src/runtime/heap.ts";
import type { Heap } from "../../../src/runtime/heap.ts";
import { diagnosticsOf } from "../typescript/compile.ts";
import {
  accumulate,
  add,
  buffer,
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
  option,
  store,
  sub,
  use,
} from "./build.ts";

const N = dim("N");
const i = local("i", "int");
const x = buffer("x", "input", [N]);
const bias = buffer("bias", "input", []);
const y = buffer("y", "output", [N]);
const z = buffer("z", "output", [N]);
const total = buffer("sum", "output", []);
const temp = buffer("temp", "temp", [N]);
const sum = local("total", "float");
const label = buffer("label", "input", [N], "int");

/** y = scale · x + bias and its sum, through a temporary. */
const affine = kernel("f32", {
  name: "affine",
  dims: ["N"],
  options: [{ name: "scale", type: "float", default: 2 }],
  buffers: [x, bias, y, total, temp],
  body: [
    init(sum, float(0)),
    loop(i, int(0), N, [store(temp, use(i), mul(load(x, use(i)), option("scale")))], "vector"),
    loop(i, int(0), N, [store(y, use(i), add(load(temp, use(i)), load(bias, int(0))))], "vector"),
    loop(i, int(0), N, [accumulate(sum, "sum", load(y, use(i)))], "vector"),
    store(total, int(0), use(sum)),
  ],
});

/** Labels as numbers, in f64; named like the property that every module has. */
const heap = kernel("f64", {
  name: "heap",
  dims: ["N", "C"],
  buffers: [label, y],
  requirements: [{ kind: "range", buffer: label, extent: dim("C") }],
  body: [loop(i, int(0), N, [store(y, use(i), convert("float", load(label, use(i))))], "vector")],
});

/** The elements from the last to the first, and from the first to the last. */
const mirrored = kernel("f32", {
  name: "mirrored",
  dims: ["N"],
  buffers: [x, y, z],
  body: [
    loop(i, int(0), N, [
      store(y, use(i), load(x, sub(sub(N, int(1)), use(i)))),
      store(z, use(i), load(x, use(i))),
    ]),
  ],
});

interface Affine {
  (args: object, into?: object): { readonly y: Float32Array; readonly sum: number };
  readonly prepare: (args: object, into?: object) => () => { readonly y: Float32Array; readonly sum: number };
}
interface Labels {
  (args: object, into?: object): { readonly y: Float64Array };
  readonly prepare: (args: object, into?: object) => () => { readonly y: Float64Array };
}
interface Loaded {
  readonly heap: Heap;
  readonly affine: Affine;
  readonly heap_2: Labels;
  readonly mirrored: (args: object, into?: object) => Readonly<Record<"y" | "z", Float32Array>>;
}
interface Loader {
  readonly load: (options?: object) => Promise<Loaded>;
}

let directory = "";

async function build(
  name: string,
  kernels: readonly (typeof affine)[],
  inline: "inline" | "file",
): Promise<Loader> {
  const bytes = await emitWasm(kernels);
  const location: WasmLocation =
    inline === "inline" ? { kind: "inline", bytes } : { kind: "file", name: `${name}.wasm` };
  if (inline === "file") await writeFile(join(directory, `${name}.wasm`), bytes);
  const runtime = pathToFileURL(resolve("src/runtime/index.ts")).pathname;
  const path = join(directory, `${name}.ts`);
  await writeFile(path, emitLoader(kernels, location, runtime));
  return (await import(/* @vite-ignore */ path)) as Loader;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "loader-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

describe("a loader", () => {
  it("passes the strictest checks, and is the same text each time", async () => {
    const text = emitLoader(
      [affine, heap],
      { kind: "file", name: "kernels.wasm" },
      "../src/runtime/index.ts",
    );
    expect(diagnosticsOf(text)).toEqual([]);
    const formatted = await formatTypeScript(text);
    expect(formatted).toContain('new URL("./kernels.wasm", import.meta.url)');
    expect(
      emitLoader([affine, heap], { kind: "file", name: "kernels.wasm" }, "../src/runtime/index.ts"),
    ).toBe(text);
  });

  it.each(["file", "inline"] as const)("loads a module from its %s", async (inline) => {
    const kernels = await (await build(`plain-${inline}`, [affine, heap], inline)).load();
    const input = Float32Array.of(1, 2, 3, 4, 5);
    expect(kernels.affine({ x: input, bias: 0.5 })).toEqual({
      y: Float32Array.of(2.5, 4.5, 6.5, 8.5, 10.5),
      sum: 32.5,
    });
    const into = new Float32Array(5);
    expect(kernels.affine({ x: input, bias: 0, scale: 1, N: 5 }, { y: into }).y).toBe(into);
    expect(into).toEqual(input);
    expect(kernels.heap_2({ label: Int32Array.of(2, 0, 1), C: 3 }).y).toEqual(Float64Array.of(2, 0, 1));
  });

  it("checks arguments as the other back end does", async () => {
    const kernels = await (await build("checks", [affine, heap], "inline")).load();
    const input = Float32Array.of(1, 2);
    expect(() => kernels.affine({ x: Float64Array.of(1), bias: 0 })).toThrow("x must be a Float32Array, but is Float64Array"); // prettier-ignore
    expect(() => kernels.affine({ x: input, bias: 0, N: 3 })).toThrow("x has shape [N] = [3]: 3 elements, but 2 are given"); // prettier-ignore
    expect(() => kernels.affine({ x: input, bias: 0 }, { y: new Float32Array(3) })).toThrow(RangeError);
    expect(() => kernels.heap_2({ label: Int32Array.of(0, 3), C: 3 })).toThrow(
      "label[1] is 3: it must lie in [0, C = 3)",
    );
  });

  it("uses arrays on its heap without a copy, and leaves the heap as it was", async () => {
    const { affine: run, heap: own } = await (await build("zero-copy", [affine], "inline")).load();
    const input = own.float32(6);
    const output = own.float32(6);
    input.set([1, 2, 3, 4, 5, 6]);
    const top = own.top();
    const result = run({ x: input.subarray(1), bias: 0 }, { y: output.subarray(0, 5) });
    expect(result.y.buffer).toBe(own.memory.buffer);
    expect([...output]).toEqual([4, 6, 8, 10, 12, 0]);
    run({ x: new Float32Array(1000), bias: 0 });
    expect(own.top()).toBe(top);
  });

  it("survives growth of the memory in a call", async () => {
    const { affine: run, heap: own } = await (await build("growth", [affine], "inline")).load();
    const output = own.float32(40_000);
    const before = own.memory.buffer;
    const result = run({ x: new Float32Array(40_000).fill(1), bias: 1 }, { y: output });
    expect(own.memory.buffer).not.toBe(before);
    expect(result.y.length).toBe(40_000);
    expect(result.y.every((v) => v === 3)).toBe(true);
    expect(run({ x: Float32Array.of(1), bias: 1 }).sum).toBe(3);
    // What the growth detached is refused, not misread.
    expect(() => run({ x: output, bias: 1, N: 40_000 })).toThrow("x is detached");
  });

  it("shares one heap between modules", async () => {
    const shared = createHeap(new WebAssembly.Memory({ initial: 2 }), 1000);
    const first = await (await build("first", [affine], "file")).load({ heap: shared });
    const second = await (await build("second", [affine], "inline")).load({ heap: shared });
    const input = shared.float32(9).fill(1);
    const middle = shared.float32(9);
    const end = shared.float32(9);
    first.affine({ x: input, bias: 1 }, { y: middle });
    second.affine({ x: middle, bias: 1 }, { y: end });
    expect([...end]).toEqual(Array.from({ length: 9 }, () => 7));
    expect(first.heap).toBe(second.heap);
  });

  it("prepares a call once and runs it many times", async () => {
    const { affine: run, heap: own } = await (await build("prepared", [affine], "inline")).load();
    const input = own.float32(4);
    const copied = new Float32Array(4);
    const onHeap = run.prepare({ x: input, bias: 0 }, { y: own.float32(4) });
    const offHeap = run.prepare({ x: copied, bias: 1 }, { y: copied });
    for (const value of [1, 2, 3]) {
      input.fill(value);
      expect(onHeap().sum).toBe(8 * value);
      copied.fill(value);
      expect(offHeap().y).toBe(copied);
      expect([...copied]).toEqual(Array.from({ length: 4 }, () => 2 * value + 1));
    }
    expect(onHeap()).toBe(onHeap());
    own.reserve(1 << 20);
    expect(onHeap().sum).toBe(24);
    expect([...onHeap().y]).toEqual([6, 6, 6, 6]);
    expect(onHeap()).toBe(onHeap());
    expect(offHeap()).toEqual({ y: copied, sum: 60 });
    expect([...copied]).toEqual([15, 15, 15, 15]);
  });

  it("checks before each run that what indexes other arrays is in range", async () => {
    const { heap_2: run, heap: own } = await (await build("changing", [affine, heap], "inline")).load();
    for (const label of [own.int32(3), new Int32Array(3)]) {
      const prepared = run.prepare({ label, C: 2 });
      label.set([0, 1, 1]);
      expect([...prepared().y]).toEqual([0, 1, 1]);
      label[2] = 2;
      expect(prepared).toThrow("label[2] is 2: it must lie in [0, C = 2)");
      expect(() => run.prepare({ label, C: 2 })).toThrow(RangeError);
      own.reserve(own.memory.buffer.byteLength);
    }
  });

  it("reads arguments that share memory with results as they were before", async () => {
    const { mirrored: run, heap: own } = await (await build("shared", [mirrored], "inline")).load();
    for (const room of [own.float32(8), new Float32Array(8)]) {
      const [input, output] = [room.subarray(1, 6), room.subarray(2, 7)];
      for (const y of [input, output]) {
        input.set([1, 2, 3, 4, 5]);
        expect([...run({ x: input }, { y }).y]).toEqual([5, 4, 3, 2, 1]);
        input.set([1, 2, 3, 4, 5]);
        expect([...run({ x: input }, { z: y }).y]).toEqual([5, 4, 3, 2, 1]);
      }
      expect(() => run({ x: input }, { y: output, z: output })).toThrow(
        "two of the results y, z share memory",
      );
    }
  });

  it("has a heap that refuses what is no length and no place in it", () => {
    const own = createHeap();
    const top = own.top();
    own.float32(100);
    for (const length of [-1, -1000, NaN, 0.1]) expect(() => own.float32(length)).toThrow(RangeError);
    for (const place of [0, own.top() + 64, NaN]) expect(() => { own.release(place); }).toThrow(RangeError); // prettier-ignore
    own.release(top);
    expect(own.top()).toBe(top);
  });
});
