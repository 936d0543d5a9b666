import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { build } from "../../src/cli/build.ts";
import { generation } from "../../src/cli/generation.ts";
import { TERMINAL } from "../../src/cli/output.ts";

it("generated/ is what the library builds to, byte for byte", async () => {
  const folder = mkdtempSync(join(tmpdir(), "generated-"));
  try {
    await build(generation(folder), { ...TERMINAL, out: () => undefined, err: () => undefined });
    const names = readdirSync(folder).sort();
    expect(readdirSync("generated").sort()).toEqual(names);
    for (const name of names) {
      expect(readFileSync(join("generated", name)).equals(readFileSync(join(folder, name))), name).toBe(true);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 240_000);
