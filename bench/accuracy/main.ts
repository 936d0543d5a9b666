/** `npm run accuracy`: the accuracy of the f32 kernels over the f32 numbers, and docs/accuracy.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { allRows, type Row } from "./functions.ts";
import { instantiateRows } from "./kernels.ts";
import { sweep } from "./sweep.ts";
import { formatTable, parseTable, type Entry } from "./table.ts";

const USAGE = `usage: npm run accuracy -- [--only NAMES] [--stride N] [--update FILE]

  --only NAMES    functions, with commas between; f′ is the derivative of f. All without it
  --stride N      every Nth bit pattern (default 1: all 2^32, about a minute a function)
  --update FILE   put the results into the table of this file, in place of those of the same names`;

const FLAGS = {
  only: { type: "string" },
  stride: { type: "string", default: "1" },
  update: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

const chosen = (only: string | undefined): readonly Row[] => {
  const rows = allRows();
  if (only === undefined) return rows;
  const names = only.split(",");
  const unknown = names.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined) throw new RangeError(`there is no function ${unknown}`);
  return rows.filter(({ name }) => names.includes(name));
};

/** The lines of the table are replaced or added to, in the order of `allRows`. */
const update = async (file: string, measured: readonly Entry[]): Promise<void> => {
  const text = readFileSync(file, "utf8");
  const entries = new Map([...parseTable(text), ...measured].map((entry) => [entry.name, entry]));
  const sorted = allRows().flatMap(({ name }) => entries.get(name) ?? []);
  const updated = text.replace(/(^\|.*\n)+/m, `${formatTable(sorted)}\n`);
  const style = await resolveConfig(file);
  writeFileSync(file, await format(updated, { ...style, parser: "markdown" }));
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: FLAGS });
  if (values.help === true) {
    console.log(USAGE);
    return;
  }
  const stride = Number(values.stride);
  if (!Number.isInteger(stride) || stride < 1) throw new RangeError("the stride is a whole number from 1");
  console.log(formatTable([]));
  for (const pair of await instantiateRows(chosen(values.only))) {
    const entry = { name: pair.row.name, ...sweep(pair, 0, stride) };
    console.log(formatTable([entry]).split("\n")[2]);
    if (values.update !== undefined) await update(values.update, [entry]);
  }
};

await main();
