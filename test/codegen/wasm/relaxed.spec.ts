/** Relaxed SIMD: a second module, which the loader takes where the engine has it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { build, type Rolldown } from "vite";
import { emitWasm } from "../../../codegen/wasm/emit.ts";
import { EMIT } from "../../../src/cli/build.ts";
import { createArena } from "../../../src/ir/index.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { compileModule, forward, toKernel } from "../../../src/pipeline.ts";

const kernelOf = (text: string): Kernel => {
  const module = compileModule({ name: "relaxed.grad", text });
  const [fn] = module.ok ? module.value.functions.values() : [];
  const ir = createArena();
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error(text);
  return toKernel(ir, forward(ir, program.value), { dtype: "f32" });
};

const product = kernelOf(
  "fn product(a: [32, 32], b: [32, 32]) { y[i, j] = sum[k](a[i, k] * b[k, j])  return y }",
);
const elementwise = kernelOf("fn f(x: [N]) { return exp(x) }");
const plain = kernelOf("fn f(x: [N]) { return abs(x) + x }");

/** `f32x4.relaxed_madd` */
const MADD = Buffer.from([0xfd, 0x85, 0x02]);

const folder = mkdtempSync(join(tmpdir(), "gradsmith-relaxed-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("relaxed SIMD", () => {
  it.each([
    ["a contraction", product, true],
    ["a polynomial", elementwise, true],
    ["what has no multiply-add", plain, false],
  ] as const)("in %s", async (_, kernel, expected) => {
    expect(Buffer.from(await emitWasm([kernel])).includes(MADD)).toBe(false);
    expect(Buffer.from(await emitWasm([kernel], { simd: "relaxed" })).includes(MADD)).toBe(expected);
  });

  it("is chosen by a probe, and rounds differently at most in the last places", async () => {
    const files = await EMIT.wasm([product], "product", { threads: "one", simd: "relaxed" });
    expect([...files.keys()].sort()).toEqual(["product.relaxed.wasm", "product.wasm", "product.wasm.ts"]);
    for (const [name, content] of files) writeFileSync(join(folder, name), content);
    writeFileSync(
      join(folder, "app.ts"),
      `import { hasRelaxedSimd } from "gradsmith/runtime";
import { load } from "./product.wasm.ts";
const a = Float32Array.from({ length: 1024 }, (_, k) => Math.sin(k));
const { product } = await load();
const y = product({ a, b: a }).y;
let error = 0;
for (let i = 0; i < 32; i++)
  for (let j = 0; j < 32; j++) {
    let sum = 0;
    for (let k = 0; k < 32; k++) sum += (a[32 * i + k] ?? 0) * (a[32 * k + j] ?? 0);
    error = Math.max(error, Math.abs(sum - (y[32 * i + j] ?? 0)));
  }
console.log(hasRelaxedSimd(), error < 1e-5);
`,
    );
    const { output } = (await build({
      root: folder,
      base: "./",
      logLevel: "silent",
      configFile: false,
      resolve: { alias: { "gradsmith/runtime": resolve("src/runtime/index.ts") } },
      build: {
        write: false,
        target: "es2022",
        assetsInlineLimit: 0,
        rolldownOptions: { input: join(folder, "app.ts") },
      },
    })) as Rolldown.RolldownOutput;
    for (const each of output)
      writeFileSync(
        join(folder, each.fileName.replace("assets/", "")),
        each.type === "chunk" ? each.code : each.source,
      );
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const entry = output.find((each) => each.type === "chunk");
    const run = (...flags: readonly string[]): string =>
      execFileSync(process.execPath, [...flags, join(folder, entry?.fileName.replace("assets/", "") ?? "")], {
        encoding: "utf8",
      });
    // without a flag since V8 11.4
    const isBehindFlag = Number(process.versions.node.split(".")[0]) < 22;
    expect(run()).toBe(`${!isBehindFlag} true\n`);
    if (isBehindFlag) expect(run("--experimental-wasm-relaxed-simd")).toBe("true true\n");
  });
});
