/** `npm run operations`: writes docs/operations.md. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { format } from "prettier";
import { EXIT } from "../../src/cli/errors.ts";
import { runMain } from "../../src/cli/runner.ts";
import { operationsPage } from "./page.ts";
import { countsOf, ROWS } from "./rows.ts";

const PAGE = "docs/operations.md";

const main = async (): Promise<number> => {
  const path = resolve(PAGE);
  const page = operationsPage(ROWS.map((row) => ({ row, counts: countsOf(row, row.dims) })));
  writeFileSync(path, await format(page, { parser: "markdown", printWidth: 120 }));
  console.log(`wrote ${path}`);
  return EXIT.ok;
};

await runMain({
  name: "operations",
  about: `Count the operations of small straight-line kernels, and write ${PAGE} anew`,
  flags: {},
  files: "none",
  main,
});
