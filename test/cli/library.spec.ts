import { describe, expect, it } from "vitest";
import { compileFunctions, readLibrary } from "../../src/cli/library.ts";

const library = readLibrary();

describe("compileFunctions", () => {
  it("rejects those with errors, with a code frame, and compiles the others", () => {
    const compiled = compileFunctions(
      [
        { name: "good", text: "fn good(x: [N]) { return gelu(x) }\n", uses: ["gelu"] },
        { name: "bad", text: "fn bad(x: [N]) { return y }\n", uses: [] },
        { name: "better", text: "fn better(x: [N]) { return sin(x) }\n", uses: [] },
      ],
      library,
    );
    expect([...compiled].map(([name, { ok }]) => [name, ok]).sort()).toEqual([
      ["bad", false],
      ["better", true],
      ["good", true],
    ]);
    const bad = compiled.get("bad");
    expect(bad?.ok === false && bad.reason).toContain("fn bad(x: [N]) { return y }");
  });

  it("knows which file declares a function", () => {
    expect(library.fileOf.get("conv2d")).toBe("./layers.grad");
    expect(library.fileOf.has("constructor")).toBe(false);
  });
});
