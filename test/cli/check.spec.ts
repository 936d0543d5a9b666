import { describe, expect, it } from "vitest";
import { command, temporaryFolder } from "./command.ts";

const folder = temporaryFolder();

describe("check", () => {
  it("reports each function on every back end, and ends with 0", async () => {
    const file = folder.write(
      "good.grad",
      "fn bell(x: [N]) { return sum(exp(-x^2)) }\nfn best(x: [N]) { return argmax(x) }\n",
    );
    const { code, out, err } = await command("check", file);
    expect(code).toBe(0);
    expect(out).toContain("bell");
    for (const backend of ["TypeScript", "WASM f64", "WASM f32"]) expect(out).toContain(backend);
    expect(out).not.toContain("best");
    expect(err).toContain(`[1/1] ${file}`);
  });

  it("ends with 1 where a derivative is not the function's", async () => {
    // all steps of the differences are whole periods of this wave, 2π·2¹²: they see a constant
    const file = folder.write(
      "wave.grad",
      `fn wave(x: [N]) { return sum(sin(${2 * Math.PI * 2 ** 12} * x)) }\n`,
    );
    const { code, out } = await command("check", file);
    expect(code).toBe(1);
    expect(out).toContain("wave");
  });

  it("takes what is stopped for the constant that it is, in both orders", async () => {
    const file = folder.write("stopped.grad", "fn stopped(x: [N]) { return sum(x * stop_gradient(x)) }\n");
    for (const order of ["1", "2"]) expect((await command("check", file, "--order", order)).code).toBe(0);
  });

  it("ends with 1 where a function is nowhere finite", async () => {
    const file = folder.write("big.grad", "fn big(x: [N]) { return sum(x * 1e400) }\n");
    const { code, err } = await command("check", file);
    expect(code).toBe(1);
    expect(err).toContain("error GS0703: big is not finite at any sample\n  hint: ");
  });

  it("says where there is nothing to check", async () => {
    const file = folder.write("counts.grad", "fn total(label: int[N]) { return sum(label) }\n");
    const { code, out, err } = await command("check", file);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("nothing to check");
  });
});
