/** `npm run oracle -- FILE…`: the cases of catalogue files on every back end. */
import { BACKENDS } from "./backends.ts";
import { catalogueChecks } from "./catalogue.ts";
import type { Extents } from "../library/families.ts";
import { EXIT } from "./errors.ts";
import { readSource } from "./files.ts";
import { readLibrary } from "./library.ts";
import { runMain } from "./runner.ts";
import { failed, formatTallies, verify } from "./verify.ts";

const main = async (extents: Extents, files: readonly string[]): Promise<number> => {
  const library = readLibrary();
  let wrong = false;
  for (const file of files) {
    const { checks, rejected, missing } = catalogueChecks(readSource(file), extents, library);
    const tallies = await verify(checks, BACKENDS);
    for (const line of formatTallies(tallies)) console.log(line);
    for (const { label, reason } of rejected) console.log(`  rejected, ${label}:\n${reason}`);
    if (missing.length > 0) console.log(`not defined yet: ${missing.join(", ")}`);
    wrong ||= failed(tallies) || rejected.length > 0;
  }
  return wrong ? EXIT.errors : EXIT.ok;
};

await runMain({
  name: "oracle",
  args: "[--fixed] FILE…",
  about: "Run the cases of catalogue files (test/oracle/catalogue.json) on every back end",
  flags: { fixed: { type: "boolean" } },
  explained: ["--fixed   extents are numbers of the program"],
  files: "one or more",
  main: ({ fixed }, files) => main(fixed === true ? "fixed" : "symbolic", files),
});
