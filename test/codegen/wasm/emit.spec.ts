import { expect, it } from "vitest";
import { instantiateWasm } from "../../../codegen/wasm/run.ts";
import { interpret } from "./reference.ts";
import { accumulate, add, bind, buffer, convert, dim, float, init, int, kernel, load, local, loop, mul, store, use } from "./build.ts"; // prettier-ignore
import type { FloatType, LoopMode } from "../../../src/loop/types.ts";

const N = dim("N");
const i = local("i", "int");

function axpy(dtype: FloatType, mode: LoopMode) {
  const x = buffer("x", "input", [N]);
  const y = buffer("y", "output", [N]);
  const s = buffer("s", "output", []);
  const sum = local("sum", "float");
  const t = local("t", "float");
  return kernel(dtype, {
    dims: ["N"],
    buffers: [x, y, s],
    body: [
      init(sum, float(0)),
      loop(
        i,
        int(0),
        N,
        [
          bind(t, add(mul(load(x, use(i)), float(3)), convert("float", use(i)))),
          store(y, use(i), use(t)),
          accumulate(sum, "sum", use(t)),
        ],
        mode,
      ),
      store(s, int(0), use(sum)),
    ],
  });
}

it.each(["serial", "vector"] as const)("runs a %s loop", async (mode) => {
  for (const dtype of ["f32", "f64"] as const) {
    const k = axpy(dtype, mode);
    const run = (await instantiateWasm([k])).get("kernel");
    for (const n of [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 100]) {
      const values = Array.from({ length: n }, (_, j) => j % 7);
      const x = dtype === "f32" ? Float32Array.from(values) : Float64Array.from(values);
      const result = run?.({ x, N: n });
      const want = interpret(k, { x, N: n });
      expect(result?.["y"]).toEqual(want["y"]);
      expect(result?.["s"]).toEqual(want["s"]?.[0]);
    }
  }
});
