import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/eval/index.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule } from "../../src/pipeline.ts";
import { command, loadTypeScript, loadWasm, temporaryFolder } from "./command.ts";

const TEXT = `/// A weighted sum of squares, through an exponential.
fn loss(x: [N], w: [N]; scale = 2) { return sum(scale * w * exp(-x^2)) }
derive loss { value(), grad(x) }
derive loss { grad(w) }
`;

const folder = temporaryFolder();
const loss = folder.write("loss.grad", TEXT);
const broken = folder.write("broken.grad", "fn f(x: [N]) { return sum(y) }\n");

const built = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await command("build", ...args);
  expect([code, err]).toEqual([0, expect.not.stringContaining("error")]);
  return out;
};

const x = [0.5, -1, 0.25];
const w = [1, 2, -3];

/** Of the interpreter, and the derivative as mathematics has it. */
const expected = (scale: number): { readonly out: number; readonly d_x: readonly number[] } => {
  const module = compileModule({ name: "loss.grad", text: TEXT });
  if (!module.ok) throw new Error("not compiled");
  const program = module.value.functions.get("loss")?.program(createArena());
  if (program?.ok !== true) throw new Error("not compiled");
  const tensors = new Map([
    ["x", { shape: [3], data: x }],
    ["w", { shape: [3], data: w }],
  ]);
  const values = evaluate(program.value, { tensors, options: new Map([["scale", scale]]) });
  return {
    out: values.get("out")?.data[0] ?? NaN,
    d_x: x.map((each, k) => -2 * each * scale * (w[k] ?? NaN) * Math.exp(-(each ** 2))),
  };
};

const arrays = { x: Float64Array.from(x), w: Float64Array.from(w) };

