/** `npm run rubi -- FILE…`: derivatives of the Rubi test suite on every back end. */
import { BACKENDS } from "./backends.ts";
import { EXIT } from "./errors.ts";
import { readSource } from "./files.ts";
import { readLibrary } from "./library.ts";
import { rubiChecks } from "./rubi-cases.ts";
import { runMain } from "./runner.ts";
import { failed, formatTallies, verify } from "./verify.ts";

const main = async (files: readonly string[]): Promise<number> => {
  const library = readLibrary();
  let wrong = false;
  for (const file of files) {
    const { checks, rejected } = rubiChecks(readSource(file), library);
    const tallies = await verify(checks, BACKENDS);
    for (const line of formatTallies(tallies)) console.log(line);
    for (const { label, reason } of rejected) console.log(`  rejected, ${label}:\n${reason}`);
    wrong ||= failed(tallies) || rejected.length > 0;
  }
  return wrong ? EXIT.errors : EXIT.ok;
};

await runMain({
  name: "rubi",
  args: "FILE…",
  about: "Derive the cases of the Rubi test suite (test/oracle/rubi.jsonl), and compare on every back end",
  flags: {},
  files: "one or more",
  main: (_values, files) => main(files),
});
