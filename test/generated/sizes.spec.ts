/** The sizes of the ready-made kernels: what the README says of them, and their limit. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import ts from "typescript";
import { expect, it } from "vitest";

const files = readdirSync("generated", { recursive: true, encoding: "utf8" })
  .filter((name) => name.includes("/"))
  .sort();

/** As `npm run build` leaves it: without types, with comments. */
const contentOf = (name: string): Uint8Array => {
  const content = readFileSync(join("generated", name));
  if (!name.endsWith(".ts")) return content;
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  return Buffer.from(ts.transpileModule(content.toString(), { compilerOptions }).outputText);
};

interface Size {
  readonly raw: number;
  readonly gzipped: number;
}

/** In kB. */
const sizeOf = (names: readonly string[]): Size => {
  const contents = names.map(contentOf);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / 1000;
  return {
    raw: sum(contents.map(({ length }) => length)),
    gzipped: sum(contents.map((each) => gzipSync(each).length)),
  };
};

/** Bytes of a WebAssembly module. */
const LIMIT = 8192;

/**
 * Those that may be larger, and by how much: contractions in blocks have a loop for each kind of border, and these have several
 * that differ in more than extents and strides.
 */
const LARGER: ReadonlyMap<string, number> = new Map([
  ["layers/attention_causal.wasm", 10_500],
  ["layers/attention_masked.wasm", 9_000],
  ["layers/depthwise_separable_conv2d.wasm", 14_000],
  ["layers/multi_head_attention.wasm", 19_000],
]);

it("is at most 8 KB for each WebAssembly module, but a few", () => {
  const large = files
    .filter((name) => name.endsWith(".wasm"))
    .map((name) => ({ name, bytes: statSync(join("generated", name)).size }))
    .filter(({ name, bytes }) => bytes > (LARGER.get(name) ?? LIMIT));
  expect(large).toEqual([]);
});

const STATED = /`(\.[\w.]+)`(?: files)? have less than ([\d,]+) kB \(([\d,]+) kB gzipped/g;

const numberOf = (text: string | undefined): number => Number((text ?? "").replaceAll(",", ""));

it("is as the README says", () => {
  const stated = [...readFileSync("README.md", "utf8").replace(/\s+/g, " ").matchAll(STATED)];
  expect(stated.map(([, end]) => end)).toEqual([".wasm", ".wasm.js", ".js"]);
  for (const [, end = "", raw, gzipped] of stated) {
    const source = end.replace(/js$/, "ts");
    const size = sizeOf(
      files.filter((name) => name.endsWith(source) && (end !== ".js" || !name.endsWith(".wasm.ts"))),
    );
    const found = JSON.stringify({ end, ...size });
    for (const [bound, actual] of [
      [numberOf(raw), size.raw],
      [numberOf(gzipped), size.gzipped],
    ] as const) {
      expect(actual, found).toBeLessThan(bound);
      expect(actual, found).toBeGreaterThan(bound / 2);
    }
  }
});
