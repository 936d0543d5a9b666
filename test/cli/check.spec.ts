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
    const file = folder.write("stopped.grad", "fn stopped(x: [N]) { return sum(x * stop_gradient(x)) }\n");
    const { code, out } = await command("check", file);
    expect(code).toBe(1);
    expect(out).toContain("stopped");
  });

  it("says where there is nothing to check", async () => {
    const file = folder.write("counts.grad", "fn total(label: int[N]) { return sum(label) }\n");
    const { code, out, err } = await command("check", file);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("nothing to check");
  });
});
