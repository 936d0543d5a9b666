import { describe, expect, it } from "vitest";
import { build as b, type Program } from "../../src/ir/index.ts";
import { verifyKernel } from "../../src/loop/verify.ts";
import { schedule } from "../../src/schedule/index.ts";
import * as programs from "./programs.ts";
import { ABOUT, compiled, kernelOf } from "./run.ts";

describe("a kernel", () => {
  it("has the program's inputs, outputs in order, and requirements", () => {
    const { ir, program } = programs.example(programs.crossEntropy, "loss");
    const kernel = kernelOf(ir, program, "f32");
    expect(kernel.buffers.map(({ name, role }) => `${role} ${name}`).slice(0, 4)).toEqual([
      "input x",
      "input label",
      "output loss",
      "output gx",
    ]);
    expect(kernel.requirements).toMatchObject([{ kind: "range", buffer: { name: "label" } }]);
    expect(kernel.dtype).toBe("f32");
  });

  it("copies an output that is an input, and one that is returned twice", async () => {
    const p = programs.builder("f");
    const N = p.dim("N");
    const x = p.input("x", N);
    const y = p.map("y", [["i", N]], (i = N) => b.square(p.ir, b.read(p.ir, x, [i])));
    const program: Program = {
      ...p.done(y),
      outputs: ["same", "first", "second"].map((name, k) => ({ name, tensor: k === 0 ? x : y })),
    };
    const kernel = kernelOf(p.ir, program);
    verifyKernel(kernel);
    const results = (await compiled(kernel))({ x: new Float64Array([1, 2, 3]) });
    expect(results).toEqual({
      same: new Float64Array([1, 2, 3]),
      first: new Float64Array([1, 4, 9]),
      second: new Float64Array([1, 4, 9]),
    });
  });

  it("leaves out what no output needs", () => {
    const p = programs.builder("f");
    const N = p.dim("N");
    const x = p.input("x", N);
    p.map("unused", [["i", N]], (i = N) => b.unary(p.ir, "exp", b.read(p.ir, x, [i])));
    const y = p.map("y", [["i", N]], (i = N) => b.square(p.ir, b.read(p.ir, x, [i])));
    expect(JSON.stringify(kernelOf(p.ir, p.done(y)).body)).not.toContain("exp");
  });

  it("is the same in every run", () => {
    const kernel = (): string => {
      const { ir, program } = programs.example(programs.attention, "f");
      return JSON.stringify(kernelOf(ir, program));
    };
    expect(kernel()).toBe(kernel());
  });
});

describe("the decisions", () => {
  it("say what became of each definition, and why", () => {
    const { ir, program } = programs.example(programs.layerNorm, "f");
    const { decisions } = schedule(ir, program, { dtype: "f64", about: ABOUT });
    const of = (subject: string): readonly string[] =>
      decisions.filter((each) => each.subject === subject).map((each) => each.decision);
    expect(of("hat")).toEqual(["inlined"]);
    expect(of("mean")).toEqual(["loops n, c, vectors along c", "kept in a local"]);
    expect(of("gx")).toEqual(["fused", "loops n, c, vectors along c"]);
    expect(decisions.every((each) => each.reason !== "")).toBe(true);
  });

  it("say which loops a guard narrows", () => {
    const { ir, program } = programs.example(programs.convolution, "f");
    const { decisions } = schedule(ir, program, { dtype: "f64", about: ABOUT });
    expect(
      decisions.filter((each) => each.decision.startsWith("narrowed")).map((each) => each.subject),
    ).toEqual(["gx"]);
  });
});
