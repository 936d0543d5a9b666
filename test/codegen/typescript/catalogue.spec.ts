import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { kernelsOf } from "../../../src/cli/build.ts";
import { load } from "../../../src/cli/compile.ts";
import { TERMINAL } from "../../../src/cli/output.ts";
import { diagnosticsOf, emitted } from "./compile.ts";

const files = ["src/library", "examples"].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".grad"))
    .map((file) => `${folder}/${file}`),
);

const silent = { ...TERMINAL, out: () => undefined, err: () => undefined };

it.each(files)("all kernels of %s pass the strictest settings of TypeScript", (file) => {
  const kernels = kernelsOf(load(file, silent), { dims: new Map(), options: new Map() }, "f32");
  expect(kernels.length).toBeGreaterThan(0);
  expect(diagnosticsOf(emitted(...kernels))).toEqual([]);
});
