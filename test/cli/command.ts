/** Commands as the command line runs them, for specs: what they print, in a folder of their own. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { afterAll } from "vitest";
import type { Output } from "../../src/cli/output.ts";
import { run } from "../../src/cli/run.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const plain = (text: string): string => text;

const PAINT: Output["paint"] = { error: plain, warning: plain, location: plain, caret: plain, hint: plain };

export const command = async (...args: readonly string[]): Promise<Ran> => {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await run(args, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    paint: PAINT,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
};

export interface Folder {
  readonly path: (name: string) => string;
  readonly write: (name: string, content: string) => string;
  readonly read: (name: string) => Buffer;
  /** The names of what is there, sorted; nothing if the folder is not there. */
  readonly list: (name?: string) => readonly string[];
}

/** A folder that is removed after the specs of the file. */
export const temporaryFolder = (): Folder => {
  const root = mkdtempSync(join(tmpdir(), "gradsmith-cli-"));
  afterAll(() => {
    rmSync(root, { recursive: true });
  });
  const path = (name: string): string => join(root, name);
  return {
    path,
    write: (name, content) => {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), content);
      return path(name);
    },
    read: (name) => readFileSync(path(name)),
    list: (name = ".") => {
      try {
        return readdirSync(path(name)).sort();
      } catch {
        return [];
      }
    },
  };
};

const RUNTIME = {
  "gradsmith/runtime": resolve("src/runtime/index.ts"),
  "gradsmith/runtime/threads": resolve("src/runtime/threads.ts"),
};

/** A copy of a built module beside it, whose runtime is this repository's. */
export const localCopy = (path: string): string => {
  const text = Object.entries(RUNTIME).reduce(
    (all, [name, file]) => all.replaceAll(JSON.stringify(name), JSON.stringify(file)),
    readFileSync(path, "utf8"),
  );
  const local = join(dirname(path), `local-${basename(path)}`);
  writeFileSync(local, text);
  return local;
};

export const importBuilt = async (path: string): Promise<unknown> =>
  await import(/* @vite-ignore */ localCopy(path));

export type Kernel = (args: object) => Readonly<Record<string, number | Float32Array | Float64Array>>;

export type Kernels = Readonly<Record<string, Kernel>>;

export const loadTypeScript = async (path: string): Promise<Kernels> => (await importBuilt(path)) as Kernels;

export const loadWasm = async (path: string): Promise<Kernels> => {
  const { load } = (await importBuilt(path)) as { readonly load: () => Promise<Kernels> };
  return load();
};
