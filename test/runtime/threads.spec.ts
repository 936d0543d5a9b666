/** Pools of threads: shared by modules, refused where memory cannot be shared, bundled, and no reason to stay alive. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { build, type Rolldown } from "vite";
import { emitWasm } from "../../codegen/wasm/emit.ts";
import { runThreads } from "../../codegen/wasm/run.ts";
import { EMIT } from "../../src/cli/build.ts";
import { createArena } from "../../src/ir/index.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { compileModule, forward, toKernel } from "../../src/pipeline.ts";
import { instantiateThreads } from "../../src/runtime/threads.ts";
import { inParallel } from "../../src/schedule/parallel.ts";

const kernelOf = (text: string): Kernel => {
  const module = compileModule({ name: "pool.grad", text });
  const [fn] = module.ok ? module.value.functions.values() : [];
  const ir = createArena();
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error(text);
  return toKernel(ir, forward(ir, program.value), { dtype: "f32" });
};

const double = kernelOf("fn double(x: [N]) { return 2 * x }");
const total = kernelOf("fn total(x: [N]) { return sum(x) }");
const product = kernelOf(
  "fn product(a: [M, K], b: [K, N]) { y[i, j] = sum[k](a[i, k] * b[k, j])  return y }",
);
const scan = kernelOf("fn scan(x: [T]) { h[t] = x[t] + 0.5 * (h[t - 1] ?? 0)  return h }");

const x = Float32Array.from({ length: 3000 }, (_, k) => Math.sin(k));
const twice = x.map((value) => 2 * value);

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a pool", () => {
  it("is shared by modules on one heap, and called again and again", async () => {
    const first = await runThreads([double], { threads: 2, leastWork: 0 });
    const second = await runThreads([total], { heap: first.heap, threads: 2, leastWork: 0 });
    const want = second.kernels.get("total")?.({ x, N: 3000 });
    for (let k = 0; k < 50; k++) {
      expect(first.kernels.get("double")?.({ x, N: 3000 })).toEqual({ out: twice });
      expect(second.kernels.get("total")?.({ x, N: 3000 })).toEqual(want);
    }
    first.close();
    expect(first.kernels.get("double")?.({ x, N: 3000 })).toEqual({ out: twice });
  });

  it("has nothing to do for a recurrence", () => {
    expect(inParallel([scan]).parallel.size).toBe(0);
    expect(inParallel([double]).parallel.size).toBe(1);
  });
});

describe("where memory cannot be shared", () => {
  it.each([
    ["crossOriginIsolated", false, "Cross-Origin-Opener-Policy"],
    ["SharedArrayBuffer", undefined, "SharedArrayBuffer"],
  ])("%s: an error that says what to do, or one thread", async (name, value, hint) => {
    vi.stubGlobal(name, value);
    const { kernels, parallel } = inParallel([double]);
    const sources = { serial: await emitWasm(kernels), threads: await emitWasm(kernels, { parallel }) };
    const refused = instantiateThreads({ threads: 2 }, sources);
    await expect(refused).rejects.toMatchObject({ code: "GS0801" });
    await expect(refused).rejects.toThrow(hint);
    const serial = await instantiateThreads({ threads: 2, otherwise: "serial" }, sources);
    expect(serial.threads).toBe(1);
    const { kernels: run } = await runThreads([double], { otherwise: "serial" });
    expect(run.get("double")?.({ x, N: 3000 })).toEqual({ out: twice });
  });

  it("wants at least one thread", async () => {
    const nothing = { serial: "", threads: "" };
    await expect(instantiateThreads({ threads: 0 }, nothing)).rejects.toThrow("at least 1, but is 0");
  });
});

describe("an emitted module", () => {
  it("works in a bundle, whose process ends by itself, also with relaxed SIMD", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gradsmith-threads-"));
    try {
      for (const [name, content] of await EMIT["wasm-inline"]([product], "kernels", {
        threads: "several",
        simd: "relaxed",
      }))
        writeFileSync(join(folder, name), content);
      writeFileSync(
        join(folder, "app.ts"),
        `import { hasRelaxedSimd } from "gradsmith/runtime";
import { load } from "./kernels.wasm.ts";
const a = Float32Array.from({ length: 1369 }, (_, k) => Math.sin(k));
const several = await load({ threads: 2, leastWork: 0 });
const one = await load({ threads: 1 });
const dims = { M: 37, K: 37, N: 37 };
const [y, want] = [several, one].map(({ product }) => product({ a, b: a, ...dims }).y);
const rounded = a.reduce((sum, _, k) => Math.fround(sum + Math.fround((a[k] ?? 0) * (a[37 * k] ?? 0))), 0);
const isSame = y?.every((value, k) => value === want?.[k]);
console.log(several.threads, one.threads, hasRelaxedSimd(), isSame, Math.abs((y?.[0] ?? NaN) - rounded) < 1e-5);
`,
      );
      const { output } = (await build({
        root: folder,
        base: "./",
        logLevel: "silent",
        configFile: false,
        resolve: {
          alias: {
            "gradsmith/runtime/threads": resolve("src/runtime/threads.ts"),
            "gradsmith/runtime": resolve("src/runtime/index.ts"),
          },
        },
        build: { write: false, target: "es2022", rolldownOptions: { input: join(folder, "app.ts") } },
      })) as Rolldown.RolldownOutput;
      const base = (name: string): string => join(folder, name.replace("assets/", ""));
      for (const each of output)
        writeFileSync(base(each.fileName), each.type === "chunk" ? each.code : each.source);
      expect(output.map(({ fileName }) => fileName).filter((name) => name.includes("worker"))).toHaveLength(
        1,
      );
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      const entry = output.find((each) => each.type === "chunk" && each.isEntry);
      const run = (...flags: readonly string[]): string =>
        execFileSync(process.execPath, [...flags, base(entry?.fileName ?? "")], {
          encoding: "utf8",
          timeout: 60_000,
        });
      // without a flag since V8 11.4
      const isBehindFlag = Number(process.versions.node.split(".")[0]) < 22;
      expect(run()).toBe(`2 1 ${!isBehindFlag} true true\n`);
      if (isBehindFlag) expect(run("--experimental-wasm-relaxed-simd")).toBe("2 1 true true true\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
