/** What the command line reads and writes. Nothing is written until everything is there to be written. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CheckContext } from "../check/index.ts";
import type { Source } from "../diagnostics/index.ts";
import { CommandError } from "./errors.ts";

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The text of a file without its byte order mark, which no editor counts as a column. */
const textOf = (path: string): string => readFileSync(path, "utf8").replace(/^\ufeff/u, "");

export const readSource = (path: string): Source => {
  try {
    return { name: path, text: textOf(path) };
  } catch (error) {
    throw new CommandError("GS0601", `cannot read ${path}: ${reason(error)}`);
  }
};

export const malformed = (path: string, problem: string): CommandError =>
  new CommandError("GS0605", `cannot use ${path}: ${problem}`);

/** Text of a file from some line on. */
export const parseJson = (text: string, path: string, line: number): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(path, `no JSON from line ${line} on: ${reason(error)}`);
  }
};

/** Imports are relative to the importing file. */
export const IMPORTS: CheckContext = {
  resolve: (path, from) => {
    const name = join(dirname(from), path);
    try {
      return { name, text: textOf(name) };
    } catch {
      return undefined; // the checker says so, at the import
    }
  },
};

const isFile = (path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isFile()) throw new Error(`${path} is there, and is not a file`);
  return true;
};

/** Puts staged files into their places; if one fails, what was there before is put back. */
const replaceAll = (staging: string, folder: string, names: Iterable<string>): void => {
  const undo: (() => void)[] = [];
  const move = (from: string, to: string): void => {
    renameSync(from, to);
    undo.push(() => {
      renameSync(to, from);
    });
  };
  try {
    for (const name of names) {
      const place = join(folder, name);
      if (isFile(place)) move(place, join(staging, `${name}.before`));
      move(join(staging, name), place);
    }
  } catch (error) {
    for (const step of undo.reverse()) step();
    throw error;
  }
};

/** All files, or none: written beside their places first, then renamed into them. */
export const writeAll = (folder: string, files: ReadonlyMap<string, string | Uint8Array>): void => {
  let [made, staging]: (string | undefined)[] = [];
  try {
    made = mkdirSync(folder, { recursive: true });
    staging = mkdtempSync(join(resolve(folder), ".writing-"));
    for (const [name, content] of files) writeFileSync(join(staging, name), content);
    replaceAll(staging, folder, files.keys());
    made = undefined;
  } catch (error) {
    throw new CommandError("GS0602", `cannot write to ${folder}: ${reason(error)}`);
  } finally {
    for (const left of [staging, made])
      if (left !== undefined) rmSync(left, { recursive: true, force: true });
  }
};
