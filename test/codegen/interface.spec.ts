import { describe, expect, it } from "vitest";
import { interfaceOf } from "../../codegen/interface.ts";
import { instantiateTypeScript } from "../../codegen/typescript/index.ts";
import { instantiateWasm } from "../../codegen/wasm/run.ts";
import { createArena } from "../../src/ir/index.ts";
import { formatExpr } from "../../src/loop/format.ts";
import { compileModule, forward, toKernel } from "../../src/pipeline.ts";
import { binary, buffer, dim, int, kernel, mul } from "../loop/build.ts";
import { squaredError } from "../loop/examples.ts";

describe("the interface of a kernel", () => {
  it("lists inputs, dimensions, options and outputs, under the names of the source", () => {
    const port = interfaceOf(squaredError("f32"));
    expect(port.inputs.map(({ property, type, shape }) => [property, type, shape])).toEqual([
      ["x", "Float32Array", "[N]"],
      ["t", "Float32Array", "[N]"],
    ]);
    expect(port.outputs.map(({ property, type, shape }) => [property, type, shape])).toEqual([
      ["loss", "number", "[]"],
      ["x", "Float32Array", "[N]"],
    ]);
    expect(port.dims[0]?.inference?.from.name).toBe("x");
    expect(port.options[0]?.doc).toBe("A number. By default 0.5.");
    expect(port.argsOptional).toBe(false);
    expect(interfaceOf(squaredError("f64")).inputs[0]?.array).toBe("Float64Array");
  });

  it("infers dimensions from lengths, simplest first, and asks for the one from which most follow", () => {
    const [N, C, K] = [dim("N"), dim("C"), dim("K")];
    const inferencesOf = (...shapes: readonly Parameters<typeof buffer>[2][]): string[] => {
      const inputs = shapes.map((shape, n) => buffer(`x${n}`, "input", shape));
      const { determined } = interfaceOf(kernel("f64", { dims: ["N", "C", "K"], buffers: inputs, body: [] }));
      return determined.map(({ name, inference: of }) =>
        of === undefined ? name : `${name} = ${of.from.name} / ${formatExpr(of.divisor)}`,
      );
    };
    expect(inferencesOf([N, C, K])).toEqual(["K", "C", "N = x0 / C * K"]);
    expect(inferencesOf([N, C], [C, K], [K])).toEqual(["K = x2 / 1", "C = x1 / K", "N = x0 / C"]);
    expect(inferencesOf([N, C], [C, K])).toEqual(["C", "N = x0 / C", "K = x1 / C"]);
    expect(inferencesOf([N, int(3), int(4)], [binary("add", C, int(1))], [K])).toEqual([
      "N = x0 / 12",
      "K = x2 / 1",
      "C",
    ]);
    expect(inferencesOf([N, int(0)], [C, C], [mul(K, int(2))])).toEqual(["K = x2 / 2", "C", "N"]);
  });

  it("infers them the same on every back end, and says where a length does not divide", async () => {
    const text =
      "fn spread(x: [N, C], centre: [K, C], y: [2 * N]) {\n  return sum[n, k, c]((x[n, c] - centre[k, c])^2) * sum(y)\n}\n";
    const module = compileModule({ name: "spread.grad", text });
    const ir = createArena();
    const program = module.ok ? module.value.functions.get("spread")?.program(ir) : undefined;
    if (program?.ok !== true) throw new Error("spread does not check");
    const kernel = toKernel(ir, forward(ir, program.value), { dtype: "f64" });
    const args = {
      x: Float64Array.of(1, 2, 3, 4, 5, 6),
      centre: Float64Array.of(1, 1, 1),
      y: Float64Array.of(1, 1, 1, 1),
    };
    for (const instantiate of [instantiateTypeScript, instantiateWasm]) {
      const run = (await instantiate([kernel])).get("spread");
      expect(run?.(args)).toEqual({ out: 4 * 55 });
      expect(() => run?.({ ...args, x: Float64Array.of(1, 2, 3) })).toThrow(
        "x has 3 elements: C cannot be inferred, as 2 does not divide that",
      );
    }
  });

  it("lets all arguments be left out where none is required", () => {
    const options = [{ name: "alpha", type: "float", default: 1 }] as const;
    const y = buffer("y", "output", []);
    expect(interfaceOf(kernel("f64", { options, buffers: [y], body: [] })).argsOptional).toBe(true);
    expect(interfaceOf(kernel("f64", { dims: ["N"], buffers: [y], body: [] })).argsOptional).toBe(false);
  });
});

describe("a whole-number option", () => {
  it("has its default where the caller leaves it out, on every back end", async () => {
    const module = compileModule({
      name: "strided.grad",
      text: "fn every(x: [N]; step = 2) {\n  y[i < N // step] = x[i * step]\n  return y\n}\n",
    });
    const fn = module.ok ? module.value.functions.get("every") : undefined;
    const ir = createArena();
    const program = fn?.program(ir);
    if (program?.ok !== true) throw new Error("every does not check");
    const kernel = toKernel(ir, forward(ir, program.value), { dtype: "f64" });
    expect(interfaceOf(kernel).dims.map(({ name, isOptional }) => [name, isOptional])).toContainEqual([
      "step",
      true,
    ]);
    const x = Float64Array.of(1, 2, 3, 4, 5, 6);
    for (const instantiate of [instantiateTypeScript, instantiateWasm]) {
      const run = (await instantiate([kernel])).get("every");
      expect(run?.({ x })["y"]).toEqual(Float64Array.of(1, 3, 5));
      expect(run?.({ x, step: 3 })["y"]).toEqual(Float64Array.of(1, 4));
    }
  });
});
