/** What the command line reads and writes. Nothing is written until everything is there to be written. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CheckContext } from "../check/index.ts";
import type { Source } from "../diagnostics/index.ts";
import { CommandError } from "./errors.ts";

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const readSource = (path: string): Source => {
  try {
    return { name: path, text: readFileSync(path, "utf8") };
  } catch (error) {
    throw new CommandError("GS0601", `cannot read ${path}: ${reason(error)}`);
  }
};

/** Imports are relative to the importing file. */
export const IMPORTS: CheckContext = {
  resolve: (path, from) => {
    const name = join(dirname(from), path);
    try {
      return { name, text: readFileSync(name, "utf8") };
    } catch {
      return undefined; // the checker says so, at the import
    }
  },
};

/** All files, or none: written beside their places first, then renamed into them. */
export const writeAll = (folder: string, files: ReadonlyMap<string, string | Uint8Array>): void => {
  let staging: string | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    staging = mkdtempSync(join(resolve(folder), ".writing-"));
    for (const [name, content] of files) writeFileSync(join(staging, name), content);
    for (const name of files.keys()) renameSync(join(staging, name), join(folder, name));
  } catch (error) {
    throw new CommandError("GS0602", `cannot write to ${folder}: ${reason(error)}`);
  } finally {
    if (staging !== undefined) rmSync(staging, { recursive: true, force: true });
  }
};
