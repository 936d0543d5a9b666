/** `npm run generate`: rebuilds `generated/` and `docs/hessians.md`; a definition without a spec is an error. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { format } from "prettier";
import { generation } from "./generation.ts";
import { hessiansPage } from "./hessians.ts";
import { EXIT } from "./errors.ts";
import { TERMINAL } from "./output.ts";
import { runMain } from "./runner.ts";
import { requireAllSpecs } from "./specs.ts";

const FOLDER = "generated";
const HESSIANS = "docs/hessians.md";

const main = async (): Promise<number> => {
  requireAllSpecs();
  const files = await generation(TERMINAL);
  rmSync(FOLDER, { recursive: true, force: true });
  for (const [name, content] of files) {
    const path = join(FOLDER, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  TERMINAL.out(`${FOLDER}: ${files.size} files`);
  writeFileSync(
    HESSIANS,
    await format(hessiansPage({ ...TERMINAL, out: () => undefined }), {
      parser: "markdown",
      printWidth: 120,
    }),
  );
  TERMINAL.out(HESSIANS);
  return EXIT.ok;
};

await runMain({
  name: "generate",
  about: `Write ${FOLDER}/, the kernels of src/library, and ${HESSIANS} anew`,
  flags: {},
  files: "none",
  main,
});
