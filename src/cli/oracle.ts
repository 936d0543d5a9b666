/** `npm run oracle -- FILE…`: the cases of catalogue files on every back end. */
import { readFileSync } from "node:fs";
import { BACKENDS } from "./backends.ts";
import { catalogueChecks } from "./catalogue.ts";
import { readLibrary } from "./library.ts";
import { failed, formatTallies, verify } from "./verify.ts";

const USAGE = "usage: npm run oracle -- [--fixed] FILE…   (--fixed: extents are numbers of the program)";

const main = async (args: readonly string[]): Promise<number> => {
  const files = args.filter((arg) => !arg.startsWith("--"));
  const extents = args.includes("--fixed") ? "fixed" : "symbolic";
  if (files.length === 0) {
    console.error(USAGE);
    return 2;
  }
  const library = readLibrary();
  let wrong = false;
  for (const file of files) {
    const { checks, rejected, missing } = catalogueChecks(readFileSync(file, "utf8"), extents, library);
    const tallies = await verify(checks, BACKENDS);
    for (const line of formatTallies(tallies)) console.log(line);
    for (const { label, reason } of rejected) console.log(`  rejected, ${label}:\n${reason}`);
    if (missing.length > 0) console.log(`not defined yet: ${missing.join(", ")}`);
    wrong ||= failed(tallies) || rejected.length > 0;
  }
  return wrong ? 1 : 0;
};

process.exitCode = await main(process.argv.slice(2));
