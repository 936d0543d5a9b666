/** Input that was not meant well: an error with a code, or a correct result. */
import { describe, expect, it } from "vitest";
import { compileModule } from "../../src/pipeline.ts";
import { command, loadTypeScript, loadWasm, temporaryFolder } from "./command.ts";

const folder = temporaryFolder();

/** Words of JavaScript, its globals, members of all objects, and names that generated modules use themselves. */
const NAMES =
  `constructor __proto__ prototype toString hasOwnProperty then class await eval Math Float32Array Float64Array
  arguments default undefined NaN Infinity globalThis Object let static yield async null this super delete void load out
  args into wasm options source Kernels Heap createKernel instantiate array shape dimension inferred output number exports
  require process length name f_args scratchBytes _ __`.split(/\s+/u);

const numbered = (write: (name: string, k: number) => string, names = NAMES): string =>
  names.map(write).join("");

const VALUES = Float64Array.of(1, 2, 3, 4);

/** The results of all kernels of a file whose name ends in neither `_grad` nor `_vjp`, on both back ends. */
const resultsOf = async (
  stem: string,
  text: string,
  args: object,
): Promise<readonly (readonly Readonly<Record<string, unknown>>[])[]> => {
  const file = folder.write(`${stem}.grad`, text);
  const target = ["--target", "ts,wasm-inline", "--dtype", "f64", "--out", folder.path("out")];
  const { code, err } = await command("build", file, ...target);
  expect([code, err]).toEqual([0, `[1/1] ${file}`]);
  const modules = [
    await loadTypeScript(folder.path(`out/${stem}.ts`)),
    await loadWasm(folder.path(`out/${stem}.wasm.ts`)),
  ];
  return modules.map((kernels) =>
    Object.entries(kernels)
      .filter(([name, kernel]) => typeof kernel === "function" && !/_(grad|vjp)(_\d+)?$/u.test(name))
      .map(([, kernel]) => kernel(args)),
  );
};

/** An output is called `out`, unless something else is. */
const onlyResult = (results: Readonly<Record<string, unknown>>): unknown => Object.values(results)[0];

describe("names that mean something in JavaScript", () => {
  it("name functions", async () => {
    const text = numbered((name) => `fn ${name}(x: [N]) { return sum(x^2) }\n`);
    for (const results of await resultsOf("functions", text, { x: VALUES })) {
      expect(results.map(onlyResult)).toEqual(NAMES.map(() => 30));
    }
  });

  it("name parameters", async () => {
    const text = numbered(
      (name, k) => `fn f${k}(${name}: [N]) { return sum(${name}^2) }\nderive f${k} { value() }\n`,
    );
    // what every object inherits has an underscore in the interface
    const args = Object.fromEntries(NAMES.flatMap((name) => [[name, VALUES], [`${name}_`, VALUES]])); // prettier-ignore
    for (const results of await resultsOf("parameters", text, { ...args, ___proto__: VALUES })) {
      expect(results.map(onlyResult)).toEqual(NAMES.map(() => 30));
    }
  });

  it("name options and dimensions", async () => {
    const text = numbered(
      (name, k) =>
        `fn f${k}(x: [N]; ${name} = 2) { return sum(x * ${name}) }\nfn g${k}(x: [${name}]) { return sum(x) * ${name} / 2 }\n`,
    );
    for (const results of await resultsOf("options", text, { x: VALUES })) {
      expect(results.map(onlyResult)).toEqual(NAMES.flatMap(() => [20, 20]));
    }
  });

  it("name definitions, and with them outputs", async () => {
    const text = numbered(
      (name, k) =>
        `fn f${k}(x: [N]) {\n  ${name}[i] = x[i]^2\n  z = sum(${name})\n  return ${name}, z\n}\nderive f${k} { value() }\n`,
    );
    for (const results of await resultsOf("definitions", text, { x: VALUES })) {
      expect(results.map(({ z }) => z)).toEqual(NAMES.map(() => 30));
      for (const result of results) {
        const [array] = Object.entries(result).filter(([name]) => name !== "z");
        expect(array?.[1]).toEqual(Float64Array.of(1, 4, 9, 16));
      }
    }
  });
});

