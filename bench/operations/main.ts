/** `npm run operations`: writes docs/operations.md. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { format } from "prettier";
import { operationsPage } from "./page.ts";
import { countsOf, ROWS } from "./rows.ts";

const path = resolve("docs/operations.md");
const page = operationsPage(ROWS.map((row) => ({ row, counts: countsOf(row, row.dims) })));
writeFileSync(path, await format(page, { parser: "markdown", printWidth: 120 }));
console.log(`wrote ${path}`);
