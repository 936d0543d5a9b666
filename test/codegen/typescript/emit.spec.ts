import { describe, expect, it } from "vitest";
import { emitTypeScript, formatTypeScript, instantiateTypeScript } from "../../../codegen/typescript/index.ts";
import { interior, linearPick, squaredError } from "../../loop/examples.ts";

describe("emit", () => {
  it("prints", async () => {
    const text = emitTypeScript([squaredError(), linearPick(), interior()], "gradsmith/runtime");
    console.log(await formatTypeScript(text));
    const run = await instantiateTypeScript([squaredError(), linearPick(), interior()]);
    console.log(run.get("squared_error")?.({ x: new Float32Array([1, 2, 3]), t: new Float32Array(3) }));
    expect(1).toBe(1);
  });
});
