import { expect, it } from "vitest";
import { formatTypeScript } from "../../../codegen/typescript/index.ts";
import { interior, linearPick, squaredError } from "../../loop/examples.ts";
import { diagnosticsOf, emitted } from "./compile.ts";

it("lays a module out without changing it", async () => {
  const text = emitted(squaredError(), linearPick(), interior());
  const formatted = await formatTypeScript(text);
  expect(await formatTypeScript(formatted)).toBe(formatted);
  expect(formatted.replace(/[\s();,]/gu, "")).toBe(text.replace(/[\s();,]/gu, ""));
  expect(diagnosticsOf(formatted)).toEqual([]);
});
