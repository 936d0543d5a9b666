import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generation } from "../../src/cli/generation.ts";
import { TERMINAL } from "../../src/cli/output.ts";

const FOLDER = "generated";

const tree = (): readonly string[] =>
  readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(FOLDER.length + 1))
    .sort();

it("generated/ is what the library builds to, byte for byte", async () => {
  const files = await generation({ ...TERMINAL, out: () => undefined, err: () => undefined });
  expect(tree()).toEqual([...files.keys()].sort());
  for (const [name, content] of files) {
    expect(readFileSync(join(FOLDER, name)).equals(Buffer.from(content)), name).toBe(true);
  }
});
