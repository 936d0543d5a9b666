/** `npm run generate`: rebuilds `generated/`; a definition without a spec is an error. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generation } from "./generation.ts";
import { TERMINAL } from "./output.ts";
import { requireAllSpecs } from "./specs.ts";

const FOLDER = "generated";

requireAllSpecs();
const files = await generation(TERMINAL);
rmSync(FOLDER, { recursive: true, force: true });
for (const [name, content] of files) {
  const path = join(FOLDER, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
TERMINAL.out(`${FOLDER}: ${files.size} files`);
