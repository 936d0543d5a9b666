/** What `generated/` holds: the kernels of the library, one module per file and target, f32. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildOptions } from "./build.ts";

const LIBRARY = "src/library";

/** A spec builds it anew and compares the tree. */
export const generation = (folder: string): BuildOptions => ({
  files: readdirSync(LIBRARY)
    .filter((name) => name.endsWith(".grad"))
    .sort()
    .map((name) => join(LIBRARY, name)),
  folder,
  targets: ["ts", "wasm"],
  dtype: "f32",
  fixed: { dims: new Map(), options: new Map() },
});
