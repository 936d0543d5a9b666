/** `npm run generate`: rebuilds `generated/`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generation } from "./generation.ts";
import { TERMINAL } from "./output.ts";

const FOLDER = "generated";

const files = await generation(TERMINAL);
rmSync(FOLDER, { recursive: true, force: true });
for (const [name, content] of files) {
  const path = join(FOLDER, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
TERMINAL.out(`${FOLDER}: ${files.size} files`);
