import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { BACKENDS } from "../../src/cli/backends.ts";
import { readLibrary } from "../../src/cli/library.ts";
import { rubiChecks, type RubiChecks } from "../../src/cli/rubi-cases.ts";
import { verify } from "../../src/cli/verify.ts";

const text = readFileSync(new URL("./rubi.jsonl", import.meta.url), "utf8");

/** Every one of so many cases is compiled; `npm run rubi` compiles all. */
const SAMPLE = 20;

describe("derivatives of the Rubi test suite", () => {
  let rubi: RubiChecks;

  beforeAll(() => {
    rubi = rubiChecks({ name: "rubi.jsonl", text }, readLibrary());
  });

  it("are right on the interpreter, all 2,000", async () => {
    expect(rubi.rejected).toEqual([]);
    const [tally] = await verify(rubi.checks, []);
    expect(tally?.checks).toBe(2000);
    expect(tally?.failures).toEqual([]);
  });

  it("are right on every back end, one in twenty", async () => {
    const sample = rubi.checks.filter((_, k) => k % SAMPLE === 0);
    const tallies = await verify(sample, BACKENDS);
    expect(tallies.map(({ checks }) => checks)).toEqual(tallies.map(() => 100));
    expect(tallies.flatMap(({ failures }) => failures)).toEqual([]);
  });
});
