/** A default of 0 is nothing: no factor is multiplied by it, not even an infinite one, on any back end. */
import { expect, test } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { evaluate, type Inputs } from "../../src/eval/index.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule, forward, toKernel } from "../../src/pipeline.ts";

const SOURCE = `fn f(x: [N], w: [K]) {
  y[i < N] = sum[k]((x[i + k - 1] ?? 0) * w[k])
  return y
}
`;

test("padding times infinity contributes nothing", async () => {
  const ir = createArena();
  const module = compileModule({ name: "f.grad", text: SOURCE });
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error("the source is rejected");
  const stable = forward(ir, program.value);
  const inputs: Inputs = {
    tensors: new Map([
      ["x", { shape: [3], data: [1, 2, 3] }],
      ["w", { shape: [3], data: [Infinity, 1, 1] }],
    ]),
    dims: new Map([
      ["N", 3],
      ["K", 3],
    ]),
  };
  const wanted = [3, Infinity, Infinity];
  expect([...(evaluate(stable, inputs).get("y")?.data ?? [])]).toEqual(wanted);
  for (const backend of BACKENDS) {
    const kernel = toKernel(ir, stable, { dtype: backend.dtype, name: "f" });
    const made = (await instantiateAll(backend, [kernel])).get("f");
    if (made?.ok !== true) throw new Error(made?.reason);
    expect([...Array.from(made.run(inputs).get("y") ?? [])], backend.name).toEqual(wanted);
  }
});
