import { describe, expect, it } from "vitest";
import { STAGES } from "../../src/cli/flags.ts";
import { command, temporaryFolder } from "./command.ts";

const folder = temporaryFolder();
const file = folder.write(
  "squares.grad",
  "fn squares(x: [N], w: [N]; scale = 2) { return sum(scale * w * x^2) }\nfn pair(x: [N]) { return exp(x) }\n",
);

const outOf = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await command("derive", file, ...args);
  expect([code, err]).toEqual([0, ""]);
  return out;
};

describe("derive", () => {
  it("prints the value and the gradient by all float inputs, with operation counts", async () => {
    const out = await outOf("squares");
    expect(out).toMatch(/^squares\n/);
    expect(out).toContain("squares_grad\n");
    expect(out).toContain("d_x[");
    expect(out).toContain("d_w[");
    expect(out.match(/operations: /g)?.length).toBe(2);
  });

  it("takes the inputs to differentiate by", async () => {
    const out = await outOf("squares", "--wrt", "w");
    expect(out).toContain("d_w[");
    expect(out).not.toContain("d_x[");
    expect(await outOf("squares", "--wrt", "x,w")).toBe(await outOf("squares", "--wrt", "x", "--wrt", "w"));
  });

  it("prints the vector-Jacobian product of an array", async () => {
    expect(await outOf("pair")).toContain("pair_vjp\n");
  });

  it("prints LaTeX", async () => {
    expect(await outOf("squares", "--format", "latex")).toMatch(/\\sum/);
  });

  it("fixes dimensions and options", async () => {
    const out = await outOf("squares", "--dim", "N=3", "--option", "scale=5");
    expect(out).not.toContain("scale");
    expect(out).not.toContain("N");
  });

  it("calls shared values after what they are, with the labels of the formula, and numbers them only where it must", async () => {
    const derived = async (name: string, by: string): Promise<string> =>
      (await command("derive", "src/library/losses.grad", name, "--wrt", by)).out;
    const focal = await derived("focal_with_logits", "logits");
    expect(focal).toContain("sigmoid_logits[r] = sigmoid(logits[r])");
    expect(focal).not.toMatch(/common|\bi0\b/);
    expect(await derived("log_cosh", "pred")).toMatch(
      /d_pred\[r\] = d_out\.sum · sign\(pred\[r\] - target\[r\]\) · tanh\(d\[r\]\)\n/,
    );
  });

  it("shows the way with --steps: each stage, and the rules used", async () => {
    const out = await outOf("squares", "--steps");
    expect([...out.matchAll(/^\d\. .*$/gm)].map(([title]) => title)).toEqual([
      "1. The definition",
      "2. Made stable",
      "3. Adjoints, by the partial derivatives and the rule of reads",
      "4. Simplified by",
      "5. The result",
    ]);
    expect(out.slice(out.indexOf("4. ")).split("\n").slice(2, 3)[0]).toContain(" → ");
  });

  const MARKS: { readonly [K in (typeof STAGES)[number]]: RegExp } = {
    parse: /^fn squares\(x: \[N\], w: \[N\]; scale = 2\) \{/,
    check: /squares/,
    simplify: /squares/,
    differentiate: /d_x/,
    derive: /d_x/,
    schedule: /^ {4}.+ \(.+\)$/m,
    loops: /for /,
    typescript: /export function squares_grad\(/,
  };

  it("explains the schedule: the loops, and why they are so", async () => {
    const explained = await outOf("squares", "--explain-schedule");
    expect(explained).toMatch(/^squares_grad, f32: the loops, with what is written in them\n\n {2}for /);
    expect(explained).toMatch(/\nWhy:\n\n(?: {2}\S.*\n(?: {4}.+ \(.+\)\n)+)+/);
    expect(await outOf("squares", "--dump", "schedule")).toBe(explained);
  });

  it.each(STAGES)("dumps the stage %s, the same each time", async (stage) => {
    const out = await outOf("squares", "--dump", stage);
    expect(out).toMatch(MARKS[stage]);
    expect(await outOf("squares", "--dump", stage)).toBe(out);
  });

  it("keeps the loops of what is over the budget of straight-line code", async () => {
    const dims = ["--dim", "N=3", "--explain-schedule"];
    expect(await outOf("squares", ...dims)).toContain("straight-line code");
    expect(await outOf("squares", ...dims, "--unroll", "0")).toContain("kept in loops");
    const { code, err } = await command("derive", file, "squares", "--unroll", "many");
    expect(code).not.toBe(0);
    expect(err).toContain("--unroll many is not a whole number");
  });
});
