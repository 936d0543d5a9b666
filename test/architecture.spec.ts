import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

/** Imports go from a folder to those on earlier lines (and within itself); `diff` and `simplify` share a line. */
const LAYERS: readonly (readonly string[])[] = [
  ["src/diagnostics"],
  ["src/syntax", "src/loop"],
  ["src/ir", "src/runtime"],
  ["src/check", "src/diff"],
  ["src/eval", "src/simplify", "src/library"],
  ["src/schedule", "src/explain"],
  ["codegen"],
  ["src/gradcheck"],
  ["src/derivation.ts"],
  ["src/pipeline.ts", "src/index.ts"],
  ["src/cli", "src/plugin"],
];

const files = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return path.endsWith(".ts") && !path.endsWith(".d.ts") ? [path] : [];
  });

const IMPORT = /(?:from|import)\s*\(?"([^"]+)"/g;

const importsOf = (file: string): readonly string[] =>
  [...readFileSync(file, "utf8").matchAll(IMPORT)].map((match) => match[1] ?? "");

const layerOf = (path: string): number =>
  LAYERS.findIndex((layer) => layer.some((place) => path === place || path.startsWith(`${place}/`)));

const all = [...files("src"), ...files("codegen")];

/** What a file loads as it starts: itself, and packages and files that it imports, but not `import()` nor types. */
const loaded = (file: string, found = new Set<string>()): ReadonlySet<string> => {
  found.add(file);
  const text = readFileSync(file, "utf8").replace(/^(?:import|export) type [^;]*;/gm, "");
  for (const [, target = ""] of text.matchAll(/^(?:import|export) (?:[^;]*? from )?"([^"]+)";/gm)) {
    const path = target.startsWith(".") ? normalize(join(dirname(file), target)) : target;
    if (found.has(path)) continue;
    if (path.endsWith(".ts")) loaded(path, found);
    else found.add(path);
  }
  return found;
};

const EMITTERS = /^(?:binaryen|ts-morph|prettier\b.*|codegen\/(?:typescript|wasm)\/.*)$/;

describe("the architecture", () => {
  it.each(["src/index.ts", "src/cli/main.ts", "src/cli/derive.ts"])("loads no emitter with %s", (file) => {
    const all = [...loaded(file)];
    expect(all).toContain("src/diagnostics/index.ts");
    expect(all.filter((path) => EMITTERS.test(path))).toEqual([]);
    expect([...loaded("codegen/typescript/index.ts")]).toEqual(
      expect.arrayContaining(["ts-morph", "prettier/standalone"]),
    );
  });

  it("has a layer for every file", () => {
    expect(all.filter((file) => layerOf(file) < 0)).toEqual([]);
  });

  it("imports one way", () => {
    const wrong = all.flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith("."))
        .map((target) => normalize(join(dirname(file), target)))
        .filter((target) => layerOf(target) > layerOf(file))
        .map((target) => `${file} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("keeps Node's modules out of what runs in a browser", () => {
    const browser = all.filter((file) => !file.startsWith("src/cli/") && !file.startsWith("src/plugin/"));
    const node = browser.filter((file) => importsOf(file).some((target) => target.startsWith("node:")));
    expect(node).toEqual([]);
  });
});