describe("build", () => {
  it("writes modules that import and agree with the interpreter, on every target", async () => {
    const out = folder.path("all");
    const printed = await built(loss, "--out", out, "--dtype", "f64");
    expect(folder.list("all")).toEqual(["loss.ts", "loss.wasm", "loss.wasm.ts"]);
    for (const name of folder.list("all")) expect(printed).toContain(`all/${name}  `);
    await built(loss, "--out", folder.path("inline"), "--dtype", "f64", "--target", "wasm-inline");
    expect(folder.list("inline")).toEqual(["loss.wasm.ts"]);
    const want = expected(2);
    for (const kernels of [
      await loadTypeScript(`${out}/loss.ts`),
      await loadWasm(`${out}/loss.wasm.ts`),
      await loadWasm(folder.path("inline/loss.wasm.ts")),
    ]) {
      expect(kernels["loss"]?.(arrays)["out"]).toBeCloseTo(want.out, 12);
      const { out: value, d_x, d_w } = kernels["loss_grad"]?.(arrays) ?? {};
      expect(value).toBeCloseTo(want.out, 12);
      expect(d_w).toHaveLength(3);
      want.d_x.forEach((each, k) => {
        expect((d_x as Float64Array)[k]).toBeCloseTo(each, 12);
      });
    }
  });

  it("builds fast f32 modules, and says that they are", async () => {
    await built(loss, "--out", folder.path("accurate"), "--target", "wasm");
    await built(loss, "--out", folder.path("fast"), "--target", "wasm", "--math", "fast");
    expect(folder.read("fast/loss.wasm").equals(folder.read("accurate/loss.wasm"))).toBe(false);
    expect(folder.read("fast/loss.wasm.ts").toString()).toContain("Built with --math fast.");
    expect(folder.read("accurate/loss.wasm.ts").toString()).not.toContain("--math");
    const { code, err } = await command("build", loss, "--math", "exact");
    expect(code).toBe(2);
    expect(err).toContain("--math cannot be exact");
  });

  it("rejects a file without functions", async () => {
    const empty = folder.write("empty.grad", "// nothing yet\n");
    const { code, err } = await command("build", empty, "--out", folder.path("empty"));
    expect(code).toBe(2);
    expect(err).toContain("empty.grad has no functions");
    expect(folder.list("empty")).toEqual([]);
  });

  it("explains the schedule of each kernel", async () => {
    const out = await built(loss, "--out", folder.path("explained"), "--target", "ts", "--explain-schedule");
    expect(out).toContain("loss, f32: the loops");
    expect(out).toContain("loss_grad, f32: the loops");
    expect(out).toContain("explained/loss.ts  ");
  });

  it("fixes dimensions and options", async () => {
    const out = folder.path("fixed");
    await built(
      loss,
      "--out",
      out,
      "--dtype",
      "f64",
      "--target",
      "ts",
      "--dim",
      "N=3",
      "--option",
      "scale=5",
    );
    const { loss: kernel } = await loadTypeScript(`${out}/loss.ts`);
    expect(kernel?.(arrays)["out"]).toBeCloseTo(expected(5).out, 12);
    expect(kernel?.({ ...arrays, scale: 7 })["out"]).toBeCloseTo(expected(5).out, 12);
    expect(() => kernel?.({ x: Float64Array.of(1), w: Float64Array.of(1) })).toThrow(RangeError);
  });

  it("gives the same bytes each time", async () => {
    await built(loss, "--out", folder.path("one"));
    await built(loss, "--out", folder.path("two"));
    const names = folder.list("one");
    expect(names).toHaveLength(3);
    for (const name of names)
      expect(folder.read(`one/${name}`).equals(folder.read(`two/${name}`))).toBe(true);
  });

  it("writes nothing, and leaves what was there, if a later file has an error", async () => {
    folder.write("kept/loss.ts", "before");
    const { code, out } = await command("build", loss, broken, "--out", folder.path("kept"));
    expect([code, out]).toEqual([1, ""]);
    expect(folder.list("kept")).toEqual(["loss.ts"]);
    expect(folder.read("kept/loss.ts").toString()).toBe("before");
    expect((await command("build", loss, broken, "--out", folder.path("never"))).code).toBe(1);
    expect(folder.list()).not.toContain("never");
  });

  it("refuses two files whose modules would have one name", async () => {
    const other = folder.write("other/loss.grad", TEXT);
    const { code, err } = await command("build", loss, other, "--target", "ts", "--out", folder.path("same"));
    expect(code).toBe(2);
    expect(err).toContain(`loss.ts would be written twice, the second time for ${other}`);
    expect(folder.list()).not.toContain("same");
    const both = await command("build", loss, "--target", "wasm,wasm-inline", "--out", folder.path("same"));
    expect(both.code).toBe(2);
    expect(both.err).toContain("loss.wasm.ts would be written twice");
  });

  it("refuses a function that is called what a derivative is called", async () => {
    const clash = folder.write(
      "clash.grad",
      "fn f(x: [N]) { return sum(x^2) }\nfn f_grad(x: [N]) { return sum(x) }\nderive f { grad(x) }\nderive f_grad { value() }\n",
    );
    const { code, err } = await command("build", clash, "--out", folder.path("clash"));
    expect(code).toBe(1);
    expect(err).toContain("error GS0203: `f_grad` is what a derivative is called");
    expect(err).toContain(`${clash}:2:4`);
  });

  it("puts back what was there where one of the files cannot be replaced", async () => {
    folder.write("blocked/loss.ts", "before");
    folder.write("blocked/loss.wasm/inside", "a folder in the way");
    const { code, err } = await command("build", loss, "--out", folder.path("blocked"));
    expect(code).toBe(2);
    expect(err).toContain("error GS0602: cannot write to");
    expect(folder.list("blocked")).toEqual(["loss.ts", "loss.wasm"]);
    expect(folder.read("blocked/loss.ts").toString()).toBe("before");
    expect(folder.list("blocked/loss.wasm")).toEqual(["inside"]);
  });

  it("says so where it cannot write", async () => {
    folder.write("file", "no folder");
    const under = await command("build", loss, "--target", "ts", "--out", folder.path("file/under"));
    expect(under.code).toBe(2);
    expect(under.err).toContain("error GS0602: cannot write to");
    expect(under.err).toContain("hint: check the path and its permissions");
    expect(folder.read("file").toString()).toBe("no folder");
  });
});
