/** `npm run accuracy`: the accuracy of the f32 kernels over the f32 numbers, and docs/accuracy.md. */
import { writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { CommandError, EXIT } from "../../src/cli/errors.ts";
import { readSource } from "../../src/cli/files.ts";
import { runMain } from "../../src/cli/runner.ts";
import { allRows, type Row } from "./functions.ts";
import { compileRows, fingerprint, instantiateRows, type Compiled } from "./kernels.ts";
import { sweep } from "./sweep.ts";
import { formatTable, parseTable, type Entry } from "./table.ts";

const FLAGS = {
  only: { type: "string" },
  stride: { type: "string", default: "1" },
  changed: { type: "string" },
  list: { type: "boolean" },
  update: { type: "string" },
} as const;

interface Asked {
  readonly only?: string;
  readonly stride: string;
  readonly changed?: string;
  readonly list?: boolean;
  readonly update?: string;
}

/** In the order of their names. */
const chosen = (only: string | undefined): readonly Row[] => {
  const rows = allRows();
  if (only === undefined) return rows;
  return only.split(",").map((name) => {
    const found = rows.find((row) => row.name === name);
    if (found === undefined)
      throw new CommandError("GS0603", `there is no function ${name}`, "see npm run accuracy -- --list");
    return found;
  });
};

interface Marked extends Compiled {
  readonly fingerprint: string;
}

const marked = async (compiled: readonly Compiled[]): Promise<readonly Marked[]> => {
  const all: Marked[] = [];
  for (const each of compiled) all.push({ ...each, fingerprint: await fingerprint(each) });
  return all;
};

/** What the table of the file does not tell, or of too few inputs. */
const outOfDate = (file: string, stride: number, rows: readonly Marked[]): readonly Marked[] => {
  const entries = new Map(parseTable(readSource(file).text).map((entry) => [entry.name, entry]));
  return rows.filter((each) => {
    const entry = entries.get(each.row.name);
    return entry?.fingerprint !== each.fingerprint || entry.count < Math.floor(2 ** 32 / stride);
  });
};

/** The lines of the table are replaced or added to, in the order of `allRows`. */
const update = async (file: string, measured: readonly Entry[]): Promise<void> => {
  const text = readSource(file).text;
  const entries = new Map([...parseTable(text), ...measured].map((entry) => [entry.name, entry]));
  const sorted = allRows().flatMap(({ name }) => entries.get(name) ?? []);
  const updated = text.replace(/(^\|.*\n)+/m, `${formatTable(sorted)}\n`);
  const style = await resolveConfig(file);
  writeFileSync(file, await format(updated, { ...style, parser: "markdown" }));
};

const measure = async (each: Marked, stride: number): Promise<Entry> => {
  const [pair] = await instantiateRows([each]);
  if (pair === undefined) throw new Error(`${each.row.name} has no kernel`);
  return { name: each.row.name, ...sweep(pair, 0, stride), fingerprint: each.fingerprint };
};

const main = async (values: Asked): Promise<number> => {
  const stride = Number(values.stride);
  if (!Number.isInteger(stride) || stride < 1)
    throw new CommandError(
      "GS0603",
      `--stride ${values.stride} is not a whole number from 1`,
      "write --stride 499",
    );
  if (values.update !== undefined) readSource(values.update);
  const all = await marked(compileRows(chosen(values.only)));
  const rows = values.changed === undefined ? all : outOfDate(values.changed, stride, all);
  if (values.list === true) {
    console.log(rows.map(({ row }) => row.name).join(","));
    return EXIT.ok;
  }
  console.log(formatTable([]));
  for (const each of rows) {
    const entry = await measure(each, stride);
    console.log(formatTable([entry]).split("\n")[2]);
    if (values.update !== undefined) await update(values.update, [entry]);
  }
  return EXIT.ok;
};

await runMain({
  name: "accuracy",
  args: "[flags]",
  about: "Measure the errors of the f32 kernels over the f32 numbers",
  flags: FLAGS,
  explained: [
    "--only NAMES     functions, with commas between; f′ is the derivative of f. All without it",
    "--stride N       every Nth bit pattern (default 1: all 2^32, half a minute a function or more)",
    "--changed FILE   only those whose kernel is not the one that this file's table tells of, or of fewer inputs",
    "--list           print the names and measure nothing",
    "--update FILE    put the results into the table of this file, in place of those of the same names",
  ],
  files: "none",
  main,
});
