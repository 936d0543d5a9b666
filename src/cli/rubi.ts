/** `npm run rubi -- FILE…`: derivatives of the Rubi test suite on every back end. */
import { readFileSync } from "node:fs";
import { BACKENDS } from "./backends.ts";
import { readLibrary } from "./library.ts";
import { rubiChecks } from "./rubi-cases.ts";
import { failed, formatTallies, verify } from "./verify.ts";

const main = async (files: readonly string[]): Promise<number> => {
  if (files.length === 0) {
    console.error("usage: npm run rubi -- FILE…");
    return 2;
  }
  const library = readLibrary();
  let wrong = false;
  for (const file of files) {
    const { checks, rejected } = rubiChecks(readFileSync(file, "utf8"), library);
    const tallies = await verify(checks, BACKENDS);
    for (const line of formatTallies(tallies)) console.log(line);
    for (const { label, reason } of rejected) console.log(`  rejected, ${label}:\n${reason}`);
    wrong ||= failed(tallies) || rejected.length > 0;
  }
  return wrong ? 1 : 0;
};

process.exitCode = await main(process.argv.slice(2));