describe("texts", () => {
  it("of comments cannot end the comment that they are put in", async () => {
    const doc = "ends */ here; `ticks` ${process.exit(1)} \\u002a/ </script> @param x {y}";
    const [results] = await resultsOf("comments", `/// ${doc}\n/// */\nfn f(x: [N]) { return sum(x) }\n`, {
      x: VALUES,
    });
    expect(results).toEqual([{ out: 10 }]);
  });

  it.each<readonly [string, string, string]>([
    ["a NUL", "fn f(x: [N]) { return sum(\0x) }\n", "GS0107"],
    ["a NUL in a comment", "/// nul \0 here\nfn f(x: [N]) { return sum(x) }\n", "GS0107"],
    ["a change of direction", "fn f(x: [N]) { return sum(x) } // \u202e x\n", "GS0107"],
    ["bytes of something else", "\u{fffd}\0\u0001ELF", "GS0107"],
    ["10,000 parentheses", `fn f(x) { return ${"(".repeat(10_000)}x${")".repeat(10_000)} }\n`, "GS0104"],
    ["10,000 parentheses never closed", `fn f(x) { return ${"(".repeat(10_000)}`, "GS0104"],
    ["10,000 minus signs", `fn f(x) { return ${"-".repeat(10_000)}x }\n`, "GS0104"],
    [
      "10,000 calls in each other",
      `fn f(x) { return ${"sin(".repeat(10_000)}x${")".repeat(10_000)} }\n`,
      "GS0104",
    ],
    ["a name of 100 kB", `fn f(x) { return ${"a".repeat(100_000)} }\n`, "GS0201"],
    ["garbage", `fn f(x) { return ${"@#".repeat(100_000)} }\n`, "GS0107"],
    ["an extent below zero", "fn f(x: [-1]) { return sum(x) }\n", "GS0307"],
    ["an extent beyond 32 bits", "fn f(x: [3000000000]) { return sum(x) }\n", "GS0307"],
  ])("%s are errors", async (_what, text, code) => {
    const { code: exit, err } = await command(
      "build",
      folder.write("bad.grad", text),
      "--out",
      folder.path("bad"),
    );
    expect(exit).toBe(1);
    expect(err).toContain(`error ${code}: `);
    expect(err.length).toBeLessThan(400_000);
    expect(folder.list("bad")).toEqual([]);
  });

  it("of arrays that no memory holds are errors", async () => {
    const file = folder.write("large.grad", "fn f(x: [N, 100000, 100000]) { return sum(x) }\n");
    const { code, err } = await command("build", file, "--out", folder.path("large"));
    expect(code).toBe(2);
    expect(err).toContain("x in f has at least 10000000000 elements");
  });

  it.each<readonly [string, string]>([
    ["nothing", ""],
    ["a comment of 1 MB in one line", `// ${"a".repeat(1_000_000)}\nfn f(x) { return x }\n`],
    ["1 MB of spaces", `fn f(x) { return ${" ".repeat(1_000_000)}x }\n`],
    ["a tower of powers", "fn f(x) { return 9^9^9^9 * x }\n"],
    ["a huge exponent", "fn f(x) { return 1e999999999 * x + x^1000000 }\n"],
    ["a byte order mark and CRLF", "\ufefffn f(x) {\r\n  y = x\r\n  return y\r\n}\r\n"],
    [
      "a sum of 10,000 terms",
      `fn f(x) { return ${Array.from({ length: 10_000 }, (_, k) => `${k} * x`).join(" + ")} }\n`,
    ],
    [
      "calls that double at each of 60 levels",
      Array.from(
        { length: 60 },
        (_, k) => `fn f${k + 1}(x) { return ${k === 0 ? "x" : `f${k}(x) + f${k}(x)`} }\n`,
      ).join(""),
    ],
  ])("%s check without errors", (_what, text) => {
    expect(compileModule({ name: "test.grad", text }).ok).toBe(true);
  });
});
