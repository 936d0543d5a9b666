import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "vite";
import { beforeAll, describe, expect, it } from "vitest";
import { command, temporaryFolder } from "./command.ts";

const folder = temporaryFolder();
const main = folder.path("cli/main.js");

beforeAll(async () => {
  await build({ configFile: "command.config.ts", build: { outDir: folder.path(".") } });
});

/** What a file loads as it starts. */
const loaded = (file: string, found = new Set<string>()): ReadonlySet<string> => {
  found.add(file);
  for (const [, target = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export) .*?"([^"]+)";$/gm)) {
    const path = target.startsWith(".") ? join(dirname(file), target) : target;
    if (found.has(path)) continue;
    if (target.startsWith(".")) loaded(path, found);
    else found.add(path);
  }
  return found;
};

describe("the bundled command", () => {
  it("derives what the command does that it is made of, without any package", async () => {
    const args = ["derive", "examples/losses.grad", "focal_loss"];
    const out = execFileSync(process.execPath, [main, ...args], { encoding: "utf8" });
    expect(out.trimEnd()).toBe((await command(...args)).out.trimEnd());
    expect(out).toContain("focal_loss_grad");
  });

  it("loads few files to derive, and no scheduler", () => {
    const [, chunk = ""] = /import\("([^"]*derive[^"]*)"\)/.exec(readFileSync(main, "utf8")) ?? [];
    const all = [...new Set([...loaded(main), ...loaded(join(dirname(main), chunk))])];
    const own = all.filter((path) => path.startsWith(folder.path(".")));
    expect(own.length).toBeLessThan(8);
    expect(all.filter((path) => !own.includes(path) && !path.startsWith("node:"))).toEqual([]);
    const text = own.map((path) => readFileSync(path, "utf8")).join("");
    expect(text).toContain("// src/simplify/");
    expect(text).not.toContain("// src/schedule/");
  });
});
