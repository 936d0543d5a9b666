import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { BACKENDS } from "../../src/cli/backends.ts";
import { catalogueChecks, type CatalogueChecks } from "../../src/cli/catalogue.ts";
import { readLibrary } from "../../src/cli/library.ts";
import { verify, type Tally } from "../../src/cli/verify.ts";

const text = readFileSync(new URL("./catalogue.json", import.meta.url), "utf8");

describe("the catalogue, with extents known at run time", () => {
  let catalogue: CatalogueChecks;
  let tallies: readonly Tally[];

  beforeAll(async () => {
    catalogue = catalogueChecks({ name: "catalogue.json", text }, "symbolic", readLibrary());
    tallies = await verify(catalogue.checks, BACKENDS);
  });

  it("defines every operation", () => {
    expect(catalogue.missing).toEqual([]);
    expect(catalogue.rejected).toEqual([]);
    expect(catalogue.checks).toHaveLength(267);
  });

  it.each(["interpreter", ...BACKENDS.map(({ name }) => name)])(
    "gives the reference values on %s",
    (name) => {
      const tally = tallies.find(({ backend }) => backend === name);
      expect(tally?.checks).toBe(267);
      expect(tally?.failures).toEqual([]);
    },
  );
});

describe("the catalogue, with extents fixed when it is compiled", () => {
  it("gives the reference values on WASM f32, one case of each operation", async () => {
    const { checks, rejected } = catalogueChecks({ name: "catalogue.json", text }, "fixed", readLibrary());
    expect(rejected).toEqual([]);
    const operationOf = (label: string): string => label.split(",")[0] ?? "";
    const firsts = checks.filter(
      ({ label }, k) => operationOf(label) !== operationOf(checks[k - 1]?.label ?? ""),
    );
    expect(firsts.length).toBeGreaterThan(100);
    const tallies = await verify(
      firsts,
      BACKENDS.filter(({ dtype }) => dtype === "f32"),
    );
    expect(tallies.map(({ failures }) => failures)).toEqual([[], []]);
  });
});
