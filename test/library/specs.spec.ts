import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { floatInputs, gradcheck, type CheckedProgram } from "../../src/cli/gradcheck.ts";
import { BACKENDS } from "../../src/cli/backends.ts";
import { IMPORTS, readSource } from "../../src/cli/files.ts";
import { requireAllSpecs, requireSpecs, settingsFor } from "../../src/cli/specs.ts";
import { formatReport, passes } from "../../src/gradcheck/index.ts";
import { createArena } from "../../src/ir/index.ts";
import { OPERATIONS } from "../../src/library/operations.ts";
import { specOf } from "../../src/library/specs.ts";
import { compileModule } from "../../src/pipeline.ts";

const CATEGORIES = Object.keys(OPERATIONS);

const pathOf = (category: string): string => `src/library/${category}.grad`;

describe("specs", () => {
  it("are there for each definition, in the order of the file", () => {
    requireAllSpecs();
    for (const [category, names] of Object.entries(OPERATIONS)) {
      const text = readFileSync(pathOf(category), "utf8");
      expect([...text.matchAll(/^fn (\w+)/gm)].map(([, name]) => name)).toEqual(names);
    }
  });

  it("are asked for where the library is built", () => {
    const text = readFileSync(pathOf("matrix"), "utf8");
    expect(() => {
      requireSpecs("matrix.grad", `${text}\nfn trace(x: [N, N]) { return sum[i](x[i, i]) }\n`);
    }).toThrow("matrix.grad: trace has no spec");
    expect(() => {
      requireSpecs("matrix.grad", text.replaceAll("dot(a: [N], b: [N])", "dot(a: [N], c: [N])"));
    }).toThrow("dot has the inputs a, c, and its spec a, b");
    expect(() => {
      requireSpecs("matrix.grad", text.replace("fn dot", "fn inner"));
    }).toThrow("inner has no spec");
  });
});

const programsOf = (category: string): readonly CheckedProgram[] => {
  const source = readSource(pathOf(category));
  const module = compileModule(source, IMPORTS);
  if (!module.ok) throw new Error(`${category} does not compile`);
  return [...module.value.functions.values()].map((fn) => {
    const ir = createArena();
    const program = fn.program(ir);
    const settings = settingsFor(source, fn.name);
    if (!program.ok || settings === undefined) throw new Error(`${fn.name} cannot be checked`);
    return { ir, program: program.value, wrt: floatInputs(program.value), settings };
  });
};

/** The kernels of TypeScript are those of WASM f64: `gradsmith check` and the catalogue run on both. */
const COMPARED = BACKENDS.filter(({ name }) => name !== "WASM f64");

describe.each(CATEGORIES)("%s", (category) => {
  it("has the derivatives of its formulas in the interpreter, in TypeScript and in WASM f32", async () => {
    const reports = await gradcheck(programsOf(category), COMPARED);
    expect(reports.filter((report) => !passes(report)).flatMap(formatReport)).toEqual([]);
    for (const { name, rows } of reports) {
      const skipped = rows.reduce((sum, row) => sum + row.skipped, 0);
      if (specOf(category, name)?.smoothness === "smooth") expect([name, skipped]).toEqual([name, 0]);
      expect([name, rows.reduce((sum, row) => sum + row.checked, 0) > skipped]).toEqual([name, true]);
    }
  });
});
